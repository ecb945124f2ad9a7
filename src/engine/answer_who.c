/* Who: what is known of a customer without events becomes bits, 4,096 customers at a time; events
 * are asked only of those whom these leave open.
 * Always: of each node it is known who passes for sure (`low`), who may (`high`), and who would
 * without any event (`idle`); joined persons are asked whole. */
#include "engine/answer_private.h"

#define WORDS BITMAP_SHARD_WORDS
#define RECORD_MAX 1024

struct who {
    const struct condition *nodes;
    int count;
    struct program_test *tests; /* by node, of those without events */
    int *leaf_of;               /* by node: its place among the conditions over events; -1 */
    struct query leaves;        /* these conditions alone */
    struct program_fifths *fifths;
    uint64_t *members;
    struct scan_segment counts; /* of the kernel */
    struct scan_segment_shard kernel;
};

struct state {
    struct program *program;
    const struct program_choice *leaves_only, *whole_only;
    struct program_bits *low, *high, *idle; /* by node */
    struct answer_leaf *answers;            /* by leaf */
    bool *idle_of;                          /* by leaf: without events */
    uint32_t numbers[RECORD_MAX];
};

/* Programs of a hand know two queries: the leaves, and everything. */
enum { LEAVES, WHOLE, QUERIES };
static const bool leaves_only[QUERIES] = {true, false};
static const bool whole_only[QUERIES] = {false, true};

static bool bit_of(const struct program_bits *bits, uint32_t own)
{
    return (bits->at[own / 64] >> own % 64 & 1) != 0;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static void bits_not(const struct program_bits *of, struct program_bits *out)
{
    *out = *of;
    program_bits_flip(out);
}

static void node_bits(const struct answer_hand *hand, const struct scan_view *view, int node)
{
    const struct who *who = hand->pass->query;
    struct state *state = hand->state;
    struct program_bits *low = &state->low[node], *high = &state->high[node],
                        *idle = &state->idle[node];

    if (who->nodes[node].kind == CONDITION_NOT) {
        bits_not(&state->high[node - 1], low);
        bits_not(&state->low[node - 1], high);
        bits_not(&state->idle[node - 1], idle);
    } else if (who->nodes[node].kind < CONDITION_NOT) {
        program_bits_operands(who->nodes, node, state->low);
        program_bits_operands(who->nodes, node, state->high);
        program_bits_operands(who->nodes, node, state->idle);
    } else if (who->leaf_of[node] >= 0) {
        memset(low, 0, sizeof(*low));
        memset(high, 255, sizeof(*high));
        memset(idle, state->idle_of[who->leaf_of[node]] ? 255 : 0, sizeof(*idle));
    } else {
        program_static_bits(hand->kernels, &who->nodes[node], &who->tests[node], view->shard, low);
        *high = *low;
        *idle = *low;
    }
}

/* Where nothing is asked of events, all is known. */
static void known_bits(const struct answer_hand *hand, const struct scan_view *view, int node)
{
    const struct who *who = hand->pass->query;
    struct program_bits *low = ((struct state *)hand->state)->low;

    if (who->nodes[node].kind == CONDITION_NOT)
        bits_not(&low[node - 1], &low[node]);
    else if (who->nodes[node].kind < CONDITION_NOT)
        program_bits_operands(who->nodes, node, low);
    else
        program_static_bits(hand->kernels, &who->nodes[node], &who->tests[node], view->shard,
                            &low[node]);
}

static void known_shard(struct answer_hand *hand, struct scan_view *view)
{
    const struct who *who = hand->pass->query;
    uint64_t *members = who->members + (size_t)view->shard * WORDS;
    const struct program_bits *root = &((struct state *)hand->state)->low[who->count - 1];

    for (int node = 0; node < who->count; node++)
        known_bits(hand, view, node);
    for (int word = 0; word < WORDS; word++)
        members[word] = view->only[word] & root->at[word];
}

/* Decides whom it can, and leaves the others to their events. */
static void who_shard(struct answer_hand *hand, struct scan_view *view)
{
    const struct who *who = hand->pass->query;
    struct state *state = hand->state;
    uint64_t *members = who->members + (size_t)view->shard * WORDS;
    int root = who->count - 1;

    for (int node = 0; node <= root; node++)
        node_bits(hand, view, node);
    for (int word = 0; word < WORDS; word++) {
        uint64_t sure = state->low[root].at[word];
        uint64_t open = state->high[root].at[word] & ~sure;

        members[word] = view->only[word] & (sure | (open & state->idle[root].at[word]));
        view->only[word] &= open;
    }
}

static bool joined_holds(const struct who *who, int node, const bool *holds)
{
    const struct condition *one = &who->nodes[node];
    bool is_all = one->kind == CONDITION_ALL;

    for (int i = 0, at = node - 1; i < one->operands && at >= 0; i++) {
        if (holds[at] != is_all)
            return !is_all;
        at -= who->nodes[at].size;
    }
    return is_all;
}

static bool tree_holds(const struct who *who, const struct state *state, uint32_t own)
{
    bool holds[QUERY_NODE_MAX] = {false}, holds_last = false;

    for (int node = 0; node < who->count; node++) {
        enum condition_kind kind = who->nodes[node].kind;

        if (who->leaf_of[node] >= 0)
            holds_last = state->answers[who->leaf_of[node]].is_true;
        else if (kind > CONDITION_NOT)
            holds_last = bit_of(&state->low[node], own);
        else if (kind == CONDITION_NOT)
            holds_last = !holds_last;
        else
            holds_last = joined_holds(who, node, holds);
        holds[node] = holds_last;
    }
    return holds_last;
}

/* ---- persons -------------------------------------------------------------------------------- */

static void who_begin(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;

    state->numbers[0] = kept;
    program_begin(state->program, state->numbers, 1, state->leaves_only);
}

static void who_event(struct answer_hand *hand, const struct program_event *event)
{
    const struct state *state = hand->state;

    program_event(state->program, event);
}

static void member_set(const struct who *who, uint32_t kept, bool is_in)
{
    uint64_t bit = (uint64_t)1 << kept % 64;
    uint64_t *word = &who->members[kept / 64];

    *word = is_in ? *word | bit : *word & ~bit;
}

static void who_end(struct answer_hand *hand, uint32_t kept)
{
    const struct who *who = hand->pass->query;
    struct state *state = hand->state;
    struct answer_leaf root;
    enum err err = program_result(state->program, LEAVES, state->answers, &root);

    if (err != OK)
        answer_stop(hand->run, err);
    else
        member_set(who, kept, tree_holds(who, state, kept % SHARD_NUMBERS));
}

static void joined_begin(struct answer_hand *hand, uint32_t kept)
{
    struct state *state = hand->state;
    int count = people_numbers(hand->run->moment->people, kept, state->numbers, RECORD_MAX);

    program_begin(state->program, state->numbers, count < RECORD_MAX ? count : RECORD_MAX,
                  state->whole_only);
}

static void joined_end(struct answer_hand *hand, uint32_t kept)
{
    const struct state *state = hand->state;
    struct answer_leaf root = {0};
    enum err err = program_result(state->program, WHOLE, NULL, &root);

    if (err != OK)
        answer_stop(hand->run, err);
    else
        member_set(hand->pass->query, kept, root.is_true);
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* A number of events of one kind, within bounds: what the kernel counts. */
static bool count_take(struct answer_run *run, const struct condition *one, bool is_not,
                       struct scan_segment *out)
{
    const struct test *test = &one->test;
    struct scan_condition *to = &out->conditions[out->condition_count];
    int64_t low = 0, high = UINT32_MAX, from, until;
    struct span span;

    if (one->kind != CONDITION_DID || one->measure != MEASURE_COUNT ||
        one->pattern->kind_count != 1 || one->pattern->test_count > 0 ||
        out->condition_count == SCAN_CONDITION_MAX)
        return false;
    if (test->compare == (is_not ? COMPARE_BELOW : COMPARE_AT_LEAST))
        low = is_not ? test->high : test->low;
    else if (test->compare == (is_not ? COMPARE_AT_LEAST : COMPARE_BELOW))
        high = (is_not ? test->low : test->high) - 1;
    else if (test->compare == COMPARE_BETWEEN && !is_not)
        low = test->low, high = test->high - 1;
    else
        return false;
    span = window_span(&one->pattern->window, run->query->zone, run->moment->as_of);
    from = span.from < 0 ? 0 : span.from;
    until = span.to < run->moment->as_of ? span.to : run->moment->as_of;
    if (low < 0 || low > INT32_MAX || high < 0 || high > UINT32_MAX || from > UINT32_MAX ||
        until < 0 || until > UINT32_MAX)
        return false;
    *to = (struct scan_condition){one->pattern->kinds[0], (uint32_t)from, (uint32_t)until,
                                  (uint32_t)low, (uint32_t)high};
    out->condition_count++;
    return true;
}

static bool has_events(const struct who *who, int node)
{
    for (int i = 0; i < who->nodes[node].size; i++) {
        if (who->leaf_of[node - i] >= 0)
            return true;
    }
    return false;
}

static bool operand_take(struct answer_run *run, const struct who *who, int node,
                         struct scan_segment *out)
{
    bool is_not = who->nodes[node].kind == CONDITION_NOT;

    return !has_events(who, node) || count_take(run, &who->nodes[node - is_not], is_not, out);
}

/* All of counts and of what is known without events. */
static bool is_kernels(struct answer_run *run, struct who *who)
{
    int root = who->count - 1, at = root - 1;
    bool is_taken = !run->options->is_generic;

    if (who->nodes[root].kind != CONDITION_ALL)
        return is_taken && has_events(who, root) && operand_take(run, who, root, &who->counts);
    for (int i = 0; i < who->nodes[root].operands; i++, at -= who->nodes[at].size)
        is_taken = is_taken && operand_take(run, who, at, &who->counts);
    return is_taken && who->counts.condition_count > 0;
}

static void active_find(const struct scan_view *view, struct program_bits *out)
{
    const uint32_t *offsets = view->block->offsets;

    program_bits_none(out);
    for (uint32_t own = 0; own < SHARD_NUMBERS; own++)
        out->at[own / 64] |= (uint64_t)(offsets[own] < offsets[own + 1]) << own % 64;
    answer_news_find(view, out->at);
}

/* Who has no events stays as those without are; the kernel says of the others who is in. */
static void kernel_shard(struct answer_hand *hand, struct scan_view *view)
{
    const struct who *who = hand->pass->query;
    uint64_t *members = who->members + (size_t)view->shard * WORDS, count = 0, idle = 0;
    struct program_bits active;

    for (int word = 0; word < WORDS; word++)
        idle |= members[word] & view->only[word];
    if (idle != 0)
        active_find(view, &active);
    for (int word = 0; word < WORDS && idle != 0; word++)
        members[word] &= ~(view->only[word] & active.at[word]);
    scan_segment_shard(view, &who->kernel, &count);
}

static void kernel_take(struct answer_run *run, struct who *who, struct answer_pass *pass)
{
    struct scan scan = answer_scan(run, &run->plain);

    if (who->leaves.who_count == 0 && !run->options->is_generic) {
        pass->shard = NULL;
        pass->whole = known_shard;
        pass->is_eventless = true;
        return;
    }
    if (!is_kernels(run, who))
        return;
    scan_segment_prepare(&scan, &who->counts, &who->kernel);
    who->kernel.kernel.members = who->members;
    pass->whole = kernel_shard;
}

/* ---- before --------------------------------------------------------------------------------- */

struct filtering {
    struct answer_run *run;
    struct answer_filter *filter;
};

static void filter_add(void *user, int bit, const struct pattern *pattern,
                       const struct window *window)
{
    const struct filtering *filtering = user;
    struct pattern looked = {.window = *window};
    struct answer_probe probe;

    (void)bit;
    if (pattern != NULL) {
        looked.kinds = pattern->kinds;
        looked.kind_count = pattern->kind_count;
    }
    probe = answer_probe(filtering->run, &looked);
    answer_filter_add(filtering->filter, &probe);
}

static void cells_set(const struct who *who, struct program *program)
{
    for (int node = 0; node < who->count; node++) {
        if (who->nodes[node].kind != CONDITION_RFM)
            continue;
        program_fifths(program, LEAVES, who->leaf_of[node], &who->fifths[node]);
        program_fifths(program, WHOLE, node, &who->fifths[node]);
    }
    for (int node = 0; node < who->count; node++)
        if (who->nodes[node].kind == CONDITION_ANSWER)
            program_cell(program, WHOLE, node, &who->tests[node].cell);
}

static void idle_find(const struct who *who, struct state *state)
{
    struct answer_leaf root;

    program_begin(state->program, state->numbers, 1, state->leaves_only);
    must(program_result(state->program, LEAVES, state->answers, &root) == OK);
    for (int i = 0; i < who->leaves.who_count; i++)
        state->idle_of[i] = state->answers[i].is_true;
}

static void who_start(struct answer_hand *hand)
{
    const struct who *who = hand->pass->query;
    struct state *state = hand->state;
    size_t nodes = (size_t)who->count;

    state->low = arena_new_array(hand->arena, struct program_bits, nodes * 3);
    state->high = state->low + nodes;
    state->idle = state->high + nodes;
    state->answers = arena_new_array(hand->arena, struct answer_leaf, nodes);
    state->idle_of = arena_new_array(hand->arena, bool, nodes);
    state->program = program_new();
    must(program_add(state->program, &who->leaves) == LEAVES);
    must(program_add(state->program, hand->run->query) == WHOLE);
    cells_set(who, state->program);
    program_at(state->program, hand->run->moment);
    state->leaves_only = program_choose(state->program, leaves_only);
    state->whole_only = program_choose(state->program, whole_only);
    idle_find(who, state);
}

static void who_prepare(struct answer_run *run, struct who *who, struct answer_filter *filter)
{
    const struct query *query = run->query;
    struct arena *arena = run->hands[0].arena;
    size_t nodes = (size_t)query->who_count;
    struct condition *leaves = arena_new_array(arena, struct condition, nodes);

    *who = (struct who){.nodes = query->who, .count = query->who_count};
    who->tests = arena_new_array(arena, struct program_test, nodes);
    who->leaf_of = arena_new_array(arena, int, nodes);
    who->fifths = arena_new_array(arena, struct program_fifths, nodes);
    who->members = arena_new_array(arena, uint64_t, (size_t)run->shard_count * WORDS + 1);
    answer_take(run, (size_t)run->shard_count * sizeof(struct program_bits));
    who->leaves = (struct query){.zone = query->zone, .who = leaves};
    for (int node = 0; node < who->count; node++) {
        const struct condition *one = &query->who[node];

        who->leaf_of[node] = program_is_of_events(one) ? who->leaves.who_count : -1;
        if (program_is_of_events(one)) {
            leaves[who->leaves.who_count++] = *one;
            program_looks(one, filter_add, &(struct filtering){run, filter});
        } else {
            program_static_at(run->program, &who->tests[node], one, query->zone);
        }
        if (one->kind == CONDITION_RFM)
            answer_fifths(run, one, &who->fifths[node]);
        if (one->kind == CONDITION_ANSWER)
            who->tests[node].cell = answer_cell_find(run, one);
    }
}

enum err answer_who(struct answer_run *run, struct bitmap *out)
{
    struct answer_pass pass = {.state_bytes = sizeof(struct state),
                               .start = who_start,
                               .shard = who_shard,
                               .begin = who_begin,
                               .event = who_event,
                               .end = who_end,
                               .joined_begin = joined_begin,
                               .joined_end = joined_end};
    struct who who;

    who_prepare(run, &who, &pass.filter);
    pass.query = &who;
    kernel_take(run, &who, &pass);
    answer_pass_run(run, &pass);
    for (int i = 0; i < run->hand_count; i++)
        program_free(((struct state *)run->hands[i].state)->program);
    bitmap_fill(out, who.members, (size_t)run->shard_count * WORDS);
    return OK;
}
