/* Published data sets through the query language: each answer beside the file (and the JSON path in
 * it) that says what is right; online_retail has a file of its own. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataset.h"

static const struct catalog_kind paid[] = {{S("order_paid"), 1}};

/* ---- cdnow ---------------------------------------------------------------------------------- */

/* customer_id, date, cds, amount */
static void cdnow_row(struct dataset *set, const struct str *fields, size_t count)
{
    assert_int_equal(count, 4);
    dataset_event(set, (uint32_t)dataset_int(fields[0]), dataset_second(set, fields[1]), 1,
                  dataset_fixed(fields[3], 100));
}

static struct query cdnow_query;
static int64_t cdnow_checked, cdnow_repeats, cdnow_later, cdnow_spend;

/* What was bought after the first day, until the calibration ends. */
static int64_t cdnow_repeat_spend(struct dataset *set, uint32_t number, int64_t first)
{
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    char text[300];
    struct query query;

    snprintf(
        text, sizeof(text),
        "{\"version\":1,\"ask\":\"segment\",\"who\":{\"did\":{\"within\":{\"from\":\"%.*s\",\"to\":"
        "\"1997-10-01\"}},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":0}}",
        STR(day_iso(set->arena, first / 86400 + 1)));
    query = dataset_query(set, text);
    assert_int_equal(answer_explain(set->arena, &query, &set->moment, number, leaves), OK);
    return leaves[0].value;
}

/* customer, x, t_x, T, z, x_star, spend_star: t_x and T in weeks from the first day, z a repeat's
 * mean. */
static void cdnow_check(struct dataset *set, const struct str *fields, size_t count)
{
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    int64_t first, last, repeats = dataset_int(fields[1]);
    uint32_t number = (uint32_t)dataset_int(fields[0]);

    assert_int_equal(count, 13);
    assert_int_equal(answer_explain(set->arena, &cdnow_query, &set->moment, number, leaves), OK);
    first = leaves[1].value;
    last = leaves[2].value;
    assert_int_equal(leaves[0].value, repeats + 1);
    assert_int_equal((last - first) / 86400, dataset_fixed(fields[2], 7));
    assert_int_equal((dataset_second(set, S("1997-09-30")) - first) / 86400,
                     dataset_fixed(fields[3], 7));
    assert_int_equal(leaves[3].value, dataset_int(fields[5]));
    assert_int_equal(leaves[4].value, dataset_fixed(fields[6], 100));
    if (repeats > 0)
        assert_int_equal(cdnow_repeat_spend(set, number, first),
                         dataset_fixed(fields[4], 100 * (double)repeats));
    cdnow_checked++;
    cdnow_repeats += repeats;
    cdnow_later += leaves[3].value;
    cdnow_spend += leaves[4].value;
}

static void test_cdnow(void **state)
{
    struct dataset *set;
    struct json expected;

    (void)state;
    if (!dataset_begin(&set, "cdnow", paid, 1))
        skip();
    dataset_rows(set, "cdnow_sample_elog.csv", cdnow_row);
    dataset_ready(set, "1998-07-01");
    cdnow_query = dataset_query(
        set,
        "{\"version\":1,\"ask\":\"segment\",\"who\":{\"any\":["
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"days\",\"at_least\":0},"
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"first\",\"within\":{\"from\":"
        "\"1997-01-01\"}},"
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"last\",\"within\":{\"from\":"
        "\"1997-01-01\"}},"
        "{\"did\":{\"within\":{\"from\":\"1997-10-01\"}},\"measure\":\"days\",\"at_least\":0},"
        "{\"did\":{\"within\":{\"from\":\"1997-10-01\"}},\"measure\":\"sum\",\"of\":\"amount\","
        "\"at_least\":0}]}}");
    dataset_rows(set, "expected_customers.csv", cdnow_check);
    expected = dataset_expected(set);
    assert_int_equal(cdnow_checked,
                     dataset_integer(&expected, "computed_here_from_elog.customers"));
    assert_int_equal(cdnow_repeats,
                     dataset_integer(&expected, "computed_here_from_elog.repeat_calibration"));
    assert_int_equal(cdnow_later,
                     dataset_integer(&expected, "computed_here_from_elog.repeat_holdout_39w"));
    assert_int_equal(
        cdnow_spend,
        (int64_t)(dataset_at(&expected, "computed_here_from_elog.spend_holdout")->number * 100 +
                  0.5));
    dataset_end(set);
}

/* ---- funnel_traffic_fines ------------------------------------------------------------------- */

enum { CREATE = 1, SEND, NOTIFY, PENALTY, PAY, COLLECT, OTHER };
static const struct catalog_kind steps[] = {
    {S("collect"), COLLECT}, {S("create"), CREATE},   {S("notify"), NOTIFY}, {S("other"), OTHER},
    {S("pay"), PAY},         {S("penalty"), PENALTY}, {S("send"), SEND}};
static struct map *cases;
static int step_now;

static int step_of(struct str activity)
{
    static const struct str names[] = {
        S("Create Fine"), S("Send Fine"), S("Insert Fine Notification"),
        S("Add penalty"), S("Payment"),   S("Send for Credit Collection")};

    for (int i = 0; i < (int)ARRAY_LEN(names); i++) {
        if (str_eq(activity, names[i]))
            return CREATE + i;
    }
    return OTHER;
}

/* Days have no time; a step on the day of the one before comes behind it, so steps arrive one kind
 * after the other. */
static void fine_row(struct dataset *set, const struct str *fields, size_t count)
{
    bool is_new;
    int64_t *slot;

    assert_int_equal(count, 9);
    if (step_of(fields[1]) != step_now)
        return;
    slot = map_slot(cases, fields[0], &is_new);
    if (is_new)
        *slot = (int64_t)map_count(cases) - 1;
    dataset_event(set, (uint32_t)*slot, dataset_second(set, fields[2]), (uint16_t)step_now, 0);
}

#define FINE_STEPS                                                                                 \
    "{\"version\":1,\"ask\":\"funnel\",\"funnel\":{\"within_seconds\":%" PRId64                    \
    ",\"steps\":[{\"kind\":\"create\"},{\"kind\":\"send\"},{\"kind\":\"notify\"},{\"kind\":"       \
    "\"penalty\"},{\"kind\":\"pay\"}]},\"times\":%s}"

/* window_days, cases that reach each step */
static void fine_check(struct dataset *set, const struct str *fields, size_t count)
{
    int64_t days = dataset_int(fields[0]);
    char text[1000];

    assert_int_equal(count, 6);
    days = days > 40000 ? 40000 : days; /* ever */
    for (int times = 0; times < 2; times++) {
        struct answer answer;

        snprintf(text, sizeof(text), FINE_STEPS, days * 86400, times == 1 ? "true" : "false");
        answer = dataset_answer(set, text);
        for (int level = 1; level <= 5; level++)
            assert_int_equal(answer.cells[level * 4 + 1], dataset_int(fields[level]));
    }
}

static int64_t paid_within(struct dataset *set, int64_t days, int64_t times[2])
{
    struct answer answer;
    char text[500];

    snprintf(text, sizeof(text),
             "{\"version\":1,\"ask\":\"funnel\",\"funnel\":{\"within_seconds\":%" PRId64
             ",\"steps\":[{\"kind\":\"create\"},{\"kind\":\"pay\"}]}}",
             days * 86400);
    answer = dataset_answer(set, text);
    times[0] = answer.cells[2 * 4 + 2];
    times[1] = answer.cells[2 * 4 + 3];
    return answer.cells[2 * 4 + 1];
}

static void fine_totals(struct dataset *set, const struct json *expected)
{
    double mean_days = dataset_at(expected, "time_to_first_payment_days.mean")->number;
    int64_t times[2];

    assert_int_equal(dataset_people(set, "{\"did\":{\"kind\":\"create\"}}"),
                     dataset_integer(expected, "any_order_cases.Create Fine"));
    assert_int_equal(dataset_people(set, "{\"did\":{\"kind\":\"send\"}}"),
                     dataset_integer(expected, "any_order_cases.Send Fine"));
    assert_int_equal(dataset_people(set, "{\"did\":{\"kind\":\"pay\"}}"),
                     dataset_integer(expected, "any_order_cases.Payment"));
    assert_int_equal(dataset_people(set, "{\"did\":{\"kind\":\"collect\"}}"),
                     dataset_integer(expected, "any_order_cases.Send for Credit Collection"));
    assert_int_equal(paid_within(set, 5, times),
                     dataset_integer(expected, "time_to_first_payment_days.within_5"));
    assert_int_equal(paid_within(set, 60, times),
                     dataset_integer(expected, "time_to_first_payment_days.within_60"));
    assert_int_equal(paid_within(set, 365, times),
                     dataset_integer(expected, "leaderboard.successes"));
    assert_int_equal(paid_within(set, 40000, times),
                     dataset_integer(expected, "time_to_first_payment_days.paid_cases"));
    assert_int_equal(times[0],
                     dataset_integer(expected, "time_to_first_payment_days.median") * 86400);
    assert_int_equal(times[1], (int64_t)(mean_days * 86400));
}

static void test_funnel_traffic_fines(void **state)
{
    struct dataset *set;
    struct json expected;

    (void)state;
    if (!dataset_begin(&set, "funnel_traffic_fines", steps, ARRAY_LEN(steps)))
        skip();
    cases = map_new(set->arena, 10000);
    for (step_now = CREATE; step_now <= OTHER; step_now++)
        dataset_rows(set, "traffic_fines.csv.xz", fine_row);
    dataset_ready(set, "2012-04-01");
    expected = dataset_expected(set);
    assert_int_equal(map_count(cases), dataset_integer(&expected, "cases"));
    fine_totals(set, &expected);
    dataset_rows(set, "expected_funnel.csv", fine_check);
    dataset_end(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cdnow),
        cmocka_unit_test(test_funnel_traffic_fines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
