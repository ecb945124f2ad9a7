/* Published data sets through the query language: each answer beside the file (and the JSON path in
 * it) that says what is right. The data are not ours: PAPILIO_DATA names their folder; without it
 * the tests are skipped. */
#include "engine/answer.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/csv.h"
#include "base/json.h"
#include "host/file.h"

#define FILE_MAX ((size_t)1 << 28)
#define BATCH 4096

struct world {
    struct arena *arena;
    const char *data, *set; /* the folder of data, and the set in it */
    struct zone *zone;
    struct catalog catalog;
    struct people *people;
    const struct people_view *view;
    char folder[64];
    struct store *store;
    struct moment moment;
    struct engine_event events[BATCH];
    struct engine_value values[BATCH];
    size_t count;
};

/* ---- files ---------------------------------------------------------------------------------- */

static struct str file_of(struct world *world, const char *name)
{
    struct str path = str_fmt(world->arena, "%s/%s/%s", world->data, world->set, name);
    const char *command = "cat";
    struct buf bytes;
    struct str text;
    FILE *pipe;

    if (str_ends(path, S(".xz")))
        command = "xz -dc";
    pipe =
        popen(str_cstr(world->arena, str_fmt(world->arena, "%s '%.*s'", command, STR(path))), "r");
    assert_non_null(pipe);
    buf_init(&bytes, FILE_MAX);
    for (;;) {
        char *room = buf_room(&bytes, 1 << 16);
        size_t got;

        assert_non_null(room);
        got = fread(room, 1, 1 << 16, pipe);
        bytes.len += got;
        if (got == 0)
            break;
    }
    assert_int_equal(pclose(pipe), 0);
    text = str_copy(world->arena, buf_view(&bytes));
    buf_release(&bytes);
    return text;
}

/* Calls `row` for each record behind the head. */
static void rows_each(struct world *world, const char *name,
                      void (*row)(struct world *world, const struct str *fields, size_t count))
{
    struct str text = file_of(world, name);
    struct csv *csv = csv_new();
    bool is_head = true;

    for (size_t at = 0; at <= text.len; at += 1 << 20) {
        size_t len = text.len - at < 1 << 20 ? text.len - at : 1 << 20;
        struct csv_record record;

        csv_feed(csv, text.at + at, len);
        if (len < 1 << 20 && len > 0)
            csv_feed(csv, NULL, 0);
        while ((record = csv_next(csv)).kind == CSV_RECORD) {
            if (!is_head)
                row(world, record.fields, record.count);
            is_head = false;
        }
        if (record.kind == CSV_END)
            break;
        assert_int_equal(record.kind, CSV_MORE);
    }
    csv_free(csv);
}

static struct json expected_of(struct world *world)
{
    struct json json;

    assert_int_equal(json_parse(world->arena, file_of(world, "expected.json"), &json, NULL), OK);
    return json;
}

/* "clean.orders" in it. */
static const struct json *at_path(const struct json *json, const char *path)
{
    struct str left = str_of(path), name;

    while (left.len > 0) {
        char text[64];

        str_cut(left, '.', &name, &left);
        snprintf(text, sizeof(text), "%.*s", STR(name));
        json = json_get(json, text);
        assert_non_null(json);
    }
    return json;
}

static int64_t integer_at(const struct json *json, const char *path)
{
    return at_path(json, path)->integer;
}

/* A number with so many decimals as an integer. */
static int64_t fixed_of(struct str text, double unit)
{
    char copy[64];
    double value;

    snprintf(copy, sizeof(copy), "%.*s", STR(text));
    value = strtod(copy, NULL) * unit;
    return (int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

static int64_t int_of(struct str text)
{
    int64_t value;

    assert_true(str_to_int(text, &value));
    return value;
}

static int64_t second_of(const struct world *world, struct str text)
{
    int64_t ms;

    assert_int_equal(time_parse(world->zone, text, &ms), OK);
    return ms / 1000;
}

/* ---- worlds --------------------------------------------------------------------------------- */

static const struct zone *zone_find(void *user, struct str name)
{
    (void)user;
    (void)name;
    return NULL;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    (void)id;
    return false;
}

static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY}};

/* false: there are no data. */
static bool world_begin(struct world **out, const char *set, const struct catalog_kind *kinds,
                        int kind_count)
{
    struct arena *arena = arena_new((size_t)1 << 30);
    struct world *world = arena_new_one(arena, struct world);
    struct store_options options = {.schema = {.posting_kinds = {1}, .posting_count = 1},
                                    .is_manual = true};

    world->arena = arena;
    world->data = getenv("PAPILIO_DATA");
    world->set = set;
    *out = world;
    if (world->data == NULL || world->data[0] == 0) {
        print_message("%s: PAPILIO_DATA does not name the folder of data sets\n", set);
        arena_free(arena);
        return false;
    }
    assert_int_equal(zone_load(arena, S("UTC"), &world->zone), OK);
    world->catalog = (struct catalog){.kinds = kinds,
                                      .kind_count = kind_count,
                                      .columns = columns,
                                      .column_count = ARRAY_LEN(columns),
                                      .zone = world->zone,
                                      .zone_find = zone_find,
                                      .set_find = set_find};
    world->people = people_new();
    snprintf(world->folder, sizeof(world->folder), "/tmp/papilio-data-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(store_open(str_of(world->folder), &options, &world->store), OK);
    return true;
}

static void events_flush(struct world *world)
{
    struct store_batch batch = {0,
                                store_position(world->store, 0) + 1,
                                {world->events, world->count, world->values, world->count}};
    uint64_t seq;

    if (world->count > 0)
        assert_int_equal(store_append(world->store, &batch, &seq), OK);
    world->count = 0;
}

static void event_add(struct world *world, uint32_t number, int64_t second, uint16_t kind,
                      int64_t amount)
{
    size_t at = world->count++;

    people_add(world->people, number);
    world->events[at] = (struct engine_event){number, (uint32_t)second, kind, 0, (uint32_t)at};
    world->values[at] = (struct engine_value){amount, EVENTS_AMOUNT, 1, 0};
    if (world->count == BATCH)
        events_flush(world);
}

static void world_ready(struct world *world, const char *as_of)
{
    events_flush(world);
    assert_int_equal(store_merge(world->store), OK);
    people_publish(world->people);
    world->view = people_hold(world->people);
    world->moment = (struct moment){store_snapshot(world->store), world->view,
                                    second_of(world, str_of(as_of)), NULL};
}

static void world_end(struct world *world)
{
    people_release(world->people, world->view);
    people_free(world->people);
    store_release(world->store, world->moment.events);
    store_close(world->store);
    assert_int_equal(folder_remove(str_of(world->folder)), OK);
    arena_free(world->arena);
}

static struct query query_of(struct world *world, const char *text)
{
    struct query_fault fault = {0};
    struct query query = {0};

    assert_int_equal(query_read(world->arena, &world->catalog, str_of(text), &query, &fault), OK);
    return query;
}

static struct answer answer_of(struct world *world, const char *text)
{
    static const struct answer_options usual;
    struct query query = query_of(world, text);
    struct answer answer = {0};

    bitmap_init(&answer.members);
    assert_int_equal(answer_run(world->arena, &query, &world->moment, &usual, &answer), OK);
    return answer;
}

static int64_t people_of(struct world *world, const char *who)
{
    char text[1000];
    struct answer answer;
    int64_t count;

    snprintf(text, sizeof(text), "{\"version\":1,\"ask\":\"segment\",\"who\":%s}", who);
    answer = answer_of(world, text);
    count = bitmap_count(&answer.members);
    bitmap_release(&answer.members);
    return count;
}

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
static void retail_row(struct world *world, const struct str *fields, size_t count)
{
    struct invoice *invoice;
    bool is_new;
    int64_t *slot;

    assert_int_equal(count, 8);
    if (fields[6].len == 0 || fields[0].at[0] == 'C' || int_of(fields[3]) <= 0 ||
        fixed_of(fields[5], 1000) <= 0)
        return;
    slot = map_slot(invoices, fields[0], &is_new);
    if (is_new)
        *slot = (int64_t)map_count(invoices) - 1;
    invoice = &invoice_at[*slot];
    if (is_new)
        *invoice = (struct invoice){(uint32_t)int_of(fields[6]) - CUSTOMER_FIRST,
                                    second_of(world, fields[4]), 0};
    invoice->amount += int_of(fields[3]) * fixed_of(fields[5], 1000);
}

static const int64_t *month_row;
static int64_t month_rows;

/* month, orders, customers, revenue */
static void month_check(struct world *world, const struct str *fields, size_t count)
{
    char month[16];

    assert_int_equal(count, 4);
    snprintf(month, sizeof(month), "%.*s-01", STR(fields[0]));
    assert_int_equal(month_row[0], second_of(world, str_of(month)));
    assert_int_equal(month_row[1], int_of(fields[2]));
    assert_int_equal(month_row[2], int_of(fields[1]));
    assert_true(llabs(month_row[3] - fixed_of(fields[3], 1000)) <= 5); /* the file has pence */
    month_row += 4;
    month_rows--;
}

/* month, then people back after 0, 1, .. months; empty ones have not begun */
static void cohort_check(struct world *world, const struct str *fields, size_t count)
{
    char month[16];

    snprintf(month, sizeof(month), "%.*s-01", STR(fields[0]));
    for (size_t k = 0; k + 1 < count && fields[k + 1].len > 0; k++) {
        assert_int_equal(month_row[0], second_of(world, str_of(month)));
        assert_int_equal(month_row[1], int_of(fields[1]));
        assert_int_equal(month_row[2], k);
        assert_int_equal(month_row[3], int_of(fields[k + 1]));
        month_row += 5;
        month_rows--;
    }
}

static void retail_totals(struct world *world, const struct json *expected)
{
    struct answer all = answer_of(world, "{\"version\":1,\"ask\":\"breakdown\",\"by\":\"kind\","
                                         "\"of\":\"amount\",\"events\":{}}");
    double revenue = at_path(expected, "clean.revenue")->number;

    assert_int_equal(all.cells[1], integer_at(expected, "clean.customers"));
    assert_int_equal(all.cells[2], integer_at(expected, "clean.orders"));
    assert_int_equal(all.cells[3], (int64_t)(revenue * 1000 + 0.5));
    assert_int_equal(people_of(world, "{\"purchase\":\"repeat\",\"kind\":\"order_paid\"}"),
                     integer_at(expected, "repurchase.customers_ge2_invoices"));
    assert_int_equal(
        people_of(world, "{\"did\":{\"kind\":\"order_paid\"},\"measure\":\"days\",\"at_least\":2}"),
        integer_at(expected, "repurchase.customers_ge2_days"));
}

/* score_counts of F, whose values are few. Of R and M the file cuts between two values, at ranks
 * that are not ours. */
static void retail_fifths(struct world *world, const struct json *expected)
{
    struct answer cells = answer_of(world, "{\"version\":1,\"ask\":\"rfm\",\"of\":\"amount\","
                                           "\"events\":{\"kind\":\"order_paid\"}}");
    int64_t people[6] = {0}, sum = 0;

    for (int64_t i = 0; i < cells.row_count; i++) {
        people[cells.cells[i * 5 + 1]] += cells.cells[i * 5 + 3];
        sum += cells.cells[i * 5 + 4];
    }
    for (int fifth = 1; fifth <= 5; fifth++)
        assert_int_equal(people[fifth],
                         at_path(expected, "rfm.score_counts.F")->items[fifth - 1].integer);
    assert_int_equal(sum, (int64_t)(at_path(expected, "clean.revenue")->number * 1000 + 0.5));
}

static void test_online_retail(void **state)
{
    struct world *world;
    struct json expected;
    struct answer answer;

    (void)state;
    if (!world_begin(&world, "online_retail", paid, 1))
        skip();
    invoices = map_new(world->arena, 20000);
    rows_each(world, "online_retail.csv.xz", retail_row);
    for (size_t i = 0; i < map_count(invoices); i++)
        event_add(world, invoice_at[i].number, invoice_at[i].second, 1, invoice_at[i].amount);
    world_ready(world, "2011-12-10");
    expected = expected_of(world);
    retail_totals(world, &expected);
    retail_fifths(world, &expected);
    answer = answer_of(world, "{\"version\":1,\"ask\":\"trend\",\"units\":\"month\",\"of\":"
                              "\"amount\",\"events\":{\"kind\":\"order_paid\"}}");
    month_row = answer.cells;
    month_rows = answer.row_count;
    rows_each(world, "expected_monthly.csv", month_check);
    assert_int_equal(month_rows, 0);
    answer =
        answer_of(world, "{\"version\":1,\"ask\":\"retention\",\"units\":\"month\",\"count\":13,"
                         "\"cohort\":\"first\",\"start\":{},\"back\":{}}");
    month_row = answer.cells;
    month_rows = answer.row_count;
    rows_each(world, "expected_cohort_matrix.csv", cohort_check);
    assert_int_equal(month_rows, 0);
    world_end(world);
}

/* ---- cdnow ---------------------------------------------------------------------------------- */

/* customer_id, date, cds, amount */
static void cdnow_row(struct world *world, const struct str *fields, size_t count)
{
    assert_int_equal(count, 4);
    event_add(world, (uint32_t)int_of(fields[0]), second_of(world, fields[1]), 1,
              fixed_of(fields[3], 100));
}

static struct query cdnow_query;
static int cdnow_checked;

/* customer, x, t_x, T, z, x_star, spend_star: t_x and T in weeks from the first day. */
static void cdnow_check(struct world *world, const struct str *fields, size_t count)
{
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    int64_t first, last;

    assert_int_equal(count, 13);
    assert_int_equal(answer_explain(world->arena, &cdnow_query, &world->moment,
                                    (uint32_t)int_of(fields[0]), leaves),
                     OK);
    first = leaves[1].value;
    last = leaves[2].value;
    assert_int_equal(leaves[0].value, int_of(fields[1]) + 1);
    assert_int_equal((last - first) / 86400, fixed_of(fields[2], 7));
    assert_int_equal((second_of(world, S("1997-09-30")) - first) / 86400, fixed_of(fields[3], 7));
    assert_int_equal(leaves[3].value, int_of(fields[5]));
    assert_int_equal(leaves[4].value, fixed_of(fields[6], 100));
    cdnow_checked++;
}

static void test_cdnow(void **state)
{
    struct world *world;

    (void)state;
    if (!world_begin(&world, "cdnow", paid, 1))
        skip();
    rows_each(world, "cdnow_sample_elog.csv", cdnow_row);
    world_ready(world, "1998-07-01");
    cdnow_query = query_of(
        world,
        "{\"version\":1,\"ask\":\"segment\",\"who\":{\"any\":["
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"days\",\"at_least\":0},"
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"first\",\"within\":{\"from\":"
        "\"1997-01-01\"}},"
        "{\"did\":{\"within\":{\"to\":\"1997-10-01\"}},\"measure\":\"last\",\"within\":{\"from\":"
        "\"1997-01-01\"}},"
        "{\"did\":{\"within\":{\"from\":\"1997-10-01\"}},\"measure\":\"days\",\"at_least\":0},"
        "{\"did\":{\"within\":{\"from\":\"1997-10-01\"}},\"measure\":\"sum\",\"of\":\"amount\","
        "\"at_least\":0}]}}");
    rows_each(world, "expected_customers.csv", cdnow_check);
    assert_int_equal(cdnow_checked, 2357);
    world_end(world);
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
static void fine_row(struct world *world, const struct str *fields, size_t count)
{
    bool is_new;
    int64_t *slot;

    assert_int_equal(count, 9);
    if (step_of(fields[1]) != step_now)
        return;
    slot = map_slot(cases, fields[0], &is_new);
    if (is_new)
        *slot = (int64_t)map_count(cases) - 1;
    event_add(world, (uint32_t)*slot, second_of(world, fields[2]), (uint16_t)step_now, 0);
}

#define FINE_STEPS                                                                                 \
    "{\"version\":1,\"ask\":\"funnel\",\"funnel\":{\"within_seconds\":%" PRId64                    \
    ",\"steps\":[{\"kind\":\"create\"},{\"kind\":\"send\"},{\"kind\":\"notify\"},{\"kind\":"       \
    "\"penalty\"},{\"kind\":\"pay\"}]},\"times\":%s}"

/* window_days, cases that reach each step */
static void fine_check(struct world *world, const struct str *fields, size_t count)
{
    int64_t days = int_of(fields[0]);
    char text[1000];

    assert_int_equal(count, 6);
    days = days > 40000 ? 40000 : days; /* ever */
    for (int times = 0; times < 2; times++) {
        struct answer answer;

        snprintf(text, sizeof(text), FINE_STEPS, days * 86400, times == 1 ? "true" : "false");
        answer = answer_of(world, text);
        for (int level = 1; level <= 5; level++)
            assert_int_equal(answer.cells[level * 4 + 1], int_of(fields[level]));
    }
}

static int64_t paid_within(struct world *world, int64_t days, int64_t times[2])
{
    struct answer answer;
    char text[500];

    snprintf(text, sizeof(text),
             "{\"version\":1,\"ask\":\"funnel\",\"funnel\":{\"within_seconds\":%" PRId64
             ",\"steps\":[{\"kind\":\"create\"},{\"kind\":\"pay\"}]}}",
             days * 86400);
    answer = answer_of(world, text);
    times[0] = answer.cells[2 * 4 + 2];
    times[1] = answer.cells[2 * 4 + 3];
    return answer.cells[2 * 4 + 1];
}

static void fine_totals(struct world *world, const struct json *expected)
{
    double mean_days = at_path(expected, "time_to_first_payment_days.mean")->number;
    int64_t times[2];

    assert_int_equal(people_of(world, "{\"did\":{\"kind\":\"create\"}}"),
                     integer_at(expected, "any_order_cases.Create Fine"));
    assert_int_equal(people_of(world, "{\"did\":{\"kind\":\"send\"}}"),
                     integer_at(expected, "any_order_cases.Send Fine"));
    assert_int_equal(people_of(world, "{\"did\":{\"kind\":\"pay\"}}"),
                     integer_at(expected, "any_order_cases.Payment"));
    assert_int_equal(people_of(world, "{\"did\":{\"kind\":\"collect\"}}"),
                     integer_at(expected, "any_order_cases.Send for Credit Collection"));
    assert_int_equal(paid_within(world, 5, times),
                     integer_at(expected, "time_to_first_payment_days.within_5"));
    assert_int_equal(paid_within(world, 60, times),
                     integer_at(expected, "time_to_first_payment_days.within_60"));
    assert_int_equal(paid_within(world, 40000, times),
                     integer_at(expected, "time_to_first_payment_days.paid_cases"));
    assert_int_equal(times[0], integer_at(expected, "time_to_first_payment_days.median") * 86400);
    assert_int_equal(times[1], (int64_t)(mean_days * 86400));
}

static void test_funnel_traffic_fines(void **state)
{
    struct world *world;
    struct json expected;

    (void)state;
    if (!world_begin(&world, "funnel_traffic_fines", steps, ARRAY_LEN(steps)))
        skip();
    cases = map_new(world->arena, 10000);
    for (step_now = CREATE; step_now <= OTHER; step_now++)
        rows_each(world, "traffic_fines.csv.xz", fine_row);
    world_ready(world, "2012-04-01");
    expected = expected_of(world);
    assert_int_equal(map_count(cases), integer_at(&expected, "cases"));
    fine_totals(world, &expected);
    rows_each(world, "expected_funnel.csv", fine_check);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_online_retail),
        cmocka_unit_test(test_cdnow),
        cmocka_unit_test(test_funnel_traffic_fines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
