/* A paid gift and a payee on the loopback that delays, repeats itself, fails and lies: whatever it
 * does, each refund leaves once, and stock, points and takings say the same as its books. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "gift.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"
#include "papilio.h"
#include "payee.h"

#define PEOPLE 240
#define PRICE_FEN 990
#define POINTS 10
#define STOCK 300
#define HOUR_MS INT64_C(3600000)
#define MOVE POST, "/api/campaigns/$k/move"
#define SEED 20260301

static int64_t people[PEOPLE], next_key_id;

/* ---- the world ------------------------------------------------------------------------------- */

#define TABLES_MAX 200
static const struct route *routes[TABLES_MAX];
static const struct play *const plays[] = {&gift_play, NULL};
static const struct saga_kind *const sagas[] = {&gift_refund, NULL};
static const struct inbox_kind *const inboxes[] = {&gift_heard, NULL};
static struct app_config config;

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

static void config_make(void)
{
    size_t count = 0;

    for (; papilio_config.routes[count]; count++)
        routes[count] = papilio_config.routes[count];
    assert_true(count + 2 < TABLES_MAX);
    routes[count] = gift_routes;
    config = papilio_config;
    config.routes = routes;
    config.plays = plays;
    config.saga_kinds = sagas;
    config.inbox_kinds = inboxes;
    config.listen = S("127.0.0.1:0");
    scenario_config = &config;
}

static int open_world(void **state)
{
    int status;

    payee_start(SEED);
    config_make();
    gift_forget();
    next_key_id = 1;
    status = scenario_open(state);
    if (status != 0)
        return status;
    scenario_write(people_step, NULL);
    payee_call_back(
        str_fmt(scenario_arena, "http://%.*s/test/payee", STR(app_address(scenario_app))));
    return 0;
}

static int close_world(void **state)
{
    int status = scenario_close(state);

    payee_stop();
    return status;
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

static const char *status_now(void)
{
    timer_await(scenario_app);
    return scenario_text(sql_of("SELECT status FROM campaign WHERE id = $k"));
}

static int64_t balance(const char *unit, const char *bucket)
{
    return number_of(str_cstr(
        scenario_arena, str_fmt(scenario_arena,
                                "SELECT coalesce(sum(balance_count), 0) FROM account WHERE owner_id"
                                " = $k AND unit = '%s' AND bucket = '%s'",
                                unit, bucket)));
}

/* Every invariant of the base, the ledger's among them. */
static void books_check(void)
{
    struct app_call call = scenario_ask(AS_LOCAL, GET, "/local/check", NULL);

    if (call.status != 200 || str_find(call.reply, S("\"failed_count\":0")) < 0)
        fail_msg("%.*s", STR(call.reply));
}

static const struct scenario open_cases[] = {
    {"made", AS_ADMIN, POST, "/api/campaigns",
     "{'kind':'gift','title':'G','ends_ms':1774000000000,'rules':{'stock_count':300,"
     "'limit_count':2,'price_fen':990,'points_count':10}}",
     200, "", NULL, .keep = "k", .is_plain = true},
    {"funded", AS_ADMIN, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':3000,'reason':'b'}", 200, "", NULL, .key = "fund",
     .is_plain = true},
    {"to review", AS_ADMIN, MOVE, "{'to_status':'in_review'}", 200, "", NULL, .is_plain = true},
    {"published", AS_ADMIN, MOVE, "{'to_status':'scheduled'}", 200, "", NULL, .is_plain = true},
};

static void gift_open(void)
{
    scenario_run(open_cases);
    assert_string_equal(status_now(), "running");
}

static struct gift_claim claimed(int person)
{
    struct gift_claim claim = {.campaign_id = strtoll(scenario_get("k"), NULL, 10),
                               .person_id = people[person],
                               .key_id = next_key_id++};

    scenario_write(gift_claim_step, &claim);
    assert_false(claim.is_held);
    gift_claim_keep(&claim);
    return claim;
}

static void refund(int64_t key_id)
{
    scenario_write(gift_refund_step, &key_id);
}

/* Hour after hour, until no refund is open or all hours are over. */
static int64_t refunds_await(int hours)
{
    int64_t now_ms = scenario_number("SELECT max(created_ms) FROM saga"), open_count = 0;

    for (int i = 0; i < hours; i++) {
        saga_await(scenario_app);
        inbox_await(scenario_app);
        saga_await(scenario_app);
        open_count = scenario_number("SELECT count(*) FROM saga WHERE status NOT IN "
                                     "('succeeded', 'failed')");
        if (open_count == 0)
            return 0;
        scenario_clock(now_ms += HOUR_MS);
    }
    return open_count;
}

/* ---- a life ---------------------------------------------------------------------------------- */

/* Open refunds hold the settling up; what is over is in the books of both. */
static void test_life(void **state)
{
    (void)state;
    gift_open();
    for (int i = 0; i < 5; i++)
        claimed(i);
    assert_int_equal(balance("fen", "available"), 5 * PRICE_FEN);
    payee_only(PAYEE_KIND);
    refund(1);
    refund(1); /* the same again */
    assert_int_equal(refunds_await(1), 0);
    assert_int_equal(payee_paid_count(), 1);
    assert_int_equal(balance("fen", "available"), 4 * PRICE_FEN);
    assert_int_equal(balance("pieces", "budget"), STOCK - 4);
    assert_int_equal(balance("points", "budget"), 10 * STOCK - 4 * POINTS);
    payee_only(PAYEE_REFUSES);
    refund(2);
    assert_int_equal(refunds_await(1), 0);
    assert_int_equal(balance("fen", "available"), 4 * PRICE_FEN);
    assert_int_equal(balance("pieces", "budget"), STOCK - 4);
    payee_only(PAYEE_MUTE);
    payee_shut(true); /* a thread may ask it as soon as the clock jumps */
    refund(3);
    saga_await(scenario_app);
    scenario_clock(1774000000000);
    assert_string_equal(status_now(), "settling"); /* somebody waits for money */
    payee_shut(false);
    assert_int_equal(refunds_await(48), 0);
    scenario_clock(1774000000000 + 72 * HOUR_MS);
    assert_string_equal(status_now(), "settled");
    assert_int_equal(balance("points", "budget"), 0);
    assert_int_equal(payee_paid_count(), 2);
    books_check();
}

/* ---- a storm --------------------------------------------------------------------------------- */

static void books_agree(int64_t refund_count)
{
    int64_t succeeded_count =
        scenario_number("SELECT count(*) FROM saga WHERE status = 'succeeded'");
    int64_t refused_count = scenario_number("SELECT count(*) FROM saga WHERE status = 'failed'");

    assert_int_equal(succeeded_count + refused_count, refund_count);
    assert_int_equal(refused_count, payee_mood_count(PAYEE_REFUSES));
    assert_int_equal(payee_paid_count(), succeeded_count);
    assert_int_equal(payee_broken_count(), 0);
    assert_int_equal(balance("fen", "in_transit"), 0);
    assert_int_equal(balance("fen", "available"), (PEOPLE - succeeded_count) * PRICE_FEN);
    assert_int_equal(balance("pieces", "issued"), PEOPLE - succeeded_count);
    assert_int_equal(balance("points", "budget"), 10 * STOCK - (PEOPLE - succeeded_count) * POINTS);
    assert_int_equal(scenario_number("SELECT count(*) FROM reward_grant WHERE status = 'revoked'"),
                     succeeded_count);
    books_check();
}

static void each_left_once(int64_t refund_count)
{
    for (int64_t key_id = 1; key_id <= refund_count; key_id++) {
        struct str sql =
            str_fmt(scenario_arena, "SELECT id FROM saga WHERE key_id = %" PRId64, key_id);
        int64_t number = scenario_number(str_cstr(scenario_arena, sql));
        int64_t wanted_fen = payee_mood(number) == PAYEE_REFUSES ? 0 : PRICE_FEN;
        assert_int_equal(payee_paid_fen(number), wanted_fen);
    }
}

static void test_storm(void **state)
{
    int64_t open_count, difference_count;

    (void)state;
    gift_open();
    for (int i = 0; i < PEOPLE; i++)
        claimed(i);
    for (int64_t key_id = 1; key_id <= PEOPLE; key_id++)
        refund(key_id);
    open_count = refunds_await(20);
    for (int mood = 0; mood < PAYEE_MOOD_COUNT; mood++)
        assert_true(payee_mood_count((enum payee_mood)mood) > 10);
    /* who lies about the amount moves nothing until the bill comes */
    assert_int_equal(open_count, payee_mood_count(PAYEE_LIES));
    assert_true(scenario_number("SELECT count(*) FROM bill_difference WHERE kind = 'amount'") >=
                open_count);
    assert_int_equal(saga_reconcile(scenario_app, gift_refund.name,
                                    scenario_number("SELECT min(created_ms) / 86400000 FROM saga"),
                                    &difference_count),
                     OK);
    assert_int_equal(refunds_await(1), 0);
    payee_rest();
    inbox_await(scenario_app);
    each_left_once(PEOPLE);
    books_agree(PEOPLE);
    assert_int_equal(scenario_number("SELECT count(*) FROM inbox WHERE status <> 'done'"), 0);
    print_message("%d refunds: %d paid once, %d refused; %d late, %d called back, %d lied about\n",
                  PEOPLE, payee_paid_count(), payee_mood_count(PAYEE_REFUSES),
                  payee_mood_count(PAYEE_LATE), payee_mood_count(PAYEE_SLOW),
                  payee_mood_count(PAYEE_LIES));
}

/* ---- terminated ------------------------------------------------------------------------------ */

static const struct scenario terminate_cases[] = {
    {"without a word", AS_ADMIN, MOVE, "{'to_status':'terminated'}", 400, "campaign.reason", NULL},
    {"terminated", AS_ADMIN, MOVE, "{'to_status':'terminated','reason':'recall'}", 200, "", NULL,
     .is_plain = true}, /* its clock runs beside */
    {"not put away while money is on its way", AS_ADMIN, MOVE, "{'to_status':'archived'}", 409,
     "campaign.move", NULL},
};
static const struct scenario archive_cases[] = {
    {"put away", AS_ADMIN, MOVE, "{'to_status':'archived'}", 200, "", NULL, .is_plain = true},
};

static void test_terminated(void **state)
{
    (void)state;
    gift_open();
    for (int i = 0; i < 6; i++)
        claimed(i);
    payee_only(PAYEE_MUTE);
    scenario_run(terminate_cases);
    timer_await(scenario_app); /* two persons a commit */
    assert_int_equal(scenario_number("SELECT count(*) FROM saga"), 6);
    assert_int_equal(refunds_await(48), 0);
    assert_int_equal(payee_paid_count(), 6);
    assert_int_equal(balance("fen", "available"), 0);
    scenario_run(archive_cases);
    assert_int_equal(balance("pieces", "budget"), 0);
    assert_int_equal(balance("points", "budget"), 0);
    books_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_storm, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_terminated, open_world, close_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
