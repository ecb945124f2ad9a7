/* Adding to the outbox. Always: a row stands in the transaction of what it reports; its text lies
 * in a row of its own, sealed, so that it can be erased by itself. */
#include "kit/outbox.h"

#include "gen/outbox.q.h"
#include "kit/outbox_private.h"

#define KEEP_DAYS_DEFAULT 30

const struct outbox_kind *outbox_kind_find(const struct app *app, struct str name)
{
    for (const struct outbox_kind *const *kind = app->config.outbox_kinds; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return *kind;
    return NULL;
}

static struct q_outbox_add_in row_of(struct ctx *c, const struct outbox_new *n)
{
    must(outbox_kind_find(c->app, str_of(n->kind)) != NULL);
    return (struct q_outbox_add_in){
        .id = ctx_id(c),
        .kind = str_of(n->kind),
        .key_id = n->key_id,
        .order_id = n->order_id,
        .customer_id = n->customer_id,
        .destination = n->destination.at ? n->destination : str_of(n->kind),
        .due_ms = n->due_ms == NONE ? c->now_ms : n->due_ms,
    };
}

enum err outbox_add(struct ctx *c, const struct outbox_new *messages, int64_t count)
{
    struct q_outbox_add_in *rows = arena_new_array(c->arena, struct q_outbox_add_in, (size_t)count);
    struct q_outbox_body_add_in *bodies =
        arena_new_array(c->arena, struct q_outbox_body_add_in, (size_t)count);
    int64_t *changed = arena_new_array(c->arena, int64_t, (size_t)count), body_count = 0;

    for (int64_t i = 0; i < count; i++)
        rows[i] = row_of(c, &messages[i]);
    TRY(q_outbox_add(c, rows, count, changed));
    for (int64_t i = 0; i < count; i++) {
        struct str body_enc = ctx_seal(c, messages[i].body, "outbox", rows[i].id);
        if (changed[i] > 0 && body_enc.at)
            bodies[body_count++] = (struct q_outbox_body_add_in){rows[i].id, body_enc};
    }
    c->wakes |= WAKE_OUTBOX;
    c->topics |= LIVE_MESSAGES;
    return body_count > 0 ? q_outbox_body_add(c, bodies, body_count, NULL) : OK;
}

enum err outbox_cancel(struct ctx *c, const char *kind, int64_t key_id, bool *was_waiting)
{
    int64_t changed_count;

    TRY(q_outbox_cancel(c, str_of(kind), key_id, &changed_count));
    c->topics |= LIVE_MESSAGES;
    if (was_waiting)
        *was_waiting = changed_count > 0;
    return OK;
}

enum err outbox_drop(struct ctx *c, struct str destination, int64_t *dropped_count)
{
    c->topics |= LIVE_MESSAGES;
    return q_outbox_drop(c, destination, dropped_count);
}

/* ---- quiet hours ----------------------------------------------------------------------------- */

enum err outbox_rules_read(struct ctx *c, struct outbox_rules *rules)
{
    struct list list;
    const struct q_outbox_setting_row *rows;

    *rules = (struct outbox_rules){
        .quiet_from_minutes_count = 22 * 60, .quiet_to_minutes_count = 8 * 60, .week_max_count = 4};
    TRY(q_outbox_setting(c, &list));
    rows = list.at;
    for (int64_t i = 0; i < list.count; i++) {
        int64_t *number =
            str_is(rows[i].name, "quiet_from_minutes") ? &rules->quiet_from_minutes_count
            : str_is(rows[i].name, "quiet_to_minutes") ? &rules->quiet_to_minutes_count
                                                       : &rules->week_max_count;
        must(str_to_int(rows[i].value, number));
    }
    return OK;
}

int64_t outbox_quiet_end(const struct outbox_rules *rules, const struct zone *zone, int64_t now_ms)
{
    int64_t from = rules->quiet_from_minutes_count, to = rules->quiet_to_minutes_count, minute, day;
    struct civil local;
    int64_t end_ms;

    zone_local(zone, now_ms, &local);
    minute = local.hour * 60 + local.minute;
    if (from <= to ? minute < from || minute >= to : minute < from && minute >= to)
        return NONE;
    day = day_of_date(local.year, local.month, local.day) + (minute >= to);
    day_to_date(day, &local.year, &local.month, &local.day);
    local.hour = (int)(to / 60);
    local.minute = (int)(to % 60);
    local.second = local.millisecond = 0;
    end_ms = zone_instant(zone, &local);
    return end_ms > now_ms ? end_ms : now_ms + 60000; /* an hour that comes twice */
}

/* ---- retention ------------------------------------------------------------------------------- */

enum err outbox_forget(struct ctx *c)
{
    struct q_outbox_keep_get_row row;
    int64_t days = KEEP_DAYS_DEFAULT, until_id, changed_count;
    enum err err = q_outbox_keep_get(c, &row);

    if (err != E_NOT_FOUND)
        TRY(err);
    if (err == OK)
        must(str_to_int(row.value, &days));
    until_id = ctx_id_at(c->now_ms - days * DAY_MS);
    TRY(q_outbox_forget_body(c, until_id, &changed_count));
    return q_outbox_forget(c, until_id, &changed_count);
}
