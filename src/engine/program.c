/* Compiling conditions: each one over events becomes a leaf, each pattern it looks for a role, and
 * a table says which roles look at which kind. Always: a leaf that no event reached is as it is
 * without events, so a person costs what their events touch. */
#include "engine/program.h"

#include "engine/program_private.h"

#define ARENA_MAX ((size_t)64 << 20)

bool program_is_of_events(const struct condition *one)
{
    return one->kind >= CONDITION_DID;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static void funnel_looks(const struct funnel *funnel, program_look *look, void *user)
{
    static const struct window always = {.kind = WINDOW_ALWAYS};

    for (int i = 0; i < funnel->step_count; i++)
        look(user, i, &funnel->steps[i], &funnel->steps[i].window);
    for (int i = 0; i < funnel->exclusion_count; i++)
        look(user, QUERY_STEP_MAX + i, &funnel->exclusions[i].pattern,
             &funnel->exclusions[i].pattern.window);
    if (funnel->order == FUNNEL_STRICT)
        look(user, 2 * QUERY_STEP_MAX, NULL, &always);
}

void program_looks(const struct condition *one, program_look *look, void *user)
{
    static const struct window always = {.kind = WINDOW_ALWAYS};

    if (one->kind == CONDITION_FUNNEL) {
        funnel_looks(one->funnel, look, user);
        return;
    }
    look(user, 0, one->pattern,
         one->kind == CONDITION_FIRST_TIME ? &always : &one->pattern->window);
    if (one->kind == CONDITION_STOPPED || one->kind == CONDITION_RESTARTED)
        look(user, 1, one->pattern, &one->later);
    if (one->kind == CONDITION_RESTARTED)
        look(user, 2, one->pattern, &one->again);
}

/* A role of the leaf that was added last. */
static void role_add(void *user, int bit, const struct pattern *pattern,
                     const struct window *window)
{
    struct program_query *into = user;
    struct program_role *role = &into->roles[into->role_count++];

    role->leaf = &into->leaves[into->leaf_count - 1];
    role->bit = bit;
    role->pattern = pattern;
    role->window = *window;
}

static void leaf_add(struct program_query *into, const struct condition *one)
{
    struct program_leaf *leaf = &into->leaves[into->leaf_count++];

    leaf->condition = one;
    buf_init(&leaf->values, (size_t)1 << 30);
    program_looks(one, role_add, into);
}

static struct program_query *query_new(const struct query *query)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct program_query *into = arena_new_one(arena, struct program_query);
    size_t nodes = (size_t)query->who_count + 1, leaves = 0;

    must(query->who_count <= QUERY_NODE_MAX);
    for (int i = 0; i < query->who_count; i++)
        leaves += program_is_of_events(&query->who[i]);
    into->arena = arena;
    into->query = query;
    into->leaf_of = arena_new_array(arena, int, nodes);
    into->tests = arena_new_array(arena, struct program_test, nodes);
    into->leaves = arena_new_array(arena, struct program_leaf, leaves + 1);
    into->roles = arena_new_array(arena, struct program_role, (leaves + 1) * PROGRAM_ROLES_MAX);
    for (int i = 0; i < query->who_count; i++) {
        into->leaf_of[i] = program_is_of_events(&query->who[i]) ? into->leaf_count : -1;
        if (program_is_of_events(&query->who[i]))
            leaf_add(into, &query->who[i]);
    }
    return into;
}

struct program *program_new(void)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct program *program = arena_new_one(arena, struct program);

    program->own = arena;
    program->kernels = scan_kernels(&(struct scan){.level = SCAN_BEST});
    program->map = arena_new(ARENA_MAX);
    program->arena = arena_new(ARENA_MAX);
    program->gather = arena_new(ARENA_MAX);
    buf_init(&program->sources, ARENA_MAX);
    return program;
}

static void query_free(struct program_query *query)
{
    for (int i = 0; query != NULL && i < query->leaf_count; i++)
        buf_release(&query->leaves[i].values);
    if (query != NULL)
        arena_free(query->arena);
}

void program_free(struct program *program)
{
    if (program == NULL)
        return;
    for (int i = 0; i < program->query_count; i++)
        query_free(program->queries[i]);
    buf_release(&program->sources);
    arena_free(program->gather);
    arena_free(program->map);
    arena_free(program->arena);
    arena_free(program->own);
}

int program_add(struct program *program, const struct query *query)
{
    int number = 0;

    while (number < program->query_count && program->queries[number] != NULL)
        number++;
    must(number < PROGRAM_QUERY_MAX);
    program->query_count = number < program->query_count ? program->query_count : number + 1;
    program->queries[number] = query_new(query);
    program->is_mapped = false;
    return number;
}

void program_drop(struct program *program, int query)
{
    query_free(program->queries[query]);
    program->queries[query] = NULL;
    program->is_mapped = false;
}

void program_fifths(struct program *program, int query, int node,
                    const struct program_fifths *fifths)
{
    struct program_query *in = program->queries[query];
    struct program_leaf *leaf = &in->leaves[in->leaf_of[node]];

    leaf->has_fifths = true;
    leaf->fifths = *fifths;
}

void program_cell(struct program *program, int query, int node, const struct program_cell *cell)
{
    program->queries[query]->tests[node].cell = *cell;
}

/* ---- which roles look at a kind -------------------------------------------------------------- */

static bool looks_at(const struct program_role *role, uint32_t kind)
{
    if (role->pattern == NULL || role->pattern->kind_count == 0)
        return true;
    for (int i = 0; i < role->pattern->kind_count; i++)
        if (role->pattern->kinds[i] == kind)
            return true;
    return false;
}

static void limit_find(struct program *program)
{
    program->kind_limit = 0;
    for (int i = 0; i < program->query_count; i++) {
        const struct program_query *query = program->queries[i];

        for (int r = 0; query != NULL && r < query->role_count; r++) {
            const struct pattern *pattern = query->roles[r].pattern;

            for (int k = 0; pattern != NULL && k < pattern->kind_count; k++)
                if (pattern->kinds[k] >= program->kind_limit)
                    program->kind_limit = pattern->kinds[k] + 1U;
        }
    }
}

static bool is_chosen(const struct program *program, const struct program_choice *choice, int query)
{
    return program->queries[query] != NULL && choice->is_wanted[query];
}

static uint32_t list_fill(struct program *program, struct program_choice *choice, uint32_t kind,
                          uint32_t at)
{
    for (int i = 0; i < program->query_count; i++) {
        struct program_query *query = program->queries[i];

        for (int r = 0; is_chosen(program, choice, i) && r < query->role_count; r++)
            if (looks_at(&query->roles[r], kind)) {
                choice->query_of[at] = (uint16_t)i;
                choice->roles[at++] = &query->roles[r];
            }
    }
    return at;
}

static size_t places_count(const struct program *program, const struct program_choice *choice)
{
    size_t count = 0;

    for (int i = 0; i < program->query_count; i++) {
        const struct program_query *query = program->queries[i];

        for (int r = 0; is_chosen(program, choice, i) && r < query->role_count; r++) {
            const struct pattern *pattern = query->roles[r].pattern;
            bool is_any = pattern == NULL || pattern->kind_count == 0;

            count += is_any ? program->kind_limit + 1U : (size_t)pattern->kind_count;
        }
    }
    return count;
}

/* What is asked from its windows on, which move. */
static void choice_at(const struct program *program, struct program_choice *choice)
{
    choice->earliest_of_all = UINT32_MAX;
    for (uint32_t kind = 0; kind <= program->kind_limit; kind++) {
        uint32_t least = UINT32_MAX;

        for (uint32_t at = choice->kind_from[kind]; at < choice->kind_from[kind + 1]; at++) {
            int64_t from = choice->roles[at]->span.from;

            from = from < 0 ? 0 : from;
            least = from < least ? (uint32_t)from : least;
        }
        choice->earliest[kind] = least;
        if (least < choice->earliest_of_all)
            choice->earliest_of_all = least;
    }
}

const struct program_choice *program_choose(struct program *program, const bool *is_wanted)
{
    struct program_choice *choice;
    size_t kinds, places;
    uint32_t at = 0;

    must(program->is_mapped);
    choice = arena_new_one(program->map, struct program_choice);
    kinds = (size_t)program->kind_limit + 1;
    choice->is_wanted = arena_new_array(program->map, bool, (size_t)program->query_count + 1);
    for (int i = 0; i < program->query_count; i++)
        choice->is_wanted[i] = is_wanted == NULL || is_wanted[i];
    places = places_count(program, choice) + 1;
    choice->roles = arena_new_array(program->map, struct program_role *, places);
    choice->query_of = arena_new_array(program->map, uint16_t, places);
    choice->kind_from = arena_new_array(program->map, uint32_t, kinds + 1);
    choice->earliest = arena_new_array(program->map, uint32_t, kinds);
    for (uint32_t kind = 0; kind < kinds; kind++) {
        choice->kind_from[kind] = at;
        at = list_fill(program, choice, kind, at);
    }
    choice->kind_from[kinds] = at;
    choice->next = program->choices;
    program->choices = choice;
    choice_at(program, choice);
    return choice;
}

static void map_make(struct program *program)
{
    arena_reset(program->map);
    program->choices = NULL;
    limit_find(program);
    program->is_mapped = true;
    program->all = NULL;
}

/* ---- a moment -------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Windows that roll are bounded by the events in them. */
int64_t program_window_next(const struct window *window, const struct zone *zone, int64_t as_of)
{
    return window->kind == WINDOW_CALENDAR ? window_next(window, zone, as_of) : PROGRAM_NEVER;
}

static void role_at(struct program *program, struct program_role *role, const struct zone *zone)
{
    const struct moment *moment = &program->moment;

    role->span = window_span(&role->window, zone, moment->as_of);
    role->leaf->next =
        sooner(role->leaf->next, program_window_next(&role->window, zone, moment->as_of));
    for (int i = 0; role->pattern != NULL && i < role->pattern->test_count; i++) {
        program_test_at(program, &role->tests[i], &role->pattern->tests[i].test,
                        &role->pattern->tests[i].field, zone);
        role->leaf->next = sooner(role->leaf->next, role->tests[i].next);
    }
}

static void units_at(struct program *program, struct program_leaf *leaf, const struct zone *zone)
{
    struct window window = leaf->condition->pattern->window;
    int count = (int)window.count;

    leaf->units = arena_new_array(program->arena, int64_t, (size_t)count + 1);
    leaf->units[count] = window_span(&window, zone, program->moment.as_of).to;
    for (int i = 0; i < count; i++) {
        window.count = count - i;
        leaf->units[i] = window_span(&window, zone, program->moment.as_of).from;
    }
}

static void leaf_at(struct program *program, struct program_leaf *leaf, const struct zone *zone)
{
    const struct condition *one = leaf->condition;

    leaf->next = PROGRAM_NEVER;
    leaf->person = 0;
    if (one->kind == CONDITION_DID) {
        program_test_at(program, &leaf->test, &one->test, one->has_field ? &one->field : NULL,
                        zone);
        leaf->next = leaf->test.next;
    }
    if (one->kind == CONDITION_REGULAR)
        units_at(program, leaf, zone);
    if (one->kind == CONDITION_FIRST_TIME) {
        leaf->span = window_span(&one->pattern->window, zone, program->moment.as_of);
        leaf->next = program_window_next(&one->pattern->window, zone, program->moment.as_of);
    }
}

void program_at(struct program *program, const struct moment *moment)
{
    program->moment = *moment;
    program->person = 0;
    if (!program->is_mapped)
        map_make(program);
    arena_reset(program->arena);
    for (int i = 0; i < program->query_count; i++) {
        struct program_query *in = program->queries[i];

        if (in == NULL)
            continue;
        for (int l = 0; l < in->leaf_count; l++)
            leaf_at(program, &in->leaves[l], in->query->zone);
        for (int r = 0; r < in->role_count; r++)
            role_at(program, &in->roles[r], in->query->zone);
        for (int n = 0; n < in->query->who_count; n++)
            program_static_at(program, &in->tests[n], &in->query->who[n], in->query->zone);
    }
    for (struct program_choice *choice = program->choices; choice != NULL; choice = choice->next)
        choice_at(program, choice);
    if (program->all == NULL)
        program->all = program_choose(program, NULL);
}

/* ---- a person -------------------------------------------------------------------------------- */

void program_begin(struct program *program, const uint32_t *numbers, int number_count,
                   const struct program_choice *choice)
{
    program->person++;
    program->numbers = numbers;
    program->number_count = number_count;
    program->choice = choice != NULL ? choice : program->all;
    program->open = NULL;
}

void program_open(struct program *program, const uint64_t *open)
{
    program->open = open;
}

static bool matches(const struct program_role *role, const struct program_event *event)
{
    if (event->second < role->span.from || event->second >= role->span.to)
        return false;
    for (int i = 0; role->pattern != NULL && i < role->pattern->test_count; i++) {
        const struct query_field *field = role->tests[i].field;
        int64_t value =
            field->kind == QUERY_CHANNEL ? event->channel : program_value(event, field->number);

        if (!program_test_passes(&role->tests[i], value))
            return false;
    }
    return true;
}

static void fresh(struct program_leaf *leaf, uint64_t person)
{
    if (leaf->person == person)
        return;
    leaf->person = person;
    program_leaf_reset(leaf);
}

/* The leaf's roles from here on that the event matches; *at is behind them. */
static uint32_t bits_of(struct program_role *const *roles, uint32_t *at, uint32_t to,
                        const struct program_event *event)
{
    const struct program_leaf *leaf = roles[*at]->leaf;
    uint32_t bits = 0;

    for (; *at < to && roles[*at]->leaf == leaf; ++*at)
        if (matches(roles[*at], event))
            bits |= 1U << roles[*at]->bit;
    return bits;
}

void program_event(struct program *program, const struct program_event *event)
{
    const struct program_choice *choice = program->choice;
    uint32_t kind = event->kind < program->kind_limit ? event->kind : program->kind_limit;
    uint32_t at = choice->kind_from[kind], to = choice->kind_from[kind + 1];
    bool is_ahead = event->second >= program->moment.as_of;

    while (at < to) {
        uint32_t query = choice->query_of[at], bits;
        struct program_leaf *leaf;

        if (program->open != NULL && !(program->open[query / 64] >> query % 64 & 1)) {
            at++;
            continue;
        }
        leaf = choice->roles[at]->leaf;
        bits = bits_of(choice->roles, &at, to, event);
        if (!is_ahead && bits == 0)
            continue;
        fresh(leaf, program->person);
        if (is_ahead)
            leaf->until = sooner(leaf->until, (int64_t)event->second + 1);
        else
            program_leaf_take(leaf, bits, event);
    }
}

static struct answer_leaf negate(struct answer_leaf leaf)
{
    leaf.is_true = !leaf.is_true;
    return leaf;
}

/* All or any of the operands below `node`: what decides, and the soonest instant of all of them. */
static struct answer_leaf join(const struct condition *who, int node,
                               const struct answer_leaf *leaves)
{
    bool is_all = who[node].kind == CONDITION_ALL;
    struct answer_leaf out = {.is_true = is_all, .until = NONE, .since = NONE, .value = NONE};
    int at = node - 1;

    for (int i = 0; i < who[node].operands; i++, at -= who[at].size) {
        const struct answer_leaf *one = &leaves[at];

        if (one->until != NONE && (out.until == NONE || one->until < out.until))
            out.until = one->until;
        if (one->is_true == is_all) {
            if (out.is_true == is_all && one->since != NONE &&
                (out.since == NONE || one->since > out.since))
                out.since = one->since;
            continue;
        }
        if (out.is_true == is_all || (one->since != NONE && one->since < out.since))
            out.since = one->since;
        out.is_true = !is_all;
    }
    return out;
}

static enum err node_end(struct program *program, struct program_query *in, int node,
                         struct answer_leaf *leaves)
{
    const struct condition *one = &in->query->who[node];

    if (one->kind == CONDITION_ALL || one->kind == CONDITION_ANY) {
        leaves[node] = join(in->query->who, node, leaves);
    } else if (one->kind == CONDITION_NOT) {
        leaves[node] = negate(leaves[node - 1]);
    } else if (in->leaf_of[node] >= 0) {
        fresh(&in->leaves[in->leaf_of[node]], program->person);
        return program_leaf_end(&in->leaves[in->leaf_of[node]], &leaves[node]);
    } else {
        leaves[node] = program_static(program, one, &in->tests[node]);
    }
    return OK;
}

enum err program_result(struct program *program, int query, struct answer_leaf *leaves,
                        struct answer_leaf *root)
{
    struct program_query *in = program->queries[query];
    struct answer_leaf own[QUERY_NODE_MAX];
    struct answer_leaf *at = leaves != NULL ? leaves : own;

    memset(at, 0, (size_t)in->query->who_count * sizeof *at);
    must(program->choice->is_wanted[query]);
    for (int node = 0; node < in->query->who_count; node++)
        TRY(node_end(program, in, node, at));
    if (in->query->who_count > 0)
        *root = at[in->query->who_count - 1];
    else
        *root = (struct answer_leaf){.is_true = true, .until = NONE, .since = NONE, .value = NONE};
    return OK;
}

/* Three values: leaves over events are unknown, and what does not depend on them is known. */
struct known {
    bool is_known, is_true;
    int64_t until;
};

static struct known known_join(const struct condition *who, int node, const struct known *nodes)
{
    bool is_all = who[node].kind == CONDITION_ALL;
    struct known out = {true, is_all, PROGRAM_NEVER}, decided = {false, !is_all, 0};
    int at = node - 1;

    for (int i = 0; i < who[node].operands; i++, at -= who[at].size) {
        out.is_known = out.is_known && nodes[at].is_known;
        out.until = sooner(out.until, nodes[at].until);
        if (!nodes[at].is_known || nodes[at].is_true == is_all)
            continue;
        out.is_true = !is_all;
        if (!decided.is_known || nodes[at].until > decided.until)
            decided = (struct known){true, !is_all, nodes[at].until};
    }
    return decided.is_known ? decided : out;
}

static struct known known_node(struct program *program, struct program_query *in, int node,
                               const struct known *nodes)
{
    const struct condition *one = &in->query->who[node];
    struct answer_leaf leaf;

    if (in->leaf_of[node] >= 0)
        return (struct known){.is_known = false};
    if (one->kind == CONDITION_ALL || one->kind == CONDITION_ANY)
        return known_join(in->query->who, node, nodes);
    if (one->kind == CONDITION_NOT)
        return (struct known){nodes[node - 1].is_known, !nodes[node - 1].is_true,
                              nodes[node - 1].until};
    leaf = program_static(program, one, &in->tests[node]);
    return (struct known){true, leaf.is_true, leaf.until == NONE ? PROGRAM_NEVER : leaf.until};
}

bool program_known(struct program *program, int query, struct answer_leaf *root)
{
    struct program_query *in = program->queries[query];
    struct known nodes[QUERY_NODE_MAX];
    int count = in->query->who_count;
    const struct known *last = &nodes[count > 0 ? count - 1 : 0];

    memset(nodes, 0, (size_t)count * sizeof *nodes);
    nodes[0] = (struct known){.is_known = true, .is_true = true, .until = PROGRAM_NEVER};
    for (int node = 0; node < count; node++)
        nodes[node] = known_node(program, in, node, nodes);
    *root = (struct answer_leaf){.is_true = last->is_true,
                                 .until = last->until == PROGRAM_NEVER ? NONE : last->until,
                                 .since = NONE,
                                 .value = NONE};
    return last->is_known;
}

/* ---- what matters to it ---------------------------------------------------------------------- */

bool program_names_kind(const struct program *program, int query, uint16_t kind)
{
    const struct program_query *in = program->queries[query];

    for (int r = 0; r < in->role_count; r++)
        if (looks_at(&in->roles[r], kind))
            return true;
    return false;
}
