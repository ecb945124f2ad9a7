/* event-single, event-batch and http-get-customer: the whole way through socket, gate, writer and
 * database, each beside its limit of the same run. Rounds are interleaved. The base has 20,000
 * customers with two identities and three tags each. */
#include "bench.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gen/tag.q.h"
#include "gen/write_key.q.h"
#include "manage/customer/customer.h"
#include "manage/event/event.h"
#include "manage/staff/staff.h"
#include "papilio.h"

#ifndef CUSTOMER_COUNT
#define CUSTOMER_COUNT 20000
#endif
#define PAGE 500
#define ROUND_COUNT 5
#define ROUND_S 2
#define CONNECTION_COUNT 64
#define HAND_GROUP 100 /* events of one commit by hand */
#define HAND_COUNT 20000
#define BATCH 100
#define WANTED_COUNT 1000 /* customers asked for: what people look at just now */
#define BATCH_CONNECTIONS 64
#define KEY_TEXT "pk_bench"

static char folder[64];
static struct str session; /* token of a signed-in admin */
static int64_t ids[CUSTOMER_COUNT];

static const char *path_in(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* ---- the base -------------------------------------------------------------------------------- */

static enum err staff_step(struct ctx *c, void *user)
{
    struct staff_setup setup = {S("admin"), S("Admin"),         password_hash(c->arena, S("-")),
                                S("Bench"), S("Asia/Shanghai"), S("CNY")};
    int64_t staff_id, changed_count;
    struct str csrf;

    TRY(staff_setup_run(c, &setup, &staff_id));
    TRY(session_begin(c, staff_id, &csrf));
    *(struct str *)user = c->session_token;
    for (int64_t i = 1; i <= 3; i++) {
        struct q_tag_add_in tag = {.id = i,
                                   .family = S("intent"),
                                   .name = str_fmt(c->arena, "tag %d", (int)i),
                                   .color = S("#2563eb"),
                                   .group_id = NONE};
        TRY(q_tag_add(c, &tag, &changed_count));
    }
    return q_write_key_add(c, ctx_id(c), S(KEY_TEXT), S("bench"), &changed_count);
}

static enum err customer_make(struct ctx *c, int64_t number, int64_t *id)
{
    struct customer_ref ref = {S("shop:bench"), str_fmt(c->arena, "%d", (int)number)};
    struct customer_new n;
    struct q_customer_tag_on_in tags[3];

    customer_new_init(&n);
    n.refs = &ref;
    n.ref_count = 1;
    n.name = str_fmt(c->arena, "客户 %d", (int)number);
    n.phone = str_fmt(c->arena, "139%08d", (int)number);
    n.region = S("上海");
    TRY(customer_add(c, &n, id));
    for (int64_t i = 0; i < 3; i++)
        tags[i] = (struct q_customer_tag_on_in){*id, i + 1};
    return q_customer_tag_on(c, tags, 3, NULL);
}

static enum err customers_step(struct ctx *c, void *user)
{
    int64_t from = *(int64_t *)user;

    for (int64_t i = from; i < from + PAGE; i++)
        TRY(customer_make(c, i, &ids[i]));
    return OK;
}

static void run_step(struct app *app, app_command *step, void *user)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct fault fault = {0};

    if (app_write(app, arena, step, user, &fault) != OK) {
        fprintf(stderr, "%s %.*s\n", fault.code, STR(fault.message));
        abort();
    }
    if (user == &session)
        session = str_of(strndup(session.at, session.len));
    arena_free(arena);
}

static struct app *base_open(const char *listen)
{
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder);
    config.listen = str_of(listen);
    if (app_open(arena_new((size_t)256 * 1024 * 1024), &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        abort();
    }
    return app;
}

/* In a folder of its own, for a fresh state in every benchmark; hand.db is a copy for the work by
 * hand. */
static void base_make(void)
{
    struct app *app;
    char command[200];

    snprintf(folder, sizeof(folder), "/tmp/papilio-bench-XXXXXX");
    must(mkdtemp(folder) != NULL);
    app = base_open(NULL);
    run_step(app, staff_step, &session);
    for (int64_t i = 0; i < CUSTOMER_COUNT; i += PAGE)
        run_step(app, customers_step, &i);
    app_close(app);
    snprintf(command, sizeof(command), "cp %s/papilio.db %s/hand.db", folder, folder);
    must(system(command) == 0);
}

static void base_drop(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    must(system(command) == 0);
}

static int port_of(struct str address)
{
    int64_t port = 0;
    size_t at = address.len;

    while (at > 0 && address.at[at - 1] != ':')
        at--;
    must(str_to_int(str_sub(address, at, address.len), &port));
    return (int)port;
}

static void serve(int report, void *unused)
{
    struct app *app = base_open("127.0.0.1:0");
    struct str why;

    (void)unused;
    must(freopen("/dev/null", "w", stderr) != NULL); /* the log of slow requests */
    must(app_listen(app, &why) == OK);
    bench_report(report, port_of(app_address(app)));
    for (;;)
        pause();
}

/* ---- the load -------------------------------------------------------------------------------- */

static void script_write(const char *name, const char *text)
{
    FILE *file = fopen(path_in(name), "w");

    must(file != NULL);
    fputs(text, file);
    fclose(file);
}

/* A round's ids differ from every other's: the time is in them. */
#define LUA_HEAD                                                                                   \
    "local seq = 0\nlocal mark = tostring(os.time()) .. tostring({}):sub(8)\n"                     \
    "wrk.method = 'POST'\nwrk.headers['X-Write-Key'] = '" KEY_TEXT "'\n"                           \
    "wrk.headers['Content-Type'] = 'application/json'\n"                                           \
    "local function event(kind)\n seq = seq + 1\n"                                                 \
    " return '{\"message_id\":\"' .. mark .. seq .. '\",\"kind\":\"' .. kind .. "                  \
    "'\",\"customer\":'"                                                                           \
    " .. '{\"kind\":\"shop:bench\",\"value\":\"' .. math.random(0, 19999) .. '\"}}'\nend\n"

static const char single_lua[] =
    LUA_HEAD "function request() return wrk.format(nil, nil, nil, event('friend_removed')) end\n";

static const char batch_lua[] = LUA_HEAD
    "function request()\n local all = {}\n"
    " for i = 1, 100 do all[i] = event('friend_removed') end\n"
    " return wrk.format(nil, nil, nil, '{\"events\":[' .. table.concat(all, ',') .. ']}')\nend\n";

static double round_us(struct bench_child child, const char *path, const char *script,
                       struct bench_load *load)
{
    int connections = strcmp(script, "batch.lua") == 0 ? BATCH_CONNECTIONS : CONNECTION_COUNT;
    double before_us = bench_cpu_us(child.pid);

    *load = bench_wrk(child.port, path, connections, ROUND_S, path_in(script));
    must(load->bad_count == 0);
    return (bench_cpu_us(child.pid) - before_us) / (double)load->request_count;
}

static struct str reply_text(const char *body)
{
    return str_of(strdup(body));
}

/* ---- by hand --------------------------------------------------------------------------------- */

struct hand {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *seen, *message, *journal;
    char (*hashes)[32];
    int64_t hash_count, next_id;
};

static sqlite3_stmt *hand_prepare(struct hand *hand, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v3(hand->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        fprintf(stderr, "%s\n", sqlite3_errmsg(hand->db));
    must(stmt != NULL);
    return stmt;
}

static void hand_hashes(struct hand *hand)
{
    sqlite3_stmt *stmt =
        hand_prepare(hand, "SELECT value_hash FROM identity WHERE kind = 'shop:bench'");

    hand->hashes = calloc(CUSTOMER_COUNT, sizeof(hand->hashes[0]));
    while (sqlite3_step(stmt) == SQLITE_ROW)
        memcpy(hand->hashes[hand->hash_count++], sqlite3_column_blob(stmt, 0), 32);
    sqlite3_finalize(stmt);
    must(hand->hash_count == CUSTOMER_COUNT);
}

static void hand_open(struct hand *hand)
{
    *hand = (struct hand){.next_id = INT64_C(1000) * (int64_t)bench_now_us()};
    must(sqlite3_open(path_in("hand.db"), &hand->db) == SQLITE_OK);
    must(sqlite3_exec(hand->db,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536",
                      NULL, NULL, NULL) == SQLITE_OK);
    hand->begin = hand_prepare(hand, "BEGIN IMMEDIATE");
    hand->commit = hand_prepare(hand, "COMMIT");
    hand->seen =
        hand_prepare(hand, "SELECT i.customer_id, c.action_day, c.touched_ms FROM identity "
                           "i JOIN customer c ON c.id = i.customer_id WHERE i.kind = ?1 "
                           "AND i.value_hash = ?2");
    hand->message = hand_prepare(hand, "INSERT INTO message (message_hash, arrived_ms) VALUES (?1, "
                                       "?2) ON CONFLICT (message_hash) DO NOTHING");
    hand->journal = hand_prepare(
        hand, "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, channel_id, "
              "subject_id, amount_fen, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    hand_hashes(hand);
}

static void hand_step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);

    must(rc == SQLITE_DONE || rc == SQLITE_ROW);
}

static void hand_journal(struct hand *hand, int64_t customer_id)
{
    int64_t now_ms = (int64_t)(bench_now_us() / 1000);

    sqlite3_bind_int64(hand->journal, 1, hand->next_id++);
    sqlite3_bind_text(hand->journal, 2, "friend_removed", -1, SQLITE_STATIC);
    sqlite3_bind_int64(hand->journal, 3, now_ms);
    sqlite3_bind_int64(hand->journal, 4, now_ms);
    sqlite3_bind_int64(hand->journal, 5, customer_id);
    hand_step(hand->journal);
    sqlite3_reset(hand->journal);
}

static void hand_event(struct hand *hand)
{
    int64_t customer_id;
    uint8_t message[16];

    sqlite3_bind_text(hand->seen, 1, "shop:bench", -1, SQLITE_STATIC);
    sqlite3_bind_blob(hand->seen, 2, hand->hashes[random() % CUSTOMER_COUNT], 32, SQLITE_STATIC);
    hand_step(hand->seen);
    customer_id = sqlite3_column_int64(hand->seen, 0);
    sqlite3_reset(hand->seen);
    random_bytes(message, sizeof(message));
    sqlite3_bind_blob(hand->message, 1, message, sizeof(message), SQLITE_STATIC);
    sqlite3_bind_int64(hand->message, 2, 1);
    hand_step(hand->message);
    sqlite3_reset(hand->message);
    hand_journal(hand, customer_id);
}

/* Events by hand in groups; the CPU time of one. */
static void hand_groups(struct hand *hand, int count, int group, bool is_journal_only)
{
    for (int i = 0; i < count; i += group) {
        hand_step(hand->begin);
        sqlite3_reset(hand->begin);
        for (int j = 0; j < group; j++)
            if (is_journal_only)
                hand_journal(hand, ids[random() % CUSTOMER_COUNT]);
            else
                hand_event(hand);
        hand_step(hand->commit);
        sqlite3_reset(hand->commit);
    }
}

/* ---- event-single ---------------------------------------------------------------------------- */

static double hand_round_us(struct hand *hand)
{
    double before_us = bench_cpu_us(getpid());

    hand_groups(hand, HAND_COUNT, HAND_GROUP, false);
    return (bench_cpu_us(getpid()) - before_us) / HAND_COUNT;
}

static const char bare_answer[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 04:13:28 GMT\r\nContent-Type: application/json\r\n"
    "Content-Length: 54\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: same-origin\r\n\r\n"
    "{\"accepted_count\":1,\"duplicate_count\":0,\"rejected\":[]}";

static void single_bench(void)
{
    double ours_us[ROUND_COUNT], limit_us[ROUND_COUNT], ratios[ROUND_COUNT];
    struct str answer = reply_text(bare_answer);
    struct bench_child ours, bare;
    struct bench_load load;
    struct hand hand;
    static char note[200];

    base_make();
    script_write("single.lua", single_lua);
    ours = bench_start(serve, NULL);
    bare = bench_start(bench_bare_loop, &answer);
    for (int i = 0; i < ROUND_COUNT; i++) {
        double bare_us = round_us(bare, "/api/v1/events", "single.lua", &load);
        ours_us[i] = round_us(ours, "/api/v1/events", "single.lua", &load);
        hand_open(&hand);
        limit_us[i] = bare_us + hand_round_us(&hand);
        sqlite3_close_v2(hand.db);
        ratios[i] = ours_us[i] / limit_us[i];
        printf("  bare %5.2f + by hand %5.2f = %5.2f us; ours %5.2f us CPU an event, %.0f/s, p99 "
               "%.1f ms, ratio %.2f\n",
               bare_us, limit_us[i] - bare_us, limit_us[i], ours_us[i], load.per_s, load.p99_ms,
               ratios[i]);
    }
    bench_stop(ours);
    bench_stop(bare);
    snprintf(note, sizeof(note),
             "64 connections; groups of 100 by hand; fdatasync %.0f us; median "
             "ratio of 5 rounds",
             bench_fsync_us(folder));
    base_drop();
    bench_row_print(&(struct bench_row){
        .name = "event-single",
        .unit = "us CPU/event",
        .peer = "bare loop + statements by hand",
        .value = bench_least(ours_us, ROUND_COUNT),
        .peer_value = bench_least(limit_us, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = 2,
        .note = note,
    });
}

/* ---- event-batch ----------------------------------------------------------------------------- */

static double hand_rows_per_s(struct hand *hand, int group)
{
    double start_us = bench_now_us();

    hand_groups(hand, HAND_COUNT * 2, group, true);
    return HAND_COUNT * 2 / ((bench_now_us() - start_us) / 1e6);
}

static void batch_bench(void)
{
    double ours[ROUND_COUNT], raw[ROUND_COUNT], ratios[ROUND_COUNT];
    struct bench_child child;
    struct bench_load load;
    struct hand hand;
    static char note[200];

    base_make();
    script_write("batch.lua", batch_lua);
    child = bench_start(serve, NULL);
    for (int i = 0; i < ROUND_COUNT; i++) {
        double cpu_us = round_us(child, "/api/v1/events", "batch.lua", &load);
        ours[i] = load.per_s * BATCH;
        hand_open(&hand);
        raw[i] = hand_rows_per_s(&hand, BATCH);
        sqlite3_close_v2(hand.db);
        ratios[i] = ours[i] / raw[i];
        printf("  raw insert %8.0f rows/s; ours %8.0f rows/s, %.1f us CPU a row, p99 %.1f ms, "
               "ratio %.2f\n",
               raw[i], ours[i], cpu_us / BATCH, load.p99_ms, ratios[i]);
    }
    bench_stop(child);
    snprintf(note, sizeof(note),
             "raw: prepared INSERT into journal, commits of 100 with FULL; "
             "fdatasync %.0f us; median ratio of 5 rounds",
             bench_fsync_us(folder));
    base_drop();
    bench_row_print(&(struct bench_row){
        .name = "event-batch",
        .unit = "rows/s",
        .peer = "raw prepared INSERT",
        .value = bench_median(ours, ROUND_COUNT),
        .peer_value = bench_median(raw, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = 0.5,
        .is_at_least = true,
        .note = note,
    });
}

/* ---- http-get-customer ----------------------------------------------------------------------- */

static void customer_script(void)
{
    FILE *file = fopen(path_in("customer.lua"), "w");

    must(file != NULL);
    fprintf(file, "wrk.headers['Cookie'] = 'papilio_session=%.*s'\nlocal ids = {", STR(session));
    for (int i = 0; i < WANTED_COUNT; i++)
        fprintf(file, "'%" PRId64 "',", ids[i]);
    fputs("}\nfunction request() return wrk.format('GET', '/api/customers/' .. "
          "ids[math.random(#ids)]) end\n",
          file);
    fclose(file);
}

static size_t fetched(int port, char *text, size_t size)
{
    char command[400];
    FILE *out;
    size_t len;

    snprintf(
        command, sizeof(command),
        "curl -si -H 'Cookie: papilio_session=%.*s' http://127.0.0.1:%d/api/customers/%" PRId64,
        STR(session), port, ids[0]);
    out = popen(command, "r");
    must(out != NULL);
    len = fread(text, 1, size, out);
    must(pclose(out) == 0);
    must(len > 200);
    return len;
}

static void customer_bench(void)
{
    static char text[8192], note[200];
    double ours_us[ROUND_COUNT], bare_us[ROUND_COUNT], ratios[ROUND_COUNT];
    struct bench_child ours, bare;
    struct bench_load load;
    struct str answer;

    base_make();
    customer_script();
    ours = bench_start(serve, NULL);
    answer = (struct str){text, fetched(ours.port, text, sizeof(text))};
    bare = bench_start(bench_bare_loop, &answer);
    for (int i = 0; i < ROUND_COUNT; i++) {
        bare_us[i] = round_us(bare, "/", "customer.lua", &load);
        ours_us[i] = round_us(ours, "/", "customer.lua", &load);
        ratios[i] = ours_us[i] / bare_us[i];
        printf("  bare %5.2f us; ours %5.2f us CPU a request, %.0f/s, p99 %.1f ms, ratio %.2f\n",
               bare_us[i], ours_us[i], load.per_s, load.p99_ms, ratios[i]);
    }
    bench_stop(ours);
    bench_stop(bare);
    snprintf(note, sizeof(note),
             "4 statements (session, customer, identities, tags), 1,000 of 20,000 customers, %zu "
             "bytes; median ratio of 5 rounds",
             answer.len);
    base_drop();
    bench_row_print(&(struct bench_row){
        .name = "http-get-customer",
        .unit = "us CPU/request",
        .peer = "bare epoll loop, same bytes",
        .value = bench_least(ours_us, ROUND_COUNT),
        .peer_value = bench_least(bare_us, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = 5,
        .note = note,
    });
}

int main(void)
{
    if (bench_wants("event-single"))
        single_bench();
    if (bench_wants("event-batch"))
        batch_bench();
    if (bench_wants("http-get-customer"))
        customer_bench();
    return 0;
}
