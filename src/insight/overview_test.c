/* The overview on a base small enough to count by hand: six customers, days that end at midnight in
 * Shanghai, an order that was cancelled and one of a guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <stdio.h>
#include <stdlib.h>

#include "base_sql.h"
#include "host/clock.h"
#include "host/file.h"
#include "insight/insight.h"
#include "insight/insight_private.h"
#include "manage/event/event.h"

static const struct route *const routes[] = {overview_routes, NULL};
static const struct role roles[] = {{NULL, NULL}};
static const struct app_part *const parts[] = {&audience_part, NULL};
static const struct reaction reactions[] = {{NULL, NULL}};

static char folder[] = "/tmp/papilio-overview-XXXXXX";
static struct arena *arena;
static struct app *app;

/* @2025-11-10 10:00@ is that local time as UTC milliseconds. */
static struct str with_times(const struct zone *zone, struct str sql)
{
    struct buf buf;
    struct str out, head, time;
    int64_t ms;

    buf_init(&buf, 64 * 1024);
    while (sql.len > 0) {
        bool is_time = str_cut(sql, '@', &head, &sql) && str_cut(sql, '@', &time, &sql);
        buf_str(&buf, head);
        if (!is_time)
            break;
        must(time_parse(zone, time, &ms) == OK);
        buf_int(&buf, ms);
    }
    out = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

static const char base[] =
    "INSERT INTO channel VALUES (1, NULL, 'store', 'Store', 'store', '/1/', 0, 0),"
    " (2, 1, 'guide', 'Guide', 'store', '/1/2/', 0, 0),"
    " (3, NULL, 'ads', 'Ads', 'ad', '/3/', 0, 0);"
    "CREATE TABLE c (id BIGINT, channel_id BIGINT, inviter_id BIGINT, is_family BIGINT,"
    " touched_ms BIGINT, added_ms BIGINT, action_ms BIGINT, orders BIGINT, paid BIGINT,"
    " first_ms BIGINT, second_ms BIGINT, last_ms BIGINT, invited BIGINT);"
    "INSERT INTO c VALUES"
    " (1, 2, NULL, 0, @2025-11-01@, 1, @2026-02-20@, 4, 25000, @2025-11-10 10:00@,"
    "  @2025-11-10 11:00@, @2026-02-20 10:00@, 1),"
    " (2, 1, NULL, 1, @2025-12-01@, 1, @2026-01-01@, 2, 3000, @2025-12-31 23:30@,"
    "  @2026-01-01 00:30@, @2026-01-01 00:30@, 0),"
    " (3, 3, 1, 0, @2026-02-01@, 1, @2026-03-01@, 0, 0, NULL, NULL, NULL, 0),"
    " (4, 3, NULL, 0, @2025-06-01@, NULL, NULL, 1, 4000, @2025-08-01@, NULL, @2025-08-01@, 0),"
    " (5, 3, NULL, 0, @2025-11-15@, NULL, @2026-01-30@, 1, 6000, @2025-11-20@, NULL,"
    "  @2025-11-20@, 0),"
    " (6, NULL, NULL, 0, @2026-02-25@, NULL, @2026-02-26@, 1, 8001, @2026-02-26@, NULL,"
    "  @2026-02-26@, 0),"
    " (7, 3, NULL, 0, @2025-11-15@, 1, NULL, 0, 0, NULL, NULL, NULL, 0);"
    "INSERT INTO customer (id, customer_number, channel_id, invited_by_customer_id, is_family,"
    " touched_ms, added_ms, action_day, order_count, paid_fen, refunded_fen, first_order_ms,"
    " second_order_ms, last_order_ms, invited_count, attributes, created_ms, changed_ms)"
    " SELECT id, id, channel_id, inviter_id, is_family, touched_ms, added_ms,"
    " (action_ms + 28800000) / 86400000, orders, paid, 0, first_ms, second_ms, last_ms, invited,"
    " '{}', 0, 0 FROM c;"
    "UPDATE customer SET deleted_ms = 1 WHERE id = 7;"
    "CREATE TABLE o (id BIGINT, customer_id BIGINT, placed_ms BIGINT, paid BIGINT);"
    "INSERT INTO o VALUES (11, 1, @2025-11-10 10:00@, 10000), (12, 1, @2025-11-10 11:00@, 5000),"
    " (13, 1, @2025-12-05 09:00@, 3000), (14, 1, @2026-02-20 10:00@, 7000),"
    " (21, 2, @2025-12-31 23:30@, 2000), (22, 2, @2026-01-01 00:30@, 1000),"
    " (41, 4, @2025-08-01@, 4000), (51, 5, @2025-11-20@, 6000), (61, 6, @2026-02-26@, 8001),"
    " (62, 6, @2026-02-27@, 9999), (71, NULL, @2026-02-27@, 5555);"
    "INSERT INTO shop_order (id, source, order_no, kind, status, customer_id, placed_ms,"
    " is_counted, paid_fen, net_fen, refunded_fen, line_count, sale_line_count, created_ms, "
    "changed_ms)"
    " SELECT id, 's', id, 'sale', 'paid', customer_id, placed_ms, 1, paid, paid, 0, 1, 1, 0, 0"
    " FROM o;"
    "UPDATE shop_order SET status = 'cancelled', is_counted = 0 WHERE id = 62;"
    /* what was told of them: 14 was paid in two pages of an import, 13 first with a later date, 12
     * found its customer later */
    "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, subject_id, amount_fen)"
    " SELECT id * 10, 'order_paid', CASE id WHEN 13 THEN placed_ms + 864000000 ELSE placed_ms END,"
    " 0, CASE id WHEN 12 THEN NULL ELSE customer_id END, id, CASE id WHEN 14 THEN 1000 ELSE paid "
    "END"
    " FROM o;"
    "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, subject_id, amount_fen)"
    " SELECT id * 10 + 1, CASE id WHEN 62 THEN 'order_cancelled' ELSE 'order_changed' END,"
    " placed_ms, 0, customer_id, id, CASE id WHEN 14 THEN 6000 ELSE 0 END FROM o"
    " WHERE id IN (12, 13, 14, 62);"
    "INSERT INTO product VALUES (1, 'p', 'P', 0), (2, 'q', 'Q', 0);"
    "INSERT INTO order_line SELECT id, 1, 1, 1, paid_fen * 10000, paid_fen, placed_ms, NULL FROM "
    "shop_order;"
    "INSERT INTO order_line SELECT id, 2, 1, 1, 100000000, 0, placed_ms, NULL FROM shop_order"
    " WHERE id = 11;"
    "INSERT INTO order_line VALUES (11, 3, 2, 0, 5, 0, 0, NULL),"
    " (12, 2, 2, 1, 0, 0, 0, NULL);"
    "INSERT INTO refund VALUES (1, 14, 's', 'r1', @2026-02-22@, 700, '', 0),"
    " (2, 51, 's', 'r2', @2025-11-25@, 50, '', 0);";

static int setup(void **state)
{
    struct app_config config = {.routes = routes,
                                .roles = roles,
                                .kinds = event_kinds,
                                .parts = parts,
                                .reactions = reactions};
    struct str why = {0};
    struct zone *zone;

    (void)state;
    clock_simulate(INT64_C(1772337600000)); /* 2026-03-01 12:00 in Shanghai */
    must(mkdtemp(folder) != NULL);
    config.data = str_of(folder);
    arena = arena_new(64 * 1024 * 1024);
    config.db = base_db(arena);
    if (app_open(arena, &config, &app, &why) != OK) {
        print_error("%.*s\n", STR(why));
        return -1;
    }
    must(zone_load(arena, S("Asia/Shanghai"), &zone) == OK);
    base_sql(folder, str_cstr(arena, with_times(zone, str_of(base))));
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct str ask(const char *path, const char *query)
{
    struct app_call call = {
        .method = HTTP_GET, .path = str_of(path), .query = str_of(query), .is_local = true};

    app_request(app, arena, &call);
    if (call.status != 200)
        print_error("%d %.*s\n", call.status, STR(call.reply));
    return call.reply;
}

static void expect(struct str reply, const char *part)
{
    bool is_there = str_find(reply, str_of(part)) >= 0;

    if (!is_there)
        print_error("wanted %s\nin     %.*s\n", part, STR(reply));
    assert_true(is_there);
}

static void test_everything(void **state)
{
    struct str reply = ask("/api/overview", "");

    (void)state;
    expect(reply, "\"butterfly\":{\"reached_count\":6,\"added_count\":3,\"active_count\":3,"
                  "\"first_order_count\":5,\"loyal_count\":2,\"repurchase_count\":2,"
                  "\"sharing_count\":1,\"referred_count\":1}");
    expect(reply, "\"figures\":{\"order_count\":9,\"customer_count\":5,\"paid_fen\":46001,"
                  "\"refunded_fen\":750,\"average_order_fen\":5111,"
                  "\"orders_per_customer_ppm\":1800000,\"repeat_customer_count\":2,"
                  "\"repurchase_ppm\":400000,\"interval_count\":3,\"interval_median_days\":25,"
                  "\"interval_p25_days\":1,\"interval_p75_days\":77,\"churned_count\":1,"
                  "\"churn_ppm\":200000,\"never_count\":1,\"once_count\":1,\"repeat_count\":2,"
                  "\"sleeping_count\":1,\"lost_count\":1}");
    expect(reply, "{\"within_days\":30,\"matured_count\":4,\"repeat_count\":2,\"rate_ppm\":500000,"
                  "\"all_count\":5,\"all_repeat_count\":2,\"all_rate_ppm\":400000}");
    expect(reply,
           "{\"within_days\":90,\"matured_count\":3,\"repeat_count\":1,\"rate_ppm\":333333,");
    expect(reply, "{\"within_days\":180,\"matured_count\":1,\"repeat_count\":0,\"rate_ppm\":0,");
    expect(reply, "\"as_of_ms\":1772337600000");
}

static void test_months(void **state)
{
    struct str reply = ask("/api/overview", "");

    (void)state;
    expect(reply, "\"months\":[{\"month\":\"2025-08\",\"order_count\":1,");
    expect(reply, "{\"month\":\"2025-09\",\"order_count\":0,\"customer_count\":0,\"paid_fen\":0,");
    expect(reply,
           "{\"month\":\"2025-11\",\"order_count\":3,\"customer_count\":2,\"paid_fen\":21000,"
           "\"new_paid_fen\":21000,\"old_paid_fen\":0,\"new_customer_count\":2}");
    /* half past midnight belongs to January in Shanghai, though it is December in UTC */
    expect(reply, "{\"month\":\"2025-12\",\"order_count\":2,\"customer_count\":2,\"paid_fen\":5000,"
                  "\"new_paid_fen\":2000,\"old_paid_fen\":3000,\"new_customer_count\":1}");
    expect(reply, "{\"month\":\"2026-01\",\"order_count\":1,\"customer_count\":1,\"paid_fen\":1000,"
                  "\"new_paid_fen\":0,\"old_paid_fen\":1000,\"new_customer_count\":0}");
    expect(reply,
           "{\"month\":\"2026-02\",\"order_count\":2,\"customer_count\":2,\"paid_fen\":15001,"
           "\"new_paid_fen\":8001,\"old_paid_fen\":7000,\"new_customer_count\":1}]");
}

static void test_period(void **state)
{
    struct str reply = ask("/api/overview", "from_date=2025-12-01&to_date=2026-01-01");

    (void)state;
    expect(reply, "\"reached_count\":1,"); /* customer 2 alone was first touched then */
    expect(reply, "\"figures\":{\"order_count\":2,\"customer_count\":2,\"paid_fen\":5000,"
                  "\"refunded_fen\":0,");
    /* whose first purchase lies in the period, as seen at its end: nobody has matured */
    expect(reply, "{\"within_days\":30,\"matured_count\":0,\"repeat_count\":0,\"rate_ppm\":null,"
                  "\"all_count\":1,\"all_repeat_count\":0,\"all_rate_ppm\":0}");
    expect(reply, "\"never_count\":0,\"once_count\":2,\"repeat_count\":1,\"sleeping_count\":1,"
                  "\"lost_count\":0}"); /* of all who were known by then: 4 is 152 days old */
    expect(reply, "\"months\":[{\"month\":\"2025-12\",");
}

static void test_branch(void **state)
{
    struct str store = ask("/api/overview", "channel_id=1"), ads;

    (void)state;
    expect(store, "\"reached_count\":2,\"added_count\":2,");
    expect(store, "\"figures\":{\"order_count\":6,\"customer_count\":2,\"paid_fen\":28000,"
                  "\"refunded_fen\":700,");
    ads = ask("/api/overview", "channel_id=3&to_date=2026-01-01");
    expect(ads, "\"reached_count\":2,");
    expect(ads, "\"order_count\":2,\"customer_count\":2,\"paid_fen\":10000,\"refunded_fen\":50,");
}

static void test_empty(void **state)
{
    struct str reply = ask("/api/overview", "to_date=2020-01-01");

    (void)state;
    expect(reply, "\"reached_count\":0,");
    expect(reply, "\"average_order_fen\":null,");
    expect(reply, "\"months\":[]");
    assert_true(str_eq(ask("/api/overview/cohort", "to_date=2020-01-01"), S("{\"cohorts\":[]}")));
}

static void test_bad_input(void **state)
{
    static const char *const queries[] = {
        "from_date=2026-02-30", "to_date=yesterday", "from_date=2026-02-02&to_date=2026-02-02",
        "channel_id=99",        "channel_id=x",      "what=1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct app_call call = {.method = HTTP_GET,
                                .path = S("/api/overview"),
                                .query = str_of(queries[i]),
                                .is_local = true};
        app_request(app, arena, &call);
        if (call.status != 400 && call.status != 404)
            print_error("%s: %d %.*s\n", queries[i], call.status, STR(call.reply));
        assert_true(call.status == 400 || call.status == 404);
    }
}

static void test_cohort(void **state)
{
    struct str reply = ask("/api/overview/cohort", "");

    (void)state;
    expect(reply,
           "{\"month\":\"2025-11\",\"size_count\":2,\"mature_month_count\":4,\"active\":["
           "{\"month_number\":0,\"customer_count\":2},{\"month_number\":1,\"customer_count\":1},"
           "{\"month_number\":2,\"customer_count\":0},"
           "{\"month_number\":3,\"customer_count\":1}]}");
    expect(reply,
           "{\"month\":\"2025-12\",\"size_count\":1,\"mature_month_count\":3,\"active\":["
           "{\"month_number\":0,\"customer_count\":1},{\"month_number\":1,\"customer_count\":1},"
           "{\"month_number\":2,\"customer_count\":0}]}");
    reply = ask("/api/overview/cohort", "from_date=2025-12-01&to_date=2026-02-01");
    expect(reply, "{\"cohorts\":[{\"month\":\"2025-12\",\"size_count\":1,\"mature_month_count\":2,"
                  "\"active\":["
                  "{\"month_number\":0,\"customer_count\":1},"
                  "{\"month_number\":1,\"customer_count\":1}]}]}");
}

static void test_raw(void **state)
{
    struct str reply = ask("/api/overview/raw", "");

    (void)state;
    expect(reply, "{\"line_count\":11,\"guest_line_count\":1,\"cancellation_line_count\":0,"
                  "\"line_without_quantity_count\":1,\"line_without_price_count\":1,"
                  "\"document_count\":11,\"customer_count\":5,\"net_fen\":61555,"
                  "\"counted_line_count\":9,\"duplicate_line_count\":1,\"counted_order_count\":9,"
                  "\"counted_customer_count\":5,\"counted_paid_fen\":46001,"
                  "\"repeat_customer_count\":2,\"repeat_day_customer_count\":2}");
}

static void test_calendar(void **state)
{
    struct calendar calendar;
    struct zone *zone;
    int64_t day, month, begin = INT64_C(1300000000000); /* 2011-03-13, two weeks before the gap */

    (void)state;
    assert_int_equal(zone_load(arena, S("Europe/London"), &zone), OK);
    calendar_init(arena, zone, begin, begin + 300 * DAY_MS, &calendar);
    for (int64_t ms = begin - 3 * DAY_MS; ms < begin + 303 * DAY_MS; ms += 1799999) {
        calendar_find(&calendar, ms, &day, &month);
        assert_int_equal(day, zone_day(zone, ms));
        assert_int_equal(month, zone_month(zone, ms));
    }
    assert_int_equal(rate_ppm(1, 3), 333333);
    assert_int_equal(rate_ppm(2, 3), 666667);
    assert_int_equal(rate_ppm(1, 0), NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_months),
        cmocka_unit_test(test_period),     cmocka_unit_test(test_branch),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_cohort),     cmocka_unit_test(test_raw),
        cmocka_unit_test(test_calendar),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
