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
};

/* ---- what there is -------------------------------------------------------------------------- */

static void seconds_see(struct answer_run *run, int64_t first, int64_t last)
{
    run->first = first < run->first ? first : run->first;
    run->last = last > run->last ? last : run->last;
}

static void news_see(struct answer_run *run, uint32_t shard)
{
    struct events lists[SNAPSHOT_LIST_MAX];
    int count = snapshot_lists(run->moment->events, shard, lists);

    for (int i = 0; i < count; i++) {
        run->out->event_count += (int64_t)lists[i].count;
        for (size_t k = 0; k < lists[i].count; k++) {
            seconds_see(run, lists[i].at[k].second, lists[i].at[k].second);
            run->is_kind_wide = run->is_kind_wide || lists[i].at[k].kind > UINT8_MAX;
        }
    }
}

static void events_see(struct answer_run *run)
{
    const struct snapshot *snapshot = run->moment->events;

    run->first = INT64_MAX;
    run->last = INT64_MIN;
    for (uint32_t shard = 0; shard < snapshot_shards(snapshot); shard++) {
        const struct block *block = snapshot_block(snapshot, shard);

        if (block != NULL && block->count > 0) {
            run->out->event_count += block->count;
            run->is_kind_wide = run->is_kind_wide || block->is_kind_wide;
            seconds_see(run, block->second_min, block->second_max);
        }
        news_see(run, shard);
    }
    if (run->first > run->last)
        run->first = run->last = 0;
}

/* ---- runs ----------------------------------------------------------------------------------- */

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
    return answer_is_over(run) ? OK : askers[run->query->ask](run);
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
    run_begin(run);
    err = ask(run);
    if (err == OK)
        err = (enum err)atomic_load(&run->stop);
    run_end(run);
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

/* A fifth is one among everybody's. */
enum err answer_fifths_find(struct arena *arena, const struct query *query,
                            const struct moment *moment, struct program *program, int number)
{
    static const struct answer_options usual;
    struct moment cells = *moment;
    struct answer_run *run = NULL;
    struct answer none = {0};

    for (int node = 0; node < query->who_count; node++) {
        struct program_fifths fifths;

        if (query->who[node].kind != CONDITION_RFM)
            continue;
        if (run == NULL) {
            run = arena_new_one(arena, struct answer_run);
            *run = (struct answer_run){
                .arena = arena, .query = query, .moment = &cells, .options = &usual, .out = &none};
            cells.as_of = moment->cells_as_of != 0 ? moment->cells_as_of : moment->as_of;
            run_begin(run);
            answer_split(run);
        }
        answer_fifths(run, &query->who[node], &fifths);
        if (atomic_load(&run->stop) == OK)
            program_fifths(program, number, node, &fifths);
    }
    if (run == NULL)
        return OK;
    run_end(run);
    return (enum err)atomic_load(&run->stop);
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
    err = answer_fifths_find(arena, query, moment, program, 0);
    program_at(program, moment);
    program_begin(program, numbers, count < RECORD_MAX ? count : RECORD_MAX, NULL);
    program_person(program, moment->events);
    if (err == OK)
        err = program_result(program, 0, leaves, &root);
    program_free(program);
    return err;
}
