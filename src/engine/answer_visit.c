/* Every person's events of a few kinds, one person after the other, for figures that no question
 * has. Always: a person whose events are all of the first kind and in a block comes from its
 * postings, which hold seconds and amounts one behind the other; the others are told event by
 * event. */
#include "engine/answer_private.h"

struct visiting {
    const struct answer_visit *visit;
    struct scan_needles others;
};

struct state {
    struct answer_event *at; /* of the person at hand */
    size_t count, room;
};

static struct answer_event *event_add(struct answer_hand *hand)
{
    struct state *state = hand->state;
    struct answer_event *old = state->at;

    if (state->count == state->room) {
        state->room = state->room == 0 ? 256 : state->room * 2;
        state->at = arena_new_array(hand->arena, struct answer_event, state->room);
        answer_take(hand->run, state->room * sizeof(*old));
        if (state->count > 0)
            memcpy(state->at, old, state->count * sizeof(*old));
    }
    return &state->at[state->count++];
}

static void visit_begin(struct answer_hand *hand, uint32_t kept)
{
    (void)kept;
    ((struct state *)hand->state)->count = 0;
}

static void visit_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct visiting *visiting = hand->pass->query;
    int64_t amount = program_value(event, EVENTS_AMOUNT);

    *event_add(hand) =
        (struct answer_event){.second = event->second,
                              .kind = event->kind,
                              .amount = amount == NONE ? 0 : amount,
                              .subject = program_value(event, visiting->visit->subject_column)};
}

static void visit_end(struct answer_hand *hand, uint32_t kept)
{
    const struct answer_visit *visit = ((const struct visiting *)hand->pass->query)->visit;
    const struct state *state = hand->state;
    bool is_plain = true;

    for (size_t i = 0; i < state->count && is_plain; i++)
        is_plain = state->at[i].kind == visit->kinds[0];
    if (state->count > 0)
        visit->person(visit->user, kept,
                      &(struct answer_events){state->at, state->count, is_plain});
}

/* ---- postings ------------------------------------------------------------------------------- */

static void posting_give(struct answer_hand *hand, const struct block_posting *posting,
                         uint32_t kept)
{
    const struct answer_visit *visit = ((const struct visiting *)hand->pass->query)->visit;
    uint32_t own = kept % SHARD_NUMBERS, to = posting->offsets[own + 1];
    struct state *state = hand->state;

    state->count = 0;
    for (uint32_t at = posting->offsets[own];
         at < to && posting->seconds[at] < hand->pass->filter.to; at++)
        *event_add(hand) = (struct answer_event){.second = posting->seconds[at],
                                                 .kind = posting->kind,
                                                 .amount = posting->amounts[at],
                                                 .subject = NONE};
    if (state->count > 0)
        visit->person(visit->user, kept, &(struct answer_events){state->at, state->count, true});
}

/* Adds who of the block has an event of another kind than the first. */
static void others_find(struct answer_hand *hand, const struct block *block,
                        uint64_t words[BITMAP_SHARD_WORDS])
{
    const struct visiting *visiting = hand->pass->query;
    struct scan_piece piece = {
        .kinds = block->kinds, .is_kind_wide = block->is_kind_wide, .count = block->count};
    uint32_t own = 0;
    uint64_t *masks;

    if (visiting->others.count == 0 || block->count == 0)
        return;
    buf_reset(&hand->masks);
    masks = (uint64_t *)(void *)buf_room(&hand->masks, ((size_t)piece.count / 64 + 1) * 8);
    must(masks != NULL);
    hand->kernels->kinds(&piece, &visiting->others, masks);
    for (uint32_t word = 0; word * 64 < piece.count; word++) {
        for (uint64_t mask = masks[word]; mask != 0; mask &= mask - 1) {
            while (block->offsets[own + 1] <= word * 64 + (uint32_t)__builtin_ctzll(mask))
                own++;
            words[own / 64] |= (uint64_t)1 << own % 64;
        }
    }
}

/* The rest is left to its events. */
static void visit_shard(struct answer_hand *hand, struct scan_view *view)
{
    const struct visiting *visiting = hand->pass->query;
    const struct block_posting *posting = block_posting(view->block, visiting->visit->kinds[0]);
    uint64_t left[BITMAP_SHARD_WORDS] = {0};

    if (posting == NULL)
        return;
    answer_news_find(view, left);
    others_find(hand, view->block, left);
    for (uint32_t word = 0; word < BITMAP_SHARD_WORDS; word++) {
        for (uint64_t plain = view->only[word] & ~left[word]; plain != 0; plain &= plain - 1)
            posting_give(hand, posting,
                         view->shard * SHARD_NUMBERS + word * 64 +
                             (uint32_t)__builtin_ctzll(plain));
        view->only[word] &= left[word];
    }
}

/* ---- all ------------------------------------------------------------------------------------ */

void answer_visit_run(struct answer_run *run, const struct answer_visit *visit)
{
    struct visiting visiting = {.visit = visit};
    struct answer_pass pass = {.query = &visiting,
                               .state_bytes = sizeof(struct state),
                               .shard = visit_shard,
                               .begin = visit_begin,
                               .event = visit_event,
                               .end = visit_end};

    if (run->options->is_generic || run->options->is_columns_only)
        pass.shard = NULL;
    scan_needles_set(&visiting.others, visit->kinds + 1, visit->kind_count - 1);
    pass.filter.from = 0;
    pass.filter.to = run->moment->as_of;
    for (int i = 0; i < visit->kind_count; i++)
        pass.filter.kinds[visit->kinds[i] / 64] |= (uint64_t)1 << visit->kinds[i] % 64;
    answer_pass_run(run, &pass);
}
