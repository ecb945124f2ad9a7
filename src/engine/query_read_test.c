/* Every form and every mistake of test/data/query.json, read with its code and place; what the tree
 * looks like; faults deep inside; limits. */
#include "engine/query.h"

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/file.h"

static const struct catalog_kind kinds[] = {
    {S("link_clicked"), 3}, {S("order_paid"), 1}, {S("page_viewed"), 70}};
static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY},
                                               {S("subject"), VALUE_ID},
                                               {S("quantity"), VALUE_NUMBER},
                                               {S("product"), VALUE_TEXT},
                                               {S("due"), VALUE_DATE}};
static const struct catalog_field attributes[] = {{S("city"), VALUE_TEXT},
                                                  {S("age"), VALUE_NUMBER},
                                                  {S("birthday"), VALUE_DATE},
                                                  {S("interests"), VALUE_CHOICES},
                                                  {S("owner"), VALUE_ID},
                                                  {S("paid_fen"), VALUE_MONEY},
                                                  {S("channel"), VALUE_ID, .is_channel = true}};

struct world {
    struct arena *arena;
    struct zone *shanghai, *berlin;
    struct catalog catalog;
    struct query query;
    struct query_fault fault;
};

static const struct zone *zone_find(void *user, struct arena *arena, struct str name)
{
    const struct world *world = user;

    (void)arena;
    return str_is(name, "Europe/Berlin") ? world->berlin : NULL;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    return id < 100;
}

static enum err stages(void *user, struct str *out)
{
    (void)user;
    *out = S("[{\"name\": \"aware\", \"who\": {\"did\": {}}}]");
    return OK;
}

static int world_begin(void **state)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    struct world *world = arena_new_one(arena, struct world);

    world->arena = arena;
    assert_int_equal(zone_load(arena, S("Asia/Shanghai"), &world->shanghai), OK);
    assert_int_equal(zone_load(arena, S("Europe/Berlin"), &world->berlin), OK);
    world->catalog = (struct catalog){.kinds = kinds,
                                      .kind_count = ARRAY_LEN(kinds),
                                      .columns = columns,
                                      .column_count = ARRAY_LEN(columns),
                                      .attributes = attributes,
                                      .attribute_count = ARRAY_LEN(attributes),
                                      .zone = world->shanghai,
                                      .zone_find = zone_find,
                                      .set_find = set_find,
                                      .user = world,
                                      .stages = stages};
    *state = world;
    return 0;
}

static int world_end(void **state)
{
    struct world *world = *state;

    arena_free(world->arena);
    return 0;
}

static enum err query_of(struct world *world, struct str text)
{
    world->fault = (struct query_fault){0};
    return query_read(world->arena, &world->catalog, text, &world->query, &world->fault);
}

static enum err who_of(struct world *world, struct str who)
{
    return query_of(
        world,
        str_fmt(world->arena, "{\"version\": 1, \"ask\": \"segment\", \"who\": %.*s}", STR(who)));
}

static void assert_text(struct str text, const char *wanted)
{
    if (!str_is(text, wanted))
        print_message("%.*s\n", STR(text));
    assert_true(str_is(text, wanted));
}

/* ---- examples ------------------------------------------------------------------------------- */

static void example_check(struct world *world, const struct json *example)
{
    const struct json *who = json_get(example, "who"), *code = json_get(example, "code");
    const struct json *path = json_get(example, "path");
    enum err err =
        who != NULL ? who_of(world, who->raw) : query_of(world, json_get(example, "query")->raw);
    bool is_right = err == (code == NULL ? OK : E_INPUT);

    if (is_right && code != NULL)
        is_right = str_is(code->text, world->fault.code) && str_eq(path->text, world->fault.path) &&
                   world->fault.message.len > 0;
    if (!is_right)
        print_message("%.*s: %s %.*s %.*s\n", STR(json_get(example, "name")->text),
                      err == OK ? "read" : world->fault.code, STR(world->fault.path),
                      STR(world->fault.message));
    assert_true(is_right);
}

static void test_examples(void **state)
{
    struct world *world = *state;
    struct json examples;
    struct str text;

    assert_int_equal(
        file_read(world->arena, S(SOURCE_DIR "/test/data/query.json"), (size_t)1 << 20, &text), OK);
    assert_int_equal(json_parse(world->arena, text, &examples, NULL), OK);
    assert_true(examples.count > 150);
    for (uint32_t i = 0; i < examples.count; i++)
        example_check(world, &examples.items[i]);
}

/* ---- trees ---------------------------------------------------------------------------------- */

static void test_nodes_are_in_post_order(void **state)
{
    struct world *world = *state;
    const struct condition *who;

    assert_int_equal(
        who_of(world, S("{\"any\": [{\"all\": [{\"everyone\": true}, {\"tag\": \"7\"}]}, "
                        "{\"not\": {\"did\": {\"kind\": \"page_viewed\"}}}]}")),
        OK);
    assert_int_equal(world->query.who_count, 6);
    who = world->query.who;
    assert_int_equal(who[0].kind, CONDITION_EVERYONE);
    assert_int_equal(who[1].kind, CONDITION_SET);
    assert_int_equal(who[1].ids[0], 7);
    assert_text(who[1].path, "/who/any/0/all/1");
    assert_int_equal(who[2].kind, CONDITION_ALL);
    assert_int_equal(who[2].size, 3);
    assert_int_equal(who[3].kind, CONDITION_DID);
    assert_int_equal(who[3].pattern->kinds[0], 70);
    assert_int_equal(who[3].test.compare, COMPARE_AT_LEAST);
    assert_int_equal(who[3].test.low, 1);
    assert_int_equal(who[4].kind, CONDITION_NOT);
    assert_int_equal(who[4].size, 2);
    assert_int_equal(who[5].kind, CONDITION_ANY);
    assert_int_equal(who[5].size, 6);
    assert_int_equal(who[5].operands, 2);
    assert_text(who[5].path, "/who");
}

static void test_local_times_are_of_the_zone(void **state)
{
    struct world *world = *state;
    const char *form = "{\"version\": 1, \"ask\": \"trend\", \"units\": \"day\", \"zone\": "
                       "\"Europe/Berlin\", \"events\": {\"within\": {\"from\": "
                       "\"2026-07-01\", \"to\": \"2026-07-01 12:00:00.001\"}}}";

    assert_int_equal(query_of(world, str_of(form)), OK);
    assert_ptr_equal(world->query.zone, world->berlin);
    assert_int_equal(world->query.pattern.window.from, 1782856800); /* 2026-06-30T22:00Z */
    /* the noon's second is before a bound one thousandth behind it */
    assert_int_equal(world->query.pattern.window.to, 1782856800 + 12 * 3600 + 1);
    assert_int_equal(who_of(world, S("{\"everyone\": true}")), OK);
    assert_ptr_equal(world->query.zone, world->shanghai);
}

/* A business day: a date alone begins with it, a time is that of the clock. */
static void test_days_begin_as_the_brand_s(void **state)
{
    struct world *world = *state;
    int64_t midnight = 1782835200; /* 2026-06-30T16:00Z */

    world->catalog.zone = zone_with_day_start(world->arena, world->shanghai, 240);
    assert_int_equal(who_of(world, S("{\"did\": {\"within\": {\"from\": \"2026-07-01\", \"to\": "
                                     "\"2026-07-02 00:00\"}}}")),
                     OK);
    assert_int_equal(world->query.who[0].pattern->window.from, midnight + 4 * 3600);
    assert_int_equal(world->query.who[0].pattern->window.to, midnight + 24 * 3600);
    world->catalog.zone = world->shanghai;
}

static void test_values(void **state)
{
    struct world *world = *state;

    assert_int_equal(who_of(world, S("{\"attribute\": \"birthday\", \"is\": "
                                     "[\"1970-01-02\", \"1969-12-31\"]}")),
                     OK);
    assert_int_equal(world->query.who[0].test.values[0], 1);
    assert_int_equal(world->query.who[0].test.values[1], -1);
    assert_int_equal(who_of(world, S("{\"regularly\": {\"kind\": \"page_viewed\"}, \"units\": "
                                     "\"week\", \"count\": 8, \"at_least\": 6}")),
                     OK);
    assert_int_equal(world->query.who[0].pattern->window.unit, UNIT_WEEK);
    assert_int_equal(world->query.who[0].low, 6);
    assert_int_equal(world->query.who[0].high, 1);
    assert_int_equal(who_of(world, S("{\"rfm\": {\"kind\": \"order_paid\"}, \"of\": \"amount\", "
                                     "\"r\": [1, 5]}")),
                     OK);
    assert_int_equal(world->query.who[0].r, 1 << 1 | 1 << 5);
    assert_int_equal(world->query.who[0].f, 0);
    assert_int_equal(who_of(world, S("{\"purchase\": \"first\", \"kind\": \"order_paid\"}")), OK);
    assert_int_equal(world->query.who[0].test.low, 1);
    assert_int_equal(world->query.who[0].test.high, 2);
}

/* 900001 has a number, 7 has none yet, others are not there. */
static bool channel_find(void *user, int64_t id, int64_t *number)
{
    (void)user;
    *number = id == 900001 ? 12 : NONE;
    return id == 900001 || id == 7;
}

static void refused_at(struct world *world, struct str who, const char *path)
{
    assert_int_equal(who_of(world, who), E_INPUT);
    assert_string_equal(world->fault.code, "query.name");
    assert_text(world->fault.path, path);
}

static void test_channels_are_numbers(void **state)
{
    struct world *world = *state;
    struct str who = S("{\"did\": {\"channel\": [\"900001\", \"7\"]}}");
    struct str first = S("{\"attribute\": \"channel\", \"is\": [\"900001\", \"7\"]}");

    assert_int_equal(who_of(world, who), OK);
    assert_int_equal(world->query.who[0].pattern->tests[0].test.values[0], 900001);
    world->catalog.channel_find = channel_find;
    assert_int_equal(who_of(world, who), OK);
    assert_int_equal(world->query.who[0].pattern->tests[0].test.values[0], 12);
    assert_int_equal(world->query.who[0].pattern->tests[0].test.values[1], -1);
    assert_int_equal(who_of(world, first), OK); /* people have the id itself */
    assert_int_equal(world->query.who[0].test.values[0], 900001);
    refused_at(world, S("{\"did\": {\"channel\": [\"7\", \"8\"]}}"), "/who/did/channel/1");
    refused_at(world, S("{\"did\": {\"channel\": \"8\"}}"), "/who/did/channel");
    refused_at(world, S("{\"attribute\": \"channel\", \"is\": [\"7\", \"8\"]}"), "/who/is/1");
    refused_at(world, S("{\"attribute\": \"channel\", \"is_not\": \"8\"}"), "/who/is_not");
    refused_at(world,
               S("{\"answer\": {\"ask\": \"breakdown\", \"events\": {}, \"by\": \"channel\"}, "
                 "\"cell\": {\"group\": [\"\", \"8\"]}}"),
               "/who/cell/group/1");
    assert_int_equal(who_of(world, S("{\"attribute\": \"channel\", \"exists\": true}")), OK);
    assert_int_equal(who_of(world, S("{\"attribute\": \"owner\", \"is\": \"8\"}")), OK);
    world->catalog.channel_find = NULL;
}

/* ---- limits --------------------------------------------------------------------------------- */

static struct str repeated(struct world *world, const char *head, const char *one, const char *tail,
                           int count)
{
    struct buf buf;
    struct str text;

    buf_init(&buf, (size_t)1 << 20);
    buf_str(&buf, str_of(head));
    for (int i = 0; i < count; i++)
        buf_fmt(&buf, "%s%s", i > 0 && one[0] != '{' ? "" : i > 0 ? "," : "", one);
    buf_str(&buf, str_of(tail));
    text = str_copy(world->arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static void test_limits(void **state)
{
    struct world *world = *state;
    const char *one = "{\"everyone\": true}";

    assert_int_equal(who_of(world, repeated(world, "{\"all\": [", one, "]}", 127)), OK);
    assert_int_equal(world->query.who_count, QUERY_CONDITION_MAX);
    assert_int_equal(who_of(world, repeated(world, "{\"all\": [", one, "]}", 128)), E_INPUT);
    assert_string_equal(world->fault.code, "query.large");
    assert_text(world->fault.path, "/who");
    assert_int_equal(who_of(world, repeated(world, "{\"all\": [", one, "]}", 140)), E_INPUT);
    assert_text(world->fault.path, "/who/all/128");
    assert_int_equal(who_of(world, repeated(world, "", " ", one, QUERY_TEXT_MAX)), E_INPUT);
    assert_string_equal(world->fault.code, "query.large");
    assert_int_equal(who_of(world, repeated(world, "", "{\"not\":", "", 40)), E_INPUT);
    assert_string_equal(world->fault.code, "query.form");
}

static void test_what_is_no_json(void **state)
{
    struct world *world = *state;

    assert_int_equal(query_of(world, S("{\"version\": 1,}")), E_INPUT);
    assert_string_equal(world->fault.code, "query.form");
    assert_int_equal(world->fault.path.len, 0);
    assert_true(str_find(world->fault.message, S("at byte 14")) >= 0);
    assert_int_equal(query_of(world, S("")), E_INPUT);
    assert_int_equal(who_of(world, S("{\"tag\": [\"1\"], \"tag\": [\"2\"]}")), E_INPUT);
}

static enum err stages_lost(void *user, struct str *out)
{
    (void)user;
    (void)out;
    return E_IO;
}

/* What cannot be read is nobody's mistake in the text; where there are none it must say them. */
static void test_usual_stages(void **state)
{
    static const char flow[] =
        "{\"version\": 1, \"ask\": \"flow\", \"within\": {\"last\": {\"days\": 7}}}";
    struct world *world = *state;

    assert_int_equal(query_of(world, str_of(flow)), OK);
    assert_int_equal(world->query.stage_count, 1);
    world->catalog.stages = stages_lost;
    assert_int_equal(query_of(world, str_of(flow)), E_IO);
    assert_null(world->fault.code);
    world->catalog.stages = NULL;
    assert_int_equal(query_of(world, str_of(flow)), E_INPUT);
    assert_string_equal(world->fault.code, "query.form");
    world->catalog.stages = stages;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_nodes_are_in_post_order),
        cmocka_unit_test(test_local_times_are_of_the_zone),
        cmocka_unit_test(test_days_begin_as_the_brand_s),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_channels_are_numbers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_what_is_no_json),
        cmocka_unit_test(test_usual_stages),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
