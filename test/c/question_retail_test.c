/* online_retail through the query language: orders, months, cohorts, and all that its expected.json
 * says of recency, frequency and money, each named by its path. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataset.h"

/* ---- online_retail -------------------------------------------------------------------------- */

#define CUSTOMER_FIRST 12000 /* numbers are ids from here on */

static const struct catalog_kind paid[] = {{S("order_paid"), 1}};
static struct map *invoices; /* number and time of those seen: an event each */
struct invoice {
    uint32_t number;
    int64_t second, amount;
};
static struct invoice invoice_at[30000];

/* InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID; clean_rule. */
static void retail_row(struct dataset *set, const struct str *fields, size_t count)
{
    struct invoice *invoice;
    bool is_new;
    int64_t *slot;

    assert_int_equal(count, 8);
    if (fields[6].len == 0 || fields[0].at[0] == 'C' || dataset_int(fields[3]) <= 0 ||
        dataset_fixed(fields[5], 1000) <= 0)
        return;
    slot = map_slot(invoices, fields[0], &is_new);
    if (is_new)
        *slot = (int64_t)map_count(invoices) - 1;
    invoice = &invoice_at[*slot];
    if (is_new)
        *invoice = (struct invoice){(uint32_t)dataset_int(fields[6]) - CUSTOMER_FIRST,
                                    dataset_second(set, fields[4]), 0};
    invoice->amount += dataset_int(fields[3]) * dataset_fixed(fields[5], 1000);
}

static const int64_t *month_row;
static int64_t month_rows;

/* month, orders, customers, revenue */
static void month_check(struct dataset *set, const struct str *fields, size_t count)
{
    char month[16];

    assert_int_equal(count, 4);
    snprintf(month, sizeof(month), "%.*s-01", STR(fields[0]));
    assert_int_equal(month_row[0], dataset_second(set, str_of(month)));
    assert_int_equal(month_row[1], dataset_int(fields[2]));
    assert_int_equal(month_row[2], dataset_int(fields[1]));
    assert_true(llabs(month_row[3] - dataset_fixed(fields[3], 1000)) <= 5); /* the file has pence */
    month_row += 4;
    month_rows--;
}

/* month, then people back after 0, 1, .. months; empty ones have not begun */
static void cohort_check(struct dataset *set, const struct str *fields, size_t count)
{
    char month[16];

    snprintf(month, sizeof(month), "%.*s-01", STR(fields[0]));
    for (size_t k = 0; k + 1 < count && fields[k + 1].len > 0; k++) {
        assert_int_equal(month_row[0], dataset_second(set, str_of(month)));
        assert_int_equal(month_row[1], dataset_int(fields[1]));
        assert_int_equal(month_row[2], k);
        assert_int_equal(month_row[3], dataset_int(fields[k + 1]));
        month_row += 5;
        month_rows--;
    }
}

static void retail_totals(struct dataset *set, const struct json *expected)
{
    struct answer all = dataset_answer(set, "{\"version\":1,\"ask\":\"breakdown\",\"by\":\"kind\","
                                            "\"of\":\"amount\",\"events\":{}}");
    double revenue = dataset_at(expected, "clean.revenue")->number;

    assert_int_equal(all.cells[1], dataset_integer(expected, "clean.customers"));
    assert_int_equal(all.cells[2], dataset_integer(expected, "clean.orders"));
    assert_int_equal(all.cells[3], (int64_t)(revenue * 1000 + 0.5));
    assert_int_equal(dataset_people(set, "{\"purchase\":\"repeat\",\"kind\":\"order_paid\"}"),
                     dataset_integer(expected, "repurchase.customers_ge2_invoices"));
    assert_int_equal(
        dataset_people(set,
                       "{\"did\":{\"kind\":\"order_paid\"},\"measure\":\"days\",\"at_least\":2}"),
        dataset_integer(expected, "repurchase.customers_ge2_days"));
}

/* Our own fifths. The file cuts between two values, ours are values: of F, whose values are few,
 * they hold the same people; of M, where a cut parts two, one may stand on its other side. R of the
 * file counts days, ours seconds. */
static void retail_fifths(struct dataset *set, const struct json *expected)
{
    struct answer cells = dataset_answer(set, "{\"version\":1,\"ask\":\"rfm\",\"of\":\"amount\","
                                              "\"events\":{\"kind\":\"order_paid\"}}");
    int64_t f[6] = {0}, m[6] = {0}, sum = 0;

    for (int64_t i = 0; i < cells.row_count; i++) {
        f[cells.cells[i * 5 + 1]] += cells.cells[i * 5 + 3];
        m[cells.cells[i * 5 + 2]] += cells.cells[i * 5 + 3];
        sum += cells.cells[i * 5 + 4];
    }
    for (int k = 0; k < 5; k++) {
        assert_int_equal(f[k + 1], dataset_at(expected, "rfm.score_counts.F")->items[k].integer);
        assert_true(
            llabs(m[k + 1] - dataset_at(expected, "rfm.score_counts.M")->items[k].integer) <= 1);
    }
    assert_int_equal(sum, (int64_t)(dataset_at(expected, "clean.revenue")->number * 1000 + 0.5));
}

/* ---- online_retail: R, F and M by their values ---------------------------------------------- */

#define SNAPSHOT "2011-12-10"
#define CUSTOMERS_MAX 5000

/* Days from the last order's to the snapshot, orders, thousandths. */
enum { R, F, M, RFM };
static int64_t retail_values[RFM][CUSTOMERS_MAX]; /* as the language said them */
static size_t retail_count;
static struct query retail_query;           /* says them */
static struct bitmap retail_scores[RFM][6]; /* whom conditions by the file's cuts found */
static char retail_means[RFM][200];         /* conditions: on the good side of the mean */
static struct bitmap retail_good[RFM];

/* Whose value is above `low` and at most `high`. */
static void retail_condition(struct dataset *set, int value, const int64_t bounds[2], char out[200])
{
    int64_t day = dataset_second(set, S(SNAPSHOT)) / 86400;

    if (value == R)
        snprintf(out, 200,
                 "{\"did\":{},\"measure\":\"last\",\"within\":{\"from\":\"%.*s\",\"to\":\"%.*s\"}}",
                 STR(day_iso(set->arena, day - bounds[1])),
                 STR(day_iso(set->arena, day - bounds[0])));
    else
        snprintf(out, 200, "{\"did\":{},\"measure\":%s,\"between\":[%" PRId64 ",%" PRId64 "]}",
                 value == F ? "\"count\"" : "\"sum\",\"of\":\"amount\"", bounds[0] + 1,
                 bounds[1] + 1);
}

/* What is above a number of the file is above this one. */
static int64_t retail_floor(int value, double number)
{
    return (int64_t)(value == M ? number * 1000 + 1e-6 : number);
}

static const int64_t retail_most[] = {[R] = 10000, [F] = 1000000, [M] = INT64_C(1) << 50};
static const char *const retail_names[] = {"R", "F", "M"};

/* rfm.quintile_cuts_type7 by rfm.score_rule: who is between two of them; rfm.score_counts. */
static void retail_scores_find(struct dataset *set, const struct json *expected, int value)
{
    const struct json *cuts =
        json_get(dataset_at(expected, "rfm.quintile_cuts_type7"), retail_names[value]);
    const struct json *counts =
        json_get(dataset_at(expected, "rfm.score_counts"), retail_names[value]);

    for (int below = 0; below < 5; below++) {
        int score = value == R ? 5 - below : 1 + below;
        int64_t bounds[2] = {-1, retail_most[value]};
        char who[200];

        if (below > 0)
            bounds[0] = retail_floor(value, dataset_number(&cuts->items[below - 1]));
        if (below < 4)
            bounds[1] = retail_floor(value, dataset_number(&cuts->items[below]));
        retail_condition(set, value, bounds, who);
        retail_scores[value][score] = dataset_members(set, who);
        assert_int_equal(bitmap_count(&retail_scores[value][score]),
                         counts->items[score - 1].integer);
    }
}

/* rfm.means part people in two: a letter of an octant is large on the good side. */
static void retail_means_find(struct dataset *set, const struct json *expected, int value)
{
    double mean = dataset_number(json_get(dataset_at(expected, "rfm.means"), retail_names[value]));
    int64_t bounds[2] = {retail_floor(value, mean), retail_most[value]};

    if (value == R) {
        bounds[1] = bounds[0];
        bounds[0] = -1;
    }
    retail_condition(set, value, bounds, retail_means[value]);
    retail_good[value] = dataset_members(set, retail_means[value]);
}

/* One side of a mean, by the letter. */
static struct str retail_side(struct dataset *set, int value, char letter)
{
    bool is_good = letter == retail_names[value][0];

    return is_good ? str_of(retail_means[value])
                   : str_fmt(set->arena, "{\"not\":%s}", retail_means[value]);
}

/* rfm.octants_vs_mean: names and people. */
static void retail_octants(struct dataset *set, const struct json *expected)
{
    const struct json *octants =
        dataset_at(expected, "rfm.octants_vs_mean (R if recency<=mean, F if >mean, M if >mean)");

    assert_int_equal(octants->count, 8);
    for (uint32_t i = 0; i < octants->count; i++) {
        const struct json_member *octant = &octants->members[i];
        const char *letters = octant->name.at;
        char who[900];

        snprintf(who, sizeof(who), "{\"all\":[{\"did\":{}},%.*s,%.*s,%.*s]}",
                 STR(retail_side(set, R, letters[R])), STR(retail_side(set, F, letters[F])),
                 STR(retail_side(set, M, letters[M])));
        assert_int_equal(dataset_people(set, who), octant->value.integer);
    }
}

/* customer_id, recency_days, frequency, monetary, r_score, f_score, m_score, octant */
static void retail_customer_check(struct dataset *set, const struct str *fields, size_t count)
{
    uint32_t number = (uint32_t)dataset_int(fields[0]) - CUSTOMER_FIRST;
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    size_t at = retail_count++;

    assert_int_equal(count, 8);
    assert_int_equal(answer_explain(set->arena, &retail_query, &set->moment, number, leaves), OK);
    retail_values[R][at] = dataset_second(set, S(SNAPSHOT)) / 86400 - leaves[R].value / 86400;
    retail_values[F][at] = leaves[F].value;
    retail_values[M][at] = leaves[M].value;
    assert_int_equal(retail_values[R][at], dataset_int(fields[1]));
    assert_int_equal(retail_values[F][at], dataset_int(fields[2]));
    assert_true(llabs(retail_values[M][at] - dataset_fixed(fields[3], 1000)) <= 5); /* pence */
    for (int value = R; value < RFM; value++) {
        bool is_good = fields[7].at[value] == retail_names[value][0];

        assert_true(bitmap_has(&retail_scores[value][dataset_int(fields[4 + value])], number));
        assert_int_equal(bitmap_has(&retail_good[value], number), is_good);
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void near(double is, double wanted, double within)
{
    assert_true(is >= wanted - within && is <= wanted + within);
}

/* What the file says of all values of one kind: rfm.means and rfm.quintile_cuts_type7. */
static void retail_spread(const struct json *expected, int value)
{
    double unit = value == M ? 1000 : 1, sum = 0;
    int64_t *values = retail_values[value];
    const struct json *cuts =
        json_get(dataset_at(expected, "rfm.quintile_cuts_type7"), retail_names[value]);

    qsort(values, retail_count, sizeof(*values), by_value);
    for (size_t i = 0; i < retail_count; i++)
        sum += (double)values[i] / unit;
    near(sum / (double)retail_count,
         dataset_number(json_get(dataset_at(expected, "rfm.means"), retail_names[value])), 1e-8);
    for (size_t k = 0; k < 4; k++) {
        double place = (double)(retail_count - 1) * (double)(k + 1) / 5;
        size_t low = (size_t)place;
        double value_at =
            (double)values[low] + (place - (double)low) * (double)(values[low + 1] - values[low]);

        near(value_at / unit, dataset_number(&cuts->items[k]), 1e-6);
    }
}

/* rfm.top20pct_revenue_share, rfm.top1pct_revenue_share, rfm.gini_monetary; values are sorted. */
static void retail_concentration(const struct json *expected)
{
    double sum = 0, top20 = 0, top1 = 0, gini = 0, n = (double)retail_count;

    for (size_t i = 0; i < retail_count; i++) {
        double money = (double)retail_values[M][i];

        sum += money;
        top20 += i >= retail_count - (retail_count + 4) / 5 ? money : 0;
        top1 += i >= retail_count - (retail_count + 99) / 100 ? money : 0;
        gini += (2 * (double)(i + 1) - n - 1) * money;
    }
    near(top20 / sum, dataset_at(expected, "rfm.top20pct_revenue_share")->number, 1e-9);
    near(top1 / sum, dataset_at(expected, "rfm.top1pct_revenue_share")->number, 1e-9);
    near(gini / n / sum, dataset_at(expected, "rfm.gini_monetary")->number, 1e-9);
}

static void retail_by_value(struct dataset *set, const struct json *expected)
{
    assert_int_equal(dataset_second(set, dataset_at(expected, "rfm.snapshot")->text),
                     dataset_second(set, S(SNAPSHOT)));
    for (int value = R; value < RFM; value++) {
        retail_scores_find(set, expected, value);
        retail_means_find(set, expected, value);
    }
    retail_octants(set, expected);
    retail_query =
        dataset_query(set, "{\"version\":1,\"ask\":\"segment\",\"who\":{\"any\":["
                           "{\"did\":{},\"measure\":\"last\",\"within\":{\"from\":\"2010-01-01\"}},"
                           "{\"did\":{},\"at_least\":1},"
                           "{\"did\":{},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":0}]}}");
    dataset_rows(set, "expected_rfm.csv.xz", retail_customer_check);
    assert_int_equal(retail_count, dataset_integer(expected, "clean.customers"));
    for (int value = R; value < RFM; value++)
        retail_spread(expected, value);
    retail_concentration(expected);
    for (int value = R; value < RFM; value++) {
        bitmap_release(&retail_good[value]);
        for (int score = 1; score <= 5; score++)
            bitmap_release(&retail_scores[value][score]);
    }
}

static void test_online_retail(void **state)
{
    struct dataset *set;
    struct json expected;
    struct answer answer;

    (void)state;
    if (!dataset_begin(&set, "online_retail", paid, 1))
        skip();
    invoices = map_new(set->arena, 20000);
    dataset_rows(set, "online_retail.csv.xz", retail_row);
    for (size_t i = 0; i < map_count(invoices); i++)
        dataset_event(set, invoice_at[i].number, invoice_at[i].second, 1, invoice_at[i].amount);
    dataset_ready(set, "2011-12-10");
    expected = dataset_expected(set);
    retail_totals(set, &expected);
    retail_fifths(set, &expected);
    retail_by_value(set, &expected);
    answer = dataset_answer(set, "{\"version\":1,\"ask\":\"trend\",\"units\":\"month\",\"of\":"
                                 "\"amount\",\"events\":{\"kind\":\"order_paid\"}}");
    month_row = answer.cells;
    month_rows = answer.row_count;
    dataset_rows(set, "expected_monthly.csv", month_check);
    assert_int_equal(month_rows, 0);
    answer =
        dataset_answer(set, "{\"version\":1,\"ask\":\"retention\",\"units\":\"month\",\"count\":13,"
                            "\"cohort\":\"first\",\"start\":{},\"back\":{}}");
    month_row = answer.cells;
    month_rows = answer.row_count;
    dataset_rows(set, "expected_cohort_matrix.csv", cohort_check);
    assert_int_equal(month_rows, 0);
    dataset_end(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_online_retail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
