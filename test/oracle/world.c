/* See world.h. */
#include "world.h"

#include <stdlib.h>

#include "days.h"
#include "host/file.h"

#define DAY INT64_C(86400)
#define RECORD_COUNT WORLD_RECORD_MAX
#define FACT_COUNT 1300
#define PAST_DAYS 130

const char *const world_texts[WORLD_TEXTS] = {"a",    "ab",     "abc",      "O'Hare",
                                              "上海", "上海市", "Abc 100%", "x_y\\z"};
const struct catalog_kind world_kinds[WORLD_KINDS] = {
    {S("asked"), 12},      {S("bound"), 1},      {S("called"), 2},
    {S("delivered"), 300}, {S("ended"), 40},     {S("forwarded"), 5},
    {S("gone"), 65535},    {S("order_paid"), 7}, {S("page_viewed"), 3}};
const struct catalog_field world_columns[WORLD_COLUMNS] = {{S("amount"), VALUE_MONEY},
                                                           {S("subject"), VALUE_ID},
                                                           {S("pieces"), VALUE_NUMBER},
                                                           {S("word"), VALUE_TEXT},
                                                           {S("due"), VALUE_DATE}};
const struct catalog_field world_attributes[WORLD_ATTRIBUTES] = {
    {S("score"), VALUE_NUMBER}, {S("paid"), VALUE_MONEY}, {S("birthday"), VALUE_DATE},
    {S("joined"), VALUE_DATE},  {S("city"), VALUE_TEXT},  {S("likes"), VALUE_CHOICES},
    {S("owner"), VALUE_ID}};

/* ---- dice ------------------------------------------------------------------------------------ */

int64_t dice_below(struct dice *dice, int64_t max)
{
    uint64_t x = dice->state += 0x9e3779b97f4a7c15u; /* splitmix64 */

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (int64_t)((x ^ x >> 31) % (uint64_t)max);
}

bool dice_is(struct dice *dice, int percent)
{
    return dice_below(dice, 100) < percent;
}

/* ---- the catalog ----------------------------------------------------------------------------- */

static struct {
    struct arena *arena;
    const struct zone *zones[DAYS_ZONES];
} shared;

static const struct zone *zone_of(int which)
{
    struct zone *zone;

    if (shared.arena == NULL)
        shared.arena = arena_new(16 * 1024 * 1024);
    if (shared.zones[which] == NULL) {
        must(zone_load(shared.arena, str_of(days_zones[which].name), &zone) == OK);
        shared.zones[which] = zone_with_day_start(shared.arena, zone, days_zones[which].day_start);
    }
    return shared.zones[which];
}

int world_zone(const struct zone *zone)
{
    for (int i = 0; i < DAYS_ZONES; i++) {
        if (shared.zones[i] == zone)
            return i;
    }
    must_fail("a zone of this world", __FILE__, __LINE__);
}

static const struct zone *zone_find(void *user, struct arena *arena, struct str name)
{
    (void)user;
    (void)arena;
    for (int i = 0; i < DAYS_ZONES; i++) {
        if (str_is(name, days_zones[i].name))
            return zone_of(i);
    }
    return NULL;
}

int64_t world_set_id(enum set_kind kind, int which)
{
    return 900001 + (int64_t)kind * 1000 + which;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    return id >= world_set_id(kind, 0) && id < world_set_id(kind, WORLD_SETS);
}

struct catalog world_catalog(struct arena *arena)
{
    (void)arena;
    return (struct catalog){.kinds = world_kinds,
                            .kind_count = WORLD_KINDS,
                            .columns = world_columns,
                            .column_count = WORLD_COLUMNS,
                            .attributes = world_attributes,
                            .attribute_count = WORLD_ATTRIBUTES,
                            .zone = zone_of(0),
                            .zone_find = zone_find,
                            .set_find = set_find};
}

/* ---- when ------------------------------------------------------------------------------------ */

/* Clocks change near all but the last. */
static const int anchors[][3] = {{2012, 3, 26}, {2012, 10, 29}, {2011, 12, 31}, {2012, 10, 21},
                                 {2012, 2, 28}, {2012, 3, 2},   {2013, 1, 1},   {2011, 4, 4},
                                 {2012, 11, 5}, {2013, 3, 11},  {2013, 2, 28},  {2011, 3, 2},
                                 {2010, 7, 16}, {2011, 2, 27},  {2011, 11, 7}};

static void edge_add(struct world *world, int64_t second)
{
    if (world->edge_count < WORLD_EDGE_MAX)
        world->edges[world->edge_count++] = second;
}

static void moments_make(struct world *world, struct arena *arena, struct sql *sql,
                         struct dice *dice)
{
    static const int64_t rolling[] = {3600, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY};
    const int *date = anchors[dice_below(dice, ARRAY_LEN(anchors))];
    int64_t anchor = days_of(date[0], date[1], date[2]) * DAY;
    struct sql_rows rows =
        sql_rows(sql, arena,
                 str_fmt(arena,
                         "SELECT start FROM span WHERE unit < 5 AND start > %" PRId64
                         " AND start < %" PRId64 " AND (unit > 0 OR start > %" PRId64 ")",
                         anchor - PAST_DAYS * DAY, anchor + 3 * DAY, anchor - 12 * DAY));

    must(rows.row_count > 0);
    for (int i = 0; i < WORLD_MOMENTS; i++) {
        int64_t edge = rows.cells[dice_below(dice, rows.row_count)];

        while (edge < anchor - 3 * DAY)
            edge = rows.cells[dice_below(dice, rows.row_count)];
        world->moments[i] = i < 2   ? edge
                            : i < 4 ? edge + dice_below(dice, 3) - 1
                                    : anchor - dice_below(dice, 3 * DAY);
        edge_add(world, world->moments[i]);
        for (size_t j = 0; j < ARRAY_LEN(rolling); j++)
            edge_add(world, world->moments[i] - rolling[j]);
    }
    for (int64_t i = 0; i < rows.row_count; i++)
        edge_add(world, rows.cells[i]);
}

static int64_t second_make(const struct world *world, struct dice *dice)
{
    int64_t now = world->moments[0];

    if (dice_is(dice, 40))
        return world->edges[dice_below(dice, world->edge_count)] + dice_below(dice, 3) - 1;
    if (dice_is(dice, 30)) /* close together */
        return now - 5 * DAY + dice_below(dice, 5) * 3600 + dice_below(dice, 4);
    return now + 2 * DAY - dice_below(dice, dice_is(dice, 50) ? 12 * DAY : PAST_DAYS * DAY);
}

/* ---- people ---------------------------------------------------------------------------------- */

static int64_t attribute_make(struct dice *dice, enum world_attribute attribute)
{
    if (dice_is(dice, 25))
        return NONE;
    switch (attribute) {
    case WORLD_SCORE:
        return dice_below(dice, 11) - 3;
    case WORLD_PAID:
        return dice_below(dice, 5) * 2500;
    case WORLD_BIRTHDAY:
        return days_old((int)dice_below(dice, dice_is(dice, 35) ? 10 : DAYS_OLD));
    case WORLD_JOINED:
        return days_of(2013, 2, 1) - dice_below(dice, 700);
    case WORLD_CITY:
        return dice_below(dice, WORLD_TEXTS - 1); /* one that nobody has */
    case WORLD_LIKES:
        return dice_below(dice, 15) + 1;
    default:
        return dice_below(dice, 4) + 1;
    }
}

static void records_make(struct world *world, struct arena *arena, struct dice *dice)
{
    world->record_count = RECORD_COUNT;
    world->records = arena_new_array(arena, struct world_record, RECORD_COUNT);
    for (int i = 0; i < RECORD_COUNT; i++) {
        struct world_record *record = &world->records[i];

        /* Three shards, their first and last numbers among them; every number once. */
        record->number =
            (uint32_t)(i % 3 * SHARD_NUMBERS + (i < 3   ? 0
                                                : i < 6 ? SHARD_NUMBERS - 1
                                                        : i / 3 * 40 + dice_below(dice, 40)));
        record->kept = record->number;
        record->is_known = !dice_is(dice, 4);
        for (int j = 0; j < WORLD_ATTRIBUTES; j++)
            record->values[j] =
                record->is_known ? attribute_make(dice, (enum world_attribute)j) : NONE;
        for (int j = 0; j < 3 && record->is_known; j++)
            record->sets[j] =
                (uint32_t)(dice_below(dice, 8) & dice_below(dice, 8)); /* each a quarter */
    }
}

/* Some people have two or three records, some two of them in different shards; the kept one may
 * have the higher number. */
static void links_make(struct world *world, struct dice *dice)
{
    for (int i = 0; i < RECORD_COUNT / 6; i++) {
        struct world_record *record = &world->records[dice_below(dice, RECORD_COUNT)];
        struct world_record *other = &world->records[dice_below(dice, RECORD_COUNT)];

        if (!record->is_known || !other->is_known || record == other)
            continue;
        if (record->kept != record->number || other->kept != other->number)
            continue;
        if (dice_is(dice, 15)) {
            record->was_linked = true;
            continue;
        }
        for (int j = 0; j < RECORD_COUNT; j++) {
            if (world->records[j].kept == record->number)
                world->records[j].kept = other->number;
        }
    }
    for (int i = 0; i < 5; i++) {
        uint32_t gone = world->records[dice_below(dice, RECORD_COUNT)].kept;

        for (int j = 0; j < RECORD_COUNT; j++)
            world->records[j].is_deleted |= world->records[j].kept == gone;
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static int64_t value_make(struct dice *dice, enum world_column column)
{
    switch (column) {
    case WORLD_AMOUNT:
        return dice_is(dice, 80) ? dice_below(dice, 6) * 500 : dice_below(dice, 20000) - 3000;
    case WORLD_SUBJECT:
        return dice_is(dice, 90) ? dice_below(dice, 5) + 1 : 5000000000 + dice_below(dice, 2);
    case WORLD_PIECES:
        return dice_below(dice, 5);
    case WORLD_WORD:
        return dice_below(dice, WORLD_TEXTS);
    default:
        return days_of(2012, 1, 1) + dice_below(dice, 400);
    }
}

static void fact_make(struct world *world, struct dice *dice, int at)
{
    struct world_fact *fact = &world->facts[at];
    int64_t most = dice_below(dice, RECORD_COUNT), who = dice_below(dice, most + 1);
    int64_t before = at - 1 - dice_below(dice, 20);
    const struct world_record *record = &world->records[who];

    /* The last few have no events. */
    *fact = (struct world_fact){.number = record->number, .second = second_make(world, dice)};
    if (before >= 0 && dice_is(dice, 20)) /* in the same second, perhaps of the same record */
        fact->second = world->facts[before].second;
    if (before >= 0 && dice_is(dice, 10))
        fact->number = world->facts[before].number;
    fact->kind = world_kinds[dice_below(dice, dice_is(dice, 60) ? 3 : WORLD_KINDS)].number;
    if (dice_is(dice, 20))
        fact->kind = 7;
    fact->channel = (int)dice_below(dice, WORLD_CHANNELS);
    for (int i = 0; i < WORLD_COLUMNS; i++)
        fact->values[i] = dice_is(dice, 45) ? value_make(dice, (enum world_column)i) : NONE;
}

static int by_second(const void *a, const void *b)
{
    const struct world_fact *x = a, *y = b;

    return x->second < y->second ? -1 : x->second > y->second;
}

void world_make(struct world *world, struct arena *arena, struct sql *sql, uint64_t seed)
{
    struct dice dice = {seed};

    *world = (struct world){.seed = seed};
    moments_make(world, arena, sql, &dice);
    records_make(world, arena, &dice);
    links_make(world, &dice);
    world->fact_count = FACT_COUNT;
    world->facts = arena_new_array(arena, struct world_fact, FACT_COUNT);
    for (int i = 0; i < FACT_COUNT; i++)
        fact_make(world, &dice, i);
    if (dice_is(&dice, 70)) { /* mostly in time */
        qsort(world->facts, FACT_COUNT, sizeof(*world->facts), by_second);
        for (int i = 0; i < FACT_COUNT / 5; i++) {
            struct world_fact *one = &world->facts[dice_below(&dice, FACT_COUNT)];
            struct world_fact *two = &world->facts[dice_below(&dice, FACT_COUNT)], was = *one;

            *one = *two;
            *two = was;
        }
    }
}
