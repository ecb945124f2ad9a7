/* A customer's timeline: their rows of the journal, latest first, with the words of the registry.
 */
#include "gen/customer_list.q.h"
#include "kit/cursor.h"
#include "manage/customer/customer_private.h"

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

static enum err timeline_run(struct ctx *c, const void *in_, void *out_)
{
    const struct timeline_in *in = in_;
    struct timeline_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count, cap = 0,
            person_id;
    const struct q_customer_timeline_row *row;
    struct cursor from;
    struct list rows;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_customer_timeline(c,
                            &(struct q_customer_timeline_in){.customer_id = person_id,
                                                             .key_number = from.key_number,
                                                             .from_id = from.id,
                                                             .kind_group = in->group,
                                                             .limit_count = limit_count},
                            &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        *(struct timeline_item *)list_add(c->arena, &out->items, &cap,
                                          sizeof(struct timeline_item)) = item_of(c, &row[i]);
    if (rows.count == limit_count)
        out->next_cursor = cursor_write(
            c, (struct cursor){row[rows.count - 1].occurred_ms, row[rows.count - 1].id});
    return OK;
}

const struct route timeline_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/timeline", "customer.read", SHAPE(timeline_in),
     SHAPE(timeline_out), timeline_run, .about = "What happened with a customer, latest first"},
    {.path = NULL},
};
