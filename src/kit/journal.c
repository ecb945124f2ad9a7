/* The journal: one insert for all events of a call, then the facts' reactions in the order of the
 * table. */
#include "kit/journal.h"

#include "gen/kit.q.h"
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
        rows[i] = (struct q_journal_add_in){.id = ctx_id(c),
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
