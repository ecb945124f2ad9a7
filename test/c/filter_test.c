/* Every filter against a condition of its own over the same base: as many as it counts are found,
 * in every order, page by page, each once; and within the reach of who asks alone. */
#include "base_sql.h"
#include "scenario.h"

#include "manage/customer/customer.h"

#define COUNT 400
#define DAY_TEXT "CAST(86400000 AS bigint)"
#define NOW "1772330400000"

static const char *const figures =
    "INSERT INTO channel (id, parent_id, code, name, kind, path, is_archived, created_ms) VALUES"
    " (1, NULL, 'a', 'A', 'store', '/1/', 0, 0), (2, 1, 'b', 'B', 'store', '/1/2/', 0, 0),"
    " (3, NULL, 'c', 'C', 'ad', '/3/', 0, 0);"
    "INSERT INTO org (id, kind, code, name, path, is_active, created_ms) VALUES"
    " (1, 'region', 'r', 'R', '/1/', 1, 0), (2, 'store', 's', 'S', '/1/2/', 1, 0),"
    " (3, 'store', 't', 'T', '/3/', 1, 0);"
    "INSERT INTO tag (id, family, name, color, created_ms) VALUES (1, 'intent', 'x', '#000000', 0),"
    " (2, 'intent', 'y', '#000000', 0), (3, 'intent', 'z', '#000000', 0);"
    "UPDATE customer SET touched_ms = " NOW " - (customer_number * 7 % 100) * " DAY_TEXT
    " + 43200000,"
    " order_count = customer_number % 6, paid_fen = customer_number * 37 % 50 * 100,"
    " channel_id = nullif(customer_number % 4, 0), org_id = nullif(customer_number * 3 % 4, 0),"
    " added_ms = CASE WHEN customer_number % 3 = 0 THEN 5 END, action_day = 20400 + "
    "customer_number % 200,"
    " is_family = CASE WHEN customer_number % 7 = 0 THEN 1 ELSE 0 END,"
    " invited_count = CASE WHEN customer_number % 11 = 0 THEN 1 ELSE 0 END,"
    " child_birth_day = CASE WHEN customer_number % 5 = 0 THEN 20500 - customer_number * 9 END,"
    " blocked_ms = CASE WHEN customer_number % 13 = 0 THEN 5 END,"
    " owner_staff_id = CASE WHEN customer_number % 3 = 1 THEN (SELECT id FROM staff WHERE login = "
    "'viewer') END;"
    "UPDATE customer SET first_order_ms = touched_ms, last_order_ms = touched_ms - "
    "(customer_number % 9) * 30 * " DAY_TEXT " WHERE order_count > 0;"
    "INSERT INTO customer_tag (customer_id, tag_id, created_ms)"
    " SELECT id, 1, 0 FROM customer WHERE customer_number % 2 = 0"
    " UNION ALL SELECT id, 2, 0 FROM customer WHERE customer_number % 5 = 0"
    " UNION ALL SELECT id, 3, 0 FROM customer WHERE customer_number % 7 = 0;"
    "INSERT INTO segment (id, name, about, kind, state, version_number, member_count, created_ms, "
    "changed_ms, filled_ms) VALUES (1, 'many', '', 'static', 'live', 1, 0, 0, 0, 1),"
    " (2, 'some', '', 'static', 'live', 1, 0, 0, 0, 1);"
    "INSERT INTO segment_member (segment_id, customer_id, since_ms)"
    " SELECT 1, id, 0 FROM customer WHERE customer_number % 3 <> 0"
    " UNION ALL SELECT 2, id, 0 FROM customer WHERE customer_number % 17 = 0;"
    "UPDATE customer SET deleted_ms = 5 WHERE customer_number % 40 = 0;"
    "UPDATE customer SET merged_into_id = (SELECT id FROM customer WHERE customer_number = 1)"
    " WHERE customer_number % 40 = 20;";

/* Behind the program's back: rows no route would write. */
static void base_change(const char *sql)
{
    base_sql(str_cstr(scenario_arena, app_config(scenario_app)->data), sql);
}

static enum err people_step(struct ctx *c, void *user)
{
    (void)user;
    for (int64_t i = 1; i <= COUNT; i++) {
        struct customer_ref ref = {S("shop:f"), str_fmt(c->arena, "F%" PRId64, i)};
        struct customer_new n;
        int64_t id;

        customer_new_init(&n);
        n.refs = &ref;
        n.ref_count = 1;
        n.name = i % 10 == 0 ? S("Common Name") : S("Other");
        TRY(customer_add(c, &n, &id));
    }
    return OK;
}

#define HAS(tag)                                                                                   \
    "EXISTS (SELECT 1 FROM customer_tag t JOIN customer r ON r.id = t.customer_id WHERE "          \
    "t.tag_id = " tag " AND (r.id = c.id OR r.merged_into_id = c.id))"
#define IN_SEGMENT(id)                                                                             \
    "EXISTS (SELECT 1 FROM segment_member s JOIN customer r ON r.id = s.customer_id WHERE "        \
    "s.segment_id = " id " AND (r.id = c.id OR r.merged_into_id = c.id))"
#define AGO(days) "(" NOW " - " days " * " DAY_TEXT ")"

#define MINE "owner_staff_id = (SELECT id FROM staff WHERE login = 'viewer')"
#define COMMON                                                                                     \
    "EXISTS (SELECT 1 FROM customer r WHERE (r.id = c.id OR r.merged_into_id = c.id) AND "         \
    "r.customer_number % 10 = 0)"

static const struct {
    const char *query, *sql;
} cases[] = {
    {"", "1 = 1"},
    {"state=never", "order_count = 0"},
    {"state=once", "order_count = 1 AND last_order_ms >= " AGO("90")},
    {"state=repeat", "order_count > 1 AND last_order_ms >= " AGO("90")},
    {"state=sleeping", "last_order_ms < " AGO("90") " AND last_order_ms >= " AGO("180")},
    {"state=lost", "last_order_ms < " AGO("180")},
    {"stage=added", "added_ms IS NOT NULL"},
    {"stage=active", "action_day >= 20513 - 29"},
    {"stage=first_order", "order_count > 0"},
    {"stage=loyal", "order_count >= 3 OR is_family = 1"},
    {"stage=repurchase", "order_count > 1"},
    {"stage=sharing", "invited_count > 0"},
    {"stage=referred", "invited_by_customer_id IS NOT NULL"},
    {"channel_id=1", "channel_id IN (1, 2)"},
    {"channel_id=2&state=never", "channel_id = 2 AND order_count = 0"},
    {"org_id=1", "org_id IN (1, 2)"},
    {"org_id=3&tag_id=1", "org_id = 3 AND " HAS("1")},
    {"is_unowned=true", "owner_staff_id IS NULL"},
    {"tag_id=1", HAS("1")},
    {"tag_id=1&tag2_id=2", HAS("1") " AND " HAS("2")},
    {"tag_id=3&tag2_id=1&tag3_id=2", HAS("1") " AND " HAS("2") " AND " HAS("3")},
    {"is_blocked=true", "blocked_ms IS NOT NULL"},
    {"is_blocked=false&is_family=true", "blocked_ms IS NULL AND is_family = 1"},
    {"order_min_count=2&order_max_count=3", "order_count BETWEEN 2 AND 3"},
    {"paid_min_fen=1000&paid_max_fen=2000", "paid_fen BETWEEN 1000 AND 2000"},
    {"from_date=2026-02-01&to_date=2026-03-01",
     "touched_ms >= 1769875200000 AND touched_ms < 1772294400000"},
    {"order_from_date=2026-01-01&order_to_date=2026-02-01",
     "last_order_ms >= 1767196800000 AND last_order_ms < 1769875200000"},
    {"month=2026-02", "first_order_ms >= 1769875200000 AND first_order_ms < 1772294400000"},
    {"life_stage_number=0", "child_birth_day > 20513 - 184 AND child_birth_day <= 20513"},
    {"segment_id=1", IN_SEGMENT("1")},
    {"segment_id=2&state=never", IN_SEGMENT("2") " AND order_count = 0"},
    {"segment_id=1&tag_id=3", IN_SEGMENT("1") " AND " HAS("3")},
    {"segment_id=1&tag_id=1&tag2_id=2&channel_id=1",
     IN_SEGMENT("1") " AND channel_id IN (1, 2) AND " HAS("1") " AND " HAS("2")},
    {"who={'everyone':true}", "1 = 1"},
    {"who={'tag':['1']}", HAS("1")},
    {"who={'tag':['1']}&state=repeat&is_unowned=true",
     HAS("1") " AND owner_staff_id IS NULL AND order_count > 1 AND last_order_ms >= " AGO("90")},
    {"who={'all':[{'tag':['1']},{'tag':['2']},{'tag':['3']}]}",
     HAS("1") " AND " HAS("2") " AND " HAS("3")},
    {"who={'all':[{'tag':['1']},{'tag':['2']},{'tag':['3']}]}&segment_id=1",
     HAS("1") " AND " HAS("2") " AND " HAS("3") " AND " IN_SEGMENT("1")},
    {"who={'not':{'list':['1']}}&tag_id=1", "NOT " IN_SEGMENT("1") " AND " HAS("1")},
    {"who={'attribute':'order_count','between':[2,4]}&segment_id=1",
     "order_count IN (2, 3) AND " IN_SEGMENT("1")},
    {"who={'tag':['2']}&search=common", HAS("2") " AND " COMMON},
    {"segment_id=1&search=common", IN_SEGMENT("1") " AND " COMMON},
    {"search=common", COMMON},
    {"search=common&tag_id=1&stage=first_order", COMMON " AND order_count > 0 AND " HAS("1")},
};

static int64_t number_in(struct str reply, const char *name)
{
    struct json json;

    assert_int_equal(json_parse(scenario_arena, reply, &json, NULL), OK);
    return json_get(&json, name)->integer;
}

static bool has_id(const int64_t *ids, int64_t count, int64_t id)
{
    for (int64_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* All pages of a list: each customer once. */
static int64_t walk(enum scenario_as as, const char *query, int64_t *total_count)
{
    int64_t ids[COUNT], count = 0;

    scenario_set("next", "");
    for (;;) {
        const char *path =
            str_cstr(scenario_arena, str_fmt(scenario_arena, "/api/customers?limit=37&%s%s", query,
                                             count == 0 ? "" : "&cursor=$next"));
        struct app_call call = scenario_ask(as, GET, path, NULL);
        const struct json *items, *next;
        struct json json;

        if (call.status != 200)
            fail_msg("%s: %.*s", path, STR(call.reply));
        assert_int_equal(json_parse(scenario_arena, call.reply, &json, NULL), OK);
        *total_count = number_in(call.reply, "total_count");
        items = json_get(&json, "items");
        for (uint32_t i = 0; i < items->count; i++) {
            int64_t id;
            assert_true(str_to_int(json_get(&items->items[i], "id")->text, &id));
            if (has_id(ids, count, id))
                fail_msg("%s: twice", path);
            ids[count++] = id;
        }
        next = json_get(&json, "next_cursor");
        if (next->type == JSON_NULL)
            return count;
        scenario_set("next", str_cstr(scenario_arena, next->text));
    }
}

static void case_check(enum scenario_as as, const char *scope, size_t i)
{
    static const char *const sorts[] = {"newest", "last_order", "paid", "orders"};
    int64_t wanted = scenario_number(str_cstr(
        scenario_arena,
        str_fmt(scenario_arena,
                "SELECT count(*) FROM customer c WHERE deleted_ms IS NULL AND merged_into_id IS "
                "NULL AND (%s) AND (%s)",
                scope, cases[i].sql)));

    if (as == AS_ADMIN && wanted == 0 && strcmp(cases[i].query, "stage=referred") != 0)
        fail_msg("%s: nobody to find", cases[i].query);
    for (size_t j = 0; j < ARRAY_LEN(sorts); j++) {
        const char *query =
            str_cstr(scenario_arena, str_fmt(scenario_arena, "sort=%s%s%s", sorts[j],
                                             *cases[i].query ? "&" : "", cases[i].query));
        int64_t total_count, count = walk(as, query, &total_count);

        if (count != wanted || total_count != wanted)
            fail_msg("%s: wanted %" PRId64 ", got %" PRId64 " of %" PRId64, query, wanted, count,
                     total_count);
    }
}

static void test_filters(void **state)
{
    (void)state;
    scenario_write(people_step, NULL);
    base_change(figures);
    scenario_names_await();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        case_check(AS_ADMIN, "1 = 1", i);
}

/* A guide sees one's own, one of a store also those of the store. */
static void test_reach(void **state)
{
    (void)state;
    base_change("UPDATE role SET scope = 'own', permissions = permissions || ' customer.name "
                "customer.reveal' WHERE name = 'viewer'");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        case_check(AS_VIEWER, MINE, i);
    base_change("UPDATE role SET scope = 'store' WHERE name = 'viewer';"
                "UPDATE staff SET org_id = 1 WHERE login = 'viewer'");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        case_check(AS_VIEWER, MINE " OR org_id IN (1, 2)", i);
}

static const struct scenario bad[] = {
    {"no such store", AS_ADMIN, GET, "/api/customers?org_id=99", NULL, 404, "org.unknown", ""},
    {"no such stage", AS_ADMIN, GET, "/api/customers?life_stage_number=50", NULL, 400,
     "customer.life_stage", ""},
    {"one day", AS_ADMIN, GET, "/api/customers?order_from_date=2026-01-01", NULL, 400, "input.date",
     ""},
    {"below nothing", AS_ADMIN, GET, "/api/customers?order_min_count=-1", NULL, 400, "input.range",
     ""},
    {"no such segment", AS_ADMIN, GET, "/api/customers?segment_id=99", NULL, 404, "segment.unknown",
     ""},
    {"who is no text of JSON", AS_ADMIN, GET, "/api/customers?who=everyone", NULL, 400,
     "'code':'query.form','message':'a condition of the query language is needed','path':'who'",
     ""},
    {"who is a list", AS_ADMIN, GET, "/api/customers?who=[]", NULL, 400, "query.form", ""},
    {"who is two values", AS_ADMIN, GET, "/api/customers?who={'everyone':true},'zone':'UTC'", NULL,
     400, "query.form", ""},
    {"who names what there is not", AS_ADMIN, GET,
     "/api/customers?who={'all':[{'everyone':true},{'tag':['77']}]}", NULL, 400,
     "'path':'who/all/1/tag", ""},
    {"columns of old are here", AS_ADMIN, GET, "/api/customers?limit=1", NULL, 200,
     "'customer_number':", ""},
};

static void test_bad(void **state)
{
    (void)state;
    scenario_run(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
