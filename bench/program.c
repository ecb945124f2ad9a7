/* The program over a base of a million customers with all their behaviours, in the folder that
 * PROGRAM_FOLDER names; without that setting it does nothing. program-start: from the start of a
 * server to the first answer over HTTP that rests on every event. program-fill: the same without
 * the engine's files. program-memory: what the server holds besides what is mapped, when it
 * answered. ENGINE_CUSTOMERS=1000000 for 100 M events: 25 GB of disk, and half an hour the first
 * time. */
#include "bench.h"
#include "engine_data.h"
#include "many_base.h"

#include "host/clock.h"
#include "host/file.h"
#include "kit/behaviour.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEAN 100
#define STEP 50000 /* events a commit */
#define VARIANTS 2000
#define ROUNDS 3
#define QUESTION                                                                                   \
    "{\"query\":{\"version\":1,\"ask\":\"segment\",\"who\":{\"did\":{\"kind\":\"product_viewed\"," \
    "\"within\":{\"last\":{\"days\":90}}},\"at_least\":3}}}"

static const char *folder;

/* ---- the base: what happened ----------------------------------------------------------------- */

struct filling {
    struct data data;
    int64_t *ids;     /* of customers, by number */
    int64_t begin_ms; /* of the year */
    const char *kinds[DATA_KINDS];
    struct str properties[DATA_KINDS][VARIANTS];
    size_t from, to; /* of the step */
    bool is_due;     /* there is an index to be made */
};

static struct str properties_of(struct arena *arena, int kind, int i)
{
    switch (kind) {
    case DATA_VIEW:
    case DATA_CART:
        return str_fmt(arena, "{\"product_code\":\"P%04d\",\"price_fen\":%d}", i, 100 * i);
    case DATA_MESSAGE:
        return S("{\"carrier\":\"wecom\"}");
    case DATA_CLICK:
        return str_fmt(arena, "{\"url\":\"https://shop.example/p/%d\",\"label\":\"more\"}", i);
    default:
        return str_fmt(arena, "{\"url\":\"https://shop.example/p/%d\",\"duration_ms\":%d}", i, i);
    }
}

static void words_make(struct filling *filling, struct arena *arena)
{
    for (int kind = 0; kind < DATA_KINDS; kind++) {
        filling->kinds[kind] = kind == DATA_VIEW      ? "product_viewed"
                               : kind == DATA_CART    ? "added_to_cart"
                               : kind == DATA_MESSAGE ? "message_replied"
                               : kind == DATA_CLICK   ? "link_clicked"
                                                      : "page_viewed";
        for (int i = 0; i < VARIANTS; i++)
            filling->properties[kind][i] = properties_of(arena, kind, i);
    }
}

static enum err page_write(struct ctx *c, struct behaviour *events, int64_t count)
{
    uint64_t messages[BEHAVIOUR_PAGE_MAX];

    for (int64_t i = 0; i < count; i++)
        messages[i] = ((uint64_t)c->now_ms * 1000003 + (uint64_t)i) * UINT64_C(0x9E3779B97F4A7C15);
    return behaviour_add(c, events, count,
                         (struct str){(const char *)messages, (size_t)count * sizeof(*messages)});
}

/* Orders are no behaviours: they are written by hand behind all of these. */
static enum err events_step(struct ctx *c, void *user)
{
    const struct filling *filling = user;
    struct behaviour page[BEHAVIOUR_PAGE_MAX];
    int64_t count = 0;

    for (size_t i = filling->from; i < filling->to; i++) {
        const struct data_event *event = &filling->data.events[i];

        if (event->kind == DATA_ORDER)
            continue;
        page[count++] = (struct behaviour){
            .occurred_ms = filling->begin_ms + INT64_C(1000) * event->second,
            .customer_id = filling->ids[event->customer + 1],
            .customer_number = event->customer + 1,
            .channel_id = 1 + event->channel % 40,
            .kind = str_of(filling->kinds[event->kind]),
            .properties = filling->properties[event->kind][i % VARIANTS],
        };
        if (count == BEHAVIOUR_PAGE_MAX) {
            TRY(page_write(c, page, count));
            count = 0;
        }
    }
    return page_write(c, page, count);
}

static enum err index_step(struct ctx *c, void *user)
{
    struct filling *filling = user;
    struct behaviour_index index;

    TRY(behaviour_index_make(c, &index));
    filling->is_due = index.is_due;
    return index.is_due ? behaviour_index_write(c, &index) : OK;
}

static void run(struct app *app, struct arena *arena, app_command *step, void *user)
{
    struct fault fault = {0};

    arena_reset(arena);
    if (app_write(app, arena, step, user, &fault) == OK)
        return;
    fprintf(stderr, "%s %.*s\n", fault.code, STR(fault.message));
    exit(1);
}

/* The clock goes with what happens: ids and arrivals are of then. */
static void behaviours_make(struct filling *filling)
{
    struct app *app = many_open((struct str){0});
    struct arena *arena = arena_new((size_t)1 << 28);

    for (size_t at = 0; at < filling->data.count; at = filling->to) {
        filling->from = at;
        filling->to = at + STEP < filling->data.count ? at + STEP : filling->data.count;
        clock_simulate(filling->begin_ms +
                       INT64_C(1000) * filling->data.events[filling->to - 1].second);
        run(app, arena, events_step, filling);
        filling->is_due = true;
        while (filling->is_due)
            run(app, arena, index_step, filling);
    }
    app_close(app);
    arena_free(arena);
}

/* ---- the base: orders ------------------------------------------------------------------------ */

static struct sqlite3 *hand_open(void)
{
    struct sqlite3 *db;

    must(sqlite3_open(many_path(), &db) == SQLITE_OK);
    return db;
}

static void customers_read(struct filling *filling)
{
    struct sqlite3 *db = hand_open();
    sqlite3_stmt *all;

    filling->ids = calloc(MANY_COUNT + 1, sizeof(*filling->ids));
    must(filling->ids != NULL);
    must(sqlite3_prepare_v2(db, "SELECT customer_number, id FROM customer", -1, &all, NULL) ==
         SQLITE_OK);
    while (sqlite3_step(all) == SQLITE_ROW) {
        must(sqlite3_column_int64(all, 0) <= MANY_COUNT);
        filling->ids[sqlite3_column_int64(all, 0)] = sqlite3_column_int64(all, 1);
    }
    sqlite3_finalize(all);
    sqlite3_close(db);
}

static void order_add(const struct filling *filling, sqlite3_stmt *add, size_t at)
{
    const struct data_event *event = &filling->data.events[at];
    int64_t ms = filling->begin_ms + INT64_C(1000) * event->second,
            values[] = {ctx_id_at(ms) + (255 << 14) + (int64_t)(at % 16384),
                        ms,
                        filling->ids[event->customer + 1],
                        1 + event->channel % 40,
                        (int64_t)at,
                        event->amount};

    for (int i = 0; i < (int)ARRAY_LEN(values); i++)
        sqlite3_bind_int64(add, i + 1, values[i]);
    must(sqlite3_step(add) == SQLITE_DONE);
    sqlite3_reset(add);
}

static void orders_make(const struct filling *filling)
{
    struct sqlite3 *db = hand_open();
    sqlite3_stmt *add;

    bench_hand_run(db, "BEGIN");
    must(sqlite3_prepare_v2(db,
                            "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, "
                            "channel_id, subject_id, amount_fen) VALUES (?1, 'order_paid', ?2, ?2, "
                            "?3, ?4, ?5, ?6)",
                            -1, &add, NULL) == SQLITE_OK);
    for (size_t i = 0; i < filling->data.count; i++)
        if (filling->data.events[i].kind == DATA_ORDER)
            order_add(filling, add, i);
    sqlite3_finalize(add);
    bench_hand_run(db, "COMMIT");
    sqlite3_close(db);
}

static struct str in_folder(struct arena *arena, const char *name)
{
    return str_fmt(arena, "%s/%s", folder, name);
}

/* Customers a year ago, then the year. */
static void base_make(struct arena *arena)
{
    struct filling *filling = arena_new_one(arena, struct filling);
    double start_us = bench_now_us();

    filling->begin_ms = clock_now_ms() - INT64_C(1000) * DATA_NOW;
    clock_simulate(filling->begin_ms);
    app_close(many_open((struct str){0}));
    customers_read(filling);
    words_make(filling, arena);
    data_make(&filling->data, data_customers(), MEAN);
    behaviours_make(filling);
    orders_make(filling);
    clock_simulate(NONE);
    data_free(&filling->data);
    free(filling->ids);
    must(file_write(in_folder(arena, "filled"), S(""), 0600) == OK);
    printf("made in %.0f s: %.1f GB\n", (bench_now_us() - start_us) / 1e6,
           (double)file_bytes(str_of(many_path())) / 1e9);
}

/* ---- a server -------------------------------------------------------------------------------- */

static void serve(int report, void *unused)
{
    struct app *app = many_open(S("127.0.0.1:0"));
    struct str why, address;
    int64_t port = 0;
    sigset_t ends;
    int which;

    (void)unused;
    bench_unpin();
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    must(pthread_sigmask(SIG_BLOCK, &ends, NULL) == 0);
    must(app_listen(app, &why) == OK);
    must(freopen("/dev/null", "w", stderr) != NULL); /* it tells of every 503 */
    address = app_address(app);
    while (address.len > 0 && !str_to_int(address, &port))
        address = str_sub(address, 1, address.len);
    bench_report(report, (int)port);
    sigwait(&ends, &which);
    app_close(app);
    _exit(0);
}

static void server_end(struct bench_child child)
{
    int status;

    must(kill(child.pid, SIGTERM) == 0);
    must(waitpid(child.pid, &status, 0) == child.pid && status == 0);
}

static int line_open(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

/* The answer's status; its text until the next call. */
static int ask(int port, char **text)
{
    static char answer[65536];
    char request[2048];
    int fd = line_open(port), status;
    size_t len = 0;
    ssize_t got;

    snprintf(request, sizeof(request),
             "POST /api/audience/count HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
             "Cookie: papilio_session=%.*s\r\nX-CSRF-Token: %.*s\r\nContent-Type: "
             "application/json\r\nContent-Length: %zu\r\n\r\n" QUESTION,
             STR(many_session), STR(many_csrf), strlen(QUESTION));
    must(send(fd, request, strlen(request), 0) == (ssize_t)strlen(request));
    while ((got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = 0;
    close(fd);
    *text = answer;
    must(sscanf(answer, "HTTP/1.1 %d", &status) == 1);
    return status;
}

/* Seconds from the start to the answer. */
static double started_s(struct bench_child *child)
{
    double start_us = bench_now_us();
    char *text;
    int status;

    *child = bench_start(serve, NULL);
    while ((status = ask(child->port, &text)) == 503)
        usleep(2000);
    if (status != 200) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return (bench_now_us() - start_us) / 1e6;
}

/* A line of the process's status, in MB. */
static double status_mb(pid_t pid, const char *name)
{
    char path[64], line[128];
    long kb = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    must(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            must(sscanf(line + strlen(name), ": %ld kB", &kb) == 1);
    fclose(file);
    return (double)kb / 1024;
}

/* ---- the rows -------------------------------------------------------------------------------- */

static void print(const char *name, const char *unit, double value, double bar, const char *note)
{
    struct bench_row row = {.name = name,
                            .unit = unit,
                            .peer = bar > 0 ? "the limit" : "itself",
                            .value = value,
                            .peer_value = bar > 0 ? bar : value,
                            .ratio = bar > 0 ? value / bar : 1,
                            .bar = bar > 0 ? 1 : 0,
                            .note = note};

    bench_row_print(&row);
}

static void bench_fill(struct arena *arena)
{
    struct bench_child child;
    double took_s, cpu_s;

    must(folder_remove(in_folder(arena, "engine")) == OK);
    took_s = started_s(&child);
    cpu_s = bench_cpu_us(child.pid) / 1e6;
    print("program-fill", "s", took_s, 0,
          str_fmt(arena, "%.0f s CPU; at most %.0f MB held, mapped files with them", cpu_s,
                  status_mb(child.pid, "VmHWM"))
              .at);
    server_end(child);
}

/* What the system keeps of the files is dropped, as after the machine's start. */
static void make_cold(const char *path)
{
    struct arena *arena = arena_new((size_t)1 << 24);
    struct list names;

    must(folder_list(arena, str_of(path), 100000, &names) == OK);
    for (int64_t i = 0; i < names.count; i++) {
        struct str name = str_fmt(arena, "%s/%.*s", path, STR(((struct str *)names.at)[i]));
        int fd = open(name.at, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            continue;
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    arena_free(arena);
}

static void bench_start_row(struct arena *arena)
{
    double took_s[ROUNDS], cold_s, held_mb, mapped_mb;
    struct bench_child child;

    for (int round = -1; round < ROUNDS; round++) { /* the first one brings the files in */
        took_s[round < 0 ? 0 : round] = started_s(&child);
        if (round + 1 < ROUNDS)
            server_end(child);
    }
    held_mb = status_mb(child.pid, "RssAnon") + status_mb(child.pid, "RssShmem");
    mapped_mb = status_mb(child.pid, "RssFile");
    server_end(child);
    make_cold(folder);
    make_cold(in_folder(arena, "engine").at);
    cold_s = started_s(&child);
    server_end(child);
    print("program-start", "s", bench_median(took_s, ROUNDS), 2,
          str_fmt(arena, "%d customers, %u00 events; with no file in memory %.2f s", MANY_COUNT,
                  data_customers(), cold_s)
              .at);
    print("program-memory", "MB", held_mb, 400,
          str_fmt(arena, "and %.0f MB of mapped files", mapped_mb).at);
}

int main(void)
{
    struct arena *arena = arena_new((size_t)1 << 26);

    folder = many_folder = getenv("PROGRAM_FOLDER");
    if (folder == NULL || (!bench_wants("program-fill") && !bench_wants("program-start") &&
                           !bench_wants("program-memory")))
        return 0;
    must(folder_make(str_of(folder)) == OK);
    if (!file_exists(in_folder(arena, "filled")))
        base_make(arena);
    app_close(many_open((struct str){0})); /* a session to ask with */
    if (bench_wants("program-fill"))
        bench_fill(arena);
    if (bench_wants("program-start") || bench_wants("program-memory"))
        bench_start_row(arena);
    arena_free(arena);
    return 0;
}
