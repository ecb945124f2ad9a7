/* Orders through the API: placing, looking, refunding, cancelling; amounts; and that figures, lines
 * and journal agree after random histories. */
#include "scenario.h"

#include <stdio.h>

#include "base/json.h"
#include "flow/convert/convert.h"

#define ORDERS "/api/orders"
#define T1 "1767225600000" /* 2026-01-01T00:00:00Z */
#define LINES                                                                                      \
    "[{'product_code':'A1','product_name':'Tea','quantity_count':2,'unit_price_micro':19900000},"  \
    "{'product_code':'B2','quantity_count':1,'unit_price_micro':5000}]"
#define ORDER(no, ms, who)                                                                         \
    "{'source':'shop','order_no':'" no "','placed_ms':" ms "," who "'lines':" LINES "}"
#define ANA "'customer':{'kind':'phone','value':'13800000001'},"

static const struct scenario place_cases[] = {
    {"places one for somebody new", AS_OPERATOR, POST, ORDERS, ORDER("1", T1, ANA), 200,
     "'is_new':true", "customer_added order_paid", .keep = "o1"},
    {"the same again is the same", AS_OPERATOR, POST, ORDERS, ORDER("1", T1, ANA), 200,
     "'is_new':false", ""},
    {"other lines under its number", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'1','placed_ms':" T1 "," ANA
     "'lines':[{'product_code':'A1','quantity_count':3,'unit_price_micro':19900000}]}",
     409, "order.differs", ""},
    {"fewer lines under its number", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'1','placed_ms':" T1 "," ANA
     "'lines':[{'product_code':'A1','quantity_count':2,'unit_price_micro':19900000}]}",
     409, "order.differs", ""},
    {"another time under its number", AS_OPERATOR, POST, ORDERS, ORDER("1", "1767225600001", ANA),
     409, "order.differs", ""},
    {"an earlier time under its number", AS_OPERATOR, POST, ORDERS,
     ORDER("1", "1767225599999", ANA), 409, "order.differs", ""},
    {"somebody else under its number", AS_OPERATOR, POST, ORDERS,
     ORDER("1", T1, "'customer':{'kind':'phone','value':'13800000009'},"), 409, "order.differs",
     ""},
    {"nobody under its number", AS_OPERATOR, POST, ORDERS, ORDER("1", T1, ""), 409, "order.differs",
     ""},
    {"the same number in another shop", AS_OPERATOR, POST, ORDERS,
     "{'source':'other','order_no':'1','placed_ms':" T1 "," ANA "'lines':" LINES "}", 200,
     "'is_new':true", "order_paid", .keep = "o2"},
    {"a guest's", AS_OPERATOR, POST, ORDERS, ORDER("g", T1, ""), 200, "'is_new':true", "order_paid",
     .keep = "guest"},
    {"customer and customer_id", AS_OPERATOR, POST, ORDERS,
     ORDER("x", T1, ANA "'customer_id':'7',"), 400, "order.customer", ""},
    {"nobody of that id", AS_OPERATOR, POST, ORDERS, ORDER("x", T1, "'customer_id':'7',"), 404,
     "customer.unknown", ""},
    {"no such channel", AS_OPERATOR, POST, ORDERS, ORDER("x", T1, "'channel_id':'7',"), 404,
     "channel.unknown", ""},
    {"a wrong identity", AS_OPERATOR, POST, ORDERS,
     ORDER("x", T1, "'customer':{'kind':'phone','value':'abc'},"), 400, "identity.value", ""},
    {"an unknown kind of identity", AS_OPERATOR, POST, ORDERS,
     ORDER("x", T1, "'customer':{'kind':'shoe','value':'abc'},"), 400, "identity.kind", ""},
    {"in the future", AS_OPERATOR, POST, ORDERS, ORDER("x", "1803900000000", ANA), 400,
     "order.future", ""},
    {"no lines", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'x','placed_ms':" T1 ",'lines':[]}", 400, "lines", ""},
    {"too much money", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'x','placed_ms':" T1 ",'lines':[{'product_code':'A',"
     "'quantity_count':1000000000,'unit_price_micro':1000000000000000}]}",
     400, "lines/0", ""},
    {"too much money in all", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'x','placed_ms':" T1 ",'lines':["
     "{'product_code':'A','quantity_count':100000000,'unit_price_micro':900000000},"
     "{'product_code':'A','quantity_count':100000000,'unit_price_micro':900000000}]}",
     400, "lines/1", ""},
    {"a quantity of none", AS_OPERATOR, POST, ORDERS,
     "{'source':'shop','order_no':'x','placed_ms':" T1 ",'lines':[{'product_code':'A',"
     "'quantity_count':0,'unit_price_micro':1}]}",
     400, "quantity_count", ""},
    {"not allowed", AS_VIEWER, POST, ORDERS, ORDER("x", T1, ANA), 403, "", ""},
    {"not signed in", AS_NOBODY, POST, ORDERS, ORDER("x", T1, ANA), 401, "", ""},
};

#define PRODUCTS "/api/products"
static const struct scenario product_cases[] = {
    {"names by codes", AS_VIEWER, GET, PRODUCTS "?codes=[%22B2%22,%22A1%22,%22none%22]", NULL, 200,
     "{'items':[{'code':'A1','name':'Tea'}]}", ""},
    {"no codes", AS_VIEWER, GET, PRODUCTS "?codes=[]", NULL, 200, "{'items':[]}", ""},
    {"no list", AS_VIEWER, GET, PRODUCTS "?codes=A1", NULL, 400, "product.codes", ""},
    {"no texts", AS_VIEWER, GET, PRODUCTS "?codes=[1]", NULL, 400, "product.codes", ""},
    {"nothing asked", AS_VIEWER, GET, PRODUCTS, NULL, 400, "codes", ""},
    {"not signed in", AS_NOBODY, GET, PRODUCTS "?codes=[]", NULL, 401, "gate.sign_in", ""},
    {"a page's key", AS_KEY, GET, PRODUCTS "?codes=[]", NULL, 401, "", ""},
};
static const struct scenario product_barred[] = {
    {"not allowed", AS_VIEWER, GET, PRODUCTS "?codes=[]", NULL, 403, "gate.permission", ""},
};

static void test_products(void **state)
{
    (void)state;
    scenario_run(product_cases);
    scenario_sql("UPDATE role SET permissions = 'order.write' WHERE name = 'viewer'");
    scenario_run(product_barred);
}

static void test_place(void **state)
{
    (void)state;
    scenario_run(place_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order"), 3);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), 1);
    assert_int_equal(scenario_number("SELECT order_count FROM customer"), 2);
    assert_int_equal(scenario_number("SELECT paid_fen FROM customer"), 2 * (3980 + 1));
    assert_int_equal(scenario_number("SELECT count(*) FROM product"), 2);
}

static const struct scenario look_cases[] = {
    {"one order", AS_VIEWER, GET, ORDERS "/$o1", NULL, 200,
     "'paid_fen':3981,'net_fen':3981,'refunded_fen':0,'line_count':2,'cancel_reason':null,'lines':["
     "{'line_seq':1,"
     "'product_code':'A1','product_name':'Tea','quantity_count':2,'unit_price_micro':19900000,"
     "'amount_fen':3980}"},
    {"no such", AS_VIEWER, GET, ORDERS "/7", NULL, 404, "order.unknown"},
    {"no number", AS_VIEWER, GET, ORDERS "/abc", NULL, 400, "order_id"},
    {"not signed in", AS_NOBODY, GET, ORDERS "/$o1", NULL, 401, ""},
};

static void test_look(void **state)
{
    struct app_call call;

    (void)state;
    scenario_run(look_cases);
    scenario_set("ana", scenario_text("SELECT CAST(id AS TEXT) FROM customer"));
    call = scenario_ask(AS_VIEWER, GET, "/api/customers/$ana/orders?limit=1", NULL);
    assert_int_equal(call.status, 200);
    assert_true(str_find(call.reply, S("\"order_no\":\"1\"")) > 0);
    assert_true(str_find(call.reply, S("\"next_cursor\":\"")) > 0);
    call = scenario_ask(AS_VIEWER, GET, "/api/customers/7/orders", NULL);
    assert_int_equal(call.status, 404);
}

#define REFUND ORDERS "/$o1/refund"
static const struct scenario refund_cases[] = {
    {"more than was paid", AS_OPERATOR, POST, REFUND,
     "{'refund_no':'r1','amount_fen':3982,'reason':'late'}", 409, "order.refund_exceeds", ""},
    {"a part", AS_OPERATOR, POST, REFUND, "{'refund_no':'r1','amount_fen':1000,'reason':'late'}",
     200, "", "order_refunded"},
    {"its number again", AS_OPERATOR, POST, REFUND, "{'refund_no':'r1','amount_fen':1000}", 200, "",
     ""},
    {"its number, another amount", AS_OPERATOR, POST, REFUND,
     "{'refund_no':'r1','amount_fen':1001}", 409, "refund.differs", ""},
    {"its number, another order of the shop", AS_OPERATOR, POST, ORDERS "/$guest/refund",
     "{'refund_no':'r1','amount_fen':1000}", 409, "refund.differs", ""},
    {"the same number in another shop", AS_OPERATOR, POST, ORDERS "/$o2/refund",
     "{'refund_no':'r1','amount_fen':1}", 200, "", "order_refunded"},
    {"more than is left", AS_OPERATOR, POST, REFUND, "{'refund_no':'r2','amount_fen':2982}", 409,
     "order.refund_exceeds", ""},
    {"nothing", AS_OPERATOR, POST, REFUND, "{'refund_no':'r2','amount_fen':0}", 400, "amount_fen",
     ""},
    {"less than nothing", AS_OPERATOR, POST, REFUND, "{'refund_no':'r2','amount_fen':-1}", 400,
     "amount_fen", ""},
    {"in the future", AS_OPERATOR, POST, REFUND,
     "{'refund_no':'r2','amount_fen':1,'refunded_ms':1803900000000}", 400, "refund.future", ""},
    {"the rest", AS_OPERATOR, POST, REFUND, "{'refund_no':'r2','amount_fen':2981}", 200, "",
     "order_refunded"},
    {"nothing is left", AS_OPERATOR, POST, REFUND, "{'refund_no':'r3','amount_fen':1}", 409,
     "order.refund_exceeds", ""},
    {"a refunded order is not cancelled", AS_OPERATOR, POST, ORDERS "/$o1/cancel", "{}", 409,
     "order.not_cancellable", ""},
    {"no such order", AS_OPERATOR, POST, ORDERS "/7/refund", "{'refund_no':'r','amount_fen':1}",
     404, "order.unknown", ""},
    {"not allowed", AS_VIEWER, POST, REFUND, "{'refund_no':'r','amount_fen':1}", 403, "", ""},
};

static void test_refund(void **state)
{
    (void)state;
    scenario_run(refund_cases);
    assert_string_equal(
        scenario_text("SELECT group_concat(status || refunded_fen) FROM (SELECT * FROM shop_order"
                      " ORDER BY id)"),
        "refunded3981,paid1,paid0");
    assert_int_equal(scenario_number("SELECT refunded_fen FROM customer"), 3982);
    assert_int_equal(scenario_number("SELECT order_count FROM customer"), 2);
}

static const struct scenario cancel_cases[] = {
    {"places a third", AS_OPERATOR, POST, ORDERS, ORDER("3", "1767225500000", ANA), 200, "",
     "order_paid", .keep = "o3"},
    {"cancels it", AS_OPERATOR, POST, ORDERS "/$o3/cancel", "{'reason':'wrong size'}", 200, "",
     "order_cancelled"},
    {"says why", AS_VIEWER, GET, ORDERS "/$o3", NULL, 200, "'cancel_reason':'wrong size'"},
    {"only once", AS_OPERATOR, POST, ORDERS "/$o3/cancel", "{}", 409, "order.not_cancellable", "",
     .is_plain = true},
    {"no refund of it", AS_OPERATOR, POST, ORDERS "/$o3/refund", "{'refund_no':'z','amount_fen':1}",
     409, "order.not_refundable", ""},
    {"no such", AS_OPERATOR, POST, ORDERS "/7/cancel", "{}", 404, "order.unknown", ""},
    {"not allowed", AS_VIEWER, POST, ORDERS "/$o2/cancel", "{}", 403, "", ""},
};

static void test_cancel(void **state)
{
    (void)state;
    scenario_run(cancel_cases);
    assert_int_equal(scenario_number("SELECT order_count FROM customer"), 2);
    assert_int_equal(scenario_number("SELECT first_order_ms FROM customer"), 1767225600000);
    assert_int_equal(scenario_number("SELECT touched_ms FROM customer"), 1767225500000);
}

/* ---- amounts --------------------------------------------------------------------------------- */

static void test_amounts(void **state)
{
    static const struct {
        int64_t quantity_count, unit_price_micro, minor_digits, amount_fen;
        bool is_fine;
    } cases[] = {
        {2, 2550000, 2, 510, true},
        {1, 1000, 2, 0, true},
        {5, 1000, 2, 1, true},
        {-5, 1000, 2, -1, true},
        {5, -1000, 2, -1, true},
        {4, 1000, 2, 0, true},
        {-4, 1000, 2, 0, true},
        {1, 4999, 2, 0, true},
        {1, 5000, 2, 1, true},
        {3, 500000, 0, 2, true},
        {1, 499999, 0, 0, true},
        {1, 1500, 3, 2, true},
        {7, 150, 4, 11, true},
        {0, 5, 2, 0, true},
        {1000000000, 100000000, 2, 10000000000000, true},
        {1000000000, 100000001, 2, 0, false},
        {-1000000000, 100000001, 2, 0, false},
        {1000000001, 0, 2, 0, false},
        {INT64_MIN, INT64_MIN, 2, 0, false},
        {INT64_MAX, INT64_MAX, 2, 0, false},
        {1, INT64_MIN, 2, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t amount_fen;
        bool is_fine = order_amount(cases[i].quantity_count, cases[i].unit_price_micro,
                                    cases[i].minor_digits, &amount_fen);

        assert_int_equal(is_fine, cases[i].is_fine);
        assert_int_equal(amount_fen, cases[i].amount_fen);
    }
}

/* ---- random histories ------------------------------------------------------------------------ */

#define HISTORY_STEPS 200

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % sides;
}

struct history {
    uint32_t seed;
};

/* A page of rows over few orders and customers, in any order of time, some of them twice. */
static enum err history_page(struct ctx *c, void *user)
{
    struct history *history = user;
    struct order_book *book = order_book_new(c->arena, S("random"), 2);
    int64_t count = 1 + dice(&history->seed, 40);
    struct order_row *rows = arena_new_array(c->arena, struct order_row, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        uint32_t order = dice(&history->seed, 1500), line = 1 + dice(&history->seed, 4);

        rows[i] = (struct order_row){
            .order_no = str_fmt(c->arena, "%u", order),
            .product_code = str_fmt(c->arena, "p%u", (order + line) % 7),
            .customer_id = NONE,
            .channel_id = NONE,
            .line_seq = line,
            .quantity_count = (int64_t)(order * line % 5) - 1,
            .unit_price_micro = (int64_t)(order % 4) * 1234567,
            .placed_ms = 1767225600000 + (int64_t)dice(&history->seed, 5000) * 3600000,
            .is_cancellation = order % 10 == 9,
        };
        if (dice(&history->seed, 2) == 0)
            rows[i].customer =
                (struct customer_ref){S("shop:random"), str_fmt(c->arena, "%u", order % 25)};
    }
    return order_book_add(c, book, rows, count);
}

/* What any history leaves: figures that the orders give, sums that the lines give. */
static void history_check(void)
{
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order o WHERE "
                                     "(paid_fen, net_fen, line_count, sale_line_count) <> "
                                     "(SELECT coalesce(sum(CASE WHEN quantity_count > 0 AND "
                                     "unit_price_micro > 0 THEN amount_fen END), 0), "
                                     "coalesce(sum(amount_fen), 0), count(*), "
                                     "count(CASE WHEN quantity_count > 0 AND unit_price_micro > 0 "
                                     "THEN 1 END) FROM order_line l WHERE l.order_id = o.id)"),
                     0);
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order WHERE is_counted <> CASE "
                                     "WHEN kind = 'sale' AND status <> 'cancelled' AND "
                                     "sale_line_count > 0 THEN 1 ELSE 0 END"),
                     0);
    assert_int_equal(
        scenario_number(
            "SELECT count(*) FROM customer c WHERE (order_count, paid_fen, refunded_fen, "
            "coalesce(first_order_ms, 0), coalesce(last_order_ms, 0)) <> (SELECT count(*), "
            "coalesce(sum(paid_fen), 0), coalesce(sum(refunded_fen), 0), "
            "coalesce(min(placed_ms), 0), coalesce(max(placed_ms), 0) FROM shop_order o WHERE "
            "o.customer_id = c.id AND is_counted = 1) OR (SELECT placed_ms FROM "
            "shop_order o WHERE o.customer_id = c.id AND is_counted = 1 ORDER BY placed_ms "
            "LIMIT 1 OFFSET 1) IS DISTINCT FROM second_order_ms"),
        0);
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order o WHERE paid_fen <> (SELECT "
                                     "coalesce(sum(amount_fen), 0) FROM journal j WHERE "
                                     "j.subject_id = o.id AND kind IN ('order_paid', "
                                     "'order_changed'))"),
                     0);
}

static void history_cancel(uint32_t *seed)
{
    char path[100];
    int64_t order_id = scenario_number("SELECT id FROM shop_order WHERE source = 'random' AND "
                                       "status = 'paid' AND kind = 'sale' LIMIT 1");

    if (order_id == NONE || dice(seed, 20) != 0)
        return;
    snprintf(path, sizeof(path), ORDERS "/%" PRId64 "/cancel", order_id);
    assert_int_equal(scenario_ask(AS_ADMIN, POST, path, "{}").status, 200);
}

/* Also the ways figures are kept: added to, and read anew. */
static void test_histories(void **state)
{
    struct history history = {20260301};

    (void)state;
    for (int i = 0; i < HISTORY_STEPS; i++) {
        scenario_write(history_page, &history);
        history_cancel(&history.seed);
        if (i % 10 == 0)
            history_check();
    }
    history_check();
    assert_true(scenario_number("SELECT count(*) FROM shop_order WHERE source = 'random'") > 300);
    assert_true(scenario_number("SELECT count(*) FROM shop_order WHERE status = 'cancelled'") > 5);
    assert_true(scenario_number("SELECT max(order_count) FROM customer") > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts),  cmocka_unit_test(test_place),
        cmocka_unit_test(test_look),     cmocka_unit_test(test_refund),
        cmocka_unit_test(test_cancel),   cmocka_unit_test(test_histories),
        cmocka_unit_test(test_products),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
