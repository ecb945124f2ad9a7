/* Rewards and the risk gate: given once, held with a reason, decided, never without a budget. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "kit/timer.h"
#include "manage/customer/customer.h"
#include "play/play.h"

#define MOVE POST, "/api/campaigns/$k/move"
#define BUDGET 1000
#define PEOPLE 40

static int64_t campaign_id, people[PEOPLE];

/* ---- the world ------------------------------------------------------------------------------- */

static enum err people_step(struct ctx *c, void *user)
{
    (void)user;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct customer_new n;
        customer_new_init(&n);
        n.name = S("某人");
        TRY(customer_add(c, &n, &people[i]));
    }
    return OK;
}

static const struct scenario world_cases[] = {
    {"a campaign", AS_OPERATOR, POST, "/api/campaigns",
     "{'kind':'giveaway','title':'G','rules':{'stock_count':1,'day_limit_count':1,"
     "'points_count':1},'ends_ms':1900000000000}",
     200, "", NULL, .keep = "k", .is_plain = true},
    {"points", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'points','amount':1000,'reason':'b'}", 200, "", NULL, .key = "p", .is_plain = true},
    {"growth", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'growth','amount':1000,'reason':'b'}", 200, "", NULL, .key = "g", .is_plain = true},
    {"chances", AS_OPERATOR, POST, "/api/campaigns/$k/budget",
     "{'unit':'chances','amount':1000,'reason':'b'}", 200, "", NULL, .key = "c", .is_plain = true},
    {"to review", AS_OPERATOR, MOVE, "{'to_status':'in_review'}", 200, "", NULL, .is_plain = true},
    {"published", AS_OPERATOR, MOVE, "{'to_status':'scheduled'}", 200, "", NULL, .is_plain = true},
};

static int open_world(void **state)
{
    int status = scenario_open(state);

    if (status != 0)
        return status;
    scenario_run(world_cases);
    timer_await(scenario_app);
    campaign_id = strtoll(scenario_get("k"), NULL, 10);
    scenario_write(people_step, NULL);
    return 0;
}

/* ---- one grant ------------------------------------------------------------------------------- */

struct grant {
    struct reward reward;
    struct risk_signs signs;
    bool is_held;
    enum err err;
    struct fault fault;
};

static enum err grant_step(struct ctx *c, void *user)
{
    struct grant *grant = user;

    return reward_grant(c, &grant->reward, &grant->signs, &grant->is_held);
}

static struct grant given(int person, int64_t key_id, struct risk_signs signs)
{
    struct grant grant = {
        .reward = {.campaign_id = campaign_id,
                   .person_id = people[person],
                   .kind = "points",
                   .key_kind = "test",
                   .key_id = key_id,
                   .amount_count = 2,
                   .expires_ms = NONE},
        .signs = signs,
    };

    grant.err = app_write(scenario_app, scenario_arena, grant_step, &grant, &grant.fault);
    return grant;
}

static struct risk_signs nothing(void)
{
    return (struct risk_signs){.inviter_person_id = NONE};
}

static int64_t balance(int64_t owner_id, const char *unit, const char *bucket)
{
    struct str sql = str_fmt(scenario_arena,
                             "SELECT coalesce(sum(balance_count), 0) FROM account WHERE owner_id = "
                             "%" PRId64 " AND unit = '%s' AND bucket = '%s'",
                             owner_id, unit, bucket);

    return scenario_number(str_cstr(scenario_arena, sql));
}

static const char *reason_of(const struct grant *grant)
{
    return scenario_text(
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "SELECT risk_reason FROM reward_grant WHERE id = %" PRId64,
                         grant->reward.id)));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_one_key_one_reward(void **state)
{
    struct grant first = given(0, 1, nothing()), again = given(0, 1, nothing()), other;
    uint64_t before = scenario_state();

    (void)state;
    assert_int_equal(first.err, OK);
    assert_false(first.is_held);
    assert_int_equal(again.err, OK);
    assert_int_equal(again.reward.id, first.reward.id);
    assert_int_equal(balance(people[0], "points", "available"), 2);
    assert_int_equal(balance(campaign_id, "points", "budget"), BUDGET - 2);
    other = first;
    other.reward.amount_count = 3;
    assert_int_equal(app_write(scenario_app, scenario_arena, grant_step, &other, &other.fault),
                     E_CONFLICT);
    assert_string_equal(other.fault.code, "reward.key_reused");
    assert_true(scenario_state() == before);
}

/* Points and growth count for the brand, chances for their campaign. */
static void test_kinds(void **state)
{
    static const char *const kinds[] = {"growth", "chances"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct grant grant = {.reward = {.campaign_id = campaign_id,
                                         .person_id = people[1],
                                         .kind = kinds[i],
                                         .key_kind = kinds[i],
                                         .key_id = 1,
                                         .amount_count = 7,
                                         .expires_ms = NONE},
                              .signs = nothing()};
        scenario_write(grant_step, &grant);
        assert_int_equal(balance(people[1], kinds[i], "available"), 7);
        assert_int_equal(balance(campaign_id, kinds[i], "budget"), BUDGET - 7);
    }
    assert_int_equal(scenario_number("SELECT scope_id FROM account WHERE unit = 'chances' AND "
                                     "bucket = 'available'"),
                     campaign_id);
    assert_int_equal(scenario_number("SELECT scope_id FROM account WHERE unit = 'growth' AND bucket"
                                     " = 'available'"),
                     0);
}

static void test_empty_budget(void **state)
{
    struct grant grant = {.reward = {.campaign_id = campaign_id,
                                     .person_id = people[2],
                                     .kind = "points",
                                     .key_kind = "much",
                                     .key_id = 1,
                                     .amount_count = BUDGET,
                                     .expires_ms = NONE},
                          .signs = nothing()};
    uint64_t before = scenario_state();

    (void)state;
    assert_int_equal(app_write(scenario_app, scenario_arena, grant_step, &grant, &grant.fault),
                     E_CONFLICT);
    assert_string_equal(grant.fault.code, "reward.budget");
    assert_true(scenario_state() == before);
}

/* The first persons of a device pass, then one is held; a day later it is quiet again. */
static void test_shared_device(void **state)
{
    struct risk_signs signs = nothing();
    struct grant grant;

    (void)state;
    signs.device = S("d-1");
    for (int i = 3; i < 6; i++)
        assert_false(given(i, 100 + i, signs).is_held);
    assert_false(given(4, 150, signs).is_held);
    grant = given(6, 106, signs);
    assert_int_equal(grant.err, OK);
    assert_true(grant.is_held);
    assert_string_equal(reason_of(&grant), "device_shared:3");
    assert_int_equal(balance(people[6], "points", "available"), 0);
    assert_int_equal(balance(people[6], "points", "pending"), 2);
    assert_int_equal(scenario_number("SELECT count(*) FROM risk_sign WHERE sign_hash = 'd-1'"), 0);
    signs.device = S("d-2");
    assert_false(given(6, 107, signs).is_held);
    scenario_clock(scenario_number("SELECT max(seen_ms) FROM risk_sign") + DAY_MS + 1);
    signs.device = S("d-1");
    assert_false(given(7, 108, signs).is_held);
}

static void test_payer_and_inviter(void **state)
{
    struct risk_signs signs = nothing();
    struct grant grant;

    (void)state;
    signs.payer = S("card");
    assert_false(given(8, 200, signs).is_held);
    assert_false(given(9, 201, signs).is_held);
    grant = given(10, 202, signs);
    assert_string_equal(reason_of(&grant), "payer_shared:2");
    signs = nothing();
    signs.inviter_person_id = people[11];
    grant = given(11, 203, signs);
    assert_string_equal(reason_of(&grant), "self_invite:1");
    signs.payer = S("card-2");
    signs.inviter_person_id = NONE;
    assert_false(given(12, 204, signs).is_held);
    signs.inviter_person_id = people[12];
    grant = given(13, 205, signs);
    assert_string_equal(reason_of(&grant), "inviter_payer:1");
    signs = nothing();
    signs.device = S("d-9");
    assert_false(given(14, 206, signs).is_held);
    signs.inviter_person_id = people[14];
    grant = given(15, 207, signs);
    assert_string_equal(reason_of(&grant), "inviter_device:1");
}

static void test_velocity_and_address(void **state)
{
    struct risk_signs signs = nothing();
    struct grant grant = {0};

    (void)state;
    for (int i = 0; i < 21; i++)
        assert_false(given(16, 300 + i, nothing()).is_held);
    grant = given(16, 399, nothing());
    assert_string_equal(reason_of(&grant), "person_hour:21");
    scenario_clock(scenario_number("SELECT max(created_ms) FROM reward_grant") + DAY_MS + 1);
    signs.address = S("10.0.0.1");
    for (int i = 0; i <= 30; i++) /* a shop's own network */
        assert_false(given(i, 400 + i, signs).is_held);
    grant = given(31, 431, signs);
    assert_string_equal(reason_of(&grant), "address_shared:31");
}

/* Signs go after a month, some thousands a minute. */
static enum err forget_step(struct ctx *c, void *user)
{
    (void)user;
    return risk_forget(c);
}

static void test_forget(void **state)
{
    int64_t most_ms = scenario_number("SELECT max(seen_ms) FROM risk_sign");

    (void)state;
    scenario_write(forget_step, NULL);
    assert_true(scenario_number("SELECT count(*) FROM risk_sign") > 0);
    scenario_clock(most_ms + 31 * DAY_MS);
    scenario_write(forget_step, NULL);
    assert_int_equal(scenario_number("SELECT count(*) FROM risk_sign"), 0);
}

/* ---- deciding -------------------------------------------------------------------------------- */

static const struct scenario decide_cases[] = {
    {"what waits", AS_VIEWER, GET, "/api/rewards?status=held&limit=1", NULL, 200, "'next_cursor':'",
     ""},
    {"its reason", AS_VIEWER, GET, "/api/rewards?status=held&campaign_id=$k", NULL, 200,
     "'risk_zh':'一天内另有 3 位客户使用同一设备','risk_en':'3 other customers used the same device"
     " within a day'",
     ""},
    {"neither nor", AS_VIEWER, GET, "/api/rewards", NULL, 400, "input.required", ""},
    {"nobody", AS_NOBODY, GET, "/api/rewards?status=held", NULL, 401, "", ""},
    {"no words", AS_OPERATOR, POST, "/api/rewards/$one/decide", "{'is_granted':true,'reason':' '}",
     400, "reward.reason", ""},
    {"viewer", AS_VIEWER, POST, "/api/rewards/$one/decide", "{'is_granted':true,'reason':'ok'}",
     403, "", ""},
    {"no such reward", AS_OPERATOR, POST, "/api/rewards/7/decide",
     "{'is_granted':true,'reason':'ok'}", 404, "reward.unknown", ""},
    {"granted", AS_OPERATOR, POST, "/api/rewards/$one/decide", "{'is_granted':true,'reason':'ok'}",
     200, "{}", "reward_granted"},
    {"once", AS_OPERATOR, POST, "/api/rewards/$one/decide", "{'is_granted':false,'reason':'no'}",
     409, "reward.decided", ""},
    {"refused", AS_OPERATOR, POST, "/api/rewards/$two/decide",
     "{'is_granted':false,'reason':'bad'}", 200, "{}", "reward_refused"},
    {"told", AS_VIEWER, GET, "/api/rewards?campaign_id=$k", NULL, 200,
     "'status':'forfeited','risk_zh':'邀请人就是本人','risk_en':'Inviter and invited are one "
     "person','decided_staff_name':'operator','decided_reason':'bad'",
     ""},
};

static void reward_keep(const char *name, const char *reason)
{
    scenario_set(name, scenario_text(str_cstr(
                           scenario_arena,
                           str_fmt(scenario_arena,
                                   "SELECT CAST(id AS TEXT) FROM reward_grant WHERE status = 'held'"
                                   " AND risk_reason = '%s'",
                                   reason))));
}

static void test_deciding(void **state)
{
    int64_t before;

    (void)state;
    reward_keep("one", "device_shared:3");
    reward_keep("two", "self_invite:1");
    before = balance(campaign_id, "points", "budget");
    scenario_run(decide_cases);
    assert_int_equal(balance(people[6], "points", "pending"), 0);
    assert_int_equal(balance(people[11], "points", "pending"), 0);
    assert_int_equal(balance(campaign_id, "points", "budget"), before + 2);
    assert_true(str_find(scenario_ask(AS_LOCAL, GET, "/local/check", NULL).reply,
                         S("\"failed_count\":0")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_one_reward), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_empty_budget),       cmocka_unit_test(test_shared_device),
        cmocka_unit_test(test_payer_and_inviter),  cmocka_unit_test(test_velocity_and_address),
        cmocka_unit_test(test_deciding),           cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, open_world, scenario_close);
}
