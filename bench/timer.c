/* timer-drain: a million due timers, in timers a second with a handler that does nothing; with one
 * journal row each, beside the same statements written by hand in the same pages; and what a read
 * and a write over HTTP wait while a server drains, beside the same server with nothing due. */
#include "bench.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gen/kit.q.h"
#include "kit/app.h"
#include "kit/timer.h"

#ifndef TIMER_COUNT
#define TIMER_COUNT 1000000
#endif
#define HAND_PAGE 1024
#define ROUND_COUNT 3
#define LOAD_S 2
#define DRAIN_BAR_PER_S 50000.0
#define WRITE_BAR_MS 20.0

static char folder[64];

static const char *path_in(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* ---- an app with two kinds of timers, a read and a write ------------------------------------- */

static enum err empty_run(struct ctx *c, const struct timer *timer)
{
    (void)c;
    (void)timer;
    return OK;
}

static enum err journal_run(struct ctx *c, const struct timer *timer)
{
    struct event event;

    event_init(&event, c, "timer_done");
    event.subject_id = timer->key_id;
    return journal_emit(c, &event, 1);
}

static const struct timer_kind empty = {"empty", "空", "Empty", 0, empty_run};
static const struct timer_kind journal = {"journal", "流水", "Journal", 0, journal_run};
static const struct timer_kind *const timer_kinds[] = {&empty, &journal, NULL};

static enum err read_run(struct ctx *c, const void *in, void *out)
{
    struct q_meta_get_row row;

    (void)in;
    (void)out;
    return q_meta_get(c, S("bench"), &row);
}

static enum err write_run(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    return q_meta_set(c, S("bench"), str_fmt(c->arena, "%" PRId64, ctx_id(c)));
}

static const struct route routes[] = {
    {HTTP_GET, "/api/read", "public", NULL, NULL, read_run},
    {HTTP_POST, "/api/write", "public", NULL, NULL, write_run, .is_unaudited = true},
    {.path = NULL},
};
static const struct route *const tables[] = {routes, NULL};
static const struct role roles[] = {{.name = NULL}};
static const struct event_kind kinds[] = {
    {"timer_done", EVENT_FACT, .title_zh = "到点", .title_en = "Timer done"}, {.name = NULL}};
static const struct reaction reactions[] = {{NULL, NULL}};

static struct app *app_of(const char *base, const char *listen, struct arena *arena)
{
    struct app_config config = {.data = str_of(path_in(base)),
                                .listen = str_of(listen),
                                .routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .reactions = reactions,
                                .timer_kinds = timer_kinds};
    struct str why = {0};
    struct app *app;

    if (app_open(arena, &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        abort();
    }
    return app;
}

/* A base of its own with as many timers of the kind. */
static void base_make(const char *base, const char *kind, const char *due_ms)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    char sql[600];
    sqlite3 *db;

    app_close(app_of(base, NULL, arena));
    arena_free(arena);
    db = bench_hand_open(path_in(base), "papilio.db");
    snprintf(sql, sizeof(sql),
             "INSERT INTO meta (name, value) VALUES ('bench', '');"
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO timer (id, kind, key_id, due_ms, status, attempt_count, created_ms,"
             " changed_ms) SELECT i, '%s', i, %s, 'waiting', 0, 0, 0 FROM n",
             TIMER_COUNT, kind, due_ms);
    bench_hand_run(db, sql);
    sqlite3_close(db);
}

static int64_t number_of(const char *base, const char *sql)
{
    sqlite3 *db = bench_hand_open(path_in(base), "papilio.db");
    sqlite3_stmt *stmt = NULL;
    int64_t value;

    must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    must(sqlite3_step(stmt) == SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static void base_drop(const char *base)
{
    char command[200];

    snprintf(command, sizeof(command), "rm -rf %s", path_in(base));
    must(system(command) == 0);
}

/* ---- how many a second ----------------------------------------------------------------------- */

/* A round: on the wall's clock, and the CPU time of one timer, which a busy machine changes less.
 */
struct round {
    double per_s, cpu_us;
};

static struct round round_begin(void)
{
    return (struct round){bench_now_us(), bench_cpu_us(getpid())};
}

static struct round round_end(struct round start)
{
    return (struct round){TIMER_COUNT / ((bench_now_us() - start.per_s) / 1e6),
                          (bench_cpu_us(getpid()) - start.cpu_us) / TIMER_COUNT};
}

static struct round ours_round(const char *kind)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct round round;
    struct app *app;

    base_make("ours", kind, "i");
    app = app_of("ours", NULL, arena);
    round = round_begin();
    timer_await(app);
    round = round_end(round);
    app_close(app);
    arena_free(arena);
    must(number_of("ours", "SELECT count(*) FROM timer") == 0);
    must(number_of("ours", "SELECT count(DISTINCT subject_id) FROM journal") ==
         (strcmp(kind, "journal") == 0 ? TIMER_COUNT : 0));
    base_drop("ours");
    return round;
}

struct hand {
    sqlite3 *db;
    sqlite3_stmt *due, *journal, *drop;
    int64_t next_id;
};

static sqlite3_stmt *hand_prepare(struct hand *hand, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    must(sqlite3_prepare_v3(hand->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) ==
         SQLITE_OK);
    return stmt;
}

static void hand_open(struct hand *hand)
{
    *hand = (struct hand){.db = bench_hand_open(path_in("hand"), "papilio.db"), .next_id = 1};
    hand->due =
        hand_prepare(hand, "SELECT id, kind, key_id, due_ms, attempt_count, input FROM timer"
                           " WHERE status = 'waiting' AND due_ms <= ?1"
                           " ORDER BY due_ms, id LIMIT ?2");
    hand->journal =
        hand_prepare(hand, "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, subject_id)"
                           " VALUES (?1, 'timer_done', ?2, ?2, ?3)");
    hand->drop = hand_prepare(hand, "DELETE FROM timer WHERE id = ?1");
}

static void hand_close(struct hand *hand)
{
    sqlite3_finalize(hand->due);
    sqlite3_finalize(hand->journal);
    sqlite3_finalize(hand->drop);
    sqlite3_close(hand->db);
}

static int hand_page(struct hand *hand, int64_t now_ms)
{
    int64_t ids[HAND_PAGE];
    int count = 0;

    bench_hand_run(hand->db, "BEGIN IMMEDIATE");
    sqlite3_bind_int64(hand->due, 1, now_ms);
    sqlite3_bind_int(hand->due, 2, HAND_PAGE);
    while (sqlite3_step(hand->due) == SQLITE_ROW) {
        ids[count++] = sqlite3_column_int64(hand->due, 0);
        sqlite3_bind_int64(hand->journal, 1, hand->next_id++);
        sqlite3_bind_int64(hand->journal, 2, now_ms);
        sqlite3_bind_int64(hand->journal, 3, sqlite3_column_int64(hand->due, 2));
        must(sqlite3_step(hand->journal) == SQLITE_DONE);
        sqlite3_reset(hand->journal);
    }
    sqlite3_reset(hand->due);
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(hand->drop, 1, ids[i]);
        must(sqlite3_step(hand->drop) == SQLITE_DONE);
        sqlite3_reset(hand->drop);
    }
    bench_hand_run(hand->db, "COMMIT");
    return count;
}

static struct round hand_round(void)
{
    struct round round;
    struct hand hand;

    base_make("hand", "journal", "i");
    hand_open(&hand);
    round = round_begin();
    while (hand_page(&hand, (int64_t)(bench_now_us() / 1000)) > 0)
        ;
    round = round_end(round);
    hand_close(&hand);
    base_drop("hand");
    return round;
}

static void drain_bench(void)
{
    double empty_per_s[ROUND_COUNT], journal_per_s[ROUND_COUNT], by_hand[ROUND_COUNT],
        ratios[ROUND_COUNT];

    for (int i = 0; i < ROUND_COUNT; i++) {
        struct round nothing = ours_round("empty"), hand = hand_round(),
                     row = ours_round("journal");

        empty_per_s[i] = nothing.per_s;
        by_hand[i] = hand.per_s;
        journal_per_s[i] = row.per_s;
        ratios[i] = row.per_s / hand.per_s;
        printf("  empty %7.0f/s, %.1f us CPU a timer; with a journal row %7.0f/s, %.1f us; by hand "
               "%7.0f/s, %.1f us; ratio %.2f, of CPU time %.2f\n",
               nothing.per_s, nothing.cpu_us, row.per_s, row.cpu_us, hand.per_s, hand.cpu_us,
               ratios[i], hand.cpu_us / row.cpu_us);
        fflush(stdout);
    }
    bench_row_print(&(struct bench_row){
        .name = "timer-drain",
        .unit = "timers/s",
        .peer = "the bar",
        .value = bench_median(empty_per_s, ROUND_COUNT),
        .peer_value = DRAIN_BAR_PER_S,
        .ratio = bench_median(empty_per_s, ROUND_COUNT) / DRAIN_BAR_PER_S,
        .bar = 1,
        .is_at_least = true,
        .note = "1 M due timers, a handler that does nothing; median of 3 rounds",
    });
    bench_row_print(&(struct bench_row){
        .name = "timer-drain-journal",
        .unit = "timers/s",
        .peer = "the same statements by hand",
        .value = bench_median(journal_per_s, ROUND_COUNT),
        .peer_value = bench_median(by_hand, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = 0.6,
        .is_at_least = true,
        .note = "1 M due timers, a journal row each; by hand in pages of 1,024; median ratio of 3 "
                "rounds",
    });
}

/* ---- what others wait ------------------------------------------------------------------------ */

static void serve(int report, void *base)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct app *app;
    struct str why, address;
    int64_t port;

    bench_unpin();
    app = app_of(base, "127.0.0.1:0", arena);
    must(freopen("/dev/null", "w", stderr) != NULL); /* the log of slow requests */
    must(app_listen(app, &why) == OK);
    address = app_address(app);
    must(str_to_int(str_sub(address, sizeof("127.0.0.1:") - 1, address.len), &port));
    bench_report(report, (int)port);
    for (;;)
        pause();
}

struct waits {
    double read_ms, write_ms, drain_per_s;
};

static struct waits waits_of(const char *base, const char *due_ms)
{
    struct bench_child child;
    struct bench_load read, write;
    int64_t left_count;
    double start_us;

    base_make(base, "journal", due_ms);
    child = bench_start(serve, (void *)base);
    start_us = bench_now_us();
    read = bench_wrk(child.port, "/api/read", 1, LOAD_S, NULL);
    write = bench_wrk(child.port, "/api/write", 1, LOAD_S, path_in("write.lua"));
    left_count = number_of(base, "SELECT count(*) FROM timer");
    start_us = bench_now_us() - start_us;
    must(left_count > 0); /* it drained to the end of the load */
    bench_stop(child);
    must(read.bad_count + write.bad_count == 0);
    base_drop(base);
    return (struct waits){read.p99_ms, write.p99_ms,
                          (double)(TIMER_COUNT - left_count) * 1e6 / start_us};
}

static void script_write(void)
{
    FILE *file = fopen(path_in("write.lua"), "w");

    must(file != NULL);
    fputs(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = '{}'\n",
        file);
    fclose(file);
}

static void wait_bench(void)
{
    double idle_ms[ROUND_COUNT], read_ms[ROUND_COUNT], write_ms[ROUND_COUNT], ratios[ROUND_COUNT];

    script_write();
    for (int i = 0; i < ROUND_COUNT; i++) {
        struct waits idle = waits_of("idle", "9000000000000");
        struct waits busy = waits_of("busy", "i");

        idle_ms[i] = idle.read_ms;
        read_ms[i] = busy.read_ms;
        write_ms[i] = busy.write_ms;
        ratios[i] = busy.read_ms / idle.read_ms;
        printf("  p99 idle: read %.2f ms, write %.2f ms; draining %.0f/s: read %.2f ms, write %.2f "
               "ms\n",
               idle.read_ms, idle.write_ms, busy.drain_per_s, busy.read_ms, busy.write_ms);
        fflush(stdout);
    }
    bench_row_print(&(struct bench_row){
        .name = "timer-drain-read",
        .unit = "ms p99",
        .peer = "the same with nothing due",
        .value = bench_median(read_ms, ROUND_COUNT),
        .peer_value = bench_median(idle_ms, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = 3,
        .note = "a read over HTTP while 1 M timers drain; one connection; median ratio of 3 rounds",
    });
    bench_row_print(&(struct bench_row){
        .name = "timer-drain-write",
        .unit = "ms p99",
        .peer = "the bar",
        .value = bench_median(write_ms, ROUND_COUNT),
        .peer_value = WRITE_BAR_MS,
        .ratio = bench_median(write_ms, ROUND_COUNT) / WRITE_BAR_MS,
        .bar = 1,
        .note = "a write over HTTP while 1 M timers drain; one connection; median of 3 rounds",
    });
}

int main(void)
{
    bool is_rate = bench_wants("timer-drain") || bench_wants("timer-drain-journal");
    bool is_wait = bench_wants("timer-drain-read") || bench_wants("timer-drain-write");

    if (!is_rate && !is_wait)
        return 0;
    snprintf(folder, sizeof(folder), "/tmp/papilio-bench-XXXXXX");
    must(mkdtemp(folder) != NULL);
    if (is_rate)
        drain_bench();
    if (is_wait)
        wait_bench();
    base_drop("");
    return 0;
}
