/* The giveaway through the whole house: its life, its limits, and a flash sale of 10,000 claims.
 * Properties are numbered as the plays' list of them. */
#include "scenario.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/clock.h"
#include "kit/session.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"
#include "play/play.h"

#define MOVE POST, "/api/campaigns/$k/move"
#define CLAIM POST, "/api/giveaways/$k/claims"
#define VERSION POST, "/api/campaigns/$k/versions"

/* ---- the world ------------------------------------------------------------------------------- */

#define PEOPLE 510
#define NAMED 10 /* the first have names */
static int64_t people[PEOPLE];

static enum err people_step(struct ctx *c, void *user)
{
    (void)user;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct customer_new n;
        customer_new_init(&n);
        TRY(customer_add(c, &n, &people[i]));
    }
    return OK;
}

static int open_world(void **state)
{
    int status = scenario_open(state);

    if (status != 0)
        return status;
    scenario_write(people_step, NULL);
    for (int i = 0; i < NAMED; i++) {
        static const char *const names[] = {"ana", "bo",  "cy",  "dan", "eve",
                                            "fay", "gus", "hal", "ivy", "jo"};
        scenario_set(names[i],
                     str_cstr(scenario_arena, str_fmt(scenario_arena, "%" PRId64, people[i])));
    }
    return 0;
}

/* A running giveaway under $k. */
static void giveaway_open(const char *rules, int64_t points_count)
{
    char body[400];

    snprintf(body, sizeof(body),
             "{'kind':'giveaway','title':'G','rules':%s,'ends_ms':1773000000000}", rules);
    scenario_run(((const struct scenario[]){
        {"made", AS_OPERATOR, POST, "/api/campaigns", body, 200, "", NULL, .keep = "k",
         .is_plain = true},
    }));
    snprintf(body, sizeof(body), "{'unit':'points','amount':%" PRId64 ",'reason':'b'}",
             points_count);
    scenario_run(((const struct scenario[]){
        {"funded", AS_OPERATOR, POST, "/api/campaigns/$k/budget", body, 200, "", NULL,
         .key = "fund $k", .is_plain = true},
        {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "", NULL,
         .is_plain = true},
        {"published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "", NULL,
         .is_plain = true},
    }));
    timer_await(scenario_app);
}

/* With its names put in, and the quotes as SQL has them. */
static const char *sql_of(const char *text)
{
    char *sql = str_cstr(scenario_arena, scenario_filled(text));

    for (char *at = sql; *at; at++)
        if (*at == '"')
            *at = '\'';
    return sql;
}

static int64_t number_of(const char *sql)
{
    return scenario_number(sql_of(sql));
}

static int64_t balance(const char *owner, const char *unit, const char *bucket)
{
    return number_of(str_cstr(
        scenario_arena,
        str_fmt(scenario_arena,
                "SELECT coalesce(sum(balance_count), 0) FROM account WHERE owner_id = $%s AND unit "
                "= '%s' AND bucket = '%s'",
                owner, unit, bucket)));
}

/* Every invariant of the base, the ledger's among them. */
static void books_check(void)
{
    struct app_call call = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);

    if (call.status != 200 || str_find(call.reply, S("\"failed_count\":0")) < 0)
        fail_msg("%.*s", STR(call.reply));
}

/* ---- a life ---------------------------------------------------------------------------------- */

static const struct scenario claim_cases[] = {
    {"nobody", AS_NOBODY, CLAIM, "{'customer_id':'$ana'}", 401, "", ""},
    {"viewer", AS_VIEWER, CLAIM, "{'customer_id':'$ana'}", 403, "", ""},
    {"no such customer", AS_OPERATOR, CLAIM, "{'customer_id':'7'}", 404, "customer.unknown", ""},
    {"no such campaign", AS_OPERATOR, POST, "/api/giveaways/7/claims", "{'customer_id':'$ana'}",
     404, "campaign.unknown", ""},
    {"no customer", AS_OPERATOR, CLAIM, "{}", 400, "input.required", ""},
    {"ana", AS_OPERATOR, CLAIM, "{'customer_id':'$ana'}", 200, "'points_count':5,'is_held':false",
     "campaign_entered reward_granted"},
    {"ana again", AS_OPERATOR, CLAIM, "{'customer_id':'$ana'}", 409, "counter.full", ""},
    {"bo", AS_OPERATOR, CLAIM, "{'customer_id':'$bo'}", 200, "'is_held':false",
     "campaign_entered reward_granted"},
    {"all gone", AS_OPERATOR, CLAIM, "{'customer_id':'$cy'}", 409, "giveaway.out_of_stock", ""},
    {"two in it", AS_VIEWER, GET, "/api/campaigns/$k", NULL, 200, "'participant_count':2", ""},
    {"not cancelled any more", AS_OPERATOR, MOVE, "{'to_status':'cancelled','reason':'x'}", 409,
     "campaign.move", ""},
    {"terminated", AS_OPERATOR, MOVE, "{'to_status':'terminated','reason':'recall'}", 200, "{}",
     "campaign_moved"},
    {"nothing more", AS_OPERATOR, CLAIM, "{'customer_id':'$ana'}", 409, "campaign.closed", ""},
    {"nothing is owed", AS_OPERATOR, MOVE, "{'to_status':'archived'}", 200, "{}", "campaign_moved"},
};

static void test_life(void **state)
{
    (void)state;
    giveaway_open("{'stock_count':2,'day_limit_count':1,'points_count':5,'points_days':30}", 10);
    scenario_run(claim_cases);
    assert_int_equal(balance("ana", "points", "available"), 5);
    assert_int_equal(balance("k", "pieces", "issued"), 2);
    assert_int_equal(balance("k", "points", "budget"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM lot WHERE left_count = 5"), 2);
    books_check();
}

/* The campaign's own day: it begins at four, so half past three is yesterday. */
static void test_business_day(void **state)
{
    const int64_t at_ms = INT64_C(1772479800000); /* 2026-03-03 03:30 in Shanghai */

    (void)state;
    scenario_run(((const struct scenario[]){
        {"made", AS_OPERATOR, POST, "/api/campaigns",
         "{'kind':'giveaway','title':'D','day_start_minutes_count':240,'rules':{'stock_count':9,"
         "'day_limit_count':1,'points_count':1,'total_limit_count':2},'ends_ms':1773000000000}",
         200, "", NULL, .keep = "k", .is_plain = true},
        {"funded", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
         "{'unit':'points','amount':9,'reason':'b'}", 200, "", NULL, .key = "day",
         .is_plain = true},
        {"review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "", NULL, .is_plain = true},
        {"go", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "", NULL, .is_plain = true},
    }));
    timer_await(scenario_app);
    scenario_clock(at_ms);
    scenario_run(((const struct scenario[]){
        {"before four", AS_OPERATOR, CLAIM, "{'customer_id':'$cy'}", 200, "", NULL, .key = "d1",
         .is_plain = true},
        {"a day's one", AS_OPERATOR, CLAIM, "{'customer_id':'$cy'}", 409, "counter.full", "",
         .key = "d2", .is_plain = true},
    }));
    scenario_clock(at_ms + INT64_C(30) * 60000);
    scenario_run(((const struct scenario[]){
        {"a new day", AS_OPERATOR, CLAIM, "{'customer_id':'$cy'}", 200, "", NULL, .key = "d3",
         .is_plain = true},
    }));
    scenario_clock(at_ms + 2 * DAY_MS);
    scenario_run(((const struct scenario[]){
        {"two altogether", AS_OPERATOR, CLAIM, "{'customer_id':'$cy'}", 409, "counter.full", "",
         .key = "d4", .is_plain = true},
    }));
}

/* By taking back what funded it: with a reason, and above the set amount by two. */
static void test_a_budget_is_taken_out_by_hand(void **state)
{
    (void)state;
    giveaway_open("{'stock_count':4,'day_limit_count':1,'points_count':10}", 100);
    scenario_set("fund", scenario_text(sql_of("SELECT t.id FROM transfer t JOIN account a ON a.id ="
                                              " t.to_account_id WHERE t.kind = 'campaign_budget'"
                                              " AND a.owner_id = $k")));
    scenario_run(((const struct scenario[]){
        {"a part", AS_ADMIN, POST, "/api/transfers/$fund/reverse",
         "{'amount_count':60,'policy':'up_to_balance','reason':'too much'}", 200,
         "'status':'done','taken_count':60", NULL, .key = "out1"},
        {"no more than was put in", AS_ADMIN, POST, "/api/transfers/$fund/reverse",
         "{'amount_count':41,'policy':'up_to_balance','reason':'more'}", 409, "ledger.reversed",
         NULL, .key = "out2"},
    }));
    assert_int_equal(balance("k", "points", "budget"), 40);
    books_check();
}

/* ---- property 12 ----------------------------------------------------------------------------- */

static const struct scenario diff_cases[] = {
    {"eve comes in", AS_OPERATOR, CLAIM, "{'customer_id':'$eve'}", 200, "'points_count':5", NULL},
    {"worse", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':8,'day_limit_count':3,'points_count':4},'reason':'r'}", 409,
     "campaign.unfavourable", ""},
    {"better", AS_OPERATOR, VERSION,
     "{'rules':{'stock_count':8,'day_limit_count':3,'points_count':6},'reason':'r'}", 200,
     "'version_number':2", NULL},
    {"eve keeps the old", AS_OPERATOR, CLAIM, "{'customer_id':'$eve'}", 200, "'points_count':5",
     NULL},
    {"ana has the new", AS_OPERATOR, CLAIM, "{'customer_id':'$ana'}", 200, "'points_count':6",
     NULL},
    {"eve and fay are one", AS_OPERATOR, POST, "/api/customers/$fay/merge",
     "{'other_customer_id':'$eve'}", 200, "", NULL},
};

static void property_12_unfavourable_edit_is_refused_and_who_is_in_keeps_the_old_version(
    void **state)
{
    (void)state;
    giveaway_open("{'stock_count':8,'day_limit_count':3,'points_count':5}", 100);
    scenario_run(diff_cases);
    assert_int_equal(number_of("SELECT version_number FROM participant WHERE campaign_id = $k AND "
                               "customer_id = $eve"),
                     1);
    assert_int_equal(number_of("SELECT version_number FROM participant WHERE campaign_id = $k AND "
                               "customer_id = $ana"),
                     2);
    scenario_run(((const struct scenario[]){
        {"bound by the other record", AS_OPERATOR, CLAIM, "{'customer_id':'$fay'}", 200,
         "'points_count':5", NULL},
        {"one person, one limit", AS_OPERATOR, CLAIM, "{'customer_id':'$fay'}", 409, "counter.full",
         ""},
        {"by the old record too", AS_OPERATOR, CLAIM, "{'customer_id':'$eve'}", 409, "counter.full",
         ""},
    }));
    assert_int_equal(number_of("SELECT participant_count FROM campaign WHERE id = $k"), 2);
    assert_string_equal(scenario_text(sql_of("SELECT substr(rules, 1, 30) FROM campaign_version "
                                             "WHERE campaign_id = $k AND version_number = 1")),
                        "{\"stock_count\":8,\"day_limit_co");
    books_check();
}

/* ---- property 7 ------------------------------------------------------------------------------ */

struct taking {
    int64_t reward_id, key_id, amount_count, taken_count;
    enum ledger_policy policy;
};

static enum err taking_step(struct ctx *c, void *user)
{
    struct taking *taking = user;

    return reward_revoke(c, taking->reward_id,
                         &(struct revocation){.kind = "test_refund",
                                              .key_id = taking->key_id,
                                              .amount_count = taking->amount_count,
                                              .policy = taking->policy},
                         &taking->taken_count);
}

/* As one refund, whole or half, of what the person of that name claimed. */
static enum err taken(const char *name, int64_t key_id, int64_t amount_count,
                      enum ledger_policy policy, struct taking *out)
{
    struct taking taking = {.key_id = key_id, .amount_count = amount_count, .policy = policy};
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT id FROM reward_grant WHERE campaign_id = $k AND customer_id = $%s", name);
    taking.reward_id = number_of(sql);
    if (out == NULL)
        out = &taking;
    *out = taking;
    return app_write(scenario_app, scenario_arena, taking_step, out, NULL);
}

struct spending {
    int64_t person_id, key_id, amount_count;
    bool is_income;
};

static enum err spending_step(struct ctx *c, void *user)
{
    const struct spending *spending = user;
    const struct account accounts[] = {
        {"customer", spending->person_id, UNIT_POINTS, BUCKET_AVAILABLE, 0},
        {"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
    };
    int64_t ids[2];
    bool is_replay;

    TRY(ledger_open(c, accounts, 2, ids));
    return ledger_post(c,
                       &(struct transfer){.kind = "test_spend",
                                          .key_id = spending->key_id,
                                          .from_id = ids[spending->is_income ? 1 : 0],
                                          .to_id = ids[spending->is_income ? 0 : 1],
                                          .amount_count = spending->amount_count,
                                          .expires_ms = NONE},
                       1, &is_replay, NULL);
}

static void spent(int person, int64_t key_id, int64_t amount_count, bool is_income)
{
    scenario_write(spending_step,
                   &(struct spending){people[person], key_id, amount_count, is_income});
}

static void expect_points(const char *name, int64_t available_count, int64_t debt_count)
{
    assert_int_equal(balance(name, "points", "available"), available_count);
    assert_int_equal(balance(name, "points", "debt"), -debt_count);
}

static const struct scenario refund_cases[] = {
    {"gus", AS_OPERATOR, CLAIM, "{'customer_id':'$gus'}", 200, "", NULL, .is_plain = true,
     .key = "7a"},
    {"hal", AS_OPERATOR, CLAIM, "{'customer_id':'$hal'}", 200, "", NULL, .is_plain = true,
     .key = "7b"},
    {"ivy", AS_OPERATOR, CLAIM, "{'customer_id':'$ivy'}", 200, "", NULL, .is_plain = true,
     .key = "7c"},
    {"jo", AS_OPERATOR, CLAIM, "{'customer_id':'$jo'}", 200, "", NULL, .is_plain = true,
     .key = "7d"},
};

static void ends_and_settles(void)
{
    scenario_clock(1773000000000);
    timer_await(scenario_app);
    assert_string_equal(scenario_text(sql_of("SELECT status FROM campaign WHERE id ="
                                             " $k")),
                        "settled");
}

/* All four got ten points; gus and hal spend seven of them, ivy's end, jo keeps what is there. */
static void property_7_refund_after_settlement_spend_and_expiry(void **state)
{
    int64_t budget_count;
    struct taking taking;

    (void)state;
    giveaway_open("{'stock_count':4,'day_limit_count':1,'points_count':10,'points_days':2}", 40);
    scenario_run(refund_cases);
    spent(6, 1, 7, false);
    spent(7, 2, 7, false);
    assert_int_equal(taken("jo", 70, 10, REVERSE_ONLY_PENDING, NULL), OK); /* not pending: stays */
    expect_points("jo", 10, 0);
    assert_int_equal(taken("jo", 71, 10, REVERSE_UP_TO_BALANCE, &taking), OK);
    assert_int_equal(taking.taken_count, 10);
    expect_points("jo", 0, 0);
    ends_and_settles(); /* and what was left of ivy's points has ended */
    expect_points("ivy", 0, 0);
    budget_count = balance("k", "points", "budget");
    assert_int_equal(budget_count, 0);
    assert_int_equal(taken("gus", 72, 10, REVERSE_CREATE_DEBT, &taking), OK);
    expect_points("gus", 0, 7);
    /* two halves are one whole, and no more than that */
    assert_int_equal(taken("hal", 73, 5, REVERSE_CREATE_DEBT, NULL), OK);
    assert_int_equal(taken("hal", 73, 5, REVERSE_CREATE_DEBT, NULL), OK); /* the same again */
    assert_int_equal(taken("hal", 74, 5, REVERSE_CREATE_DEBT, NULL), OK);
    expect_points("hal", 0, 7);
    assert_int_equal(taken("hal", 75, 1, REVERSE_CREATE_DEBT, NULL), E_CONFLICT);
    assert_int_equal(taken("ivy", 76, 10, REVERSE_CREATE_DEBT, NULL), OK); /* from what has ended */
    expect_points("ivy", 0, 0);
    /* it is over: what comes back goes where its budget came from */
    assert_int_equal(balance("k", "points", "budget"), 0);
    assert_int_equal(number_of("SELECT sum(t.amount_count) FROM transfer t JOIN account a ON a.id ="
                               " t.from_account_id WHERE t.kind = 'campaign_budget_rest' AND"
                               " a.owner_id = $k AND a.unit = 'points'"),
                     40);
    assert_int_equal(number_of("SELECT count(*) FROM reward_grant WHERE campaign_id = $k AND status"
                               " = 'revoked' AND revoked_count = 10"),
                     4);
    spent(6, 3, 9, true); /* the next income pays the debt first */
    expect_points("gus", 2, 0);
    books_check();
}

/* ---- property 1 ------------------------------------------------------------------------------ */

#define THREADS 64
#define CLAIMS 10000
#define STOCK 1000
#define PERSON_LIMIT 3

static struct {
    struct str path, cookie, csrf;
    _Atomic int next, won, full, out_of_stock, other;
    _Atomic int64_t longest_us;
    int64_t wins[PEOPLE];
    pthread_mutex_t lock;
} rush;

static void longest_keep(int64_t took_us)
{
    int64_t longest_us = rush.longest_us;

    while (took_us > longest_us &&
           !__atomic_compare_exchange_n((int64_t *)&rush.longest_us, &longest_us, took_us, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
}

static void claim_count(const struct app_call *call, int person)
{
    if (call->status == 200) {
        rush.won++;
        pthread_mutex_lock(&rush.lock);
        rush.wins[person]++;
        pthread_mutex_unlock(&rush.lock);
    } else if (call->status == 409 && str_find(call->reply, S("counter.full")) > 0)
        rush.full++;
    else if (call->status == 409 && str_find(call->reply, S("giveaway.out_of_stock")) > 0)
        rush.out_of_stock++;
    else
        rush.other++;
}

static void *claimer(void *user)
{
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    int at;

    (void)user;
    while ((at = rush.next++) < CLAIMS) {
        int person = NAMED + (int)((unsigned)at * 7919u % (PEOPLE - NAMED));
        struct app_call call = {
            .method = POST,
            .path = rush.path,
            .query = S(""),
            .body = str_fmt(arena, "{\"customer_id\":\"%" PRId64 "\"}", people[person]),
            .cookie = rush.cookie,
            .csrf = rush.csrf,
            .idempotency_key = str_fmt(arena, "rush %d", at),
        };
        int64_t began_us = clock_mono_us();
        app_request(scenario_app, arena, &call);
        longest_keep(clock_mono_us() - began_us);
        claim_count(&call, person);
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

static enum err session_step(struct ctx *c, void *user)
{
    int64_t staff_id = *(int64_t *)user;

    TRY(session_begin(c, staff_id, &rush.csrf));
    rush.csrf = str_copy(scenario_arena, rush.csrf);
    rush.cookie = str_copy(scenario_arena, c->session_token);
    return OK;
}

static void rush_run(void)
{
    int64_t staff_id = scenario_number("SELECT id FROM staff WHERE login = 'operator'");
    pthread_t threads[THREADS];

    scenario_write(session_step, &staff_id);
    rush.path = scenario_filled("/api/giveaways/$k/claims");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claimer, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* With 64 askers none waits for more than the commits of those before it: the longest is printed.
 */
static void property_1_of_n_claims_exactly_the_stock_wins(void **state)
{
    int64_t in_hand = 0;

    (void)state;
    giveaway_open("{'stock_count':1000,'day_limit_count':3,'points_count':5}", 5 * STOCK);
    rush_run();
    print_message("%d claims from %d threads: %d won, %d at the person's limit, %d out of stock; "
                  "the longest took %" PRId64 " ms\n",
                  CLAIMS, THREADS, rush.won, rush.full, rush.out_of_stock, rush.longest_us / 1000);
    assert_int_equal(rush.won, STOCK);
    assert_int_equal(rush.other, 0);
    assert_int_equal(rush.won + rush.full + rush.out_of_stock, CLAIMS); /* all were answered */
    for (int i = 0; i < PEOPLE; i++) {
        assert_true(rush.wins[i] <= PERSON_LIMIT);
        in_hand += rush.wins[i];
    }
    assert_int_equal(in_hand, STOCK);
    assert_int_equal(balance("k", "pieces", "budget"), 0);
    assert_int_equal(balance("k", "pieces", "issued"), STOCK);
    assert_int_equal(balance("k", "points", "budget"), 0);
    assert_int_equal(number_of("SELECT count(*) FROM reward_grant WHERE campaign_id = $k"), STOCK);
    assert_int_equal(number_of("SELECT sum(used_count) FROM counter WHERE scope_id = $k"), STOCK);
    books_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_business_day),
        cmocka_unit_test(
            property_12_unfavourable_edit_is_refused_and_who_is_in_keeps_the_old_version),
        cmocka_unit_test(property_1_of_n_claims_exactly_the_stock_wins),
        cmocka_unit_test(test_a_budget_is_taken_out_by_hand),
        cmocka_unit_test(property_7_refund_after_settlement_spend_and_expiry), /* moves the clock */
    };

    return cmocka_run_group_tests(tests, open_world, scenario_close);
}
