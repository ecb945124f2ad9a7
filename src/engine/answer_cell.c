/* Cells: the same question once more, with everybody whom a wanted row counts as a member.
 * Always: a row's people and the members of its cell come from the same code, which tells its keys
 * to a table or to a cell; a hand marks persons of its own shards alone. */
#include "engine/answer_private.h"

/* ---- keys ----------------------------------------------------------------------------------- */

static bool key_passes(const struct answer_cell *cell, int at, int64_t value)
{
    return !cell->cell->keys[at].is_set || program_test_passes(&cell->tests[at], value);
}

void answer_cell_take(struct answer_hand *hand, struct answer_key key)
{
    const struct answer_cell *cell = hand->run->cell;

    if (key_passes(cell, 0, key.a) && key_passes(cell, 1, key.b) && key_passes(cell, 2, key.c))
        cell->members[hand->kept / 64] |= (uint64_t)1 << hand->kept % 64;
}

bool answer_has_key(const struct answer_run *run, int key)
{
    return run->cell->cell->keys[key].is_set;
}

bool answer_is_rest(const struct answer_run *run)
{
    return run->cell != NULL && run->cell->cell->keys[0].is_rest;
}

/* ---- runs inside a run ---------------------------------------------------------------------- */

/* Another question with what is left of the first one's time and memory. */
static struct answer_run *inner(struct answer_run *run, const struct query *query, int64_t as_of)
{
    struct arena *arena = run->hands[0].arena;
    struct answer_run *own = arena_new_one(arena, struct answer_run);
    struct moment *moment = arena_new_one(arena, struct moment);

    *moment = *run->moment;
    moment->as_of = as_of;
    own->arena = arena;
    own->query = query;
    own->moment = moment;
    own->options = run->options;
    own->out = arena_new_one(arena, struct answer);
    atomic_store(&own->bytes, atomic_load(&run->bytes));
    return own;
}

static struct program_cell words_new(struct answer_run *run, uint64_t **words)
{
    size_t count = (size_t)run->shard_count * BITMAP_SHARD_WORDS;

    answer_take(run, count * sizeof(uint64_t));
    *words = arena_new_array(run->hands[0].arena, uint64_t, count + 1);
    return (struct program_cell){*words, count};
}

static void inner_run(struct answer_run *run, struct answer_run *own)
{
    enum err err = answer_is_over(run) ? OK : answer_run_inner(own);

    if (err != OK)
        answer_stop(run, err);
}

struct program_cell answer_cell_find(struct answer_run *run, const struct condition *one)
{
    const struct query *query = &one->cell->query;
    struct answer_run *own = inner(run, query, run->moment->as_of);
    struct answer_cell *cell = arena_new_one(run->hands[0].arena, struct answer_cell);
    struct program_cell out = words_new(run, &cell->members);

    cell->cell = one->cell;
    own->cell = cell;
    for (int i = 0; i < QUERY_KEY_MAX; i++) {
        const struct query_key *key = &one->cell->keys[i];

        if (key->is_set && !key->is_rest)
            program_test_at(run->program, &cell->tests[i], &key->test, &key->field, query->zone);
    }
    inner_run(run, own);
    return out;
}

struct program_cell answer_members_at(struct answer_run *run, const struct query *query,
                                      int64_t as_of)
{
    struct answer_run *own = inner(run, query, as_of);
    uint64_t *words;
    struct program_cell out = words_new(run, &words);

    bitmap_init(&own->out->members);
    inner_run(run, own);
    for (uint32_t shard = 0; shard < run->shard_count; shard++)
        bitmap_shard(&own->out->members, shard, words + (size_t)shard * BITMAP_SHARD_WORDS);
    bitmap_release(&own->out->members);
    return out;
}
