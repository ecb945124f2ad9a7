/* Flows: who was in which stage at one moment, and in which at another.
 * Always: a stage is asked about as a segment is, as of either moment; the last one that holds is
 * the person's; each person of the question is in one row. */
#include "engine/answer_private.h"

/* Everybody's stage at one moment: who is in it, by stage. */
struct stand {
    struct program_cell in[QUERY_STAGE_MAX];
};
struct flow {
    const struct query *query;
    struct stand from, to;
};

static void stand_find(struct answer_run *run, int64_t as_of, struct stand *out)
{
    const struct query *query = run->query;

    for (int i = 0; i < query->stage_count; i++)
        out->in[i] = answer_members_at(run, &query->stages[i], as_of);
}

static int64_t stage_of(const struct flow *flow, const struct stand *stand, uint32_t kept)
{
    int stage = flow->query->stage_count;

    while (stage > 0 && !program_cell_has(&stand->in[stage - 1], kept))
        stage--;
    return stage;
}

static void person_count(struct answer_hand *hand, const struct flow *flow, uint32_t kept)
{
    struct answer_table *table = hand->state;
    int64_t group = 0;

    hand->person++;
    hand->kept = kept;
    if (flow->query->has_by)
        group = answer_person_value(hand->run, &flow->query->by, kept);
    if (group != NONE)
        answer_tally(hand, table,
                     (struct answer_key){group, stage_of(flow, &flow->from, kept),
                                         stage_of(flow, &flow->to, kept)});
}

static void people_count(struct answer_run *run, const struct flow *flow)
{
    for (uint32_t shard = 0; shard < run->shard_count && !answer_is_over(run); shard++) {
        uint64_t words[BITMAP_SHARD_WORDS];

        bitmap_shard(run->people, shard, words);
        for (uint32_t word = 0; word < BITMAP_SHARD_WORDS; word++)
            for (uint64_t left = words[word]; left != 0; left &= left - 1)
                person_count(&run->hands[0], flow,
                             shard * SHARD_NUMBERS + word * 64 + (uint32_t)__builtin_ctzll(left));
    }
}

static enum err flow_rows(struct answer_run *run, const struct answer_table *table)
{
    bool has_by = run->query->has_by;
    int64_t *cells;

    TRY(answer_rows(run, 3 + has_by, (int64_t)table->count, &cells));
    for (size_t i = 0; i < table->count; i++) {
        const struct answer_tally *tally = &table->at[i];

        if (has_by)
            *cells++ = tally->key.a;
        *cells++ = tally->key.b;
        *cells++ = tally->key.c;
        *cells++ = tally->people;
    }
    return OK;
}

enum err answer_flow(struct answer_run *run)
{
    const struct query *query = run->query;
    int64_t as_of = run->moment->as_of;
    struct span span = window_span(&query->flow, query->zone, as_of);
    struct flow flow = {.query = query};
    struct answer_table table;

    stand_find(run, span.from < as_of ? span.from : as_of, &flow.from);
    stand_find(run, span.to < as_of ? span.to : as_of, &flow.to);
    for (int i = 0; i < run->hand_count; i++) {
        run->hands[i].run = run;
        run->hands[i].state = arena_new_one(run->hands[i].arena, struct answer_table);
    }
    people_count(run, &flow);
    table = answer_tables_join(run);
    return flow_rows(run, &table);
}
