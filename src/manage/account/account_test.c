/* Accounts and statements as people read them: whose, what is left, the way back along the chain.
 */
#include "scenario.h"

#define POSTINGS 45 /* two pages of 20 and a rest */

/* The system's issued points and a person's available ones, with POSTINGS of 10 each way in turn:
 * three in, one out. */
static void ledger_fill(void)
{
    int64_t balance = 0, id = 100;

    scenario_sql("INSERT INTO account VALUES (10, 'system', 0, 'points', 'issued', 0, 0, NULL, 0, "
                 "NULL, 0, 0)");
    scenario_sql("INSERT INTO account SELECT 11, 'customer', id, 'points', 'available', 0, 0, 0, 0,"
                 " NULL, 1, 0 FROM customer WHERE customer_number = 1");
    scenario_sql("INSERT INTO account SELECT 12, 'customer', id, 'growth', 'available', 0, 0, 0, 0,"
                 " NULL, 0, 0 FROM customer WHERE customer_number = 1");
    for (int64_t i = 1; i <= POSTINGS; i++, id++) {
        bool is_out = i % 4 == 0;
        struct str previous = i == 1 ? S("NULL") : str_fmt(scenario_arena, "%" PRId64, id - 1);
        balance += is_out ? -10 : 10;
        scenario_sql(str_cstr(
            scenario_arena,
            str_fmt(scenario_arena,
                    "INSERT INTO transfer VALUES (%" PRId64 ", '%s', %" PRId64
                    ", 0, %d, %d, 10, %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
                    ", %.*s, %.*s, NULL, 0, NULL, NULL, %" PRId64 ")",
                    id, is_out ? "points_spent" : "order_points", i, is_out ? 11 : 10,
                    is_out ? 10 : 11, is_out ? balance : -balance, is_out ? -balance : balance, i,
                    i, STR(previous), STR(previous), 1000 + i)));
    }
    scenario_sql(str_cstr(
        scenario_arena,
        str_fmt(scenario_arena,
                "UPDATE account SET balance_count = CASE id WHEN 10 THEN %" PRId64 " ELSE %" PRId64
                " END, posting_count = %d, last_transfer_id = %" PRId64 " WHERE id IN (10, 11)",
                -balance, balance, POSTINGS, id - 1)));
}

static const struct scenario cases[] = {
    {"a customer", AS_ADMIN, POST, "/api/customers", "{'name':'王小明'}", 200, "", .keep = "one"},
    {"nothing yet", AS_VIEWER, GET, "/api/customers/$one/accounts", NULL, 200, "{'items':[]}"},
};
static const struct scenario read_cases[] = {
    {"the system's", AS_OPERATOR, GET, "/api/accounts?owner_kind=system", NULL, 200,
     "'owner_id':null,'owner_name':null,'unit':'points','bucket':'issued'"},
    {"all customers'", AS_ADMIN, GET, "/api/accounts?owner_kind=customer", NULL, 200,
     "'owner_name':'王小明','unit':'growth'"},
    {"one's", AS_OPERATOR, GET, "/api/accounts?owner_kind=customer&owner_id=$one&unit=points", NULL,
     200, "'balance_count':230,'floor_count':0,'posting_count':45", .lacks = "growth"},
    {"by bucket", AS_OPERATOR, GET, "/api/accounts?owner_kind=customer&bucket=frozen", NULL, 200,
     "'items':[]"},
    {"a page", AS_OPERATOR, GET, "/api/accounts?owner_kind=customer&limit=1", NULL, 200,
     "'id':'12'", .lacks = "'next_cursor':null"},
    {"without a kind", AS_OPERATOR, GET, "/api/accounts", NULL, 400, "input.required"},
    {"no such kind", AS_OPERATOR, GET, "/api/accounts?owner_kind=dog", NULL, 400, "input.choice"},
    {"a wrong cursor", AS_OPERATOR, GET, "/api/accounts?owner_kind=system&cursor=x", NULL, 400,
     "input.cursor"},
    {"without the right", AS_VIEWER, GET, "/api/accounts?owner_kind=system", NULL, 403, ""},
    {"nobody", AS_NOBODY, GET, "/api/accounts?owner_kind=system", NULL, 401, ""},
    {"a person's", AS_VIEWER, GET, "/api/customers/$one/accounts", NULL, 200,
     "'unit':'points','bucket':'available'", .lacks = "王小明"},
    {"who is two records", AS_ADMIN, POST, "/api/customers", "{'name':'李雷'}", 200, "",
     .keep = "two", .is_plain = true},
    {"becomes one person", AS_ADMIN, POST, "/api/customers/$two/merge",
     "{'other_customer_id':'$one'}", 200, "", .is_plain = true},
    {"who has what the records have", AS_VIEWER, GET, "/api/customers/$two/accounts", NULL, 200,
     "'balance_count':230,'record_count':1"},
    {"by the old number too", AS_VIEWER, GET, "/api/customers/$one/accounts", NULL, 200,
     "'balance_count':230,'record_count':1"},
    {"which record has it", AS_OPERATOR, GET,
     "/api/accounts?owner_kind=customer&owner_id=$two&unit=points", NULL, 200,
     "'owner_kind':'customer','owner_id':'$one','owner_name':'王小明'"},
    {"a person's, unknown", AS_VIEWER, GET, "/api/customers/1/accounts", NULL, 404, ""},
    {"an account", AS_OPERATOR, GET, "/api/accounts/11", NULL, 200,
     "'id':'11','owner_kind':'customer'"},
    {"no account", AS_OPERATOR, GET, "/api/accounts/99", NULL, 404, "account.unknown"},
    {"an account, without the right", AS_VIEWER, GET, "/api/accounts/11", NULL, 403, ""},
    {"in", AS_OPERATOR, GET, "/api/accounts/11/statement?limit=1", NULL, 200,
     "'transfer_id':'144','amount_count':10,'balance_count':230,'kind':'order_points',"
     "'key_id':'45','leg_number':0,'other_account_id':'10','other_owner_kind':'system'"},
    {"the other side", AS_OPERATOR, GET, "/api/accounts/10/statement?limit=1", NULL, 200,
     "'amount_count':-10,'balance_count':-230,'kind':'order_points','key_id':'45','leg_number':0,"
     "'other_account_id':'11','other_owner_kind':'customer'"},
    {"an empty one", AS_OPERATOR, GET, "/api/accounts/12/statement", NULL, 200,
     "{'items':[],'next_cursor':null}"},
    {"another's cursor", AS_OPERATOR, GET, "/api/accounts/12/statement?cursor=0.144", NULL, 200,
     "'items':[]"},
    {"no account's", AS_OPERATOR, GET, "/api/accounts/99/statement", NULL, 404, "account.unknown"},
    {"a statement, without the right", AS_VIEWER, GET, "/api/accounts/11/statement", NULL, 403, ""},
    {"a transfer", AS_OPERATOR, GET, "/api/transfers/144", NULL, 200,
     "'amount_count':10,'from':{'id':'10'"},
    {"no transfer", AS_OPERATOR, GET, "/api/transfers/1", NULL, 404, "transfer.unknown"},
    {"a transfer, without the right", AS_VIEWER, GET, "/api/transfers/144", NULL, 403, ""},
    {"a transfer, nobody", AS_NOBODY, GET, "/api/transfers/144", NULL, 401, ""},
};

static const struct json *page_read(const char *cursor)
{
    struct json *json = arena_new_one(scenario_arena, struct json);
    struct app_call call = scenario_ask(
        AS_ADMIN, GET,
        str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/accounts/11/statement?limit=20%s%s",
                                         cursor ? "&cursor=" : "", cursor ? cursor : "")),
        NULL);

    if (call.status != 200 || json_parse(scenario_arena, call.reply, json, NULL) != OK)
        fail_msg("%d %.*s", call.status, STR(call.reply));
    return json;
}

/* Page after page every posting once, latest first, and the running balance fits. */
static void statement_walk(void)
{
    int64_t left = 230, seen = 0;
    const char *cursor = NULL;

    for (int page = 0; page < 3; page++) {
        const struct json *reply = page_read(cursor), *items = json_get(reply, "items");
        const struct json *next = json_get(reply, "next_cursor");

        for (uint32_t i = 0; i < items->count; i++, seen++) {
            assert_int_equal(json_get(&items->items[i], "balance_count")->integer, left);
            left -= json_get(&items->items[i], "amount_count")->integer;
        }
        assert_int_equal(next->type, page < 2 ? JSON_STR : JSON_NULL);
        cursor = page < 2 ? str_cstr(scenario_arena, next->text) : NULL;
    }
    assert_int_equal(seen, POSTINGS);
    assert_int_equal(left, 0);
}

static void test_reading(void **state)
{
    (void)state;
    scenario_run(cases);
    ledger_fill();
    scenario_run(read_cases);
    statement_walk();
    scenario_sql("DELETE FROM transfer");
    scenario_sql("DELETE FROM account");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reading, scenario_open, scenario_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
