/* Work on many: tags, owners and files over a filter or ids, as jobs: counts confirmed, reach and
 * rights, taking back only what still holds, saved views. */
#include "base_sql.h"
#include "scenario.h"

#include <stdio.h>
#include <sys/stat.h>
#include <zip.h>

#include "host/file.h"
#include "kit/job.h"
#include "manage/customer/customer.h"

#define COUNT 1300

static const char *folder(void)
{
    return str_cstr(scenario_arena, app_config(scenario_app)->data);
}

static enum err people_step(struct ctx *c, void *user)
{
    (void)user;
    for (int64_t i = 1; i <= COUNT; i++) {
        struct customer_ref ref = {S("shop:b"), str_fmt(c->arena, "B%" PRId64, i)};
        struct customer_new n;
        int64_t id;

        customer_new_init(&n);
        n.refs = &ref;
        n.ref_count = 1;
        n.name = i == 7 ? S("=1+1") : str_fmt(c->arena, "王小%" PRId64, i);
        n.phone = str_fmt(c->arena, "139%08" PRId64, i);
        TRY(customer_add(c, &n, &id));
    }
    return OK;
}

static int set_up(void **state)
{
    if (scenario_open(state) != 0)
        return -1;
    scenario_write(people_step, NULL);
    base_sql(
        folder(),
        "INSERT INTO org (id, kind, code, name, path, is_active, created_ms) VALUES"
        " (1, 'store', 's', 'S', '/1/', 1, 0), (2, 'store', 't', 'T', '/2/', 1, 0);"
        "INSERT INTO tag_group (id, family, name, is_exclusive, created_ms)"
        " VALUES (1, 'intent', 'g', 1, 0);"
        "INSERT INTO tag (id, family, name, color, created_ms, group_id) VALUES"
        " (1, 'intent', 'hot', '#000000', 0, 1), (2, 'intent', 'cold', '#000000', 0, 1),"
        " (3, 'activity', 'free', '#000000', 0, NULL);"
        "UPDATE customer SET order_count = customer_number % 2, org_id = 1 + customer_number % 2;"
        "INSERT INTO customer_tag (customer_id, tag_id, created_ms)"
        " SELECT id, 2, 0 FROM customer WHERE customer_number % 10 = 0;"
        "UPDATE role SET permissions = permissions || ' customer.assign customer.export'"
        " WHERE name = 'operator';");
    scenario_set("n5", scenario_text("SELECT id FROM customer WHERE customer_number = 5"));
    scenario_set("n6", scenario_text("SELECT id FROM customer WHERE customer_number = 6"));
    scenario_set("op", scenario_text("SELECT id FROM staff WHERE login = 'operator'"));
    scenario_set("admin", scenario_text("SELECT id FROM staff WHERE login = 'admin'"));
    return 0;
}

/* Asks, keeps the job's id as $job and waits for its end. */
static void run(enum scenario_as as, const char *path, const char *body, const char *contains)
{
    struct app_call call = scenario_ask(as, POST, path, body);
    struct json json;
    const struct json *id;

    if (call.status != 200)
        fail_msg("%s %s: %.*s", path, body, STR(call.reply));
    assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
    id = json_get(&json, "job_id");
    if (id)
        scenario_set("job", str_cstr(scenario_arena, id->text));
    job_await(scenario_app);
    call = scenario_ask(as, GET, "/api/jobs/$job", NULL);
    if (str_find(call.reply, str_of(contains)) < 0)
        fail_msg("%s\n  wanted %s\n  got %.*s", body, contains, STR(call.reply));
}

#define BULK "/api/customers/bulk"
#define HAVING(tag) "SELECT count(*) FROM customer_tag WHERE tag_id = " tag

static const struct scenario refusals[] = {
    {"viewer", AS_VIEWER, POST, BULK, "{'action':'tag_on','tag_id':'3','filter':{}}", 403,
     "gate.permission", ""},
    {"nobody", AS_NOBODY, POST, BULK, "{'action':'tag_on','tag_id':'3','filter':{}}", 401, "", ""},
    {"no tag", AS_OPERATOR, POST, BULK, "{'action':'tag_on','filter':{}}", 400, "bulk.tag", ""},
    {"unknown tag", AS_OPERATOR, POST, BULK,
     "{'action':'tag_on','tag_id':'99','filter':{},'confirm_count':1300}", 404, "tag.unknown", ""},
    {"no reason", AS_OPERATOR, POST, BULK, "{'action':'assign','filter':{}}", 400, "bulk.reason",
     ""},
    {"no such action", AS_OPERATOR, POST, BULK, "{'action':'delete'}", 400, "input.choice", ""},
    {"no such column", AS_OPERATOR, POST, BULK,
     "{'action':'export','columns':'name password','filter':{}}", 400, "export.column", ""},
    {"unconfirmed", AS_OPERATOR, POST, BULK, "{'action':'tag_on','tag_id':'3','filter':{}}", 409,
     "1300 customers match now", ""},
    {"another number", AS_OPERATOR, POST, BULK,
     "{'action':'tag_on','tag_id':'3','filter':{},'confirm_count':1299}", 409, "bulk.count_changed",
     ""},
    {"nobody matches", AS_OPERATOR, POST, BULK,
     "{'action':'tag_on','tag_id':'3','filter':{'is_blocked':true}}", 409, "bulk.nobody", ""},
    {"bad filter", AS_OPERATOR, POST, BULK,
     "{'action':'tag_on','tag_id':'3','filter':{'state':'x'}}", 400, "filter/state", ""},
    {"clear text needs its right", AS_OPERATOR, POST, BULK,
     "{'action':'export','is_clear':true,'filter':{}}", 403, "customer.reveal", ""},
    {"makes a job", AS_OPERATOR, POST, BULK, /* which may have tagged already */
     "{'action':'tag_on','tag_id':'3','ids':[{'id':'$n5'}]}", 200, "'total_count':1", NULL},
};

static void test_refusals(void **state)
{
    (void)state;
    base_sql(folder(), "UPDATE role SET permissions = replace(permissions, 'customer.reveal', '')"
                       " WHERE name = 'operator'");
    scenario_run(refusals);
    job_await(scenario_app);
    assert_int_equal(scenario_number(HAVING("3")), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM audit WHERE noun = 'job'"), 1);
    scenario_set("job", scenario_text("SELECT id FROM job"));
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "undone");
}

static void test_tag_and_back(void **state)
{
    (void)state;
    run(AS_OPERATOR, BULK, "{'action':'tag_on','tag_id':'3','filter':{},'confirm_count':1300}",
        "\"changed_count\":1300");
    assert_int_equal(scenario_number(HAVING("3")), COUNT);
    /* meanwhile: one lost it, one lost it and got it back */
    base_sql(folder(), "DELETE FROM customer_tag WHERE tag_id = 3 AND customer_id IN"
                       " (SELECT id FROM customer WHERE customer_number = 1);"
                       "UPDATE customer_tag SET created_ms = created_ms + 1 WHERE tag_id = 3 AND"
                       " customer_id = (SELECT id FROM customer WHERE customer_number = 2)");
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "\"restored\":1298,\"kept\":2");
    assert_int_equal(scenario_number(HAVING("3")), 1);
}

static void test_exclusive_tags_come_back(void **state)
{
    (void)state;
    assert_int_equal(scenario_number(HAVING("2")), 130);
    run(AS_OPERATOR, BULK,
        "{'action':'tag_on','tag_id':'1','filter':{'tag_id':'2'},'confirm_count':130}",
        "\"changed_count\":130");
    assert_int_equal(scenario_number(HAVING("2")), 0);
    assert_int_equal(scenario_number(HAVING("1")), 130);
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "\"restored\":130,\"kept\":0");
    assert_int_equal(scenario_number(HAVING("2")), 130);
    assert_int_equal(scenario_number(HAVING("1")), 0);
    run(AS_OPERATOR, BULK, "{'action':'tag_off','tag_id':'2','filter':{'tag_id':'2'}}",
        "\"changed_count\":130");
    assert_int_equal(scenario_number(HAVING("2")), 0);
    /* two of them are hot by now: they cannot be cold too */
    base_sql(folder(), "INSERT INTO customer_tag (customer_id, tag_id, created_ms)"
                       " SELECT id, 1, 0 FROM customer WHERE customer_number IN (10, 20)");
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "\"restored\":128,\"kept\":2");
    assert_int_equal(scenario_number(HAVING("2")), 128);
}

static void test_assign_and_back(void **state)
{
    (void)state;
    run(AS_OPERATOR, BULK,
        "{'action':'assign','staff_id':'$op','org_id':'1','reason':'spring','filter':{'state':'"
        "never'}}",
        "\"changed_count\":650");
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE owner_staff_id = "
                                     "(SELECT id FROM staff WHERE login = 'operator')"),
                     650);
    run(AS_ADMIN, BULK,
        "{'action':'assign','staff_id':'$admin','org_id':'2','reason':'mine','ids':[{'id':'$n6'}]}",
        "\"changed_count\":1");
    scenario_set("job", scenario_text("SELECT min(id) FROM job WHERE kind = 'customer_assign'"));
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "\"restored\":649,\"kept\":1");
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer WHERE owner_staff_id IS NOT NULL"), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer WHERE org_id = 1"), 649);
}

/* Nobody reaches further with a filter or ids than one by one. */
static void test_reach(void **state)
{
    (void)state;
    base_sql(folder(), "UPDATE role SET scope = 'store' WHERE name = 'operator';"
                       "UPDATE staff SET org_id = 1 WHERE login = 'operator'");
    run(AS_OPERATOR, BULK, "{'action':'tag_on','tag_id':'3','filter':{}}",
        "\"changed_count\":648"); /* one has it from before */
    assert_int_equal(
        scenario_ask(AS_OPERATOR, POST, BULK,
                     "{'action':'tag_off','tag_id':'3','ids':[{'id':'$n5'},{'id':'$n6'}]}")
            .status,
        409);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer_tag t JOIN customer c ON c.id = "
                        "t.customer_id WHERE t.tag_id = 3 AND c.org_id = 2"),
        0);
    base_sql(folder(), "UPDATE role SET scope = 'all' WHERE name = 'operator'");
}

/* ---- files ----------------------------------------------------------------------------------- */

static struct str file_of_job(void)
{
    const char *name = scenario_text("SELECT file_name FROM job ORDER BY id DESC LIMIT 1");
    struct str path = str_fmt(scenario_arena, "%s/exports/%s", folder(), name), text;
    struct stat info;

    assert_int_equal(stat(str_cstr(scenario_arena, path), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(file_read(scenario_arena, path, 64 << 20, &text), OK);
    scenario_set("path", str_cstr(scenario_arena, path));
    return text;
}

static void has(struct str text, const char *part)
{
    if (str_find(text, str_of(part)) < 0)
        fail_msg("no \"%s\" in %.*s", part, (int)(text.len < 600 ? text.len : 600), text.at);
}

static int64_t lines_of(struct str text)
{
    int64_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '\n';
    return count;
}

static void test_csv(void **state)
{
    struct str text;

    (void)state;
    run(AS_OPERATOR, BULK,
        "{'action':'export','format':'csv','lang':'en','columns':'customer_number name phone tags "
        "touched paid','filter':{},'confirm_count':1300}",
        "\"rows\":1300");
    text = file_of_job();
    assert_true(str_starts(text, S("\xEF\xBB\xBFNumber,Name,Phone,Tags,First touch,Revenue\r\n")));
    assert_int_equal(lines_of(text), COUNT + 1);
    has(text, "\r\n7,'=1+1,139****0007,");
    has(text, "\r\n30,王小30,139****0030,\"cold, free\",2026-03-01 10:");
    assert_int_equal(str_find(text, S("13900000007")), -1);
    has(scenario_ask(AS_OPERATOR, GET, "/api/jobs/$job", NULL).reply, "\"has_file\":true");
    assert_int_equal(scenario_ask(AS_ADMIN, GET, "/api/jobs/$job/file", NULL).status, 403);
    has(str_of(scenario_text("SELECT d.detail FROM audit_detail d ORDER BY audit_id DESC LIMIT 1")),
        "\"customer_count\":1300");
}

static void test_clear_text(void **state)
{
    struct str text;

    (void)state;
    run(AS_ADMIN, BULK,
        "{'action':'export','is_clear':true,'columns':'name phone','ids':[{'id':'$n5'}]}",
        "\"rows\":1");
    text = file_of_job();
    has(text, "王小5,13900000005\r\n");
    has(str_of(scenario_text("SELECT d.detail FROM audit_detail d ORDER BY audit_id DESC LIMIT 1")),
        "\"is_clear\":true");
}

static struct str zip_member(const char *path, const char *name)
{
    zip_t *zip = zip_open(path, ZIP_RDONLY, NULL);
    char *at = arena_alloc(scenario_arena, 16 << 20);
    zip_file_t *file;
    zip_int64_t len;

    assert_non_null(zip);
    file = zip_fopen(zip, name, 0);
    assert_non_null(file);
    len = zip_fread(file, at, 16 << 20);
    assert_true(len > 0);
    zip_fclose(file);
    zip_discard(zip);
    return (struct str){at, (size_t)len};
}

static void test_xlsx(void **state)
{
    struct str sheet;

    (void)state;
    run(AS_OPERATOR, BULK,
        "{'action':'export','format':'xlsx','lang':'zh','columns':'id customer_number name paid',"
        "'filter':{},'confirm_count':1300}",
        "\"rows\":1300");
    file_of_job();
    sheet = zip_member(scenario_get("path"), "xl/worksheets/sheet1.xml");
    has(sheet, "客户编号");
    has(sheet, "<c r=\"A6\" t=\"inlineStr\">"); /* ids are text */
    has(sheet, "<t>=1+1</t>");                  /* a text, not a formula */
    has(sheet, "<v>1300</v>");
    assert_int_equal(str_find(sheet, S("<f>")), -1);
}

/* A searched text is a name or a phone: in no job and no audit in the clear. */
static void test_search_is_sealed(void **state)
{
    (void)state;
    scenario_names_await();
    run(AS_OPERATOR, BULK, "{'action':'export','columns':'name','filter':{'search':'王小77'}}",
        "\"rows\":11");
    assert_int_equal(scenario_number("SELECT count(*) FROM job WHERE input LIKE '%王小77%'"), 0);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM audit_detail WHERE detail LIKE '%王小77%'"), 0);
}

/* Whom the engine names and who is in a segment: many, a few; fixed when it is asked for. */
static void test_by_the_engine(void **state)
{
    char body[300];

    (void)state;
    base_sql(folder(),
             "INSERT INTO segment (id, name, about, kind, state, version_number, "
             "member_count, created_ms, changed_ms, filled_ms) VALUES"
             " (1, 'some', '', 'static', 'live', 1, 0, 0, 0, 1);"
             "INSERT INTO segment_member (segment_id, customer_id, since_ms) SELECT 1, id,"
             " 0 FROM customer WHERE customer_number % 30 = 0;"
             "DELETE FROM customer_tag WHERE tag_id = 3");
    snprintf(body, sizeof(body),
             "{'action':'tag_on','tag_id':'3','filter':{'who':'{\\'tag\\':[\\'2\\']}'},"
             "'confirm_count':%" PRId64 "}",
             scenario_number(HAVING("2")));
    run(AS_OPERATOR, BULK, body, "\"changed_count\":128");
    assert_int_equal(scenario_number(HAVING("3")), 128);
    run(AS_OPERATOR, "/api/jobs/$job/undo", "{}", "\"restored\":128,\"kept\":0");
    run(AS_OPERATOR, BULK,
        "{'action':'tag_on','tag_id':'3','filter':{'segment_id':'1','who':'{\\'tag\\':[\\'2\\']}'}"
        "}",
        "\"changed_count\":43");
    run(AS_OPERATOR, BULK,
        "{'action':'tag_off','tag_id':'3','filter':{'who':'{\\'all\\':[{\\'tag\\':[\\'3\\']},{"
        "\\'bucket\\':{\\'salt\\':\\'x\\',\\'from\\':0,\\'to\\':1000000}}]}'}}",
        "\"changed_count\":43");
    assert_int_equal(scenario_number(HAVING("3")), 0);
    assert_int_equal(
        scenario_ask(AS_OPERATOR, POST, BULK,
                     "{'action':'tag_on','tag_id':'3','filter':{'who':'{\\'tag\\':[\\'77"
                     "\\']}'}}")
            .status,
        400);
}

/* ---- views ----------------------------------------------------------------------------------- */

static const struct scenario views[] = {
    {"none yet", AS_VIEWER, GET, "/api/views", NULL, 200, "'items':[]", ""},
    {"adds", AS_OPERATOR, POST, "/api/views",
     "{'name':'VIP','ask':{'state':'repeat','sort':'paid'},'is_shared':false}", 200, "'id'", "",
     .keep = "view"},
    {"sees it", AS_OPERATOR, GET, "/api/views", NULL, 200, "'ask':{'state':'repeat','sort':'paid'}",
     ""},
    {"nobody else does", AS_VIEWER, GET, "/api/views", NULL, 200, "'items':[]", ""},
    {"shares it", AS_OPERATOR, POST, "/api/views/$view/edit",
     "{'name':'VIPs','ask':{'state':'repeat'},'is_shared':true}", 200, "{}", ""},
    {"now others see it", AS_VIEWER, GET, "/api/views", NULL, 200, "'name':'VIPs'", ""},
    {"not theirs to change", AS_VIEWER, POST, "/api/views/$view/edit",
     "{'name':'x','ask':{},'is_shared':true}", 404, "view.unknown", ""},
    {"nor to delete", AS_ADMIN, POST, "/api/views/$view/delete", "{}", 404, "view.unknown", ""},
    {"no searched text", AS_OPERATOR, POST, "/api/views",
     "{'name':'x','ask':{'search':'13900139000'},'is_shared':false}", 400, "view.search", ""},
    {"no list", AS_OPERATOR, POST, "/api/views", "{'name':'x','ask':[],'is_shared':false}", 400,
     "view.ask", ""},
    {"no name", AS_OPERATOR, POST, "/api/views", "{'name':'  ','ask':{},'is_shared':false}", 400,
     "view.name", ""},
    {"nobody", AS_NOBODY, POST, "/api/views", "{'name':'x','ask':{},'is_shared':false}", 401, "",
     ""},
    {"deletes", AS_OPERATOR, POST, "/api/views/$view/delete", "{}", 200, "{}", ""},
    {"gone", AS_VIEWER, GET, "/api/views", NULL, 200, "'items':[]", ""},
};

static void test_views(void **state)
{
    (void)state;
    scenario_run(views);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_tag_and_back),
        cmocka_unit_test(test_exclusive_tags_come_back),
        cmocka_unit_test(test_assign_and_back),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_clear_text),
        cmocka_unit_test(test_xlsx),
        cmocka_unit_test(test_search_is_sealed),
        cmocka_unit_test(test_by_the_engine),
        cmocka_unit_test(test_views),
    };

    return cmocka_run_group_tests(tests, set_up, scenario_close);
}
