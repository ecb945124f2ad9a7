/* ledger-transfer: durable transfers a second through the writer, each a command with a savepoint
 * of its own, beside the same statements by hand on SQLite in groups, and by pgbench on a
 * PostgreSQL that waits for its disk as well; ledger-transfer-http: the same asked for over HTTP,
 * each under an Idempotency-Key with its kept reply and its row in the audit trail. hot-claim:
 * claims on one account, each with a journal row and a kept reply, beside the same as row-lock
 * claims on PostgreSQL; Redis is printed. ledger-growth: an operation at 10 M transfers beside one
 * at 100 k (LEDGER_GROWTH_COUNT: at so many). */
#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gen/kit.q.h"
#include "gen/queries_id.h"
#include "kit/kit_private.h"
#include "kit/ledger.h"
#include "papilio.h"

#define ACCOUNTS 10000 /* the first half pays the second */
#define GROWTH_ACCOUNTS 100000
#define FLIGHT 256 /* commands that wait at a time; by hand: transfers of one commit */
#define ROUNDS 5
#define ROUND_COUNT 20000
#define HTTP_CONNECTIONS 64
#define HTTP_S 2
#define HAND_BAR 0.7
#define POSTGRES_BAR 3.0
#define GROWTH_BAR 1.5

static char folder[64];

static void shell(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
}

static const char *text(const char *fmt, ...) PRINTF_LIKE(1, 2);
static const char *text(const char *fmt, ...)
{
    static char texts[8][1024];
    static int next;
    char *at = texts[next++ % 8];
    va_list args;

    va_start(args, fmt);
    vsnprintf(at, sizeof(texts[0]), fmt, args);
    va_end(args);
    return at;
}

static void file_put(const char *name, const char *content)
{
    FILE *file = fopen(text("%s/%s", folder, name), "w");

    must(file != NULL);
    fputs(content, file);
    fclose(file);
}

static int64_t pick(int64_t below)
{
    static uint64_t random = 7;

    random = random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((random >> 33) % (uint64_t)below);
}

/* ---- bases ----------------------------------------------------------------------------------- */

static struct app *base_open(const char *name, struct arena *arena)
{
    struct app_config config = papilio_config;
    struct app *app;
    struct str why = {0};

    config.data = str_copy(arena, str_of(text("%s/%s", folder, name)));
    if (app_open(arena, &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        exit(1);
    }
    return app;
}

/* Rows by SQL, not by the ledger: quickly, and as its own would lie. */
static void base_make(const char *name, int64_t account_count, int64_t transfer_count)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    sqlite3 *db;

    app_close(base_open(name, arena));
    must(sqlite3_open(text("%s/%s/papilio.db", folder, name), &db) == SQLITE_OK);
    bench_hand_run(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN");
    bench_hand_run(db,
                   text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                        " WHERE i < %lld) INSERT INTO account SELECT i, 'customer', i, 'points',"
                        " 'available', 0, 1000000000, 0, 0, NULL, 0, 0 FROM n",
                        (long long)account_count));
    if (transfer_count > 0)
        bench_hand_run(db,
                       text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                            " WHERE i < %lld) INSERT INTO transfer SELECT i << 22, 'past', i, 0,"
                            " 1 + i %% 50000, 50001 + i %% 49999, 1, 1, 1, i, i, i << 21,"
                            " i << 21, NULL, 0, NULL, NULL, 1772330400000 + i FROM n",
                            (long long)transfer_count));
    bench_hand_run(db, "COMMIT");
    sqlite3_close(db);
    arena_free(arena);
}

/* ---- ours: commands in flight ---------------------------------------------------------------- */

struct flight {
    struct app *app;
    app_command *run;
    int64_t account_count, begun_count, ended_count, whole_count, key_id;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};
struct slot {
    struct call call;
    struct arena *arena;
    struct flight *flight;
    int64_t key_id;
};

/* On the writer: the next one is in the queue before the answer to this one would be read. */
static void slot_next(struct call *call, void *user)
{
    struct slot *slot = user;
    struct flight *flight = slot->flight;
    bool is_over;

    if (call && call->err != OK) {
        fprintf(stderr, "%s %.*s\n", call->ctx.fault.code, STR(call->ctx.fault.message));
        exit(1);
    }
    pthread_mutex_lock(&flight->lock);
    flight->ended_count += call ? 1 : 0;
    is_over = flight->begun_count == flight->whole_count;
    flight->begun_count += is_over ? 0 : 1;
    slot->key_id = flight->key_id++;
    if (flight->ended_count == flight->whole_count)
        pthread_cond_signal(&flight->wake);
    pthread_mutex_unlock(&flight->lock);
    if (is_over)
        return;
    arena_reset(slot->arena);
    call_init(&slot->call, flight->app, slot->arena);
    slot->call.command = flight->run;
    slot->call.user = slot;
    slot->call.done = slot_next;
    slot->call.done_user = slot;
    run_enqueue(&flight->app->writes, &slot->call);
}

/* Commands a second. */
static double flight_run(struct flight *flight, int64_t count)
{
    static struct slot slots[FLIGHT];
    double start_us = bench_now_us();

    pthread_mutex_init(&flight->lock, NULL);
    pthread_cond_init(&flight->wake, NULL);
    flight->begun_count = flight->ended_count = 0;
    flight->whole_count = count;
    for (int i = 0; i < FLIGHT; i++) {
        if (slots[i].arena == NULL)
            slots[i].arena = arena_new((size_t)1 << 24);
        slots[i].flight = flight;
        slot_next(NULL, &slots[i]);
    }
    pthread_mutex_lock(&flight->lock);
    while (flight->ended_count < count)
        pthread_cond_wait(&flight->wake, &flight->lock);
    pthread_mutex_unlock(&flight->lock);
    return (double)count * 1e6 / (bench_now_us() - start_us);
}

static enum err post(struct ctx *c, int64_t key_id, int64_t from_id, int64_t to_id)
{
    struct transfer transfer = {.kind = "bench",
                                .key_id = key_id,
                                .from_id = from_id,
                                .to_id = to_id,
                                .amount_count = 1,
                                .expires_ms = NONE};
    bool is_replay;

    return ledger_post(c, &transfer, 1, &is_replay, NULL);
}

static enum err transfer_run(struct ctx *c, void *user)
{
    struct slot *slot = user;
    int64_t half = slot->flight->account_count / 2;

    return post(c, slot->key_id, 1 + pick(half), 1 + half + pick(half));
}

static enum err claim_run(struct ctx *c, void *user)
{
    struct slot *slot = user;
    uint64_t hash[4] = {(uint64_t)slot->key_id * 0x9e3779b97f4a7c15u, 1, 2, 3};
    struct str hash_text = {(const char *)hash, sizeof(hash)};
    struct q_journal_add_in row = {.id = ctx_id(c),
                                   .kind = S("reward_granted"),
                                   .occurred_ms = c->now_ms,
                                   .customer_id = NONE,
                                   .channel_id = NONE,
                                   .subject_id = slot->key_id,
                                   .amount_fen = NONE,
                                   .properties = S("{\"kind\":\"points\"}")};

    TRY(post(c, slot->key_id, 1, 2 + pick(ACCOUNTS - 1)));
    TRY(q_journal_add(c, &row, 1, NULL));
    return q_reply_a_add(c, &(struct q_reply_a_add_in){.key_hash = hash_text,
                                                       .body_hash = hash_text,
                                                       .status_count = 200,
                                                       .body = S("{\"id\":\"1\"}")});
}

/* ---- ours over HTTP: a server of its own ---------------------------------------------------- */

struct transfer_in {
    int64_t key_id, from_id, to_id;
};
static const struct field transfer_in[] = {
    IN(struct transfer_in, key_id),
    IN(struct transfer_in, from_id),
    IN(struct transfer_in, to_id),
};

static enum err http_transfer(struct ctx *c, const void *in_, void *out)
{
    const struct transfer_in *in = in_;

    (void)out;
    return post(c, in->key_id, in->from_id, in->to_id);
}

static const struct route http_routes[] = {
    {HTTP_POST, "/api/bench/transfers", "public", SHAPE(transfer_in), NULL, http_transfer,
     .repeat = REPEAT_KEY_REQUIRED},
    {.path = NULL},
};
static const struct route *const http_tables[] = {http_routes, NULL};

static const char transfer_lua[] =
    "local seq = os.time() % 1000000 * 10000000\n"
    "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
    "function request()\n seq = seq + 1\n local key = string.format('%.0f', seq)\n"
    " wrk.headers['Idempotency-Key'] = key\n"
    " return wrk.format(nil, nil, nil, '{\"key_id\":\"' .. key .. '\",\"from_id\":\"' .."
    " math.random(1, 5000) .. '\",\"to_id\":\"' .. math.random(5001, 10000) .. '\"}')\nend\n";

static void http_serve(int report, void *unused)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    struct app_config config = papilio_config;
    struct str why, address;
    struct app *app;
    int64_t port;

    (void)unused;
    bench_unpin();
    config.data = str_of(text("%s/http", folder));
    config.listen = S("127.0.0.1:0");
    config.routes = http_tables;
    must(app_open(arena, &config, &app, &why) == OK);
    must(freopen("/dev/null", "w", stderr) != NULL); /* the log of slow requests */
    must(app_listen(app, &why) == OK);
    address = app_address(app);
    must(str_to_int(str_sub(address, sizeof("127.0.0.1:") - 1, address.len), &port));
    bench_report(report, (int)port);
    for (;;)
        pause();
}

static double http_run(struct bench_child server)
{
    struct bench_load load = bench_wrk(server.port, "/api/bench/transfers", HTTP_CONNECTIONS,
                                       HTTP_S, text("%s/transfer.lua", folder));

    must(load.bad_count == 0);
    return load.per_s;
}

/* ---- by hand: the same statements, as many a commit as there are commands in flight --------- */

static struct {
    sqlite3 *db;
    sqlite3_stmt *look, *move, *add;
    int64_t next_id;
} hand;

static sqlite3_stmt *hand_prepare(int query)
{
    sqlite3_stmt *stmt;

    must(sqlite3_prepare_v3(hand.db, db_queries[query].sqlite, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                            NULL) == SQLITE_OK);
    return stmt;
}

static void hand_bind(sqlite3_stmt *stmt, const char *values, ...)
{
    va_list args;

    va_start(args, values);
    for (int at = 1; *values != '\0'; at++, values++) {
        if (*values == 'i')
            sqlite3_bind_int64(stmt, at, va_arg(args, int64_t));
        else if (*values == 't')
            sqlite3_bind_text(stmt, at, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_null(stmt, at);
    }
    va_end(args);
}

static void hand_end(sqlite3_stmt *stmt)
{
    must(sqlite3_step(stmt) == SQLITE_DONE);
    must(sqlite3_changes(hand.db) == 1);
    sqlite3_reset(stmt);
}

/* The order of the parameters is that of their first place in ledger.sql. */
static void hand_transfer(void)
{
    int64_t id = ++hand.next_id << 22, from_id = 1 + pick(ACCOUNTS / 2);
    int64_t to_id = 1 + ACCOUNTS / 2 + pick(ACCOUNTS / 2), zero = 0, one = 1;
    int64_t from_balance, from_seq, to_balance, to_seq;

    hand_bind(hand.look, "itiii", to_id, "bench", id, zero, from_id);
    must(sqlite3_step(hand.look) == SQLITE_ROW);
    from_balance = sqlite3_column_int64(hand.look, 0);
    from_seq = sqlite3_column_int64(hand.look, 2);
    to_balance = sqlite3_column_int64(hand.look, 5);
    to_seq = sqlite3_column_int64(hand.look, 7);
    sqlite3_reset(hand.look);
    hand_bind(hand.move, "iiiiii", -one, from_seq + 1, id, zero, from_id, from_seq);
    hand_end(hand.move);
    hand_bind(hand.move, "iiiiii", one, to_seq + 1, id, zero, to_id, to_seq);
    hand_end(hand.move);
    hand_bind(hand.add, "itiiiiiiiiiiinnni", id, "bench", id, zero, from_id, to_id, one,
              from_balance - 1, to_balance + 1, from_seq + 1, to_seq + 1, id - 1, id - 1, id);
    hand_end(hand.add);
}

static double hand_run(int64_t count)
{
    double start_us = bench_now_us();

    for (int64_t i = 0; i < count; i++) {
        if (i % FLIGHT == 0)
            bench_hand_run(hand.db, i == 0 ? "BEGIN IMMEDIATE" : "COMMIT; BEGIN IMMEDIATE");
        hand_transfer();
    }
    bench_hand_run(hand.db, "COMMIT");
    return (double)count * 1e6 / (bench_now_us() - start_us);
}

/* As the product's writer has it. */
static void hand_open(void)
{
    base_make("hand", ACCOUNTS, 0);
    hand.db = bench_hand_open(folder, "hand/papilio.db");
    bench_hand_run(hand.db, "PRAGMA cache_size = -32768; PRAGMA foreign_keys = ON;"
                            "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000");
    hand.look = hand_prepare(Q_LEDGER_LOOK);
    hand.move = hand_prepare(Q_LEDGER_MOVE);
    hand.add = hand_prepare(Q_LEDGER_ADD);
}

static void hand_close(void)
{
    sqlite3_finalize(hand.look);
    sqlite3_finalize(hand.move);
    sqlite3_finalize(hand.add);
    sqlite3_close(hand.db);
}

/* ---- PostgreSQL by pgbench, waiting for its disk -------------------------------------------- */

static const char postgres_schema[] =
    "CREATE TABLE account (id bigint PRIMARY KEY, owner_kind text, owner_id bigint, unit text,"
    " bucket text, scope_id bigint, balance_count bigint, floor_count bigint, posting_count bigint,"
    " last_transfer_id bigint, has_lots bigint, created_ms bigint,"
    " UNIQUE (owner_kind, owner_id, unit, bucket, scope_id),"
    " CHECK (floor_count IS NULL OR balance_count >= floor_count));\n"
    "CREATE TABLE transfer (id bigint PRIMARY KEY, kind text, key_id bigint, leg_number bigint,"
    " from_account_id bigint, to_account_id bigint, amount_count bigint, from_balance_count bigint,"
    " to_balance_count bigint, from_seq bigint, to_seq bigint, at_ms bigint,"
    " UNIQUE (kind, key_id, leg_number));\n"
    "CREATE TABLE journal (id bigint PRIMARY KEY, kind text, occurred_ms bigint, arrived_ms bigint,"
    " subject_id bigint, properties text);\n"
    "CREATE TABLE reply_a (key_hash text PRIMARY KEY, body_hash text, status_count bigint,"
    " body text, created_ms bigint);\n"
    "INSERT INTO account SELECT i, 'customer', i, 'points', 'available', 0, 1000000000, 0, 0, NULL,"
    " 0, 0 FROM generate_series(1, 10000) i;\nVACUUM ANALYZE account;\n";

#define POSTGRES_TRANSFER                                                                          \
    "\\set key random(1, 1000000000000000)\nBEGIN;\n"                                              \
    "SELECT f.id, f.unit, t.unit, d.id, x.id FROM account f JOIN account t ON t.id = :to"          \
    " LEFT JOIN account d ON t.bucket = 'available' AND d.owner_kind = t.owner_kind"               \
    " AND d.owner_id = t.owner_id AND d.unit = t.unit AND d.bucket = 'debt' AND d.scope_id = 0"    \
    " LEFT JOIN transfer x ON x.kind = 'bench' AND x.key_id = :key AND x.leg_number = 0"           \
    " WHERE f.id = :from;\n"                                                                       \
    "UPDATE account SET balance_count = balance_count - 1, posting_count = posting_count + 1,"     \
    " last_transfer_id = :key WHERE id = :from AND balance_count - 1 >= floor_count"               \
    " RETURNING balance_count AS fb, posting_count AS fs \\gset\n"                                 \
    "UPDATE account SET balance_count = balance_count + 1, posting_count = posting_count + 1,"     \
    " last_transfer_id = :key WHERE id = :to"                                                      \
    " RETURNING balance_count AS tb, posting_count AS ts \\gset\n"                                 \
    "INSERT INTO transfer VALUES (:key, 'bench', :key, 0, :from, :to, 1, :fb, :tb, :fs, :ts, "     \
    "0);\n"

static const char postgres_transfer[] =
    "\\set from random(1, 5000)\n\\set to random(5001, 10000)\n" POSTGRES_TRANSFER "COMMIT;\n";
static const char postgres_claim[] =
    "\\set from 1\n\\set to random(2, 10000)\n" POSTGRES_TRANSFER
    "INSERT INTO journal VALUES (:key, 'reward_granted', 0, 0, :key, '{\"kind\":\"points\"}');\n"
    "INSERT INTO reply_a VALUES ('key:' || :key, 'body:' || :key, 200, '{\"id\":\"1\"}', 0);\n"
    "COMMIT;\n";

/* The best of several numbers of clients. */
static double postgres_run(const char *script, const char *content)
{
    char line[256];
    double best = 0, tps;
    FILE *pipe;

    file_put("schema.sql", postgres_schema);
    file_put(script, content);
    pipe = popen(text("POSTGRES_FSYNC=on scripts/postgres.sh sh -c 'psql -q -f %s/schema.sql >&2 &&"
                      " for n in 8 32 64; do pgbench -n -M prepared -c $n -j 2 -T 5 -f %s/%s"
                      " 2>/dev/null; done'",
                      folder, folder, script),
                 "r");
    must(pipe != NULL);
    while (fgets(line, sizeof(line), pipe))
        if (sscanf(line, "tps = %lf", &tps) == 1 && tps > best)
            best = tps;
    pclose(pipe);
    return best;
}

/* ---- Redis: a script that decides and writes, its file forced to disk before it answers ----- */

static double redis_run(void)
{
    static const char script[] =
        "if tonumber(redis.call(\"get\",KEYS[1])) < 1 then return 0 end"
        " redis.call(\"decr\",KEYS[1]) redis.call(\"hincrby\",\"had\",ARGV[1],1)"
        " redis.call(\"rpush\",\"journal\",ARGV[1]) redis.call(\"set\",\"key:\"..ARGV[1],\"ok\")"
        " return 1";
    char line[512];
    double per_s = 0, found;
    FILE *pipe;

    if (system("command -v redis-server redis-benchmark >/dev/null") != 0)
        return 0;
    pipe =
        popen(text("cd %s && redis-server --port 0 --unixsocket %s/redis --save '' --appendonly yes"
                   " --appendfsync always --dir %s >/dev/null & sleep 2;"
                   " redis-cli -s %s/redis set stock 100000000 >/dev/null;"
                   " redis-benchmark -s %s/redis -n 100000 -r 1000000 -c 64 -q EVAL '%s' 1 stock"
                   " __rand_int__ | tr '\\r' '\\n'; redis-cli -s %s/redis shutdown nosave",
                   folder, folder, folder, folder, folder, script, folder),
              "r");
    must(pipe != NULL);
    while (fgets(line, sizeof(line), pipe)) {
        const char *at = strstr(line, " requests per second");
        while (at && at > line && at[-1] != ' ')
            at--;
        if (at && sscanf(at, "%lf", &found) == 1)
            per_s = found;
    }
    pclose(pipe);
    return per_s;
}

/* ---- the benchmarks -------------------------------------------------------------------------- */

static void transfer_bench(void)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    struct flight flight = {.run = transfer_run, .account_count = ACCOUNTS, .key_id = 1};
    double ours[ROUNDS], peers[ROUNDS], ratios[ROUNDS], http[ROUNDS], http_ratios[ROUNDS], postgres;
    struct bench_child server;

    base_make("ours", ACCOUNTS, 0);
    base_make("http", ACCOUNTS, 0);
    file_put("transfer.lua", transfer_lua);
    server = bench_start(http_serve, NULL);
    hand_open();
    flight.app = base_open("ours", arena);
    flight_run(&flight, ROUND_COUNT / 4);
    hand_run(ROUND_COUNT / 4);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = flight_run(&flight, ROUND_COUNT);
        peers[i] = hand_run(ROUND_COUNT);
        ratios[i] = ours[i] / peers[i];
        http[i] = http_run(server);
        http_ratios[i] = http[i] / ours[i];
    }
    bench_stop(server);
    postgres = postgres_run("transfer.pgb", postgres_transfer);
    bench_row_print(&(struct bench_row){.name = "ledger-transfer",
                                        .unit = "transfers/s",
                                        .peer = "the same by hand, 256 a commit",
                                        .value = bench_median(ours, ROUNDS),
                                        .peer_value = bench_median(peers, ROUNDS),
                                        .ratio = bench_median(ratios, ROUNDS),
                                        .bar = HAND_BAR,
                                        .is_at_least = true});
    bench_row_print(&(struct bench_row){.name = "ledger-transfer",
                                        .unit = "transfers/s",
                                        .peer = "PostgreSQL, pgbench, best of 8 32 64 clients",
                                        .value = bench_median(ours, ROUNDS),
                                        .peer_value = postgres,
                                        .ratio = bench_median(ours, ROUNDS) / postgres,
                                        .bar = POSTGRES_BAR,
                                        .is_at_least = true});
    bench_row_print(&(struct bench_row){.name = "ledger-transfer-http",
                                        .unit = "transfers/s",
                                        .peer = "the same in process",
                                        .value = bench_median(http, ROUNDS),
                                        .peer_value = bench_median(ours, ROUNDS),
                                        .ratio = bench_median(http_ratios, ROUNDS),
                                        .note = "64 connections that stay open; each with its key, "
                                                "kept reply and audit row"});
    app_close(flight.app);
    hand_close();
    arena_free(arena);
}

static void claim_bench(void)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    struct flight flight = {.run = claim_run, .account_count = ACCOUNTS, .key_id = 1};
    double ours[ROUNDS], postgres, redis;

    base_make("claims", ACCOUNTS, 0);
    flight.app = base_open("claims", arena);
    flight_run(&flight, ROUND_COUNT / 4);
    for (int i = 0; i < ROUNDS; i++)
        ours[i] = flight_run(&flight, ROUND_COUNT);
    postgres = postgres_run("claim.pgb", postgres_claim);
    redis = redis_run();
    bench_row_print(&(struct bench_row){.name = "hot-claim",
                                        .unit = "claims/s",
                                        .peer = "PostgreSQL row locks, pgbench, best",
                                        .value = bench_median(ours, ROUNDS),
                                        .peer_value = postgres,
                                        .ratio = bench_median(ours, ROUNDS) / postgres,
                                        .bar = POSTGRES_BAR,
                                        .is_at_least = true});
    if (redis > 0)
        printf("hot-claim: Redis, Lua, appendfsync always, 64 clients: %.0f claims/s\n", redis);
    else
        printf("hot-claim: no redis-server here to stand beside\n");
    app_close(flight.app);
    arena_free(arena);
}

static void growth_bench(void)
{
    const char *wanted = getenv("LEDGER_GROWTH_COUNT");
    int64_t large = wanted ? strtoll(wanted, NULL, 10) : 10000000;
    struct arena *arena = arena_new((size_t)1 << 28);
    struct flight small = {.run = transfer_run, .account_count = GROWTH_ACCOUNTS, .key_id = 1};
    struct flight big = small;
    double smalls[ROUNDS], bigs[ROUNDS], ratios[ROUNDS];

    base_make("small", GROWTH_ACCOUNTS, 100000);
    base_make("big", GROWTH_ACCOUNTS, large);
    small.app = base_open("small", arena);
    big.app = base_open("big", arena);
    flight_run(&small, ROUND_COUNT);
    flight_run(&big, ROUND_COUNT);
    for (int i = 0; i < ROUNDS; i++) {
        smalls[i] = 1e6 / flight_run(&small, ROUND_COUNT);
        bigs[i] = 1e6 / flight_run(&big, ROUND_COUNT);
        ratios[i] = bigs[i] / smalls[i];
    }
    bench_row_print(&(struct bench_row){
        .name = "ledger-growth",
        .unit = "us an operation",
        .peer = "at 100 k transfers",
        .value = bench_median(bigs, ROUNDS),
        .peer_value = bench_median(smalls, ROUNDS),
        .ratio = bench_median(ratios, ROUNDS),
        .bar = GROWTH_BAR,
        .note = text("at %lld transfers of 100,000 accounts; the writer's cache is 32 MiB",
                     (long long)large)});
    app_close(small.app);
    app_close(big.app);
    arena_free(arena);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "/tmp/papilio-ledger-XXXXXX");
    must(mkdtemp(folder) != NULL);
    if (bench_wants("ledger-transfer") || bench_wants("ledger-transfer-http"))
        transfer_bench();
    if (bench_wants("hot-claim"))
        claim_bench();
    if (bench_wants("ledger-growth"))
        growth_bench();
    shell(text("rm -rf %s", folder));
    return 0;
}
