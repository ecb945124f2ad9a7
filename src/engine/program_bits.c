/* What is known of customers without events, as bits, 4,096 customers at a time. Always: a shard's
 * bits say the same as asking each of its persons; of joined persons they say nothing. */
#include "engine/program_private.h"

#define WORDS BITMAP_SHARD_WORDS
#define FEW_MAX 16 /* numbers that are looked for one after the other */

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

static void bits_add(const struct bitmap *bitmap, uint32_t shard, struct program_bits *out)
{
    if (bitmap != NULL)
        bitmap_shard_add(bitmap, shard, out->at);
}

static void bits_of_all(const struct program_test *test, uint32_t shard, struct program_bits *out)
{
    struct program_bits one;

    memset(out, 255, sizeof(*out));
    for (int i = 0; i < test->member_count; i++) {
        program_bits_none(&one);
        bits_add(test->members[i], shard, &one);
        program_bits_join(out, &one, true);
    }
}

/* In any, all, or none of its sets. */
static void bits_of_sets(const struct program_test *test, uint32_t shard, struct program_bits *out)
{
    if (test->test->compare == COMPARE_ALL_OF) {
        bits_of_all(test, shard, out);
        return;
    }
    program_bits_none(out);
    for (int i = 0; i < test->member_count; i++)
        bits_add(test->members[i], shard, out);
    if (test->test->compare == COMPARE_NONE_OF)
        program_bits_flip(out);
}

/* Does the test say: in [*low, *high]? What is missing is below all. */
static bool is_range(const struct program_test *test, int64_t *low, int64_t *high)
{
    const struct test *of = test->test;
    bool is_within = of->compare == COMPARE_WITHIN;

    *low = is_within ? test->days.from : of->compare == COMPARE_BELOW ? NONE : of->low;
    *low = *low == NONE ? NONE + 1 : *low;
    *high =
        of->compare == COMPARE_AT_LEAST ? INT64_MAX : (is_within ? test->days.to : of->high) - 1;
    return is_within || of->compare == COMPARE_AT_LEAST || of->compare == COMPARE_BELOW ||
           of->compare == COMPARE_BETWEEN;
}

/* One of a few numbers, or none of them. */
static bool is_few(const struct program_test *test)
{
    const struct test *of = test->test;

    return (of->compare == COMPARE_ANY_OF || of->compare == COMPARE_NONE_OF) && of->texts == NULL &&
           of->value_count <= FEW_MAX;
}

static void bits_of_few(const struct scan_kernels *kernels, const struct test *test,
                        const int64_t *values, struct program_bits *out)
{
    struct program_bits one;

    for (int i = 0; i < test->value_count; i++) {
        kernels->within(values, test->values[i], test->values[i], one.at);
        program_bits_join(out, &one, false);
    }
    if (test->compare == COMPARE_NONE_OF)
        program_bits_flip(out);
}

/* out: nobody, so far. */
static void bits_of_values(const struct scan_kernels *kernels, const struct program_test *test,
                           const int64_t *values, struct program_bits *out)
{
    int64_t low, high;

    if (is_range(test, &low, &high)) {
        kernels->within(values, low, high, out->at);
        return;
    }
    if (is_few(test)) {
        bits_of_few(kernels, test->test, values, out);
        return;
    }
    for (int i = 0; i < SHARD_NUMBERS; i++)
        out->at[i / 64] |= (uint64_t)program_test_passes(test, values[i]) << i % 64;
}

static void attribute_bits(const struct scan_kernels *kernels, const struct program_test *test,
                           uint32_t shard, struct program_bits *out)
{
    const struct people_column *column = test->column;
    enum compare compare = test->test->compare;
    const int64_t *values = NULL;

    program_bits_none(out);
    if (compare == COMPARE_EXISTS || compare == COMPARE_MISSING) {
        bits_add(column == NULL ? NULL : column->has, shard, out);
        if (compare == COMPARE_MISSING)
            program_bits_flip(out);
        return;
    }
    if (test->members != NULL) {
        bits_of_sets(test, shard, out);
        return;
    }
    if (column != NULL && shard < column->shard_count)
        values = column->values[shard];
    if (values != NULL)
        bits_of_values(kernels, test, values, out);
    else if (compare == COMPARE_NONE_OF)
        program_bits_flip(out);
}

/* ---- nodes without events ------------------------------------------------------------------- */

static void bucket_bits(const struct condition *one, uint32_t shard, struct program_bits *out)
{
    program_bits_none(out);
    for (uint32_t own = 0; own < SHARD_NUMBERS; own++) {
        int64_t at = catalog_bucket(one->salt, shard * SHARD_NUMBERS + own);

        out->at[own / 64] |= (uint64_t)(at >= one->low && at < one->high) << own % 64;
    }
}

static void cell_bits(const struct program_cell *cell, uint32_t shard, struct program_bits *out)
{
    size_t from = (size_t)shard * WORDS;

    program_bits_none(out);
    if (from < cell->word_count)
        memcpy(out->at, cell->words + from,
               (cell->word_count - from < WORDS ? cell->word_count - from : WORDS) * 8);
}

void program_static_bits(const struct scan_kernels *kernels, const struct condition *one,
                         const struct program_test *test, uint32_t shard, struct program_bits *out)
{
    if (one->kind == CONDITION_EVERYONE)
        memset(out, 255, sizeof(*out));
    else if (one->kind == CONDITION_SET)
        bits_of_sets(test, shard, out);
    else if (one->kind == CONDITION_BUCKET)
        bucket_bits(one, shard, out);
    else if (one->kind == CONDITION_ANSWER)
        cell_bits(&test->cell, shard, out);
    else
        attribute_bits(kernels, test, shard, out);
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
        program_static_bits(program->kernels, one, &in->tests[node], shard, sure);
        *maybe = *sure;
    }
}

void program_shard(struct program *program, int query, uint32_t shard, uint64_t sure[WORDS],
                   uint64_t maybe[WORDS])
{
    const struct program_query *in = program->queries[query];
    int root = in->query->who_count - 1;

    if (program->sure == NULL) {
        program->sure = arena_new_array(program->own, struct program_bits, QUERY_NODE_MAX);
        program->maybe = arena_new_array(program->own, struct program_bits, QUERY_NODE_MAX);
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
