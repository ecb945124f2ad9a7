/* The ways in for events: the API with a write key or a session, the beacon of web pages, and the
 * snippet that sends them. */
#include "gen/snippet.h"
#include "manage/event/event_private.h"

static const struct field customer_ref[] = {
    IN(struct customer_ref, kind, .min = 1, .max = 60),
    IN(struct customer_ref, value, .min = 1, .max = CUSTOMER_VALUE_MAX),
};
static const struct field event_in[] = {
    IN(struct event_in, message_id, .min = 1, .max = MESSAGE_ID_MAX),
    IN(struct event_in, kind, .min = 1, .max = 60),
    IN(struct event_in, occurred_ms, .is_optional = true),
    IN(struct event_in, customer, .is_optional = true, .of = SHAPE(customer_ref)),
    IN(struct event_in, anonymous_id, .is_optional = true, .min = 1, .max = 128),
    IN(struct event_in, channel_code, .is_optional = true, .min = 1, .max = 60),
    IN(struct event_in, properties, .is_optional = true, .is_json = true, .max = PROPERTIES_MAX),
};
static const struct shape *event_shape = SHAPE(event_in);

struct events_body {
    struct list events;
};
static const struct field events_body[] = {
    IN(struct events_body, events, .max = EVENT_BATCH_MAX, .of = SHAPE(event_in),
       .about = "or one such event by itself, without this list"),
};

static const struct field event_reject[] = {
    OUT(struct event_reject, index_number, .about = "place in the batch, from 0"),
    OUT(struct event_reject, code),
    OUT(struct event_reject, message),
};
static const struct field event_result[] = {
    OUT(struct event_result, accepted_count),
    OUT(struct event_result, duplicate_count),
    OUT(struct event_result, rejected, .of = SHAPE(event_reject)),
};

/* The events of a body whose form is right, and where each stood in the batch. */
struct envelope {
    struct event_in *events;
    int64_t *places;
    int64_t count;
    struct list faults; /* struct event_reject */
};

static enum err body_open(struct ctx *c, const struct json **items, int64_t *count)
{
    struct json *body = arena_new_one(c->arena, struct json);
    struct json_fault fault;
    const struct json *events;

    *items = NULL;
    *count = 0;
    if (json_parse(c->arena, c->body, body, &fault) != OK)
        return fail(c, E_INPUT, "input.json", "JSON: %s at byte %zu", fault.what, fault.offset);
    if (body->type != JSON_OBJECT)
        return fail(c, E_INPUT, "input.type", "an event or {\"events\":[...]} is needed");
    events = json_get(body, "events");
    *items = body;
    *count = 1;
    if (events == NULL)
        return OK;
    if (events->type != JSON_ARRAY || body->count != 1)
        return fail(c, E_INPUT, "input.type", "{\"events\":[...]} and nothing else is needed");
    if (events->count > EVENT_BATCH_MAX)
        return fail(c, E_TOO_LARGE, "event.too_many", "more than %d events", EVENT_BATCH_MAX);
    *items = events->items;
    *count = events->count;
    return OK;
}

static struct str fault_text(struct ctx *c)
{
    if (c->fault.path.at == NULL)
        return c->fault.message;
    return str_fmt(c->arena, "%.*s: %.*s", STR(c->fault.path), STR(c->fault.message));
}

static void envelope_read(struct ctx *c, const struct json *items, int64_t count,
                          struct envelope *all)
{
    int64_t cap = 0;

    *all =
        (struct envelope){.events = arena_new_array(c->arena, struct event_in, (size_t)count + 1),
                          .places = arena_new_array(c->arena, int64_t, (size_t)count + 1)};
    for (int64_t i = 0; i < count; i++) {
        struct event_in *event = &all->events[all->count];
        if (field_read(c, event_shape, &items[i], event) == OK &&
            field_check_given(c, event_shape, event) == OK) {
            event->read = event->properties.at ? json_get(&items[i], "properties") : NULL;
            all->places[all->count++] = i;
            continue;
        }
        *(struct event_reject *)list_add(c->arena, &all->faults, &cap,
                                         sizeof(struct event_reject)) =
            (struct event_reject){i, str_of(c->fault.code), fault_text(c)};
        c->fault = (struct fault){0};
    }
}

/* Both lists of rejects as one, in the order of the batch. */
static struct list rejects_join(struct ctx *c, const struct envelope *all, struct list late)
{
    const struct event_reject *form = all->faults.at, *meaning = late.at;
    struct list joined = {0};
    int64_t cap = 0, i = 0, j = 0;

    while (i < all->faults.count || j < late.count) {
        struct event_reject *next = list_add(c->arena, &joined, &cap, sizeof(struct event_reject));
        bool is_form =
            j == late.count ||
            (i < all->faults.count && form[i].index_number < all->places[meaning[j].index_number]);
        *next = is_form ? form[i++] : meaning[j++];
        if (!is_form)
            next->index_number = all->places[next->index_number];
    }
    return joined;
}

/* A page's address may carry any channel code: there it is no reason to lose what happened. */
static enum err events_take(struct ctx *c, struct event_result *result, bool is_lenient)
{
    const struct json *items;
    struct envelope all;
    int64_t count;

    TRY(body_open(c, &items, &count));
    envelope_read(c, items, count, &all);
    for (int64_t i = 0; i < all.count; i++)
        all.events[i].is_lenient = is_lenient;
    TRY(event_ingest(c, all.events, all.count, result));
    if (all.faults.count > 0 || result->rejected.count > 0)
        result->rejected = rejects_join(c, &all, result->rejected);
    return OK;
}

static enum err events_run(struct ctx *c, const void *in, void *out)
{
    (void)in;
    return events_take(c, out, false);
}

static enum err beacon_run(struct ctx *c, const void *in, void *out)
{
    struct event_result result;

    (void)in;
    (void)out;
    return events_take(c, &result, true);
}

/* web/snippet/papilio.js */
static enum err snippet_run(struct ctx *c, const void *in, void *out)
{
    (void)in;
    (void)out;
    c->file_name = S("papilio.js");
    c->file_type = "text/javascript; charset=utf-8";
    c->file_body = str_of(snippet_text);
    return OK;
}

/* A fact's reactions add statements for each event; a batch of nothing but invitations is the most.
 */
#define STATEMENTS_MAX (12 + 3 * EVENT_BATCH_MAX)

const struct route event_routes[] = {
    {HTTP_POST, "/api/v1/events", "write_key", NULL, SHAPE(event_result), events_run,
     .about = "One event, or {\"events\":[...]} with up to 1,000", .is_body_raw = true,
     .body = SHAPE(events_body), .statement_max = STATEMENTS_MAX},
    {HTTP_POST, "/api/v1/beacon", "write_key", NULL, NULL, beacon_run,
     .about = "The same from a web page, without an answer", .kind = ROUTE_BEACON,
     .is_body_raw = true, .body = SHAPE(events_body), .repeat = REPEAT_KEY_IGNORED,
     .statement_max = STATEMENTS_MAX},
    {HTTP_GET, "/papilio.js", "public", NULL, NULL, snippet_run,
     .about = "The script that sends page views and clicks", .kind = ROUTE_DOWNLOAD,
     .is_quick = true},
    {.path = NULL},
};
