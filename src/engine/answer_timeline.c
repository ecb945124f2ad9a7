/* One person's events, the latest first. Always: order is that of all questions, turned round. */
#include "engine/answer_private.h"

struct state {
    struct answer_probe probe;
    struct program_event *at; /* a ring of the last ones */
    size_t room, count;
};

static void timeline_event(struct answer_hand *hand, const struct program_event *event)
{
    struct state *state = hand->state;

    if (answer_matches(&state->probe, event))
        state->at[state->count++ % state->room] = *event;
}

/* Of the second `before` so many, the latest, are known already. */
static size_t known_count(const struct answer_run *run, const struct state *state)
{
    const struct query *query = run->query;
    size_t known = 0;

    while (query->before != NONE && known < (size_t)query->skip && known < state->count &&
           known < state->room &&
           state->at[(state->count - 1 - known) % state->room].second == query->before)
        known++;
    return known;
}

static enum err timeline_rows(struct answer_run *run, const struct state *state)
{
    size_t known = known_count(run, state), kept = state->count;
    int64_t *cells;

    kept = (kept < state->room ? kept : state->room) - known;
    kept = kept < (size_t)run->query->limit ? kept : (size_t)run->query->limit;
    TRY(answer_rows(run, 4, (int64_t)kept, &cells));
    for (size_t i = 0; i < kept; i++) {
        const struct program_event *event =
            &state->at[(state->count - 1 - known - i) % state->room];

        *cells++ = event->second;
        *cells++ = event->kind;
        *cells++ = event->channel;
        *cells++ = program_value(event, EVENTS_AMOUNT);
    }
    return OK;
}

enum err answer_timeline(struct answer_run *run)
{
    const struct query *query = run->query;
    uint32_t kept = people_kept(run->moment->people, query->person);
    struct answer_hand *hand = &run->hands[0];
    struct answer_pass pass = {.event = timeline_event};
    struct state state = {.probe = answer_probe(run, &query->pattern)};

    if (query->before != NONE && state.probe.to > query->before + 1)
        state.probe.to = query->before + 1;
    answer_filter_add(&pass.filter, &state.probe);
    state.room = (size_t)query->limit + (query->before == NONE ? 0 : (size_t)query->skip) + 1;
    answer_take(run, state.room * sizeof(*state.at));
    if (answer_is_over(run))
        return OK;
    state.at = arena_new_array(hand->arena, struct program_event, state.room);
    hand->run = run;
    hand->pass = &pass;
    hand->state = &state;
    if (bitmap_has(people_all(run->moment->people), kept)) {
        answer_person_fetch(run->moment, kept);
        answer_person_run(hand, kept);
    }
    return timeline_rows(run, &state);
}
