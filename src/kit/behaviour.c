/* Behaviours by the page: written whole, read whole, found by customer through an index made later.
 * Always: a page's bytes carry their sum; what is not indexed yet is read through, so a reader
 * misses nothing; an index names pages, and a page that is gone has no events. */
#include "kit/behaviour.h"

#include "gen/behaviour.q.h"
#include "kit/route.h"

#include <stdlib.h>

#define MAGIC 0x31484542u            /* "BEH1" */
#define READ_PAGES 64                /* pages a query */
#define PART_PLACES 256              /* of an index; one customer's are never parted */
#define SEAL_BYTES (8 * 1024 * 1024) /* of pages; then too an index is made */
#define FORGET_PAGES 4000
#define SCRATCH_MAX ((size_t)32 * 1024 * 1024) /* of one page */
#define TEXT_MAX 65535

struct head {
    uint32_t magic, count;
    uint8_t sum[8]; /* of all behind the head */
};
struct item {
    int64_t id, occurred_ms, customer_id, channel_id;
    uint32_t number;
    uint16_t kind_len, properties_len;
};
struct place {
    uint32_t number;
    uint8_t page_id[8];
};
_Static_assert(sizeof(struct head) == 16 && sizeof(struct item) == 40 && sizeof(struct place) == 12,
               "no holes are written");

/* ---- a page's bytes -------------------------------------------------------------------------- */

static void sum_of(struct str bytes, uint8_t sum[8])
{
    uint8_t hash[HASH_BYTES];

    hash_sha256(bytes, hash);
    memcpy(sum, hash, 8);
}

static char *text_put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static struct str page_encode(struct arena *arena, const struct behaviour *events, int64_t count)
{
    struct head head = {.magic = MAGIC, .count = (uint32_t)count};
    size_t bytes = sizeof(head) + (size_t)count * sizeof(struct item);
    char *page, *at;

    for (int64_t i = 0; i < count; i++)
        bytes += events[i].kind.len + events[i].properties.len;
    page = arena_alloc(arena, bytes);
    at = page + sizeof(head) + (size_t)count * sizeof(struct item);
    for (int64_t i = 0; i < count; i++) {
        const struct behaviour *event = &events[i];
        struct item item = {event->id,
                            event->occurred_ms,
                            event->customer_id,
                            event->channel_id,
                            (uint32_t)event->customer_number,
                            (uint16_t)event->kind.len,
                            (uint16_t)event->properties.len};
        must(event->kind.len <= TEXT_MAX && event->properties.len <= TEXT_MAX);
        memcpy(page + sizeof(head) + (size_t)i * sizeof(item), &item, sizeof(item));
        at = text_put(text_put(at, event->kind), event->properties);
    }
    sum_of((struct str){page + sizeof(head), bytes - sizeof(head)}, head.sum);
    memcpy(page, &head, sizeof(head));
    return (struct str){page, bytes};
}

static struct str text_take(struct str *rest, size_t len)
{
    struct str text = {len > 0 ? rest->at : NULL, len};

    *rest = str_sub(*rest, len, rest->len);
    return text;
}

enum err behaviour_decode(struct arena *arena, struct str bytes, struct list *events)
{
    struct head head;
    struct str items, rest;
    struct behaviour *event;
    uint8_t sum[8];

    *events = (struct list){0};
    if (bytes.len < sizeof(head))
        return E_CORRUPT;
    memcpy(&head, bytes.at, sizeof(head));
    rest = str_sub(bytes, sizeof(head), bytes.len);
    sum_of(rest, sum);
    if (head.magic != MAGIC || memcmp(sum, head.sum, sizeof(sum)) != 0 ||
        head.count > BEHAVIOUR_PAGE_MAX || head.count > rest.len / sizeof(struct item))
        return E_CORRUPT;
    items = rest;
    rest = str_sub(rest, head.count * sizeof(struct item), rest.len);
    event = arena_new_array(arena, struct behaviour, head.count + 1);
    for (uint32_t i = 0; i < head.count; i++) {
        struct item item;
        memcpy(&item, items.at + i * sizeof(item), sizeof(item));
        if ((size_t)item.kind_len + item.properties_len > rest.len)
            return E_CORRUPT;
        event[i] =
            (struct behaviour){item.id,     item.occurred_ms, item.customer_id,
                               item.number, item.channel_id,  text_take(&rest, item.kind_len),
                               {0}};
        event[i].properties = text_take(&rest, item.properties_len);
    }
    *events = (struct list){event, head.count};
    return OK;
}

static enum err damaged(struct ctx *c, int64_t page_id)
{
    return fail(c, E_CORRUPT, "behaviour.damaged", "behaviour_page %" PRId64 " is damaged",
                page_id);
}

static enum err page_read(struct ctx *c, int64_t page_id, struct str bytes, struct list *events)
{
    return behaviour_decode(c->arena, bytes, events) == OK ? OK : damaged(c, page_id);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum err behaviour_add(struct ctx *c, struct behaviour *events, int64_t count, struct str messages)
{
    if (count == 0)
        return OK;
    must(count <= BEHAVIOUR_PAGE_MAX && messages.len == (size_t)count * 8);
    for (int64_t i = 0; i < count; i++)
        events[i].id = ctx_id(c);
    c->topics |= LIVE_EVENTS;
    return q_behaviour_page_add(
        c, &(struct q_behaviour_page_add_in){.id = events[count - 1].id,
                                             .event_count = count,
                                             .messages_blob = messages,
                                             .events_blob = page_encode(c->arena, events, count)});
}

/* ---- reading in order ------------------------------------------------------------------------ */

enum err behaviour_after(struct ctx *c, int64_t after_id, int64_t count, struct list *events)
{
    const struct q_behaviour_page_next_row *row;
    struct list pages;
    int64_t cap_count = 0, page_id = after_id;

    *events = (struct list){0};
    do {
        TRY(q_behaviour_page_next(c, page_id, READ_PAGES, &pages));
        row = pages.at;
        for (int64_t i = 0; i < pages.count && events->count < count; i++) {
            struct list page;
            TRY(page_read(c, row[i].id, row[i].events_blob, &page));
            for (int64_t k = 0; k < page.count; k++) {
                const struct behaviour *event = (const struct behaviour *)page.at + k;
                if (event->id > after_id)
                    *(struct behaviour *)list_add(c->arena, events, &cap_count, sizeof(*event)) =
                        *event;
            }
            page_id = row[i].id;
        }
    } while (pages.count == READ_PAGES && events->count < count);
    return OK;
}

/* ---- one customer's -------------------------------------------------------------------------- */

struct gathering {
    struct ctx *c;
    struct arena *scratch; /* of one page */
    struct list *events;
    int64_t cap_count;
    int64_t after_id; /* events with a later id alone */
    const int64_t *numbers;
    int64_t number_count;
};

static bool is_wanted(const struct gathering *all, const struct behaviour *event)
{
    if (event->id <= all->after_id)
        return false;
    for (int64_t i = 0; i < all->number_count; i++)
        if (all->numbers[i] == event->customer_number)
            return true;
    return false;
}

static enum err page_gather(struct gathering *all, int64_t page_id, struct str bytes)
{
    struct ctx *c = all->c;
    const struct behaviour *event;
    struct list page;

    arena_reset(all->scratch);
    if (behaviour_decode(all->scratch, bytes, &page) != OK)
        return damaged(c, page_id);
    event = page.at;
    for (int64_t i = 0; i < page.count; i++) {
        struct behaviour *kept;
        if (!is_wanted(all, &event[i]))
            continue;
        kept = list_add(c->arena, all->events, &all->cap_count, sizeof(*kept));
        *kept = event[i];
        kept->kind = str_copy(c->arena, event[i].kind);
        kept->properties = str_copy(c->arena, event[i].properties);
    }
    return OK;
}

static enum err page_each(void *user, const struct q_behaviour_page_rest_row *row)
{
    return page_gather(user, row->id, row->events_blob);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void places_take(struct arena *arena, const struct q_behaviour_places_row *row,
                        struct list *page_ids, int64_t *cap_count)
{
    struct place place;

    for (size_t i = 0; i + sizeof(place) <= row->places_blob.len; i += sizeof(place)) {
        memcpy(&place, row->places_blob.at + i, sizeof(place));
        if (place.number == row->customer_number)
            memcpy(list_add(arena, page_ids, cap_count, sizeof(int64_t)), place.page_id,
                   sizeof(int64_t));
    }
}

/* The pages that an index knows to have some, each once. */
static enum err indexed_gather(struct gathering *all, const struct behaviour_whose *whose)
{
    const struct q_behaviour_places_row *row;
    struct q_behaviour_page_get_in *keys;
    struct q_behaviour_page_get_row *pages;
    struct list rows, ids = {0};
    int64_t cap_count = 0, count = 0;

    TRY(q_behaviour_places(all->c, whose->after_id, whose->customer_id, whose->is_person, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        places_take(all->c->arena, &row[i], &ids, &cap_count);
    if (ids.count == 0)
        return OK;
    qsort(ids.at, (size_t)ids.count, sizeof(int64_t), by_id);
    keys = arena_new_array(all->c->arena, struct q_behaviour_page_get_in, (size_t)ids.count);
    pages = arena_new_array(all->c->arena, struct q_behaviour_page_get_row, (size_t)ids.count);
    for (int64_t i = 0; i < ids.count; i++)
        if (i == 0 || ((int64_t *)ids.at)[i] != ((int64_t *)ids.at)[i - 1])
            keys[count++].page_id = ((int64_t *)ids.at)[i];
    TRY(q_behaviour_page_get(all->c, keys, count, pages));
    for (int64_t i = 0; i < count; i++)
        if (pages[i].events_blob.at) /* else retention was there */
            TRY(page_gather(all, keys[i].page_id, pages[i].events_blob));
    return OK;
}

static enum err numbers_find(struct gathering *all, const struct behaviour_whose *whose)
{
    struct list records;
    int64_t *numbers;

    TRY(q_behaviour_records(all->c, whose->customer_id, whose->is_person, &records));
    numbers = arena_new_array(all->c->arena, int64_t, (size_t)records.count + 1);
    for (int64_t i = 0; i < records.count; i++)
        numbers[i] = ((const struct q_behaviour_records_row *)records.at)[i].customer_number;
    all->numbers = numbers;
    all->number_count = records.count;
    return OK;
}

enum err behaviour_of(struct ctx *c, const struct behaviour_whose *whose, struct list *events)
{
    struct gathering all = {.c = c, .events = events, .after_id = whose->after_id};
    struct q_behaviour_group_end_row end;
    enum err err;

    *events = (struct list){0};
    TRY(numbers_find(&all, whose));
    TRY(q_behaviour_group_end(c, &end));
    all.scratch = arena_new(SCRATCH_MAX);
    err = indexed_gather(&all, whose);
    if (err == OK)
        err = q_behaviour_page_rest(c, end.until_id, page_each, &all);
    arena_free(all.scratch);
    return err;
}

/* ---- the index ------------------------------------------------------------------------------- */

static int by_place(const void *a_, const void *b_)
{
    const struct place *a = a_, *b = b_;
    int64_t x, y;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    memcpy(&x, a->page_id, sizeof(x));
    memcpy(&y, b->page_id, sizeof(y));
    return (x > y) - (x < y);
}

/* Each customer's pages once, in order. */
static int64_t places_sort(struct place *places, int64_t count)
{
    int64_t kept = 0;

    qsort(places, (size_t)count, sizeof(*places), by_place);
    for (int64_t i = 0; i < count; i++)
        if (kept == 0 || by_place(&places[kept - 1], &places[i]) != 0)
            places[kept++] = places[i];
    return kept;
}

static void parts_cut(struct ctx *c, struct behaviour_index *index, const struct place *places,
                      int64_t count)
{
    int64_t cap_count = 0, from = 0;

    while (from < count) {
        int64_t to = from + PART_PLACES < count ? from + PART_PLACES : count;
        struct q_behaviour_index_add_in *part;
        while (to < count && places[to].number == places[to - 1].number)
            to++;
        part = list_add(c->arena, &index->parts, &cap_count, sizeof(*part));
        *part = (struct q_behaviour_index_add_in){
            .until_id = index->until_id,
            .first_number = places[from].number,
            .places_blob = {(const char *)&places[from], (size_t)(to - from) * sizeof(*places)}};
        from = to;
    }
}

static void page_place(struct behaviour_index *index, struct list *places, int64_t page_id,
                       const struct list *events)
{
    const struct behaviour *event = events->at;

    for (int64_t i = 0; i < events->count; i++) {
        struct place *place = (struct place *)places->at + places->count++;
        place->number = (uint32_t)event[i].customer_number;
        memcpy(place->page_id, &page_id, sizeof(page_id));
    }
    index->until_id = page_id;
    index->event_count = places->count;
}

enum err behaviour_index_make(struct ctx *c, struct behaviour_index *index)
{
    struct q_behaviour_group_end_row end;
    struct list pages, places = {0};
    size_t bytes = 0;

    *index = (struct behaviour_index){0};
    places.at = arena_new_array(c->arena, struct place, BEHAVIOUR_SEAL + BEHAVIOUR_PAGE_MAX);
    TRY(q_behaviour_group_end(c, &end));
    index->until_id = end.until_id;
    do {
        const struct q_behaviour_page_next_row *row;
        TRY(q_behaviour_page_next(c, index->until_id, READ_PAGES, &pages));
        row = pages.at;
        for (int64_t i = 0; i < pages.count && !index->is_due; i++) {
            struct list events;
            TRY(page_read(c, row[i].id, row[i].events_blob, &events));
            page_place(index, &places, row[i].id, &events);
            bytes += row[i].events_blob.len;
            index->is_due = places.count >= BEHAVIOUR_SEAL || bytes >= SEAL_BYTES;
        }
    } while (pages.count == READ_PAGES && !index->is_due);
    if (index->is_due)
        parts_cut(c, index, places.at, places_sort(places.at, places.count));
    return OK;
}

enum err behaviour_index_write(struct ctx *c, const struct behaviour_index *index)
{
    struct q_behaviour_group_end_row end;

    TRY(q_behaviour_group_end(c, &end));
    if (end.until_id >= index->until_id) /* another node was quicker */
        return OK;
    TRY(q_behaviour_group_add(c, index->until_id, index->event_count));
    return q_behaviour_index_add(c, index->parts.at, index->parts.count, NULL);
}

/* ---- retention ------------------------------------------------------------------------------- */

enum err behaviour_forget(struct ctx *c, int64_t before_ms, int64_t *dropped_count)
{
    int64_t until_id = ctx_id_at(before_ms);

    TRY(q_behaviour_page_drop(c, until_id, FORGET_PAGES, dropped_count));
    if (*dropped_count == 0)
        return OK;
    TRY(q_behaviour_group_drop(c, until_id));
    return q_behaviour_index_drop(c);
}
