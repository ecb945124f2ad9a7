/* A customer's timeline: their rows of the journal and their behaviours, latest first, with the
 * words of the registry. */
#include "gen/customer_list.q.h"
#include "kit/behaviour.h"
#include "kit/cursor.h"
#include "manage/customer/customer_private.h"

#include <stdlib.h>

#define PAGE_MAX 100
#define PAGE_DEFAULT 50

struct timeline_in {
    int64_t customer_id, limit_count;
    struct str cursor, group;
};
struct timeline_item {
    int64_t id, occurred_ms, subject_id, amount_fen;
    struct str kind, title_zh, title_en, channel_name, properties;
};
struct timeline_out {
    struct list items;
    struct str next_cursor;
};
static const struct field timeline_in[] = {
    IN(struct timeline_in, customer_id),
    IN(struct timeline_in, cursor, .is_optional = true, .max = 60),
    IN(struct timeline_in, group, .is_optional = true, .one_of = "trade|behaviour|profile|tag",
       .about = "only events of these kinds"),
    FIELD_LIMIT(struct timeline_in, limit_count, PAGE_MAX),
};
static const struct field timeline_item[] = {
    OUT(struct timeline_item, id),
    OUT(struct timeline_item, kind),
    OUT(struct timeline_item, title_zh),
    OUT(struct timeline_item, title_en),
    OUT(struct timeline_item, occurred_ms),
    OUT(struct timeline_item, channel_name, .is_optional = true),
    OUT(struct timeline_item, subject_id, .is_optional = true),
    OUT(struct timeline_item, amount_fen, .is_optional = true),
    OUT(struct timeline_item, properties, .is_json = true, .is_optional = true),
};
static const struct field timeline_out[] = {
    OUT(struct timeline_out, items, .of = SHAPE(timeline_item)),
    OUT(struct timeline_out, next_cursor, .is_optional = true),
};

/* ---- behaviours beside rows ------------------------------------------------------------------ */

struct page {
    struct cursor from;
    int64_t person_id, limit_count;
    struct list rows; /* struct q_customer_timeline_row */
};

static int latest_first(const void *a_, const void *b_)
{
    const struct q_customer_timeline_row *a = a_, *b = b_;

    if (a->occurred_ms != b->occurred_ms)
        return a->occurred_ms > b->occurred_ms ? -1 : 1;
    return (a->id < b->id) - (a->id > b->id);
}

static bool is_behind(const struct cursor *from, const struct behaviour *event)
{
    return event->occurred_ms < from->key_number ||
           (event->occurred_ms == from->key_number && event->id < from->id);
}

/* The channels' names of those rows that a behaviour became: until here subject_id holds the
 * channel. */
static enum err channels_name(struct ctx *c, struct q_customer_timeline_row *row, int64_t count)
{
    struct q_customer_timeline_channel_in *keys =
        arena_new_array(c->arena, struct q_customer_timeline_channel_in, (size_t)count + 1);
    struct q_customer_timeline_channel_row *names =
        arena_new_array(c->arena, struct q_customer_timeline_channel_row, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        keys[i].channel_id = row[i].subject_id;
    TRY(q_customer_timeline_channel(c, keys, count, names));
    for (int64_t i = 0; i < count; i++) {
        row[i].subject_id = NONE;
        row[i].channel_name = names[i].channel_name;
    }
    return OK;
}

/* One of the latest, with its texts in a place that the next one takes over. */
struct late {
    struct q_customer_timeline_row row;
    char *text;
    size_t cap_bytes;
};
struct latest {
    struct ctx *c;
    const struct page *page;
    struct late *at, *last; /* last: of those in `at` */
    int64_t count;
};

static void late_put(struct ctx *c, struct late *late, const struct behaviour *event)
{
    size_t bytes = event->kind.len + event->properties.len;
    struct q_customer_timeline_row *row = &late->row;

    if (late->text == NULL || bytes > late->cap_bytes) {
        late->cap_bytes = 2 * bytes + 64;
        late->text = arena_alloc(c->arena, late->cap_bytes);
    }
    *row = (struct q_customer_timeline_row){
        .id = event->id,
        .kind = {late->text, event->kind.len},
        .occurred_ms = event->occurred_ms,
        .subject_id = event->channel_id,
        .amount_fen = NONE,
    };
    memcpy(late->text, event->kind.at, event->kind.len);
    if (event->properties.at == NULL)
        return;
    row->properties = (struct str){late->text + event->kind.len, event->properties.len};
    memcpy(late->text + event->kind.len, event->properties.at, event->properties.len);
}

static enum err late_take(void *user, const struct behaviour *event)
{
    struct latest *latest = user;
    struct q_customer_timeline_row row = {.id = event->id, .occurred_ms = event->occurred_ms};
    bool is_full = latest->count == latest->page->limit_count;

    if (!is_behind(&latest->page->from, event) ||
        (is_full && latest_first(&row, &latest->last->row) > 0))
        return OK;
    late_put(latest->c, is_full ? latest->last : &latest->at[latest->count], event);
    latest->count += !is_full;
    for (int64_t i = 0; i < latest->count; i++)
        if (i == 0 || latest_first(&latest->at[i].row, &latest->last->row) > 0)
            latest->last = &latest->at[i];
    return OK;
}

/* The latest of the person's behaviours behind the cursor, as rows of the journal. */
static enum err behaviours_read(struct ctx *c, const struct page *page, struct list *rows)
{
    struct behaviour_whose whose = {.customer_id = page->person_id, .is_person = true};
    struct latest latest = {.c = c, .page = page};
    struct q_customer_timeline_row *row;

    latest.at = arena_new_array(c->arena, struct late, (size_t)page->limit_count);
    TRY(behaviour_visit(c, &whose, late_take, &latest));
    row = arena_new_array(c->arena, struct q_customer_timeline_row, (size_t)latest.count + 1);
    for (int64_t i = 0; i < latest.count; i++)
        row[i] = latest.at[i].row;
    *rows = (struct list){row, latest.count};
    return latest.count > 0 ? channels_name(c, row, latest.count) : OK;
}

static enum err behaviours_join(struct ctx *c, struct page *page)
{
    struct q_customer_timeline_row *both;
    struct list rows;

    TRY(behaviours_read(c, page, &rows));
    if (rows.count == 0)
        return OK;
    both = arena_new_array(c->arena, struct q_customer_timeline_row,
                           (size_t)(page->rows.count + rows.count));
    if (page->rows.count > 0)
        memcpy(both, page->rows.at, (size_t)page->rows.count * sizeof(*both));
    memcpy(both + page->rows.count, rows.at, (size_t)rows.count * sizeof(*both));
    rows.count += page->rows.count;
    qsort(both, (size_t)rows.count, sizeof(*both), latest_first);
    page->rows =
        (struct list){both, rows.count < page->limit_count ? rows.count : page->limit_count};
    return OK;
}

/* ---- the route ------------------------------------------------------------------------------- */

static struct timeline_item item_of(const struct ctx *c, const struct q_customer_timeline_row *row)
{
    const struct event_kind *kind = event_kind_find(c->app, row->kind);

    return (struct timeline_item){.id = row->id,
                                  .occurred_ms = row->occurred_ms,
                                  .subject_id = row->subject_id,
                                  .amount_fen = row->amount_fen,
                                  .kind = row->kind,
                                  .title_zh = kind ? str_of(kind->title_zh) : row->kind,
                                  .title_en = kind ? str_of(kind->title_en) : row->kind,
                                  .channel_name = row->channel_name,
                                  .properties = row->properties};
}

static enum err page_read(struct ctx *c, const struct timeline_in *in, struct page *page)
{
    struct q_customer_timeline_in ask;

    page->limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count;
    TRY(cursor_read(c, in->cursor, &page->from));
    TRY(customer_reach(c, in->customer_id, &page->person_id));
    ask = (struct q_customer_timeline_in){.customer_id = page->person_id,
                                          .key_number = page->from.key_number,
                                          .from_id = page->from.id,
                                          .kind_group = in->group,
                                          .limit_count = page->limit_count};
    TRY(q_customer_timeline(c, &ask, &page->rows));
    return in->group.at && !str_is(in->group, "behaviour") ? OK : behaviours_join(c, page);
}

static enum err timeline_run(struct ctx *c, const void *in, void *out_)
{
    struct timeline_out *out = out_;
    const struct q_customer_timeline_row *row;
    struct page page = {0};
    int64_t cap = 0;

    TRY(page_read(c, in, &page));
    row = page.rows.at;
    for (int64_t i = 0; i < page.rows.count; i++)
        *(struct timeline_item *)list_add(c->arena, &out->items, &cap,
                                          sizeof(struct timeline_item)) = item_of(c, &row[i]);
    if (page.rows.count == page.limit_count)
        out->next_cursor = cursor_write(
            c, (struct cursor){row[page.rows.count - 1].occurred_ms, row[page.rows.count - 1].id});
    return OK;
}

const struct route timeline_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/timeline", "customer.read", SHAPE(timeline_in),
     SHAPE(timeline_out), timeline_run, .about = "What happened with a customer, latest first"},
    {.path = NULL},
};
