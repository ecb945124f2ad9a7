/* unmask: one customer's clear name, phone, e-mail and identities through the route, signed in,
 * with its count per colleague and hour and its row and detail in the audit trail, 16 at a time;
 * beside the same statements by hand, 16 of a commit, nothing unsealed, hashed or checked. Wall
 * time, since both wait for the disk. */
#include "bench.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/app.h"
#include "kit/session.h"
#include "manage/customer/customer.h"
#include "manage/staff/staff.h"
#include "papilio.h"

#define CUSTOMER_COUNT 2000
#define SHOW_COUNT 4000 /* a round */
#define GROUP 16
#define ROUND_COUNT 5
#define BAR 3.0

static char folder[64];
static int64_t ids[CUSTOMER_COUNT];
static struct str token, csrf;

static enum err base_step(struct ctx *c, void *user)
{
    struct arena *arena = user;
    int64_t staff_id;

    TRY(staff_setup_run(c,
                        &(struct staff_setup){S("admin"), S("Admin"), S("-"), S("Bench"),
                                              S("Asia/Shanghai"), S("CNY")},
                        &staff_id));
    TRY(session_begin(c, staff_id, &csrf));
    csrf = str_copy(arena, csrf);
    token = str_copy(arena, c->session_token);
    for (int64_t i = 0; i < CUSTOMER_COUNT; i++) {
        struct customer_new n;
        customer_new_init(&n);
        n.name = str_fmt(c->arena, "客户 %d", (int)i);
        n.phone = str_fmt(c->arena, "139%08d", (int)i);
        n.email = str_fmt(c->arena, "m%d@example.com", (int)i);
        TRY(customer_add(c, &n, &ids[i]));
    }
    return OK;
}

static struct app *base_open(struct arena *arena)
{
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder);
    config.listen = (struct str){0};
    must(app_open(arena, &config, &app, &why) == OK);
    return app;
}

static void base_make(struct arena *arena)
{
    char command[200];
    struct app *app;
    sqlite3 *db;

    snprintf(folder, sizeof(folder), "/tmp/papilio-bench-XXXXXX");
    must(mkdtemp(folder) != NULL);
    app = base_open(arena);
    must(app_write(app, arena, base_step, arena, NULL) == OK);
    app_close(app);
    db = bench_hand_open(folder, "papilio.db");
    bench_hand_run(db, "INSERT INTO setting VALUES ('reveal_per_hour', '100000', 1, 1, NULL)");
    sqlite3_close(db);
    snprintf(command, sizeof(command), "cp %s/papilio.db %s/hand.db", folder, folder);
    must(system(command) == 0);
}

/* ---- ours ------------------------------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    struct app *app;
    int64_t count;
};

static void *work(void *user)
{
    struct worker *worker = user;
    struct arena *arena = arena_new((size_t)16 << 20);

    for (int64_t i = 0; i < worker->count; i++) {
        struct app_call call = {
            .method = HTTP_POST, .cookie = token, .csrf = csrf, .body = S("{}")};
        call.path =
            str_fmt(arena, "/api/customers/%" PRId64 "/reveal", ids[i * 7 % CUSTOMER_COUNT]);
        app_request(worker->app, arena, &call);
        if (call.status != 200)
            fprintf(stderr, "%d %.*s\n", call.status, STR(call.reply));
        must(call.status == 200);
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static double ours_us(struct app *app)
{
    struct worker workers[GROUP];
    double start_us = bench_now_us();

    for (int64_t i = 0; i < GROUP; i++) {
        workers[i] = (struct worker){.app = app, .count = SHOW_COUNT / GROUP};
        must(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < GROUP; i++)
        pthread_join(workers[i].thread, NULL);
    return (bench_now_us() - start_us) / SHOW_COUNT;
}

/* ---- by hand --------------------------------------------------------------------------------- */

/* ?1 is the customer, ?2 the audit row. */
static const char *const hand_sql[] = {
    "SELECT s.staff_id, s.csrf, p.permissions FROM session s JOIN staff t ON t.id = s.staff_id"
    " JOIN role p ON p.name = t.role WHERE ?1 > 0 AND ?2 > 0",
    "SELECT id FROM customer WHERE id = ?1 AND deleted_ms IS NULL AND ?2 > 0",
    "SELECT name_enc, phone_enc, email_enc, address_enc FROM customer WHERE id = ?1 AND ?2 > 0",
    "INSERT INTO reveal_window VALUES (5, ?1 * 0 + ?2 * 0, 1) ON CONFLICT (staff_id) DO UPDATE"
    " SET used_count = reveal_window.used_count + 1",
    "SELECT customer_id, kind, value_enc FROM identity WHERE customer_id = ?1 AND ?2 > 0",
    "INSERT INTO audit VALUES (?2, 5, 5, NULL, 'POST /api/customers/{customer_id}/reveal',"
    " 'customer', ?1, '', zeroblob(32), zeroblob(32), zeroblob(32))",
    "INSERT INTO audit_detail VALUES (?2, zeroblob(16),"
    " '{\"fields\":\"name phone email address identities\"}' || substr(?1, 1, 0))",
};

static double hand_us(sqlite3 *db, int64_t from)
{
    sqlite3_stmt *stmts[ARRAY_LEN(hand_sql)];
    double start_us = bench_now_us();

    for (size_t i = 0; i < ARRAY_LEN(hand_sql); i++)
        must(sqlite3_prepare_v2(db, hand_sql[i], -1, &stmts[i], NULL) == SQLITE_OK);
    for (int64_t i = 0; i < SHOW_COUNT; i++) {
        if (i % GROUP == 0)
            bench_hand_run(db, "BEGIN IMMEDIATE");
        for (size_t j = 0; j < ARRAY_LEN(hand_sql); j++) {
            int status;
            sqlite3_bind_int64(stmts[j], 1, ids[i * 7 % CUSTOMER_COUNT]);
            sqlite3_bind_int64(stmts[j], 2, from + i);
            while ((status = sqlite3_step(stmts[j])) == SQLITE_ROW)
                continue;
            must(status == SQLITE_DONE);
            sqlite3_reset(stmts[j]);
        }
        if (i % GROUP == GROUP - 1)
            bench_hand_run(db, "COMMIT");
    }
    for (size_t i = 0; i < ARRAY_LEN(hand_sql); i++)
        sqlite3_finalize(stmts[i]);
    return (bench_now_us() - start_us) / SHOW_COUNT;
}

static void unmask_bench(void)
{
    double ours[ROUND_COUNT], hand[ROUND_COUNT], ratios[ROUND_COUNT], fsync_us;
    struct arena *arena = arena_new((size_t)512 << 20);
    char command[200], note[200];
    struct app *app;
    sqlite3 *db;

    base_make(arena);
    fsync_us = bench_fsync_us(folder);
    app = base_open(arena);
    db = bench_hand_open(folder, "hand.db");
    for (int i = 0; i < ROUND_COUNT; i++) {
        hand[i] = hand_us(db, 1 + (int64_t)i * SHOW_COUNT);
        ours[i] = ours_us(app);
        ratios[i] = ours[i] / hand[i];
        printf("  by hand %5.0f us; ours %5.0f us a showing, %.0f/s, ratio %.2f\n", hand[i],
               ours[i], 1e6 / ours[i], ratios[i]);
    }
    sqlite3_close(db);
    app_close(app);
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    must(system(command) == 0);
    snprintf(note, sizeof(note), "16 at a time, fsync %.0f us; median ratio of %d rounds", fsync_us,
             ROUND_COUNT);
    bench_row_print(&(struct bench_row){
        .name = "unmask",
        .unit = "us/showing",
        .peer = "the same statements by hand, no checks or seals",
        .value = bench_least(ours, ROUND_COUNT),
        .peer_value = bench_least(hand, ROUND_COUNT),
        .ratio = bench_median(ratios, ROUND_COUNT),
        .bar = BAR,
        .note = note,
    });
}

int main(void)
{
    if (bench_wants("unmask"))
        unmask_bench();
    return 0;
}
