/* Retention: who began in a unit, and who of them was back how many units later.
 * Always: cohorts and returns are units of one table, the last of which is the running one. */
#include "engine/answer_private.h"

#define UNIT_MAX 100

struct cohort {
    struct answer_probe start, back;
    struct answer_units units;
};

/* Sums of a hand, and what is known of the person at work: in which units. */
struct state {
    int64_t sizes[UNIT_MAX], counts[UNIT_MAX][UNIT_MAX];
    bool has_start[UNIT_MAX], has_back[UNIT_MAX];
    bool is_begun, is_seen;
    int64_t last_back;
};

static void cohort_begin(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;

    (void)kept;
    if (state->is_seen) {
        memset(state->has_start, 0, sizeof(state->has_start));
        memset(state->has_back, 0, sizeof(state->has_back));
    }
    state->is_begun = false;
    state->is_seen = false;
    state->last_back = -1;
}

static void cohort_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct cohort *cohort = hand->pass->query;
    struct state *state = hand->state;
    bool is_in = event->second >= cohort->units.starts[0];
    int64_t unit = is_in ? answer_unit(&cohort->units, event->second) : 0;

    if (answer_matches(&cohort->start, event) && !(state->is_begun && hand->run->query->is_first)) {
        state->is_begun = true;
        state->has_start[unit] = state->has_start[unit] || is_in;
        state->is_seen = true;
    }
    if (is_in && answer_matches(&cohort->back, event)) {
        state->has_back[unit] = true;
        state->last_back = unit;
        state->is_seen = true;
    }
}

static bool is_back(const struct answer_hand *hand, int64_t unit)
{
    const struct state *state = hand->state;

    return hand->run->query->is_on_or_after ? state->last_back >= unit : state->has_back[unit];
}

/* A cell without a unit is the cohort. */
static void cell_take(struct answer_hand *hand, int64_t at)
{
    const struct answer_units *units = &((const struct cohort *)hand->pass->query)->units;

    if (!answer_has_key(hand->run, 1))
        answer_cell_take(hand, (struct answer_key){units->starts[at], 0, 0});
    for (int64_t k = at; k < units->count && answer_has_key(hand->run, 1); k++)
        if (is_back(hand, k))
            answer_cell_take(hand, (struct answer_key){units->starts[at], k - at, 0});
}

static void cohort_end(struct answer_hand *hand, uint32_t kept)
{
    const struct cohort *cohort = hand->pass->query;
    struct state *state = hand->state;

    (void)kept;
    for (int64_t i = 0; i < cohort->units.count && state->is_begun; i++) {
        if (!state->has_start[i])
            continue;
        if (hand->run->cell != NULL)
            cell_take(hand, i);
        state->sizes[i]++;
        for (int64_t k = i; k < cohort->units.count; k++)
            state->counts[i][k - i] += is_back(hand, k);
    }
}

static void states_join(struct answer_run *run, struct state *all)
{
    for (int i = 1; i < run->hand_count; i++) {
        const struct state *other = run->hands[i].state;

        for (int unit = 0; unit < UNIT_MAX; unit++) {
            all->sizes[unit] += other->sizes[unit];
            for (int k = 0; k < UNIT_MAX; k++)
                all->counts[unit][k] += other->counts[unit][k];
        }
    }
}

static enum err cohort_rows(struct answer_run *run, const struct answer_units *units,
                            const struct state *state)
{
    int64_t *cells;

    TRY(answer_rows(run, 5, units->count * (units->count + 1) / 2, &cells));
    for (int64_t i = 0; i < units->count; i++) {
        for (int64_t k = 0; i + k < units->count; k++) {
            *cells++ = units->starts[i];
            *cells++ = state->sizes[i];
            *cells++ = k;
            *cells++ = state->counts[i][k];
            *cells++ = units->starts[i + k + 1] <= run->moment->as_of;
        }
    }
    return OK;
}

/* By number, not by seconds: a day that a zone has left out is a unit too, with nobody in it. */
struct answer_units answer_cohort_units(struct answer_run *run)
{
    const struct query *query = run->query;
    int64_t last = window_unit(query->zone, query->unit, run->moment->as_of - 1);

    return answer_units_of(run, query->unit, last - query->count + 1, query->count);
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* First events of all, back with any, in weeks that are all as long as one another. */
static bool is_kernels(const struct answer_run *run, const struct cohort *cohort)
{
    const struct query *query = run->query;
    const struct answer_units *units = &cohort->units;
    bool is_even = query->unit == UNIT_WEEK && units->count <= SCAN_COHORT_MAX &&
                   units->starts[0] >= 0 && units->starts[units->count] <= UINT32_MAX;

    for (int64_t i = 0; i < units->count && is_even; i++)
        is_even = units->starts[i + 1] - units->starts[i] == BLOCK_WEEK_SECONDS;
    return is_even && !run->options->is_generic && query->is_first && !query->is_on_or_after &&
           cohort->start.kinds == NULL && cohort->back.kinds == NULL &&
           answer_is_whole(run, &cohort->start) && answer_is_whole(run, &cohort->back);
}

static void kernel_run(struct answer_run *run, struct answer_pass *pass)
{
    const struct cohort *cohort = pass->query;
    uint32_t start = (uint32_t)cohort->units.starts[0];
    uint32_t offset = (BLOCK_WEEK_SECONDS - start % BLOCK_WEEK_SECONDS) % BLOCK_WEEK_SECONDS;
    struct scan_cohort query = {(uint32_t)(((uint64_t)start + offset) / BLOCK_WEEK_SECONDS), offset,
                                (int)cohort->units.count, (int)cohort->units.count};
    struct scan scan = answer_scan(run, &run->plain);
    int64_t sizes[SCAN_COHORT_MAX], active[SCAN_COHORT_MAX][SCAN_COHORT_MAX];
    struct state *state;

    answer_joined_run(run, pass);
    scan_cohort(&scan, &query, sizes, active);
    state = run->hands[0].state;
    for (int64_t i = 0; i < cohort->units.count; i++) {
        state->sizes[i] += sizes[i];
        for (int64_t k = 0; i + k < cohort->units.count; k++)
            state->counts[i][k] += active[i][k];
    }
}

enum err answer_retention(struct answer_run *run)
{
    struct cohort cohort = {.start = answer_probe(run, &run->query->pattern),
                            .back = answer_probe(run, &run->query->back),
                            .units = answer_cohort_units(run)};
    struct answer_pass pass = {.query = &cohort,
                               .state_bytes = sizeof(struct state),
                               .begin = cohort_begin,
                               .event = cohort_event,
                               .end = cohort_end};

    must(cohort.units.count <= UNIT_MAX);
    answer_filter_add(&pass.filter, &cohort.start);
    answer_filter_add(&pass.filter, &cohort.back);
    if (is_kernels(run, &cohort))
        kernel_run(run, &pass);
    else
        answer_pass_run(run, &pass);
    states_join(run, run->hands[0].state);
    return cohort_rows(run, &cohort.units, run->hands[0].state);
}
