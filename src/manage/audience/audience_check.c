/* `papilio check` for the engine. Always: what is compared is computed anew from the base's rows,
 * page by page: customers into people of their own, events by sums of kind and month. */
#include "gen/audience_check.q.h"
#include "gen/definition.q.h"
#include "engine/answer.h"
#include "kit/behaviour.h"
#include "manage/audience/feed_private.h"

#define PAGE 4000
#define PAGE_ARENA_MAX ((size_t)32 * 1024 * 1024)
#define SPAN_SECONDS 2592000
#define DIFFERENCE_MAX 20
#define PATIENCE_MS 600000

/* ---- events ---------------------------------------------------------------------------------- */

/* Of one kind in one span of 30 days, in the engine less in the base. */
struct total {
    struct str kind;
    int64_t span_number, event_count, amount_fen;
};
struct totals {
    struct arena *arena;
    struct map *places; /* "kind span" -> place in list */
    struct list list;   /* struct total */
    int64_t cap_count;
};

static struct total *total_of(struct totals *totals, struct str kind, int64_t span_number)
{
    char text[160];
    struct str key = {text, 0};
    struct total *total;
    bool is_new;
    int64_t *place;

    must(kind.len < 100);
    memcpy(text, kind.at, kind.len);
    memcpy(text + kind.len, &span_number, sizeof(span_number));
    key.len = kind.len + sizeof(span_number);
    place = map_slot(totals->places, key, &is_new);
    if (!is_new)
        return (struct total *)totals->list.at + *place;
    *place = totals->list.count;
    total = list_add(totals->arena, &totals->list, &totals->cap_count, sizeof(*total));
    *total = (struct total){.kind = str_copy(totals->arena, kind), .span_number = span_number};
    return total;
}

static enum err base_row(void *user, const struct q_audience_events_row *row)
{
    struct total *total = total_of(user, row->kind, row->span_number);

    total->event_count -= row->event_count;
    total->amount_fen -= row->amount_fen;
    return OK;
}

struct paging {
    struct ctx *c;
    struct totals *totals;
    struct arena *scratch; /* of one page */
    struct bitmap gone;
};

static enum err base_page(void *user, const struct q_audience_pages_row *row)
{
    struct paging *paging = user;
    const struct behaviour *event;
    struct list events;

    arena_reset(paging->scratch);
    if (behaviour_decode(paging->scratch, row->events_blob, &events) != OK)
        return fail(paging->c, E_CORRUPT, "behaviour.damaged",
                    "behaviour_page %" PRId64 " is damaged", row->id);
    event = events.at;
    for (int64_t i = 0; i < events.count; i++) {
        int64_t ms = event[i].occurred_ms < 0 ? 0 : event[i].occurred_ms;
        if (!bitmap_has(&paging->gone, (uint32_t)event[i].customer_number))
            total_of(paging->totals, event[i].kind, ms / 1000 / SPAN_SECONDS)->event_count--;
    }
    return OK;
}

static enum err base_pages(struct ctx *c, struct totals *totals)
{
    struct paging paging = {.c = c, .totals = totals, .scratch = arena_new(PAGE_ARENA_MAX)};
    enum err err;

    bitmap_init(&paging.gone);
    err = feed_gone_read(c, &paging.gone);
    if (err == OK)
        err = q_audience_pages(c, base_page, &paging);
    bitmap_release(&paging.gone);
    arena_free(paging.scratch);
    return err;
}

struct counting {
    const struct audience_moment *moment;
    struct totals *totals;
};

static void event_count(struct counting *counting, uint16_t kind, uint32_t second, int64_t amount)
{
    struct str name = dictionary_text(counting->moment->kinds, kind - 1);
    struct total *total =
        total_of(counting->totals, name.at ? name : S("?"), second / SPAN_SECONDS);

    total->event_count++;
    total->amount_fen += amount == NONE ? 0 : amount;
}

static int64_t amount_of(const struct events *events, const struct engine_event *event)
{
    uint32_t value = event->value;

    if (value == EVENTS_NO_VALUE)
        return NONE;
    do
        if (events->values[value].column == COLUMN_AMOUNT)
            return events->values[value].value;
    while (!events->values[value++].is_last);
    return NONE;
}

static void block_count(struct counting *counting, const struct block *block,
                        const uint64_t there[BITMAP_SHARD_WORDS])
{
    for (uint32_t k = 0; k < SHARD_NUMBERS; k++) {
        if (!(there[k / 64] >> (k % 64) & 1))
            continue;
        for (uint32_t i = block->offsets[k]; i < block->offsets[k + 1]; i++)
            event_count(counting, block_kind(block, i), block->seconds[i],
                        block_value(block, COLUMN_AMOUNT, i));
    }
}

static void shard_count(struct counting *counting, uint32_t shard)
{
    const struct moment *moment = &counting->moment->moment;
    const struct block *block = snapshot_block(moment->events, shard);
    uint64_t there[BITMAP_SHARD_WORDS];
    struct events lists[SNAPSHOT_LIST_MAX];
    int count = snapshot_lists(moment->events, shard, lists);

    bitmap_shard(people_there(moment->people), shard, there);
    if (block)
        block_count(counting, block, there);
    for (int l = 0; l < count; l++)
        for (size_t i = 0; i < lists[l].count; i++) {
            const struct engine_event *event = &lists[l].at[i];
            uint32_t k = event->customer % SHARD_NUMBERS;
            if (there[k / 64] >> (k % 64) & 1)
                event_count(counting, event->kind, event->second, amount_of(&lists[l], event));
        }
}

static enum err events_check(struct ctx *c, const struct audience_moment *moment,
                             struct buf *differences)
{
    struct totals totals = {.arena = c->arena, .places = map_new(c->arena, 4096)};
    struct counting counting = {.moment = moment, .totals = &totals};
    const struct total *total;
    int found_count = 0;

    for (uint32_t shard = 0; shard < snapshot_shards(moment->moment.events); shard++)
        shard_count(&counting, shard);
    TRY(q_audience_events(c, base_row, &totals));
    TRY(base_pages(c, &totals));
    total = totals.list.at;
    for (int64_t i = 0; i < totals.list.count; i++)
        if ((total[i].event_count != 0 || total[i].amount_fen != 0) &&
            found_count++ < DIFFERENCE_MAX)
            buf_fmt(differences,
                    "%.*s, 30 days from %.*s: %" PRId64 " events and %" PRId64
                    " too many in the engine\n",
                    STR(total[i].kind), STR(day_iso(c->arena, total[i].span_number * 30)),
                    total[i].event_count, total[i].amount_fen);
    return OK;
}

/* ---- people ---------------------------------------------------------------------------------- */

struct comparing {
    struct ctx *c;
    const struct audience_moment *moment;
    struct buf *differences;
    int found_count;
};

static void person_differs(struct comparing *comparing, int64_t number, const char *what)
{
    if (comparing->found_count++ < DIFFERENCE_MAX)
        buf_fmt(comparing->differences, "customer number %" PRId64 ": %s\n", number, what);
}

static void page_compare(struct comparing *comparing, const struct people_view *base,
                         const struct q_audience_numbers_row *row, int64_t count)
{
    const struct people_view *ours = comparing->moment->moment.people;
    const struct list *tags = definition_tags(&comparing->moment->catalog);
    const struct q_definition_tags_row *tag = tags->at;

    for (int64_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)row[i].customer_number;
        bool is_same = true;
        if (!people_is_same(ours, base, number, comparing->moment->catalog.attribute_count))
            person_differs(comparing, number, "what it is differs");
        for (int64_t k = 0; k < tags->count; k++)
            is_same &= people_is_member(ours, SET_TAG, tag[k].id, number) ==
                       people_is_member(base, SET_TAG, tag[k].id, number);
        if (!is_same)
            person_differs(comparing, number, "its tags differ");
    }
}

/* One page into people of its own. */
static enum err page_check(struct comparing *comparing, const struct persons_range *range,
                           const struct q_audience_numbers_row *row, int64_t count)
{
    struct people *people = people_new();
    struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    const struct people_view *view;
    struct persons persons;
    bool is_changed;
    enum err err;

    persons_begin(&persons, people, arena);
    err = persons_attributes(comparing->c, &persons, &is_changed);
    if (err == OK)
        err = persons_load(comparing->c, &persons, range);
    if (err == OK)
        err = persons_tags_all(comparing->c, &persons, range);
    people_publish(people);
    view = people_hold(people);
    if (err == OK)
        page_compare(comparing, view, row, count);
    people_release(people, view);
    people_free(people);
    arena_free(arena);
    return err;
}

static enum err counts_check(struct comparing *comparing)
{
    const struct people_view *view = comparing->moment->moment.people;
    struct q_audience_people_row row;

    TRY(q_audience_people(comparing->c, &row));
    if (row.record_count != bitmap_count(people_there(view)) ||
        row.person_count != bitmap_count(people_all(view)))
        buf_fmt(comparing->differences,
                "%" PRId64 " records of %" PRId64 " persons in the engine, %" PRId64 " of %" PRId64
                " in the base\n",
                bitmap_count(people_there(view)), bitmap_count(people_all(view)), row.record_count,
                row.person_count);
    return OK;
}

static enum err people_check(struct comparing *comparing)
{
    const struct q_audience_numbers_row *row;
    struct persons_range range = {0};
    struct list page;

    TRY(counts_check(comparing));
    do {
        range.from_customer_id = range.to_customer_id;
        TRY(q_audience_numbers(comparing->c, range.from_customer_id, PAGE, &page));
        row = page.at;
        if (page.count > 0) {
            range.to_customer_id = row[page.count - 1].id;
            TRY(page_check(comparing, &range, row, page.count));
        }
    } while (page.count == PAGE);
    return OK;
}

/* ---- members --------------------------------------------------------------------------------- */

struct membering {
    struct comparing *comparing;
    int64_t row_count;
};

static enum err member_compare(void *user, const struct q_audience_members_row *row)
{
    struct membering *membering = user;
    enum set_kind kind = str_is(row->kind, "static") ? SET_LIST : SET_SEGMENT;

    membering->row_count++;
    if (!people_is_member(membering->comparing->moment->moment.people, kind, row->segment_id,
                          (uint32_t)row->customer_number))
        person_differs(membering->comparing, row->customer_number, "not in its segment");
    return OK;
}

static int64_t members_count(const struct people_view *view, enum set_kind kind)
{
    int64_t count = 0;

    for (size_t i = 0; i < people_set_count(view, kind); i++)
        count += bitmap_count(people_set_of(view, kind, people_set_id(view, kind, i)));
    return count;
}

static enum err members_check(struct comparing *comparing)
{
    const struct people_view *view = comparing->moment->moment.people;
    struct membering membering = {comparing, 0};
    int64_t count = members_count(view, SET_LIST) + members_count(view, SET_SEGMENT);

    TRY(q_audience_members(comparing->c, member_compare, &membering));
    if (count != membering.row_count)
        buf_fmt(comparing->differences,
                "%" PRId64 " members of segments in the engine, %" PRId64 " in the base\n", count,
                membering.row_count);
    return OK;
}

enum err audience_check(struct ctx *c, struct buf *differences)
{
    struct audience_moment moment;
    struct comparing comparing = {c, &moment, differences, 0};
    enum err err;

    if (audience_feed(c->app) == NULL)
        return OK;
    err = audience_hold_within(c, PATIENCE_MS, &moment);
    if (err == E_BUSY) /* another node has it, or the server closes */
        return OK;
    TRY(err);
    if (moment.is_exact)
        err = events_check(c, &moment, differences);
    if (moment.is_exact && err == OK)
        err = people_check(&comparing);
    if (moment.is_exact && err == OK)
        err = members_check(&comparing);
    audience_release(&moment);
    return err;
}
