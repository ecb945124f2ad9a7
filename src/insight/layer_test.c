/* The layers on a base small enough to count by hand: persons made of two records, one erased, one
 * who never bought, an invitation by a record that was merged away; as of 2026-03-01 10:00. */
#include "base/time.h"
#include "scenario.h"

/* Local times of Shanghai as UTC milliseconds: DAY is days since 1970. */
#define AT(day, hour) "((" day ") * CAST(86400000 AS bigint) + (" hour " - 8) * 3600000)"
#define D20250601 "20240"
#define D20260301 "20513"

static const char *const base[] = {
    "INSERT INTO channel VALUES (1, NULL, 'store', 'Store', 'store', '/1/', 0, 0),"
    " (2, 1, 'guide', 'Guide', 'store', '/1/2/', 0, 0), (3, NULL, 'ads', 'Ads', 'ad', '/3/', 0, 0)",
    /* touched_ms: days behind 2025-06-01 */
    "INSERT INTO customer (id, customer_number, channel_id, invited_by_customer_id, merged_into_id,"
    " deleted_ms, child_birth_day, touched_ms, attributes, is_family, order_count, paid_fen,"
    " refunded_fen, invited_count, created_ms, changed_ms)"
    " SELECT column1, column1, column2, column3, column4, column5, column6,"
    " " AT(D20250601 " + column7", "9") ", '{}', 0, 0, 0, 0, 0, 0, 0 FROM (VALUES"
                                        " (1, 2, NULL, NULL, NULL, " D20260301 " - 20, 0),"
                                        " (2, 1, 1, NULL, NULL, NULL, 92),"
                                        " (3, 3, NULL, NULL, NULL, " D20260301 " + 40, 101),"
                                        " (4, 3, NULL, NULL, NULL, NULL, 141),"
                                        " (5, NULL, NULL, NULL, NULL, NULL, 19),"
                                        " (6, 3, NULL, NULL, 1, NULL, 0),"
                                        " (8, 3, NULL, 1, NULL, NULL, 0),"
                                        " (7, 3, 8, NULL, NULL, NULL, 269),"
                                        " (9, 2, 8, NULL, NULL, NULL, 223))",
    "INSERT INTO identity (customer_id, kind, value_hash, value_enc, created_ms)"
    " SELECT column1, column2, column3, x'00', 0 FROM (VALUES"
    " (2, 'phone', x'01'), (7, 'anonymous', x'02'), (9, 'phone', x'03'))",
    /* placed on 2025-06-11, 2026-02-20, 2025-12-20, 2025-10-20, 2025-07-01 */
    "INSERT INTO shop_order (id, source, order_no, kind, status, customer_id, placed_ms, "
    "is_counted,"
    " paid_fen, net_fen, refunded_fen, line_count, sale_line_count, created_ms, changed_ms)"
    " SELECT column1, 's', column1, 'sale', 'paid', column2,"
    " " AT(D20250601 " + column3",
           "column4") ", 1, column5, column5, 0, 1, 1, 0, 0 FROM (VALUES"
                      " (11, 1, 10, 10, 10000), (12, 8, 10, 12, 5000), (13, 8, 264, 10, 30000),"
                      " (21, 2, 202, 10, 20000), (41, 4, 141, 10, 1000), (42, 4, 141, 11, 2000),"
                      " (51, 5, 30, 10, 4000), (61, 6, 250, 10, 99000))",
    "INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, subject_id, amount_fen)"
    " SELECT 1000000 + id, 'order_paid', placed_ms, 0, customer_id, id, paid_fen FROM shop_order",
    "INSERT INTO org VALUES (1, NULL, 'store', 's1', 'One', '/1/', 1, 0)",
    "UPDATE customer SET org_id = 1 WHERE id = 4",
    "UPDATE customer SET owner_staff_id = (SELECT id FROM staff WHERE login = 'viewer')"
    " WHERE id = 2",
    "UPDATE staff SET org_id = 1 WHERE login = 'viewer'",
};

static int open_base(void **state)
{
    int failed = scenario_open(state);

    for (size_t i = 0; i < ARRAY_LEN(base) && failed == 0; i++)
        (void)scenario_number(base[i]);
    return failed;
}

static void test_rfm(void **state)
{
    static const struct scenario cases[] = {
        {"means and thresholds", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'snapshot_date':'2026-03-02','customer_count':4,'order_count':7,'paid_fen':72000,"
         "'recency_mean_ppm':114750000,'order_mean_ppm':1750000,'paid_mean_fen':18000,"
         "'recency_max_days':114,'order_min_count':2,'paid_min_fen':18001,"
         "'top_20_fen':45000,'top_1_fen':45000,"},
        {"a person of two records once, the erased one not", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'cell':'RFM','customer_count':1,'order_count':3,'paid_fen':45000}"},
        {"recent and much", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'cell':'RfM','customer_count':1,'order_count':1,'paid_fen':20000}"},
        {"often", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'cell':'rFm','customer_count':1,'order_count':2,'paid_fen':3000}"},
        {"none of them", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'cell':'rfm','customer_count':1,'order_count':1,'paid_fen':4000}"},
        {"cuts between 10, 72, 133 and 244 days", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "{'percent':20,'recency_tenth_days':472,"},
        {"as of an earlier day", AS_VIEWER, GET, "/api/rfm?to_date=2025-07-02", NULL, 200,
         "{'snapshot_date':'2025-07-02','customer_count':2,'order_count':3,'paid_fen':19000,"},
        {"of a branch", AS_VIEWER, GET, "/api/rfm?channel_id=1", NULL, 200, "'customer_count':2,"},
        {"before the first order", AS_VIEWER, GET, "/api/rfm?to_date=2020-01-01", NULL, 200,
         "'customer_count':0,'order_count':0,'paid_fen':0,'recency_mean_ppm':null,"},
        {"no such channel", AS_VIEWER, GET, "/api/rfm?channel_id=99", NULL, 404,
         "'channel.unknown'"},
        {"no date", AS_VIEWER, GET, "/api/rfm?to_date=2026-02-30", NULL, 400, "'input.date'"},
        {"no stage", AS_VIEWER, GET, "/api/rfm?life_stage_number=9", NULL, 400, "'input.range'"},
        {"nobody", AS_NOBODY, GET, "/api/rfm", NULL, 401, ""},
    };

    (void)state;
    scenario_run(cases);
}

static void test_matrix(void **state)
{
    static const struct scenario cases[] = {
        {"an erased person's orders stay in the sums", AS_VIEWER, GET, "/api/overview", NULL, 200,
         "'order_count':8,'customer_count':5,'paid_fen':171000,"},
        {"of the branch", AS_VIEWER, GET, "/api/overview?channel_id=3", NULL, 200,
         "'order_count':3,'customer_count':2,'paid_fen':102000,"},
        {"everybody but the erased and the merged away", AS_VIEWER, GET, "/api/layers/matrix", NULL,
         200, "{'customer_count':7,'paid_fen':72000,"},
        {"a root with all below it", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200,
         "'cells':["
         "{'channel_id':'1','state':'never','life_stage_number':null,'recency':'none',"
         "'customer_count':1,'paid_fen':0},"
         "{'channel_id':'1','state':'once','life_stage_number':null,'recency':'31-90',"
         "'customer_count':1,'paid_fen':20000},"
         "{'channel_id':'1','state':'repeat','life_stage_number':null,'recency':'0-30',"
         "'customer_count':1,'paid_fen':45000},{'channel_id':'3',"},
        {"sleeping", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200,
         "'state':'sleeping','life_stage_number':null,'recency':'91-180','customer_count':1,"
         "'paid_fen':3000}"},
        {"without a channel", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200,
         "{'channel_id':null,'state':'lost','life_stage_number':null,'recency':'181-365',"
         "'customer_count':1,'paid_fen':4000}]"},
        {"channels", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200,
         "'channels':[{'id':'1','name':'Store','has_children':true},"
         "{'id':'3','name':'Ads','has_children':false},"
         "{'id':null,'name':null,'has_children':false}]"},
        {"below a branch: itself, too", AS_VIEWER, GET,
         "/api/layers/matrix?channel_id=1&by=channel", NULL, 200,
         "'cells':[{'channel_id':'1','state':null,'life_stage_number':null,'recency':null,"
         "'customer_count':1,'paid_fen':20000},{'channel_id':'2','state':null,"
         "'life_stage_number':null,'recency':null,'customer_count':2,'paid_fen':45000}]"},
        {"by life stage and state", AS_VIEWER, GET, "/api/layers/matrix?by=life_stage,state", NULL,
         200,
         "{'channel_id':null,'state':'never','life_stage_number':-1,'recency':null,"
         "'customer_count':1,'paid_fen':0},"},
        {"the baby of who came back", AS_VIEWER, GET, "/api/layers/matrix?by=state,life_stage",
         NULL, 200,
         "{'channel_id':null,'state':'repeat','life_stage_number':0,'recency':null,"
         "'customer_count':1,'paid_fen':45000},"},
        {"by recency alone, of one state", AS_VIEWER, GET,
         "/api/layers/matrix?by=recency&state=repeat", NULL, 200,
         "{'customer_count':1,'paid_fen':45000,"},
        {"of one recency", AS_VIEWER, GET, "/api/layers/matrix?by=state&recency=none", NULL, 200,
         "{'customer_count':3,'paid_fen':0,"},
        {"all four", AS_VIEWER, GET, "/api/layers/matrix?by=channel,state,recency,life_stage", NULL,
         400, "'input.choice'"},
        {"twice the same", AS_VIEWER, GET, "/api/layers/matrix?by=state,state", NULL, 400,
         "'input.choice'"},
        {"by age", AS_VIEWER, GET, "/api/layers/matrix?by=age", NULL, 400, "'input.choice'"},
        {"no state", AS_VIEWER, GET, "/api/layers/matrix?state=x", NULL, 400, "'input.choice'"},
        {"a baby of 20 days", AS_VIEWER, GET, "/api/layers/matrix?life_stage_number=0", NULL, 200,
         "{'customer_count':1,'paid_fen':45000,"},
        {"to be born", AS_VIEWER, GET, "/api/layers/matrix?life_stage_number=-1", NULL, 200,
         "{'customer_count':1,'paid_fen':0,"},
        {"the stages there are", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200,
         "'stages':[{'number':-1,'title_zh':'备孕/孕期','title_en':'Expecting'},"
         "{'number':0,'title_zh':'0-6 月','title_en':'0-6 months'},"},
        {"no child known", AS_VIEWER, GET, "/api/layers/matrix?life_stage_number=-2", NULL, 200,
         "{'customer_count':5,"},
        {"as of a day gone by: whom one knew then", AS_VIEWER, GET,
         "/api/layers/matrix?to_date=2025-07-02", NULL, 200,
         "{'customer_count':2,'paid_fen':19000,"},
        {"nobody", AS_NOBODY, GET, "/api/layers/matrix", NULL, 401, ""},
        {"no date", AS_VIEWER, GET, "/api/layers/matrix?to_date=x", NULL, 400, "'input.date'"},
    };

    (void)state;
    scenario_run(cases);
}

static void test_figures(void **state)
{
    static const struct scenario cases[] = {
        {"orders and who came again", AS_VIEWER, GET, "/api/layers/figures?by=state", NULL, 200,
         "{'total':{'key':'total','name':null,'from_date':'2025-06-11','to_date':'2026-03-02',"
         "'order_count':7,'paid_fen':72000,'average_order_fen':10286,'buyer_count':4,"
         "'repeat_count':2,'repeat_ppm':500000,'repeat_day_count':1,'repeat_day_ppm':250000,"
         "'first_count':4,'wait_median_days':10,'interval_count':1,'interval_median_days':254,"},
        {"first orders of more than 180 days ago", AS_VIEWER, GET, "/api/layers/figures?by=state",
         NULL, 200,
         "{'within_days':180,'matured_count':2,'repeat_count':0,'rate_ppm':0,'all_count':4,"
         "'all_repeat_count':0,'all_rate_ppm':0}],"},
        {"churn of those who can be lost; referral of those known 223 days", AS_VIEWER, GET,
         "/api/layers/figures?by=state", NULL, 200,
         "'aged_count':2,'lost_count':1,'churn_ppm':500000,'bought_count':4,"
         "'churn_naive_ppm':250000,'mature_count':2,'mature_inviter_count':1,"
         "'referral_ppm':500000,'invited_count':2,'k_ppm':1000000,'known_count':7,"
         "'inviter_count':1,'referral_naive_ppm':142857},"},
        {"visitors whom nobody knows do not count", AS_VIEWER, GET, "/api/layers/figures?by=state",
         NULL, 200, "'lost_after_days':180,'generation_count':2,'generation_p95_days':223}"},
        {"by month", AS_VIEWER, GET, "/api/layers/figures?by=month", NULL, 200,
         "{'key':'2025-06','name':null,'from_date':'2025-06-11','to_date':'2025-07-01',"
         "'order_count':2,'paid_fen':15000,"},
        {"by quarter", AS_VIEWER, GET, "/api/layers/figures?by=quarter", NULL, 200,
         "{'key':'2025-Q4','name':null,'from_date':'2025-10-01','to_date':'2026-01-01',"
         "'order_count':3,'paid_fen':23000,"},
        {"lost as of the quarter's end", AS_VIEWER, GET,
         "/api/layers/figures?by=quarter&to_date=2026-01-01", NULL, 200,
         "'aged_count':2,'lost_count':2,'churn_ppm':1000000,'bought_count':4,"},
        {"by channel", AS_VIEWER, GET, "/api/layers/figures?by=channel", NULL, 200,
         "{'key':'1','name':'Store','from_date':'2025-06-11','to_date':'2026-03-02',"
         "'order_count':4,'paid_fen':65000,"},
        {"by cell", AS_VIEWER, GET, "/api/layers/figures?by=rfm", NULL, 200,
         "{'key':'RFM','name':null,'from_date':'2025-06-11','to_date':'2026-03-02',"
         "'order_count':3,'paid_fen':45000,"},
        {"by first month", AS_VIEWER, GET, "/api/layers/figures?by=first_month", NULL, 200,
         "{'key':'2025-12','name':null,'from_date':'2025-06-11','to_date':'2026-03-02',"
         "'order_count':1,'paid_fen':20000,"},
        {"of a period", AS_VIEWER, GET,
         "/api/layers/figures?by=rfm&from_date=2025-10-01&to_date=2026-01-01", NULL, 200,
         "'order_count':3,'paid_fen':23000,'average_order_fen':7667,'buyer_count':2,"},
        {"by what?", AS_VIEWER, GET, "/api/layers/figures", NULL, 400, "'input.required'"},
        {"by age", AS_VIEWER, GET, "/api/layers/figures?by=age", NULL, 400, "'input.choice'"},
        {"nobody", AS_NOBODY, GET, "/api/layers/figures?by=rfm", NULL, 401, ""},
        {"before the first order", AS_VIEWER, GET,
         "/api/layers/figures?by=first_month&to_date=2020-01-01", NULL, 200, "'rows':[],"},
    };

    (void)state;
    scenario_run(cases);
}

static void test_customers(void **state)
{
    static const struct scenario cases[] = {
        {"a cell of RFM", AS_VIEWER, GET, "/api/layers/customers?rfm=RFM", NULL, 200,
         "{'items':[{'id':'1','customer_number':1,'name':null,'channel_name':'Guide',"},
        {"with its scores", AS_VIEWER, GET, "/api/layers/customers?rfm=RFM", NULL, 200,
         "'state':'repeat','order_count':3,'paid_fen':45000,'last_order_ms':1771552800000,"
         "'recency_days':10,'rfm':'RFM','recency_score':5,'order_score':5,'paid_score':5}],"
         "'next_cursor':null,'total_count':1,'total_paid_fen':45000,"},
        {"who paid most first, page by page", AS_VIEWER, GET, "/api/layers/customers?limit=2", NULL,
         200, "'next_cursor':'20000.2','total_count':7,'total_paid_fen':72000,"},
        {"the next page", AS_VIEWER, GET, "/api/layers/customers?limit=2&cursor=20000.2", NULL, 200,
         "{'items':[{'id':'5',", .lacks = "'id':'2'"},
        {"a cell of the matrix", AS_VIEWER, GET,
         "/api/layers/customers?channel_id=1&channel_part=own&state=once&recency=31-90", NULL, 200,
         "'total_count':1,'total_paid_fen':20000,"},
        {"without a channel", AS_VIEWER, GET, "/api/layers/customers?channel_part=unknown", NULL,
         200, "{'items':[{'id':'5',"},
        {"of a life stage", AS_VIEWER, GET, "/api/layers/customers?life_stage_number=0", NULL, 200,
         "'total_count':1,'total_paid_fen':45000,'life_stage_zh':'0-6 月','life_stage_en':"},
        {"never bought", AS_VIEWER, GET, "/api/layers/customers?state=never", NULL, 200,
         "'total_count':3,'total_paid_fen':0,"},
        {"a cell of the cohorts", AS_VIEWER, GET,
         "/api/layers/customers?first_month=2025-06&active_month_number=8", NULL, 200,
         "'total_count':1,'total_paid_fen':45000,"},
        {"not who first bought before the period began", AS_VIEWER, GET,
         "/api/layers/customers?first_month=2025-06&from_date=2025-06-12", NULL, 200,
         "'total_count':0,"},
        {"nobody came in its next month", AS_VIEWER, GET,
         "/api/layers/customers?first_month=2025-06&active_month_number=1", NULL, 200,
         "{'items':[],'next_cursor':null,'total_count':0,'total_paid_fen':0,"},
        {"who bought in a period", AS_VIEWER, GET,
         "/api/layers/customers?who=buyers&from_date=2025-10-01&to_date=2026-01-01", NULL, 200,
         "'total_count':2,'total_paid_fen':23000,"},
        {"who bought twice in it", AS_VIEWER, GET,
         "/api/layers/customers?who=repeat&from_date=2025-10-01&to_date=2026-01-01", NULL, 200,
         "{'items':[{'id':'4',"},
        {"no month", AS_VIEWER, GET, "/api/layers/customers?first_month=2025-13", NULL, 400,
         "'input.date'"},
        {"a month after which?", AS_VIEWER, GET, "/api/layers/customers?active_month_number=1",
         NULL, 400, "'input.required'"},
        {"own of which channel?", AS_VIEWER, GET, "/api/layers/customers?channel_part=own", NULL,
         400, "'input.required'"},
        {"no cell", AS_VIEWER, GET, "/api/layers/customers?rfm=XYZ", NULL, 400, "'input.choice'"},
        {"no cursor", AS_VIEWER, GET, "/api/layers/customers?cursor=x", NULL, 400,
         "'input.cursor'"},
        {"nobody", AS_NOBODY, GET, "/api/layers/customers", NULL, 401, ""},
    };

    (void)state;
    scenario_run(cases);
}

/* Figures and lists hold whom the asker may see, and no more. */
static void test_reach(void **state)
{
    static const struct scenario own[] = {
        {"own: overview", AS_VIEWER, GET, "/api/overview", NULL, 200,
         "'order_count':1,'customer_count':1,'paid_fen':20000,"},
        {"own: rfm", AS_VIEWER, GET, "/api/rfm", NULL, 200, "'customer_count':1,'order_count':1,"},
        {"own: matrix", AS_VIEWER, GET, "/api/layers/matrix", NULL, 200, "{'customer_count':1,"},
        {"own: figures", AS_VIEWER, GET, "/api/layers/figures?by=rfm", NULL, 200,
         "'known_count':1,'inviter_count':0,"},
        {"own: cohorts", AS_VIEWER, GET, "/api/overview/cohort", NULL, 200,
         "{'cohorts':[{'month':'2025-12','size_count':1,"},
        {"own: customers", AS_VIEWER, GET, "/api/layers/customers", NULL, 200,
         "'total_count':1,'total_paid_fen':20000,"},
        {"own: what came in is for those who see all", AS_VIEWER, GET, "/api/overview/raw", NULL,
         403, ""},
    };
    static const struct scenario store[] = {
        {"store: rfm", AS_VIEWER, GET, "/api/rfm", NULL, 200,
         "'customer_count':2,'order_count':3,"},
        {"store: customers", AS_VIEWER, GET, "/api/layers/customers", NULL, 200,
         "'total_count':2,'total_paid_fen':23000,"},
    };

    (void)state;
    (void)scenario_number("UPDATE role SET scope = 'own' WHERE name = 'viewer'");
    scenario_run(own);
    (void)scenario_number("UPDATE role SET scope = 'store' WHERE name = 'viewer'");
    scenario_run(store);
    (void)scenario_number("UPDATE role SET scope = 'all' WHERE name = 'viewer'");
}

/* Names are in the clear only for those who may see them. */
static void test_names(void **state)
{
    static const struct scenario cases[] = {
        {"one with a name", AS_OPERATOR, POST, "/api/customers",
         "{'name':'王小明','phone':'13800001234'}", 200, "", .is_plain = true},
        {"whole", AS_OPERATOR, GET, "/api/layers/customers?state=never", NULL, 200, "'王小明'"},
        {"masked", AS_VIEWER, GET, "/api/layers/customers?state=never", NULL, 200, "'王",
         .lacks = "小明"},
    };

    (void)state;
    scenario_run(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfm),     cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_figures), cmocka_unit_test(test_customers),
        cmocka_unit_test(test_reach),   cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, open_base, scenario_close);
}
