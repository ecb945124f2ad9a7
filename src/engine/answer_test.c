/* Answers worked out by hand: every form of condition and question over one small base with ties,
 * window edges, late events, merged, deleted and unknown customers. Each is asked of events in
 * blocks, in news, in both; with and without kernels made for its shape; by one and two threads. */
#include "engine/answer.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/clock.h"
#include "host/file.h"

#define AS_OF "2026-03-10T12:00" /* a Tuesday */
#define CELL_MAX 400

enum { VIEW = 1, CLICK, CART, ORDER, WIDE = 300 };
static const struct catalog_kind kinds[] = {{S("cart"), CART},
                                            {S("click"), CLICK},
                                            {S("order"), ORDER},
                                            {S("view"), VIEW},
                                            {S("wide"), WIDE}};
static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY},
                                               {S("subject"), VALUE_ID},
                                               {S("quantity"), VALUE_NUMBER},
                                               {S("product"), VALUE_TEXT}};
static const struct catalog_field attributes[] = {{S("city"), VALUE_TEXT},
                                                  {S("age"), VALUE_NUMBER},
                                                  {S("birthday"), VALUE_DATE},
                                                  {S("interests"), VALUE_CHOICES}};
enum { PRODUCT = 3, CITY = 0, AGE, BIRTHDAY, INTERESTS };

/* In order of arrival; local times of 2026. */
static const struct known {
    uint32_t number;
    const char *at;
    uint16_t kind, channel;
    int64_t amount;
    const char *product;
} events[] = {
    {0, "03-01T10:00", VIEW, 1, NONE, NULL},
    {0, "03-01T10:00", CLICK, 1, NONE, NULL}, /* of one second: behind the view */
    {0, "03-01T10:05", CART, 2, NONE, NULL},
    {0, "03-01T10:30", ORDER, 2, 500, "tea"},
    {1, "03-02T09:00", CLICK, 1, NONE, NULL},
    {1, "03-02T09:00", VIEW, 1, NONE, NULL}, /* of one second: behind the click */
    {4, "03-05T08:00", VIEW, 1, NONE, NULL},
    {5, "03-05T08:00", CLICK, 1, NONE, NULL}, /* 5 is a record of 4 */
    {5, "03-05T09:00", ORDER, 1, 200, "tea"},
    {4097, "02-28T23:00", VIEW, 1, NONE, NULL},
    {4097, "03-04T10:00", ORDER, 2, 300, "beer"},
    {2, "03-09T00:00", VIEW, 2, NONE, NULL},
    {2, "03-08T23:59:59", VIEW, 2, NONE, NULL}, /* late */
    {0, "03-08T12:00", ORDER, 1, 300, "wine"},
    {4, "03-06T09:00", ORDER, 1, 100, "tea"},
    {6, "03-05T10:00", ORDER, 1, 9999, "tea"}, /* deleted */
    {9, "03-05T10:00", ORDER, 1, 8888, "tea"}, /* nobody */
    {1, "03-10T11:59:59", ORDER, 3, 1000, NULL},
    {1, "03-10T12:00", ORDER, 3, 7, "beer"}, /* not before the moment of asking */
};

struct world {
    struct arena *arena;
    struct zone *zone;
    struct catalog catalog;
    struct dictionary *products;
    const struct dictionary *dictionaries[ARRAY_LEN(columns)];
    struct people *people;
    const struct people_view *view;
    struct store *stores[3]; /* all in news, half in blocks, all in blocks */
    char folders[3][64];
    struct moment moments[3];
};

/* ---- the base ------------------------------------------------------------------------------- */

static int64_t at_of(const struct world *world, const char *local)
{
    char text[40];
    int64_t ms;

    snprintf(text, sizeof(text), "%s%s", local[0] == '2' && local[4] == '-' ? "" : "2026-", local);
    assert_int_equal(time_parse(world->zone, str_of(text), &ms), OK);
    return ms / 1000;
}

static void event_append(struct world *world, struct store *store, const struct known *known)
{
    struct engine_value values[2] = {{known->amount, EVENTS_AMOUNT, known->product == NULL, 0}};
    struct engine_event event = {known->number, (uint32_t)at_of(world, known->at), known->kind,
                                 known->channel, EVENTS_NO_VALUE};
    struct store_batch batch = {0, store_position(store, 0) + 1, {&event, 1, values, 1}};
    uint64_t seq;

    if (known->amount != NONE)
        event.value = 0;
    else
        batch.events.value_count = 0;
    if (known->product != NULL) {
        values[1] = (struct engine_value){dictionary_add(world->products, str_of(known->product)),
                                          PRODUCT, 1, 0};
        batch.events.value_count = 2;
    }
    assert_int_equal(store_append(store, &batch, &seq), OK);
}

static void store_fill(struct world *world, int which)
{
    struct store_options options = {
        .schema = {.posting_kinds = {ORDER}, .posting_count = 1, .week_offset = 288000},
        .tail_max = 4,
        .is_manual = true};

    snprintf(world->folders[which], sizeof(world->folders[which]), "/tmp/papilio-answer-XXXXXX");
    assert_non_null(mkdtemp(world->folders[which]));
    assert_int_equal(store_open(str_of(world->folders[which]), &options, &world->stores[which]),
                     OK);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        event_append(world, world->stores[which], &events[i]);
        if ((which == 1 && i == ARRAY_LEN(events) / 2) ||
            (which == 2 && i + 1 == ARRAY_LEN(events)))
            assert_int_equal(store_merge(world->stores[which]), OK);
    }
}

static void people_fill(struct world *world)
{
    static const uint32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 4097};
    static const struct str shanghai[] = {S("Shanghai")}, beijing[] = {S("Beijing")};
    static const struct str both[] = {S("tea"), S("wine")};
    struct people *people = world->people;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        people_add(people, numbers[i]);
    for (int i = 0; i < (int)ARRAY_LEN(attributes); i++)
        people_attribute(people, i, attributes[i].type);
    people_set_texts(people, 0, CITY, shanghai, 1);
    people_set_texts(people, 1, CITY, beijing, 1);
    people_set_texts(people, 4, CITY, shanghai, 1);
    people_set_texts(people, 5, CITY, beijing, 1);
    people_set_number(people, 0, AGE, 30);
    people_set_number(people, 1, AGE, 18);
    people_set_number(people, 4097, AGE, -5);
    people_set_number(people, 0, BIRTHDAY, day_of_date(2000, 3, 10));
    people_set_number(people, 1, BIRTHDAY, day_of_date(2000, 3, 11));
    people_set_number(people, 2, BIRTHDAY, day_of_date(2026, 3, 8));
    people_set_texts(people, 0, INTERESTS, both, 2);
    people_set_texts(people, 1, INTERESTS, both, 1);
    people_set(people, SET_TAG, 1, 0, true);
    people_set(people, SET_TAG, 1, 3, true);
    people_set(people, SET_TAG, 1, 5, true);
    people_set(people, SET_TAG, 2, 4, true);
    people_set(people, SET_LIST, 1, 6, true);
    people_link(people, 5, 4);
    people_delete(people, 6);
    people_publish(people);
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    return id < 100;
}

static int world_begin(void **state)
{
    struct arena *arena = arena_new((size_t)1 << 28);
    struct world *world = arena_new_one(arena, struct world);

    world->arena = arena;
    assert_int_equal(zone_load(arena, S("Asia/Shanghai"), &world->zone), OK);
    world->catalog = (struct catalog){kinds,       ARRAY_LEN(kinds),
                                      columns,     ARRAY_LEN(columns),
                                      attributes,  ARRAY_LEN(attributes),
                                      world->zone, NULL,
                                      set_find,    NULL,
                                      NULL};
    world->products = dictionary_new();
    world->dictionaries[PRODUCT] = world->products;
    world->people = people_new();
    people_fill(world);
    world->view = people_hold(world->people);
    for (int i = 0; i < 3; i++) {
        store_fill(world, i);
        world->moments[i] = (struct moment){store_snapshot(world->stores[i]), world->view,
                                            at_of(world, AS_OF), world->dictionaries};
    }
    *state = world;
    return 0;
}

static int world_end(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 3; i++) {
        store_release(world->stores[i], world->moments[i].events);
        store_close(world->stores[i]);
        assert_int_equal(folder_remove(str_of(world->folders[i])), OK);
    }
    people_release(world->people, world->view);
    people_free(world->people);
    dictionary_free(world->products);
    arena_free(world->arena);
    return 0;
}

struct example {
    const char *text, *wanted;
};

/* ---- asking --------------------------------------------------------------------------------- */

static void query_of(struct world *world, const char *text, struct query *out)
{
    struct query_fault fault = {0};
    enum err err = query_read(world->arena, &world->catalog, str_of(text), out, &fault);

    if (err != OK)
        print_message("%s: %s %.*s\n", text, fault.code, STR(fault.path));
    assert_int_equal(err, OK);
}

/* A cell: a number, "-" none, "@" a local time, "#" a local day. */
static int64_t cell_of(const struct world *world, struct str word)
{
    char text[40];
    int64_t value;

    snprintf(text, sizeof(text), "%.*s", STR(word));
    if (str_is(word, "-"))
        return NONE;
    if (text[0] == '@')
        return at_of(world, text + 1);
    if (text[0] == '#')
        return zone_day(world->zone, at_of(world, text + 1) * 1000);
    assert_true(str_to_int(word, &value));
    return value;
}

static int64_t cells_of(const struct world *world, const char *wanted, int64_t cells[CELL_MAX])
{
    struct str left = str_of(wanted), word;
    int64_t count = 0;

    while (left.len > 0) {
        str_cut(left, ' ', &word, &left);
        if (word.len > 0)
            cells[count++] = cell_of(world, word);
    }
    return count;
}

static int64_t members_of(const struct bitmap *members, int64_t cells[CELL_MAX])
{
    uint32_t numbers[CELL_MAX];
    size_t count = bitmap_read(members, 0, numbers, CELL_MAX);

    for (size_t i = 0; i < count; i++)
        cells[i] = numbers[i];
    return (int64_t)count;
}

static void assert_cells(const char *text, const int64_t *had, int64_t had_count,
                         const int64_t *wanted, int64_t wanted_count)
{
    bool is_same =
        had_count == wanted_count && memcmp(had, wanted, (size_t)had_count * sizeof(*had)) == 0;

    if (!is_same) {
        print_message("%s\n", text);
        for (int64_t i = 0; i < had_count; i++)
            print_message(" %" PRId64, had[i]);
        print_message("\n");
    }
    assert_true(is_same);
}

static void ask_once(struct world *world, const struct query *query, int way,
                     const struct example *example)
{
    struct answer_options options = {.thread_count = 1 + way / 3 % 2,
                                     .is_generic = way / 6 % 2 == 0,
                                     .is_columns_only = way / 12 % 2 == 0};
    int64_t cells[CELL_MAX] = {0}, members[CELL_MAX] = {0};
    int64_t count = cells_of(world, example->wanted, cells);
    struct answer answer = {0};

    bitmap_init(&answer.members);
    assert_int_equal(answer_run(world->arena, query, &world->moments[way % 3], &options, &answer),
                     OK);
    assert_int_equal(answer.event_count, ARRAY_LEN(events));
    if (query->ask == QUERY_SEGMENT)
        assert_cells(example->text, members, members_of(&answer.members, members), cells, count);
    else
        assert_cells(example->text, answer.cells, answer.row_count * answer.column_count, cells,
                     count);
    bitmap_release(&answer.members);
}

static void ask(struct world *world, const char *text, const char *wanted)
{
    struct example example = {text, wanted};
    struct query query;

    query_of(world, text, &query);
    for (int way = 0; way < 3 * 2 * 2 * 2; way++)
        ask_once(world, &query, way, &example);
}

/* ---- who ------------------------------------------------------------------------------------ */

static const struct example members[] = {
    {"{\"everyone\":true}", "0 1 2 3 4 4097"},
    {"{\"any\":[]}", ""},
    {"{\"did\":{\"kind\":\"order\"}}", "0 1 4 4097"},
    {"{\"not\":{\"did\":{\"kind\":\"order\"}}}", "2 3"},
    {"{\"did\":{\"kind\":\"wide\"}}", ""},
    /* an event is in its window at the first second, not at the last */
    {"{\"did\":{\"kind\":\"order\",\"within\":{\"last\":{\"days\":1}}}}", "1"},
    {"{\"did\":{\"kind\":\"order\",\"within\":{\"last\":{\"seconds\":172800}}}}", "0 1"},
    {"{\"did\":{\"kind\":\"order\",\"within\":{\"last\":{\"seconds\":172799}}}}", "1"},
    {"{\"did\":{\"kind\":\"view\",\"within\":{\"units\":\"day\",\"count\":1}}}", "2"},
    {"{\"did\":{\"kind\":\"view\",\"within\":{\"units\":\"day\",\"count\":1}},\"at_least\":2}", ""},
    {"{\"did\":{\"kind\":\"view\",\"within\":{\"from\":\"2026-03-02 09:00\",\"to\":"
     "\"2026-03-05 08:00\"}}}",
     "1"},
    {"{\"did\":{\"kind\":[\"view\",\"cart\"],\"channel\":[\"2\"]}}", "0 2"},
    {"{\"did\":{\"where\":[{\"property\":\"product\",\"is\":\"tea\"}]}}", "0 4"},
    {"{\"did\":{\"kind\":\"order\",\"where\":[{\"property\":\"product\",\"is_not\":\"tea\"}]}}",
     "0 1 4097"},
    {"{\"did\":{\"where\":[{\"property\":\"product\",\"contains\":\"ee\"}]}}", "4097"},
    {"{\"did\":{\"kind\":\"order\",\"where\":[{\"property\":\"product\",\"exists\":false}]}}", "1"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":300}",
     "0 1 4 4097"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"sum\",\"of\":\"amount\",\"below\":300}", "2 3"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"min\",\"of\":\"amount\",\"at_least\":300}",
     "0 1 4097"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"max\",\"of\":\"amount\",\"exists\":false}",
     "2 3"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"distinct\",\"of\":\"product\",\"at_least\":2}",
     "0"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"distinct\",\"of\":\"product\",\"is\":[0]}",
     "1 2 3"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"first\",\"of\":\"product\",\"is\":\"tea\"}",
     "0 4"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"last\",\"of\":\"product\",\"is_not\":\"tea\"}",
     "0 1 2 3 4097"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"days\",\"at_least\":2}", "0 4"},
    {"{\"did\":{\"kind\":\"view\"},\"measure\":\"days\",\"is\":[2]}", "2"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"last\",\"within\":{\"last\":{\"days\":2}}}",
     "0 1"},
    {"{\"did\":{\"kind\":\"order\"},\"measure\":\"first\",\"within\":{\"to\":\"2026-03-05\"}}",
     "0 4097"},
    /* ties: as they arrived, and the lower record first */
    {"{\"sequence\":[{\"kind\":\"view\"},{\"kind\":\"click\"}],\"within_seconds\":0}", "0 4"},
    {"{\"sequence\":[{\"kind\":\"click\"},{\"kind\":\"view\"}],\"within_seconds\":0}", "1"},
    /* an event is not its own predecessor */
    {"{\"sequence\":[{\"kind\":\"view\"},{\"kind\":\"view\"}],\"within_seconds\":1}", "2"},
    {"{\"sequence\":[{\"kind\":\"view\"},{\"kind\":\"view\"}],\"within_seconds\":0}", ""},
    {"{\"funnel\":{\"steps\":[{\"kind\":\"view\"},{\"kind\":\"click\"},{\"kind\":\"cart\"}],"
     "\"within_seconds\":86400},\"level\":[2,2]}",
     "4"},
    {"{\"funnel\":{\"steps\":[{\"kind\":\"view\"},{\"kind\":\"click\"}],\"within_seconds\":9},"
     "\"level\":[0,0]}",
     "3"},
    {"{\"regularly\":{\"kind\":\"order\"},\"units\":\"week\",\"count\":2,\"current\":true,"
     "\"at_least\":1}",
     "0 1 4 4097"},
    {"{\"regularly\":{\"kind\":\"order\"},\"units\":\"week\",\"count\":2,\"at_least\":2}", "0"},
    {"{\"regularly\":{\"kind\":\"order\"},\"units\":\"week\",\"count\":2,\"times\":2,"
     "\"at_least\":1}",
     "4"},
    {"{\"first_time\":{\"kind\":\"order\",\"within\":{\"last\":{\"days\":7}}}}", "1 4 4097"},
    {"{\"stopped\":{\"kind\":\"view\",\"within\":{\"from\":\"2026-03-01\",\"to\":\"2026-03-05\"}},"
     "\"later\":{\"last\":{\"days\":5}}}",
     "0 1"},
    {"{\"restarted\":{\"kind\":\"order\",\"within\":{\"to\":\"2026-03-02\"}},\"later\":{\"from\":"
     "\"2026-03-02\",\"to\":\"2026-03-08\"},\"again\":{\"from\":\"2026-03-08\"}}",
     "0"},
    {"{\"purchase\":\"never\",\"kind\":\"order\"}", "2 3"},
    {"{\"purchase\":\"first\",\"kind\":\"order\"}", "1 4097"},
    {"{\"purchase\":\"repeat\",\"kind\":\"order\"}", "0 4"},
    {"{\"rfm\":{\"kind\":\"order\"},\"of\":\"amount\",\"m\":[4]}", "1"},
    {"{\"rfm\":{\"kind\":\"order\"},\"of\":\"amount\",\"f\":[3]}", "0 4"},
    {"{\"not\":{\"rfm\":{\"kind\":\"order\"},\"of\":\"amount\"}}", "2 3"},
    /* without events */
    {"{\"tag\":[\"1\"]}", "0 3 4"},
    {"{\"tag\":[\"1\"],\"match\":\"none\"}", "1 2 4097"},
    {"{\"tag\":[\"1\",\"2\"],\"match\":\"all\"}", "4"},
    {"{\"tag\":[\"7\"]}", ""},
    {"{\"list\":[\"1\"]}", ""},
    {"{\"attribute\":\"city\",\"is\":\"Shanghai\"}", "0 4"},
    {"{\"attribute\":\"city\",\"is_not\":\"Shanghai\"}", "1 2 3 4097"},
    {"{\"attribute\":\"city\",\"starts\":\"Bei\"}", "1"},
    {"{\"attribute\":\"city\",\"exists\":false}", "2 3 4097"},
    {"{\"attribute\":\"age\",\"at_least\":18}", "0 1"},
    {"{\"attribute\":\"age\",\"below\":30}", "1 4097"},
    {"{\"attribute\":\"age\",\"between\":[-5,18]}", "4097"},
    {"{\"attribute\":\"age\",\"is\":[30,-5]}", "0 4097"},
    {"{\"attribute\":\"interests\",\"has_all\":[\"tea\",\"wine\"]}", "0"},
    {"{\"attribute\":\"interests\",\"is\":[\"tea\"]}", "0 1"},
    {"{\"attribute\":\"interests\",\"is_not\":[\"wine\"]}", "1 2 3 4 4097"},
    {"{\"attribute\":\"birthday\",\"anniversary\":[0,1]}", "0"},
    {"{\"attribute\":\"birthday\",\"anniversary\":[1,2]}", "1"},
    {"{\"attribute\":\"birthday\",\"within\":{\"last\":{\"days\":3}}}", "2"},
    {"{\"attribute\":\"birthday\",\"within\":{\"last\":{\"days\":2}}}", ""},
    /* joined */
    {"{\"all\":[{\"tag\":\"1\"},{\"did\":{\"kind\":\"order\"}}]}", "0 4"},
    {"{\"any\":[{\"tag\":\"1\"},{\"did\":{\"kind\":\"view\",\"channel\":\"2\"}}]}", "0 2 3 4"},
    {"{\"all\":[{\"not\":{\"tag\":\"1\"}},{\"not\":{\"all\":[{\"did\":{\"kind\":\"order\"}},{"
     "\"attribute\":\"age\",\"exists\":true}]}}]}",
     "2"},
    /* kernels' shape: counts of kinds in windows */
    {"{\"all\":[{\"did\":{\"kind\":\"order\"},\"between\":[1,2]},{\"not\":{\"did\":{\"kind\":"
     "\"view\",\"within\":{\"last\":{\"days\":7}}}}}]}",
     "1 4097"},
    {"{\"all\":[{\"did\":{\"kind\":\"order\"},\"below\":2},{\"did\":{\"kind\":\"view\"}},{"
     "\"attribute\":\"age\",\"exists\":false}]}",
     "2"},
};

static void test_members(void **state)
{
    struct world *world = *state;
    char text[1000];

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        snprintf(text, sizeof(text), "{\"version\":1,\"ask\":\"segment\",\"who\":%s}",
                 members[i].text);
        ask(world, text, members[i].wanted);
    }
}

/* Asked one by one, persons are in where they are in together. */
static void explained(struct world *world, const struct example *example)
{
    static const uint32_t persons[] = {0, 1, 2, 3, 4, 4097};
    int64_t wanted[CELL_MAX], had[CELL_MAX], count = 0;
    int64_t wanted_count = cells_of(world, example->wanted, wanted);
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    struct query query;
    char text[1000];

    snprintf(text, sizeof(text), "{\"version\":1,\"ask\":\"segment\",\"who\":%s}", example->text);
    query_of(world, text, &query);
    for (size_t i = 0; i < ARRAY_LEN(persons); i++) {
        assert_int_equal(
            answer_explain(world->arena, &query, &world->moments[1], persons[i], leaves), OK);
        if (leaves[query.who_count - 1].is_true)
            had[count++] = persons[i];
    }
    assert_cells(example->text, had, count, wanted, wanted_count);
    assert_int_equal(answer_explain(world->arena, &query, &world->moments[1], 6, leaves),
                     E_NOT_FOUND);
}

static void test_explained(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        explained(*state, &members[i]);
}

/* Nobody is in no bucket, or in two. */
static void test_buckets(void **state)
{
    struct world *world = *state;
    char text[200], wanted[100] = "";
    static const uint32_t numbers[] = {0, 1, 2, 3, 4, 4097};

    for (int part = 0; part < 2; part++) {
        wanted[0] = 0;
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
            if (catalog_bucket(S("x"), numbers[i]) / 500000 == (uint32_t)part)
                snprintf(wanted + strlen(wanted), 10, "%u ", numbers[i]);
        }
        snprintf(text, sizeof(text),
                 "{\"version\":1,\"ask\":\"segment\",\"who\":{\"bucket\":{\"salt\":\"x\",\"from\":"
                 "%d,\"to\":%d}}}",
                 part * 500000, (part + 1) * 500000);
        ask(world, text, wanted);
    }
}

/* ---- questions ------------------------------------------------------------------------------ */

#define ALL_KINDS "\"events\":{\"kind\":[\"view\",\"click\",\"cart\",\"order\"]}"
#define ORDERS "\"events\":{\"kind\":\"order\"}"
#define FOUR                                                                                       \
    "\"steps\":[{\"kind\":\"view\"},{\"kind\":\"click\"},{\"kind\":\"cart\"},{\"kind\":"           \
    "\"order\"}]"
static const struct example questions[] = {
    {"\"funnel\",\"funnel\":{" FOUR ",\"within_seconds\":86400}",
     "0 5 - - 1 5 - - 2 2 0 0 3 1 300 300 4 1 1800 1800"},
    {"\"funnel\",\"funnel\":{" FOUR ",\"within_seconds\":1799}",
     "0 5 - - 1 5 - - 2 2 0 0 3 1 300 300 4 0 - -"},
    {"\"funnel\",\"by\":\"channel\",\"funnel\":{" FOUR ",\"within_seconds\":86400}",
     "1 0 4 - - 1 1 4 - - 1 2 2 0 0 1 3 1 300 300 1 4 1 1800 1800 "
     "2 0 1 - - 2 1 1 - - 2 2 0 - - 2 3 0 - - 2 4 0 - -"},
    {"\"funnel\",\"by\":{\"attribute\":\"city\"},\"who\":{\"did\":{\"kind\":\"order\"}},"
     "\"funnel\":{\"steps\":[{\"kind\":\"view\"},{\"kind\":\"order\"}],\"within_seconds\":4000}",
     "0 0 2 - - 0 1 2 - - 0 2 2 1800 2700 1 0 1 - - 1 1 1 - - 1 2 0 - -"},
    {"\"funnel\",\"funnel\":{\"steps\":[{\"kind\":\"click\"},{\"kind\":\"view\"}],"
     "\"within_seconds\":0,\"order\":\"any\"}",
     "0 5 - - 1 5 - - 2 3 0 0"},
    {"\"funnel\",\"funnel\":{\"steps\":[{\"kind\":\"view\"},{\"kind\":\"order\"}],"
     "\"within_seconds\":1000000,\"order\":\"strict\"}",
     "0 5 - - 1 5 - - 2 2 298800 500399"},
    /* a click between breaks it, at the same second too, but not one before the view */
    {"\"funnel\",\"funnel\":{\"steps\":[{\"kind\":\"view\"},{\"kind\":\"order\"}],"
     "\"within_seconds\":1000000,\"exclude\":[{\"events\":{\"kind\":\"click\"},\"after\":1}]}",
     "0 5 - - 1 5 - - 2 2 298800 500399"},
    {"\"retention\",\"start\":{\"kind\":\"view\"},\"back\":{\"kind\":\"order\"},\"units\":"
     "\"week\",\"count\":2,\"cohort\":\"first\"",
     "@03-02 3 0 1 1 @03-02 3 1 1 0 @03-09 0 0 0 0"},
    {"\"retention\",\"start\":{\"kind\":\"view\"},\"back\":{\"kind\":\"order\"},\"units\":"
     "\"week\",\"count\":2,\"cohort\":\"every\"",
     "@03-02 3 0 1 1 @03-02 3 1 1 0 @03-09 1 0 0 0"},
    {"\"retention\",\"start\":{\"kind\":\"view\"},\"back\":{\"kind\":\"order\"},\"units\":"
     "\"week\",\"count\":2,\"cohort\":\"first\",\"or_after\":true",
     "@03-02 3 0 2 1 @03-02 3 1 1 0 @03-09 0 0 0 0"},
    {"\"paths\"," ALL_KINDS, "1 1 2 2 1 1 1 1 1 2 1 1 2 2 3 1 3 3 4 1"},
    {"\"paths\"," ALL_KINDS ",\"gap_seconds\":1500", "1 1 2 2 1 1 1 1 1 2 1 1 2 2 3 1"},
    {"\"paths\"," ALL_KINDS ",\"steps\":2", "1 1 2 2 1 1 1 1 1 2 1 1 2 2 3 1"},
    {"\"paths\"," ALL_KINDS ",\"steps\":0,\"gap_seconds\":0",
     "0 1 2 2 0 1 4 2 0 4 4 2 0 1 1 1 0 2 1 1 0 2 3 1 0 2 4 1 0 3 4 1"},
    {"\"paths\"," ALL_KINDS ",\"limit\":1,\"by\":\"channel\"", "1 1 1 3"},
    {"\"breakdown\"," ORDERS ",\"by\":{\"property\":\"product\"},\"of\":\"amount\",\"order\":"
     "\"sum\"",
     "0 2 3 800 1 1 1 300 2 1 1 300"},
    {"\"breakdown\"," ORDERS ",\"by\":{\"property\":\"product\"},\"of\":\"amount\",\"order\":"
     "\"sum\",\"limit\":1",
     "0 2 3 800 - 2 2 600"},
    {"\"breakdown\",\"events\":{\"kind\":\"view\"},\"by\":\"channel\"", "1 4 4 - 2 1 2 -"},
    {"\"breakdown\",\"events\":{\"kind\":\"view\"},\"by\":\"channel\",\"of\":\"amount\"",
     "1 4 4 0 2 1 2 0"},
    {"\"breakdown\"," ORDERS ",\"by\":{\"attribute\":\"city\"}", "0 2 4 - 1 1 1 -"},
    {"\"breakdown\",\"events\":{\"kind\":\"view\"},\"by\":\"day\",\"limit\":3,\"order\":\"events\"",
     "#02-28 1 1 - #03-01 1 1 - #03-02 1 1 - - 3 3 -"},
    {"\"trend\"," ORDERS ",\"units\":\"month\",\"of\":\"amount\"", "@03-01 4 6 2400"},
    {"\"trend\",\"events\":{\"kind\":\"view\"},\"units\":\"week\"",
     "@02-23 2 2 - @03-02 3 3 - @03-09 1 1 -"},
    {"\"trend\"," ORDERS ",\"units\":\"quarter\",\"by\":\"channel\",\"of\":\"amount\"",
     "@01-01 1 2 3 600 @01-01 2 2 2 800 @01-01 3 1 1 1000"},
    {"\"rfm\"," ORDERS ",\"of\":\"amount\"", "1 1 1 1 300 2 3 1 1 300 3 3 3 1 800 4 1 4 1 1000"},
    {"\"rfm\"," ORDERS ",\"of\":\"amount\",\"who\":{\"tag\":\"1\"}", "1 1 1 1 300 3 1 3 1 800"},
    {"\"interval\"," ORDERS ",\"pairs\":\"first\"", "1 1 7 1"},
    {"\"interval\",\"events\":{\"kind\":[\"order\",\"view\"]},\"pairs\":\"all\"",
     "0 3 1 1 3 1 7 1 8 1"},
    {"\"timeline\",\"person\":5,\"limit\":3",
     "@03-06T09:00 4 1 100 @03-05T09:00 4 1 200 @03-05T08:00 2 1 -"},
    {"\"timeline\",\"person\":1,\"limit\":1", "@03-10T11:59:59 4 3 1000"},
    {"\"timeline\",\"person\":6", ""},
    {"\"timeline\",\"person\":9", ""},
    {"\"timeline\",\"person\":3", ""},
};

static void test_questions(void **state)
{
    struct world *world = *state;
    char text[1000];

    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        snprintf(text, sizeof(text), "{\"version\":1,\"ask\":%s}", questions[i].text);
        ask(world, text, questions[i].wanted);
    }
}

/* Pages of a timeline: each event once, though two are of one second. */
static void test_timeline_goes_on(void **state)
{
    struct world *world = *state;
    char text[200];

    for (int skip = 0; skip < 3; skip++) {
        snprintf(text, sizeof(text),
                 "{\"version\":1,\"ask\":\"timeline\",\"person\":4,\"before\":%" PRId64
                 ",\"skip\":%d}",
                 at_of(world, "03-05T08:00"), skip);
        ask(world, text,
            skip == 0   ? "@03-05T08:00 2 1 - @03-05T08:00 1 1 -"
            : skip == 1 ? "@03-05T08:00 1 1 -"
                        : "");
    }
}

/* A base with nobody and nothing in it: of attributes and of events. */
static void test_nobody(void **state)
{
    static const char *const asked[] = {"{\"attribute\":\"age\",\"exists\":false}",
                                        "{\"not\":{\"did\":{\"kind\":\"order\"}}}"};
    struct world *world = *state;
    char folder[] = "/tmp/papilio-answer-XXXXXX", text[200];
    struct store_options options = {.is_manual = true};
    struct people *people = people_new();
    struct answer answer = {0};
    struct moment moment = world->moments[0];
    struct store *store;
    struct query query;

    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_open(str_of(folder), &options, &store), OK);
    moment.events = store_snapshot(store);
    moment.people = people_hold(people);
    bitmap_init(&answer.members);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct answer_options usual = {0};

        snprintf(text, sizeof(text), "{\"version\":1,\"ask\":\"segment\",\"who\":%s}", asked[i]);
        query_of(world, text, &query);
        assert_int_equal(answer_run(world->arena, &query, &moment, &usual, &answer), OK);
        assert_int_equal(bitmap_count(&answer.members), 0);
    }
    bitmap_release(&answer.members);
    people_release(people, moment.people);
    people_free(people);
    store_release(store, moment.events);
    store_close(store);
    assert_int_equal(folder_remove(str_of(folder)), OK);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
    struct world *world = *state;
    struct answer_options late = {.deadline_ms = 1}, small = {.memory_max = 100};
    struct answer answer = {0};
    struct query query;

    bitmap_init(&answer.members);
    query_of(world, "{\"version\":1,\"ask\":\"trend\"," ORDERS ",\"units\":\"day\"}", &query);
    assert_int_equal(answer_run(world->arena, &query, &world->moments[0], &late, &answer), E_BUSY);
    assert_int_equal(answer_run(world->arena, &query, &world->moments[0], &small, &answer),
                     E_TOO_LARGE);
    late.deadline_ms = clock_mono_us() / 1000 + 600000;
    assert_int_equal(answer_run(world->arena, &query, &world->moments[0], &late, &answer), OK);
    bitmap_release(&answer.members);
}

/* What one person's answer takes of everybody's is bounded, too. */
static void test_limits_of_one(void **state)
{
    struct world *world = *state;
    struct answer_options late = {.deadline_ms = 1}, small = {.memory_max = 100};
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    struct moment moment = world->moments[0];
    struct query query;

    query_of(world,
             "{\"version\":1,\"ask\":\"segment\",\"who\":{\"answer\":{\"ask\":\"trend\"," ORDERS
             ",\"units\":\"day\"},\"cell\":{}}}",
             &query);
    assert_int_equal(answer_explain(world->arena, &query, &moment, 0, leaves), OK);
    moment.cells_within = &late;
    assert_int_equal(answer_explain(world->arena, &query, &moment, 0, leaves), E_BUSY);
    moment.cells_within = &small;
    assert_int_equal(answer_explain(world->arena, &query, &moment, 0, leaves), E_TOO_LARGE);
}

/* ---- person by person ------------------------------------------------------------------------ */

struct visited {
    struct buf of[5]; /* persons 0 to 4 */
    struct buf rest;
};

static void visited_take(void *user, uint32_t kept, const struct answer_events *own)
{
    struct visited *visited = user;
    struct buf *buf = kept < ARRAY_LEN(visited->of) ? &visited->of[kept] : &visited->rest;

    buf_str(buf, own->is_plain ? S("plain") : S("mixed"));
    for (size_t i = 0; i < own->count; i++) {
        buf_str(buf, S(" "));
        buf_int(buf, own->at[i].kind);
        buf_str(buf, S(":"));
        buf_int(buf, own->at[i].amount);
        if (!own->is_plain)
            buf_str(buf, own->at[i].subject == NONE ? S("") : S("!"));
    }
}

static void visited_are(struct visited *visited, const char *const of[5], const char *rest)
{
    for (size_t i = 0; i < ARRAY_LEN(visited->of); i++) {
        assert_true(str_is(buf_view(&visited->of[i]), of[i]));
        buf_release(&visited->of[i]);
    }
    assert_true(str_is(buf_view(&visited->rest), rest));
    buf_release(&visited->rest);
}

/* Orders of everybody, with clicks of whom has any: from postings, blocks and news the same. */
static void test_visits(void **state)
{
    static const char *const all[] = {"mixed 2:0 4:500! 4:300!", "mixed 2:0 4:1000", "", "",
                                      "mixed 2:0 4:200! 4:100!"};
    static const char *const but_one[] = {"mixed 2:0 4:500! 4:300!", "", "", "",
                                          "mixed 2:0 4:200! 4:100!"};
    static const uint16_t orders[] = {ORDER, CLICK};
    struct world *world = *state;
    struct bitmap people;

    bitmap_init(&people);
    bitmap_combine(&(struct bitmap_terms){.all = (const struct bitmap *[]){people_all(world->view)},
                                          .all_count = 1},
                   &people);
    bitmap_remove(&people, 1);
    for (int i = 0; i < 12; i++) {
        struct answer_options options = {.is_generic = i % 2 == 1, .thread_count = 2};
        struct visited visited;
        struct answer_visit visit = {orders, 2, PRODUCT, visited_take, &visited};
        bool is_all = i < 6;

        buf_init(&visited.rest, 1000);
        for (size_t k = 0; k < ARRAY_LEN(visited.of); k++)
            buf_init(&visited.of[k], 1000);
        assert_int_equal(answer_visit(is_all ? people_all(world->view) : &people,
                                      &world->moments[i / 2 % 3], &options, &visit),
                         OK);
        visited_are(&visited, is_all ? all : but_one, "plain 4:300");
    }
    bitmap_release(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explained),        cmocka_unit_test(test_members),
        cmocka_unit_test(test_buckets),          cmocka_unit_test(test_questions),
        cmocka_unit_test(test_timeline_goes_on), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_of_one),    cmocka_unit_test(test_visits),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
