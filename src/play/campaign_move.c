/* The life of a campaign: which state leads to which, by whom, under what guard, and what follows.
 * Always: a state moves by one guarded UPDATE and leaves a step; nothing runs that the preflight
 * refuses; what is cancelled has had nobody in it; what is left of a budget goes back once nothing
 * is owed. One timer a campaign carries it on. */
#include "gen/campaign.q.h"
#include "kit/audit.h"
#include "kit/journal.h"
#include "play/play_private.h"

#define SETTLE_EVERY_MS 60000
#define COMPENSATE_PAGE 2 /* persons a commit: a timer has 64 statements */

struct moving {
    const struct campaign *campaign;
    const void *rules;
    const struct play *play;
    int64_t participant_count;
};

/* ---- guards ---------------------------------------------------------------------------------- */

static enum err preflight_guard(struct ctx *c, const struct moving *m)
{
    if (m->campaign->ends_ms != NONE && m->campaign->ends_ms <= c->now_ms)
        return fail(c, E_CONFLICT, "campaign.move", "its end is past: set another first");
    return preflight_check(c, m->campaign, m->rules);
}

static enum err nobody_guard(struct ctx *c, const struct moving *m)
{
    return m->participant_count == 0
               ? OK
               : fail(c, E_CONFLICT, "campaign.move",
                      "somebody is in already: terminate it, which makes good what they are owed");
}

static enum err somebody_guard(struct ctx *c, const struct moving *m)
{
    return m->participant_count > 0
               ? OK
               : fail(c, E_CONFLICT, "campaign.move", "nobody is in yet: cancel it");
}

/* While the clock of a terminated one is set, somebody has not been compensated yet. */
static enum err settled_ask(struct ctx *c, const struct moving *m, bool *is_settled)
{
    struct q_campaign_held_row held;

    TRY(q_campaign_held(c, m->campaign->id, &held));
    *is_settled = held.held_count == 0 &&
                  (held.clock_count == 0 || !str_is(m->campaign->status, "terminated"));
    if (*is_settled && m->play->is_settled)
        TRY(m->play->is_settled(c, m->campaign, is_settled));
    return OK;
}

static enum err settled_guard(struct ctx *c, const struct moving *m)
{
    bool is_settled;

    TRY(settled_ask(c, m, &is_settled));
    return is_settled ? OK
                      : fail(c, E_CONFLICT, "campaign.move",
                             "rewards wait for a decision, or payments and refunds are not over");
}

/* ---- what follows ---------------------------------------------------------------------------- */

static enum err clock_set(struct ctx *c, int64_t campaign_id, int64_t due_ms)
{
    return timer_set(
        c,
        &(struct timer_new){.kind = campaign_clock.name, .key_id = campaign_id, .due_ms = due_ms},
        1);
}

static enum err published(struct ctx *c, const struct moving *m)
{
    if (m->play->open)
        TRY(m->play->open(c, m->campaign, m->rules));
    return clock_set(c, m->campaign->id,
                     m->campaign->starts_ms == NONE ? c->now_ms : m->campaign->starts_ms);
}

enum err campaign_clock_end(struct ctx *c, int64_t campaign_id, int64_t ends_ms)
{
    return ends_ms == NONE ? timer_cancel(c, campaign_clock.name, campaign_id, NULL)
                           : clock_set(c, campaign_id, ends_ms);
}

static enum err at_end(struct ctx *c, const struct moving *m)
{
    return campaign_clock_end(c, m->campaign->id, m->campaign->ends_ms);
}

static enum err at_once(struct ctx *c, const struct moving *m)
{
    return clock_set(c, m->campaign->id, c->now_ms);
}

static enum err clock_stop(struct ctx *c, const struct moving *m)
{
    return timer_cancel(c, campaign_clock.name, m->campaign->id, NULL);
}

/* What is left of these budgets leaves the books as it came. */
static enum err rest_return(struct ctx *c, const struct list *rows)
{
    struct account outside[UNIT_COUNT];
    struct transfer transfers[UNIT_COUNT];
    int64_t ids[UNIT_COUNT], count = 0;
    const struct q_campaign_budgets_row *row = rows->at;
    bool is_replay;

    for (int64_t i = 0; i < rows->count; i++) {
        if (row[i].balance_count == 0)
            continue;
        outside[count] = (struct account){"system", 0, play_unit(row[i].unit), BUCKET_EXTERNAL, 0};
        transfers[count] = (struct transfer){.kind = "campaign_budget_rest",
                                             .key_id = ctx_id(c),
                                             .leg_number = outside[count].unit,
                                             .from_id = row[i].id,
                                             .amount_count = row[i].balance_count,
                                             .expires_ms = NONE};
        count++;
    }
    if (count == 0)
        return OK;
    TRY(ledger_open(c, outside, count, ids));
    for (int64_t i = 0; i < count; i++)
        transfers[i].to_id = ids[i];
    return ledger_post(c, transfers, count, &is_replay, NULL);
}

static enum err budget_return(struct ctx *c, const struct moving *m)
{
    struct list rows;

    TRY(q_campaign_budgets(c, m->campaign->id, &rows));
    return rest_return(c, &rows);
}

enum err campaign_late_return(struct ctx *c, int64_t campaign_id)
{
    struct list rows;

    _Static_assert(sizeof(struct q_campaign_late_row) == sizeof(struct q_campaign_budgets_row),
                   "the same columns");
    TRY(q_campaign_late(c, campaign_id, &rows));
    return rest_return(c, &rows);
}

static enum err cancelled(struct ctx *c, const struct moving *m)
{
    TRY(clock_stop(c, m));
    return budget_return(c, m);
}

static enum err terminated(struct ctx *c, const struct moving *m)
{
    return m->play->compensate ? at_once(c, m) : clock_stop(c, m);
}

/* ---- the moves ------------------------------------------------------------------------------- */

enum by { BY_HAND, BY_CLOCK };

/* In the order a page offers them. */
static const struct move {
    const char *from, *to;
    enum by by;
    bool has_reason; /* one must be given */
    enum err (*guard)(struct ctx *c, const struct moving *m);
    enum err (*after)(struct ctx *c, const struct moving *m);
} moves[] = {
    {"draft", "in_review", BY_HAND, false, NULL, NULL},
    {"in_review", "scheduled", BY_HAND, false, preflight_guard, published},
    {"in_review", "draft", BY_HAND, true, NULL, NULL},
    {"scheduled", "running", BY_CLOCK, false, NULL, at_end},
    {"scheduled", "draft", BY_HAND, true, NULL, clock_stop},
    {"running", "paused", BY_HAND, true, NULL, NULL},
    {"paused", "running", BY_HAND, false, NULL, NULL},
    {"running", "ended", BY_HAND, true, NULL, at_once},
    {"running", "ended", BY_CLOCK, false, NULL, at_once},
    {"paused", "ended", BY_HAND, true, NULL, at_once},
    {"paused", "ended", BY_CLOCK, false, NULL, at_once},
    {"ended", "settling", BY_CLOCK, false, NULL, at_once},
    {"settling", "settled", BY_CLOCK, false, settled_guard, budget_return},
    {"settled", "archived", BY_HAND, false, NULL, budget_return},
    {"terminated", "archived", BY_HAND, false, settled_guard, budget_return},
    {"draft", "cancelled", BY_HAND, true, nobody_guard, cancelled},
    {"in_review", "cancelled", BY_HAND, true, nobody_guard, cancelled},
    {"scheduled", "cancelled", BY_HAND, true, nobody_guard, cancelled},
    {"running", "cancelled", BY_HAND, true, nobody_guard, cancelled},
    {"paused", "cancelled", BY_HAND, true, nobody_guard, cancelled},
    {"running", "terminated", BY_HAND, true, somebody_guard, terminated},
    {"paused", "terminated", BY_HAND, true, somebody_guard, terminated},
    {"ended", "terminated", BY_HAND, true, somebody_guard, terminated},
    {"settling", "terminated", BY_HAND, true, somebody_guard, terminated},
};

static const struct move *move_find(struct str from, struct str to, enum by by)
{
    for (size_t i = 0; i < ARRAY_LEN(moves); i++)
        if (str_is(from, moves[i].from) && str_is(to, moves[i].to) && moves[i].by == by)
            return &moves[i];
    return NULL;
}

const char *campaign_move_next(struct str from, int at)
{
    for (size_t i = 0; i < ARRAY_LEN(moves); i++)
        if (str_is(from, moves[i].from) && moves[i].by == BY_HAND && at-- == 0)
            return moves[i].to;
    return NULL;
}

bool campaign_move_has_reason(struct str from, struct str to)
{
    const struct move *move = move_find(from, to, BY_HAND);

    return move && move->has_reason;
}

/* ---- one move -------------------------------------------------------------------------------- */

static enum err moving_read(struct ctx *c, int64_t campaign_id, struct campaign *campaign,
                            struct moving *m)
{
    struct q_campaign_show_row row = {0};

    TRY(campaign_get(c, campaign_id, NONE, campaign, &m->rules));
    TRY(q_campaign_show(c, campaign_id, &row));
    m->campaign = campaign;
    m->play = play_find(c->app, campaign->kind);
    m->participant_count = row.participant_count;
    return OK;
}

static enum err move_run(struct ctx *c, const struct moving *m, const struct move *move,
                         struct str reason)
{
    struct event event;
    int64_t changed_count;

    if (move->guard)
        TRY(move->guard(c, m));
    TRY(q_campaign_status_set(c,
                              &(struct q_campaign_status_set_in){
                                  .to_status = str_of(move->to),
                                  .campaign_id = m->campaign->id,
                                  .from_status = str_of(move->from),
                                  .version_number = m->campaign->version_number,
                              },
                              &changed_count));
    must(changed_count == 1);
    TRY(q_campaign_step_insert(c, &(struct q_campaign_step_insert_in){
                                      .id = ctx_id(c),
                                      .campaign_id = m->campaign->id,
                                      .from_status = str_of(move->from),
                                      .to_status = str_of(move->to),
                                      .reason = reason,
                                  }));
    if (move->after)
        TRY(move->after(c, m));
    c->topics |= LIVE_CAMPAIGNS;
    event_init(&event, c, "campaign_moved");
    event.subject_id = m->campaign->id;
    return journal_emit(c, &event, 1);
}

enum err campaign_move(struct ctx *c, int64_t campaign_id, struct str to_status, struct str reason)
{
    const struct move *move;
    struct campaign campaign;
    struct moving m;

    TRY(moving_read(c, campaign_id, &campaign, &m));
    move = move_find(campaign.status, to_status, BY_HAND);
    if (move == NULL)
        return fail(c, E_CONFLICT, "campaign.move", "a campaign that is %.*s cannot become %.*s",
                    STR(campaign.status), STR(to_status));
    if (move->has_reason && str_trim(reason).len == 0)
        return fail_at(c, "campaign.reason", S("reason"), "say why");
    return move_run(c, &m, move, reason);
}

/* ---- the clock ------------------------------------------------------------------------------- */

/* What it should become by now; NULL: nothing yet. *again_ms: when to look next. */
static enum err due_status(struct ctx *c, const struct moving *m, const char **to,
                           int64_t *again_ms)
{
    const struct campaign *k = m->campaign;
    bool is_settled = false;

    *to = NULL;
    *again_ms = NONE;
    if (str_is(k->status, "scheduled")) {
        *again_ms = k->starts_ms == NONE ? c->now_ms : k->starts_ms;
        *to = *again_ms <= c->now_ms ? "running" : NULL;
    } else if (str_is(k->status, "running") || str_is(k->status, "paused")) {
        *again_ms = k->ends_ms;
        *to = k->ends_ms != NONE && k->ends_ms <= c->now_ms ? "ended" : NULL;
    } else if (str_is(k->status, "ended")) {
        *to = "settling";
    } else if (str_is(k->status, "settling")) {
        TRY(settled_ask(c, m, &is_settled));
        *again_ms = c->now_ms + SETTLE_EVERY_MS;
        *to = is_settled ? "settled" : NULL;
    }
    return OK;
}

/* The timer's input is who was the last: after a crash it goes on behind. */
static enum err compensate_page(struct ctx *c, const struct moving *m, const struct timer *timer)
{
    const struct q_campaign_participants_row *row;
    int64_t after_id = 0;
    struct list rows;

    if (timer->input.at)
        must(str_to_int(timer->input, &after_id));
    TRY(q_campaign_participants(c, m->campaign->id, after_id, COMPENSATE_PAGE, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        TRY(m->play->compensate(c, m->campaign, row[i].customer_id));
    if (rows.count == 0)
        return OK;
    return timer_set(c,
                     &(struct timer_new){
                         .kind = campaign_clock.name,
                         .key_id = m->campaign->id,
                         .due_ms = c->now_ms,
                         .input = str_fmt(c->arena, "%" PRId64, row[rows.count - 1].customer_id),
                     },
                     1);
}

static enum err clock_run(struct ctx *c, const struct timer *timer)
{
    struct campaign campaign;
    struct moving m;
    const char *to;
    int64_t again_ms;

    TRY(moving_read(c, timer->key_id, &campaign, &m));
    if (str_is(campaign.status, "terminated"))
        return compensate_page(c, &m, timer);
    TRY(due_status(c, &m, &to, &again_ms));
    if (to == NULL)
        return again_ms == NONE ? OK : clock_set(c, campaign.id, again_ms);
    return move_run(c, &m, move_find(campaign.status, str_of(to), BY_CLOCK), (struct str){0});
}

const struct timer_kind campaign_clock = {
    .name = "campaign_clock",
    .title_zh = "活动到点",
    .title_en = "A campaign's next state",
    .run = clock_run,
};
