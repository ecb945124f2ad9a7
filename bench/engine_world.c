/* What questions in the query language are asked of: the catalog and the people of generated data.
 */
#include "engine_world.h"

#include "host/file.h"

#include <stdio.h>

#define PIECE 4096 /* members of a tag at a time */

static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY}};
static const struct catalog_field attributes[WORLD_ATTRIBUTES] = {
    {S("age"), VALUE_NUMBER}, {S("a1"), VALUE_NUMBER}, {S("a2"), VALUE_NUMBER},
    {S("a3"), VALUE_NUMBER},  {S("a4"), VALUE_NUMBER}, {S("a5"), VALUE_NUMBER},
    {S("a6"), VALUE_NUMBER},  {S("a7"), VALUE_NUMBER}, {S("a8"), VALUE_NUMBER},
    {S("a9"), VALUE_NUMBER},
};

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    (void)id;
    return true;
}

void world_catalog(struct world *world)
{
    for (int i = 0; i < DATA_KINDS; i++) {
        snprintf(world->names[i], sizeof(world->names[i]), "k%02d", i);
        world->kinds[i] = (struct catalog_kind){str_of(world->names[i]), (uint16_t)i};
    }
    must(zone_load(world->arena, S("UTC"), &world->zone) == OK);
    world->catalog = (struct catalog){.kinds = world->kinds,
                                      .kind_count = DATA_KINDS,
                                      .columns = columns,
                                      .column_count = ARRAY_LEN(columns),
                                      .attributes = attributes,
                                      .attribute_count = ARRAY_LEN(attributes),
                                      .zone = world->zone,
                                      .set_find = set_find};
}

/* ---- people ---------------------------------------------------------------------------------- */

static void tag_give(struct people *people, int64_t tag, const struct bitmap *members)
{
    uint32_t numbers[PIECE], from = 0;
    size_t count = PIECE;

    while (count == PIECE) {
        count = bitmap_read(members, from, numbers, PIECE);
        for (size_t i = 0; i < count; i++)
            people_set(people, SET_TAG, tag, numbers[i], true);
        from = count > 0 ? numbers[count - 1] + 1 : from;
    }
}

void world_people(struct world *world, uint32_t customer_count)
{
    struct people *people = people_new();

    for (int a = 0; a < WORLD_ATTRIBUTES; a++)
        people_attribute(people, a, VALUE_NUMBER);
    for (uint32_t i = 0; i < customer_count; i++) {
        people_add(people, i);
        for (uint32_t a = 0; a < WORLD_ATTRIBUTES; a++)
            people_set_number(people, i, (int)a, (i + a) * 2654435761u % 90);
    }
    for (int tag = 0; tag < DATA_TAGS; tag++)
        tag_give(people, tag + 1, &world->data.tags[tag]);
    people_publish(people);
    world->people = people;
    world->moment.people = people_hold(people);
    world->moment.as_of = DATA_NOW;
}

void world_people_free(struct world *world)
{
    people_release(world->people, world->moment.people);
    people_free(world->people);
}

void world_query(const struct world *world, struct arena *arena, const char *text,
                 struct query *out)
{
    struct str whole = str_fmt(arena, "{\"version\":1,\"ask\":%s}", text);
    struct query_fault fault;

    must(query_read(arena, &world->catalog, whole, out, &fault) == OK);
}
