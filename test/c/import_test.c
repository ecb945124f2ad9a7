/* Imports as a whole, on a base: every code a row can be refused with, mappings good and bad, the
 * same file twice, orders spread over files, refused rows mended and sent again, and what a file of
 * each kind leaves behind. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "host/file.h"
#include "manage/import/import.h"

static char folder[] = "/tmp/papilio-import-XXXXXX";
static struct import_result result;
static struct fault fault;

static struct str path_of(const char *name)
{
    return str_fmt(scenario_arena, "%s/%s", folder, name);
}

static struct str quotes(const char *text)
{
    char *copy = str_cstr(scenario_arena, str_of(text));

    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    return str_of(copy);
}

/* Runs an import of the text; in the mapping ' is ". */
static enum err import_text(const char *kind, const char *text, const char *mapping)
{
    struct import_job job = {
        .kind = str_of(kind), .path = path_of("file.csv"), .rejects_path = path_of("rejects.csv")};
    enum err err;

    if (mapping != NULL)
        job.mapping = quotes(mapping);
    assert_int_equal(file_write(job.path, str_of(text), 0600), OK);
    unlink(str_cstr(scenario_arena, job.rejects_path));
    err = import_run(scenario_app, scenario_arena, &job, &result, &fault);
    assert_true((err == OK) == (fault.err == OK));
    return err;
}

static const char *rejects(void)
{
    struct str text;

    if (file_read(scenario_arena, path_of("rejects.csv"), 1 << 20, &text) != OK)
        return "";
    return str_cstr(scenario_arena, text);
}

static void assert_counts(int64_t read, int64_t accepted, int64_t changed)
{
    if (result.read_count != read || result.accepted_count != accepted ||
        result.changed_count != changed)
        print_error("read %" PRId64 " accepted %" PRId64 " changed %" PRId64 "\n%s\n",
                    result.read_count, result.accepted_count, result.changed_count, rejects());
    assert_int_equal(result.read_count, read);
    assert_int_equal(result.accepted_count, accepted);
    assert_int_equal(result.rejected_count, read - accepted);
    assert_int_equal(result.changed_count, changed);
    assert_int_equal(result.unchanged_count, accepted - changed);
}

/* ---- mappings ------------------------------------------------------------------------------- */

#define HEAD "order_no,product_code,quantity,unit_price,placed_at\n"
#define ROW "1,A,1,2.50,2026-01-05\n"

static void test_mappings(void **state)
{
    static const struct {
        const char *kind, *text, *mapping, *code;
    } cases[] = {
        {"orders", "", NULL, "import.header"},
        {"shoes", HEAD ROW, NULL, "import.kind"},
        {"orders", "a,b\n1,2\n", NULL, "import.column_needed"},
        {"orders", "order_no,订单号,product_code,quantity,unit_price,placed_at\n", NULL,
         "import.column_ambiguous"},
        {"orders", HEAD, "{", "import.mapping"},
        {"orders", HEAD, "[]", "import.mapping"},
        {"orders", HEAD, "{'sauce':'x'}", "import.mapping"},
        {"orders", HEAD, "{'columns':{'order_no':'nope'}}", "import.column_missing"},
        {"orders", HEAD, "{'columns':{'order_no':'order_no'}}", "import.column_needed"},
        {"orders", HEAD, "{'columns':{'shoe':'order_no'}}", "import.mapping"},
        {"orders", HEAD, "{'columns':['order_no']}", "import.mapping"},
        {"orders", HEAD, "{'columns':{'order_no':1}}", "import.mapping"},
        {"orders", "x,x\n", "{'columns':{'order_no':'x'}}", "import.column_twice"},
        {"orders", HEAD ROW, "{'currency':'GBP'}", "import.currency"},
        {"orders", HEAD ROW, "{'zone':'Mars/Olympus'}", "import.zone"},
        {"orders", HEAD ROW, "{'zone':'../etc/passwd'}", "import.zone"},
        {"orders", HEAD ROW, "{'decimal':';'}", "import.mapping"},
        {"orders", HEAD ROW, "{'decimal':''}", "import.mapping"},
        {"orders", HEAD ROW, "{'decimal':',','thousands':','}", "import.mapping"},
        {"orders", HEAD ROW, "{'date_order':'ydm'}", "import.mapping"},
        {"orders", HEAD ROW, "{'source':'a b'}", "import.source"},
        {"orders", HEAD ROW, "{'customer_kind':'shoe'}", "import.mapping"},
        {"orders", HEAD ROW, "{'channel':'nowhere'}", "import.channel"},
        {"customers", "name\nAna\n", NULL, "import.column_needed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err err = import_text(cases[i].kind, cases[i].text, cases[i].mapping);

        if (err == OK || fault.code == NULL || strcmp(fault.code, cases[i].code) != 0)
            print_error("case %zu: %s\n", i, fault.code ? fault.code : "taken");
        assert_int_not_equal(err, OK);
        assert_string_equal(fault.code, cases[i].code);
    }
    assert_int_equal(scenario_number("SELECT count(*) FROM import_run WHERE status = 'done'"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order"), 0);
}

static void test_no_file(void **state)
{
    struct import_job job = {.kind = S("orders"), .path = path_of("not-there.csv")};

    (void)state;
    assert_int_equal(import_run(scenario_app, scenario_arena, &job, &result, &fault), E_NOT_FOUND);
    assert_string_equal(fault.code, "import.file");
}

/* ---- a dirty file --------------------------------------------------------------------------- */

#define DIRTY_MAPPING                                                                              \
    "{'source':'dirty','thousands':',','cancellation_prefix':'C','columns':{'order_no':'no',"      \
    "'product_code':'code','product_name':'name','quantity':'n','unit_price':'price',"             \
    "'placed_at':'at','customer':'who','channel':'channel','region':'land'}}"

#define DIRTY                                                                                      \
    "no,code,name,n,price,at,who,channel,land\n"                                                   \
    "1,A,Tea,2,\"1,234.50\",2026-01-05,7,,CN\n"        /* 2: good */                               \
    "1,A,Tea,two,1,2026-01-05,7,,CN\n"                 /* 3: number */                             \
    "1,A,Tea,2,1.2345678,2026-01-05,7,,CN\n"           /* 4: seven decimals */                     \
    "1,A,Tea,2,1,05/01/2026,7,,CN\n"                   /* 5: date */                               \
    "1,A,Tea,2,1,2036-01-05,7,,CN\n"                   /* 6: the future */                         \
    ",A,Tea,2,1,2026-01-05,7,,CN\n"                    /* 7: no number */                          \
    "1,,Tea,2,1,2026-01-05,7,,CN\n"                    /* 8: no product */                         \
    "1,A,Tea,2,1,2026-01-05,7,,CN,more\n"              /* 9: too many cells */                     \
    "1,A,Tea\n"                                        /* 10: too few */                           \
    "1,A,Tea,2,1,2026-01-05,8,,CN\n"                   /* 11: another customer */                  \
    "1,A,Tea,2,1,2026-01-05,7,nowhere,CN\n"            /* 12: no such channel */                   \
    "1,A,Tea,9999999999,1,2026-01-05,7,,CN\n"          /* 13: range */                             \
    "1,A,Tea,1000000000,1000000000,2026-01-05,7,,CN\n" /* 14: range of the amount */               \
    "1,A,\"Tea\"x,2,1,2026-01-05,7,,CN\n"              /* 15: quote */                             \
    "1,A,Tea,0,1,2026-01-05,7,,CN\n"                   /* 16: kept, does not count */              \
    "2,A,Tea,1,0,2026-01-05,,,\n"                      /* 17: kept, a guest's */                   \
    "C3,A,Tea,-1,5,2026-01-06,7,,CN\n"                 /* 18: a cancellation */                    \
    "\n"                                                                                           \
    "1,A,Tea,2,\"1,23\",2026-01-05,7,,CN\n"     /* 20: thousands */                                \
    "1,B,\"a\nb\",1,5,2026-01-04 10:00,7,,CN\n" /* 21: good, earlier */                            \
    "1,B,x\xff\xfe,1,5,2026-01-05,7,,CN\n"      /* 23: encoding */                                 \
    "1,=1+1,Tea,x,5,2026-01-05,7,,CN\n"         /* 24: number; a formula in a cell */              \
    "9,A,Tea,1,1,2026-01-05,,,\n"               /* 25: good */

static const struct {
    int64_t line;
    const char *code;
} dirty_rejects[] = {
    {3, "row.number"},
    {4, "row.number"},
    {5, "row.date"},
    {6, "row.date"},
    {7, "row.required"},
    {8, "row.required"},
    {9, "row.columns"},
    {10, "row.columns"},
    {11, "row.customer_differs"},
    {12, "row.channel_unknown"},
    {13, "row.range"},
    {14, "row.range"},
    {15, "row.quote"},
    {20, "row.number"},
    {23, "row.encoding"},
    {24, "row.number"},
};

static void dirty_rejects_check(void)
{
    const char *text = rejects();

    for (size_t i = 0; i < ARRAY_LEN(dirty_rejects); i++) {
        char wanted[100], query[200];

        snprintf(wanted, sizeof(wanted), ",%" PRId64 ",%s,", dirty_rejects[i].line,
                 dirty_rejects[i].code);
        if (strstr(text, wanted) == NULL)
            print_error("no %s in\n%s\n", wanted, text);
        assert_non_null(strstr(text, wanted));
        snprintf(query, sizeof(query),
                 "SELECT count(*) FROM import_reject WHERE line_seq = %" PRId64 " AND code = '%s'",
                 dirty_rejects[i].line, dirty_rejects[i].code);
        assert_int_equal(scenario_number(query), 1);
    }
    assert_int_equal(scenario_number("SELECT count(*) FROM import_reject"),
                     ARRAY_LEN(dirty_rejects));
    assert_non_null(strstr(text, "no,code,name,n,price,at,who,channel,land,reject_place,"
                                 "reject_line,reject_code,reject_reason\r\n"));
    assert_non_null(strstr(text, "1,'=1+1,Tea,x"));
}

static void test_dirty(void **state)
{
    uint64_t before;

    (void)state;
    assert_int_equal(import_text("orders", DIRTY, DIRTY_MAPPING), OK);
    assert_counts(22, 6, 6);
    dirty_rejects_check();
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order WHERE source = 'dirty'"), 4);
    assert_int_equal(scenario_number("SELECT paid_fen FROM shop_order WHERE order_no = '1'"),
                     246900 + 500);
    assert_int_equal(scenario_number("SELECT line_count FROM shop_order WHERE order_no = '1'"), 3);
    assert_int_equal(scenario_number("SELECT placed_ms FROM shop_order WHERE order_no = '1'"),
                     1767492000000); /* 2026-01-04 10:00 in Shanghai */
    assert_int_equal(scenario_number("SELECT net_fen FROM shop_order WHERE order_no = 'C3'"), -500);
    assert_int_equal(scenario_number("SELECT is_counted FROM shop_order WHERE order_no = '2'"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM product"), 2);
    before = (uint64_t)scenario_number("SELECT count(*) FROM journal");
    assert_int_equal(import_text("orders", DIRTY, DIRTY_MAPPING), OK);
    assert_counts(22, 6, 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal"), before);
    assert_int_equal(scenario_number("SELECT count(*) FROM import_run WHERE status = 'done'"), 2);
}

/* ---- mending -------------------------------------------------------------------------------- */

/* A refused row keeps its place, so that the mended one lands where it belongs. */
static void test_mend(void **state)
{
    const char *text;
    char *at;

    (void)state;
    assert_int_equal(import_text("orders",
                                 HEAD "m,A,1,1,2026-01-05\nm,B,oops,2,2026-01-05\n"
                                      "m,C,1,3,2026-01-05\n",
                                 "{'source':'mend'}"),
                     OK);
    assert_counts(3, 2, 2);
    text = rejects();
    at = str_cstr(scenario_arena, str_of(text));
    memcpy(strstr(at, "oops"), "   4", 4);
    assert_int_equal(import_text("orders", at, "{'source':'mend'}"), OK);
    assert_counts(1, 1, 1);
    assert_string_equal(
        scenario_text(
            "SELECT group_concat(line, ' ') FROM (SELECT line_seq || ':' || quantity_count || "
            "':' || p.code AS line FROM order_line l JOIN shop_order o ON o.id = l.order_id "
            "JOIN product p ON p.id = l.product_id WHERE o.source = 'mend' ORDER BY line_seq)"),
        "1:1:A 2:4:B 3:1:C");
    assert_int_equal(import_text("orders", at, "{'source':'mend'}"), OK);
    assert_counts(1, 1, 0);
}

/* ---- orders over files and pages ------------------------------------------------------------ */

static void test_growing(void **state)
{
    (void)state;
    assert_int_equal(import_text("orders", HEAD "g,A,0,1,2026-01-05\n", "{'source':'grow'}"), OK);
    assert_int_equal(scenario_number("SELECT is_counted FROM shop_order WHERE order_no = 'g'"), 0);
    assert_int_equal(import_text("orders",
                                 "order_no,product_code,quantity,unit_price,placed_at,customer\n"
                                 "g,A,0,1,2026-01-05,77\ng,B,2,1,2026-01-03,77\n",
                                 "{'source':'grow'}"),
                     OK);
    assert_counts(2, 2, 2);
    assert_int_equal(scenario_number("SELECT is_counted FROM shop_order WHERE order_no = 'g'"), 1);
    assert_int_equal(scenario_number("SELECT paid_fen FROM shop_order WHERE order_no = 'g'"), 200);
    assert_int_equal(scenario_number("SELECT c.order_count FROM customer c JOIN shop_order o ON "
                                     "o.customer_id = c.id WHERE o.order_no = 'g'"),
                     1);
    assert_int_equal(import_text("orders", HEAD "g,A,5,1,2026-01-05\n", "{'source':'grow'}"), OK);
    assert_counts(1, 0, 0);
    assert_non_null(strstr(rejects(), "row.differs"));
}

/* Thousands of rows: more than a page, rows of an order far apart. */
static void test_pages(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 24);
    buf_str(&text, S("order_no,product_code,quantity,unit_price,placed_at,customer\n"));
    for (int i = 0; i < 7001; i++)
        buf_fmt(&text, "p%d,P%d,1,0.01,2026-01-%02d,%d\n", i % 700, i % 13, 1 + i % 28, i % 70);
    assert_int_equal(
        import_text("orders", str_cstr(scenario_arena, buf_view(&text)), "{'source':'pages'}"), OK);
    buf_release(&text);
    assert_counts(7001, 7001, 7001);
    assert_int_equal(scenario_number("SELECT sum(paid_fen) FROM shop_order WHERE source = 'pages'"),
                     7001);
    assert_int_equal(scenario_number("SELECT sum(amount_fen) FROM journal j JOIN shop_order o ON "
                                     "o.id = j.subject_id WHERE o.source = 'pages' AND j.kind IN "
                                     "('order_paid', 'order_changed')"),
                     7001);
    assert_int_equal(scenario_number("SELECT sum(order_count) FROM customer c JOIN identity i ON "
                                     "i.customer_id = c.id WHERE i.kind = 'shop:pages'"),
                     700);
}

/* ---- the other kinds ------------------------------------------------------------------------ */

static void test_customers(void **state)
{
    static const char text[] = "姓名,手机号,邮箱,会员号,爱好,邀请人\n"
                               "张三,138 0000 0101,,m1,茶,\n"
                               "李四,+86 13800000102,li@example.com,m2,,m1\n"
                               "王五,abc,,m3,,\n"
                               "赵六,,,,,\n"
                               "钱七,13800000101,,m2,,\n"
                               "孙八,,,m8,,m999\n";
    static const char mapping[] =
        "{'customer_kind':'member_no','columns':{'name':'姓名','phone':'手机号','email':'邮箱',"
        "'customer':'会员号','hobby':'爱好','invited_by':'邀请人'}}";

    (void)state;
    assert_int_equal(import_text("customers", text, mapping), OK);
    assert_counts(6, 2, 2);
    assert_non_null(strstr(rejects(), ",4,row.customer,"));
    assert_non_null(strstr(rejects(), ",5,row.customer,"));
    assert_non_null(strstr(rejects(), ",6,row.identity_conflict,"));
    assert_non_null(strstr(rejects(), ",7,row.inviter_unknown,"));
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE "
                                     "attributes LIKE '%\"hobby\":\"茶\"%' AND "
                                     "invited_count = 1"),
                     1);
    assert_int_equal(import_text("customers", text, mapping), OK);
    assert_counts(6, 2, 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM import_reject WHERE "
                                     "hex(raw_enc) LIKE '%3133383030303030313031%' OR "
                                     "reason LIKE '%13800000101%'"),
                     0);
}

static void test_events(void **state)
{
    static const char text[] = "kind,occurred_at,member_no,url,ms\n"
                               "page_viewed,2020-01-05 10:00,m1,https://shop.example/a,1200\n"
                               "page_viewed,2020-01-05 10:00,m1,https://shop.example/a,1200\n"
                               "shoe_tied,2020-01-05 10:00,m1,,\n"
                               "page_viewed,2036-01-05 10:00,m1,,\n"
                               "page_viewed,2020-01-05 10:00,m1,https://shop.example/a,soon\n"
                               "order_paid,2020-01-05 10:00,m1,,\n";
    static const char mapping[] =
        "{'customer_kind':'member_no','columns':{'kind':'kind','occurred_at':'occurred_at',"
        "'customer':'member_no','props.url':'url','props.duration_ms':'ms'}}";

    (void)state;
    assert_int_equal(import_text("events", text, mapping), OK);
    assert_counts(6, 2, 2);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE kind = 'page_viewed' AND "
                                     "properties LIKE '%\"duration_ms\":1200}' AND "
                                     "occurred_ms = 1578189600000 AND arrived_ms >= 1772330400000"),
                     2);
    assert_int_equal(import_text("events", text, mapping), OK);
    assert_true(result.is_repeated);
    assert_counts(6, 2, 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE kind = 'page_viewed'"), 2);
}

static void test_costs(void **state)
{
    static const char text[] = "渠道,日期,金额,备注\n"
                               "ads,2026-01-05,12.50,a\n"
                               "ads,2026-01-05,12.50,a\n"
                               "ads,2026-01-05,12.505,a\n"
                               "ads,2026-01-05,-1,a\n"
                               "ads,2026-02-30,1,a\n";
    static const char more[] = "渠道,日期,金额,备注\n"
                               "ads,2026-01-05,12.50,a\n"
                               "ads,2026-01-05,12.50,a\n"
                               "ads,2026-01-05,12.50,a\n";
    static const char numbered[] = "channel,date,amount,cost_no\nads,2026-01-05,1,n1\n";
    static const char changed[] = "channel,date,amount,cost_no\nads,2026-01-05,2,n1\n";

    (void)state;
    assert_int_equal(import_text("costs", text, NULL), OK);
    assert_counts(5, 0, 0);
    assert_non_null(strstr(rejects(), ",2,row.channel_unknown,"));
    assert_int_equal(import_text("costs", text, "{'create_channels':true}"), OK);
    assert_counts(5, 2, 2);
    assert_non_null(strstr(rejects(), ",4,row.number,"));
    assert_non_null(strstr(rejects(), ",5,row.range,"));
    assert_non_null(strstr(rejects(), ",6,row.date,"));
    assert_int_equal(scenario_number("SELECT sum(cost_fen) FROM channel_cost"), 2500);
    assert_int_equal(import_text("costs", more, NULL), OK);
    assert_counts(3, 3, 1);
    assert_int_equal(import_text("costs", numbered, NULL), OK);
    assert_counts(1, 1, 1);
    assert_int_equal(import_text("costs", changed, NULL), OK);
    assert_counts(1, 0, 0);
    assert_non_null(strstr(rejects(), "row.differs"));
    assert_int_equal(scenario_number("SELECT sum(cost_fen) FROM channel_cost"), 3850);
}

/* ---- trying, and undoing -------------------------------------------------------------------- */

/* Everything is said as it would be, and nothing is there after it. */
static void test_dry(void **state)
{
    static const char text[] = HEAD "d1,dryA,1,2.50,2026-01-05\n"
                                    "d1,dryB,x,2.50,2026-01-05\n"
                                    "d2,dryC,1,3,2026-01-05\n";
    struct import_job job = {.kind = S("orders"), .path = path_of("file.csv"), .is_dry = true};
    int64_t orders = scenario_number("SELECT count(*) FROM shop_order");
    int64_t journal = scenario_number("SELECT count(*) FROM journal");

    (void)state;
    assert_int_equal(file_write(job.path, str_of(text), 0600), OK);
    job.rejects_path = path_of("rejects.csv");
    assert_int_equal(import_run(scenario_app, scenario_arena, &job, &result, &fault), OK);
    assert_counts(3, 2, 2);
    assert_int_equal(scenario_number("SELECT count(*) FROM shop_order"), orders);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal"), journal);
    assert_int_equal(scenario_number("SELECT count(*) FROM product WHERE code LIKE 'dry%'"), 0);
}

struct undoing {
    const struct import_kind *kind;
    struct import_undo undo;
    int64_t import_id, undone_count, kept_count;
    bool is_done;
};

/* What the job does, page by page. */
static enum err undo_step(struct ctx *c, void *user)
{
    struct undoing *u = user;
    struct job job = {.app = scenario_app};
    enum err err;

    job.input = str_fmt(c->arena, "{\"import_id\":\"%" PRId64 "\"}", u->import_id);
    err = import_undo_job.step(c, &job, &u->is_done);
    u->undone_count += job.changed_count;
    u->kept_count += job.failed_count;
    return err;
}

static void undo_all(int64_t import_id, int64_t undone_count, int64_t kept_count)
{
    struct undoing u = {.import_id = import_id};

    scenario_sql(str_cstr(scenario_arena, str_fmt(scenario_arena,
                                                  "UPDATE import_run SET status = 'undoing' "
                                                  "WHERE id = %" PRId64,
                                                  import_id)));
    while (!u.is_done)
        scenario_write(undo_step, &u);
    assert_int_equal(u.undone_count, undone_count);
    assert_int_equal(u.kept_count, kept_count);
    assert_int_equal(scenario_number("SELECT count(*) FROM import_run WHERE status = 'undoing'"),
                     0);
}

#define SOLD                                                                                       \
    "SELECT count(*) + sum(paid_fen) FROM (SELECT paid_fen FROM shop_order WHERE order_no LIKE "   \
    "'u%')"

#define UNDO_HEAD "order_no,product_code,quantity,unit_price,placed_at,who,no\n"
static const char undo_mapping[] =
    "{'source':'undo','columns':{'order_no':'order_no','product_code':"
    "'product_code','quantity':'quantity','unit_price':'unit_price',"
    "'placed_at':'placed_at','customer':'who','line_no':'no'}}";

/* Orders: what the import added goes; what others added, or refunded since, stays. */
static void test_undo_orders(void **state)
{
    static const char first[] = UNDO_HEAD "u1,A,1,2.50,2026-01-05,p1,1\n"
                                          "u2,A,2,5,2026-01-06,p2,1\n";
    static const char second[] = UNDO_HEAD "u1,B,1,10,2026-01-07,p1,2\n"
                                           "u3,A,1,7,2026-01-08,p1,1\n"
                                           "u4,A,1,7,2026-01-08,p3,1\n"
                                           "u5,A,1,9,2026-01-08,p4,1\n";
    int64_t first_id, second_id, people;

    (void)state;
    assert_int_equal(import_text("orders", first, undo_mapping), OK);
    first_id = result.import_id;
    people = scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NULL");
    assert_int_equal(import_text("orders", second, undo_mapping), OK);
    second_id = result.import_id;
    scenario_sql("UPDATE shop_order SET status = 'refunded', refunded_fen = paid_fen "
                 "WHERE order_no = 'u5'");
    assert_int_equal(scenario_number(SOLD), 5 + 250 + 1000 + 1000 + 700 + 700 + 900);
    undo_all(second_id, 3 + 1, 1 + 1); /* three lines and p3; u5's line and p4 stay */
    assert_int_equal(scenario_number(SOLD), 3 + 250 + 1000 + 900);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NULL"),
                     people + 1);
    assert_int_equal(scenario_number("SELECT paid_fen FROM customer WHERE id = (SELECT customer_id "
                                     "FROM shop_order WHERE order_no = 'u1')"),
                     250);
    undo_all(first_id, 2 + 2, 0);
    assert_int_equal(scenario_number(SOLD), 1 + 900);
    assert_int_equal(scenario_number("SELECT coalesce(sum(amount_fen), 0) FROM journal WHERE kind "
                                     "IN ('order_paid', 'order_changed') AND subject_id NOT IN "
                                     "(SELECT id FROM shop_order)"),
                     0);
    assert_int_equal(import_text("orders", first, undo_mapping), OK);
    assert_counts(2, 2, 2);
    assert_int_equal(scenario_number(SOLD), 3 + 250 + 1000 + 900);
}

#define UNCOUNTED                                                                                  \
    "SELECT count(*) FROM journal WHERE kind = 'order_changed' AND amount_fen = 0 AND subject_id " \
    "= (SELECT id FROM shop_order WHERE order_no = 'z1')"
#define COUNTED                                                                                    \
    "SELECT order_count FROM customer WHERE id = (SELECT customer_id FROM shop_order WHERE "       \
    "order_no = 'z1')"

/* A sale of less than a fen is an order all the same: without it a gift is left, which is none.
 * Nobody's sums change, and yet it is told. */
static void test_undo_worth_nothing(void **state)
{
    int64_t told_count;

    (void)state;
    assert_int_equal(import_text("orders", UNDO_HEAD "z1,A,1,0,2026-01-05,z,1\n", undo_mapping),
                     OK);
    assert_int_equal(scenario_number(COUNTED), 0);
    assert_int_equal(import_text("orders", UNDO_HEAD "z1,B,1,0.001,2026-01-07,z,2\n", undo_mapping),
                     OK);
    assert_int_equal(scenario_number(COUNTED), 1);
    told_count = scenario_number(UNCOUNTED);
    undo_all(result.import_id, 1, 0);
    assert_int_equal(scenario_number(COUNTED), 0);
    assert_int_equal(scenario_number(UNCOUNTED), told_count + 1);
}

/* Customers: new ones become tombstones unless touched, changed fields go back unless changed
 * again. */
static void test_undo_customers(void **state)
{
    static const char before[] = "姓名,手机号,地区\n甲,13911110001,北京\n乙,13911110002,上海\n";
    static const char after[] =
        "姓名,手机号,地区,会员号,爱好\n甲二,13911110001,天津,u-m1,棋\n"
        "乙二,13911110002,广东,,\n丙,13911110003,四川,,\n丁,13911110004,,,\n";
    static const char mapping[] = "{'columns':{'name':'姓名','phone':'手机号','region':'地区',"
                                  "'member_no':'会员号','hobby':'爱好'}}";
    int64_t numbers;

    (void)state;
    assert_int_equal(import_text("customers", before, NULL), OK);
    assert_int_equal(import_text("customers", after, mapping), OK);
    assert_counts(4, 4, 4);
    numbers = scenario_number("SELECT max(customer_number) FROM customer");
    scenario_sql("UPDATE customer SET region = '云南' WHERE region = '广东'");
    scenario_sql("INSERT INTO customer_note SELECT 1, id, NULL, x'00', 0, 0 FROM customer "
                 "WHERE region = '四川'");
    undo_all(result.import_id, 1 + 1, 1 + 1); /* 丁 gone, 甲 back; 乙 in part, 丙 has a note */
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE region IN ('北京', "
                                     "'云南', '四川')"),
                     3);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE region IN ('天津', "
                                     "'广东')"),
                     0);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE attributes LIKE '%棋%'"),
                     0);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NOT NULL "
                                     "AND phone_enc IS NULL"),
                     scenario_number("SELECT count(*) FROM customer WHERE deleted_ms IS NOT NULL"));
    scenario_sql("DELETE FROM customer_note WHERE id = 1");
    assert_int_equal(import_text("customers", after, mapping), OK);
    assert_counts(4, 4, 3);
    assert_true(scenario_number("SELECT max(customer_number) FROM customer") > numbers);
}

/* Tags, owner, store and birthdays beside the record; unknown ones refuse the row. */
static void test_beside(void **state)
{
    static const char before[] = "姓名,手机号\n戊,13922220001\n";
    static const char text[] = "姓名,手机号,标签,负责人,门店,生日,宝宝生日\n"
                               "戊,13922220001,高意向；新客,admin,s-01,1990-05-01,2025-08-15\n"
                               "己,13922220002,新客,,s-01,,2025-08-15\n"
                               "庚,13922220003,,nobody,,,\n"
                               "辛,13922220004,,,nowhere,,\n"
                               "壬,13922220005,,,,2036-01-01,\n";

    (void)state;
    scenario_sql("INSERT INTO org VALUES (77, NULL, 'store', 's-01', '一店', '/77/', 1, 0)");
    assert_int_equal(import_text("customers", before, NULL), OK);
    assert_int_equal(import_text("customers", text, NULL), OK);
    assert_counts(5, 0, 0); /* the tags are not there */
    assert_non_null(strstr(rejects(), ",2,row.tag_unknown,"));
    assert_int_equal(import_text("customers", text, "{'tag_family':'intent'}"), OK);
    assert_counts(5, 2, 2);
    assert_non_null(strstr(rejects(), ",4,row.owner_unknown,"));
    assert_non_null(strstr(rejects(), ",5,row.store_unknown,"));
    assert_non_null(strstr(rejects(), ",6,row.date,"));
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag t JOIN tag g ON g.id = "
                                     "t.tag_id WHERE g.family = 'intent'"),
                     3);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE org_id = 77 AND "
                                     "child_birth_day IS NOT NULL"),
                     2);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE owner_staff_id IS NOT "
                                     "NULL AND birth_day = 7425"),
                     1);
    undo_all(result.import_id, 2 + 1 + 1 + 1 + 1, 0); /* two tags, an owner, two birthdays; 己 */
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE org_id = 77 OR "
                                     "owner_staff_id IS NOT NULL OR birth_day = 7425 OR "
                                     "child_birth_day IS NOT NULL"),
                     0);
    assert_int_equal(scenario_number("SELECT count(*) FROM child"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer_tag t JOIN tag g ON g.id = "
                                     "t.tag_id WHERE g.family = 'intent'"),
                     0);
    scenario_sql("DELETE FROM customer_owner");
    scenario_sql("DELETE FROM org WHERE id = 77");
}

static void test_undo_costs(void **state)
{
    static const char text[] = "channel,date,amount,cost_no\ntea,2026-02-01,77,u-1\n"
                               "tea,2026-02-02,78,u-2\n";

    (void)state;
    assert_int_equal(import_text("costs", text, "{'create_channels':true}"), OK);
    assert_counts(2, 2, 2);
    assert_int_equal(
        scenario_number("SELECT sum(cost_fen) FROM channel_cost WHERE cost_no LIKE 'u-%'"), 15500);
    undo_all(result.import_id, 2, 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM channel_cost WHERE cost_no LIKE 'u-%'"),
                     0);
}

/* ---- history -------------------------------------------------------------------------------- */

static const struct scenario list_cases[] = {
    {"the newest first", AS_VIEWER, GET, "/api/imports?limit=1", NULL, 200,
     "'kind':'costs','file_name':'file.csv','status':'done','is_dry':false,'line_count':1,"
     "'total_count':1,'accepted_count':0"},
    {"not signed in", AS_NOBODY, GET, "/api/imports", NULL, 401, ""},
    {"the socket's own route", AS_ADMIN, POST, "/local/import", "{'kind':'orders','path':'/x'}",
     403, "gate.local", ""},
    {"a viewer starts nothing", AS_VIEWER, POST, "/api/imports/7/start", "{'kind':'orders'}", 403,
     "gate.permission", ""},
    {"nor stops it", AS_VIEWER, POST, "/api/imports/7/cancel", "{}", 403, "gate.permission", ""},
    {"nor looks into files", AS_VIEWER, POST, "/api/imports/7/preview", "{'kind':'orders'}", 403,
     "gate.permission", ""},
    {"nor takes refused rows", AS_VIEWER, POST, "/api/imports/7/rejects", "{}", 403,
     "gate.permission", ""},
    {"nor undoes", AS_VIEWER, POST, "/api/imports/7/undo", "{}", 403, "gate.permission", ""},
    {"nobody undoes", AS_NOBODY, POST, "/api/imports/7/undo", "{}", 401, "gate.sign_in", ""},
    {"no such import to undo", AS_ADMIN, POST, "/api/imports/7/undo", "{}", 404, "import.unknown",
     ""},
    {"no such import to stop", AS_ADMIN, POST, "/api/imports/7/cancel", "{}", 404, "import.unknown",
     ""},
    {"no such import", AS_ADMIN, GET, "/api/imports/7", NULL, 404, "import.unknown"},
    {"a kind there is not", AS_ADMIN, GET, "/api/imports/template?kind=shoes", NULL, 400,
     "import.kind"},
    {"no such ticket", AS_LOCAL, GET, "/local/import?ticket_id=7", NULL, 404, "import.unknown"},
};

static void test_list(void **state)
{
    (void)state;
    scenario_run(list_cases);
}

static enum err forget_step(struct ctx *c, void *user)
{
    return import_forget(c, user);
}

/* After 30 days nothing of a refused row is left, in the base or in its file; the run's counts are.
 */
static void test_forget(void **state)
{
    struct import_job job = {.kind = S("orders"), .path = path_of("file.csv")};
    int64_t deleted_count, rejected_count;

    (void)state;
    assert_int_equal(file_write(job.path, S(HEAD "z,A,x,1,2026-01-05\n"), 0600), OK);
    assert_int_equal(import_run(scenario_app, scenario_arena, &job, &result, &fault), OK);
    assert_true(file_exists(result.reject_file));
    rejected_count = scenario_number("SELECT sum(rejected_count) FROM import_run");
    scenario_write(forget_step, &deleted_count);
    assert_int_equal(deleted_count, 0);
    scenario_clock(1772330400000 + 31 * DAY_MS);
    do
        scenario_write(forget_step, &deleted_count);
    while (deleted_count > 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM import_reject"), 0);
    assert_int_equal(scenario_number("SELECT sum(rejected_count) FROM import_run"), rejected_count);
    assert_false(file_exists(result.reject_file));
}

static int open_all(void **state)
{
    return mkdtemp(folder) == NULL ? -1 : scenario_open(state);
}

static int close_all(void **state)
{
    unlink(str_cstr(scenario_arena, path_of("file.csv")));
    unlink(str_cstr(scenario_arena, path_of("rejects.csv")));
    rmdir(folder);
    return scenario_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_dirty),
        cmocka_unit_test(test_mend),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_customers),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_dry),
        cmocka_unit_test(test_undo_orders),
        cmocka_unit_test(test_undo_worth_nothing),
        cmocka_unit_test(test_undo_customers),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_undo_costs),
        cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
