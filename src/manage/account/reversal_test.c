/* Taking back by hand: at once below the set amount, above it only with a second colleague, and
 * never agreed to by the one who asked. */
#include "scenario.h"

#include "kit/ledger.h"

/* 30,000 and 50 points for the customer: two transfers. */
static enum err give(struct ctx *c, void *user)
{
    int64_t ids[2], transfers[2];
    struct account accounts[2] = {
        {"system", 0, UNIT_POINTS, BUCKET_EXTERNAL, 0},
        {"customer", *(int64_t *)user, UNIT_POINTS, BUCKET_AVAILABLE, 0},
    };
    struct transfer both[2];
    bool is_replay;

    TRY(ledger_open(c, accounts, 2, ids));
    for (int64_t i = 0; i < 2; i++)
        both[i] = (struct transfer){.kind = "test",
                                    .key_id = i + 1,
                                    .from_id = ids[0],
                                    .to_id = ids[1],
                                    .amount_count = i == 0 ? 30000 : 50,
                                    .expires_ms = NONE};
    return ledger_post(c, both, 2, &is_replay, transfers);
}

static const struct scenario begin_cases[] = {
    {"a customer", AS_ADMIN, POST, "/api/customers", "{'name':'王小明'}", 200, "", .keep = "one"},
};
static const struct scenario cases[] = {
    {"none yet", AS_OPERATOR, GET, "/api/reversals", NULL, 200, "'items':[]"},
    {"a part, at once", AS_OPERATOR, POST, "/api/transfers/$small/reverse",
     "{'amount_count':20,'policy':'up_to_balance','reason':'误发'}", 200,
     "'status':'done','taken_count':20,'debt_count':0"},
    {"more than is left", AS_OPERATOR, POST, "/api/transfers/$small/reverse",
     "{'amount_count':31,'policy':'up_to_balance','reason':'误发'}", 409, "ledger.reversed"},
    {"nothing", AS_OPERATOR, POST, "/api/transfers/$small/reverse",
     "{'amount_count':0,'policy':'up_to_balance','reason':'误发'}", 400, "input.range"},
    {"without words", AS_OPERATOR, POST, "/api/transfers/$small/reverse",
     "{'amount_count':1,'policy':'up_to_balance','reason':'  '}", 400, "reversal.reason"},
    {"no such policy", AS_OPERATOR, POST, "/api/transfers/$small/reverse",
     "{'amount_count':1,'policy':'luck','reason':'x'}", 400, "input.choice"},
    {"no such transfer", AS_OPERATOR, POST, "/api/transfers/1/reverse",
     "{'amount_count':1,'policy':'up_to_balance','reason':'x'}", 404, "transfer.unknown"},
    {"without the right", AS_VIEWER, POST, "/api/transfers/$small/reverse",
     "{'amount_count':1,'policy':'up_to_balance','reason':'x'}", 403, ""},
    {"nobody", AS_NOBODY, POST, "/api/transfers/$small/reverse",
     "{'amount_count':1,'policy':'up_to_balance','reason':'x'}", 401, ""},
    {"no person", AS_LOCAL, POST, "/api/transfers/$small/reverse",
     "{'amount_count':1,'policy':'up_to_balance','reason':'x'}", 403, "reversal.nobody"},
    {"above the set amount", AS_OPERATOR, POST, "/api/transfers/$big/reverse",
     "{'amount_count':10001,'policy':'create_debt','reason':'刷单'}", 200,
     "'status':'asked','taken_count':null", .keep = "asked"},
    {"it waits", AS_OPERATOR, GET, "/api/reversals?status=asked", NULL, 200,
     "'reason':'刷单','status':'asked','asked_staff_name'"},
    {"its own", AS_OPERATOR, POST, "/api/reversals/$asked/decide",
     "{'is_agreed':true,'words':'好'}", 403, "reversal.own"},
    {"not allowed", AS_VIEWER, POST, "/api/reversals/$asked/decide",
     "{'is_agreed':true,'words':'好'}", 403, "gate.permission"},
    {"nobody decides", AS_NOBODY, POST, "/api/reversals/$asked/decide",
     "{'is_agreed':true,'words':'好'}", 401, ""},
    {"no words", AS_ADMIN, POST, "/api/reversals/$asked/decide", "{'is_agreed':true,'words':' '}",
     400, "reversal.reason"},
    {"unknown", AS_ADMIN, POST, "/api/reversals/1/decide", "{'is_agreed':true,'words':'好'}", 404,
     "reversal.unknown"},
    {"another agrees", AS_ADMIN, POST, "/api/reversals/$asked/decide",
     "{'is_agreed':true,'words':'属实'}", 200, "'status':'done','taken_count':10001"},
    {"twice", AS_ADMIN, POST, "/api/reversals/$asked/decide", "{'is_agreed':false,'words':'不'}",
     409, "reversal.decided"},
    {"asked again", AS_ADMIN, POST, "/api/transfers/$big/reverse",
     "{'amount_count':19999,'policy':'up_to_balance','reason':'再查'}", 200, "'status':'asked'",
     .keep = "second"},
    {"refused", AS_OPERATOR, POST, "/api/reversals/$second/decide",
     "{'is_agreed':false,'words':'证据不足'}", 200, "'status':'refused','taken_count':null"},
    {"of all", AS_OPERATOR, GET, "/api/reversals", NULL, 200, "'taken_count':10001"},
    {"of one transfer", AS_OPERATOR, GET, "/api/reversals?transfer_id=$small", NULL, 200,
     "'amount_count':20", .lacks = "'taken_count':10001"},
    {"a wrong cursor", AS_OPERATOR, GET, "/api/reversals?cursor=x", NULL, 400, "input.cursor"},
    {"the list, without the right", AS_VIEWER, GET, "/api/reversals", NULL, 403, ""},
    {"the list, nobody", AS_NOBODY, GET, "/api/reversals", NULL, 401, ""},
    {"what is left", AS_OPERATOR, GET, "/api/transfers/$big", NULL, 200,
     "'reversed_count':10001,'reversals':[{'id':'"},
};

static void test_reversals(void **state)
{
    int64_t customer_id;

    (void)state;
    scenario_run(begin_cases);
    customer_id = scenario_number("SELECT id FROM customer");
    scenario_write(give, &customer_id);
    scenario_set("big", scenario_text("SELECT CAST(id AS TEXT) FROM transfer WHERE key_id = 1"));
    scenario_set("small", scenario_text("SELECT CAST(id AS TEXT) FROM transfer WHERE key_id = 2"));
    scenario_run(cases);
    assert_int_equal(scenario_number("SELECT balance_count FROM account WHERE owner_kind = "
                                     "'customer' AND bucket = 'available'"),
                     30050 - 20 - 10001);
    assert_int_equal(scenario_number("SELECT count(*) FROM reversal"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reversals, scenario_open, scenario_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
