/* engine-ingest: behaviours of known customers, durable over HTTP by batches of 100: the whole way
 * through socket, decoding, identities, message ids and the commit. The base has 20,000 customers
 * who were here before. What was acknowledged is counted in the base at the end. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gen/write_key.q.h"
#include "manage/staff/staff.h"
#include "papilio.h"

#define CUSTOMER_COUNT 20000
#define BATCH 100
#define CONNECTION_COUNT 32
#define ROUND_COUNT 5
#define ROUND_US 2e6
#define KEY_TEXT "pk_bench"
#define BAR 300000
#define ID_DIGITS 16
#define REQUEST_MAX 65536

static char folder[64];

/* ---- the base -------------------------------------------------------------------------------- */

static enum err base_step(struct ctx *c, void *user)
{
    struct staff_setup setup = {S("admin"), S("Admin"),         password_hash(c->arena, S("-")),
                                S("Bench"), S("Asia/Shanghai"), S("CNY")};
    int64_t staff_id, changed_count;

    (void)user;
    TRY(staff_setup_run(c, &setup, &staff_id));
    return q_write_key_add(c, ctx_id(c), S(KEY_TEXT), S("bench"), &changed_count);
}

static struct app *base_open(const char *listen)
{
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder);
    config.listen = str_of(listen);
    if (app_open(arena_new((size_t)1 << 30), &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        abort();
    }
    return app;
}

static void serve(int report, void *unused)
{
    struct app *app = base_open("127.0.0.1:0");
    struct str why, address;
    int64_t port = 0;

    (void)unused;
    bench_unpin();
    must(freopen("/dev/null", "w", stderr) != NULL);
    must(app_listen(app, &why) == OK);
    address = app_address(app);
    while (address.len > 0 && !str_to_int(address, &port))
        address = str_sub(address, 1, address.len);
    bench_report(report, (int)port);
    for (;;)
        pause();
}

/* ---- the load -------------------------------------------------------------------------------- */

struct line {
    int fd;
    bool is_waiting;
    char request[REQUEST_MAX];
    size_t len;
    char *ids[BATCH]; /* where the digits of each message id stand */
};

static uint64_t next_id = UINT64_C(0x1000000000000000);

static void line_write(struct line *line, int first_customer)
{
    static char body[REQUEST_MAX];
    size_t places[BATCH], len = 0, head;

    len += (size_t)snprintf(body, sizeof(body), "{\"events\":[");
    for (int i = 0; i < BATCH; i++) {
        int customer = (first_customer + i * (CUSTOMER_COUNT / BATCH)) % CUSTOMER_COUNT;
        len +=
            (size_t)snprintf(body + len, sizeof(body) - len, "%s{\"message_id\":\"", i ? "," : "");
        places[i] = len;
        len += (size_t)snprintf(body + len, sizeof(body) - len,
                                "%016d\",\"kind\":\"product_viewed\",\"customer\":{\"kind\":"
                                "\"shop:bench\",\"value\":\"%d\"},\"properties\":"
                                "{\"product_code\":\"P%04d\",\"price_fen\":%d}}",
                                0, customer, customer % 1000, 100 * (customer % 500));
    }
    len += (size_t)snprintf(body + len, sizeof(body) - len, "]}");
    head = (size_t)snprintf(line->request, sizeof(line->request),
                            "POST /api/v1/events HTTP/1.1\r\nHost: bench\r\nX-Write-Key: " KEY_TEXT
                            "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                            len);
    must(head + len < REQUEST_MAX);
    memcpy(line->request + head, body, len);
    line->len = head + len;
    for (int i = 0; i < BATCH; i++)
        line->ids[i] = line->request + head + places[i];
}

static void line_open(struct line *line, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    line->fd = socket(AF_INET, SOCK_STREAM, 0);
    must(line->fd >= 0 && connect(line->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static void line_send(struct line *line)
{
    for (int i = 0; i < BATCH; i++) {
        uint64_t id = next_id++;
        for (int digit = ID_DIGITS - 1; digit >= 0; digit--, id >>= 4)
            line->ids[i][digit] = "0123456789abcdef"[id & 15];
    }
    for (size_t sent = 0; sent < line->len;) {
        ssize_t count = send(line->fd, line->request + sent, line->len - sent, MSG_NOSIGNAL);
        must(count > 0);
        sent += (size_t)count;
    }
    line->is_waiting = true;
}

static void line_take(struct line *line)
{
    char answer[4096];
    size_t len = 0;

    do {
        ssize_t count = recv(line->fd, answer + len, sizeof(answer) - len - 1, 0);
        must(count > 0);
        len += (size_t)count;
        answer[len] = 0;
    } while (!strstr(answer, "\"rejected\":"));
    if (!strstr(answer, "\"accepted_count\":100,\"duplicate_count\":0")) {
        fprintf(stderr, "%s\n", answer);
        abort();
    }
    line->is_waiting = false;
}

/* Events acknowledged a second. */
static double round_per_s(struct line *lines, int64_t *sent_count, double round_us)
{
    double start_us = bench_now_us();
    int64_t count = 0;

    while (bench_now_us() - start_us < round_us) {
        for (int i = 0; i < CONNECTION_COUNT; i++) {
            if (lines[i].is_waiting)
                line_take(&lines[i]);
            line_send(&lines[i]);
            count += BATCH;
        }
    }
    for (int i = 0; i < CONNECTION_COUNT; i++)
        line_take(&lines[i]);
    *sent_count += count;
    return (double)count / ((bench_now_us() - start_us) / 1e6);
}

/* Everybody was here before, three times: made, found, known. */
static void people_come(struct line *line, int64_t *sent_count)
{
    for (int i = 0; i < 3 * CUSTOMER_COUNT / BATCH; i++) {
        line_write(line, i % (CUSTOMER_COUNT / BATCH));
        line_send(line);
        line_take(line);
        *sent_count += BATCH;
    }
}

static int64_t stored_count(void)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *sum;
    int64_t count;

    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db,
                            "SELECT (SELECT coalesce(sum(event_count), 0) FROM behaviour_page) + "
                            "(SELECT count(*) FROM journal WHERE kind = 'product_viewed')",
                            -1, &sum, NULL) == SQLITE_OK);
    must(sqlite3_step(sum) == SQLITE_ROW);
    count = sqlite3_column_int64(sum, 0);
    sqlite3_finalize(sum);
    sqlite3_close(db);
    return count;
}

int main(void)
{
    static struct line lines[CONNECTION_COUNT];
    double per_s[ROUND_COUNT], cpu_us[ROUND_COUNT];
    struct bench_child child;
    int64_t sent_count = 0;
    static char note[300];
    char command[128];
    struct arena *arena = arena_new((size_t)1 << 28);
    struct app *app;

    if (!bench_wants("engine-ingest"))
        return 0;
    snprintf(folder, sizeof(folder), "/tmp/papilio-bench-XXXXXX");
    must(mkdtemp(folder) != NULL);
    app = base_open(NULL);
    must(app_write(app, arena, base_step, NULL, NULL) == OK);
    app_close(app);
    child = bench_start(serve, NULL);
    line_open(&lines[0], child.port);
    people_come(&lines[0], &sent_count);
    for (int i = 0; i < CONNECTION_COUNT; i++) {
        if (i > 0)
            line_open(&lines[i], child.port);
        line_write(&lines[i], i * 613);
    }
    (void)round_per_s(lines, &sent_count, ROUND_US);
    for (int i = 0; i < ROUND_COUNT; i++) {
        double before_us = bench_cpu_us(child.pid);
        int64_t before_count = sent_count;
        per_s[i] = round_per_s(lines, &sent_count, ROUND_US);
        cpu_us[i] = (bench_cpu_us(child.pid) - before_us) / (double)(sent_count - before_count);
        printf("  %8.0f events/s, %.2f us CPU an event\n", per_s[i], cpu_us[i]);
    }
    bench_stop(child);
    must(stored_count() == sent_count);
    snprintf(note, sizeof(note),
             "%d connections, batches of %d, engine following; %.2f us CPU an event of all the "
             "server's threads; fdatasync %.0f us; median of %d rounds",
             CONNECTION_COUNT, BATCH, bench_median(cpu_us, ROUND_COUNT), bench_fsync_us(folder),
             ROUND_COUNT);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    must(system(command) == 0);
    bench_row_print(&(struct bench_row){
        .name = "engine-ingest",
        .unit = "events/s",
        .peer = "the bar",
        .value = bench_median(per_s, ROUND_COUNT),
        .peer_value = BAR,
        .ratio = bench_median(per_s, ROUND_COUNT) / BAR,
        .bar = 1,
        .is_at_least = true,
        .note = note,
    });
    return 0;
}
