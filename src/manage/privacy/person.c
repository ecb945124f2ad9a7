/* The export of one person's data: a durable job that writes one JSON file into DATA/exports.
 * Always: every record that stands for the person is in it, all of each; it is made page by page,
 * so that a person of many years holds nobody up; after a restart it is made anew. Times are UTC
 * milliseconds, amounts minor units of the brand's currency. */
#include "gen/person.q.h"
#include "gen/request.q.h"
#include "host/file.h"
#include "kit/behaviour.h"
#include "manage/customer/customer.h"
#include "manage/privacy/privacy_private.h"

#define PAGE 1000
#define ORDER_PAGE 100
#define TEXT_MAX ((size_t)64 * 1024 * 1024)

enum part { PART_PERSON, PART_ORDERS, PART_EVENTS, PART_BEHAVIOURS, PART_END };

/* What the run holds between pages. */
struct copy {
    int64_t request_id, person_id, last_id;
    enum part part;
    struct file_writer *file;
    struct buf text;
    struct json_out json;
    int64_t record_count, order_count, event_count;
};

/* ---- what is written ------------------------------------------------------------------ */

#define SHOW(T, m, ...) OUT(struct q_person_##T##_row, m, __VA_ARGS__)

struct record {
    int64_t id, customer_number;
    struct str name, phone, email, address, birth_date;
    struct q_person_records_row row;
};
static const struct field record_texts[] = {
    OUT(struct record, customer_number), OUT(struct record, name),
    OUT(struct record, phone),           OUT(struct record, email),
    OUT(struct record, address),         OUT(struct record, birth_date),
};
static const struct field record_rest[] = {
    SHOW(records, region),        SHOW(records, attributes, .is_json = true),
    SHOW(records, channel_name),  SHOW(records, owner_name),
    SHOW(records, store_name),    SHOW(records, inviter_number),
    SHOW(records, is_family),     SHOW(records, touched_ms),
    SHOW(records, added_ms),      SHOW(records, blocked_ms),
    SHOW(records, order_count),   SHOW(records, paid_fen),
    SHOW(records, refunded_fen),  SHOW(records, first_order_ms),
    SHOW(records, last_order_ms), SHOW(records, invited_count),
    SHOW(records, created_ms),    SHOW(records, changed_ms),
};
struct sealed_line {
    struct str kind, value, name, text, remark, staff_name, source, birth_date;
    int64_t created_ms, changed_ms, added_ms, lost_ms;
};
static const struct field identity_line[] = {
    OUT(struct sealed_line, kind),
    OUT(struct sealed_line, value),
    OUT(struct sealed_line, created_ms),
};
static const struct field child_line[] = {
    OUT(struct sealed_line, birth_date),
    OUT(struct sealed_line, name),
    OUT(struct sealed_line, created_ms),
};
static const struct field note_line[] = {
    OUT(struct sealed_line, text),
    OUT(struct sealed_line, staff_name),
    OUT(struct sealed_line, created_ms),
    OUT(struct sealed_line, changed_ms),
};
static const struct field relation_line[] = {
    OUT(struct sealed_line, staff_name), OUT(struct sealed_line, source),
    OUT(struct sealed_line, remark),     OUT(struct sealed_line, added_ms),
    OUT(struct sealed_line, lost_ms),
};
static const struct field tag_line[] = {
    SHOW(tags, family),
    SHOW(tags, name),
    SHOW(tags, created_ms),
};
static const struct field owner_line[] = {
    SHOW(owners, staff_name), SHOW(owners, store_name), SHOW(owners, from_ms),
    SHOW(owners, to_ms),      SHOW(owners, reason),
};
static const struct field block_line[] = {
    SHOW(blocks, reason),
    SHOW(blocks, blocked_ms),
};
static const struct field consent_line[] = {
    SHOW(consents, purpose),          SHOW(consents, version_number), SHOW(consents, title),
    SHOW(consents, source),           SHOW(consents, given_ms),       SHOW(consents, withdrawn_ms),
    SHOW(consents, withdrawn_source),
};
static const struct field merge_line[] = {
    SHOW(merges, kept_number), SHOW(merges, merged_number), SHOW(merges, rule),
    SHOW(merges, merged_ms),   SHOW(merges, undone_ms),
};
static const struct field order_line[] = {
    SHOW(orders, source),        SHOW(orders, order_no),     SHOW(orders, kind),
    SHOW(orders, status),        SHOW(orders, channel_name), SHOW(orders, placed_ms),
    SHOW(orders, paid_fen),      SHOW(orders, net_fen),      SHOW(orders, refunded_fen),
    SHOW(orders, cancel_reason),
};
static const struct field line_line[] = {
    SHOW(lines, product_code),     SHOW(lines, product_name), SHOW(lines, quantity_count),
    SHOW(lines, unit_price_micro), SHOW(lines, amount_fen),
};
static const struct field refund_line[] = {
    SHOW(refunds, refund_no),
    SHOW(refunds, refunded_ms),
    SHOW(refunds, amount_fen),
    SHOW(refunds, reason),
};
static const struct field event_line[] = {
    SHOW(events, kind),
    SHOW(events, occurred_ms),
    SHOW(events, channel_name),
    SHOW(events, amount_fen),
    SHOW(events, properties, .is_json = true),
};

#define LINES(copy, name, table, T, rows) list_write(copy, name, SHAPE_OF(name, table, T), rows)

static void list_write(struct copy *copy, const char *name, const struct shape *shape,
                       const struct list *rows)
{
    const char *row = rows->at;

    json_name(&copy->json, name);
    json_array_begin(&copy->json);
    for (int64_t i = 0; i < rows->count; i++)
        field_write(&copy->json, shape, row + (size_t)i * shape->bytes);
    json_array_end(&copy->json);
}

/* ---- the person ------------------------------------------------------------------------------ */

static enum err record_open(struct ctx *c, const struct q_person_records_row *row,
                            struct record *out)
{
    *out = (struct record){.id = row->id, .customer_number = row->customer_number, .row = *row};
    TRY(ctx_unseal(c, row->name_enc, "customer", row->id, &out->name));
    TRY(ctx_unseal(c, row->phone_enc, "customer", row->id, &out->phone));
    TRY(ctx_unseal(c, row->email_enc, "customer", row->id, &out->email));
    TRY(ctx_unseal(c, row->address_enc, "customer", row->id, &out->address));
    if (row->birth_day != NONE)
        out->birth_date = day_iso(c->arena, row->birth_day);
    return OK;
}

static enum err records_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_records_row *row;
    struct record record;
    struct list rows;

    TRY(q_person_records(c, copy->person_id, &rows));
    row = rows.at;
    copy->record_count = rows.count;
    json_name(&copy->json, "records");
    json_array_begin(&copy->json);
    for (int64_t i = 0; i < rows.count; i++) {
        TRY(record_open(c, &row[i], &record));
        json_object_begin(&copy->json);
        json_name(&copy->json, "who");
        field_write(&copy->json, SHAPE_OF("who", record_texts, struct record), &record);
        json_name(&copy->json, "record");
        field_write(&copy->json, SHAPE_OF("record", record_rest, struct q_person_records_row),
                    &record.row);
        json_object_end(&copy->json);
    }
    json_array_end(&copy->json);
    return OK;
}

static enum err identities_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_identities_row *row;
    struct sealed_line *line;
    struct list rows;

    TRY(q_person_identities(c, copy->person_id, &rows));
    row = rows.at;
    line = arena_new_array(c->arena, struct sealed_line, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        line[i] = (struct sealed_line){.kind = row[i].kind, .created_ms = row[i].created_ms};
        TRY(ctx_unseal(c, row[i].value_enc, "customer", row[i].customer_id, &line[i].value));
    }
    rows.at = line;
    LINES(copy, "identities", identity_line, struct sealed_line, &rows);
    return OK;
}

static enum err children_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_children_row *row;
    struct sealed_line *line;
    struct list rows;

    TRY(q_person_children(c, copy->person_id, &rows));
    row = rows.at;
    line = arena_new_array(c->arena, struct sealed_line, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        line[i] = (struct sealed_line){.birth_date = day_iso(c->arena, row[i].birth_day),
                                       .created_ms = row[i].created_ms};
        TRY(ctx_unseal(c, row[i].name_enc, "child", row[i].id, &line[i].name));
    }
    rows.at = line;
    LINES(copy, "children", child_line, struct sealed_line, &rows);
    return OK;
}

static enum err notes_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_notes_row *row;
    struct sealed_line *line;
    struct list rows;

    TRY(q_person_notes(c, copy->person_id, &rows));
    row = rows.at;
    line = arena_new_array(c->arena, struct sealed_line, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        line[i] = (struct sealed_line){.staff_name = row[i].staff_name,
                                       .created_ms = row[i].created_ms,
                                       .changed_ms = row[i].changed_ms};
        TRY(ctx_unseal(c, row[i].text_enc, "customer_note", row[i].id, &line[i].text));
    }
    rows.at = line;
    LINES(copy, "notes", note_line, struct sealed_line, &rows);
    return OK;
}

static enum err relations_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_relations_row *row;
    struct sealed_line *line;
    struct list rows;

    TRY(q_person_relations(c, copy->person_id, &rows));
    row = rows.at;
    line = arena_new_array(c->arena, struct sealed_line, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        line[i] = (struct sealed_line){.staff_name = row[i].staff_name,
                                       .source = row[i].source,
                                       .added_ms = row[i].added_ms,
                                       .lost_ms = row[i].lost_ms};
        TRY(ctx_unseal(c, row[i].remark_enc, "relation", row[i].customer_id, &line[i].remark));
    }
    rows.at = line;
    LINES(copy, "relations", relation_line, struct sealed_line, &rows);
    return OK;
}

static enum err plain_write(struct ctx *c, struct copy *copy)
{
    struct list rows;

    TRY(q_person_tags(c, copy->person_id, &rows));
    LINES(copy, "tags", tag_line, struct q_person_tags_row, &rows);
    TRY(q_person_owners(c, copy->person_id, &rows));
    LINES(copy, "owners", owner_line, struct q_person_owners_row, &rows);
    TRY(q_person_blocks(c, copy->person_id, &rows));
    LINES(copy, "blocks", block_line, struct q_person_blocks_row, &rows);
    TRY(q_person_consents(c, copy->person_id, &rows));
    LINES(copy, "consents", consent_line, struct q_person_consents_row, &rows);
    TRY(q_person_merges(c, copy->person_id, &rows));
    LINES(copy, "merges", merge_line, struct q_person_merges_row, &rows);
    return OK;
}

static enum err person_write(struct ctx *c, struct copy *copy)
{
    json_object_begin(&copy->json);
    json_name(&copy->json, "format");
    json_str(&copy->json, S("papilio person 1"));
    json_name(&copy->json, "made_ms");
    json_int(&copy->json, c->now_ms);
    TRY(records_write(c, copy));
    TRY(identities_write(c, copy));
    TRY(children_write(c, copy));
    TRY(notes_write(c, copy));
    TRY(relations_write(c, copy));
    TRY(plain_write(c, copy));
    json_name(&copy->json, "orders");
    json_array_begin(&copy->json);
    copy->part = PART_ORDERS;
    copy->last_id = 0;
    return OK;
}

/* ---- orders and events ----------------------------------------------------------------------- */

/* The rows of one order out of the page's, which are in the order of orders. */
static struct list lines_of(const struct list *lines, int64_t *next, int64_t order_id)
{
    const struct q_person_lines_row *row = lines->at;
    int64_t from = *next;

    while (*next < lines->count && row[*next].order_id == order_id)
        (*next)++;
    return (struct list){row ? (void *)(uintptr_t)(row + from) : NULL, *next - from};
}

static struct list refunds_of(const struct list *refunds, int64_t *next, int64_t order_id)
{
    const struct q_person_refunds_row *row = refunds->at;
    int64_t from = *next;

    while (*next < refunds->count && row[*next].order_id == order_id)
        (*next)++;
    return (struct list){row ? (void *)(uintptr_t)(row + from) : NULL, *next - from};
}

static enum err orders_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_orders_row *row;
    struct list rows, lines, refunds;
    int64_t line_next = 0, refund_next = 0;

    TRY(q_person_orders(c, copy->person_id, copy->last_id, ORDER_PAGE, &rows));
    row = rows.at;
    if (rows.count > 0) {
        int64_t from_id = row[0].id, to_id = row[rows.count - 1].id;
        TRY(q_person_lines(c, copy->person_id, from_id, to_id, &lines));
        TRY(q_person_refunds(c, copy->person_id, from_id, to_id, &refunds));
        copy->last_id = to_id;
    }
    for (int64_t i = 0; i < rows.count; i++) {
        struct list own = lines_of(&lines, &line_next, row[i].id);
        struct list back = refunds_of(&refunds, &refund_next, row[i].id);
        json_object_begin(&copy->json);
        json_name(&copy->json, "order");
        field_write(&copy->json, SHAPE_OF("order", order_line, struct q_person_orders_row),
                    &row[i]);
        LINES(copy, "lines", line_line, struct q_person_lines_row, &own);
        LINES(copy, "refunds", refund_line, struct q_person_refunds_row, &back);
        json_object_end(&copy->json);
    }
    copy->order_count += rows.count;
    if (rows.count == ORDER_PAGE)
        return OK;
    json_array_end(&copy->json);
    json_name(&copy->json, "events");
    json_array_begin(&copy->json);
    copy->part = PART_EVENTS;
    copy->last_id = 0;
    return OK;
}

static enum err events_write(struct ctx *c, struct copy *copy)
{
    const struct q_person_events_row *row;
    struct list rows;

    TRY(q_person_events(c, copy->person_id, copy->last_id, PAGE, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        field_write(&copy->json, SHAPE_OF("event", event_line, struct q_person_events_row),
                    &row[i]);
    copy->event_count += rows.count;
    if (rows.count > 0)
        copy->last_id = row[rows.count - 1].id;
    if (rows.count == PAGE)
        return OK;
    copy->part = PART_BEHAVIOURS;
    copy->last_id = 0;
    return OK;
}

/* What the journal has by the page; channels by name, as rows have them. */
static enum err behaviours_write(struct ctx *c, struct copy *copy)
{
    struct behaviour_whose whose = {
        .customer_id = copy->person_id, .is_person = true, .after_id = copy->last_id};
    const struct behaviour *event;
    struct q_person_channel_in *keys;
    struct q_person_channel_row *names;
    struct list events;

    TRY(behaviour_of(c, &whose, PAGE, &events));
    event = events.at;
    keys = arena_new_array(c->arena, struct q_person_channel_in, (size_t)events.count + 1);
    names = arena_new_array(c->arena, struct q_person_channel_row, (size_t)events.count + 1);
    for (int64_t i = 0; i < events.count; i++)
        keys[i].channel_id = event[i].channel_id;
    TRY(q_person_channel(c, keys, events.count, names));
    for (int64_t i = 0; i < events.count; i++) {
        struct q_person_events_row row = {.id = event[i].id,
                                          .kind = event[i].kind,
                                          .occurred_ms = event[i].occurred_ms,
                                          .channel_name = names[i].channel_name,
                                          .amount_fen = NONE,
                                          .properties = event[i].properties};
        field_write(&copy->json, SHAPE_OF("event", event_line, struct q_person_events_row), &row);
    }
    copy->event_count += events.count;
    if (events.count > 0)
        copy->last_id = event[events.count - 1].id;
    if (events.count == PAGE)
        return OK;
    json_array_end(&copy->json);
    json_object_end(&copy->json);
    copy->part = PART_END;
    return OK;
}

/* ---- the job --------------------------------------------------------------------------------- */

static enum err export_open(struct ctx *c, struct job *job, struct copy **out)
{
    struct copy *copy = arena_new_one(job->arena, struct copy);
    struct str folder;
    int64_t person_id;

    TRY(privacy_input_read(c, job->input, &copy->request_id, &copy->person_id));
    TRY(customer_reach(c, copy->person_id, &person_id)); /* it may have moved since */
    TRY(job_folder(job->app, c->arena, &folder));
    job->file_name = str_fmt(job->arena, "person-%" PRId64 ".json", copy->request_id);
    TRY(file_create(job->arena, str_fmt(job->arena, "%.*s/%.*s", STR(folder), STR(job->file_name)),
                    &copy->file));
    buf_init(&copy->text, TEXT_MAX);
    json_out_init(&copy->json, &copy->text);
    job->state = *out = copy;
    job->done_count = 0;
    return OK;
}

static enum err text_flush(struct copy *copy)
{
    enum err err = file_append(copy->file, buf_view(&copy->text));

    buf_reset(&copy->text);
    return err;
}

static enum err export_finish(struct ctx *c, struct job *job, struct copy *copy)
{
    struct file_writer *file = copy->file;
    int64_t changed_count;

    copy->file = NULL;
    TRY(file_finish(file));
    job->result = str_fmt(c->arena,
                          "{\"exported\":{\"customer\":%" PRId64 ",\"shop_order\":%" PRId64
                          ",\"journal\":%" PRId64 "}}",
                          copy->record_count, copy->order_count, copy->event_count);
    return q_privacy_request_end(c, job->result, copy->request_id, &changed_count);
}

static enum err export_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct copy *copy = job->state;

    if (copy == NULL)
        TRY(export_open(c, job, &copy));
    if (copy->part == PART_PERSON)
        TRY(person_write(c, copy));
    else if (copy->part == PART_ORDERS)
        TRY(orders_write(c, copy));
    else if (copy->part == PART_EVENTS)
        TRY(events_write(c, copy));
    else
        TRY(behaviours_write(c, copy));
    TRY(text_flush(copy));
    job->done_count++;
    *is_done = copy->part == PART_END;
    return *is_done ? export_finish(c, job, copy) : OK;
}

static void export_end(struct job *job)
{
    struct copy *copy = job->state;

    if (copy == NULL)
        return;
    if (copy->file != NULL && file_finish(copy->file) != OK)
        app_log(job->app, "warn", "job", "an export stays unfinished");
    buf_release(&copy->text);
}

const struct job_kind privacy_export_job = {
    .name = "privacy_export",
    .title_zh = "导出个人数据",
    .title_en = "Export of one person's data",
    .permission = "customer.export",
    .step = export_step,
    .end = export_end,
};
