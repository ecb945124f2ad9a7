/* Funnels with the time they take. Always: for each length the chain that counts is the first to
 * end, and of those the last to begin; to find it the latest start of each length is enough. */
#include "engine/answer_private.h"

#include <stdlib.h>

#define LEVELS (QUERY_STEP_MAX + 1)

struct chain {
    struct program_event start;
    int64_t order; /* among the person's events; 0: there is none */
};

struct steps {
    struct answer_probe steps[QUERY_STEP_MAX], exclusions[QUERY_STEP_MAX];
};

struct reached {
    int64_t group;
    int64_t seconds;
};

struct state {
    struct answer_table table; /* key: group, level; sum: seconds */
    struct buf reached[LEVELS];
    /* of the person */
    int64_t order;
    struct chain first;          /* its earliest event of any step */
    struct chain chains[LEVELS]; /* the latest start of so many steps; in any order: latest event of
                                    a step */
    struct chain best[LEVELS];   /* start of the chain that counts */
    int64_t seconds[LEVELS];
    int level;
};

static void funnel_start(struct answer_hand *hand)
{
    struct state *state = hand->state;

    for (int i = 0; i < LEVELS; i++)
        buf_init(&state->reached[i], (size_t)1 << 34);
}

static void funnel_begin(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;

    (void)kept;
    state->order = 0;
    state->first.order = 0;
    state->level = 0;
    for (int i = 0; i < LEVELS; i++)
        state->chains[i].order = 0;
}

/* ---- events --------------------------------------------------------------------------------- */

static uint32_t matching(const struct answer_probe *probes, int count,
                         const struct program_event *event)
{
    uint32_t bits = 0;

    for (int i = 0; i < count; i++)
        bits |= (uint32_t)answer_matches(&probes[i], event) << i;
    return bits;
}

static void reach(struct state *state, int level, const struct chain *start,
                  const struct program_event *event)
{
    if (level <= state->level)
        return;
    state->level = level;
    state->best[level] = *start;
    state->seconds[level] = (int64_t)event->second - start->start.second;
}

static void ordered(struct state *state, const struct funnel *funnel, uint32_t steps,
                    uint32_t exclusions, const struct program_event *event)
{
    struct chain now[LEVELS], own = {*event, state->order};

    for (int step = 1; step <= funnel->step_count; step++) {
        const struct chain *start = step == 1 ? &own : &state->chains[step - 1];
        bool is_on = (steps >> (step - 1) & 1) != 0 && start->order > 0 &&
                     (int64_t)event->second - start->start.second <= funnel->within;

        now[step].order = 0;
        if (is_on) {
            now[step] = *start;
            reach(state, step, start, event);
        }
    }
    for (; exclusions != 0; exclusions &= exclusions - 1)
        state->chains[funnel->exclusions[__builtin_ctz(exclusions)].after].order = 0;
    for (int step = 1; step <= funnel->step_count; step++) {
        if (funnel->order == FUNNEL_STRICT || now[step].order > state->chains[step].order)
            state->chains[step] = now[step];
    }
}

static int latest_first(const void *a, const void *b)
{
    const struct chain *x = a, *y = b;

    return (x->order < y->order) - (x->order > y->order);
}

static void any_order(struct state *state, const struct funnel *funnel, uint32_t steps,
                      const struct program_event *event)
{
    struct chain within[QUERY_STEP_MAX];
    int count = 0;

    for (int step = 0; step < funnel->step_count; step++) {
        struct chain *last = &state->chains[step];

        if (steps >> step & 1)
            *last = (struct chain){*event, state->order};
        if (last->order > 0 && (int64_t)event->second - last->start.second <= funnel->within)
            within[count++] = *last;
    }
    qsort(within, (size_t)count, sizeof(*within), latest_first);
    for (int level = state->level + 1; level <= count; level++)
        reach(state, level, &within[level - 1], event);
}

static void funnel_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct funnel *funnel = &hand->run->query->funnel;
    const struct steps *probes = hand->pass->query;
    struct state *state = hand->state;
    uint32_t steps = matching(probes->steps, funnel->step_count, event);
    uint32_t exclusions = matching(probes->exclusions, funnel->exclusion_count, event);

    if (steps == 0 && exclusions == 0 && funnel->order != FUNNEL_STRICT)
        return;
    state->order++;
    if (steps != 0 && state->first.order == 0)
        state->first = (struct chain){*event, state->order};
    if (funnel->order != FUNNEL_ANY_ORDER)
        ordered(state, funnel, steps, exclusions, event);
    else if (steps != 0)
        any_order(state, funnel, steps, event);
}

/* ---- a person's end ------------------------------------------------------------------------- */

static int64_t group_of(const struct answer_hand *hand, const struct state *state, uint32_t kept)
{
    const struct query *query = hand->run->query;
    const struct chain *chain = state->level > 0 ? &state->best[state->level] : &state->first;

    if (!query->has_by)
        return 0;
    return query->by.kind == QUERY_ATTRIBUTE
               ? answer_person_value(hand->run, &query->by, kept)
               : answer_event_value(hand->run, &query->by, &chain->start);
}

static void funnel_end(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;
    int64_t group;

    if (state->first.order == 0)
        return;
    group = group_of(hand, state, kept);
    if (group == NONE)
        return;
    for (int level = 0; level <= state->level; level++) {
        struct reached reached = {group, state->seconds[level]};
        struct answer_tally *tally =
            answer_tally(hand, &state->table, (struct answer_key){group, level, 0});

        if (level < 2)
            continue;
        answer_sum_add(&tally->sum, reached.seconds);
        buf_add(&state->reached[level], &reached, sizeof(reached));
        answer_take(hand->run, sizeof(reached));
    }
}

/* ---- medians -------------------------------------------------------------------------------- */

static int by_group(const void *a, const void *b)
{
    const struct reached *x = a, *y = b;

    return (x->group > y->group) - (x->group < y->group);
}

static struct reached *reached_join(struct answer_run *run, int level, size_t *count)
{
    struct reached *all;
    size_t at = 0;

    *count = 0;
    for (int i = 0; i < run->hand_count; i++)
        *count += ((struct state *)run->hands[i].state)->reached[level].len / sizeof(*all);
    all = arena_new_array(run->hands[0].arena, struct reached, *count + 1);
    for (int i = 0; i < run->hand_count; i++) {
        struct buf *buf = &((struct state *)run->hands[i].state)->reached[level];

        if (buf->len > 0)
            memcpy(all + at, buf->at, buf->len);
        at += buf->len / sizeof(*all);
    }
    if (*count > 0 && run->query->has_by)
        qsort(all, *count, sizeof(*all), by_group);
    return all;
}

/* The value of this rank from 0; what is before it is not above it (Hoare). */
static int64_t rank_of(struct reached *at, size_t count, size_t rank)
{
    size_t low = 0, high = count - 1;

    while (low < high) {
        int64_t pivot = at[low + (high - low) / 2].seconds;
        size_t i = low, j = high;

        for (;;) {
            struct reached held;

            while (at[i].seconds < pivot)
                i++;
            while (at[j].seconds > pivot)
                j--;
            if (i >= j)
                break;
            held = at[i];
            at[i++] = at[j];
            at[j--] = held;
        }
        if (rank <= j)
            high = j;
        else
            low = j + 1;
    }
    return at[rank].seconds;
}

static size_t group_end(const struct reached *at, size_t from, size_t count, int64_t group)
{
    size_t low = from, high = count;

    while (low < high) {
        size_t half = low + (high - low) / 2;

        if (at[half].group <= group)
            low = half + 1;
        else
            high = half;
    }
    return low;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct waiting {
    struct reached *at;
    size_t count, next; /* next: the first of the group at work */
};

static void row_write(const struct answer_tally *tally, int level, struct waiting *waiting,
                      int64_t *cells)
{
    size_t people = (size_t)tally->people, from = waiting->next;

    cells[0] = level;
    cells[1] = tally->people;
    cells[2] = NONE;
    cells[3] = NONE;
    if (level < 2 || people == 0)
        return;
    waiting->next = group_end(waiting->at, from, waiting->count, tally->key.a);
    cells[2] = rank_of(waiting->at + from, people, (people + 1) / 2 - 1);
    cells[3] = tally->sum.value / tally->people;
}

static enum err funnel_rows(struct answer_run *run, const struct answer_table *table)
{
    int levels = run->query->funnel.step_count + 1, columns = 4 + run->query->has_by;
    struct waiting waiting[LEVELS] = {{0}};
    int64_t groups = run->query->has_by ? 0 : 1, *cells;
    size_t at = 0;

    for (int level = 2; level < levels; level++)
        waiting[level].at = reached_join(run, level, &waiting[level].count);
    for (size_t i = 0; i < table->count && run->query->has_by; i++)
        groups += table->at[i].key.b == 0;
    TRY(answer_rows(run, columns, groups * levels, &cells));
    for (int64_t i = 0; i < groups; i++) {
        int64_t group = at < table->count ? table->at[at].key.a : 0;

        for (int level = 0; level < levels; level++, cells += columns) {
            struct answer_tally none = {.key = {group, level, 0}};
            bool is_there =
                at < table->count && table->at[at].key.a == group && table->at[at].key.b == level;

            if (run->query->has_by)
                cells[0] = group;
            row_write(is_there ? &table->at[at] : &none, level, &waiting[level],
                      cells + run->query->has_by);
            at += is_there;
        }
    }
    return OK;
}

static struct answer_filter steps_filter(struct answer_run *run, const struct steps *steps)
{
    const struct funnel *funnel = &run->query->funnel;
    struct answer_probe all = {.from = INT64_MIN, .to = INT64_MAX};
    struct answer_filter filter = {0};

    for (int i = 0; i < funnel->step_count; i++)
        answer_filter_add(&filter, &steps->steps[i]);
    for (int i = 0; i < funnel->exclusion_count; i++)
        answer_filter_add(&filter, &steps->exclusions[i]);
    if (funnel->order == FUNNEL_STRICT)
        answer_filter_add(&filter, &all);
    return filter;
}

enum err answer_funnel(struct answer_run *run)
{
    const struct funnel *funnel = &run->query->funnel;
    struct steps steps;
    struct answer_pass pass = {.query = &steps,
                               .state_bytes = sizeof(struct state),
                               .start = funnel_start,
                               .begin = funnel_begin,
                               .event = funnel_event,
                               .end = funnel_end};
    struct answer_table table;
    enum err err;

    for (int i = 0; i < funnel->step_count; i++)
        steps.steps[i] = answer_probe(run, &funnel->steps[i]);
    for (int i = 0; i < funnel->exclusion_count; i++)
        steps.exclusions[i] = answer_probe(run, &funnel->exclusions[i].pattern);
    pass.filter = steps_filter(run, &steps);
    answer_pass_run(run, &pass);
    table = answer_tables_join(run);
    err = funnel_rows(run, &table);
    for (int i = 0; i < run->hand_count; i++) {
        for (int level = 0; level < LEVELS; level++)
            buf_release(&((struct state *)run->hands[i].state)->reached[level]);
    }
    return err;
}
