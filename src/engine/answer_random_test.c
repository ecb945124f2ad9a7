/* Random questions about random bases: the plain pass over news alone beside every other way to the
 * same answer: kernels made for a shape, summaries or columns, blocks and late news mixed, two
 * threads, every level of the machine; and beside it single persons asked alone. Persons with
 * several records, deleted and unknown ones are among them; moments of asking lie before and behind
 * the last event. */
#include "engine/answer.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/file.h"

#define ROUNDS 6
#define ASKED 120 /* a round */
#define NUMBERS 240
#define KINDS 6
#define CITIES 150
#define ALONE 12 /* persons */
#define SPAN (40 * 86400)
#define TEXT_MAX 4000

static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY},
                                               {S("size"), VALUE_NUMBER}};
static const struct catalog_field attributes[] = {
    {S("age"), VALUE_NUMBER}, {S("city"), VALUE_TEXT}, {S("born"), VALUE_DATE}};
static struct catalog_kind kinds[KINDS] = {{S("k0"), 0}, {S("k1"), 1}, {S("k2"), 2},
                                           {S("k3"), 3}, {S("k4"), 4}, {S("k5"), 5}};

struct world {
    struct arena *arena;
    struct zone *zone;
    struct catalog catalog;
    struct people *people;
    const struct people_view *view;
    struct store *stores[2]; /* in news alone; now and then merged */
    const struct snapshot *snapshots[2];
    char folders[2][64];
    int answered, some; /* how many answers, how many of them not empty */
};

static uint64_t seed = 1181783497276652981u;

static uint32_t random_below(uint32_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % max);
}

/* ---- bases ---------------------------------------------------------------------------------- */

/* Three shards; few have most. */
static uint32_t random_number(void)
{
    uint32_t rank = random_below(1 + random_below(NUMBERS));

    return rank % 3 * SHARD_NUMBERS + rank / 3 * 17;
}

static void batch_append(struct world *world, uint32_t from, uint32_t to)
{
    struct engine_event events[200];
    struct engine_value values[400];
    struct store_batch batch = {0, 0, {events, 1 + random_below(199), values, 0}};
    uint64_t seq;

    for (size_t i = 0; i < batch.events.count; i++) {
        uint32_t kind = random_below(KINDS), value = (uint32_t)batch.events.value_count;
        uint32_t second = from + random_below(to - from);
        bool has_size = random_below(3) == 0;

        second -= random_below(2) * (second % 600); /* ties */
        events[i] = (struct engine_event){random_number(), second, kinds[kind].number,
                                          (uint16_t)random_below(5), EVENTS_NO_VALUE};
        if (kind > 2)
            continue;
        events[i].value = value;
        values[value] = (struct engine_value){(int64_t)random_below(900) - 100, 0, !has_size, 0};
        values[value + 1] = (struct engine_value){random_below(9), 1, 1, 0};
        batch.events.value_count += 1 + has_size;
    }
    for (int i = 0; i < 2; i++) {
        batch.position = store_position(world->stores[i], 0) + 1;
        assert_int_equal(store_append(world->stores[i], &batch, &seq), OK);
    }
}

static void stores_fill(struct world *world)
{
    struct store_options options = {
        .schema = {.posting_kinds = {1}, .posting_count = 1, .week_offset = 288000 + 28800},
        .tail_max = 700,
        .is_manual = true};

    for (int i = 0; i < 2; i++) {
        snprintf(world->folders[i], sizeof(world->folders[i]), "/tmp/papilio-answer-XXXXXX");
        assert_non_null(mkdtemp(world->folders[i]));
        assert_int_equal(store_open(str_of(world->folders[i]), &options, &world->stores[i]), OK);
    }
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t from = 1000000000 + i * (SPAN / 40);

        batch_append(world, random_below(5) == 0 ? from - 86400 : from, from + SPAN / 40);
        if (random_below(6) == 0 && i < 36)
            assert_int_equal(store_merge(world->stores[1]), OK);
        for (bool did = random_below(4) == 0; did;) /* large runs have columns */
            assert_int_equal(store_step(world->stores[i % 2], &did), OK);
    }
    for (int i = 0; i < 2; i++)
        world->snapshots[i] = store_snapshot(world->stores[i]);
}

static struct str city_of(struct world *world, uint32_t at)
{
    return str_fmt(world->arena, "%c%u", 'a' + at % 2, at);
}

static void people_fill(struct world *world)
{
    struct people *people = people_new();
    uint32_t before = UINT32_MAX;

    world->people = people;
    for (int i = 0; i < (int)ARRAY_LEN(attributes); i++)
        people_attribute(people, i, attributes[i].type);
    for (uint32_t rank = 0; rank < NUMBERS; rank++) {
        uint32_t number = rank % 3 * SHARD_NUMBERS + rank / 3 * 17;
        struct str city;

        if (random_below(20) == 0)
            continue; /* unknown */
        people_add(people, number);
        if (random_below(3) > 0)
            people_set_number(people, number, 0, random_below(60));
        city = city_of(world, random_below(CITIES));
        if (random_below(3) > 0)
            people_set_texts(people, number, 1, &city, 1);
        if (random_below(3) > 0)
            people_set_number(people, number, 2, 11574 - 200 + random_below(300));
        people_set(people, SET_TAG, 1 + random_below(3), number, true);
        if (random_below(10) == 0)
            before = number;
        else if (before != UINT32_MAX && random_below(3) == 0)
            people_link(people, number, before);
        else if (random_below(30) == 0)
            people_delete(people, number);
    }
    people_publish(people);
    world->view = people_hold(people);
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    return id < 10;
}

static void world_begin(struct world *world)
{
    *world = (struct world){.arena = arena_new((size_t)1 << 29)};
    assert_int_equal(zone_load(world->arena, S("Asia/Shanghai"), &world->zone), OK);
    world->catalog = (struct catalog){.kinds = kinds,
                                      .kind_count = KINDS,
                                      .columns = columns,
                                      .column_count = ARRAY_LEN(columns),
                                      .attributes = attributes,
                                      .attribute_count = ARRAY_LEN(attributes),
                                      .zone = world->zone,
                                      .set_find = set_find};
    people_fill(world);
    stores_fill(world);
}

static void world_end(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        store_release(world->stores[i], world->snapshots[i]);
        store_close(world->stores[i]);
        assert_int_equal(folder_remove(str_of(world->folders[i])), OK);
    }
    people_release(world->people, world->view);
    people_free(world->people);
    arena_free(world->arena);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct text {
    char at[TEXT_MAX];
    size_t len;
};

static void put(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text->len += (size_t)vsnprintf(text->at + text->len, TEXT_MAX - text->len, format, args);
    va_end(args);
    assert_true(text->len < TEXT_MAX);
}

static const char *const units[] = {"day", "week", "month"};

static void put_events(struct text *text, bool is_single)
{
    put(text, "{\"kind\":\"k%u\"", random_below(KINDS));
    if (!is_single && random_below(3) == 0)
        put(text, ",\"channel\":[\"%u\",\"%u\"]", random_below(5), random_below(5));
    if (!is_single && random_below(4) == 0)
        put(text, ",\"where\":[{\"property\":\"amount\",\"at_least\":%u}]", random_below(700));
    if (random_below(3) == 0)
        put(text, ",\"within\":{\"last\":{\"seconds\":%u}}", 1 + random_below(SPAN));
    else if (random_below(4) == 0)
        put(text, ",\"within\":{\"units\":\"%s\",\"count\":%u}", units[random_below(3)],
            1 + random_below(9));
    put(text, "}");
}

static void put_steps(struct text *text)
{
    uint32_t count = 1 + random_below(4);

    put(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        put(text, "%s", i > 0 ? "," : "");
        if (random_below(4) == 0)
            put_events(text, false);
        else
            put(text, "{\"kind\":\"k%u\"}", random_below(KINDS));
    }
    put(text, "],\"within_seconds\":%u", random_below(4) == 0 ? 0 : random_below(SPAN / 4));
}

static void put_attribute(struct text *text)
{
    static const char *const cities[] = {"is", "is_not", "contains", "starts"};
    uint32_t some = random_below(CITIES / 2) * 2, low = random_below(60);

    put(text, "{\"attribute\":");
    switch (random_below(9)) {
    case 0:
        put(text, "\"age\",\"%s\":%u}", random_below(2) == 0 ? "at_least" : "below", low);
        break;
    case 1:
        put(text, "\"age\",\"between\":[%u,%u]}", low, low + 1 + random_below(40));
        break;
    case 2:
        put(text, "\"age\",\"%s\":[%u,%u,90]}", random_below(2) == 0 ? "is" : "is_not", low,
            low / 2);
        break;
    case 3:
        put(text, "\"%s\",\"exists\":%s}", random_below(2) == 0 ? "age" : "city",
            random_below(2) == 0 ? "true" : "false");
        break;
    case 4:
        put(text, "\"born\",\"within\":{\"last\":{\"days\":%u}}}", 100 + random_below(200));
        break;
    case 5:
        put(text, "\"born\",\"within\":{\"%s\":\"2001-%02u-%02u 0%u:00\"}}",
            random_below(2) == 0 ? "from" : "to", 3 + random_below(7), 1 + random_below(28),
            random_below(2));
        break;
    case 6:
        put(text, "\"born\",\"anniversary\":[%u,%u]}", random_below(30), 40 + random_below(300));
        break;
    default:
        put(text, "\"city\",\"%s\":\"a%u\"}", cities[random_below(4)],
            random_below(3) == 0 ? some : some % 10);
    }
}

static void put_leaf(struct text *text)
{
    static const char *const matches[] = {"any", "all", "none"};

    switch (random_below(10)) {
    case 0:
        put(text, "{\"tag\":[\"%u\",\"%u\"],\"match\":\"%s\"}", 1 + random_below(4),
            1 + random_below(3), matches[random_below(3)]);
        break;
    case 1:
        put_attribute(text);
        break;
    case 2:
        put(text, "{\"sequence\":");
        put_steps(text);
        put(text, "}");
        break;
    case 3:
        put(text, "{\"did\":");
        put_events(text, false);
        put(text, ",\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":%u}", random_below(900));
        break;
    case 4:
        put(text, "{\"bucket\":{\"salt\":\"a\",\"from\":0,\"to\":%u}}",
            1 + random_below(BUCKET_COUNT));
        break;
    case 5:
        put(text, "{\"rfm\":");
        put_events(text, false);
        put(text, ",\"of\":\"amount\",\"r\":[%u,5]}", 1 + random_below(4));
        break;
    default:
        put(text, "{\"did\":");
        put_events(text, true);
        put(text, ",\"%s\":%u}", random_below(2) == 0 ? "at_least" : "below", 1 + random_below(4));
    }
}

static void put_who(struct text *text)
{
    uint32_t count = 1 + random_below(4);

    put(text, "\"who\":{\"%s\":[", random_below(4) == 0 ? "any" : "all");
    for (uint32_t i = 0; i < count; i++) {
        bool is_not = random_below(4) == 0;

        put(text, "%s%s", i > 0 ? "," : "", is_not ? "{\"not\":" : "");
        put_leaf(text);
        put(text, "%s", is_not ? "}" : "");
    }
    put(text, "]}");
}

static void put_funnel(struct text *text)
{
    static const char *const orders[] = {"ordered", "ordered", "ordered", "strict", "any"};

    put(text, "\"funnel\",\"times\":%s%s,\"funnel\":{\"order\":\"%s\",\"steps\":",
        random_below(2) == 0 ? "false" : "true", random_below(4) == 0 ? ",\"by\":\"channel\"" : "",
        orders[random_below(5)]);
    put_steps(text);
    put(text, "}");
}

static void put_question(struct text *text)
{
    switch (random_below(9)) {
    case 0:
        put_funnel(text);
        break;
    case 1:
        put(text, "\"retention\",\"start\":");
        put(text, "%s", random_below(2) == 0 ? "{}" : "{\"kind\":\"k1\"}");
        put(text, ",\"back\":%s", random_below(4) > 0 ? "{}" : "{\"kind\":\"k2\"}");
        put(text, ",\"units\":\"%s\",\"count\":%u,\"cohort\":\"%s\",\"or_after\":%s",
            units[random_below(3) > 0], 1 + random_below(9),
            random_below(3) > 0 ? "first" : "every", random_below(3) > 0 ? "false" : "true");
        break;
    case 2:
        put(text, "\"paths\",\"steps\":%u,\"gap_seconds\":%u,\"events\":", random_below(2) * 4,
            random_below(2) * 80000);
        put(text, "%s", random_below(2) == 0 ? "{}" : "{\"within\":{\"last\":{\"days\":9}}}");
        break;
    case 3:
        put(text, "\"breakdown\",\"by\":\"channel\",\"of\":\"amount\",\"limit\":%u,\"events\":",
            1 + random_below(6));
        put_events(text, false);
        break;
    case 4:
        put(text, "\"trend\",\"units\":\"day\",\"of\":\"size\",\"events\":");
        put_events(text, false);
        break;
    case 5:
        put(text, "\"rfm\",\"of\":\"amount\",\"events\":");
        put_events(text, random_below(2) == 0);
        break;
    case 6:
        put(text, "\"interval\",\"pairs\":\"%s\",\"events\":{\"kind\":\"k1\"}",
            random_below(3) > 0 ? "first" : "all");
        break;
    default:
        put(text, "\"segment\"");
    }
}

/* ---- ways ----------------------------------------------------------------------------------- */

static bool is_same(const struct answer *a, const struct answer *b)
{
    const struct bitmap *both[] = {&a->members, &b->members};
    struct bitmap_terms terms = {.all = both, .all_count = 2};

    return a->row_count == b->row_count && a->column_count == b->column_count &&
           bitmap_count(&a->members) == bitmap_count(&b->members) &&
           bitmap_combine(&terms, NULL) == bitmap_count(&a->members) &&
           memcmp(a->cells == NULL ? both : (const void *)a->cells,
                  b->cells == NULL ? both : (const void *)b->cells,
                  (size_t)(a->row_count * a->column_count) * sizeof(int64_t)) == 0;
}

/* Persons asked alone say the same of themselves. */
static void ask_alone(struct world *world, const struct query *query, const struct moment *moment,
                      const struct bitmap *members)
{
    struct answer_leaf leaves[QUERY_CONDITION_MAX];

    for (int i = 0; i < ALONE && query->who_count > 0; i++) {
        uint32_t number = random_number();
        enum err err = answer_explain(world->arena, query, moment, number, leaves);

        if (err == E_NOT_FOUND)
            continue;
        assert_int_equal(err, OK);
        assert_int_equal(leaves[query->who_count - 1].is_true, bitmap_has(members, number));
    }
}

static void ask(struct world *world, const struct text *text, const struct query *query)
{
    struct answer_options options = {.is_generic = true, .is_columns_only = true};
    struct moment moment = {world->snapshots[0], world->view,
                            1000000000 + SPAN - (random_below(3) == 0 ? random_below(SPAN) : 0),
                            NULL};
    struct answer plain = {0}, other = {0};

    bitmap_init(&plain.members);
    bitmap_init(&other.members);
    assert_int_equal(answer_run(world->arena, query, &moment, &options, &plain), OK);
    world->answered++;
    world->some += plain.row_count > 0 || bitmap_count(&plain.members) > 0;
    if (query->ask == QUERY_SEGMENT)
        ask_alone(world, query, &moment, &plain.members);
    for (int way = 0; way < 8; way++) {
        options = (struct answer_options){.thread_count = 1 + way % 2,
                                          .level = (enum scan_level)random_below(4),
                                          .is_columns_only = way / 4 % 2 == 0,
                                          .is_generic = random_below(4) == 0};
        moment.events = world->snapshots[way / 2 % 2];
        assert_int_equal(answer_run(world->arena, query, &moment, &options, &other), OK);
        if (!is_same(&plain, &other))
            print_message("%s as of %" PRId64 ", way %d\n", text->at, moment.as_of, way);
        assert_true(is_same(&plain, &other));
    }
    bitmap_release(&plain.members);
    bitmap_release(&other.members);
}

static void test_every_way_is_the_same(void **state)
{
    struct world world;
    int answered = 0, some = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        kinds[5].number = round % 2 == 0 ? 5 : 700; /* wide ones in every second base */
        world_begin(&world);
        for (int i = 0; i < ASKED; i++) {
            struct text text = {.len = 0};
            struct query_fault fault = {0};
            struct query query;

            put(&text, "{\"version\":1,\"ask\":");
            put_question(&text);
            if (random_below(2) == 0 || text.at[text.len - 2] == 't') {
                put(&text, ",");
                put_who(&text);
            }
            put(&text, "}");
            if (query_read(world.arena, &world.catalog, str_of(text.at), &query, &fault) != OK)
                print_message("%s: %.*s\n", text.at, STR(fault.path));
            assert_null(fault.code);
            ask(&world, &text, &query);
        }
        answered += world.answered;
        some += world.some;
        world_end(&world);
    }
    print_message("%d of %d answers are not empty\n", some, answered);
    assert_true(some * 2 > answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
