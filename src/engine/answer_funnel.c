/* Funnels with the time they take. Always: for each length the chain that counts is the first to
 * end, and of those the last to begin; to find it the latest start of each length is enough. */
#include "engine/answer_private.h"

#include <stdlib.h>

#define LEVELS (QUERY_STEP_MAX + 1)

/* Where a chain starts. */
struct chain {
    int64_t second, group;
    int64_t order; /* among the person's events; 0: there is none */
};

struct steps {
    struct answer_probe steps[QUERY_STEP_MAX], exclusions[QUERY_STEP_MAX];
    uint16_t
        may_be[65536]; /* by kind: which of them it may be; a bit a step, then a bit an exclusion */
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

/* Which steps and exclusions the event is. */
static uint32_t matching(const struct steps *probes, const struct program_event *event)
{
    uint32_t bits = 0;

    for (uint32_t left = probes->may_be[event->kind]; left != 0; left &= left - 1) {
        int at = __builtin_ctz(left);
        const struct answer_probe *probe =
            at < QUERY_STEP_MAX ? &probes->steps[at] : &probes->exclusions[at - QUERY_STEP_MAX];

        bits |= (uint32_t)answer_matches(probe, event) << at;
    }
    return bits;
}

static void reach(struct state *state, int level, const struct chain *start,
                  const struct chain *now)
{
    if (level <= state->level)
        return;
    state->level = level;
    state->best[level] = *start;
    state->seconds[level] = now->second - start->second;
}

/* The furthest step first, so that an event is not its own predecessor; what an exclusion breaks
 * are the chains from before, which its own event may still have gone on. */
static void ordered(struct state *state, const struct funnel *funnel, uint32_t bits,
                    const struct chain *now)
{
    struct chain chains[LEVELS];
    uint32_t steps = bits & ((1u << QUERY_STEP_MAX) - 1), on = 0;

    for (; steps != 0; steps &= steps - 1) {
        int step = 1 + __builtin_ctz(steps);
        const struct chain *start = step == 1 ? now : &state->chains[step - 1];

        if (start->order == 0 || now->second - start->second > funnel->within)
            continue;
        chains[step] = *start;
        on |= 1u << step;
        reach(state, step, start, now);
    }
    for (uint32_t left = bits >> QUERY_STEP_MAX; left != 0; left &= left - 1)
        state->chains[funnel->exclusions[__builtin_ctz(left)].after].order = 0;
    for (int step = 1; funnel->order == FUNNEL_STRICT && step <= funnel->step_count; step++)
        state->chains[step].order = 0;
    for (; on != 0; on &= on - 1) {
        int step = __builtin_ctz(on);

        if (chains[step].order > state->chains[step].order)
            state->chains[step] = chains[step];
    }
}

static int latest_first(const void *a, const void *b)
{
    const struct chain *x = a, *y = b;

    return (x->order < y->order) - (x->order > y->order);
}

static void any_order(struct state *state, const struct funnel *funnel, uint32_t steps,
                      const struct chain *now)
{
    struct chain within[QUERY_STEP_MAX];
    int count = 0;

    for (int step = 0; step < funnel->step_count; step++) {
        struct chain *last = &state->chains[step];

        if (steps >> step & 1)
            *last = *now;
        if (last->order > 0 && now->second - last->second <= funnel->within)
            within[count++] = *last;
    }
    qsort(within, (size_t)count, sizeof(*within), latest_first);
    for (int level = state->level + 1; level <= count; level++)
        reach(state, level, &within[level - 1], now);
}

static void funnel_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct query *query = hand->run->query;
    const struct steps *probes = hand->pass->query;
    struct state *state = hand->state;
    uint32_t bits = matching(probes, event);
    struct chain now = {.second = event->second};

    if (bits == 0 && query->funnel.order != FUNNEL_STRICT)
        return;
    now.order = ++state->order;
    if (query->has_by && query->by.kind != QUERY_ATTRIBUTE)
        now.group = answer_event_value(hand->run, &query->by, event);
    if ((bits & ((1u << QUERY_STEP_MAX) - 1)) != 0 && state->first.order == 0)
        state->first = now;
    if (query->funnel.order == FUNNEL_ANY_ORDER)
        any_order(state, &query->funnel, bits, &now);
    else
        ordered(state, &query->funnel, bits, &now);
}

/* ---- a person's end ------------------------------------------------------------------------- */

static int64_t group_of(const struct answer_hand *hand, const struct state *state, uint32_t kept)
{
    const struct query *query = hand->run->query;
    const struct chain *chain = state->level > 0 ? &state->best[state->level] : &state->first;

    if (!query->has_by)
        return 0;
    return query->by.kind == QUERY_ATTRIBUTE ? answer_person_value(hand->run, &query->by, kept)
                                             : chain->group;
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

        if (level < 2 || hand->run->query->is_untimed || hand->run->cell != NULL)
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

struct waiting {
    struct reached *at;
    int64_t *seconds;   /* theirs */
    size_t count, next; /* next: the first of the group at work */
};

static struct waiting reached_join(struct answer_run *run, int level)
{
    struct arena *arena = run->hands[0].arena;
    struct waiting all = {0};
    size_t at = 0;

    for (int i = 0; i < run->hand_count; i++)
        all.count += ((struct state *)run->hands[i].state)->reached[level].len / sizeof(*all.at);
    all.at = arena_new_array(arena, struct reached, all.count + 1);
    all.seconds = arena_new_array(arena, int64_t, all.count + 1);
    for (int i = 0; i < run->hand_count; i++) {
        struct buf *buf = &((struct state *)run->hands[i].state)->reached[level];

        if (buf->len > 0)
            memcpy(all.at + at, buf->at, buf->len);
        at += buf->len / sizeof(*all.at);
    }
    if (all.count > 0 && run->query->has_by)
        qsort(all.at, all.count, sizeof(*all.at), by_group);
    for (size_t i = 0; i < all.count; i++)
        all.seconds[i] = all.at[i].seconds;
    return all;
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

static void row_write(const struct answer_tally *tally, int level, struct waiting *waiting,
                      int64_t *cells)
{
    size_t people = (size_t)tally->people, from = waiting->next;

    cells[0] = level;
    cells[1] = tally->people;
    cells[2] = NONE;
    cells[3] = NONE;
    if (level < 2 || people == 0 || waiting->at == NULL)
        return;
    waiting->next = group_end(waiting->at, from, waiting->count, tally->key.a);
    cells[2] = answer_rank(waiting->seconds + from, people, (people + 1) / 2);
    cells[3] = tally->sum.value / tally->people;
}

static enum err funnel_rows(struct answer_run *run, const struct answer_table *table)
{
    int levels = run->query->funnel.step_count + 1, columns = 4 + run->query->has_by;
    struct waiting waiting[LEVELS] = {{0}};
    int64_t groups = run->query->has_by ? 0 : 1, *cells;
    size_t at = 0;

    for (int level = 2; level < levels && !run->query->is_untimed; level++)
        waiting[level] = reached_join(run, level);
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

static void may_be(struct steps *steps, const struct answer_probe *probe, int bit)
{
    for (uint32_t kind = 0; kind < ARRAY_LEN(steps->may_be); kind++) {
        if (probe->kinds == NULL || (probe->kinds[kind / 64] >> kind % 64 & 1) != 0)
            steps->may_be[kind] |= (uint16_t)(1u << bit);
    }
}

static void steps_prepare(struct answer_run *run, struct steps *steps, struct answer_filter *filter)
{
    const struct funnel *funnel = &run->query->funnel;
    struct answer_probe all = {.from = INT64_MIN, .to = INT64_MAX};

    for (int i = 0; i < funnel->step_count; i++) {
        steps->steps[i] = answer_probe(run, &funnel->steps[i]);
        answer_filter_add(filter, &steps->steps[i]);
        may_be(steps, &steps->steps[i], i);
    }
    for (int i = 0; i < funnel->exclusion_count; i++) {
        steps->exclusions[i] = answer_probe(run, &funnel->exclusions[i].pattern);
        answer_filter_add(filter, &steps->exclusions[i]);
        may_be(steps, &steps->exclusions[i], QUERY_STEP_MAX + i);
    }
    if (funnel->order == FUNNEL_STRICT)
        answer_filter_add(filter, &all);
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* Whole histories of single kinds in order. */
static bool is_kernels(struct answer_run *run, const struct steps *steps, struct scan_funnel *out)
{
    const struct query *query = run->query;
    const struct funnel *funnel = &query->funnel;

    if (run->options->is_generic || query->has_by || funnel->within >= UINT32_MAX ||
        funnel->order != FUNNEL_ORDERED || funnel->exclusion_count > 0)
        return false;
    *out =
        (struct scan_funnel){.step_count = funnel->step_count, .window = (uint32_t)funnel->within};
    for (int i = 0; i < funnel->step_count; i++) {
        if (!answer_is_one_kind(run, &steps->steps[i], &funnel->steps[i]))
            return false;
        out->kinds[i] = funnel->steps[i].kinds[0];
    }
    return true;
}

/* What the kernel measured, as if the first hand had seen these persons. */
static struct answer_sum times_take(struct answer_run *run, const struct scan_funnel *query,
                                    int level)
{
    struct buf *reached = &((struct state *)run->hands[0].state)->reached[level];
    struct answer_sum sum = {0};

    for (int thread = 0; thread < run->hand_count; thread++) {
        const struct buf *times = &query->times[thread * LEVELS + level];
        const uint32_t *at = (const uint32_t *)(const void *)times->at;
        size_t count = times->len / sizeof(*at);

        answer_take(run, count * sizeof(struct reached));
        if (answer_is_over(run))
            break;
        for (size_t i = 0; i < count; i++) {
            buf_add(reached, &(struct reached){0, at[i]}, sizeof(struct reached));
            answer_sum_add(&sum, at[i]);
        }
    }
    return sum;
}

static void kernel_run(struct answer_run *run, struct answer_pass *pass, struct scan_funnel *query)
{
    struct scan scan = answer_scan(run, &run->plain);
    size_t times = run->query->is_untimed ? 0 : (size_t)run->hand_count * LEVELS;
    int64_t levels[SCAN_STEP_MAX + 1], people = 0;
    struct state *state;

    answer_joined_run(run, pass);
    query->times = times > 0 ? arena_new_array(run->hands[0].arena, struct buf, times) : NULL;
    for (size_t i = 0; i < times; i++)
        buf_init(&query->times[i], (size_t)1 << 34);
    scan_funnel(&scan, query, levels);
    state = run->hands[0].state;
    for (int level = query->step_count; level >= 0; level--) {
        struct answer_tally tally = {.key = {0, level, 0}};

        people += levels[level];
        tally.people = tally.events = people;
        if (times > 0)
            tally.sum = times_take(run, query, level);
        answer_tally_add(&run->hands[0], &state->table, &tally);
    }
    for (size_t i = 0; i < times; i++)
        buf_release(&query->times[i]);
}

enum err answer_funnel(struct answer_run *run)
{
    struct steps *steps = arena_new_one(run->hands[0].arena, struct steps);
    struct answer_pass pass = {.query = steps,
                               .state_bytes = sizeof(struct state),
                               .start = funnel_start,
                               .begin = funnel_begin,
                               .event = funnel_event,
                               .end = funnel_end};
    struct scan_funnel kernel;
    struct answer_table table;
    enum err err;

    steps_prepare(run, steps, &pass.filter);
    if (is_kernels(run, steps, &kernel))
        kernel_run(run, &pass, &kernel);
    else
        answer_pass_run(run, &pass);
    table = answer_tables_join(run);
    err = funnel_rows(run, &table);
    for (int i = 0; i < run->hand_count; i++) {
        for (int level = 0; level < LEVELS; level++)
            buf_release(&((struct state *)run->hands[i].state)->reached[level]);
    }
    return err;
}
