/* Every route of the product: asked as nobody, as each role and as a key without the right to it,
 * and, with every right but a narrow reach, about things of a customer out of reach. Refused each
 * time, and nothing changes; no list tells of that customer. Paths and bodies are made from the
 * routes' own shapes, so a new route is walked as soon as it is there. */
#include "scenario.h"

#include "host/clock.h"
#include "manage/staff/staff.h"
#include "papilio.h"

static bool has_word(const char *list, const char *word)
{
    struct str rest = str_of(list), head;
    bool is_more;

    do {
        is_more = str_cut(rest, ' ', &head, &rest);
        if (str_is(head, word) || str_is(head, "*"))
            return true;
    } while (is_more);
    return false;
}

/* ---- people ---------------------------------------------------------------------------------- */

/* A colleague with a session of an own, so that asking changes nothing; or a key. */
struct person {
    const char *name;
    const char *permissions;
    struct str token, csrf, key;
    bool is_narrow; /* every right, over the own customers or the own store's */
};

#define PERSON_MAX 16
static struct person people[PERSON_MAX];
static size_t person_count;

static struct app_call ask_as(const struct person *person, const struct route *route,
                              struct str path, struct str body)
{
    struct app_call call = {.method = route->method, .body = body};

    if (!str_cut(path, '?', &call.path, &call.query))
        call.query = S("");
    if (person) {
        call.cookie = person->token;
        call.csrf = person->csrf;
        call.bearer = person->key;
    }
    call.idempotency_key =
        str_fmt(scenario_arena, "walk %s %s", person ? person->name : "nobody", route->path);
    app_request(scenario_app, scenario_arena, &call);
    return call;
}

/* ---- what is asked: paths and bodies from the routes' own shapes ----------------------------- */

/* Things of a customer whom the narrow ones do not reach, of the admin, and of nobody in
 * particular: by the names of the fields. What a field is not found under is 1. */
static const struct {
    const char *field, *kept;
} things[] = {
    {"customer_id", "far"},
    {"other_customer_id", "far2"},
    {"order_id", "far_order"},
    {"note_id", "far_note"},
    {"child_id", "far_child"},
    {"merge_id", "far_merge"},
    {"staff_id", "admin"},
    {"key_id", "admin_key"},
    {"session_id", "admin_session"},
    {"channel_id", "channel"},
    {"tag_id", "tag"},
    {"org_id", "org_b"},
};

/* Texts that only some forms are taken of. */
static const struct {
    const char *field, *text;
} texts[] = {
    {"spent_date", "2026-01-02"}, {"birth_date", "2020-01-02"},
    {"from_date", "2026-01-02"},  {"to_date", "2026-01-03"},
    {"color", "#112233"},         {"permissions", "customer.read"},
    {"name", "viewer"},           {"kind", "phone"},
    {"value", "13900000001"},     {"phone", "13900000001"},
};

static struct str kept_id(struct str field)
{
    for (size_t i = 0; i < ARRAY_LEN(things); i++)
        if (str_is(field, things[i].field))
            return str_of(scenario_get(things[i].kept));
    return S("1");
}

static void value_write(struct json_out *json, const struct field *field);

static void shape_write(struct json_out *json, const struct shape *shape, const char *path)
{
    json_object_begin(json);
    for (size_t i = 0; shape && i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        struct str part = str_fmt(scenario_arena, "{%s}", field->name);
        if (field->is_optional || (path && str_find(str_of(path), part) >= 0))
            continue;
        json_name(json, field->name);
        value_write(json, field);
    }
    json_object_end(json);
}

static struct str text_for(const struct field *field)
{
    struct str head, rest, text = S("x");

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(field->name, texts[i].field) == 0)
            text = str_of(texts[i].text);
    if (field->one_of) {
        str_cut(str_of(field->one_of), '|', &head, &rest);
        text = head;
    }
    while ((int64_t)text.len < field->min)
        text = str_fmt(scenario_arena, "%.*sx", STR(text));
    return text;
}

static void value_write(struct json_out *json, const struct field *field)
{
    if (field->is_json)
        json_raw(json, S("{}"));
    else if (field->type == F_BOOL)
        json_bool(json, true);
    else if (field->type == F_INT && field_is_id(field))
        json_str(json, kept_id(str_of(field->name)));
    else if (field->type == F_INT)
        json_int(json, field->min > 1 ? field->min : 1);
    else if (field->type == F_STR)
        json_str(json, text_for(field));
    else if (field->type == F_OBJECT)
        shape_write(json, field->of, NULL);
    else {
        json_array_begin(json);
        shape_write(json, field->of, NULL);
        json_array_end(json);
    }
}

static struct str body_of(const struct route *route)
{
    struct json_out json;
    struct buf buf;
    struct str body;

    if (route->method == HTTP_GET || route->is_body_raw || route->kind == ROUTE_UPLOAD)
        return S("");
    buf_init(&buf, 64 * 1024);
    json_out_init(&json, &buf);
    shape_write(&json, route->in, route->path);
    body = str_copy(scenario_arena, buf_view(&buf));
    buf_release(&buf);
    return body;
}

/* "/api/x/{x_id}/edit" -> "/api/x/1/edit", with the query that a GET must have. */
static struct str path_of(const struct route *route)
{
    struct str rest = str_of(route->path), head, path = S("");
    bool is_part = false, has_query = false;

    while (rest.len > 0) {
        str_cut(rest, is_part ? '}' : '{', &head, &rest);
        if (is_part)
            head = str_ends(head, S("_id")) ? kept_id(head) : S("viewer");
        path = str_fmt(scenario_arena, "%.*s%.*s", STR(path), STR(head));
        is_part = !is_part;
    }
    if (route->method != HTTP_GET)
        return path;
    for (size_t i = 0; route->in && i < route->in->count; i++) {
        const struct field *field = &route->in->fields[i];
        struct str part = str_fmt(scenario_arena, "{%s}", field->name);
        if (field->is_optional || str_find(str_of(route->path), part) >= 0)
            continue;
        path =
            str_fmt(scenario_arena, "%.*s%c%s=%.*s", STR(path), has_query ? '&' : '?', field->name,
                    STR(field_is_id(field) ? kept_id(str_of(field->name)) : text_for(field)));
        has_query = true;
    }
    return path;
}

/* ---- the world ------------------------------------------------------------------------------- */

static struct str text_in(struct app_call call, const char *name)
{
    struct json json;

    if (call.status != 200 || json_parse(scenario_arena, call.reply, &json, NULL) != OK)
        fail_msg("%d %.*s", call.status, STR(call.reply));
    return json_get(&json, name)->text;
}

static struct app_call made(enum scenario_as as, const char *path, const char *body,
                            const char *keep)
{
    struct app_call call = scenario_ask(as, POST, path, body);

    if (call.status != 200)
        fail_msg("%s %s: %d %.*s", path, body, call.status, STR(call.reply));
    if (keep)
        scenario_set(keep, str_cstr(scenario_arena, text_in(call, "id")));
    return call;
}

static struct person *person_add(const char *name, const char *permissions)
{
    struct person *person = &people[person_count++];
    struct str body = str_fmt(scenario_arena, "{'login':'%s','password':'a long password'}", name);
    struct app_call call;

    assert_true(person_count <= PERSON_MAX);
    scenario_clock(clock_now_ms() + 61000); /* past the throttle's window */
    call = scenario_ask(AS_NOBODY, POST, "/api/login", str_cstr(scenario_arena, body));
    *person = (struct person){.name = name,
                              .permissions = permissions,
                              .token = call.session_token,
                              .csrf = text_in(call, "csrf_token")};
    return person;
}

static const char *every_right(void)
{
    struct str all = S("");

    for (const struct right *right = rights; right->name; right++)
        all = str_fmt(scenario_arena, "%.*s%s%s", STR(all), all.len ? " " : "", right->name);
    return str_cstr(scenario_arena, all);
}

static void colleague_make(const char *name, const char *role, const char *more)
{
    struct str body = str_fmt(
        scenario_arena, "{'login':'%s','name':'%s','role':'%s','password':'a long password'%s}",
        name, name, role, more);

    made(AS_ADMIN, "/api/staff", str_cstr(scenario_arena, body), NULL);
}

static void far_make(void)
{
    made(AS_ADMIN, "/api/customers", "{'name':'隐身客','phone':'13900000001'}", "far");
    made(AS_ADMIN, "/api/customers", "{'name':'隐身二','phone':'13900000002'}", "far2");
    made(AS_ADMIN, "/api/customers", "{'name':'隐身三'}", "far3");
    made(AS_ADMIN, "/api/customers/$far/notes", "{'text':'x'}", "far_note");
    made(AS_ADMIN, "/api/customers/$far/children", "{'birth_date':'2020-02-02'}", "far_child");
    made(AS_ADMIN, "/api/customers/$far/owner", "{'org_id':'$org_b','reason':'x'}", NULL);
    made(AS_ADMIN, "/api/customers/$far/merge", "{'other_customer_id':'$far3'}", NULL);
    scenario_set("far_merge", scenario_text("SELECT CAST(id AS TEXT) FROM customer_merge"));
    made(AS_ADMIN, "/api/tags", "{'family':'intent','name':'t','color':'#112233'}", "tag");
    made(AS_ADMIN, "/api/channels", "{'code':'c','name':'c','kind':'ad'}", "channel");
    made(AS_ADMIN, "/api/keys", "{'name':'k','permissions':'overview.read','expires_days':9}",
         "admin_key");
    scenario_sql("INSERT INTO shop_order VALUES (77, 's', 'far-order', 'sale', 'paid', "
                 "(SELECT id FROM customer ORDER BY id LIMIT 1), NULL, 1000, 1, 100, 100, 0, 0, 0, "
                 "0, 0, NULL)");
    scenario_set("far_order", "77");
    scenario_set("admin",
                 scenario_text("SELECT CAST(id AS TEXT) FROM staff WHERE login = 'admin'"));
    scenario_set("admin_session",
                 scenario_text("SELECT CAST(s.id AS TEXT) FROM session s JOIN staff"
                               " p ON p.id = s.staff_id WHERE p.login = 'admin'"));
}

static void world_make(void)
{
    struct str body;
    struct person *person;

    made(AS_ADMIN, "/api/orgs", "{'code':'a','name':'甲店','kind':'store'}", "org_a");
    made(AS_ADMIN, "/api/orgs", "{'code':'b','name':'乙店','kind':'store'}", "org_b");
    body = str_fmt(scenario_arena,
                   "{'name':'narrow_own','title':'x','permissions':'%s','scope':'own'}",
                   every_right());
    made(AS_ADMIN, "/api/roles", str_cstr(scenario_arena, body), NULL);
    body = str_fmt(scenario_arena,
                   "{'name':'narrow_store','title':'x','permissions':'%s','scope':'store'}",
                   every_right());
    made(AS_ADMIN, "/api/roles", str_cstr(scenario_arena, body), NULL);
    far_make();
    colleague_make("narrow_own", "narrow_own", "");
    colleague_make("narrow_store", "narrow_store", ",'org_id':'$org_a'");
    for (const struct role *role = papilio_config.roles; role->name; role++) {
        if (strcmp(role->name, "admin") && strcmp(role->name, "operator") &&
            strcmp(role->name, "viewer"))
            colleague_make(role->name, role->name, "");
    }
    for (const struct role *role = papilio_config.roles; role->name; role++)
        person_add(role->name, role->permissions);
    person_add("narrow_own", every_right())->is_narrow = true;
    person_add("narrow_store", every_right())->is_narrow = true;
    person = &people[person_count++];
    *person = (struct person){.name = "key", .permissions = "overview.read"};
    person->key = text_in(made(AS_ADMIN, "/api/keys",
                               "{'name':'w','permissions':'overview.read','expires_days':9}", NULL),
                          "key");
}

static int open_world(void **state)
{
    int status = scenario_open(state);

    if (status == 0)
        world_make();
    return status;
}

/* ---- refused, and nothing changed ------------------------------------------------------------ */

static uint64_t as_it_was; /* the base's state; refusals leave it so, all the way */

static void expect_refused(const struct route *route, const struct person *person, int status)
{
    struct app_call call = ask_as(person, route, path_of(route), body_of(route));

    if (call.status != status)
        fail_msg("%s as %s: wanted %d, got %d %.*s", route->path, person ? person->name : "nobody",
                 status, call.status, STR(call.reply));
    if (scenario_state() != as_it_was)
        fail_msg("%s as %s changed something", route->path, person ? person->name : "nobody");
}

static bool is_for_anyone(const struct route *route)
{
    return strcmp(route->permission, "me") == 0 || strcmp(route->permission, "write_key") == 0;
}

static void route_check(const struct route *route)
{
    assert_non_null(route->permission);
    assert_non_null(route->about);
    if (strcmp(route->permission, "public") == 0)
        return;
    expect_refused(route, NULL, strcmp(route->permission, "local") == 0 ? 403 : 401);
    for (size_t i = 0; i < person_count; i++) {
        const struct person *person = &people[i];
        bool has_right = is_for_anyone(route) || has_word(person->permissions, route->permission);
        bool is_barred =
            (route->needs_all && person->is_narrow) || (route->needs_session && person->key.at);
        if (!has_right || is_barred)
            expect_refused(route, person, 403);
    }
}

static void test_all_routes(void **state)
{
    int count = 0;

    (void)state;
    as_it_was = scenario_state();
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++, count++)
            route_check(route);
    assert_true(count > 60);
}

/* ---- out of reach ---------------------------------------------------------------------------- */

/* Every right, and nothing of a customer out of reach: not by any id, not in any list. */
static bool is_about_far(const struct route *route)
{
    static const char *const parts[] = {"{customer_id}", "{order_id}", "{note_id}", "{child_id}",
                                        "{merge_id}"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strstr(route->path, parts[i]))
            return true;
    return false;
}

static void far_check(const struct route *route, const struct person *person)
{
    struct str path = path_of(route), body = body_of(route);
    uint64_t before = scenario_state();
    struct app_call call = ask_as(person, route, path, body);

    if (is_about_far(route) && call.status != 404 && call.status != 403)
        fail_msg("%s as %s: %.*s %.*s: wanted 404 or 403, got %d %.*s", route->path, person->name,
                 STR(path), STR(body), call.status, STR(call.reply));
    if (is_about_far(route) && scenario_state() != before)
        fail_msg("%s as %s changed something", route->path, person->name);
    if (is_about_far(route) || route->method != HTTP_GET)
        return;
    if (str_find(call.reply, S("隐身")) >= 0 || str_find(call.reply, S("far-order")) >= 0 ||
        str_find(call.reply, str_of(scenario_get("far"))) >= 0)
        fail_msg("%s as %s tells of somebody out of reach: %.*s", route->path, person->name,
                 STR(call.reply));
}

static void test_out_of_reach(void **state)
{
    (void)state;
    for (size_t i = 0; i < person_count; i++)
        for (const struct route *const *table = papilio_config.routes; *table; table++)
            for (const struct route *route = *table; route->path; route++)
                if (people[i].is_narrow && route->kind != ROUTE_STREAM &&
                    (is_about_far(route) || route->method == HTTP_GET))
                    far_check(route, &people[i]);
}

static const struct person *person_named(const char *name)
{
    for (size_t i = 0; i < person_count; i++)
        if (strcmp(people[i].name, name) == 0)
            return &people[i];
    fail_msg("nobody is %s", name);
    return NULL;
}

/* Naming somebody in a body is no way around the reach either. */
static void test_named_in_bodies(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *code;
    } tries[] = {
        {"/api/orders",
         "{'source':'s','order_no':'n1','placed_ms':1000,'customer':{'kind':'phone','value':"
         "'13900000001'},'lines':[{'product_code':'p','quantity_count':1,'unit_price_micro':1}]}",
         404, "customer.unknown"},
        {"/api/orders",
         "{'source':'s','order_no':'n2','placed_ms':1000,'customer_id':'$far',"
         "'lines':[{'product_code':'p','quantity_count':1,'unit_price_micro':1}]}",
         404, "customer.unknown"},
        {"/api/customers", "{'name':'x','phone':'13900000001'}", 409, "another customer has this"},
    };
    static const char *const names[] = {"narrow_own", "narrow_store", "guide"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(tries); i++) {
        const struct person *person = person_named(names[i / ARRAY_LEN(tries)]);
        size_t at = i % ARRAY_LEN(tries);
        struct route route = {.method = POST, .path = tries[at].path};
        uint64_t before = scenario_state();
        struct app_call call;
        if (!has_word(person->permissions, at < 2 ? "order.write" : "customer.write"))
            continue;
        call = ask_as(person, &route, str_of(tries[at].path), scenario_filled(tries[at].body));
        if (call.status != tries[at].status || str_find(call.reply, str_of(tries[at].code)) < 0 ||
            (strstr(tries[at].body, "$far") == NULL &&
             str_find(call.reply, str_of(scenario_get("far"))) >= 0))
            fail_msg("%s as %s: %d %.*s", tries[at].body, person->name, call.status,
                     STR(call.reply));
        assert_true(scenario_state() == before);
    }
}

/* Whom a guide makes, the guide sees. */
static void test_own_ones_are_seen(void **state)
{
    struct route add = {.method = POST, .path = "/api/customers"};
    struct route order = {.method = POST, .path = "/api/orders"};
    struct route list = {.method = GET, .path = "/api/customers"};
    struct app_call call;

    (void)state;
    call = ask_as(person_named("guide"), &add, S("/api/customers"), S("{\"name\":\"我的客\"}"));
    assert_int_equal(call.status, 200);
    call = ask_as(person_named("narrow_own"), &order, S("/api/orders"),
                  S("{\"source\":\"s\",\"order_no\":\"mine\",\"placed_ms\":1000,\"customer\":"
                    "{\"kind\":\"phone\",\"value\":\"13700000007\"},\"lines\":[{\"product_code\":"
                    "\"p\",\"quantity_count\":1,\"unit_price_micro\":1}]}"));
    if (call.status != 200)
        fail_msg("%d %.*s", call.status, STR(call.reply));
    call = ask_as(person_named("guide"), &list, S("/api/customers"), S(""));
    assert_true(str_find(call.reply, S("我的客")) > 0);
    call = ask_as(person_named("narrow_own"), &list, S("/api/customers"), S(""));
    if (str_find(call.reply, S("\"order_count\":1")) < 0)
        fail_msg("%.*s", STR(call.reply));
    assert_int_equal(str_find(call.reply, S("我的客")), -1);
}

/* ---- what no body may say -------------------------------------------------------------------- */

/* Fields that only the program sets are refused on every route that does not name them. */
static void test_mass_assignment(void **state)
{
    static const char *const names[] = {
        "role",     "scope",       "is_builtin", "staff_id",   "me_staff_id",   "permissions",
        "is_admin", "password_ms", "totp_enc",   "created_ms", "owner_staff_id"};
    const struct person *admin = person_named("admin");

    (void)state;
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct str body = str_fmt(scenario_arena, "{\"%s\":\"1\"}", names[i]);
                struct app_call call;
                if (route->method == HTTP_GET || route->is_body_raw || route->prepare ||
                    route->kind != ROUTE_JSON || strcmp(route->permission, "local") == 0 ||
                    (route->in && field_find(route->in, str_of(names[i]))))
                    continue;
                call = ask_as(admin, route, path_of(route), body);
                if (call.status != 400 || str_find(call.reply, S("input.unknown")) < 0)
                    fail_msg("%s takes %s: %d %.*s", route->path, names[i], call.status,
                             STR(call.reply));
            }
}

/* What changes the whole base is for those who reach all of it. */
static void test_what_is_of_all(void **state)
{
    static const char of_all[] =
        "setting.write channel.write import.write staff.write role.write staff.read audit.read";

    (void)state;
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            if (has_word(of_all, route->permission) && !route->needs_all &&
                strcmp(route->path, "/api/roles") != 0)
                fail_msg("%s is for everybody with %s", route->path, route->permission);
}

/* What is open to anyone is a short list that a reader can check. */
static void test_public_routes(void **state)
{
    static const char known[] = "/api/setup /api/login /healthz /api/openapi.json /papilio.js "
                                "/api/link";

    (void)state;
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            if (strcmp(route->permission, "public") == 0 && !has_word(known, route->path))
                fail_msg("%s is public", route->path);
}

/* A right that pages cannot name is a spelling mistake; so is one that a role begins with. */
static void test_permissions_known(void **state)
{
    static const char special[] = "public me write_key local";

    (void)state;
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++)
            if (!has_word(special, route->permission) && !right_find(str_of(route->permission)))
                fail_msg("%s needs %s, which is no right", route->path, route->permission);
    for (const struct role *role = papilio_config.roles; role->name; role++) {
        struct str rest = str_of(role->permissions), head;
        bool is_more;
        do {
            is_more = str_cut(rest, ' ', &head, &rest);
            if (head.len > 0 && !str_is(head, "*") && !right_find(head))
                fail_msg("%s has %.*s, which is no right", role->name, STR(head));
        } while (is_more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_routes),      cmocka_unit_test(test_out_of_reach),
        cmocka_unit_test(test_named_in_bodies), cmocka_unit_test(test_own_ones_are_seen),
        cmocka_unit_test(test_mass_assignment), cmocka_unit_test(test_what_is_of_all),
        cmocka_unit_test(test_public_routes),   cmocka_unit_test(test_permissions_known),
    };

    return cmocka_run_group_tests(tests, open_world, scenario_close);
}
