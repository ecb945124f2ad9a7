/* What is known of customers without events, as bits, 4,096 customers at a time. Always: a shard's
 * bits say the same as asking each of its persons; of joined persons they say nothing. */
#include "engine/program_private.h"

#define WORDS BITMAP_SHARD_WORDS

void program_bits_none(struct program_bits *out)
{
    memset(out, 0, sizeof(*out));
}

void program_bits_flip(struct program_bits *out)
{
    for (int i = 0; i < WORDS; i++)
        out->at[i] = ~out->at[i];
}

void program_bits_join(struct program_bits *out, const struct program_bits *other, bool is_all)
{
    for (int i = 0; i < WORDS; i++)
        out->at[i] = is_all ? out->at[i] & other->at[i] : out->at[i] | other->at[i];
}

static void bits_read(const struct bitmap *bitmap, uint32_t shard, struct program_bits *out)
{
    if (bitmap == NULL)
        program_bits_none(out);
    else
        bitmap_shard(bitmap, shard, out->at);
}

/* In any, all, or none of them. */
static void bits_of_sets(const struct bitmap *const *sets, int count, enum compare compare,
                         uint32_t shard, struct program_bits *out)
{
    struct program_bits one;

    program_bits_none(out);
    for (int i = 0; i < count; i++) {
        bits_read(sets[i], shard, i == 0 ? out : &one);
        if (i > 0)
            program_bits_join(out, &one, compare == COMPARE_ALL_OF);
    }
    if (compare == COMPARE_NONE_OF)
        program_bits_flip(out);
}

static void bits_of_values(const struct program_test *test, const int64_t *values,
                           struct program_bits *out)
{
    int64_t low = test->test->low, high = test->test->high;
    enum compare compare = test->test->compare;
    bool is_range =
        compare == COMPARE_AT_LEAST || compare == COMPARE_BELOW || compare == COMPARE_BETWEEN;

    low = compare == COMPARE_BELOW ? NONE + 1 : low; /* missing is below all */
    high = compare == COMPARE_AT_LEAST ? INT64_MAX : high - 1;
    for (int word = 0; word < WORDS; word++) {
        const int64_t *at = values + (size_t)word * 64;
        uint64_t bits = 0;

        for (int i = 0; i < 64 && is_range; i++)
            bits |= (uint64_t)(at[i] >= low && at[i] <= high) << i;
        for (int i = 0; i < 64 && !is_range; i++)
            bits |= (uint64_t)program_test_passes(test, at[i]) << i;
        out->at[word] = bits;
    }
}

static void attribute_bits(const struct program_test *test, uint32_t shard,
                           struct program_bits *out)
{
    const struct people_column *column = test->column;
    enum compare compare = test->test->compare;
    const int64_t *values = NULL;

    program_bits_none(out);
    if (compare == COMPARE_EXISTS || compare == COMPARE_MISSING) {
        bits_read(column == NULL ? NULL : column->has, shard, out);
        if (compare == COMPARE_MISSING)
            program_bits_flip(out);
        return;
    }
    if (test->field->type == VALUE_CHOICES) {
        bits_of_sets(test->members, test->test->value_count, compare, shard, out);
        return;
    }
    if (column != NULL && shard < column->shard_count)
        values = column->values[shard];
    if (values != NULL)
        bits_of_values(test, values, out);
    else if (compare == COMPARE_NONE_OF)
        program_bits_flip(out);
}

/* ---- nodes without events ------------------------------------------------------------------- */

static void set_bits(const struct people_view *people, const struct condition *one, uint32_t shard,
                     struct program_bits *out)
{
    const struct bitmap *sets[QUERY_VALUE_MAX];

    for (int i = 0; i < one->id_count; i++)
        sets[i] = people_set_of(people, one->set, one->ids[i]);
    bits_of_sets(sets, one->id_count, one->test.compare, shard, out);
}

static void bucket_bits(const struct condition *one, uint32_t shard, struct program_bits *out)
{
    program_bits_none(out);
    for (uint32_t own = 0; own < SHARD_NUMBERS; own++) {
        int64_t at = catalog_bucket(one->salt, shard * SHARD_NUMBERS + own);

        out->at[own / 64] |= (uint64_t)(at >= one->low && at < one->high) << own % 64;
    }
}

void program_static_bits(const struct people_view *people, const struct condition *one,
                         const struct program_test *test, uint32_t shard, struct program_bits *out)
{
    program_bits_none(out);
    if (one->kind == CONDITION_EVERYONE)
        program_bits_flip(out);
    else if (one->kind == CONDITION_SET)
        set_bits(people, one, shard, out);
    else if (one->kind == CONDITION_BUCKET)
        bucket_bits(one, shard, out);
    else
        attribute_bits(test, shard, out);
}

/* ---- a query of a program -------------------------------------------------------------------- */

/* Some day it says something else by itself, and not of all at once. */
static bool is_moving(const struct condition *one, const struct program_test *test)
{
    return one->kind == CONDITION_ATTRIBUTE &&
           (test->next != PROGRAM_NEVER || one->test.compare == COMPARE_WITHIN);
}

void program_bits_operands(const struct condition *who, int node, struct program_bits *of)
{
    bool is_all = who[node].kind == CONDITION_ALL;
    int at = node - 1;

    program_bits_none(&of[node]);
    if (is_all)
        program_bits_flip(&of[node]);
    for (int i = 0; i < who[node].operands; i++, at -= who[at].size)
        program_bits_join(&of[node], &of[at], is_all);
}

static void node_bits(const struct program *program, const struct program_query *in, int node,
                      uint32_t shard)
{
    const struct condition *one = &in->query->who[node];
    struct program_bits *sure = &program->sure[node], *maybe = &program->maybe[node];

    if (one->kind == CONDITION_ALL || one->kind == CONDITION_ANY) {
        program_bits_operands(in->query->who, node, program->sure);
        program_bits_operands(in->query->who, node, program->maybe);
    } else if (one->kind == CONDITION_NOT) {
        *sure = program->maybe[node - 1];
        *maybe = program->sure[node - 1];
        program_bits_flip(sure);
        program_bits_flip(maybe);
    } else if (in->leaf_of[node] >= 0 || is_moving(one, &in->tests[node])) {
        program_bits_none(sure);
        program_bits_none(maybe);
        program_bits_flip(maybe);
    } else {
        program_static_bits(program->moment.people, one, &in->tests[node], shard, sure);
        *maybe = *sure;
    }
}

void program_shard(struct program *program, int query, uint32_t shard, uint64_t sure[WORDS],
                   uint64_t maybe[WORDS])
{
    const struct program_query *in = program->queries[query];
    int root = in->query->who_count - 1;

    if (program->sure == NULL) {
        program->sure = arena_new_array(program->own, struct program_bits, QUERY_CONDITION_MAX);
        program->maybe = arena_new_array(program->own, struct program_bits, QUERY_CONDITION_MAX);
    }
    for (int node = 0; node <= root; node++)
        node_bits(program, in, node, shard);
    memset(sure, 255, sizeof(struct program_bits)); /* of no condition: everybody */
    memset(maybe, 255, sizeof(struct program_bits));
    if (root >= 0) {
        memcpy(sure, &program->sure[root], sizeof(struct program_bits));
        memcpy(maybe, &program->maybe[root], sizeof(struct program_bits));
    }
}
