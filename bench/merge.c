/* merge: two customers of 20 orders and 100 events each become one person, through the route with
 * its checks, seals, audit and figures, 16 at a time; beside the same rows written by hand, 16 of a
 * commit, without any of that. Wall time, since both wait for the disk. */
#include "bench.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/app.h"
#include "manage/customer/customer.h"
#include "papilio.h"

#define PAIR_COUNT 1600
#define GROUP 16
#define ROUND_COUNT 4
#define BAR 4.0

static char folder[64];
static int64_t ids[PAIR_COUNT * 2];

static enum err customers_step(struct ctx *c, void *user)
{
    int64_t from = *(int64_t *)user;

    for (int64_t i = from; i < from + 200; i++) {
        struct customer_new n;
        customer_new_init(&n);
        n.name = str_fmt(c->arena, "客户 %d", (int)i);
        n.phone = str_fmt(c->arena, "139%08d", (int)i);
        TRY(customer_add(c, &n, &ids[i]));
    }
    return OK;
}

static struct app *base_open(void)
{
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder);
    config.listen = (struct str){0};
    must(app_open(arena_new((size_t)256 << 20), &config, &app, &why) == OK);
    return app;
}

/* Orders and events straight into the tables: what they cost is another benchmark's. */
static void base_make(void)
{
    struct arena *arena = arena_new((size_t)256 << 20);
    char command[200];
    struct app *app;
    sqlite3 *db;

    snprintf(folder, sizeof(folder), "/tmp/papilio-bench-XXXXXX");
    must(mkdtemp(folder) != NULL);
    app = base_open();
    for (int64_t i = 0; i < PAIR_COUNT * 2; i += 200)
        must(app_write(app, arena, customers_step, &i, NULL) == OK);
    app_close(app);
    arena_free(arena);
    db = bench_hand_open(folder, "papilio.db");
    bench_hand_run(
        db, "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)"
            " INSERT INTO shop_order SELECT c.customer_number * 100 + i, 'b',"
            " c.customer_number * 100 + i, 'sale', 'paid', c.id, NULL, 1600000000000 + i, 1, 100,"
            " 100, 0, 1, 1, 0, 0, NULL FROM customer c, n;"
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
            " INSERT INTO journal SELECT c.customer_number * 1000 + i, 'page_viewed',"
            " 1600000000000 + i, 1600000000000, c.id, NULL, NULL, NULL, NULL FROM customer c, n;"
            "UPDATE customer SET order_count = 20, paid_fen = 2000,"
            " first_order_ms = 1600000000000, second_order_ms = 1600000000001,"
            " last_order_ms = 1600000000019; COMMIT");
    sqlite3_close(db);
    snprintf(command, sizeof(command), "cp %s/papilio.db %s/hand.db", folder, folder);
    must(system(command) == 0);
}

/* ---- ours ------------------------------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    struct app *app;
    int64_t from, to;
};

static void *work(void *user)
{
    struct worker *worker = user;
    struct arena *arena = arena_new((size_t)16 << 20);

    for (int64_t i = worker->from; i < worker->to; i++) {
        struct app_call call = {.method = HTTP_POST, .is_local = true};
        call.path = str_fmt(arena, "/api/customers/%" PRId64 "/merge", ids[i * 2]);
        call.body = str_fmt(arena, "{\"other_customer_id\":\"%" PRId64 "\"}", ids[i * 2 + 1]);
        app_request(worker->app, arena, &call);
        must(call.status == 200);
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static double ours_us(struct app *app, int64_t from, int64_t count)
{
    struct worker workers[GROUP];
    double start_us = bench_now_us();

    for (int64_t i = 0; i < GROUP; i++) {
        workers[i] = (struct worker){
            .app = app, .from = from + i * count / GROUP, .to = from + (i + 1) * count / GROUP};
        must(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < GROUP; i++)
        pthread_join(workers[i].thread, NULL);
    return (bench_now_us() - start_us) / (double)count;
}

/* ---- by hand --------------------------------------------------------------------------------- */

/* ?1 is who stays, ?2 who goes. */
static const char *const hand_sql[] = {
    "UPDATE customer SET name_enc = zeroblob(40), phone_enc = zeroblob(40), attributes = '{}',"
    " touched_ms = touched_ms, changed_ms = 5 WHERE id = ?1 AND ?2 > 0",
    "UPDATE customer SET merged_into_id = ?1, order_count = 0, paid_fen = 0, first_order_ms = NULL,"
    " second_order_ms = NULL, last_order_ms = NULL WHERE id = ?2",
    "INSERT INTO customer_merge VALUES (?1, ?1, ?2, 'hand', zeroblob(600), NULL, 5, NULL, NULL)",
    "INSERT INTO journal VALUES (?1, 'customer_merged', 5, 5, ?1, NULL, ?2, NULL, '{}')",
    "INSERT INTO journal VALUES (?2, 'customer_merged', 5, 5, ?2, NULL, ?1, NULL, '{}')",
    "UPDATE customer SET invited_count = (SELECT count(*) FROM customer r JOIN customer g ON"
    " g.invited_by_customer_id = r.id WHERE (r.id = ?1 OR r.id = ?2) AND g.merged_into_id IS NULL)"
    " WHERE id = ?1",
    "UPDATE customer SET order_count = f.n, paid_fen = f.paid, first_order_ms = f.a,"
    " last_order_ms = f.z FROM (SELECT count(*) n, sum(paid_fen) paid, min(placed_ms) a,"
    " max(placed_ms) z FROM shop_order WHERE customer_id IN (?1, ?2) AND is_counted = 1) f"
    " WHERE id = ?1",
    "INSERT INTO audit VALUES (?1, 5, NULL, NULL, 'POST', 'customer', ?2, '', zeroblob(32),"
    " zeroblob(32), zeroblob(32))",
};

static double hand_us(sqlite3 *db, int64_t from, int64_t count)
{
    sqlite3_stmt *stmts[ARRAY_LEN(hand_sql)];
    double start_us = bench_now_us();

    for (size_t i = 0; i < ARRAY_LEN(hand_sql); i++)
        must(sqlite3_prepare_v2(db, hand_sql[i], -1, &stmts[i], NULL) == SQLITE_OK);
    for (int64_t i = from; i < from + count; i++) {
        if ((i - from) % GROUP == 0)
            bench_hand_run(db, "BEGIN IMMEDIATE");
        for (size_t j = 0; j < ARRAY_LEN(hand_sql); j++) {
            sqlite3_bind_int64(stmts[j], 1, ids[i * 2]);
            sqlite3_bind_int64(stmts[j], 2, ids[i * 2 + 1]);
            must(sqlite3_step(stmts[j]) == SQLITE_DONE);
            sqlite3_reset(stmts[j]);
        }
        if ((i - from) % GROUP == GROUP - 1)
            bench_hand_run(db, "COMMIT");
    }
    for (size_t i = 0; i < ARRAY_LEN(hand_sql); i++)
        sqlite3_finalize(stmts[i]);
    return (bench_now_us() - start_us) / (double)count;
}

static void merge_bench(void)
{
    double ours[ROUND_COUNT], hand[ROUND_COUNT], ratios[ROUND_COUNT], fsync_us;
    int64_t count = PAIR_COUNT / ROUND_COUNT;
    char command[200], note[200];
    struct app *app;
    sqlite3 *db;

    base_make();
    fsync_us = bench_fsync_us(folder);
    app = base_open();
    db = bench_hand_open(folder, "hand.db");
    for (int i = 0; i < ROUND_COUNT; i++) {
        hand[i] = hand_us(db, i * count, count);
        ours[i] = ours_us(app, i * count, count);
        ratios[i] = ours[i] / hand[i];
        printf("  by hand %5.0f us; ours %5.0f us a merge, %.0f/s, ratio %.2f\n", hand[i], ours[i],
               1e6 / ours[i], ratios[i]);
    }
    sqlite3_close(db);
    app_close(app);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    must(system(command) == 0);
    snprintf(note, sizeof(note),
             "20 orders and 100 events a record, 16 at a time, fsync %.0f us; median ratio of %d "
             "rounds",
             fsync_us, ROUND_COUNT);
    bench_row_print(&(struct bench_row){
        .name = "merge",
        .unit = "us/merge",
        .peer = "the same rows by hand, no checks or seals",
        .value = bench_least(ours, ROUND_COUNT),
        .peer_value = bench_least(hand, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = BAR,
        .note = note,
    });
}

int main(void)
{
    if (bench_wants("merge"))
        merge_bench();
    return 0;
}
