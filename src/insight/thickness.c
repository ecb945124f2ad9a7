/* Tag thickness: how many tags people have in each family, all within reach and by the channel at
 * the root of their own. Always: a person's tags are those of all its records, each counted once;
 * the rows of the channels add up to the row of all. */
#include <stdlib.h>

#include "gen/thickness.q.h"
#include "insight/insight.h"
#include "manage/audience/audience.h"

#define FAMILIES "channel|identity|intent|activity|spending"
#define FAMILY_COUNT 5
#define BAND_LAST 3 /* three tags and more */
#define RECORD_MAX 256
#define PAGE 4096
#define NOBODY UINT16_MAX

static const char *const family_names[FAMILY_COUNT] = {"channel", "identity", "intent", "activity",
                                                       "spending"};

struct thickness_family {
    struct str family;
    int64_t tag_count, held_count, none_count, one_count, two_count, more_count;
};
struct thickness_row {
    int64_t channel_id, customer_count;
    struct str channel_name;
    struct list families;
};
struct thickness_out {
    struct list items;
};
static const struct field thickness_family[] = {
    OUT(struct thickness_family, family, .one_of = FAMILIES),
    OUT(struct thickness_family, tag_count, .about = "tags there are"),
    OUT(struct thickness_family, held_count, .about = "tags these customers have, summed up"),
    OUT(struct thickness_family, none_count, .about = "customers without a tag of the family"),
    OUT(struct thickness_family, one_count),
    OUT(struct thickness_family, two_count),
    OUT(struct thickness_family, more_count, .about = "customers with three and more"),
};
static const struct field thickness_row[] = {
    OUT(struct thickness_row, channel_id, .is_optional = true, .about = "the root of a branch"),
    OUT(struct thickness_row, channel_name, .is_optional = true),
    OUT(struct thickness_row, customer_count),
    OUT(struct thickness_row, families,
        .of = SHAPE_OF("thickness_family", thickness_family, struct thickness_family)),
};
static const struct field thickness_out[] = {
    OUT(struct thickness_out, items,
        .of = SHAPE_OF("thickness_row", thickness_row, struct thickness_row),
        .about = "all customers first, then each branch of channels that has some, then those "
                 "without a channel"),
};

/* ---- whose row ------------------------------------------------------------------------------- */

struct place {
    int64_t channel_id;
    uint16_t row;
};
struct tally {
    const struct people_view *people;
    struct thickness_row *rows; /* [0] all, [1] without a channel, then the roots */
    int64_t row_count;
    struct place *places; /* by channel_id */
    int64_t place_count;
    uint16_t *row_of; /* by number of a person; NOBODY: not among those who are looked at */
    uint8_t *bands;   /* by number, of one family */
};

static struct thickness_family *family_of(const struct tally *tally, int64_t row, int family)
{
    return (struct thickness_family *)tally->rows[row].families.at + family;
}

static void row_add(struct ctx *c, struct tally *tally, int64_t channel_id, struct str name)
{
    struct thickness_family *families =
        arena_new_array(c->arena, struct thickness_family, FAMILY_COUNT);

    for (int i = 0; i < FAMILY_COUNT; i++)
        families[i].family = str_of(family_names[i]);
    tally->rows[tally->row_count++] = (struct thickness_row){
        .channel_id = channel_id, .channel_name = name, .families = {families, FAMILY_COUNT}};
}

static int place_compare(const void *a, const void *b)
{
    const struct place *one = a, *other = b;

    return (one->channel_id > other->channel_id) - (one->channel_id < other->channel_id);
}

static enum err rows_make(struct ctx *c, struct tally *tally)
{
    const struct q_thickness_channels_row *channel;
    struct list channels;

    TRY(q_thickness_channels(c, &channels));
    channel = channels.at;
    tally->rows = arena_new_array(c->arena, struct thickness_row, (size_t)channels.count + 2);
    tally->places = arena_new_array(c->arena, struct place, (size_t)channels.count + 1);
    row_add(c, tally, NONE, (struct str){0});
    row_add(c, tally, NONE, (struct str){0});
    for (int64_t i = 0; i < channels.count; i++) {
        if (channel[i].parent_id == NONE)
            row_add(c, tally, channel[i].id, channel[i].name);
        tally->places[i] = (struct place){channel[i].id, (uint16_t)(tally->row_count - 1)};
    }
    tally->place_count = channels.count;
    qsort(tally->places, (size_t)channels.count, sizeof(*tally->places), place_compare);
    return OK;
}

static uint16_t row_find(const struct tally *tally, int64_t channel_id)
{
    struct place key = {.channel_id = channel_id};
    const struct place *place = bsearch(&key, tally->places, (size_t)tally->place_count,
                                        sizeof(*tally->places), place_compare);

    return place ? place->row : 1;
}

/* ---- counting -------------------------------------------------------------------------------- */

static void persons_place(struct tally *tally, const struct bitmap *members,
                          const struct people_column *channels)
{
    uint32_t numbers[PAGE], from = 0;
    size_t count;

    do {
        count = bitmap_read(members, from, numbers, PAGE);
        for (size_t i = 0; i < count; i++) {
            int64_t channel_id = channels ? people_value(channels, numbers[i]) : NONE;
            uint16_t row = channel_id == NONE ? 1 : row_find(tally, channel_id);
            tally->row_of[numbers[i]] = row;
            tally->rows[row].customer_count++;
        }
        from = count > 0 ? numbers[count - 1] + 1 : from;
    } while (count == PAGE);
}

/* Has an earlier record of this person the tag, too? */
static bool is_again(const struct tally *tally, const struct bitmap *tagged, uint32_t kept,
                     uint32_t number)
{
    uint32_t records[RECORD_MAX];
    int count = people_numbers(tally->people, kept, records, RECORD_MAX);

    for (int i = 0; i < count && records[i] != number; i++)
        if (bitmap_has(tagged, records[i]))
            return true;
    return false;
}

static void tag_take(struct tally *tally, const struct bitmap *tagged, int family)
{
    uint32_t numbers[PAGE], from = 0;
    size_t count;

    do {
        count = bitmap_read(tagged, from, numbers, PAGE);
        for (size_t i = 0; i < count; i++) {
            uint32_t kept = people_kept(tally->people, numbers[i]);
            uint16_t row = tally->row_of[kept];
            if (row == NOBODY || (kept != numbers[i] && is_again(tally, tagged, kept, numbers[i])))
                continue;
            family_of(tally, row, family)->held_count++;
            tally->bands[kept] += tally->bands[kept] < BAND_LAST;
        }
        from = count > 0 ? numbers[count - 1] + 1 : from;
    } while (count == PAGE);
}

static void bands_take(struct tally *tally, int family)
{
    for (uint32_t number = 0; number < people_max(tally->people); number++) {
        struct thickness_family *own;

        if (tally->row_of[number] == NOBODY)
            continue;
        own = family_of(tally, tally->row_of[number], family);
        own->none_count += tally->bands[number] == 0;
        own->one_count += tally->bands[number] == 1;
        own->two_count += tally->bands[number] == 2;
        own->more_count += tally->bands[number] == BAND_LAST;
        tally->bands[number] = 0;
    }
}

static void sum_up(struct tally *tally)
{
    for (int64_t row = 1; row < tally->row_count; row++) {
        tally->rows[0].customer_count += tally->rows[row].customer_count;
        for (int family = 0; family < FAMILY_COUNT; family++) {
            struct thickness_family *all = family_of(tally, 0, family);
            const struct thickness_family *own = family_of(tally, row, family);
            all->held_count += own->held_count;
            all->none_count += own->none_count;
            all->one_count += own->one_count;
            all->two_count += own->two_count;
            all->more_count += own->more_count;
        }
    }
}

/* Tags come family by family. */
static enum err families_take(struct ctx *c, struct tally *tally)
{
    const struct q_thickness_tags_row *tag;
    struct list tags;

    TRY(q_thickness_tags(c, &tags));
    tag = tags.at;
    for (int family = 0; family < FAMILY_COUNT; family++) {
        int64_t tag_count = 0;
        for (int64_t i = 0; i < tags.count; i++) {
            const struct bitmap *tagged;
            if (!str_eq(tag[i].family, family_of(tally, 0, family)->family))
                continue;
            tag_count++;
            tagged = people_set_of(tally->people, SET_TAG, tag[i].id);
            if (tagged)
                tag_take(tally, tagged, family);
        }
        for (int64_t row = 0; row < tally->row_count; row++)
            family_of(tally, row, family)->tag_count = tag_count;
        bands_take(tally, family);
    }
    sum_up(tally);
    return OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Branches with nobody are left out, and who has no channel comes last. */
static struct list rows_shown(struct ctx *c, const struct tally *tally)
{
    struct thickness_row *shown =
        arena_new_array(c->arena, struct thickness_row, (size_t)tally->row_count);
    int64_t count = 0;

    shown[count++] = tally->rows[0];
    for (int64_t row = 2; row < tally->row_count; row++)
        if (tally->rows[row].customer_count > 0)
            shown[count++] = tally->rows[row];
    if (tally->rows[1].customer_count > 0)
        shown[count++] = tally->rows[1];
    return (struct list){shown, count};
}

static enum err thickness_run(struct ctx *c, const void *in, void *out_)
{
    struct thickness_out *out = out_;
    const struct audience_people *reached;
    struct tally tally;
    size_t max;

    (void)in;
    TRY(audience_people(c, NULL, &reached));
    tally = (struct tally){.people = reached->moment->moment.people};
    max = people_max(tally.people);
    tally.row_of = arena_new_array(c->arena, uint16_t, max + 1);
    tally.bands = arena_new_array(c->arena, uint8_t, max + 1);
    for (size_t i = 0; i < max; i++)
        tally.row_of[i] = NOBODY;
    TRY(rows_make(c, &tally));
    persons_place(&tally, reached->members, audience_attribute(reached, "channel"));
    TRY(families_take(c, &tally));
    out->items = rows_shown(c, &tally);
    return OK;
}

const struct route thickness_routes[] = {
    {HTTP_GET, "/api/tags/thickness", "customer.read", NULL, SHAPE(thickness_out), thickness_run,
     .about = "How many tags customers have in each family, all and by channel"},
    {.path = NULL},
};
