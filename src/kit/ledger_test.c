/* The ledger by hand: opening, posting, linked, replayed, refused, debts, splitting. Random
 * operations against a model are test/c/ledger_model_test.c. */
#include "scenario.h"

#include <stdlib.h>

#include "kit/ledger.h"

enum who { BUDGET, ISSUED, EXPIRED, OUTSIDE, ANNA, ANNA_PENDING, BO, BO_DEBT, FEN, WHO_COUNT };
static const struct account accounts[WHO_COUNT] = {
    [BUDGET] = {"campaign", 7, UNIT_POINTS, BUCKET_BUDGET, 7},
    [ISSUED] = {"system", 0, UNIT_POINTS, BUCKET_ISSUED, 0},
    [EXPIRED] = {"system", 0, UNIT_POINTS, BUCKET_EXPIRED, 0},
    [OUTSIDE] = {"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
    [ANNA] = {"customer", 1, UNIT_POINTS, BUCKET_AVAILABLE, 0},
    [ANNA_PENDING] = {"customer", 1, UNIT_POINTS, BUCKET_PENDING, 0},
    [BO] = {"customer", 2, UNIT_POINTS, BUCKET_AVAILABLE, 0},
    [BO_DEBT] = {"customer", 2, UNIT_POINTS, BUCKET_DEBT, 0},
    [FEN] = {"system", 0, UNIT_FEN, BUCKET_EXTERNAL, 0},
};
static int64_t ids[WHO_COUNT];

static enum err open_step(struct ctx *c, void *user)
{
    (void)user;
    return ledger_open(c, accounts, WHO_COUNT, ids);
}

static int set_up(void **state)
{
    int failed = scenario_open_empty(state);

    if (failed == 0)
        scenario_write(open_step, NULL);
    return failed;
}

static int64_t balance(enum who who)
{
    return scenario_number(
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "SELECT balance_count FROM account WHERE id = %" PRId64,
                         ids[who])));
}

/* ---- posting from a test --------------------------------------------------------------------- */

struct posting {
    struct transfer legs[8];
    int64_t count;
    bool is_replay;
    int64_t transfer_ids[8];
};

static enum err post_step(struct ctx *c, void *user)
{
    struct posting *posting = user;

    return ledger_post(c, posting->legs, posting->count, &posting->is_replay,
                       posting->transfer_ids);
}

static struct transfer leg(int64_t key_id, enum who from, enum who to, int64_t amount_count)
{
    return (struct transfer){"test",  key_id,       0,    ids[from],
                             ids[to], amount_count, NONE, (struct str){0}};
}

/* The stable code of what went wrong; "" if nothing did. A caller that goes on after a refusal must
 * find nothing changed, so the refused call is committed. */
static enum err swallow_step(struct ctx *c, void *user)
{
    struct posting *posting = user;

    if (post_step(c, posting) == OK)
        return OK;
    posting->transfer_ids[7] = (int64_t)(intptr_t)c->fault.code;
    return OK;
}

static const char *posted(struct posting *posting)
{
    uint64_t before = scenario_state();

    posting->transfer_ids[7] = 0;
    scenario_write(swallow_step, posting);
    if (posting->transfer_ids[7] == 0)
        return "";
    assert_true(scenario_state() == before);
    return (const char *)(intptr_t)posting->transfer_ids[7];
}

static const char *post(int64_t key_id, enum who from, enum who to, int64_t amount_count)
{
    struct posting posting = {{leg(key_id, from, to, amount_count)}, .count = 1};

    return posted(&posting);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static enum err open_again(struct ctx *c, void *user)
{
    struct account twice[3] = {accounts[ANNA], {"customer", 3, UNIT_SEATS, BUCKET_AVAILABLE, 0}};
    int64_t found[3], none = -1;

    (void)user;
    twice[2] = twice[1];
    TRY(ledger_balance(c, &twice[1], &none));
    assert_int_equal(none, 0);
    TRY(ledger_open(c, twice, 3, found));
    assert_int_equal(found[0], ids[ANNA]);
    assert_int_equal(found[1], found[2]);
    assert_int_not_equal(found[0], found[1]);
    assert_int_equal(c->statement_count, 3);
    return OK;
}

static void accounts_open_once(void **state)
{
    (void)state;
    scenario_write(open_again, NULL);
    assert_int_equal(scenario_number("SELECT count(*) FROM account"), WHO_COUNT + 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM account WHERE floor_count IS NULL"), 3);
}

static void a_transfer_moves_and_chains(void **state)
{
    (void)state;
    assert_string_equal(post(1, OUTSIDE, BUDGET, 100), "");
    assert_string_equal(post(2, BUDGET, ANNA, 30), "");
    assert_string_equal(post(3, BUDGET, BO, 20), "");
    assert_int_equal(balance(OUTSIDE), -100);
    assert_int_equal(balance(BUDGET), 50);
    assert_int_equal(balance(ANNA), 30);
    assert_int_equal(balance(BO), 20);
    assert_string_equal(
        scenario_text("SELECT group_concat(from_balance_count || ':' || to_balance_count || ':' || "
                      "from_seq || ':' || to_seq, ' ') FROM (SELECT * FROM transfer ORDER BY id)"),
        "-100:100:1:1 70:30:2:1 50:20:3:1");
    /* the budget's statement, newest first along the chain */
    assert_string_equal(
        scenario_text("WITH RECURSIVE s(id, key_id, from_account_id, prev) AS ("
                      "SELECT t.id, t.key_id, t.from_account_id, t.from_previous_id"
                      "  FROM account a JOIN transfer t ON t.id = a.last_transfer_id"
                      " WHERE a.bucket = 'budget' "
                      "UNION ALL SELECT t.id, t.key_id, t.from_account_id,"
                      " CASE WHEN t.from_account_id = a.id THEN t.from_previous_id"
                      "      ELSE t.to_previous_id END"
                      "  FROM s JOIN transfer t ON t.id = s.prev"
                      "  JOIN account a ON a.bucket = 'budget')"
                      "SELECT group_concat(key_id, ' ') FROM s"),
        "3 2 1");
}

static void nothing_goes_below_its_floor(void **state)
{
    (void)state;
    assert_string_equal(post(1, OUTSIDE, BUDGET, 100), "");
    assert_string_equal(post(2, BUDGET, ANNA, 101), "ledger.floor");
    assert_string_equal(post(2, BUDGET, ANNA, 100), "");
    assert_string_equal(post(3, BUDGET, ANNA, 1), "ledger.floor");
    assert_int_equal(balance(BUDGET), 0);
}

static void amounts_are_in_range(void **state)
{
    int64_t most = INT64_C(1) << 62;

    (void)state;
    assert_string_equal(post(1, OUTSIDE, BUDGET, 0), "ledger.range");
    assert_string_equal(post(1, OUTSIDE, BUDGET, -5), "ledger.range");
    assert_string_equal(post(1, OUTSIDE, BUDGET, most + 1), "ledger.range");
    assert_string_equal(post(1, OUTSIDE, BUDGET, most), "");
    assert_string_equal(post(2, OUTSIDE, BUDGET, 1), "ledger.range");
    assert_string_equal(post(2, OUTSIDE, ISSUED, 1), "ledger.range");
    assert_int_equal(balance(BUDGET), most);
}

static void two_accounts_of_one_unit(void **state)
{
    (void)state;
    assert_string_equal(post(1, OUTSIDE, OUTSIDE, 1), "internal.ledger");
    assert_string_equal(post(1, OUTSIDE, FEN, 1), "internal.ledger");
    ids[FEN] = 99;
    assert_string_equal(post(1, OUTSIDE, FEN, 1), "internal.ledger");
}

static void linked_legs_are_all_or_none(void **state)
{
    struct posting posting = {{leg(1, OUTSIDE, BUDGET, 100), leg(2, BUDGET, ANNA, 100),
                               leg(3, ANNA, BO, 60), leg(4, ANNA, BO, 41)},
                              .count = 4};

    (void)state;
    assert_string_equal(posted(&posting), "ledger.floor");
    posting.legs[3].amount_count = 40;
    assert_string_equal(posted(&posting), "");
    assert_int_equal(balance(BO), 100);
    assert_int_equal(scenario_number("SELECT posting_count FROM account WHERE owner_id = 1"
                                     " AND bucket = 'available'"),
                     3);
    /* the order counts: nothing is spent before it came */
    posting.legs[0] = leg(5, ANNA, BUDGET, 1);
    posting.legs[1] = leg(6, BO, ANNA, 1);
    posting.count = 2;
    assert_string_equal(posted(&posting), "ledger.floor");
}

static void property_2_same_key_hundred_times_is_one_posting(void **state)
{
    struct posting posting = {{leg(1, OUTSIDE, BUDGET, 100), leg(2, BUDGET, ANNA, 30)}, .count = 2};
    int64_t first_id;

    (void)state;
    assert_string_equal(posted(&posting), "");
    assert_false(posting.is_replay);
    first_id = posting.transfer_ids[1];
    for (int i = 0; i < 100; i++) {
        uint64_t before = scenario_state();
        assert_string_equal(posted(&posting), "");
        assert_true(posting.is_replay);
        assert_int_equal(posting.transfer_ids[1], first_id);
        assert_true(scenario_state() == before);
    }
    assert_int_equal(scenario_number("SELECT count(*) FROM transfer"), 2);
    assert_int_equal(balance(ANNA), 30);
}

static void a_key_says_one_thing_only(void **state)
{
    struct posting half = {{leg(1, OUTSIDE, BUDGET, 100), leg(2, BUDGET, ANNA, 1)}, .count = 2};
    struct posting twice = {{leg(9, OUTSIDE, BUDGET, 1), leg(9, OUTSIDE, BUDGET, 1)}, .count = 2};

    (void)state;
    assert_string_equal(post(1, OUTSIDE, BUDGET, 100), "");
    assert_string_equal(post(1, OUTSIDE, BUDGET, 101), "ledger.key_reused");
    assert_string_equal(post(1, OUTSIDE, ANNA, 100), "ledger.key_reused");
    assert_string_equal(post(1, BUDGET, BO, 100), "ledger.key_reused");
    assert_string_equal(posted(&half), "ledger.key_reused");
    assert_string_equal(posted(&twice), "ledger.key_reused");
}

static void income_pays_the_debt_first(void **state)
{
    (void)state;
    assert_string_equal(post(1, OUTSIDE, BUDGET, 1000), "");
    assert_string_equal(post(2, BO_DEBT, ISSUED, 50), ""); /* as a reversal makes one */
    assert_string_equal(post(3, BUDGET, BO, 20), "");
    assert_int_equal(balance(BO), 0);
    assert_int_equal(balance(BO_DEBT), -30);
    assert_string_equal(post(4, BO, ANNA, 1), "ledger.floor");
    assert_string_equal(post(5, BUDGET, BO, 100), "");
    assert_int_equal(balance(BO), 70);
    assert_int_equal(balance(BO_DEBT), 0);
    assert_string_equal(post(6, BUDGET, BO, 5), "");
    assert_int_equal(scenario_number("SELECT count(*) FROM transfer WHERE kind = 'debt_paid'"), 2);
    /* a leg of its own: the statement shows what came and what went */
    assert_string_equal(scenario_text("SELECT group_concat(paid, ', ') FROM (SELECT"
                                      " d.amount_count || ' of ' || i.amount_count AS paid"
                                      " FROM transfer d JOIN transfer i ON i.id = d.key_id"
                                      " WHERE d.kind = 'debt_paid' ORDER BY d.id)"),
                        "20 of 20, 30 of 100");
}

#define LOTS                                                                                       \
    "SELECT group_concat(left_count, ' ') FROM (SELECT * FROM lot ORDER BY account_id, "           \
    "expires_ms, transfer_id)"
#define LOT_USES                                                                                   \
    "SELECT group_concat(amount_count, ' ') FROM (SELECT * FROM lot_use ORDER BY transfer_id, "    \
    "account_id, expires_ms, lot_transfer_id)"

static void lots_are_spent_by_their_end(void **state)
{
    struct posting in = {
        {leg(2, OUTSIDE, ANNA, 100), leg(3, OUTSIDE, ANNA, 50), leg(4, OUTSIDE, ANNA, 7)},
        .count = 3};

    (void)state;
    in.legs[0].expires_ms = INT64_C(2000000000000);
    in.legs[1].expires_ms = INT64_C(1900000000000);
    assert_string_equal(post(1, OUTSIDE, ANNA, 10), ""); /* before there were lots: no end */
    assert_string_equal(posted(&in), "");
    assert_string_equal(post(5, ANNA, BO, 60), "");
    assert_string_equal(scenario_text(LOTS), "0 90 10 7");
    assert_string_equal(post(6, ANNA, BO, 95), "");
    assert_string_equal(scenario_text(LOTS), "0 0 5 7");
    assert_string_equal(scenario_text(LOT_USES), "50 10 90 5");
    assert_int_equal(balance(ANNA), 12);
}

static void two_legs_take_from_one_account_of_lots(void **state)
{
    struct posting posting = {{leg(2, ANNA, BO, 30), leg(3, OUTSIDE, ANNA, 100),
                               leg(4, ANNA, BO, 50), leg(5, ANNA, ISSUED, 45)},
                              .count = 4};
    struct posting first = {{leg(1, OUTSIDE, ANNA, 40)}, .count = 1};

    (void)state;
    first.legs[0].expires_ms = INT64_C(1900000000000);
    posting.legs[1].expires_ms = INT64_C(2000000000000);
    assert_string_equal(posted(&first), "");
    assert_string_equal(posted(&posting), "");
    assert_string_equal(scenario_text(LOTS), "0 15");
    assert_string_equal(scenario_text(LOT_USES), "30 10 40 45");
}

static void parts_sum_to_the_whole(void **state)
{
    const int64_t thirds[] = {1, 1, 1}, mixed[] = {0, 5, 3, 2, 0}, huge[] = {INT64_MAX, INT64_MAX};
    int64_t parts[5];

    (void)state;
    ledger_split(100, thirds, 3, parts);
    assert_int_equal(parts[0] * 10000 + parts[1] * 100 + parts[2], 343333);
    ledger_split(-100, thirds, 3, parts);
    assert_int_equal(parts[0] * 10000 + parts[1] * 100 + parts[2], -343333);
    ledger_split(7, mixed, 5, parts); /* 3.5 2.1 1.4 */
    assert_int_equal(parts[0] + parts[4], 0);
    assert_int_equal(parts[1] * 100 + parts[2] * 10 + parts[3], 421);
    ledger_split(INT64_MAX, huge, 2, parts);
    assert_int_equal(parts[0] - parts[1], 1);
    ledger_split(0, thirds, 3, parts);
    assert_int_equal(parts[0] | parts[1] | parts[2], 0);
}

struct random_split {
    int64_t count, total_count, sum_count;
    int64_t weights_count[12], parts_count[12];
};

static struct random_split random_split(uint64_t *random, bool is_tied)
{
    struct random_split split = {0};

    *random = *random * 6364136223846793005u + 1442695040888963407u;
    split.count = 1 + (int64_t)(*random >> 40) % 12;
    split.total_count = (int64_t)(*random >> 28) % 200001 - 100000;
    for (int64_t i = 0; i < split.count; i++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        split.weights_count[i] = (int64_t)(*random >> 33) % (is_tied ? 4 : 1000);
        split.sum_count += split.weights_count[i];
    }
    if (split.sum_count == 0)
        split.sum_count = split.weights_count[0] = 1;
    return split;
}

/* Each its share rounded down or one more; who got that one lost more by rounding than who did not,
 * or as much and stands before them. With the sum there is one such split alone. */
static void assert_largest_remainders(const struct random_split *split)
{
    int64_t given = 0, least_up = split->sum_count, most_down = -1, last_up = -1, first_down = 12;

    for (int64_t i = 0; i < split->count; i++) {
        int64_t whole = llabs(split->total_count) * split->weights_count[i],
                rest = whole % split->sum_count;
        int64_t more = llabs(split->parts_count[i]) - whole / split->sum_count;

        assert_true(more == 0 || more == 1);
        assert_true(split->parts_count[i] == 0 ||
                    (split->parts_count[i] < 0) == (split->total_count < 0));
        given += split->parts_count[i];
        if (more && rest <= least_up) {
            least_up = rest;
            last_up = i;
        } else if (!more && rest > most_down) {
            most_down = rest;
            first_down = i;
        }
    }
    assert_int_equal(given, split->total_count);
    assert_true(least_up > most_down || (least_up == most_down && last_up < first_down));
}

static void property_13_a_million_splits_are_exact_by_largest_remainder(void **state)
{
    uint64_t random = 12345;

    (void)state;
    for (int round = 0; round < 1000000; round++) {
        struct random_split split = random_split(&random, round % 3 == 0);

        ledger_split(split.total_count, split.weights_count, split.count, split.parts_count);
        assert_largest_remainders(&split);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, scenario_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accounts_open_once),
        TEST(a_transfer_moves_and_chains),
        TEST(nothing_goes_below_its_floor),
        TEST(amounts_are_in_range),
        TEST(two_accounts_of_one_unit),
        TEST(linked_legs_are_all_or_none),
        TEST(property_2_same_key_hundred_times_is_one_posting),
        TEST(a_key_says_one_thing_only),
        TEST(income_pays_the_debt_first),
        TEST(lots_are_spent_by_their_end),
        TEST(two_legs_take_from_one_account_of_lots),
        cmocka_unit_test(parts_sum_to_the_whole),
        cmocka_unit_test(property_13_a_million_splits_are_exact_by_largest_remainder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
