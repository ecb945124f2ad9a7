/* Whom the figures are about. The records of customers are read once, from an index that holds all
 * columns wanted, and kept by id, so that the pass over purchases finds each buyer by walking
 * along. Always: a person stands here once, however many records were merged into it, and only if
 * the asker's reach and the chosen branch have it. */
#include "gen/people.q.h"

#include <stdlib.h>

#include "insight/insight_private.h"
#include "manage/channel/channel.h"

struct loading {
    struct people *people;
    const struct zone *zone;
    int64_t cap, merge_cap;
    struct arena *arena;
    struct list merges;
};

static int32_t day_small(int64_t day)
{
    return day == NONE ? PERSON_NO_DAY : (int32_t)day;
}

static enum err people_add(void *user, const struct q_people_all_row *row)
{
    struct loading *loading = user;
    struct people *people = loading->people;

    must(people->count < loading->cap);
    people->at[people->count++] = (struct person){
        .id = row->id,
        .channel_id = row->channel_id,
        .touched_day = day_small(zone_day(loading->zone, row->touched_ms)),
        .child_birth_day = day_small(row->child_birth_day),
    };
    return OK;
}

static enum err people_add_merge(void *user, const struct q_people_merged_row *row)
{
    struct loading *loading = user;
    struct person_merge *merge =
        list_add(loading->arena, &loading->merges, &loading->merge_cap, sizeof(*merge));

    *merge = (struct person_merge){row->id, row->merged_into_id};
    return OK;
}

static int id_compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int person_compare(const void *a, const void *b)
{
    return id_compare(((const struct person *)a)->id, ((const struct person *)b)->id);
}

static int merge_compare(const void *a, const void *b)
{
    return id_compare(((const struct person_merge *)a)->record_id,
                      ((const struct person_merge *)b)->record_id);
}

/* The records whose purchases must wait for those of other records of the same person: merged ones
 * and those that others were merged into, by id. */
static void people_join(struct ctx *c, struct people *people, const struct list *merges)
{
    const struct person_merge *merge = merges->at;
    struct person_merge *joined =
        arena_new_array(c->arena, struct person_merge, (size_t)merges->count * 2 + 1);
    int64_t count = 0, kept = 0;

    for (int64_t i = 0; i < merges->count; i++) {
        joined[count++] = merge[i];
        joined[count++] = (struct person_merge){merge[i].person_id, merge[i].person_id};
    }
    if (count > 0)
        qsort(joined, (size_t)count, sizeof(*joined), merge_compare);
    for (int64_t i = 0; i < count; i++)
        if (kept == 0 || joined[i].record_id != joined[kept - 1].record_id)
            joined[kept++] = joined[i];
    people->joined = joined;
    people->joined_count = kept;
}

enum err people_load(struct ctx *c, const struct view *view, bool is_gone_too,
                     struct people *people)
{
    struct q_people_count_row size;
    struct loading loading = {.people = people, .zone = view->zone, .arena = c->arena};
    struct str path = view->branch_path;
    struct str path_end = path.at ? channel_path_end(c, path) : path;

    TRY(q_people_count(c, &size));
    loading.cap = size.record_count;
    *people =
        (struct people){.at = arena_new_array(c->arena, struct person, (size_t)loading.cap + 1)};
    TRY(q_people_all(c, is_gone_too, path, path_end, people_add, &loading));
    if (people->count > 0)
        qsort(people->at, (size_t)people->count, sizeof(people->at[0]), person_compare);
    TRY(q_people_merged(c, people_add_merge, &loading));
    people_join(c, people, &loading.merges);
    return OK;
}

int64_t people_index(const struct people *people, int64_t person_id)
{
    int64_t low = 0, high = people->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (people->at[middle].id < person_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < people->count && people->at[low].id == person_id ? low : NONE;
}

int64_t people_person_id(const struct people *people, int64_t record_id)
{
    const struct person_merge key = {.record_id = record_id};
    const struct person_merge *found =
        people->joined_count == 0 ? NULL
                                  : bsearch(&key, people->joined, (size_t)people->joined_count,
                                            sizeof(key), merge_compare);

    return found ? found->person_id : record_id;
}
