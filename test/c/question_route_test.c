/* Questions over HTTP: answers beside SQL over the journal, what is refused and where, and whose
 * customers somebody with a narrow reach is told of. */
#include "scenario.h"

#include <stdio.h>

#include "engine/query.h"
#include "host/file.h"
#include "manage/audience/audience.h"

#define ADD POST, "/api/customers"
#define QUERY POST, "/api/audience/query"
#define COUNT POST, "/api/audience/count"
#define EXPLAIN POST, "/api/audience/explain"
#define OVERLAP POST, "/api/audience/overlap"
#define EXPORT POST, "/api/audience/export"
#define BY_CHANNEL_CELL(group)                                                                     \
    "{'answer':{'ask':'breakdown','events':{'kind':'product_viewed'},'by':'channel'},'cell':{"     \
    "'group':" group "}}"
#define BY_KIND                                                                                    \
    "{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':'kind','of':'amount'}"
#define WHO(who) "{'version':1,'ask':'segment','who':" who "}"
#define EVERYONE "{'query':{'version':1,'ask':'segment','who':{'everyone':true}}}"
#define BOUGHT "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'order_paid'}}}}"
#define ORDER(no, ms, who, price)                                                                  \
    "{'source':'shop','order_no':'" no "','placed_ms':" ms ",'customer_id':'" who "','lines':["    \
    "{'product_code':'A1','quantity_count':1,'unit_price_micro':" price "}]}"
#define T1 "1767225600000" /* 2026-01-01T00:00:00Z */
#define T2 "1768225600000"

static const struct scenario world[] = {
    {"channel", AS_ADMIN, POST, "/api/channels", "{'code':'wall','name':'Wall','kind':'ad'}", 200,
     "'id'", NULL, .keep = "wall"},
    {"size", AS_ADMIN, POST, "/api/attributes", "{'name':'size','title':'Size','kind':'text'}", 200,
     "'id'", ""},
    {"ana", AS_OPERATOR, ADD,
     "{'name':'Ana Lee','phone':'13800000001','region':'上海','attributes':{'size':'M'}}", 200, "",
     "customer_added", .keep = "ana"},
    {"bea", AS_OPERATOR, ADD, "{'name':'Bea','phone':'13800000002','attributes':{'size':'L'}}", 200,
     "", "customer_added", .keep = "bea"},
    {"eve", AS_OPERATOR, ADD, "{'name':'Eve','phone':'13800000003'}", 200, "", "customer_added",
     .keep = "eve"},
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", "", .keep = "hot"},
    {"on bea", AS_OPERATOR, POST, "/api/customers/$bea/tags", "{'tag_id':'$hot','is_on':true}", 200,
     "{}", "tag_added"},
    {"ana buys", AS_OPERATOR, POST, "/api/orders", ORDER("1", T1, "$ana", "5000000"), 200, "",
     "order_paid"},
    {"ana buys again", AS_OPERATOR, POST, "/api/orders", ORDER("2", T2, "$ana", "7000000"), 200, "",
     "order_paid"},
    {"bea buys", AS_OPERATOR, POST, "/api/orders", ORDER("3", T2, "$bea", "9000000"), 200, "",
     "order_paid"},
    {"views", AS_KEY, POST, "/api/v1/events",
     "{'events':[{'message_id':'a2','kind':'product_viewed','channel_code':'wall','customer':{"
     "'kind':'phone','value':'13800000001'},'occurred_ms':1767225500000,"
     "'properties':{'product_code':'A1'}},"
     "{'message_id':'a3','kind':'product_viewed','customer':{'kind':'phone','value':'13800000003'},"
     "'properties':{'product_code':'B2'}}]}",
     200, "'accepted_count':2", NULL},
    {"eve came by ana", AS_KEY, POST, "/api/v1/events",
     "{'events':[{'message_id':'a4','kind':'invite_accepted','customer':{'kind':'phone','value':"
     "'13800000003'},'properties':{'inviter_kind':'phone','inviter_value':'13800000001'}}]}",
     200, "'accepted_count':1", NULL},
};

static const struct scenario query_cases[] = {
    {"everyone", AS_VIEWER, QUERY, EVERYONE, 200, "{'columns':[],'rows':[],'member_count':3,", ""},
    {"who bought", AS_VIEWER, QUERY, BOUGHT, 200, "'member_count':2,", ""},
    {"by a tag", AS_VIEWER, QUERY, "{'query':{'version':1,'ask':'segment','who':{'tag':['$hot']}}}",
     200, "'member_count':1,", ""},
    {"by an attribute of the brand's", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'attribute':'size','is':['M','L']}}}", 200,
     "'member_count':2,", ""},
    {"by a built-in one", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'attribute':'paid_fen','at_least':1000}}}", 200,
     "'member_count':1,", ""},
    {"one person", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'breakdown','who':{'attribute':'customer_number','is':[1]},"
     "'events':{'kind':'product_viewed'},'by':{'property':'product_code'}}}",
     200, "'rows':[['A1',1,1,null]]", ""},
    {"by a channel", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'product_viewed','channel':["
     "'$wall']}}}}",
     200, "'member_count':1,", ""},
    {"funnel", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'funnel','funnel':{'steps':[{'kind':'product_viewed'},"
     "{'kind':'order_paid'}],'within_seconds':604800}}}",
     200, "{'columns':['level','people','median_seconds','mean_seconds'],'rows':[[0,", ""},
    {"breakdown by a text", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'product_viewed'},'by':{'property':"
     "'product_code'}}}",
     200, "'rows':[['A1',1,1,null],['B2',1,1,null]]", ""},
    {"breakdown by kind with sums", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':'kind','of':"
     "'amount'}}",
     200, "'rows':[['order_paid',2,3,2100]]", ""},
    {"breakdown by channel", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'product_viewed'},'by':'channel'}}",
     200, "'rows':[['',1,1,null],['$wall',1,1,null]]", ""},
    {"breakdown by region", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':{'attribute':"
     "'region'},'of':'amount'}}",
     200, "'rows':[['上海',1,2,1200]]", ""},
    {"timeline", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'timeline','person':1,'events':{'kind':['order_paid',"
     "'product_viewed']}}}",
     200,
     "'rows':[[" T2 ",'order_paid',null,700],[" T1
     ",'order_paid',null,500],[1767225500000,'product_viewed','$wall',null]]",
     ""},
    {"nobody's timeline", AS_VIEWER, QUERY, "{'query':{'version':1,'ask':'timeline','person':99}}",
     404, "customer.unknown", ""},
    {"counts", AS_VIEWER, COUNT, BOUGHT, 200,
     "{'member_count':2,'sample':[{'customer_id':'$ana','customer_number':1,'name':'", ""},
    {"nobody asked for a curve", AS_VIEWER, COUNT, BOUGHT, 200, "'sizes':[],", ""},
    {"a curve", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'product_viewed','within':{'last':"
     "{"
     "'days':30}}}}},'curve_days':2}",
     200, "{'member_count':1,'sample':[{'customer_id':'$eve',", ""},
    {"before eve came there was nobody", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'product_viewed','within':{'last':"
     "{"
     "'days':30}}}}},'curve_days':2}",
     200, "'sizes':[{'size_day':20511,'member_count':0},{'size_day':20512,'member_count':0}]", ""},
    {"who bought had bought before", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'order_paid','within':{'last':{"
     "'days':60}}}}},'curve_days':3}",
     200,
     "'sizes':[{'size_day':20510,'member_count':2},{'size_day':20511,'member_count':2},{'size_day':"
     "20512,'member_count':2}]",
     ""},
    {"why ana is in it", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment','who':{'all':[{'attribute':'size','is':'M'},{'did':{"
     "'kind':'order_paid'},'at_least':2}]}},'customer_id':'$ana'}",
     200,
     "{'is_in':true,'leaves':[{'path':'/who/all/0','is_true':true,'since_ms':null,'until_ms':null,"
     "'measured_count':null},{'path':'/who/all/1','is_true':true,'since_ms':" T2 ",",
     ""},
    {"why bea is not", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'order_paid'},'at_least':2}},"
     "'customer_id':'$bea'}",
     200, "{'is_in':false,'leaves':[{'path':'/who','is_true':false,", ""},
    {"fifths are explained too", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment','who':{'rfm':{'kind':'order_paid'},'of':'amount','r':["
     "1,"
     "2,3,4,5]}},'customer_id':'$bea'}",
     200, "{'is_in':true,", ""},
    {"everyone is in it", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment'},'customer_id':'$bea'}", 200,
     "{'is_in':true,'leaves':[]}", ""},
    {"a table as a file", AS_VIEWER, EXPORT, "{'format':'csv','query':" BY_KIND "}", 200,
     "group,people,events,sum\r\n支付订单,2,3,21.00\r\n", ""},
    {"with titles of the page", AS_VIEWER, EXPORT,
     "{'format':'csv','lang':'en','titles':['What','Who','Times','Sum, all'],'query':" BY_KIND "}",
     200, "What,Who,Times,'Sum, all'\r\nPaid an order,2,3,21.00\r\n", ""},
    {"channels by name", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'breakdown','events':{'kind':'product_viewed'},"
     "'by':'channel'}}",
     200, "无渠道,1,1,\r\nWall,1,1,\r\n", ""},
    {"units by day", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'trend','events':{'kind':'order_paid'},'units':"
     "'day','of':'amount'}}",
     200, "\r\n2026-01-01,1,1,5.00\r\n2026-01-12,2,2,16.00\r\n", ""},
    {"local times", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'timeline','person':1,'events':{'kind':"
     "'order_paid'}}}",
     200,
     "\r\n2026-01-12 21:46:40,支付订单,无渠道,7.00\r\n2026-01-01 08:00:00,支付订单,无渠道,5.00\r\n",
     ""},
    {"a funnel", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'funnel','funnel':{'steps':[{'kind':"
     "'product_viewed'},{'kind':'order_paid'}],'within_seconds':604800}}}",
     200, "level,people,median_seconds,mean_seconds\r\n0,3,,\r\n", ""},
    {"as .xlsx", AS_VIEWER, EXPORT, "{'format':'xlsx','query':" BY_KIND "}", 200,
     "xl/worksheets/sheet1.xml", ""},
    {"two beside each other", AS_VIEWER, OVERLAP,
     "{'queries':[" WHO("{'did':{'kind':'order_paid'}}") "," WHO(
         "{'did':{'kind':'product_viewed'}}") "]}",
     200,
     "{'counts':[{'mask_number':1,'member_count':1},{'mask_number':2,'member_count':1},{"
     "'mask_number':3,'member_count':1}]}",
     ""},
    {"three", AS_VIEWER, OVERLAP,
     "{'queries':[" WHO("{'did':{'kind':'order_paid'}}") "," WHO(
         "{'did':{'kind':'product_viewed'}}") "," WHO("{'tag':['$hot']}") "]}",
     200,
     "{'counts':[{'mask_number':1,'member_count':0},{'mask_number':2,'member_count':1},{"
     "'mask_number':3,'member_count':1},{'mask_number':4,'member_count':0},{'mask_number':5,"
     "'member_count':1},{'mask_number':6,'member_count':0},{'mask_number':7,'member_count':0}]}",
     ""},
    {"came by ana", AS_VIEWER, GET, "/api/customers?who={'attribute':'inviter','is':['$ana']}",
     NULL, 200, "'total_count':1", ""},
    {"came by nobody", AS_VIEWER, COUNT,
     "{'query':" WHO("{'attribute':'inviter','exists':false}") "}", 200, "{'member_count':2,", ""},
    {"of those who bought", AS_VIEWER, GET, "/api/customers?who={'did':{'kind':'order_paid'}}",
     NULL, 200, "'total_count':2", ""},
    {"who is in the cell without a channel", AS_VIEWER, COUNT,
     "{'query':" WHO(BY_CHANNEL_CELL("''")) "}", 200, "{'member_count':1,", ""},
    {"who is in a channel's", AS_VIEWER, COUNT,
     "{'query':" WHO(BY_CHANNEL_CELL("['$wall','']")) "}", 200, "{'member_count':2,", ""},
    {"a cell's customers", AS_VIEWER, GET,
     "/api/customers?who={'answer':" BY_KIND ",'cell':{'group':'order_paid'}}", NULL, 200,
     "'total_count':2", ""},
    {"of a level alone", AS_VIEWER, GET,
     "/api/customers?who={'answer':{'ask':'interval','events':{'kind':'order_paid'},'pairs':'first'"
     "},'cell':{'days':11}}",
     NULL, 200, "'customer_number':1,", ""},
    {"a cell is explained", AS_VIEWER, EXPLAIN,
     "{'query':" WHO("{'answer':" BY_KIND ",'cell':{}}") ",'customer_id':'$ana'}", 200,
     "{'is_in':true,'leaves':[{'path':'/who','is_true':true,", ""},
    {"from stage to stage", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'flow','within':{'from':'2026-01-05','to':'2026-02-01'},'stages':"
     "["
     "{'name':'bought','who':{'did':{'kind':'order_paid'}}}]}}",
     200, "{'columns':['from','to','people'],'rows':[[0,0,1],[0,1,1],[1,1,1]]", ""},
    {"the brand's stages", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'flow','by':{'attribute':'region'},'within':{'last':{'days':30}}}"
     "}",
     200, "{'columns':['group','from','to','people'],'rows':[['上海',", ""},
    {"who went from none to one", AS_VIEWER, COUNT,
     "{'query':" WHO("{'answer':{'ask':'flow','within':{'from':'2026-01-05'},'stages':{'name':'b',"
                     "'who':{'did':{'kind':'order_paid'}}}},'cell':{'from':0,'to':1}}") "}",
     200, "{'member_count':1,", ""},
    {"a flow as a file", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'flow','within':{'from':'2026-01-05','to':"
     "'2026-02-01'},'stages':[{'name':'bought','who':{'did':{'kind':'order_paid'}}}]}}",
     200, "from,to,people\r\n0,0,1\r\n0,1,1\r\n1,1,1\r\n", ""},
    {"the catalog has stages", AS_VIEWER, GET, "/api/audience/catalog", NULL, 200,
     "'stages':[{'name':'aware','who':", ""},
    {"no segment to count", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':'kind'}}", 400,
     "'path':'query/ask'", ""},
    {"catalog", AS_VIEWER, GET, "/api/audience/catalog", NULL, 200,
     "{'name':'size','type':'text','title':'Size','choices':[]}", ""},
    {"catalog has kinds", AS_VIEWER, GET, "/api/audience/catalog", NULL, 200,
     "{'name':'order_paid','title_zh':'支付订单'", ""},
};

static const struct scenario refused_cases[] = {
    {"no query", AS_VIEWER, QUERY, "{}", 400, "'path':'query'", ""},
    {"no object", AS_VIEWER, QUERY, "{'query':5}", 400, "query.form", ""},
    {"no such kind", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'all':[{'everyone':true},{'did':{'kind':'nope'}}"
     "]}}}",
     400, "'path':'query/who/all/1/did/kind'", ""},
    {"no such tag", AS_VIEWER, QUERY, "{'query':{'version':1,'ask':'segment','who':{'tag':['5']}}}",
     400, "query.name", ""},
    {"no such list", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'list':['5']}}}", 400, "query.name", ""},
    {"no such channel", AS_VIEWER, QUERY, "{'query':" WHO("{'did':{'channel':['$wall','5']}}") "}",
     400, "'path':'query/who/did/channel/1'", ""},
    {"no such first channel", AS_VIEWER, COUNT,
     "{'query':" WHO("{'attribute':'channel','is_not':['5']}") "}", 400,
     "'path':'query/who/is_not/0'", ""},
    {"count: no such attribute", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'segment','who':{'attribute':'x','exists':true}}}", 400,
     "query.name", ""},
    {"too long a curve", AS_VIEWER, COUNT,
     "{'query':{'version':1,'ask':'segment'},'curve_days':32}", 400, "input.range", ""},
    {"explain: no such customer", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment'},'customer_id':'99'}", 404, "customer.unknown", ""},
    {"explain: no segment", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'trend','events':{},'units':'day'},'customer_id':'$ana'}", 400,
     "'path':'query/ask'", ""},
    {"explain: no such tag", AS_VIEWER, EXPLAIN,
     "{'query':{'version':1,'ask':'segment','who':{'tag':['5']}},'customer_id':'$ana'}", 400,
     "'path':'query/who/tag", ""},
    {"no such column of a cell", AS_VIEWER, COUNT,
     "{'query':" WHO("{'answer':" BY_KIND ",'cell':{'people':2}}") "}", 400,
     "'path':'query/who/cell/people'", ""},
    {"no such kind in a cell", AS_VIEWER, GET,
     "/api/customers?who={'answer':" BY_KIND ",'cell':{'group':'nope'}}", NULL, 400,
     "'path':'who/cell/group'", ""},
    {"no such kind in an answer", AS_VIEWER, GET,
     "/api/customers?who={'answer':{'ask':'rfm','events':{'kind':'x'},'of':'amount'},'cell':{}}",
     NULL, 400, "'path':'who/answer/events/kind'", ""},
    {"a flow without a beginning", AS_VIEWER, QUERY,
     "{'query':{'version':1,'ask':'flow','within':{'to':'2026-01-05'}}}", 400,
     "'path':'query/within'", ""},
    {"nobody's flow", AS_NOBODY, QUERY, "{'query':{'version':1,'ask':'flow'}}", 401, "gate.sign_in",
     ""},
    {"too few titles", AS_VIEWER, EXPORT, "{'format':'csv','titles':['a'],'query':" BY_KIND "}",
     400, "'path':'titles'", ""},
    {"titles that are none", AS_VIEWER, EXPORT,
     "{'format':'csv','titles':[1,2,3,4],'query':" BY_KIND "}", 400, "export.titles", ""},
    {"no such format", AS_VIEWER, EXPORT, "{'format':'pdf','query':" BY_KIND "}", 400,
     "input.choice", ""},
    {"persons are no table", AS_VIEWER, EXPORT,
     "{'format':'csv','query':" WHO("{'everyone':true}") "}", 400, "'path':'query/ask'", ""},
    {"export: what cannot be asked", AS_VIEWER, EXPORT,
     "{'format':'csv','query':{'version':1,'ask':'trend','events':{'kind':'x'},'units':'day'}}",
     400, "'path':'query/events/kind'", ""},
    {"nobody exports", AS_NOBODY, EXPORT, "{'format':'csv','query':" BY_KIND "}", 401,
     "gate.sign_in", ""},
    {"one alone", AS_VIEWER, OVERLAP, "{'queries':[" WHO("{'everyone':true}") "]}", 400,
     "'path':'queries'", ""},
    {"four", AS_VIEWER, OVERLAP, "{'queries':[{},{},{},{}]}", 400, "'path':'queries'", ""},
    {"the second is wrong", AS_VIEWER, OVERLAP,
     "{'queries':[" WHO("{'everyone':true}") "," WHO("{'tag':['5']}") "]}", 400,
     "'path':'queries/1/who/tag", ""},
    {"the second is no segment", AS_VIEWER, OVERLAP,
     "{'queries':[" WHO("{'everyone':true}") ",{'version':1,'ask':'trend','events':{},'units':'day'"
                                             "}]}",
     400, "'path':'queries/1/ask'", ""},
    {"nobody compares", AS_NOBODY, OVERLAP, "{'queries':[{},{}]}", 401, "gate.sign_in", ""},
    {"nobody explains", AS_NOBODY, EXPLAIN,
     "{'query':{'version':1,'ask':'segment'},'customer_id':'$ana'}", 401, "gate.sign_in", ""},
    {"nobody", AS_NOBODY, QUERY, EVERYONE, 401, "gate.sign_in", ""},
    {"nobody counts", AS_NOBODY, COUNT, EVERYONE, 401, "gate.sign_in", ""},
    {"nobody looks", AS_NOBODY, GET, "/api/audience/catalog", NULL, 401, "gate.sign_in", ""},
    {"a page's key", AS_KEY, QUERY, EVERYONE, 401, "", ""},
};

static const struct scenario barred_cases[] = {
    {"asks", AS_VIEWER, QUERY, EVERYONE, 403, "gate.permission", ""},
    {"counts", AS_VIEWER, COUNT, EVERYONE, 403, "gate.permission", ""},
    {"exports", AS_VIEWER, EXPORT, "{'format':'csv','query':" BY_KIND "}", 403, "gate.permission",
     ""},
    {"compares", AS_VIEWER, OVERLAP, "{'queries':[{},{}]}", 403, "gate.permission", ""},
    {"explains", AS_VIEWER, EXPLAIN, "{'query':{'version':1,'ask':'segment'},'customer_id':'$ana'}",
     403, "gate.permission", ""},
    {"looks", AS_VIEWER, GET, "/api/audience/catalog", NULL, 403, "gate.permission", ""},
};

/* Bea is the operator's own, or the store's. */
static const struct scenario own_cases[] = {
    {"one's own", AS_OPERATOR, QUERY, EVERYONE, 200, "'member_count':1,", ""},
    {"one's own with a condition", AS_OPERATOR, COUNT, BOUGHT, 200,
     "{'member_count':1,'sample':[{'customer_id':'$bea'", ""},
    {"not by saying not", AS_OPERATOR, QUERY,
     "{'query':{'version':1,'ask':'segment','who':{'not':{'tag':['$hot']}}}}", 200,
     "'member_count':0,", ""},
    {"sums too", AS_OPERATOR, QUERY,
     "{'query':{'version':1,'ask':'breakdown','events':{'kind':'order_paid'},'by':'kind','of':"
     "'amount'}}",
     200, "'rows':[['order_paid',1,1,900]]", ""},
    {"another is not explained", AS_OPERATOR, EXPLAIN,
     "{'query':{'version':1,'ask':'segment'},'customer_id':'$ana'}", 404, "customer.unknown", ""},
    {"one's own is", AS_OPERATOR, EXPLAIN,
     "{'query':{'version':1,'ask':'segment','who':{'tag':['$hot']}},'customer_id':'$bea'}", 200,
     "{'is_in':true,", ""},
    {"one's own table", AS_OPERATOR, EXPORT, "{'format':'csv','query':" BY_KIND "}", 200,
     "支付订单,1,1,9.00", ""},
    {"one's own beside each other", AS_OPERATOR, OVERLAP,
     "{'queries':[" WHO("{'did':{'kind':'order_paid'}}") "," WHO(
         "{'not':{'did':{'kind':'product_viewed'}}}") "]}",
     200, "{'mask_number':3,'member_count':1}]", ""},
    {"one's own list", AS_OPERATOR, GET, "/api/customers?who={'did':{'kind':'order_paid'}}", NULL,
     200, "'total_count':1", ""},
    {"one's own curve", AS_OPERATOR, COUNT,
     "{'query':{'version':1,'ask':'segment','who':{'did':{'kind':'order_paid'}}},'curve_days':1}",
     200, "'sizes':[{'size_day':20512,'member_count':1}]", ""},
    {"one's own rest: there is but one row", AS_OPERATOR, GET,
     "/api/customers?who={'answer':{'ask':'breakdown','events':{'kind':'order_paid'},'by':{"
     "'attribute':'size'},'limit':1},'cell':{'group':null}}",
     NULL, 200, "'total_count':0", ""},
    {"one's own is no rest of others'", AS_OPERATOR, EXPLAIN,
     "{'query':" WHO("{'answer':{'ask':'breakdown','events':{'kind':'order_paid'},'by':{"
                     "'attribute':'size'},'of':'amount','order':'sum','limit':1},'cell':{'group':"
                     "null}}") ",'customer_id':'$bea'}",
     200, "{'is_in':false,", ""},
    {"another's timeline", AS_OPERATOR, QUERY,
     "{'query':{'version':1,'ask':'timeline','person':1}}", 404, "customer.unknown", ""},
    {"one's own timeline", AS_OPERATOR, QUERY,
     "{'query':{'version':1,'ask':'timeline','person':2,'events':{'kind':'order_paid'}}}", 200,
     "'order_paid',null,900]]", ""},
};

#define run(rows) scenario_run_once((rows), ARRAY_LEN(rows))

/* A start takes as long as the machine is slow; from then on questions are answered. */
static void filled(void)
{
    assert_int_equal(scenario_differences().len, 0);
}

static void answers(void **state)
{
    (void)state;
    run(world);
    filled();
    run(query_cases);
    run(refused_cases);
    scenario_sql("UPDATE role SET permissions = 'order.write' WHERE name = 'viewer'");
    run(barred_cases);
}

static void within_reach(void **state)
{
    (void)state;
    run(world);
    scenario_sql("UPDATE customer SET owner_staff_id = (SELECT id FROM staff WHERE login = "
                 "'operator') WHERE customer_number = 2");
    scenario_sql("UPDATE role SET scope = 'own' WHERE name = 'operator'");
    filled();
    run(own_cases);
}

#define BEA_OF_STORE "UPDATE customer SET org_id = 71 WHERE customer_number = 2"

static void store_reach(const char *customer_sql)
{
    scenario_sql("DELETE FROM org WHERE id < 100");
    scenario_sql("INSERT INTO org (id, parent_id, kind, code, name, path, is_active, created_ms) "
                 "VALUES (70, NULL, 'region', 'r', 'R', '/70/', 1, 0), "
                 "(71, 70, 'store', 's', 'S', '/70/71/', 1, 0)");
    scenario_sql(customer_sql);
    scenario_sql("UPDATE staff SET org_id = 70 WHERE login = 'operator'");
    scenario_sql("UPDATE role SET scope = 'store' WHERE name = 'operator'");
    filled();
}

static void within_store(void **state)
{
    (void)state;
    run(world);
    store_reach(BEA_OF_STORE);
    run(own_cases);
}

/* Whoever reaches a thousand stores and more reaches the last of them, too. */
static void within_many_stores(void **state)
{
    (void)state;
    run(world);
    scenario_sql(
        "INSERT INTO org (id, parent_id, kind, code, name, path, is_active, created_ms) "
        "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1400) "
        "SELECT i, NULL, 'store', 'n' || i, 'N', '/70/' || i || '/', 1, 0 FROM n");
    store_reach("UPDATE customer SET org_id = 1400 WHERE customer_number = 2");
    run(own_cases);
}

static const struct scenario two_records[] = {
    {"merge", AS_OPERATOR, POST, "/api/customers/$bea/merge", "{'other_customer_id':'$eve'}", 200,
     "", NULL},
};

/* As many conditions as a question may have, and the reach beside them: of persons with one record
 * and with two. */
static void as_wide_as_can_be(void **state)
{
    struct buf body;
    struct app_call call;

    (void)state;
    run(world);
    buf_init(&body, QUERY_TEXT_MAX);
    buf_str(&body, S("{\"query\":{\"version\":1,\"ask\":\"segment\",\"who\":{\"all\":["));
    for (int i = 0; i < QUERY_CONDITION_MAX - 1; i++)
        buf_fmt(&body, "%s{\"did\":{\"kind\":\"order_paid\"}}", i > 0 ? "," : "");
    buf_str(&body, S("]}}}"));
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            run(two_records);
        store_reach(BEA_OF_STORE);
        call = scenario_ask(AS_OPERATOR, QUERY, str_cstr(scenario_arena, buf_view(&body)));
        assert_int_equal(call.status, 200);
        assert_true(str_find(call.reply, S("\"member_count\":1,")) >= 0);
        scenario_sql("UPDATE role SET scope = 'all' WHERE name = 'operator'");
    }
    buf_release(&body);
}

/* An answer has what was acknowledged before it was asked for, each time. */
static void nothing_acknowledged_is_missing(void **state)
{
    char body[200], wanted[80], name[24];

    (void)state;
    run(world);
    filled();
    for (int i = 0; i < 60; i++) {
        snprintf(body, sizeof(body),
                 "{'message_id':'m%d','kind':'page_viewed','customer':{'kind':'phone','value':"
                 "'1390000%04d'}}",
                 i, i);
        snprintf(name, sizeof(name), "view %d", i);
        snprintf(wanted, sizeof(wanted), "'rows':[['page_viewed',%d,%d,null]]", i + 1, i + 1);
        struct scenario steps[] = {
            {name, AS_KEY, POST, "/api/v1/events", body, 200, "'accepted_count':1", NULL},
            {"seen", AS_VIEWER, QUERY,
             "{'query':{'version':1,'ask':'breakdown','events':{'kind':'page_viewed'},'by':'kind'}"
             "}",
             200, wanted, ""},
        };
        run(steps);
    }
}

/* Of a request with that much memory. */
static int status_within(size_t bytes, const char *path, const char *body)
{
    struct arena *arena = arena_new(bytes);
    struct app_call call = {.method = HTTP_POST,
                            .path = str_of(path),
                            .query = S(""),
                            .body = scenario_filled(body),
                            .is_local = true};

    app_request(scenario_app, arena, &call);
    arena_free(arena);
    return call.status;
}

#define STEP_BYTES 256 /* less than the making of any table takes */

/* The last bytes are missing, more and more of them: as many as the making of a table takes. */
static void assert_ends_anywhere(const char *path, const char *body, size_t made_bytes)
{
    size_t bytes = (size_t)384 * 1024, most;
    int refused_count = 0, wanted = status_within(bytes, path, body);

    assert_in_range(wanted, 200, 499);
    while (status_within(bytes - STEP_BYTES, path, body) == wanted)
        bytes -= STEP_BYTES;
    most = bytes;
    for (bytes = most - made_bytes; bytes < most; bytes += 16)
        refused_count += status_within(bytes, path, body) == 500;
    assert_in_range(refused_count, made_bytes / 32, made_bytes / 16);
}

/* Wherever the memory of a request ends that makes a table or reads definitions, nothing of it
 * stays: no memory (whoever looks for leaks finds it at the end), no file. */
static void ends_midway(void **state)
{
    static const char segment[] = "{'name':'x','definition':" WHO("{'tag':['$hot']}") "}";
    struct list files;

    (void)state;
    run(world);
    filled();
    assert_ends_anywhere("/api/audience/query", "{'query':" BY_KIND "}", 384);
    assert_ends_anywhere("/api/audience/export", "{'format':'csv','query':" BY_KIND "}", 512);
    assert_ends_anywhere("/api/audience/export", "{'format':'xlsx','query':" BY_KIND "}", 4096);
    assert_int_equal(status_within((size_t)1 << 20, "/api/segments", segment), 200);
    assert_ends_anywhere("/api/segments", segment, 2048); /* it is there already */
    assert_int_equal(
        folder_list(scenario_arena,
                    str_fmt(scenario_arena, "%.*s/exports", STR(app_config(scenario_app)->data)),
                    10, &files),
        OK);
    assert_int_equal(files.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(within_reach, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(within_store, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(within_many_stores, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(as_wide_as_can_be, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(ends_midway, scenario_open, scenario_close),
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_missing, scenario_open,
                                        scenario_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
