/* Recency, frequency, money: values of everyone with such events, exact fifths, cells.
 * Always: the bound of a fifth is a value that occurs; equal values fall into one fifth. */
#include "engine/answer_private.h"

struct buyer {
    int64_t last, count, sum;
};

struct rfm {
    struct answer_probe probe;
    int column;
    uint16_t kind;                /* of postings */
    struct program_fifths fifths; /* of cells */
};

struct state {
    struct buyer now;
    int64_t carry;
    struct buyer *at; /* of all persons so far */
    size_t count, room;
};

static void rfm_begin(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;

    (void)kept;
    state->now = (struct buyer){0};
}

static void rfm_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct rfm *rfm = hand->pass->query;
    struct state *state = hand->state;
    int64_t value;

    if (!answer_matches(&rfm->probe, event))
        return;
    value = program_value(event, rfm->column);
    state->now.last = event->second;
    state->now.count++;
    if (value != NONE && __builtin_add_overflow(state->now.sum, value, &state->now.sum))
        answer_stop(hand->run, E_TOO_LARGE);
}

static void buyer_keep(struct answer_hand *hand)
{
    struct state *state = hand->state;

    if (state->now.count == 0)
        return;
    if (state->count == state->room) {
        struct buyer *old = state->at;

        state->room = state->room == 0 ? 1024 : state->room * 2;
        state->at = arena_new_array(hand->arena, struct buyer, state->room);
        answer_take(hand->run, state->room * sizeof(*old));
        if (state->count > 0)
            memcpy(state->at, old, state->count * sizeof(*old));
    }
    state->at[state->count++] = state->now;
}

static void rfm_end(struct answer_hand *hand, uint32_t kept)
{
    (void)kept;
    buyer_keep(hand);
}

/* ---- postings ------------------------------------------------------------------------------- */

static void posting_buyer(struct answer_hand *hand, const struct block_posting *posting,
                          uint32_t own)
{
    uint32_t from = posting->offsets[own], to = posting->offsets[own + 1];
    struct buyer *now = &((struct state *)hand->state)->now;

    *now = (struct buyer){.count = to - from};
    if (from == to)
        return;
    now->last = posting->seconds[to - 1];
    for (uint32_t at = from; at < to; at++) {
        if (__builtin_add_overflow(now->sum, posting->amounts[at], &now->sum))
            answer_stop(hand->run, E_TOO_LARGE);
    }
    buyer_keep(hand);
}

/* Customers without news are taken from the kind's postings; the others are left to their events.
 */
static void posting_shard(struct answer_hand *hand, struct scan_view *view)
{
    const struct rfm *rfm = hand->pass->query;
    const struct block_posting *posting = block_posting(view->block, rfm->kind);
    uint64_t news[BITMAP_SHARD_WORDS] = {0};

    if (posting == NULL)
        return;
    answer_news_find(view, news);
    for (uint32_t word = 0; word < BITMAP_SHARD_WORDS; word++) {
        for (uint64_t left = view->only[word] & ~news[word]; left != 0; left &= left - 1)
            posting_buyer(hand, posting, word * 64 + (uint32_t)__builtin_ctzll(left));
        view->only[word] &= news[word];
    }
}

/* ---- fifths --------------------------------------------------------------------------------- */

static void bounds_of(int64_t *values, size_t count, int64_t bounds[4])
{
    for (size_t fifth = 1; fifth < 5; fifth++)
        bounds[fifth - 1] = answer_rank(values, count, (count * fifth + 4) / 5);
}

static int fifth_of(const int64_t bounds[4], int64_t value)
{
    return 1 + (value > bounds[0]) + (value > bounds[1]) + (value > bounds[2]) +
           (value > bounds[3]);
}

static struct state gathered(struct answer_run *run)
{
    struct state all = {0};

    for (int i = 0; i < run->hand_count; i++)
        all.room += ((const struct state *)run->hands[i].state)->count;
    all.at = arena_new_array(run->hands[0].arena, struct buyer, all.room + 1);
    answer_take(run, all.room * sizeof(*all.at));
    for (int i = 0; i < run->hand_count; i++) {
        const struct state *one = run->hands[i].state;

        if (one->count > 0)
            memcpy(all.at + all.count, one->at, one->count * sizeof(*one->at));
        all.count += one->count;
    }
    return all;
}

static void fifths_of(struct answer_run *run, const struct state *all,
                      struct program_fifths *fifths)
{
    int64_t *values = arena_new_array(run->hands[0].arena, int64_t, all->count + 1);

    *fifths = (struct program_fifths){0};
    if (all->count == 0)
        return;
    for (size_t i = 0; i < all->count; i++)
        values[i] = all->at[i].last;
    bounds_of(values, all->count, fifths->last);
    for (size_t i = 0; i < all->count; i++)
        values[i] = all->at[i].count;
    bounds_of(values, all->count, fifths->count);
    for (size_t i = 0; i < all->count; i++)
        values[i] = all->at[i].sum;
    bounds_of(values, all->count, fifths->sum);
}

static void cell_end(struct answer_hand *hand, uint32_t kept)
{
    const struct program_fifths *fifths = &((const struct rfm *)hand->pass->query)->fifths;
    const struct buyer *now = &((const struct state *)hand->state)->now;

    (void)kept;
    if (now->count > 0)
        answer_cell_take(hand, (struct answer_key){fifth_of(fifths->last, now->last),
                                                   fifth_of(fifths->count, now->count),
                                                   fifth_of(fifths->sum, now->sum)});
}

/* Once more, to tell who is where. */
static void cell_run(struct answer_run *run, const struct program_fifths *fifths)
{
    const struct query *query = run->query;
    struct rfm rfm = {.probe = answer_probe(run, &query->pattern),
                      .column = query->field.number,
                      .fifths = *fifths};
    struct answer_pass pass = {.query = &rfm,
                               .state_bytes = sizeof(struct state),
                               .begin = rfm_begin,
                               .event = rfm_event,
                               .end = cell_end};

    answer_filter_add(&pass.filter, &rfm.probe);
    answer_pass_run(run, &pass);
}

static struct state buyers(struct answer_run *run, const struct pattern *pattern, int column)
{
    struct rfm rfm = {.probe = answer_probe(run, pattern), .column = column};
    struct answer_pass pass = {.query = &rfm,
                               .state_bytes = sizeof(struct state),
                               .begin = rfm_begin,
                               .event = rfm_event,
                               .end = rfm_end};

    if (answer_is_one_kind(run, &rfm.probe, pattern) && column == EVENTS_AMOUNT &&
        !run->options->is_generic && !run->options->is_columns_only) {
        rfm.kind = pattern->kinds[0];
        pass.shard = posting_shard;
    }
    answer_filter_add(&pass.filter, &rfm.probe);
    answer_pass_run(run, &pass);
    return gathered(run);
}

void answer_fifths(struct answer_run *run, const struct condition *condition,
                   struct program_fifths *fifths)
{
    struct state all = buyers(run, condition->pattern, condition->field.number);

    fifths_of(run, &all, fifths);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static enum err rfm_rows(struct answer_run *run, const struct answer_tally cells[216])
{
    int64_t count = 0, *out;

    for (int i = 0; i < 216; i++)
        count += cells[i].people > 0;
    TRY(answer_rows(run, 5, count, &out));
    for (int i = 0; i < 216; i++) {
        if (cells[i].people == 0)
            continue;
        if (cells[i].sum.carry != 0 || cells[i].sum.value == NONE)
            return E_TOO_LARGE;
        *out++ = i / 36;
        *out++ = i / 6 % 6;
        *out++ = i % 6;
        *out++ = cells[i].people;
        *out++ = cells[i].sum.value;
    }
    return OK;
}

enum err answer_rfm(struct answer_run *run)
{
    struct state all = buyers(run, &run->query->pattern, run->query->field.number);
    struct answer_tally cells[216] = {0};
    struct program_fifths fifths;

    fifths_of(run, &all, &fifths);
    if (run->cell != NULL) {
        cell_run(run, &fifths);
        return OK;
    }
    for (size_t i = 0; i < all.count; i++) {
        struct answer_tally *cell = &cells[fifth_of(fifths.last, all.at[i].last) * 36 +
                                           fifth_of(fifths.count, all.at[i].count) * 6 +
                                           fifth_of(fifths.sum, all.at[i].sum)];

        cell->people++;
        answer_sum_add(&cell->sum, all.at[i].sum);
    }
    return rfm_rows(run, cells);
}
