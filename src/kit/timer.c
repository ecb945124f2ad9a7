/* Setting and cancelling timers. Always: one row for each (kind, key_id); a timer that is due in
 * the page being run and is touched from within it does not run there any more. */
#include "gen/timer.q.h"
#include "kit/kit_private.h"
#include "kit/timer_private.h"

const struct timer_kind *timer_kind_find(const struct app *app, struct str name)
{
    for (const struct timer_kind *const *kind = app->config.timer_kinds; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return *kind;
    return NULL;
}

/* A handler moves or cancels its own timer, or one that would come behind it. */
static void page_leave(struct timer_page *page, struct str kind, int64_t key_id)
{
    for (int64_t i = 0; page && i < page->count; i++)
        if (page->rows[i].key_id == key_id && str_eq(page->rows[i].kind, kind))
            page->is_gone[i] = true;
}

enum err timer_set(struct ctx *c, const struct timer_new *timers, int64_t count)
{
    struct q_timer_set_in *rows = arena_new_array(c->arena, struct q_timer_set_in, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        struct str kind = str_of(timers[i].kind);

        must(timer_kind_find(c->app, kind) != NULL);
        rows[i] = (struct q_timer_set_in){ctx_id(c), kind, timers[i].key_id, timers[i].due_ms,
                                          timers[i].input};
        if (c->timer_due_ms == NONE || timers[i].due_ms < c->timer_due_ms)
            c->timer_due_ms = timers[i].due_ms;
        page_leave(c->timer_page, kind, timers[i].key_id);
    }
    c->topics |= LIVE_TIMERS;
    return q_timer_set(c, rows, count, NULL);
}

enum err timer_cancel(struct ctx *c, const char *kind, int64_t key_id, bool *was_set)
{
    int64_t changed_count;

    TRY(q_timer_cancel(c, str_of(kind), key_id, &changed_count));
    page_leave(c->timer_page, str_of(kind), key_id);
    c->topics |= LIVE_TIMERS;
    if (was_set)
        *was_set = changed_count > 0;
    return OK;
}

int64_t timer_local_ms(const struct zone *zone, int64_t day, int64_t minutes)
{
    return zone_day_minute(zone, day, minutes);
}
