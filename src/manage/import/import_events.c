/* `papilio import events`: one row an event, the same way in as POST /api/v1/events. A row without
 * a message id gets one from the file's content and its place in it; a whole file is taken once. */
#include "base/json.h"
#include "manage/import/import_private.h"
#include "manage/event/event.h"

enum column {
    MESSAGE_ID,
    KIND,
    OCCURRED_AT,
    CUSTOMER,
    ANONYMOUS_ID,
    CHANNEL,
    PROPERTIES,
    COLUMN_COUNT
};
static const struct import_column columns[COLUMN_COUNT] = {
    [MESSAGE_ID] = {"message_id", IMPORT_TEXT, false, false, 128,
                    "messageid|eventid|消息id|事件id"},
    [KIND] = {"kind", IMPORT_TEXT, true, true, 60,
              "kind|event|eventname|eventtype|事件|事件类型|事件名称", "page_viewed"},
    [OCCURRED_AT] = {"occurred_at", IMPORT_TIME, true, true, 0,
                     "occurredat|time|timestamp|eventtime|date|时间|发生时间|事件时间",
                     "2026-01-05 10:00"},
    [CUSTOMER] = {"customer", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                  "customer|customerid|customerno|userid|客户编号|客户id|用户id", "U10001"},
    [ANONYMOUS_ID] = {"anonymous_id", IMPORT_TEXT, false, false, CUSTOMER_VALUE_MAX,
                      "anonymousid|visitorid|访客id"},
    [CHANNEL] = {"channel", IMPORT_TEXT, false, false, 100, "channel|channelcode|渠道|渠道编码"},
    [PROPERTIES] = {"properties", IMPORT_TEXT, false, false, 8000, "properties|属性"},
};

#define PROPERTIES_MAX (64 * 1024)

/* A whole number where the event kind wants one, else text. */
static void property_write(const struct event_kind *kind, struct json_out *json, const char *name,
                           struct str text)
{
    const struct field *field = NULL;
    int64_t number;

    if (kind != NULL && kind->properties != NULL)
        field = field_find(kind->properties, str_of(name));
    json_name(json, name);
    if (field != NULL && field->type == F_INT && str_to_int(text, &number))
        json_int(json, number);
    else if (field != NULL && field->type == F_BOOL && str_is(text, "true"))
        json_bool(json, true);
    else if (field != NULL && field->type == F_BOOL && str_is(text, "false"))
        json_bool(json, false);
    else
        json_str(json, text);
}

/* Columns mapped to props.X; no value if all cells are empty. */
static struct str properties_gather(struct ctx *c, const struct import *run,
                                    const struct import_row *row)
{
    const struct import_mapping *mapping = run->mapping;
    const struct event_kind *kind = event_kind_find(run->app, row->values[KIND].text);
    struct str text = {NULL, 0};
    struct json_out json;
    struct buf buf;
    int64_t count = 0;

    buf_init(&buf, PROPERTIES_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (int64_t i = 0; i < mapping->extra_count; i++) {
        struct str value = str_trim(row->fields[mapping->extras[i].at]);

        if (value.len == 0)
            continue;
        property_write(kind, &json, str_cstr(c->arena, mapping->extras[i].name), value);
        count++;
    }
    json_object_end(&json);
    if (count > 0)
        text = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static struct str row_message_id(struct ctx *c, const struct import *run,
                                 const struct import_row *row, int64_t record_number)
{
    if (row->values[MESSAGE_ID].text.at != NULL)
        return row->values[MESSAGE_ID].text;
    return str_fmt(c->arena, "import:%.*s:%" PRId64,
                   STR(str_hex(c->arena, str_sub(run->content_hash, 0, 16))), record_number);
}

static void event_fill(struct ctx *c, const struct import *run, struct import_row *row,
                       struct event_in *event)
{
    const struct import_value *values = row->values;

    event->kind = values[KIND].text;
    event->occurred_ms = values[OCCURRED_AT].number;
    if (values[CUSTOMER].text.at != NULL)
        event->customer = (struct customer_ref){run->mapping->customer_kind, values[CUSTOMER].text};
    event->anonymous_id = values[ANONYMOUS_ID].text;
    event->channel_code = values[CHANNEL].text;
    if (event->channel_code.at == NULL)
        event->channel_code = run->mapping->channel;
    event->properties = values[PROPERTIES].text;
    if (run->mapping->extra_count > 0)
        event->properties = properties_gather(c, run, row);
}

static enum err chunk_take(struct ctx *c, struct import_row **rows, const struct event_in *events,
                           int64_t count)
{
    struct event_result result;
    const struct event_reject *reject;
    int64_t unchanged_count;

    TRY(event_ingest(c, events, count, &result));
    reject = result.rejected.at;
    for (int64_t i = 0; i < result.rejected.count; i++)
        import_refuse(rows[reject[i].index_number], str_cstr(c->arena, reject[i].code),
                      reject[i].message);
    unchanged_count = result.duplicate_count; /* which ones is not told; the sum is right */
    for (int64_t i = 0; i < count; i++) {
        if (rows[i]->code == NULL)
            rows[i]->is_changed = unchanged_count-- <= 0;
    }
    return OK;
}

static enum err events_page(struct ctx *c, struct import *run, struct import_row *rows,
                            int64_t count)
{
    struct event_in *events = arena_new_array(c->arena, struct event_in, EVENT_BATCH_MAX);
    struct import_row **taken = arena_new_array(c->arena, struct import_row *, EVENT_BATCH_MAX);
    int64_t taken_count = 0;

    for (int64_t i = 0; i < count; i++) {
        if (rows[i].code == NULL) {
            events[taken_count] = (struct event_in){0};
            event_fill(c, run, &rows[i], &events[taken_count]);
            events[taken_count].message_id =
                row_message_id(c, run, &rows[i], run->before_count + i + 1);
            taken[taken_count++] = &rows[i];
        }
        if (taken_count == 0 || (taken_count < EVENT_BATCH_MAX && i + 1 < count))
            continue;
        TRY(chunk_take(c, taken, events, taken_count));
        taken_count = 0;
    }
    return OK;
}

const struct import_kind import_events = {
    .name = "events",
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .extra_prefix = "props.",
    .is_once = true,
    .page = events_page,
};
