/* Live segments beside the plain answer: events on time, late and ahead, tags, attributes, merges
 * and their undoing, deletions, time that passes, flips that are not taken. After each run
 * everybody is asked anew, and membership must be the same. */
#include "engine/roster.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/file.h"

#define PERSONS 60
#define START 1700000000
#define FLIP_MAX (2 * ROSTER_SEGMENT_MAX)
#define TAG 9

static uint64_t seed;
static char folder[64];
static struct arena *arena;
static struct store *store;
static struct people *people;
static int64_t now, position;
static struct zone *zone;
static uint32_t kept_of[PERSONS];
static bool is_gone[PERSONS];

static int64_t random_below(int64_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed >> 11) % max;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    return kind == SET_TAG && id == TAG;
}

static const struct catalog_kind kinds[] = {{{"cart", 4}, 2}, {{"order", 5}, 3}, {{"view", 4}, 1}};
static const struct catalog_field columns[] = {{{"amount", 6}, VALUE_MONEY}};
static const struct catalog_field attributes[] = {{{"city", 4}, VALUE_TEXT},
                                                  {{"born", 4}, VALUE_DATE}};

static struct catalog catalog_of(void)
{
    return (struct catalog){.kinds = kinds,
                            .kind_count = 3,
                            .columns = columns,
                            .column_count = 1,
                            .attributes = attributes,
                            .attribute_count = 2,
                            .zone = zone,
                            .set_find = set_find};
}

static const char *const definitions[] = {
    "{\"did\":{\"kind\":\"view\",\"within\":{\"last\":{\"seconds\":40}}},\"at_least\":2}",
    "{\"not\":{\"did\":{\"kind\":\"order\",\"within\":{\"last\":{\"seconds\":60}}}}}",
    "{\"all\":[{\"tag\":[\"9\"]},{\"did\":{\"kind\":\"cart\"}}]}",
    "{\"any\":[{\"attribute\":\"city\",\"is\":\"X\"},{\"did\":{\"kind\":\"order\"},\"measure\":"
    "\"sum\",\"of\":\"amount\",\"at_least\":9}]}",
    "{\"sequence\":[{\"kind\":\"view\",\"within\":{\"last\":{\"seconds\":90}}},{\"kind\":\"order\"}"
    "],\"within_seconds\":20}",
    "{\"first_time\":{\"kind\":\"view\",\"within\":{\"last\":{\"seconds\":50}}}}",
    "{\"stopped\":{\"kind\":\"view\",\"within\":{\"last\":{\"seconds\":90}}},\"later\":{\"last\":{"
    "\"seconds\":30}}}",
    "{\"did\":{\"within\":{\"units\":\"day\",\"count\":1,\"current\":true}},\"at_least\":3}",
    "{\"everyone\":true}",
    "{\"all\":[{\"attribute\":\"born\",\"within\":{\"last\":{\"seconds\":86450}}},{\"not\":{"
    "\"tag\":["
    "\"9\"]}}]}",
    "{\"any\":[{\"attribute\":\"born\",\"anniversary\":[0,1]},{\"bucket\":{\"salt\":\"x\",\"from\":"
    "0,"
    "\"to\":200000}},{\"did\":{\"kind\":\"cart\"},\"at_least\":4}]}",
};
#define SEGMENTS ((int)ARRAY_LEN(definitions))

static struct str text_of(int segment)
{
    return str_fmt(arena, "{\"version\":1,\"ask\":\"segment\",\"who\":%s}", definitions[segment]);
}

static void zone_make(void)
{
    struct zone *utc;
    struct str bytes;

    assert_int_equal(file_read(arena, S("/usr/share/zoneinfo/UTC"), 1 << 20, &bytes), OK);
    assert_int_equal(zone_parse(arena, bytes, &utc), OK);
    /* a day begins some seconds after the start: 1,700,000,000 is 22:13:20 */
    zone = zone_with_day_start(arena, utc, 22 * 60 + 15);
}

static void begin(uint64_t with)
{
    struct store_options options = {.is_manual = true, .tail_max = 16, .merge_min = 64};

    snprintf(folder, sizeof folder, "/tmp/papilio-roster.XXXXXX");
    seed = with;
    arena = arena_new((size_t)256 << 20);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_open(str_of(folder), &options, &store), OK);
    people = people_new();
    people_attribute(people, 0, VALUE_TEXT);
    people_attribute(people, 1, VALUE_DATE);
    for (uint32_t i = 0; i < PERSONS; i++) {
        people_add(people, i);
        kept_of[i] = i;
        is_gone[i] = false;
    }
    people_publish(people);
    now = START;
    position = 0;
    zone_make();
}

static void end(void)
{
    store_close(store);
    assert_int_equal(folder_remove(str_of(folder)), OK);
    people_free(people);
    arena_free(arena);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void event_add(struct roster *roster)
{
    struct engine_value amount = {.value = random_below(6), .column = EVENTS_AMOUNT, .is_last = 1};
    struct engine_event event = {
        .customer = (uint32_t)random_below(PERSONS),
        .second = (uint32_t)(now - random_below(8) * random_below(12) + random_below(3)),
        .kind = (uint16_t)(1 + random_below(3)),
        .value = random_below(2) == 0 ? 0 : EVENTS_NO_VALUE};
    struct store_batch batch = {0, ++position, {&event, 1, &amount, event.value == 0 ? 1 : 0}};
    uint64_t seq;

    assert_int_equal(store_append(store, &batch, &seq), OK);
    roster_touch_event(roster, event.customer, event.kind);
}

static void link_change(uint32_t number)
{
    uint32_t other = (uint32_t)random_below(PERSONS);

    if (kept_of[number] != number) {
        kept_of[number] = number;
    } else {
        for (uint32_t i = 0; i < PERSONS; i++)
            if (i != number && kept_of[i] == number)
                return; /* links are never chains */
        if (kept_of[other] != other || is_gone[other] || is_gone[number])
            return;
        kept_of[number] = other;
    }
    people_link(people, number, kept_of[number]);
}

static void person_change(void)
{
    uint32_t number = (uint32_t)random_below(PERSONS);
    struct str city = random_below(2) == 0 ? S("X") : S("Y");

    switch (random_below(40)) {
    case 0:
        people_delete(people, number);
        is_gone[number] = true;
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        link_change(number);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        people_set_number(people, number, 1, START / 86400 - 2 + random_below(5));
        break;
    case 10:
    case 11:
    case 12:
        people_set_texts(people, number, 0, &city, (int)random_below(2));
        break;
    default:
        people_set(people, SET_TAG, TAG, number, random_below(2) == 0);
    }
}

/* ---- the plain answer ------------------------------------------------------------------------ */

static void members_check(struct roster *roster, const struct moment *moment, int segment)
{
    struct catalog catalog = catalog_of();
    struct program *program = program_new();
    struct query_fault fault;
    struct query query;
    const struct bitmap *members = roster_members(roster, segment);
    int64_t count = 0;

    assert_int_equal(query_read(arena, &catalog, text_of(segment), &query, &fault), OK);
    program_add(program, &query);
    program_at(program, moment);
    for (uint32_t i = 0; i < PERSONS; i++) {
        uint32_t numbers[PERSONS];
        struct answer_leaf root = {0};

        if (bitmap_has(people_all(moment->people), i)) {
            program_begin(program, numbers, people_numbers(moment->people, i, numbers, PERSONS),
                          NULL);
            program_person(program, moment->events);
            assert_int_equal(program_result(program, 0, NULL, &root), OK);
        }
        if (root.is_true != bitmap_has(members, i))
            fail_msg("seed %" PRIu64 " at %" PRId64 ": segment %d, person %u: %d", seed, now,
                     segment, i, root.is_true);
        count += root.is_true;
    }
    assert_int_equal(bitmap_count(members), count);
    program_free(program);
}

static bool flips_are_true(const struct roster *roster, const struct roster_work *work)
{
    for (int i = 0; i < work->count; i++) {
        const struct roster_flip *one = &work->flips[i];

        if (bitmap_has(roster_members(roster, one->segment), one->person) == one->is_in)
            return false;
        for (int j = 0; j < i; j++)
            if (work->flips[j].person == one->person && work->flips[j].segment == one->segment)
                return false;
    }
    return true;
}

/* Runs until nothing is left; now and then the flips are not taken. Returns how many were. */
static int64_t settle(struct roster *roster, const struct moment *moment, struct roster_flip *flips)
{
    struct roster_work work = {.flips = flips, .max = FLIP_MAX, .has_more = true};
    int64_t taken = 0;

    while (work.has_more || work.count > 0) {
        roster_run(roster, moment, &work);
        assert_true(flips_are_true(roster, &work));
        assert_true(roster_next(roster) == NONE || roster_next(roster) > moment->as_of ||
                    work.has_more);
        if (work.count > 0 && random_below(4) == 0) {
            roster_refuse(roster, &work);
            continue;
        }
        roster_accept(roster, &work);
        taken += work.count;
    }
    return taken;
}

static int64_t round_run(struct roster *roster, struct roster_flip *flips)
{
    struct moment moment = {.as_of = now};
    int64_t taken;
    bool did;

    for (int i = (int)random_below(4); i > 0; i--)
        event_add(roster);
    for (int i = (int)random_below(2); i > 0; i--)
        person_change();
    if (random_below(8) == 0)
        assert_int_equal(store_step(store, &did), OK);
    people_publish(people);
    moment.events = store_snapshot(store);
    moment.people = people_hold(people);
    taken = settle(roster, &moment, flips);
    for (int i = 0; i < SEGMENTS; i++)
        if (roster_members(roster, i) != NULL)
            members_check(roster, &moment, i);
    people_release(people, moment.people);
    store_release(store, moment.events);
    return taken;
}

static void segment_add(struct roster *roster, int64_t id, int definition)
{
    struct catalog catalog = catalog_of();
    struct roster_definition one = {.id = id, .text = text_of(definition)};
    struct query_fault fault;

    assert_int_equal(roster_add(roster, arena, &catalog, &one, &fault), OK);
}

static void one_seed(uint64_t with)
{
    struct roster_flip *flips;
    struct roster *roster = roster_new();
    int64_t taken = 0;

    begin(with);
    roster_watch(roster, people);
    flips = arena_new_array(arena, struct roster_flip, FLIP_MAX);
    for (int round = 0; round < 300; round++) {
        if (round % 20 == 0 && round / 20 < SEGMENTS)
            segment_add(roster, round / 20, round / 20);
        if (round == 250) /* another definition, the same members until it is filled */
            segment_add(roster, 0, 1);
        if (round == 251)
            segment_add(roster, 0, 0);
        if (round == 250)
            continue;
        taken += round_run(roster, flips);
        now += random_below(3) == 0 ? random_below(30) : random_below(3);
    }
    assert_true(taken > 500);
    assert_true(roster_is_full(roster, 3));
    roster_drop(roster, 3);
    assert_null(roster_members(roster, 3));
    people_watched(people, NULL, NULL);
    roster_free(roster);
    end();
}

static void test_beside_plain_answer(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 6; i++)
        one_seed(i * UINT64_C(88172645463325252));
}

/* What no segment names, and what stays as it was, asks nobody. */
static void test_asks_only_what_is_named(void **state)
{
    struct roster *roster = roster_new();
    struct str city = S("X");
    struct roster_flip *flips;

    (void)state;
    begin(77);
    roster_watch(roster, people);
    flips = arena_new_array(arena, struct roster_flip, FLIP_MAX);
    segment_add(roster, 3, 3); /* of the city and of orders */
    people_set_texts(people, 4, 0, &city, 1);
    (void)round_run(roster, flips);
    assert_false(roster_has_work(roster, now));
    people_set(people, SET_TAG, 5, 4, true);
    people_set(people, SET_TAG, TAG, 5, true);
    people_set(people, SET_TAG, TAG, 5, false);
    people_set_texts(people, 4, 0, &city, 1);
    roster_touch_event(roster, 4, 1);
    assert_false(roster_has_work(roster, now));
    city = S("Z");
    people_set_texts(people, 4, 0, &city, 1);
    assert_true(roster_has_work(roster, now));
    people_watched(people, NULL, NULL);
    roster_free(roster);
    end();
}

/* Who is in no cell is not known while there was no room or time to find it: nobody comes in, until
 * it was found an hour later. */
static void test_waits_for_its_cells(void **state)
{
    const struct answer_options small = {.memory_max = 1}, late = {.deadline_ms = 1};
    struct roster *roster = roster_new();
    struct roster_definition one = {.id = 5};
    struct query_fault fault;
    struct catalog catalog;
    struct roster_flip *flips;
    struct moment moment;

    (void)state;
    begin(78);
    one.text =
        S("{\"version\":1,\"ask\":\"segment\",\"who\":{\"not\":{\"answer\":{\"ask\":\"breakdown\","
          "\"events\":{\"kind\":\"order\"},\"by\":\"kind\"},\"cell\":{}}}}");
    catalog = catalog_of();
    flips = arena_new_array(arena, struct roster_flip, FLIP_MAX);
    assert_int_equal(roster_add(roster, arena, &catalog, &one, &fault), OK);
    moment = (struct moment){.events = store_snapshot(store),
                             .people = people_hold(people),
                             .as_of = now,
                             .cells_within = &small};
    assert_int_equal(settle(roster, &moment, flips), 0);
    assert_false(roster_is_full(roster, 5));
    assert_int_equal(roster_fault(roster, 5), E_TOO_LARGE);
    assert_false(roster_has_work(roster, now));
    assert_true(roster_next(roster) <= now + 3600);
    moment.as_of += 3600;
    moment.cells_within = &late;
    assert_int_equal(settle(roster, &moment, flips), 0);
    assert_int_equal(roster_fault(roster, 5), E_BUSY);
    assert_false(roster_has_work(roster, moment.as_of));
    moment.as_of += 3600;
    moment.cells_within = NULL;
    assert_int_equal(settle(roster, &moment, flips), PERSONS);
    assert_true(roster_is_full(roster, 5));
    assert_int_equal(roster_fault(roster, 5), OK);
    people_release(people, moment.people);
    store_release(store, moment.events);
    roster_free(roster);
    end();
}

/* What is wrong is said in the caller's memory: nothing is left of the one that was refused. */
static void test_says_what_is_wrong(void **state)
{
    struct roster *roster = roster_new();
    struct roster_definition one = {
        .id = 5,
        .text = S("{\"version\":1,\"ask\":\"segment\",\"who\":{\"not\":{\"segment\":[\"999\"]}}}")};
    struct query_fault fault;
    struct catalog catalog;

    (void)state;
    begin(79);
    catalog = catalog_of();
    assert_int_equal(roster_add(roster, arena, &catalog, &one, &fault), E_INPUT);
    assert_string_equal(fault.code, "query.name");
    assert_string_equal(str_cstr(arena, fault.path), "/who/not/segment/0");
    assert_true(fault.message.len > 0);
    assert_null(roster_members(roster, 5));
    roster_free(roster);
    end();
}

/* A customer may have any number there is. */
static void test_the_last_number(void **state)
{
    struct roster *roster = roster_new();
    struct roster_flip *flips;

    (void)state;
    begin(79);
    flips = arena_new_array(arena, struct roster_flip, FLIP_MAX);
    segment_add(roster, 3, 3);
    roster_touch_event(roster, STORE_CUSTOMER_MAX - 1, 3);
    (void)round_run(roster, flips);
    assert_false(roster_has_work(roster, now));
    roster_free(roster);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_only_what_is_named), cmocka_unit_test(test_beside_plain_answer),
        cmocka_unit_test(test_waits_for_its_cells),     cmocka_unit_test(test_says_what_is_wrong),
        cmocka_unit_test(test_the_last_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
