/* list-1m: the list of customers over a base of a million, in process: the first page, each filter
 * (segments and the engine's answers too) and the worst of them together, page and count, beside a
 * bare walk of the same index by SQLite.
 */
#include "bench.h"
#include "many_base.h"

#include "manage/audience/audience.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 7
#define FIRST_MS 100
#define FILTER_MS 300

static const struct {
    const char *query;
    int bar_ms;
} cases[] = {
    {"", FIRST_MS},
    {"sort=last_order", FIRST_MS},
    {"sort=paid", FIRST_MS},
    {"sort=orders", FIRST_MS},
    {"state=never", FILTER_MS},
    {"state=lost&sort=paid", FILTER_MS},
    {"state=never&sort=paid", FILTER_MS},
    {"state=never&sort=last_order", FILTER_MS},
    {"state=sleeping&sort=orders", FILTER_MS},
    {"stage=active", FILTER_MS},
    {"stage=loyal&sort=last_order", FILTER_MS},
    {"stage=sharing&sort=paid", FILTER_MS},
    {"channel_id=3", FILTER_MS},
    {"channel_id=12&sort=paid", FILTER_MS},
    {"owner_id=17", FILTER_MS},
    {"org_id=9&sort=orders", FILTER_MS},
    {"is_unowned=true", FILTER_MS},
    {"life_stage_number=1", FILTER_MS},
    {"is_blocked=true&sort=paid", FILTER_MS},
    {"from_date=2025-06-01&to_date=2026-06-01", FILTER_MS},
    {"order_from_date=2026-01-01&order_to_date=2026-02-01&sort=paid", FILTER_MS},
    {"paid_min_fen=400000&sort=last_order", FILTER_MS},
    {"tag_id=1", FILTER_MS},
    {"tag_id=1&sort=paid", FILTER_MS},
    {"tag_id=1&tag2_id=2", FILTER_MS},
    {"tag_id=1&tag2_id=2&sort=paid", FILTER_MS},
    {"tag_id=1&state=lost&channel_id=3&sort=paid", FILTER_MS},
    {"state=repeat&stage=active&channel_id=3&org_id=9&life_stage_number=1&sort=paid", FILTER_MS},
    {"state=once&stage=referred&sort=orders", FILTER_MS},
    {"segment_id=1", FIRST_MS},
    {"segment_id=1&sort=paid", FILTER_MS},
    {"segment_id=2&state=lost&sort=paid", FILTER_MS},
    {"who={\"tag\":[\"1\"]}", FIRST_MS},
    {"who={\"tag\":[\"1\"]}&sort=paid", FIRST_MS},
    {"who={\"tag\":[\"1\"]}&state=lost&channel_id=3&sort=paid", FILTER_MS},
    {"who={\"tag\":[\"12\"]}&sort=orders", FILTER_MS},
    {"who={\"attribute\":\"customer_number\",\"below\":3000}&sort=orders", FIRST_MS},
    {"search=%E5%BC%A0", FILTER_MS},
    {"search=%E5%BC%A0&state=lost&sort=paid", FILTER_MS},
    {"search=4321", FILTER_MS},
    {"search=zzzz", FILTER_MS},
};

static struct app_call ask(struct app *app, struct arena *arena, const char *query)
{
    struct app_call call = {.method = HTTP_GET,
                            .path = S("/api/customers"),
                            .query = str_of(query),
                            .cookie = many_session,
                            .csrf = many_csrf};

    app_request(app, arena, &call);
    if (call.status != 200)
        printf("%s: %d %.*s\n", query, call.status, STR(call.reply));
    must(call.status == 200);
    return call;
}

static void search_await(struct app *app, struct arena *arena)
{
    double start_us = bench_now_us();

    for (;;) {
        struct app_call call = ask(app, arena, "search=zzzzzz");
        if (str_find(call.reply, S("\"is_search_ready\":true")) >= 0)
            break;
        usleep(50000);
        arena_reset(arena);
    }
    printf("a million names read in %.1f s\n", (bench_now_us() - start_us) / 1e6);
}

/* The limit: the same index, counted by SQLite alone. */
static double bare_us(sqlite3 *db)
{
    static const char sql[] = "SELECT count(*) FROM customer WHERE deleted_ms IS NULL AND "
                              "merged_into_id IS NULL AND touched_ms >= 0";
    sqlite3_stmt *stmt;
    double start_us = bench_now_us();

    must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    must(sqlite3_step(stmt) == SQLITE_ROW);
    must(sqlite3_column_int64(stmt, 0) == MANY_COUNT);
    sqlite3_finalize(stmt);
    return bench_now_us() - start_us;
}

static int64_t total_of(struct arena *arena, struct str reply)
{
    struct json json;

    must(json_parse(arena, reply, &json, NULL) == OK);
    return json_get(&json, "total_count")->integer;
}

static void case_run(struct app *app, struct arena *arena, sqlite3 *db, size_t i)
{
    double ours[ROUNDS], bare[ROUNDS], most = 0;
    char name[160];
    struct bench_row row = {.name = name, .unit = "ms", .peer = "bar", .bar = 1};
    int64_t total_count = 0;

    for (int round = -1; round < ROUNDS; round++) {
        double start_us = bench_now_us();
        struct app_call call = ask(app, arena, cases[i].query);
        double us = bench_now_us() - start_us;
        if (round < 0)
            total_count = total_of(arena, call.reply);
        else {
            ours[round] = us / 1000;
            most = us / 1000 > most ? us / 1000 : most;
            bare[round] = bare_us(db) / 1000;
        }
        arena_reset(arena);
    }
    snprintf(name, sizeof(name), "list-1m %s", *cases[i].query ? cases[i].query : "first page");
    row.value = bench_median(ours, ROUNDS);
    row.peer_value = cases[i].bar_ms;
    row.ratio = row.value / row.peer_value;
    printf("%-90s %8" PRId64 " found, p50 %6.1f ms, max %6.1f ms; bare walk %5.1f ms\n", name,
           total_count, row.value, most, bench_median(bare, ROUNDS));
    bench_row_print(&row);
}

int main(void)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024); /* as a request has */
    struct app *app;
    sqlite3 *db;

    if (!bench_wants("list-1m"))
        return 0;
    app = many_open((struct str){0});
    must(sqlite3_open(many_path(), &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA mmap_size = 1073741824", NULL, NULL, NULL);
    search_await(app, arena);
    audience_await(app);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        case_run(app, arena, db, i);
    sqlite3_close(db);
    app_close(app);
    arena_free(arena);
    return 0;
}
