/* Windowed limits. Always: what is reserved and used together stays within the limit of the call
 * that took it; what a row has reserved is the sum of its open holds; a hold ends once. */
#include "kit/counter.h"

#include "gen/counter.q.h"
#include "kit/timer.h"

#define COUNT_MAX (INT64_C(1) << 62)
#define FORGET_MAX 10000
#define HOLD_STEP_MS 1000          /* holds of one second share a timer */
#define HOLD_KEEP_MS (30 * DAY_MS) /* so long "again the same" is known */

/* ---- windows --------------------------------------------------------------------------------- */

struct window {
    int64_t seq, forget_ms;
};

static struct window month_of(const struct zone *zone, int64_t now_ms)
{
    int64_t month = zone_month(zone, now_ms);

    return (struct window){zone_day(zone, zone_month_start(zone, month)),
                           zone_month_start(zone, month + 1)};
}

/* Named by its first local day. */
static struct window window_of(struct ctx *c, const struct counter *counter)
{
    const struct zone *zone = counter->zone ? counter->zone : ctx_zone(c);
    int64_t day = zone_day(zone, c->now_ms);
    int64_t monday = day - (((day + 3) % 7) + 7) % 7; /* day 0 was a Thursday */

    switch (counter->window) {
    case WINDOW_DAY:
        return (struct window){day, zone_day_start(zone, day + 1)};
    case WINDOW_WEEK:
        return (struct window){monday, zone_day_start(zone, monday + 7)};
    case WINDOW_MONTH:
        return month_of(zone, c->now_ms);
    case WINDOW_NONE:
        break;
    }
    return (struct window){0, NONE};
}

/* ---- taking ---------------------------------------------------------------------------------- */

static enum err full(struct ctx *c, const struct counter *counter)
{
    return fail(c, E_CONFLICT, "counter.full", "%s: no more than %" PRId64 " within its window",
                counter->name, counter->limit_count);
}

/* Either is 0. */
static enum err take(struct ctx *c, const struct counter *counter, int64_t reserved_count,
                     int64_t used_count)
{
    struct window window = window_of(c, counter);
    struct q_counter_take_in in = {.name = str_of(counter->name),
                                   .scope_id = counter->scope_id,
                                   .subject_id = counter->subject_id,
                                   .window_seq = window.seq,
                                   .reserved_count = reserved_count,
                                   .used_count = used_count,
                                   .forget_ms = window.forget_ms,
                                   .limit_count = counter->limit_count};
    int64_t amount_count = reserved_count + used_count, changed_count;

    if (amount_count < 1 || amount_count > COUNT_MAX || counter->limit_count > COUNT_MAX)
        return fail(c, E_INPUT, "counter.range", "%s: %" PRId64 " at once", counter->name,
                    amount_count);
    if (amount_count > counter->limit_count) /* a row's first has nothing to hold it against */
        return full(c, counter);
    TRY(q_counter_take(c, &in, &changed_count));
    return changed_count == 1 ? OK : full(c, counter);
}

enum err counter_use(struct ctx *c, const struct counter *counter, int64_t amount_count)
{
    return take(c, counter, 0, amount_count);
}

enum err counter_read(struct ctx *c, const struct counter *counter, int64_t *used_count,
                      int64_t *reserved_count)
{
    struct q_counter_get_in key = {.name = str_of(counter->name),
                                   .scope_id = counter->scope_id,
                                   .subject_id = counter->subject_id,
                                   .window_seq = window_of(c, counter).seq};
    struct q_counter_get_row row = {0};

    TRY(q_counter_get(c, &key, &row));
    *used_count = row.used_count;
    *reserved_count = row.reserved_count;
    return OK;
}

/* ---- reserving ------------------------------------------------------------------------------- */

static enum err same_check(struct ctx *c, const struct counter *counter,
                           const struct counter_hold *hold,
                           const struct q_counter_hold_get_row *row)
{
    if (str_is(row->name, counter->name) && row->scope_id == counter->scope_id &&
        row->subject_id == counter->subject_id && row->amount_count == hold->amount_count)
        return OK;
    return fail(c, E_CONFLICT, "counter.key_reused",
                "%s %" PRId64 " was reserved of another counter or amount", hold->kind,
                hold->key_id);
}

static enum err over_set(struct ctx *c, int64_t until_ms)
{
    int64_t step = until_ms / HOLD_STEP_MS + (until_ms % HOLD_STEP_MS > 0 ? 1 : 0);
    struct timer_new timer = {
        .kind = counter_hold_timer.name, .key_id = step, .due_ms = step * HOLD_STEP_MS};

    return timer_set(c, &timer, 1);
}

enum err counter_reserve(struct ctx *c, const struct counter *counter,
                         const struct counter_hold *hold)
{
    struct q_counter_hold_add_in in = {.kind = str_of(hold->kind),
                                       .key_id = hold->key_id,
                                       .name = str_of(counter->name),
                                       .scope_id = counter->scope_id,
                                       .subject_id = counter->subject_id,
                                       .window_seq = window_of(c, counter).seq,
                                       .amount_count = hold->amount_count,
                                       .until_ms = hold->until_ms};
    struct q_counter_hold_get_row row;
    enum err err = q_counter_hold_get(c, in.kind, in.key_id, &row);

    if (err == OK)
        return same_check(c, counter, hold, &row);
    if (err != E_NOT_FOUND)
        return err;
    TRY(take(c, counter, hold->amount_count, 0));
    TRY(q_counter_hold_add(c, &in));
    return over_set(c, hold->until_ms);
}

/* It is over: as is asked for now, or otherwise. What is out of time is over, swept up or not. */
static enum err over_check(struct ctx *c, struct str kind, int64_t key_id, bool is_confirm)
{
    struct q_counter_hold_get_row row;
    enum err err = q_counter_hold_get(c, kind, key_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "counter.hold", "nothing is reserved as %.*s %" PRId64, STR(kind),
                    key_id);
    TRY(err);
    if (str_is(row.status, "used") == is_confirm && !str_is(row.status, "held"))
        return OK;
    return fail(c, E_CONFLICT, "counter.hold_over", "%.*s %" PRId64 " is over: %.*s", STR(kind),
                key_id, STR(row.status));
}

static enum err settled_check(struct ctx *c, const int64_t *changed_each, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (changed_each[i] != 1)
            return fail(c, E_INTERNAL, "internal.counter", "a hold without its counter");
    return OK;
}

static enum err hold_end(struct ctx *c, const char *kind, int64_t key_id, bool is_confirm)
{
    struct q_counter_hold_end_in in = {.status = is_confirm ? S("used") : S("released"),
                                       .kind = str_of(kind),
                                       .key_id = key_id,
                                       .after_ms = is_confirm ? c->now_ms : 0};
    struct q_counter_hold_end_row row;
    struct q_counter_settle_in settle;
    int64_t changed_count;
    enum err err = q_counter_hold_end(c, &in, &row);

    if (err == E_NOT_FOUND)
        return over_check(c, in.kind, key_id, is_confirm);
    TRY(err);
    settle = (struct q_counter_settle_in){.amount_count = row.amount_count,
                                          .used_count = is_confirm ? row.amount_count : 0,
                                          .name = row.name,
                                          .scope_id = row.scope_id,
                                          .subject_id = row.subject_id,
                                          .window_seq = row.window_seq};
    TRY(q_counter_settle(c, &settle, 1, &changed_count));
    return settled_check(c, &changed_count, 1);
}

enum err counter_confirm(struct ctx *c, const char *kind, int64_t key_id)
{
    return hold_end(c, kind, key_id, true);
}

enum err counter_release(struct ctx *c, const char *kind, int64_t key_id)
{
    return hold_end(c, kind, key_id, false);
}

/* ---- what is over ---------------------------------------------------------------------------- */

static enum err holds_expire(struct ctx *c, const struct list *late)
{
    const struct q_counter_holds_late_row *rows = late->at;
    struct q_counter_hold_expire_in *keys =
        arena_new_array(c->arena, struct q_counter_hold_expire_in, (size_t)late->count);
    struct q_counter_settle_in *settles =
        arena_new_array(c->arena, struct q_counter_settle_in, (size_t)late->count);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)late->count);

    for (int64_t i = 0; i < late->count; i++) {
        keys[i] = (struct q_counter_hold_expire_in){rows[i].kind, rows[i].key_id};
        settles[i] = (struct q_counter_settle_in){.amount_count = rows[i].amount_count,
                                                  .name = rows[i].name,
                                                  .scope_id = rows[i].scope_id,
                                                  .subject_id = rows[i].subject_id,
                                                  .window_seq = rows[i].window_seq};
    }
    TRY(q_counter_hold_expire(c, keys, late->count, NULL));
    TRY(q_counter_settle(c, settles, late->count, changed_each));
    return settled_check(c, changed_each, late->count);
}

static enum err late_expire(struct ctx *c, int64_t *late_count)
{
    struct list late;

    TRY(q_counter_holds_late(c, FORGET_MAX, &late));
    *late_count = late.count;
    return late.count > 0 ? holds_expire(c, &late) : OK;
}

static enum err over_run(struct ctx *c, const struct timer *timer)
{
    struct timer_new again = {
        .kind = counter_hold_timer.name, .key_id = timer->key_id, .due_ms = timer->due_ms};
    int64_t late_count;

    TRY(late_expire(c, &late_count));
    return late_count < FORGET_MAX ? OK : timer_set(c, &again, 1);
}

const struct timer_kind counter_hold_timer = {.name = "counter_hold_over",
                                              .title_zh = "到期释放名额",
                                              .title_en = "Reserved too long: free again",
                                              .run = over_run};

enum err counter_forget(struct ctx *c)
{
    int64_t count;

    TRY(late_expire(c, &count));
    TRY(q_counter_drop(c, FORGET_MAX, &count));
    return q_counter_hold_drop(c, c->now_ms - HOLD_KEEP_MS, FORGET_MAX, &count);
}
