/* The journal: one insert for all events of a call, then the facts' reactions in the order of the
 * table. */
#include "kit/journal.h"

#include "gen/kit.q.h"
#include "kit/behaviour.h"
#include "kit/kit_private.h"

const struct event_kind *event_kind_find(const struct app *app, struct str name)
{
    for (const struct event_kind *kind = app->config.kinds; kind && kind->name; kind++)
        if (str_is(name, kind->name))
            return kind;
    return NULL;
}

void event_init(struct event *event, const struct ctx *c, const char *kind)
{
    *event = (struct event){.kind = event_kind_find(c->app, str_of(kind)),
                            .occurred_ms = c->now_ms,
                            .customer_id = NONE,
                            .channel_id = NONE,
                            .subject_id = NONE,
                            .amount_fen = NONE};
    must(event->kind != NULL);
}

static enum err react(struct ctx *c, const struct event *event)
{
    const struct reaction *row = c->app->config.reactions;

    if (event->kind->class != EVENT_FACT)
        return OK;
    for (; row && row->kind; row++)
        if (strcmp(row->kind, event->kind->name) == 0)
            TRY(row->react(c, event));
    return OK;
}

enum err journal_emit(struct ctx *c, const struct event *events, int64_t count)
{
    struct q_journal_add_in *rows;

    if (count == 0)
        return OK;
    rows = arena_new_array(c->arena, struct q_journal_add_in, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct q_journal_add_in){.id = events[i].id != 0 ? events[i].id : ctx_id(c),
                                            .kind = str_of(events[i].kind->name),
                                            .occurred_ms = events[i].occurred_ms,
                                            .customer_id = events[i].customer_id,
                                            .channel_id = events[i].channel_id,
                                            .subject_id = events[i].subject_id,
                                            .amount_fen = events[i].amount_fen,
                                            .properties = events[i].properties};
    TRY(q_journal_add(c, rows, count, NULL));
    c->topics |= LIVE_EVENTS;
    for (int64_t i = 0; i < count; i++)
        TRY(react(c, &events[i]));
    return OK;
}

/* ---- retention ------------------------------------------------------------------------------- */

#define FORGET_PAGE 10000
#define FORGET_CURSOR S("journal_forgotten_id")
#define DROPPED_CURSOR                                                                             \
    S("journal_dropped_ms") /* the last time: who keeps copies of events looks                     \
                             */

static enum err cursor_get(struct ctx *c, int64_t *id)
{
    struct q_meta_get_row row;
    enum err err = q_meta_get(c, FORGET_CURSOR, &row);

    *id = 0;
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    return str_to_int(row.value, id) ? OK : E_CORRUPT;
}

static bool is_kept(const struct ctx *c, struct str kind)
{
    const struct event_kind *row = event_kind_find(c->app, kind);

    return row == NULL || row->class == EVENT_FACT;
}

static enum err dropped_note(struct ctx *c)
{
    return q_meta_set(c, DROPPED_CURSOR, str_fmt(c->arena, "%" PRId64, c->now_ms));
}

enum err journal_forget(struct ctx *c, int64_t before_ms, int64_t *dropped_count)
{
    struct q_journal_drop_in *dropped;
    const struct q_journal_old_row *rows;
    struct list page;
    int64_t after_id, count = 0;

    TRY(behaviour_forget(c, before_ms, dropped_count));
    if (*dropped_count > 0)
        TRY(dropped_note(c));
    TRY(cursor_get(c, &after_id));
    TRY(q_journal_old(c, after_id, ctx_id_at(before_ms), FORGET_PAGE, &page));
    if (page.count == 0)
        return OK;
    rows = page.at;
    dropped = arena_new_array(c->arena, struct q_journal_drop_in, (size_t)page.count);
    for (int64_t i = 0; i < page.count; i++)
        if (!is_kept(c, rows[i].kind))
            dropped[count++].id = rows[i].id;
    TRY(q_journal_drop(c, dropped, count, NULL));
    if (count > 0)
        TRY(dropped_note(c));
    *dropped_count += count;
    return q_meta_set(c, FORGET_CURSOR, str_fmt(c->arena, "%" PRId64, rows[page.count - 1].id));
}
