/* A question from its tree to its rows. Always: first who is asked about, then the question about
 * them; a deadline or a limit met on the way is the answer. */
#include "engine/answer_private.h"

#include "host/clock.h"

#define SOURCES_MAX ((size_t)1 << 30)
#define VISIT_BYTES_MAX ((size_t)1 << 20)

typedef enum err asker(struct answer_run *run);

static asker *const askers[] = {
    [QUERY_FUNNEL] = answer_funnel,     [QUERY_RETENTION] = answer_retention,
    [QUERY_PATHS] = answer_paths,       [QUERY_BREAKDOWN] = answer_breakdown,
    [QUERY_TREND] = answer_trend,       [QUERY_RFM] = answer_rfm,
    [QUERY_INTERVAL] = answer_interval, [QUERY_TIMELINE] = answer_timeline,
    [QUERY_FLOW] = answer_flow,
};

/* ---- runs ----------------------------------------------------------------------------------- */

static void events_see(struct answer_run *run)
{
    struct snapshot_extent extent;

    snapshot_extent(run->moment->events, &extent);
    run->out->event_count = extent.event_count;
    run->is_kind_wide = extent.is_kind_wide;
    run->first = extent.first <= extent.last ? extent.first : 0;
    run->last = extent.first <= extent.last ? extent.last : 0;
}

static void run_begin(struct answer_run *run)
{
    const struct moment *moment = run->moment;
    uint32_t shards = (people_max(moment->people) + SHARD_NUMBERS - 1) / SHARD_NUMBERS;
    int threads = run->options->thread_count;

    run->hand_count = threads < 1 ? 1 : threads < SCAN_THREAD_MAX ? threads : SCAN_THREAD_MAX;
    for (int i = 0; i < run->hand_count; i++) {
        run->hands[i].arena = arena_new(SIZE_MAX / 2);
        buf_init(&run->hands[i].sources, SOURCES_MAX);
        buf_init(&run->hands[i].masks, SOURCES_MAX);
    }
    run->program = program_new();
    program_at(run->program, moment);
    run->shard_count = snapshot_shards(moment->events);
    run->shard_count = shards > run->shard_count ? shards : run->shard_count;
    run->people = people_all(moment->people);
    bitmap_init(&run->members);
    bitmap_init(&run->plain);
    events_see(run);
}

static void run_end(struct answer_run *run)
{
    bitmap_release(&run->plain);
    bitmap_release(&run->members);
    program_free(run->program);
    for (int i = 0; i < run->hand_count; i++) {
        buf_release(&run->hands[i].sources);
        buf_release(&run->hands[i].masks);
        arena_free(run->hands[i].arena);
    }
}

static enum err segment(struct answer_run *run)
{
    struct bitmap_terms all = {.all = &run->people, .all_count = 1};

    if (run->query->who_count > 0)
        return answer_who(run, &run->out->members);
    bitmap_combine(&all, &run->out->members);
    return OK;
}

/* Kernels and postings count whole rows; a cell wants persons. */
static const struct answer_options *options_of_cells(struct answer_run *run)
{
    struct answer_options *options = arena_new_one(run->hands[0].arena, struct answer_options);

    *options = *run->options;
    options->is_generic = true;
    return options;
}

static enum err ask(struct answer_run *run)
{
    answer_split(run);
    if (run->query->ask == QUERY_SEGMENT)
        return segment(run);
    if (run->query->who_count > 0) {
        TRY(answer_who(run, &run->members));
        run->people = &run->members;
        answer_split(run);
    }
    if (run->cell != NULL)
        run->options = options_of_cells(run);
    return answer_is_over(run) ? OK : askers[run->query->ask](run);
}

/* The run's own arena and cell are set. */
enum err answer_run_inner(struct answer_run *run)
{
    enum err err;

    run_begin(run);
    err = ask(run);
    if (err == OK)
        err = (enum err)atomic_load(&run->stop);
    run_end(run);
    return err;
}

enum err answer_run(struct arena *arena, const struct query *query, const struct moment *moment,
                    const struct answer_options *options, struct answer *out)
{
    int64_t start_us = clock_mono_us();
    struct answer_run *run = arena_new_one(arena, struct answer_run);
    struct bitmap members = out->members;
    enum err err;

    *out = (struct answer){.members = members};
    run->arena = arena;
    run->query = query;
    run->moment = moment;
    run->options = options;
    run->out = out;
    err = answer_run_inner(run);
    out->elapsed_us = clock_mono_us() - start_us;
    return err;
}

enum err answer_visit(const struct bitmap *people, const struct moment *moment,
                      const struct answer_options *options, const struct answer_visit *visit)
{
    struct arena *arena = arena_new(VISIT_BYTES_MAX);
    struct answer_run *run = arena_new_one(arena, struct answer_run);
    struct answer_options alone = *options;
    struct answer none = {0};
    enum err err;

    alone.thread_count = 1;
    *run = (struct answer_run){.arena = arena, .moment = moment, .options = &alone, .out = &none};
    run_begin(run);
    run->people = people;
    answer_split(run);
    answer_visit_run(run, visit);
    err = (enum err)atomic_load(&run->stop);
    run_end(run);
    arena_free(arena);
    return err;
}

/* ---- one person ----------------------------------------------------------------------------- */

#define RECORD_MAX 1024

int64_t answer_cells_second(const struct query *query, int64_t as_of)
{
    int64_t day = zone_day(query->zone, (as_of - 1) * 1000);

    return zone_day_start(query->zone, day) / 1000;
}

/* A fifth is one among everybody's, and so may be a cell. */
static bool is_of_others(const struct condition *one)
{
    return one->kind == CONDITION_RFM || one->kind == CONDITION_ANSWER;
}

bool answer_has_cells(const struct query *query)
{
    for (int node = 0; node < query->who_count; node++)
        if (is_of_others(&query->who[node]))
            return true;
    return false;
}

struct others {
    struct program_fifths fifths;
    struct program_cell cell;
};

static void others_find(struct answer_run *run, int node, struct others *out)
{
    const struct condition *one = &run->query->who[node];
    struct program_cell cell;
    uint64_t *words;

    if (one->kind == CONDITION_RFM) {
        answer_fifths(run, one, &out->fifths);
        return;
    }
    cell = answer_cell_find(run, one);
    words = arena_new_array(run->arena, uint64_t, cell.word_count + 1);
    memcpy(words, cell.words, cell.word_count * sizeof(*words));
    out->cell = (struct program_cell){words, cell.word_count};
}

static enum err all_others_find(struct answer_run *run, struct others *out)
{
    enum err err;

    run_begin(run);
    answer_split(run);
    for (int node = 0; node < run->query->who_count && !answer_is_over(run); node++)
        if (is_of_others(&run->query->who[node]))
            others_find(run, node, &out[node]);
    err = (enum err)atomic_load(&run->stop);
    run_end(run);
    return err;
}

/* All of them or none. */
enum err answer_cells_find(struct arena *arena, const struct query *query,
                           const struct moment *moment, struct program *program, int number)
{
    static const struct answer_options usual;
    struct moment cells = *moment;
    struct answer none = {0};
    struct others *found;
    struct answer_run *run;

    if (!answer_has_cells(query))
        return OK;
    run = arena_new_one(arena, struct answer_run);
    found = arena_new_array(arena, struct others, (size_t)query->who_count);
    *run = (struct answer_run){
        .arena = arena, .query = query, .moment = &cells, .options = &usual, .out = &none};
    if (moment->cells_within != NULL)
        run->options = moment->cells_within;
    cells.as_of = moment->cells_as_of != 0 ? moment->cells_as_of : moment->as_of;
    TRY(all_others_find(run, found));
    for (int node = 0; node < query->who_count; node++) {
        if (query->who[node].kind == CONDITION_RFM)
            program_fifths(program, number, node, &found[node].fifths);
        if (query->who[node].kind == CONDITION_ANSWER)
            program_cell(program, number, node, &found[node].cell);
    }
    return OK;
}

enum err answer_explain(struct arena *arena, const struct query *query, const struct moment *moment,
                        uint32_t kept, struct answer_leaf *leaves)
{
    uint32_t *numbers = arena_new_array(arena, uint32_t, RECORD_MAX);
    struct program *program;
    struct answer_leaf root;
    enum err err;
    int count;

    if (!bitmap_has(people_all(moment->people), kept))
        return E_NOT_FOUND;
    count = people_numbers(moment->people, kept, numbers, RECORD_MAX);
    answer_person_fetch(moment, kept);
    program = program_new();
    program_add(program, query);
    err = answer_cells_find(arena, query, moment, program, 0);
    program_at(program, moment);
    program_begin(program, numbers, count < RECORD_MAX ? count : RECORD_MAX, NULL);
    program_person(program, moment->events);
    if (err == OK)
        err = program_result(program, 0, leaves, &root);
    program_free(program);
    return err;
}
