/* Random postings, holds, ends, reversals, replays and wrong keys, of people whose records are
 * merged and parted again, against a model that does what kit/ledger.h says over plain arrays.
 * After each operation its answer and the balances of those it touched are compared; all lots every
 * 250, all holds and sums every two thousand; every invariant of `papilio check` every ten
 * thousand. What is refused is committed with its neighbours: it must have changed nothing.
 * LEDGER_SEEDS=n runs n seeds, LEDGER_SEED=n that one alone, LEDGER_OPERATIONS=n so many of each.
 */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/ledger.q.h"
#include "host/clock.h"
#include "insight/insight.h"
#include "kit/ledger.h"
#include "kit/timer.h"
#include "ledger_model.h"
#include "manage/customer/customer.h"
#include "papilio.h"

#define OPERATIONS 100000
#define SHARED_OPERATIONS 20000 /* on PostgreSQL each costs a few trips */
#define GROUP 250               /* people are merged and parted between two */
#define SUMS_EVERY 2000
#define CHECK_EVERY 10000
#define START_MS INT64_C(1772330400000)
#define MINUTE_MS INT64_C(60000)
#define RING 256
#define MERGES 4000
#define ALL 10000

struct call { /* that went through, to be asked again */
    struct transfer legs[4];
    int64_t count, ids[4];
};
struct taking {
    struct reversal reversal;
    int64_t taken_count, debt_count;
};
static struct {
    uint64_t random;
    int64_t seed, step, now_ms, next_key_id;
    char folder[64];
    struct app *app;
    struct arena *arena;
    struct arena *found; /* what is read of a group */
    int64_t ids[ACCOUNTS], people[PEOPLE];
    struct {
        int64_t id;
        int kept, other;
        bool is_undone;
    } merges[MERGES];
    int64_t merge_count, undone_count, asked_count;
    struct call calls[RING];
    struct taking takings[RING];
    int64_t call_count, taking_count;
    /* so that a run that did nothing is seen */
    int64_t refused_count, replay_count, debt_count, expired_count, over_count, taken_count;
} w;

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t pick(int64_t below)
{
    w.random = w.random * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((w.random >> 33) % (uint64_t)below);
}

static void same(const char *what, int64_t is, int64_t wanted)
{
    if (is != wanted)
        fail_msg("seed %" PRId64 " step %" PRId64 ": %s is %" PRId64 ", wanted %" PRId64, w.seed,
                 w.step, what, is, wanted);
}

/* The answer is the model's: a stable code, "" if it went through. */
static bool answered(struct ctx *c, enum err err, const char *wanted)
{
    const char *is = err == OK ? "" : c->fault.code;

    if (strcmp(is, wanted) != 0)
        fail_msg("seed %" PRId64 " step %" PRId64 ": '%s' %.*s, wanted '%s'", w.seed, w.step, is,
                 STR(c->fault.message), wanted);
    w.refused_count += err != OK ? 1 : 0;
    return err == OK;
}

/* ---- accounts -------------------------------------------------------------------------------- */

static struct account account_of(int account)
{
    static const enum ledger_bucket buckets[ROLES] = {
        BUCKET_AVAILABLE, BUCKET_PENDING, BUCKET_FROZEN, BUCKET_DEBT,
        BUCKET_EXTERNAL,  BUCKET_ISSUED,  BUCKET_EXPIRED};
    bool is_system = model_owner(account) == SYSTEM;

    return (struct account){
        is_system ? "system" : "customer", is_system ? 0 : w.people[model_owner(account)],
        model_unit(account) == 0 ? UNIT_POINTS : UNIT_FEN, buckets[model_role(account)], 0};
}

static enum err open_step(struct ctx *c, void *user)
{
    struct account accounts[ACCOUNTS];

    (void)user;
    for (int i = 0; i < PEOPLE; i++) {
        struct customer_new n;
        customer_new_init(&n);
        TRY(customer_add(c, &n, &w.people[i]));
    }
    for (int i = 0; i < ACCOUNTS; i++)
        accounts[i] = account_of(i);
    return ledger_open(c, accounts, ACCOUNTS, w.ids);
}

/* All of one owner and unit. */
static enum err touched(struct ctx *c, int account)
{
    int owner = model_owner(account);

    for (int role = 0; role < (owner == SYSTEM ? ROLES : ROLE_OUTSIDE); role++) {
        int at = model_account(model_unit(account), owner, role);
        struct account key = account_of(at);
        int64_t balance_count;
        TRY(ledger_balance(c, &key, &balance_count));
        same("a balance", balance_count, model_person_balance(at));
    }
    return OK;
}

/* ---- postings -------------------------------------------------------------------------------- */

static const struct way {
    int from, to, weight;
} ways[] = {{ROLE_OUTSIDE, ROLE_AVAILABLE, 30},  {ROLE_OUTSIDE, ROLE_PENDING, 12},
            {ROLE_PENDING, ROLE_AVAILABLE, 10},  {ROLE_AVAILABLE, ROLE_ISSUED, 35},
            {ROLE_AVAILABLE, ROLE_AVAILABLE, 8}, {ROLE_ISSUED, ROLE_OUTSIDE, 5}};

static struct model_leg leg_pick(void)
{
    const struct way *way = ways;
    int64_t at = pick(100);
    int unit = (int)pick(UNITS), who = (int)pick(PEOPLE), to = who;
    struct model_leg leg = {.amount_count = 1 + pick(60), .end_ms = NONE, .first_transfer = -1};

    while (at >= way->weight)
        at -= way++->weight;
    if (way->from == ROLE_AVAILABLE && way->to == ROLE_AVAILABLE)
        to = (who + 1 + (int)pick(PEOPLE - 1)) % PEOPLE;
    leg.from = model_account(unit, way->from >= ROLE_OUTSIDE ? SYSTEM : who, way->from);
    leg.to = model_account(unit, way->to >= ROLE_OUTSIDE ? SYSTEM : to, way->to);
    if (unit == 0 && way->to <= ROLE_PENDING && pick(3) > 0)
        leg.end_ms = w.now_ms + (1 + pick(60)) * 30 * MINUTE_MS;
    if (pick(20) == 0)
        leg.amount_count *= 20;
    /* All there is, now and then: what comes back from whoever has nothing becomes a debt. */
    if (way->from == ROLE_AVAILABLE && pick(3) == 0 && model_balance(leg.from) > 0)
        leg.amount_count = model_balance(leg.from);
    return leg;
}

static enum err op_post(struct ctx *c)
{
    struct call call = {.count = pick(10) < 7 ? 1 : 2 + pick(3)};
    struct model_leg legs[4];
    const char *wanted;
    bool is_replay = true;

    w.next_key_id++;
    for (int64_t i = 0; i < call.count; i++) {
        legs[i] = leg_pick();
        call.legs[i] = (struct transfer){.kind = "model",
                                         .key_id = w.next_key_id,
                                         .leg_number = i,
                                         .from_id = w.ids[legs[i].from],
                                         .to_id = w.ids[legs[i].to],
                                         .amount_count = legs[i].amount_count,
                                         .expires_ms = legs[i].end_ms};
    }
    wanted = model_post(legs, (int)call.count, w.now_ms);
    if (answered(c, ledger_post(c, call.legs, call.count, &is_replay, call.ids), wanted)) {
        same("a replay", is_replay, false);
        for (int64_t i = 0; i < call.count; i++)
            model_transfer(legs[i].transfer)->id = call.ids[i];
        w.calls[w.call_count++ % RING] = call;
    }
    TRY(touched(c, legs[0].from));
    return touched(c, legs[call.count - 1].to);
}

/* The same again; or with another amount, turned round, a leg more. */
static enum err op_again(struct ctx *c)
{
    struct call call;
    int64_t kind = pick(6), at, ids[4];
    bool is_replay = false;

    if (w.call_count == 0)
        return OK;
    call = w.calls[pick(w.call_count < RING ? w.call_count : RING)];
    at = pick(call.count);
    if (kind == 0) {
        call.legs[at].amount_count++;
    } else if (kind == 1) {
        call.legs[at].from_id = call.legs[at].to_id;
        call.legs[at].to_id = w.calls[0].legs[0].from_id;
        if (call.legs[at].from_id == call.legs[at].to_id)
            return OK;
    } else if (kind == 2 && call.count < 4) {
        call.legs[call.count] = call.legs[0];
        call.legs[call.count++].key_id = ++w.next_key_id;
    } else {
        kind = 5;
    }
    w.replay_count++;
    if (kind == 1) /* of two units it is refused for that */
        return ledger_post(c, call.legs, call.count, &is_replay, ids) == OK ? E_INTERNAL : OK;
    if (!answered(c, ledger_post(c, call.legs, call.count, &is_replay, ids),
                  kind == 5 ? "" : "ledger.key_reused"))
        return OK;
    same("a replay", is_replay, true);
    for (int64_t i = 0; i < call.count; i++)
        same("the id of a replay", ids[i], call.ids[i]);
    return OK;
}

/* ---- holds ----------------------------------------------------------------------------------- */

static enum err op_hold(struct ctx *c)
{
    int unit = (int)pick(UNITS), who = (int)pick(PEOPLE), at;
    struct model_hold hold = {.key_id = ++w.next_key_id,
                              .amount_count = 1 + pick(50),
                              .until_ms = w.now_ms + pick(40) * 10 * MINUTE_MS,
                              .from = model_account(unit, who, ROLE_AVAILABLE),
                              .to = pick(4) > 0
                                        ? model_account(unit, SYSTEM, ROLE_ISSUED)
                                        : model_account(unit, (who + 1) % PEOPLE, ROLE_AVAILABLE)};
    struct hold in = {
        "held", hold.key_id, 0, w.ids[hold.from], w.ids[hold.to], hold.amount_count, hold.until_ms};
    int64_t again_id;

    if (answered(c, ledger_hold(c, &in, &hold.id), model_hold(hold, &at, w.now_ms))) {
        model_hold_at(at)->id = hold.id;
        TRY(ledger_hold(c, &in, &again_id));
        same("a hold held again", again_id, hold.id);
        in.amount_count++;
        answered(c, ledger_hold(c, &in, &again_id), "ledger.key_reused");
    }
    return touched(c, hold.from);
}

static int hold_pick(void)
{
    int count = model_hold_count(), back = (int)pick(60);

    return count == 0 ? -1 : back < count ? count - 1 - back : 0;
}

static enum err op_hold_post(struct ctx *c)
{
    int at = hold_pick();
    struct model_hold *hold = at < 0 ? NULL : model_hold_at(at);
    int64_t amount_count;
    const char *wanted;

    if (hold == NULL)
        return OK;
    amount_count = pick(3) > 0 ? hold->amount_count : pick(hold->amount_count + 2);
    wanted = model_hold_post(at, amount_count, w.now_ms);
    answered(c, ledger_hold_post(c, hold->id, amount_count), wanted);
    TRY(touched(c, hold->from));
    return touched(c, hold->to);
}

static enum err op_hold_void(struct ctx *c)
{
    int at = hold_pick();
    const char *wanted;

    if (at < 0)
        return OK;
    wanted = model_hold_void(at, w.now_ms);
    answered(c, ledger_hold_void(c, model_hold_at(at)->id), wanted);
    return touched(c, model_hold_at(at)->from);
}

/* ---- time ------------------------------------------------------------------------------------ */

static enum err sweep(struct ctx *c, int64_t row_max_count)
{
    int64_t over_count, expired_count;

    TRY(ledger_holds_over(c, row_max_count, &over_count));
    same("holds out of time", over_count, model_holds_over(row_max_count, w.now_ms));
    TRY(ledger_expire(c, row_max_count, &expired_count));
    same("lots ended", expired_count, model_expire(row_max_count, w.now_ms));
    w.over_count += over_count;
    w.expired_count += expired_count;
    return OK;
}

static enum err op_time(struct ctx *c)
{
    w.now_ms += pick(30) * MINUTE_MS;
    c->now_ms = w.now_ms;
    return sweep(c, 1 + pick(8));
}

/* ---- taking back ----------------------------------------------------------------------------- */

/* What a hold's posting is called only the ledger knows. */
static enum err id_find(struct ctx *c, struct model_transfer *transfer)
{
    struct list legs;

    if (transfer->id != NONE || transfer->hold < 0)
        return OK;
    TRY(q_ledger_legs(c, S("hold_post"), model_hold_at(transfer->hold)->id, &legs));
    same("postings of a hold", legs.count, 1);
    transfer->id = ((const struct q_ledger_legs_row *)legs.at)[0].id;
    return OK;
}

static enum err op_reverse(struct ctx *c)
{
    int count = model_transfer_count(), at = count - 1 - (int)pick(count < 400 ? count : 400);
    struct model_transfer *of = model_transfer(at);
    struct taking taking = {
        .reversal = {"back", ++w.next_key_id, 0, 0, (enum ledger_policy)pick(3), S("refunded")}};
    int64_t counts[2];
    const char *wanted;

    TRY(id_find(c, of));
    if (of->id == NONE) /* the ledger's own */
        return OK;
    taking.reversal.transfer_id = of->id;
    taking.reversal.amount_count = pick(3) == 0 ? of->amount_count : 1 + pick(of->amount_count + 1);
    wanted = model_reverse(at, taking.reversal.amount_count,
                           (enum model_policy)taking.reversal.policy, w.now_ms, counts);
    if (answered(c, ledger_reverse(c, &taking.reversal, &taking.taken_count, &taking.debt_count),
                 wanted)) {
        same("taken back", taking.taken_count, counts[0]);
        same("become debt", taking.debt_count, counts[1]);
        w.taken_count += counts[0];
        w.debt_count += counts[1];
        if (counts[0] + counts[1] > 0)
            w.takings[w.taking_count++ % RING] = taking;
    }
    TRY(touched(c, of->to));
    return touched(c, of->from);
}

static enum err op_reverse_again(struct ctx *c)
{
    struct taking taking;
    int64_t taken_count, debt_count;
    bool is_wrong = pick(2) == 0;

    if (w.taking_count == 0)
        return OK;
    taking = w.takings[pick(w.taking_count < RING ? w.taking_count : RING)];
    taking.reversal.transfer_id += is_wrong ? 1 : 0;
    w.replay_count++;
    if (!answered(c, ledger_reverse(c, &taking.reversal, &taken_count, &debt_count),
                  is_wrong ? "ledger.key_reused" : ""))
        return OK;
    same("taken back before", taken_count, taking.taken_count);
    same("become debt before", debt_count, taking.debt_count);
    return OK;
}

/* ---- merging --------------------------------------------------------------------------------- */

static struct app_call asked(const char *path, const char *body)
{
    struct app_call call = {
        .method = HTTP_POST, .path = str_of(path), .body = str_of(body), .is_local = true};

    call.idempotency_key = str_fmt(w.arena, "merge %" PRId64, w.asked_count++);
    app_request(w.app, w.arena, &call);
    return call;
}

static void merge(void)
{
    int kept = model_root((int)pick(PEOPLE)), other = model_root((int)pick(PEOPLE));
    struct app_call call;
    char path[100], body[100];
    int64_t id;

    if (kept == other)
        return;
    snprintf(path, sizeof(path), "/api/customers/%" PRId64 "/merge", w.people[kept]);
    snprintf(body, sizeof(body), "{\"other_customer_id\":\"%" PRId64 "\"}", w.people[other]);
    call = asked(path, body);
    if (call.status != 200 || sscanf((const char *)call.reply.at, "{\"id\":\"%" SCNd64, &id) != 1)
        fail_msg("seed %" PRId64 ": %.*s", w.seed, STR(call.reply));
    must(w.merge_count < MERGES);
    w.merges[w.merge_count].id = id;
    w.merges[w.merge_count].kept = kept;
    w.merges[w.merge_count++].other = other;
    model_merge(kept, other);
}

/* In any order, but that of one whose person was merged on. */
static void undo(void)
{
    int64_t at = w.merge_count == 0 ? 0 : w.merge_count - 1 - pick(least_of(w.merge_count, 4));
    char path[100];

    if (w.merge_count == 0 || w.merges[at].is_undone || model_is_merged(w.merges[at].kept))
        return;
    snprintf(path, sizeof(path), "/api/merges/%" PRId64 "/undo", w.merges[at].id);
    same("the status of an undoing", asked(path, "{}").status, 200);
    w.merges[at].is_undone = true;
    w.undone_count++;
    model_undo(w.merges[at].other);
}

static void people_change(void)
{
    for (int64_t i = pick(3); i > 0; i--)
        merge();
    for (int64_t i = pick(4); i > 0; i--)
        undo();
}

/* ---- everything ------------------------------------------------------------------------------ */

static enum err group_step(struct ctx *c, void *user)
{
    static const struct {
        enum err (*run)(struct ctx *c);
        int weight;
    } ops[] = {{op_post, 45},     {op_again, 8}, {op_hold, 12},    {op_hold_post, 7},
               {op_hold_void, 4}, {op_time, 6},  {op_reverse, 14}, {op_reverse_again, 4}};

    (void)user;
    c->now_ms = w.now_ms;
    for (int64_t i = 0; i < GROUP; i++, w.step++) {
        int64_t at = pick(100), op = 0;
        while (at >= ops[op].weight)
            at -= ops[op++].weight;
        if (op == 6 && model_transfer_count() == 0)
            continue;
        TRY(ops[op].run(c));
    }
    return sweep(c, ALL);
}

static struct rows rows(const char *sql)
{
    return base_rows(w.folder, w.found, sql);
}

static int64_t cell(const struct rows *from, int row, int column)
{
    int64_t value = NONE;

    must(str_to_int(from->cells[row * from->column_count + column], &value));
    return value;
}

static int64_t number(const char *sql)
{
    struct rows found = rows(sql);

    return cell(&found, 0, 0);
}

static void accounts_compare(void)
{
    struct rows found = rows("SELECT balance_count, has_lots FROM account ORDER BY id");

    same("accounts", found.row_count, ACCOUNTS);
    for (int at = 0; at < ACCOUNTS; at++) {
        same("a balance", cell(&found, at, 0), model_balance(at));
        same("having lots", cell(&found, at, 1), model_has_lots(at));
    }
}

static void lots_compare(void)
{
    const struct model_lot *lots;
    int count = model_lots(&lots);
    struct rows found = rows("SELECT account_id, expires_ms, amount_count, left_count FROM lot"
                             " WHERE left_count > 0 ORDER BY account_id, expires_ms, transfer_id");

    same("lots with something left", found.row_count, count);
    for (int at = 0; at < count; at++) {
        same("a lot's account", cell(&found, at, 0), w.ids[lots[at].account]);
        same("a lot's end", cell(&found, at, 1), lots[at].end_ms);
        same("a lot's amount", cell(&found, at, 2), lots[at].amount_count);
        same("what is left of a lot", cell(&found, at, 3), lots[at].left_count);
    }
}

static void sums_compare(void)
{
    int64_t amount_count = 0, reversed_count = 0, posted_count = 0;

    for (int i = 0; i < model_transfer_count(); i++) {
        amount_count += model_transfer(i)->amount_count;
        reversed_count += model_transfer(i)->reversed_count;
    }
    for (int i = 0; i < model_hold_count(); i++)
        posted_count += model_hold_at(i)->posted_count;
    same("transfers", number("SELECT count(*) FROM transfer"), model_transfer_count());
    same("all moved", number("SELECT sum(amount_count) FROM transfer"), amount_count);
    same("all reversed", number("SELECT sum(reversed_count) FROM transfer"), reversed_count);
    same("holds", number("SELECT count(*) FROM hold"), model_hold_count());
    same("posted of holds", number("SELECT coalesce(sum(posted_count), 0) FROM hold"),
         posted_count);
}

static enum err check_step(struct ctx *c, void *user)
{
    struct check_report report;

    (void)user;
    c->now_ms = w.now_ms;
    TRY(check_run(c, &report));
    if (report.failed_count > 0)
        fail_msg("seed %" PRId64 " step %" PRId64 ":\n%.*s", w.seed, w.step, STR(report.text));
    return OK;
}

static void done(enum err err, const struct fault *fault)
{
    if (err != OK)
        fail_msg("seed %" PRId64 " step %" PRId64 ": %s %s %.*s", w.seed, w.step, err_name(err),
                 fault->code, STR(fault->message));
}

static void world_open(int64_t seed)
{
    struct app_config config = papilio_config;
    struct str why = {0};

    memset(&w, 0, sizeof(w));
    model_reset();
    w.seed = seed;
    w.random = (uint64_t)seed * 0x9e3779b97f4a7c15u;
    w.now_ms = START_MS;
    snprintf(w.folder, sizeof(w.folder), "/tmp/papilio-ledger-XXXXXX");
    must(mkdtemp(w.folder) != NULL);
    config.data = str_of(w.folder);
    clock_simulate(START_MS);
    w.arena = arena_new((size_t)1 << 30);
    w.found = arena_new((size_t)256 * 1024 * 1024);
    config.db = base_db(w.arena);
    if (app_open(w.arena, &config, &w.app, &why) != OK)
        fail_msg("%.*s", STR(why));
}

static void world_close(void)
{
    char command[100];

    app_close(w.app);
    base_leave();
    arena_free(w.found);
    arena_free(w.arena);
    snprintf(command, sizeof(command), "rm -rf %s", w.folder);
    must(system(command) == 0);
}

/* LEDGER_OPERATIONS says otherwise. */
static int64_t operation_count(void)
{
    const char *count = getenv("LEDGER_OPERATIONS");
    int64_t operations = base_is_shared() ? SHARED_OPERATIONS : OPERATIONS;

    if (count)
        must(str_to_int(str_of(count), &operations));
    return operations;
}

static void seed_run(int64_t seed)
{
    int64_t operations = operation_count(), few = operations / 1000;
    struct arena *arena = arena_new((size_t)1 << 30);
    struct fault fault = {0};

    world_open(seed);
    done(app_write(w.app, arena, open_step, NULL, &fault), &fault);
    while (w.step < operations) {
        clock_simulate(w.now_ms);
        arena_reset(arena);
        arena_reset(w.found);
        done(app_write(w.app, arena, group_step, NULL, &fault), &fault);
        accounts_compare();
        lots_compare();
        if (w.step % SUMS_EVERY == 0)
            sums_compare();
        people_change();
        if (w.step % CHECK_EVERY == 0)
            done(app_read(w.app, arena, check_step, NULL, &fault), &fault);
    }
    clock_simulate(w.now_ms);
    timer_await(w.app); /* nothing is left for them to do */
    accounts_compare();
    same("timers that are due and stay", number("SELECT count(*) FROM timer WHERE status = 'dead'"),
         0);
    print_message("seed %" PRId64 ": %" PRId64 " refused, %" PRId64 " replays, %" PRId64
                  " became debt, %" PRId64 " lots ended, %" PRId64 " holds over, %" PRId64
                  " merged, %" PRId64 " parted, %" PRId64 " gathered, %" PRId64 " back home\n",
                  seed, w.refused_count, w.replay_count, w.debt_count, w.expired_count,
                  w.over_count, w.merge_count, w.undone_count,
                  number("SELECT count(*) FROM transfer WHERE kind = 'gathered'"),
                  number("SELECT count(*) FROM transfer WHERE kind = 'gathered_back'"));
    assert_true(2 * w.undone_count > few &&
                number("SELECT count(*) FROM transfer WHERE kind = 'gathered_back'") > few);
    assert_true(w.refused_count > 10 * few && w.replay_count > 10 * few && w.debt_count > few);
    assert_true(w.expired_count > few && w.over_count > few && w.taken_count > 10 * few);
    world_close();
    arena_free(arena);
}

static void property_3_units_sum_to_zero_after_random_runs(void **state)
{
    const char *seeds = getenv("LEDGER_SEEDS"), *seed = getenv("LEDGER_SEED");
    int64_t first = 1, count = base_is_shared() ? 1 : 2;

    (void)state;
    if (seeds)
        must(str_to_int(str_of(seeds), &count));
    if (seed) {
        must(str_to_int(str_of(seed), &first));
        count = 1;
    }
    for (int64_t i = first; i < first + count; i++)
        seed_run(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(property_3_units_sum_to_zero_after_random_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
