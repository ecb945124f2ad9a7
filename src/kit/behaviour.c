/* Behaviours by the page: written whole, read whole, found by customer through an index made later.
 * Always: a page's bytes carry their sum; what is not indexed yet is read through, so a reader
 * misses nothing; an index names pages, and a page that is gone has no events. */
#include "kit/behaviour.h"

#include "gen/behaviour.q.h"
#include "kit/route.h"

#include <stdlib.h>

#define MAGIC 0x31484542u                      /* "BEH1" */
#define READ_BYTES (4 * 1024 * 1024)           /* of pages in order at once, at most a page more */
#define PART_PLACES 256                        /* of an index; one customer's are never parted */
#define SEAL_BYTES (8 * 1024 * 1024)           /* of pages; then too an index is made */
#define FORGET_PAGES 100000                    /* a call, of small ones */
#define FORGET_BYTES (32 * 1024 * 1024)        /* a call, at most a page more */
#define SCRATCH_MAX ((size_t)32 * 1024 * 1024) /* of one page */
#define STEP_PAGES 16                          /* of one customer's, in memory at once */
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
    if (rest.len > 0) /* the sum is not over the count */
        return E_CORRUPT;
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
        if (events[i].id == 0)
            events[i].id = ctx_id(c);
    c->topics |= LIVE_EVENTS;
    return q_behaviour_page_add(
        c, &(struct q_behaviour_page_add_in){.id = events[count - 1].id,
                                             .event_count = count,
                                             .messages_blob = messages,
                                             .events_blob = page_encode(c->arena, events, count)});
}

/* ---- reading in order ------------------------------------------------------------------------ */

struct following {
    struct ctx *c;
    struct list *events;
    int64_t cap_count, after_id, wanted_count;
    size_t page_bytes;
};

static enum err page_follow(void *user, const struct q_behaviour_page_rest_row *row)
{
    struct following *all = user;
    const struct behaviour *event;
    struct list page;

    if (all->events->count >= all->wanted_count || all->page_bytes >= READ_BYTES)
        return E_TOO_LARGE;
    TRY(page_read(all->c, row->id, str_copy(all->c->arena, row->events_blob), &page));
    event = page.at;
    for (int64_t i = 0; i < page.count; i++)
        if (event[i].id > all->after_id)
            *(struct behaviour *)list_add(all->c->arena, all->events, &all->cap_count,
                                          sizeof(*event)) = event[i];
    all->page_bytes += row->events_blob.len;
    return OK;
}

enum err behaviour_after(struct ctx *c, int64_t after_id, int64_t count, struct list *events,
                         bool *is_last)
{
    struct following all = {.c = c, .events = events, .after_id = after_id, .wanted_count = count};
    enum err err;

    *events = (struct list){0};
    err = q_behaviour_page_rest(c, after_id, page_follow, &all);
    *is_last = err == OK;
    return err == E_TOO_LARGE ? OK : err;
}

/* ---- one customer's -------------------------------------------------------------------------- */

struct visit {
    struct ctx *c;
    const struct behaviour_whose *whose;
    behaviour_visitor *take;
    void *user;
    const int64_t *numbers;
    int64_t number_count;
    struct arena *pages, *page; /* of some pages as they are stored; of the events of one */
    struct ctx_end end;
};

static void visit_end(void *user)
{
    struct visit *visit = user;

    arena_free(visit->pages);
    arena_free(visit->page);
    visit->end.run = NULL;
}

static bool is_wanted(const struct visit *visit, const struct behaviour *event)
{
    if (event->id <= visit->whose->after_id)
        return false;
    for (int64_t i = 0; i < visit->number_count; i++)
        if (visit->numbers[i] == event->customer_number)
            return true;
    return false;
}

static enum err page_visit(struct visit *visit, int64_t page_id, struct str bytes)
{
    const struct behaviour *event;
    struct list page;

    arena_reset(visit->page);
    if (behaviour_decode(visit->page, bytes, &page) != OK)
        return damaged(visit->c, page_id);
    event = page.at;
    for (int64_t i = 0; i < page.count; i++)
        if (is_wanted(visit, &event[i]))
            TRY(visit->take(visit->user, &event[i]));
    return OK;
}

static enum err page_each(void *user, const struct q_behaviour_page_rest_row *row)
{
    return page_visit(user, row->id, row->events_blob);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void places_take(struct arena *arena, const struct q_behaviour_places_row *row,
                        int64_t after_id, struct list *page_ids, int64_t *cap_count)
{
    struct place place;

    for (size_t i = 0; i + sizeof(place) <= row->places_blob.len; i += sizeof(place)) {
        int64_t page_id;
        memcpy(&place, row->places_blob.at + i, sizeof(place));
        memcpy(&page_id, place.page_id, sizeof(page_id));
        if (place.number == row->customer_number && page_id > after_id)
            *(int64_t *)list_add(arena, page_ids, cap_count, sizeof(page_id)) = page_id;
    }
}

/* The pages that an index knows to have some, each once, in order. */
static enum err pages_find(struct visit *visit, struct list *page_ids)
{
    const struct behaviour_whose *whose = visit->whose;
    const struct q_behaviour_places_row *row;
    int64_t cap_count = 0, count = 0, *id;
    struct list rows;

    *page_ids = (struct list){0};
    TRY(q_behaviour_places(visit->c, whose->after_id, whose->customer_id, whose->is_person, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        places_take(visit->c->arena, &row[i], whose->after_id, page_ids, &cap_count);
    if (page_ids->count == 0)
        return OK;
    id = page_ids->at;
    qsort(id, (size_t)page_ids->count, sizeof(*id), by_id);
    for (int64_t i = 0; i < page_ids->count; i++)
        if (count == 0 || id[i] != id[count - 1])
            id[count++] = id[i];
    page_ids->count = count;
    return OK;
}

/* Into memory that is emptied with every step: somebody may be on more pages than fit at once. */
static enum err step_read(struct visit *visit, const struct q_behaviour_page_get_in *keys,
                          int64_t count, struct q_behaviour_page_get_row *pages)
{
    struct ctx *c = visit->c;
    struct arena *keep = c->arena;
    enum err err;

    arena_reset(visit->pages);
    c->statement_max += c->statement_max > 0; /* as many as there are steps */
    c->arena = visit->pages;
    err = q_behaviour_page_get(c, keys, count, pages);
    c->arena = keep;
    if (err != OK)
        c->fault.message = str_copy(keep, c->fault.message);
    return err;
}

static enum err step_visit(struct visit *visit, const int64_t *page_ids, int64_t count)
{
    struct q_behaviour_page_get_in keys[STEP_PAGES];
    struct q_behaviour_page_get_row pages[STEP_PAGES] = {0};

    for (int64_t i = 0; i < count; i++)
        keys[i].page_id = page_ids[i];
    TRY(step_read(visit, keys, count, pages));
    for (int64_t i = 0; i < count; i++)
        if (pages[i].events_blob.at) /* else retention was there */
            TRY(page_visit(visit, page_ids[i], pages[i].events_blob));
    return OK;
}

static enum err indexed_visit(struct visit *visit)
{
    struct list page_ids;

    TRY(pages_find(visit, &page_ids));
    for (int64_t i = 0; i < page_ids.count; i += STEP_PAGES) {
        int64_t left = page_ids.count - i;
        TRY(step_visit(visit, (const int64_t *)page_ids.at + i,
                       left < STEP_PAGES ? left : STEP_PAGES));
    }
    return OK;
}

static enum err numbers_find(struct visit *visit)
{
    struct list records;
    int64_t *numbers;

    TRY(q_behaviour_records(visit->c, visit->whose->customer_id, visit->whose->is_person,
                            &records));
    numbers = arena_new_array(visit->c->arena, int64_t, (size_t)records.count + 1);
    for (int64_t i = 0; i < records.count; i++)
        numbers[i] = ((const struct q_behaviour_records_row *)records.at)[i].customer_number;
    visit->numbers = numbers;
    visit->number_count = records.count;
    return OK;
}

enum err behaviour_visit(struct ctx *c, const struct behaviour_whose *whose,
                         behaviour_visitor *take, void *user)
{
    struct visit *visit = arena_new_one(c->arena, struct visit);
    struct q_behaviour_group_end_row end;
    enum err err;

    *visit = (struct visit){.c = c, .whose = whose, .take = take, .user = user};
    TRY(numbers_find(visit));
    TRY(q_behaviour_group_end(c, &end));
    visit->end = (struct ctx_end){.run = visit_end, .user = visit};
    ctx_at_end(c, &visit->end);
    visit->pages = arena_new(STEP_PAGES * SCRATCH_MAX);
    visit->page = arena_new(SCRATCH_MAX);
    err = indexed_visit(visit);
    if (err == OK)
        err = q_behaviour_page_rest(
            c, whose->after_id > end.until_id ? whose->after_id : end.until_id, page_each, visit);
    visit_end(visit);
    return err;
}

static enum err one_count(void *user, const struct behaviour *event)
{
    (void)event;
    ++*(int64_t *)user;
    return OK;
}

enum err behaviour_count(struct ctx *c, const struct behaviour_whose *whose, int64_t *count)
{
    *count = 0;
    return behaviour_visit(c, whose, one_count, count);
}

struct gathering {
    struct arena *arena;
    struct list *events;
    int64_t cap_count, wanted_count;
};

static enum err one_gather(void *user, const struct behaviour *event)
{
    struct gathering *all = user;
    struct behaviour *kept;

    if (all->events->count >= all->wanted_count)
        return E_TOO_LARGE;
    kept = list_add(all->arena, all->events, &all->cap_count, sizeof(struct behaviour));
    *kept = *event;
    kept->kind = str_copy(all->arena, event->kind);
    kept->properties = str_copy(all->arena, event->properties);
    return OK;
}

enum err behaviour_of(struct ctx *c, const struct behaviour_whose *whose, int64_t count,
                      struct list *events)
{
    struct gathering all = {c->arena, events, 0, count};
    enum err err;

    *events = (struct list){0};
    err = behaviour_visit(c, whose, one_gather, &all);
    return err == E_TOO_LARGE ? OK : err;
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

struct indexing {
    struct ctx *c;
    struct behaviour_index *index;
    struct list places;
    size_t page_bytes;
};

static enum err page_place(void *user, const struct q_behaviour_page_rest_row *row)
{
    struct indexing *all = user;
    const struct behaviour *event;
    struct list events;

    if (all->index->is_due)
        return E_TOO_LARGE;
    TRY(page_read(all->c, row->id, row->events_blob, &events));
    event = events.at;
    for (int64_t i = 0; i < events.count; i++) {
        struct place *place = (struct place *)all->places.at + all->places.count++;
        place->number = (uint32_t)event[i].customer_number;
        memcpy(place->page_id, &row->id, sizeof(row->id));
    }
    all->page_bytes += row->events_blob.len;
    all->index->until_id = row->id;
    all->index->event_count = all->places.count;
    all->index->is_due = all->places.count >= BEHAVIOUR_SEAL || all->page_bytes >= SEAL_BYTES;
    return OK;
}

enum err behaviour_index_make(struct ctx *c, struct behaviour_index *index)
{
    struct indexing all = {.c = c, .index = index};
    struct q_behaviour_group_end_row end;
    enum err err;

    *index = (struct behaviour_index){0};
    all.places.at = arena_new_array(c->arena, struct place, BEHAVIOUR_SEAL + BEHAVIOUR_PAGE_MAX);
    TRY(q_behaviour_group_end(c, &end));
    index->until_id = end.until_id;
    err = q_behaviour_page_rest(c, index->until_id, page_place, &all);
    if (err != OK && err != E_TOO_LARGE)
        return err;
    if (index->is_due)
        parts_cut(c, index, all.places.at, places_sort(all.places.at, all.places.count));
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
    int64_t until_id = ctx_id_at(before_ms), bytes = 0, last_id = 0;
    const struct q_behaviour_page_old_row *row;
    struct list rows;

    *dropped_count = 0;
    TRY(q_behaviour_page_old(c, until_id, FORGET_PAGES, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count && bytes < FORGET_BYTES; i++) {
        bytes += row[i].page_bytes;
        last_id = row[i].id;
    }
    if (rows.count == 0)
        return OK;
    TRY(q_behaviour_page_drop(c, last_id, dropped_count));
    TRY(q_behaviour_group_drop(c, until_id));
    return q_behaviour_index_drop(c, until_id);
}
