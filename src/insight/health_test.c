/* The page of the system's health: figures that follow what is stuck, and one check after another.
 */
#include "scenario.h"

static const struct scenario quiet_cases[] = {
    {"nothing waits", AS_OPERATOR, GET, "/api/health_report", NULL, 200,
     "'timer_dead_count':0,'outbox_waiting_count':0,'outbox_dead_count':0"},
    {"no backup yet", AS_OPERATOR, GET, "/api/health_report", NULL, 200, "'backup_ms':null"},
    {"without the right", AS_VIEWER, GET, "/api/health_report", NULL, 403, ""},
    {"nobody", AS_NOBODY, GET, "/api/health_report", NULL, 401, ""},
    {"what can be checked", AS_OPERATOR, GET, "/api/checks", NULL, 200,
     "{'items':[{'name':'database'},{'name':'order_totals'}"},
    {"the list, without the right", AS_VIEWER, GET, "/api/checks", NULL, 403, ""},
    {"it holds", AS_OPERATOR, GET, "/api/checks/channel_paths", NULL, 200,
     "{'name':'channel_paths','found_count':0,'is_note':false,'noun':'channel','offenders':[],'"
     "text':null}"},
    {"the database", AS_OPERATOR, GET, "/api/checks/database", NULL, 200, "'found_count':0"},
    {"no such check", AS_OPERATOR, GET, "/api/checks/moon", NULL, 404, "check.unknown"},
    {"a check, without the right", AS_VIEWER, GET, "/api/checks/database", NULL, 403, ""},
    {"a check, nobody", AS_NOBODY, GET, "/api/checks/database", NULL, 401, ""},
    {"a channel", AS_ADMIN, POST, "/api/channels", "{'code':'c','name':'c','kind':'ad'}", 200, "",
     .keep = "channel"},
};
static const struct scenario stuck_cases[] = {
    {"what is stuck", AS_OPERATOR, GET, "/api/health_report", NULL, 200,
     "'timer_waiting_count':2,'timer_late_count':1,'timer_dead_count':1,'outbox_waiting_count':1,"
     "'outbox_dead_count':2,'inbox_dead_count':0,'saga_open_count':1,'saga_unknown_count':1,"
     "'difference_open_count':1,'reversal_asked_count':1,'reward_held_count':0"},
    {"what breaks it is named", AS_OPERATOR, GET, "/api/checks/channel_paths", NULL, 200,
     "'found_count':1,'is_note':false,'noun':'channel','offenders':[{'id':'$channel'}]"},
};

static void test_health(void **state)
{
    (void)state;
    scenario_run(quiet_cases);
    /* the clock stands in March 2026: one is due in a year, one was due in 1970 */
    scenario_sql("INSERT INTO timer VALUES (1, 'x', 1, 1, 'waiting', 0, NULL, NULL, NULL, 1, 1),"
                 " (2, 'x', 2, 1800000000000, 'waiting', 0, NULL, NULL, NULL, 1, 1),"
                 " (3, 'x', 3, 1, 'dead', 12, NULL, 'a.b', 'c', 1, 1)");
    scenario_sql("INSERT INTO outbox VALUES"
                 " (1, 'x', 1, NULL, NULL, 'd', 'waiting', 1, 0, NULL, NULL, 1, 1),"
                 " (2, 'x', 2, NULL, NULL, 'd', 'dead', 1, 9, 500, NULL, 1, 1),"
                 " (3, 'x', 3, NULL, NULL, 'd', 'dead', 1, 9, 500, NULL, 1, 1)");
    scenario_sql("INSERT INTO saga (id, kind, key_id, amount_fen, status, attempt_count, due_ms,"
                 " created_ms, changed_ms) VALUES (1, 'x', 1, 5, 'unknown', 1, 9, 1, 1),"
                 " (2, 'x', 2, 5, 'succeeded', 1, NULL, 1, 1)");
    scenario_sql("INSERT INTO bill_difference VALUES"
                 " (1, 'x', 1, 1, NULL, 'amount', 5, 6, 1, NULL, NULL, NULL),"
                 " (2, 'x', 2, 1, NULL, 'amount', 5, 6, 1, 2, 1, 'ok')");
    scenario_sql("INSERT INTO reversal (id, transfer_id, amount_count, policy, reason, status,"
                 " asked_staff_id, asked_ms) VALUES (1, 1, 1, 'only_pending', 'x', 'asked', 1, 1)");
    scenario_sql("UPDATE channel SET path = '/7/'");
    scenario_run(stuck_cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_health, scenario_open, scenario_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
