/* engine-feed: a journal of a million events and its customers into an empty engine, as after a
 * restore or when the engine's files were lost; until the first answer. Beside SQLite by hand that
 * reads the same rows and does nothing with them.
 */
#include "bench.h"

#include "host/file.h"
#include "manage/audience/audience.h"
#include "papilio.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1000000
#define CUSTOMERS 50000
#define ROUNDS 3

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
/* Ten kinds of events, every tenth an order with an amount; pages and products by name. */
static const char *const fill[] = {
    "INSERT INTO channel (id, parent_id, code, name, kind, path, is_archived, created_ms) "
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
    "SELECT i, NULL, 'c' || i, 'c' || i, 'ad', '/' || i || '/', 0, 0 FROM n",
    "INSERT INTO customer (id, customer_number, attributes, region, is_family, touched_ms, "
    "order_count, paid_fen, refunded_fen, invited_count, created_ms, changed_ms) "
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " TEXT(
        CUSTOMERS) ") "
                   "SELECT 1000 + i, i, '{\"size\":\"M\"}', 'r' || i % 30, 0, 1700000000000, i % "
                   "5, i * 100, 0, "
                   "0, 0, 0 FROM n",
    "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, channel_id, subject_id, "
    "amount_fen, properties) "
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " TEXT(
        EVENTS) ") "
                "SELECT 1000000 + i, CASE i % 10 WHEN 0 THEN 'order_paid' WHEN 1 THEN "
                "'product_viewed' "
                "WHEN 2 THEN 'added_to_cart' ELSE 'page_viewed' END, 1700000000000 + i * 20000, 0, "
                "1001 + (i * 7919) % " TEXT(
                    CUSTOMERS) ", 1 + i % 20, "
                               "CASE WHEN i % 10 = 0 THEN i END, CASE WHEN i % 10 = 0 THEN i % "
                               "90000 END, "
                               "CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 < 3 THEN "
                               "'{\"product_code\":\"p' || i % 500 || '\"}' ELSE "
                               "'{\"url\":\"https://shop.example/' || i % 2000 || "
                               "'\",\"duration_ms\":1200}' END FROM n",
};

/* Of all threads: what else the machine does does not count. */
static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static char folder[] = "/tmp/papilio-bench-XXXXXX";
static struct app_config config;

static struct app *opened(struct arena *arena)
{
    struct str why = {0};
    struct app *app;

    if (app_open(arena, &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        exit(1);
    }
    return app;
}

static void base_make(void)
{
    struct arena *arena = arena_new(SIZE_MAX / 2);
    struct sqlite3 *db;
    char path[64];

    app_close(opened(arena));
    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        bench_hand_run(db, fill[i]);
    sqlite3_close(db);
    arena_free(arena);
}

static enum err ask_step(struct ctx *c, void *user)
{
    struct audience_moment moment;

    TRY(audience_hold(c, &moment));
    *(uint64_t *)user = snapshot_seq(moment.moment.events);
    audience_release(&moment);
    return OK;
}

static double feed_us(bool is_lost)
{
    struct arena *arena = arena_new(SIZE_MAX / 2), *scratch = arena_new(SIZE_MAX / 2);
    uint64_t seq = 0;
    struct app *app;
    double start_us;

    if (is_lost)
        must(folder_remove(str_fmt(arena, "%s/engine", folder)) == OK);
    app = opened(arena);
    start_us = cpu_us();
    while (app_read(app, scratch, ask_step, &seq, NULL) != OK) /* it waits a little itself */
        arena_reset(scratch);
    start_us = cpu_us() - start_us;
    must(seq == EVENTS);
    app_close(app);
    arena_free(scratch);
    arena_free(arena);
    return start_us;
}

static double hand_us(void)
{
    struct sqlite3 *db;
    sqlite3_stmt *stmt;
    double start_us = cpu_us();
    char path[64];
    int64_t count = 0;

    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db,
                            "SELECT j.id, j.kind, j.occurred_ms, j.channel_id, j.subject_id, "
                            "j.amount_fen, j.properties, c.customer_number FROM journal j "
                            "LEFT JOIN customer c ON c.id = j.customer_id ORDER BY j.id",
                            -1, &stmt, NULL) == SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        count += sqlite3_column_int64(stmt, 0) != 0 && sqlite3_column_text(stmt, 1) != NULL &&
                 sqlite3_column_bytes(stmt, 6) >= 0 && sqlite3_column_int64(stmt, 7) > 0;
    must(count == EVENTS);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return cpu_us() - start_us;
}

int main(void)
{
    double fed[ROUNDS], hand[ROUNDS], ratio[ROUNDS], again[ROUNDS], fed_s, hand_s;

    if (!bench_wants("engine-feed"))
        return 0;
    must(mkdtemp(folder) != NULL);
    config = papilio_config;
    config.data = str_of(folder);
    base_make();
    for (int i = 0; i < ROUNDS; i++) {
        hand[i] = hand_us();
        fed[i] = feed_us(true);
        again[i] = feed_us(false);
        ratio[i] = fed[i] / hand[i];
    }
    fed_s = bench_median(fed, ROUNDS) / 1e6;
    hand_s = bench_median(hand, ROUNDS) / 1e6;
    bench_row_print(&(struct bench_row){.name = "engine-feed",
                                        .unit = "events/CPU s",
                                        .peer = "SQLite by hand reads the rows",
                                        .value = EVENTS / fed_s,
                                        .peer_value = EVENTS / hand_s,
                                        .ratio = bench_median(ratio, ROUNDS),
                                        .note = "an empty engine, until the first answer; of "
                                                "50,000 customers"});
    bench_row_print(&(struct bench_row){.name = "engine-feed-again",
                                        .unit = "CPU ms",
                                        .peer = "made from the journal",
                                        .value = bench_median(again, ROUNDS) / 1e3,
                                        .peer_value = fed_s * 1e3,
                                        .ratio = bench_median(again, ROUNDS) / 1e6 / fed_s,
                                        .note = "a start that finds its files, until the first "
                                                "answer"});
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
