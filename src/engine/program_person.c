/* A person's events from everywhere they lie: the blocks and the news of each record. Always: by
 * second; of one second the lower number's first, of one number in the order of arrival. */
#include "engine/program_private.h"

/* Events of one number that follow one another. */
struct source {
    const struct block *block; /* NULL: news */
    const struct events *news;
    size_t at, to;
};

static void source_add(struct buf *sources, const struct source *source)
{
    if (source->at < source->to)
        buf_add(sources, source, sizeof *source);
}

/* The first of [at, to) that may matter. */
static uint32_t block_skip(const struct block *block, uint32_t at, uint32_t to, uint32_t earliest)
{
    while (at < to) {
        uint32_t mid = at + (to - at) / 2;

        if (block->seconds[mid] < earliest)
            at = mid + 1;
        else
            to = mid;
    }
    return at;
}

static void number_add(struct program *program, const struct snapshot *snapshot, uint32_t number)
{
    uint32_t shard = number / SHARD_NUMBERS, own = number % SHARD_NUMBERS;
    uint32_t earliest = program->choice->earliest_of_all;
    const struct block *block = snapshot_block(snapshot, shard);
    struct events *lists = arena_new_array(program->gather, struct events, SNAPSHOT_LIST_MAX);
    int count = snapshot_number(snapshot, number, lists);

    if (block != NULL)
        source_add(&program->sources,
                   &(struct source){.block = block,
                                    .at = block_skip(block, block->offsets[own],
                                                     block->offsets[own + 1], earliest),
                                    .to = block->offsets[own + 1]});
    for (int i = 0; i < count; i++)
        source_add(&program->sources, &(struct source){.news = &lists[i], .to = lists[i].count});
}

static uint32_t second_of(const struct source *source)
{
    return source->block != NULL ? source->block->seconds[source->at]
                                 : source->news->at[source->at].second;
}

/* Does anybody look at this event? Most are passed over here. */
static bool is_looked_at(const struct program *program, uint16_t kind, uint32_t second)
{
    return second >=
           program->choice->earliest[kind < program->kind_limit ? kind : program->kind_limit];
}

static void news_give(struct program *program, const struct events *news, size_t at)
{
    const struct engine_event *one = &news->at[at];

    if (is_looked_at(program, one->kind, one->second))
        program_event(program, &(struct program_event){.second = one->second,
                                                       .kind = one->kind,
                                                       .channel = one->channel,
                                                       .values = one->value == EVENTS_NO_VALUE
                                                                     ? NULL
                                                                     : &news->values[one->value]});
}

static void block_give(struct program *program, const struct block *block, uint32_t at)
{
    uint16_t kind = block_kind(block, at);

    if (is_looked_at(program, kind, block->seconds[at]))
        program_event(program, &(struct program_event){.second = block->seconds[at],
                                                       .kind = kind,
                                                       .channel = block_channel(block, at),
                                                       .block = block,
                                                       .at = at});
}

static void give(struct program *program, struct source *source)
{
    if (source->block != NULL)
        block_give(program, source->block, (uint32_t)source->at++);
    else
        news_give(program, source->news, source->at++);
}

/* All of the source up to `second`, which is the next of the others. */
static void give_until(struct program *program, struct source *source, uint32_t second,
                       bool is_first)
{
    while (source->at < source->to &&
           (second_of(source) < second || (is_first && second_of(source) == second)))
        give(program, source);
}

static struct source *earliest_of(struct source *sources, size_t count, const struct source *but)
{
    struct source *next = NULL;

    for (size_t i = 0; i < count; i++)
        if (&sources[i] != but && sources[i].at < sources[i].to &&
            (next == NULL || second_of(&sources[i]) < second_of(next)))
            next = &sources[i];
    return next;
}

/* Sources stand in the order that decides between equal seconds. */
static void merge(struct program *program, struct source *sources, size_t count)
{
    struct source *next = earliest_of(sources, count, NULL);

    while (next != NULL) {
        struct source *other = earliest_of(sources, count, next);

        if (other != NULL)
            give_until(program, next, second_of(other), next < other);
        else
            while (next->at < next->to)
                give(program, next);
        next = other;
    }
}

void program_person(struct program *program, const struct snapshot *snapshot)
{
    uint32_t last = 0;

    arena_reset(program->gather);
    buf_reset(&program->sources);
    for (int i = 0; i < program->number_count; i++) {
        uint32_t next = UINT32_MAX;

        for (int k = 0; k < program->number_count; k++)
            if ((i == 0 || program->numbers[k] > last) && program->numbers[k] < next)
                next = program->numbers[k];
        number_add(program, snapshot, next);
        last = next;
    }
    merge(program, (struct source *)(void *)program->sources.at,
          program->sources.len / sizeof(struct source));
}
