/* See native.h. */
#include "native.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/file.h"

#define BATCH 37 /* events */

/* ---- events ---------------------------------------------------------------------------------- */

static void append(struct native *native, const struct world *world, int from, int to)
{
    struct engine_event events[BATCH];
    struct engine_value values[BATCH * WORLD_COLUMNS];
    struct store_batch batch = {.position = from + 1};
    uint32_t count = 0;
    uint64_t seq;

    for (int i = from; i < to; i++) {
        const struct world_fact *fact = &world->facts[i];
        uint32_t first = count;

        for (int j = 0; j < WORLD_COLUMNS; j++) {
            if (fact->values[j] != NONE)
                values[count++] =
                    (struct engine_value){.value = fact->values[j], .column = (uint16_t)j};
        }
        if (count > first)
            values[count - 1].is_last = 1;
        events[i - from] =
            (struct engine_event){fact->number, (uint32_t)fact->second, (uint16_t)fact->kind,
                                  (uint16_t)fact->channel, count > first ? first : EVENTS_NO_VALUE};
    }
    batch.events = (struct events){events, (size_t)(to - from), values, count};
    must(store_append(native->store, &batch, &seq) == OK);
}

/* Half of them in blocks, a third in runs, the rest as they came. */
static void store_fill(struct native *native, const struct world *world)
{
    static const struct store_options options = {
        .schema = {.posting_kinds = {7, 1}, .posting_count = 2, .week_offset = 3 * 86400},
        .tail_max = 97,
        .merge_ppm = 1000000,
        .merge_min = 1 << 30,
        .log_bytes = 1 << 18,
        .is_manual = true};
    int runs_end = world->fact_count - world->fact_count / 6;
    bool did;

    snprintf(native->folder, sizeof(native->folder), "/tmp/papilio-oracle-XXXXXX");
    must(mkdtemp(native->folder) != NULL);
    must(store_open(str_of(native->folder), &options, &native->store) == OK);
    for (int at = 0, to; at < world->fact_count; at = to) {
        to = at + BATCH < world->fact_count ? at + BATCH : world->fact_count;
        append(native, world, at, to);
        if (at < world->fact_count / 2 && to >= world->fact_count / 2)
            must(store_merge(native->store) == OK);
        for (did = true; did && at >= world->fact_count / 2 && at < runs_end;)
            must(store_step(native->store, &did) == OK);
    }
    native->snapshot = store_snapshot(native->store);
}

/* ---- people ---------------------------------------------------------------------------------- */

static void record_fill(struct people *people, const struct world_record *record)
{
    struct str texts[WORLD_TEXTS];
    int count = 0;

    people_add(people, record->number);
    for (int i = 0; i < WORLD_ATTRIBUTES; i++) {
        enum value_type type = world_attributes[i].type;

        if (type != VALUE_TEXT && type != VALUE_CHOICES)
            people_set_number(people, record->number, i, record->values[i]);
    }
    if (record->values[WORLD_CITY] != NONE) {
        texts[0] = str_of(world_texts[record->values[WORLD_CITY]]);
        people_set_texts(people, record->number, WORLD_CITY, texts, 1);
    }
    for (int i = 0; i < WORLD_TEXTS && record->values[WORLD_LIKES] != NONE; i++) {
        if (record->values[WORLD_LIKES] >> i & 1)
            texts[count++] = str_of(world_texts[i]);
    }
    people_set_texts(people, record->number, WORLD_LIKES, texts, count);
    for (int i = 0; i < 3 * WORLD_SETS; i++)
        people_set(people, (enum set_kind)(i / WORLD_SETS),
                   world_set_id((enum set_kind)(i / WORLD_SETS), i % WORLD_SETS), record->number,
                   record->sets[i / WORLD_SETS] >> i % WORLD_SETS & 1);
}

static void people_fill(struct native *native, const struct world *world)
{
    struct people *people = people_new();

    native->people = people;
    for (int i = 0; i < WORLD_ATTRIBUTES; i++)
        people_attribute(people, i, world_attributes[i].type);
    for (int i = 0; i < world->record_count; i++) {
        if (world->records[i].is_known)
            record_fill(people, &world->records[i]);
    }
    people_publish(people);
    for (int i = 0; i < world->record_count; i++) {
        const struct world_record *record = &world->records[i];

        if (record->was_linked) {
            people_link(people, record->number, world->records[0].number);
            people_publish(people);
            people_link(people, record->number, record->number);
        }
    }
    for (int i = 0; i < world->record_count; i++) {
        if (world->records[i].kept != world->records[i].number)
            people_link(people, world->records[i].number, world->records[i].kept);
    }
    for (int i = 0; i < world->record_count; i++) {
        if (world->records[i].is_deleted)
            people_delete(people, world->records[i].number);
    }
    people_publish(people);
    native->view = people_hold(people);
}

/* ---- all ------------------------------------------------------------------------------------- */

void native_open(struct native *native, const struct world *world)
{
    *native = (struct native){0};
    store_fill(native, world);
    people_fill(native, world);
    native->dictionaries[WORLD_WORD] = dictionary_new();
    for (int i = 0; i < WORLD_TEXTS; i++)
        must(dictionary_add(native->dictionaries[WORLD_WORD], str_of(world_texts[i])) == i);
}

void native_close(struct native *native)
{
    people_release(native->people, native->view);
    people_free(native->people);
    store_release(native->store, native->snapshot);
    store_close(native->store);
    dictionary_free(native->dictionaries[WORLD_WORD]);
    must(folder_remove(str_of(native->folder)) == OK);
}

void native_codes(const struct native *native, int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS])
{
    for (int i = 0; i < WORLD_ATTRIBUTES; i++) {
        const struct people_column *column = people_column(native->view, i);

        for (int j = 0; j < WORLD_TEXTS; j++) {
            codes[i][j] = NONE;
            for (int k = 0; column != NULL && k < column->text_count; k++) {
                if (str_is(column->texts[k], world_texts[j]))
                    codes[i][j] = k;
            }
        }
    }
}

struct moment native_moment(const struct native *native, int64_t as_of)
{
    return (struct moment){.events = native->snapshot,
                           .people = native->view,
                           .as_of = as_of,
                           .dictionaries = (const struct dictionary *const *)native->dictionaries};
}
