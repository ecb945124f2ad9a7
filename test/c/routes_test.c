/* Every route of the product, asked as nobody and as each role that has no right to it: refused,
 * and nothing changes. */
#include "scenario.h"

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

/* "/api/x/{x_id}/edit" -> "/api/x/1/edit" */
static const char *path_of(const struct route *route)
{
    struct buf buf;
    const char *path;

    buf_init(&buf, 1000);
    for (const char *at = route->path; *at; at++) {
        if (*at != '{') {
            buf_char(&buf, *at);
            continue;
        }
        buf_char(&buf, '1');
        at = strchr(at, '}');
    }
    path = str_cstr(scenario_arena, buf_view(&buf));
    buf_release(&buf);
    return path;
}

static void expect_refused(const struct route *route, enum scenario_as as, int status)
{
    uint64_t before;
    struct app_call call;

    if (as == AS_NOBODY) {
        before = scenario_state();
        call = scenario_ask(as, route->method, path_of(route), "{}");
        assert_true(scenario_state() == before);
    } else {
        call = scenario_ask(as, route->method, path_of(route), "{}");
    }
    if (call.status != status)
        fail_msg("%s as %d: wanted %d, got %d %.*s", route->path, as, status, call.status,
                 STR(call.reply));
}

static void route_check(const struct route *route)
{
    static const struct {
        const char *role;
        enum scenario_as as;
    } roles[] = {{"operator", AS_OPERATOR}, {"viewer", AS_VIEWER}};
    const char *permission = route->permission;

    assert_non_null(permission);
    assert_non_null(route->about);
    if (strcmp(permission, "public") == 0)
        return;
    expect_refused(route, AS_NOBODY, strcmp(permission, "local") == 0 ? 403 : 401);
    if (strcmp(permission, "me") == 0 || strcmp(permission, "write_key") == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        for (const struct role *role = papilio_config.roles; role->name; role++)
            if (strcmp(role->name, roles[i].role) == 0 && !has_word(role->permissions, permission))
                expect_refused(route, roles[i].as, 403);
}

static void test_all_routes(void **state)
{
    int count = 0;

    (void)state;
    for (const struct route *const *table = papilio_config.routes; *table; table++)
        for (const struct route *route = *table; route->path; route++, count++)
            route_check(route);
    assert_true(count > 20);
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
        cmocka_unit_test(test_all_routes),
        cmocka_unit_test(test_public_routes),
        cmocka_unit_test(test_permissions_known),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
