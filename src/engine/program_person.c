/* A person's events from everywhere they lie: the blocks and the news of each record. Always: by
 * second; of one second the lower number's first, of one number in the order of arrival. */
#include "engine/program_private.h"

/* Events of one number that follow one another. */
struct source {
    const struct block *block; /* NULL: news */
    const struct events *news;
    size_t at, to;
};

static size_t first_of(const struct events *events, uint32_t number)
{
    size_t low = 0, high = events->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (events->at[mid].customer < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void source_add(struct buf *sources, const struct source *source)
{
    if (source->at < source->to)
        buf_add(sources, source, sizeof *source);
}

static void number_add(struct program *program, const struct snapshot *snapshot, uint32_t number)
{
    uint32_t shard = number / SHARD_NUMBERS, own = number % SHARD_NUMBERS;
    const struct block *block = snapshot_block(snapshot, shard);
    struct events *lists = arena_new_array(program->gather, struct events, SNAPSHOT_LIST_MAX);
    int count = snapshot_lists(snapshot, shard, lists);

    if (block != NULL)
        source_add(&program->sources, &(struct source){.block = block,
                                                       .at = block->offsets[own],
                                                       .to = block->offsets[own + 1]});
    for (int i = 0; i < count; i++) {
        struct source source = {.news = &lists[i], .at = first_of(&lists[i], number)};

        for (source.to = source.at;
             source.to < lists[i].count && lists[i].at[source.to].customer == number;)
            source.to++;
        source_add(&program->sources, &source);
    }
}

static uint32_t second_of(const struct source *source)
{
    return source->block != NULL ? source->block->seconds[source->at]
                                 : source->news->at[source->at].second;
}

static void give(struct program *program, struct source *source)
{
    size_t at = source->at++;
    struct program_event event = {0};

    if (source->block != NULL) {
        event.second = source->block->seconds[at];
        event.kind = block_kind(source->block, (uint32_t)at);
        event.channel = block_channel(source->block, (uint32_t)at);
        event.block = source->block;
        event.at = (uint32_t)at;
    } else {
        const struct engine_event *one = &source->news->at[at];

        event.second = one->second;
        event.kind = one->kind;
        event.channel = one->channel;
        event.values = one->value == EVENTS_NO_VALUE ? NULL : &source->news->values[one->value];
    }
    program_event(program, &event);
}

/* Sources stand in the order that decides between equal seconds. */
static void merge(struct program *program, struct source *sources, size_t count)
{
    for (;;) {
        struct source *next = NULL;

        for (size_t i = 0; i < count; i++)
            if (sources[i].at < sources[i].to &&
                (next == NULL || second_of(&sources[i]) < second_of(next)))
                next = &sources[i];
        if (next == NULL)
            return;
        give(program, next);
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
