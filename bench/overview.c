/* overview-1m: what the overview and the layers cost over a base of a million customers and 1.25
 * million orders, in process, beside SQLite alone walking the index that holds every order's
 * customer, time and money: what any way through the base would begin with. */
#include "bench.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "papilio.h"

#define ROUNDS 7
#define ORDER_MIN 500000

static char folder[] = "build/overview-XXXXXX", file[80];

static const struct {
    const char *name, *path, *query;
    double bar;
} cases[] = {
    {"overview-1m", "/api/overview", "", 1},
    {"overview-1m period", "/api/overview", "from_date=2026-01-01&to_date=2026-04-01", 1},
    {"overview-1m branch", "/api/overview", "channel_id=3", 1},
    {"overview-1m cohort", "/api/overview/cohort", "", 1},
    {"overview-1m rfm", "/api/rfm", "", 0},
    {"overview-1m matrix", "/api/layers/matrix", "", 1},
    {"overview-1m figures", "/api/layers/figures", "by=month", 0},
    {"overview-1m cell", "/api/layers/customers", "state=sleeping", 1},
};

/* ---- the base: who bought 0 to 5 times within two years -------------------------------------- */

/* clang-format off */
#define DICE(salt, sides) "((i * (48271 + " #salt " * 2654) % 2147483647 >> 7) % " #sides ")"

static const char base[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO channel (id, parent_id, code, name, kind, path, is_archived, created_ms)"
    " SELECT i, CASE WHEN i > 8 THEN i % 8 + 1 END, 'c' || i, '渠道 ' || i, 'store',"
    " CASE WHEN i > 8 THEN '/' || (i % 8 + 1) || '/' || i || '/' ELSE '/' || i || '/' END, 0, 0"
    " FROM n;"
    "CREATE TEMP TABLE who AS"
    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
    " SELECT i, max(0, " DICE(1, 12) " - 6) AS orders, 1000 + " DICE(2, 90000) " AS fen,"
    " 1711900800000 + " DICE(3, 700) " * 86400000 + " DICE(4, 86400) " * 1000 AS touched,"
    " " DICE(5, 40) " + 1 AS channel, " DICE(6, 4) " AS child, " DICE(7, 2500) " AS age,"
    " (10 + " DICE(8, 60) ") * 86400000 AS gap FROM n;"
    "INSERT INTO customer (id, customer_number, attributes, channel_id, is_family, touched_ms,"
    " added_ms, action_day, order_count, paid_fen, refunded_fen, first_order_ms, second_order_ms,"
    " last_order_ms, invited_count, created_ms, changed_ms, child_birth_day)"
    " SELECT i, i, '{}', channel, i % 50 = 0, touched, touched, touched / 86400000, orders,"
    " orders * fen, 0, CASE WHEN orders > 0 THEN touched END,"
    " CASE WHEN orders > 1 THEN touched + gap END,"
    " CASE WHEN orders > 0 THEN touched + (orders - 1) * gap END, 0, 0, 0,"
    " CASE WHEN child = 0 THEN 18000 + age END FROM who;"
    "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < 4)"
    " INSERT INTO shop_order (id, source, order_no, kind, status, customer_id, channel_id,"
    " placed_ms, is_counted, paid_fen, net_fen, refunded_fen, line_count, sale_line_count,"
    " created_ms, changed_ms)"
    " SELECT i * 8 + k, 's', i * 8 + k, 'sale', 'paid', i, channel, touched + k * gap, 1,"
    " fen, fen, 0, 1, 1, 0, 0 FROM who JOIN n ON k < orders;"
    "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, channel_id, subject_id,"
    " amount_fen) SELECT 1000 + id, 'order_paid', placed_ms, 0, customer_id, channel_id, id,"
    " paid_fen FROM shop_order; COMMIT; ANALYZE;";
/* clang-format on */

static struct app *base_open(void)
{
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder);
    if (app_open(arena_new((size_t)256 * 1024 * 1024), &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        abort();
    }
    return app;
}

static sqlite3 *base_make(void)
{
    char *why = NULL;
    sqlite3 *db;

    must(mkdtemp(folder) != NULL);
    snprintf(file, sizeof(file), "%s/papilio.db", folder);
    app_close(base_open());
    must(sqlite3_open(file, &db) == SQLITE_OK);
    if (sqlite3_exec(db, base, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA mmap_size = 1073741824", NULL, NULL, NULL);
    return db;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct app_call ask(struct app *app, struct arena *arena, size_t i)
{
    struct app_call call = {.method = HTTP_GET,
                            .path = str_of(cases[i].path),
                            .query = str_of(cases[i].query),
                            .is_local = true};

    app_request(app, arena, &call);
    if (call.status != 200)
        printf("%s: %d %.*s\n", cases[i].name, call.status, STR(call.reply));
    must(call.status == 200);
    return call;
}

static double walk_us(sqlite3 *db)
{
    static const char sql[] = "SELECT count(*), sum(paid_fen), max(placed_ms) FROM shop_order"
                              " INDEXED BY shop_order_by_customer"
                              " WHERE customer_id IS NOT NULL AND is_counted = 1";
    sqlite3_stmt *stmt;
    double start_us = bench_now_us();

    must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    must(sqlite3_step(stmt) == SQLITE_ROW);
    must(sqlite3_column_int64(stmt, 0) > ORDER_MIN);
    sqlite3_finalize(stmt);
    return bench_now_us() - start_us;
}

static void case_run(struct app *app, struct arena *arena, sqlite3 *db, size_t i)
{
    double ours[ROUNDS], walks[ROUNDS], ratios[ROUNDS];
    struct bench_row row = {
        .name = cases[i].name, .unit = "ms", .peer = "walk of the index", .bar = cases[i].bar};

    ask(app, arena, i);
    for (int round = 0; round < ROUNDS; round++) {
        double start_us = bench_now_us();
        ask(app, arena, i);
        ours[round] = (bench_now_us() - start_us) / 1000;
        walks[round] = walk_us(db) / 1000;
        ratios[round] = ours[round] / walks[round];
        arena_reset(arena);
    }
    row.value = bench_median(ours, ROUNDS);
    row.peer_value = bench_median(walks, ROUNDS);
    row.ratio = bench_median(ratios, ROUNDS);
    bench_row_print(&row);
}

int main(void)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024); /* as a request has */
    char command[80];
    double start_us;
    struct app *app;
    sqlite3 *db;

    if (!bench_wants("overview-1m"))
        return 0;
    db = base_make();
    app = base_open();
    start_us = bench_now_us();
    printf("%.*s\n", STR(ask(app, arena, 0).reply));
    printf("first answer, filling with it, after %.1f s\n", (bench_now_us() - start_us) / 1e6);
    arena_reset(arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        case_run(app, arena, db, i);
    sqlite3_close(db);
    app_close(app);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}
