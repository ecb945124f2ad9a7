/* The timeline of a customer with 10,000 entries: each page is as quick as the first, together they
 * are all of them, each once; and the four groups of kinds. */
#include "scenario.h"

#include <stdio.h>
#include <time.h>

#include "base/json.h"

#define ENTRY_COUNT 10000

static const struct scenario ana_cases[] = {
    {"ana", AS_OPERATOR, POST, "/api/customers", "{'name':'Ana'}", 200, "'id'", "customer_added",
     .keep = "ana"},
    {"changed", AS_OPERATOR, POST, "/api/customers/$ana/edit", "{'region':'上海'}", 200, "{}",
     "customer_edited"},
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", "", .keep = "hot"},
    {"put", AS_OPERATOR, POST, "/api/customers/$ana/tags", "{'tag_id':'$hot','is_on':true}", 200,
     "{}", "tag_added"},
    {"blocked", AS_OPERATOR, POST, "/api/customers/$ana/block", "{'is_blocked':true,'reason':'x'}",
     200, "{}", "customer_blocked"},
};

#define TIMELINE GET, "/api/customers/$ana/timeline?group="
static const struct scenario group_cases[] = {
    {"tags", AS_VIEWER, TIMELINE "tag", NULL, 200, "{'items':[{'id'", "", .lacks = "customer_"},
    {"tags only", AS_VIEWER, TIMELINE "tag", NULL, 200, "'kind':'tag_added'", "",
     .lacks = "page_viewed"},
    {"profile", AS_VIEWER, TIMELINE "profile", NULL, 200, "'kind':'customer_blocked'", "",
     .lacks = "tag_added"},
    {"its first", AS_VIEWER, TIMELINE "profile", NULL, 200, "'kind':'customer_added'", "",
     .lacks = "page_viewed"},
    {"behaviour", AS_VIEWER, TIMELINE "behaviour&limit=1", NULL, 200, "'kind':'page_viewed'", ""},
    {"trade", AS_VIEWER, TIMELINE "trade", NULL, 200, "'kind':'order_paid'", "",
     .lacks = "page_viewed"},
    {"no such group", AS_VIEWER, TIMELINE "mood", NULL, 400, "input.choice", ""},
    {"bad cursor", AS_VIEWER, GET, "/api/customers/$ana/timeline?cursor=x", NULL, 400,
     "input.cursor", ""},
    {"nobody", AS_NOBODY, GET, "/api/customers/$ana/timeline", NULL, 401, "", ""},
};

static void entries_write(void)
{
    char sql[900];

    snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
        "INSERT INTO journal SELECT 1000000 + i, CASE WHEN i %% 100 = 0 THEN 'order_paid' ELSE "
        "'page_viewed' END, 1700000000000 + (i / 7) * 60000, 1700000000000, %s, NULL, NULL, "
        "CASE WHEN i %% 100 = 0 THEN 100 END, NULL FROM n",
        ENTRY_COUNT, scenario_get("ana"));
    scenario_number(sql);
    assert_int_equal(scenario_number("SELECT count(*) FROM journal WHERE id BETWEEN 1000000 AND "
                                     "1100000"),
                     ENTRY_COUNT);
}

static int64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks for the page; *cursor becomes the next one's, or NULL. */
static int64_t page_read(const char **cursor, int64_t *last_ms, int64_t *most_ms)
{
    const char *path =
        str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "/api/customers/%s/timeline?limit=100%s%s",
                         scenario_get("ana"), *cursor ? "&cursor=" : "", *cursor ? *cursor : ""));
    int64_t began = real_ms(), took;
    struct app_call call = scenario_ask(AS_VIEWER, GET, path, NULL);
    const struct json *items, *next;
    struct json answer;

    took = real_ms() - began;
    *most_ms = took > *most_ms ? took : *most_ms;
    assert_int_equal(call.status, 200);
    assert_int_equal(json_parse(scenario_arena, call.reply, &answer, NULL), OK);
    items = json_get(&answer, "items");
    for (uint32_t i = 0; i < items->count; i++) {
        int64_t at_ms = json_get(&items->items[i], "occurred_ms")->integer;
        assert_true(at_ms <= *last_ms);
        *last_ms = at_ms;
    }
    next = json_get(&answer, "next_cursor");
    *cursor = next->type == JSON_STR ? str_cstr(scenario_arena, next->text) : NULL;
    return items->count;
}

static void test_pages(void **state)
{
    int64_t count = 0, last_ms = INT64_MAX, most_ms = 0;
    const char *cursor = NULL;

    (void)state;
    scenario_run(ana_cases);
    entries_write();
    do
        count += page_read(&cursor, &last_ms, &most_ms);
    while (cursor);
    assert_int_equal(count, ENTRY_COUNT + 4);
    print_message("the slowest of %d pages: %d ms\n", ENTRY_COUNT / 100 + 1, (int)most_ms);
}

static void test_groups(void **state)
{
    (void)state;
    scenario_run(group_cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages), cmocka_unit_test(test_groups)};

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
