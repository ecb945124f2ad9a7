/* Giving persons their events, shard by shard, hand by hand.
 * Always: events come by second, of one second the lower number's first, of one number as they
 * arrived; a person with several records comes after the others of the kept one's shard. */
#include "engine/answer_private.h"

#include <stdlib.h>

#include "host/clock.h"

#define MEMORY_MAX ((int64_t)256 << 20)
#define RECORD_MAX 1024 /* of one person */

/* ---- limits --------------------------------------------------------------------------------- */

void answer_stop(struct answer_run *run, enum err err)
{
    int none = OK;

    atomic_compare_exchange_strong(&run->stop, &none, (int)err);
}

bool answer_is_over(void *user)
{
    struct answer_run *run = user;
    int64_t deadline_ms = run->options->deadline_ms;

    if (deadline_ms != 0 && clock_mono_us() / 1000 >= deadline_ms)
        answer_stop(run, E_BUSY);
    return atomic_load(&run->stop) != OK;
}

void answer_take(struct answer_run *run, size_t bytes)
{
    int64_t most = run->options->memory_max == 0 ? MEMORY_MAX : run->options->memory_max;

    if (atomic_fetch_add(&run->bytes, (int64_t)bytes) + (int64_t)bytes > most)
        answer_stop(run, E_TOO_LARGE);
}

struct scan answer_scan(struct answer_run *run, const struct bitmap *only)
{
    return (struct scan){.snapshot = run->moment->events,
                         .only = only,
                         .thread_count = run->options->thread_count,
                         .level = run->options->level,
                         .is_columns_only = run->options->is_columns_only,
                         .is_over = answer_is_over,
                         .user = run};
}

/* ---- events --------------------------------------------------------------------------------- */

/* Events of one number that follow one another: of a block, or news. */
struct source {
    const struct block *block;
    struct events news;
    size_t at, to;
};

static ALWAYS_INLINE bool is_wanted(const struct answer_filter *filter, uint16_t kind)
{
    return filter->is_any || (filter->kinds[kind / 64] >> kind % 64 & 1) != 0;
}

/* Inlined by hand: this is what a question costs per event. */
static ALWAYS_INLINE void event_of_block(const struct block *block, uint32_t at,
                                         struct program_event *out)
{
    out->second = block->seconds[at];
    out->kind = block->is_kind_wide ? ((const uint16_t *)block->kinds)[at]
                                    : ((const uint8_t *)block->kinds)[at];
    out->channel = block->is_channel_wide ? ((const uint16_t *)block->channels)[at]
                                          : ((const uint8_t *)block->channels)[at];
    out->block = block;
    out->at = at;
}

static uint32_t first_from(const uint32_t *seconds, uint32_t at, uint32_t to, int64_t from)
{
    while (at < to) {
        uint32_t half = at + (to - at) / 2;

        if (seconds[half] < from)
            at = half + 1;
        else
            to = half;
    }
    return at;
}

/* Where kinds are few, masks of 64 events tell which are looked at. */
static void masked_give(struct answer_hand *hand, const struct block *block, uint32_t from,
                        uint32_t to)
{
    const struct answer_filter *filter = &hand->pass->filter;
    struct program_event event = {0};
    struct scan_piece piece = {.kinds = (const char *)block->kinds +
                                        ((size_t)from << block->is_kind_wide),
                               .is_kind_wide = block->is_kind_wide,
                               .count = to - from};
    uint64_t *masks;

    buf_reset(&hand->masks);
    masks = (uint64_t *)(void *)buf_room(&hand->masks, ((size_t)piece.count / 64 + 1) * 8);
    must(masks != NULL);
    hand->kernels->kinds(&piece, &filter->needles, masks);
    for (uint32_t word = 0; word * 64 < piece.count; word++) {
        for (uint64_t mask = masks[word]; mask != 0; mask &= mask - 1) {
            event_of_block(block, from + word * 64 + (uint32_t)__builtin_ctzll(mask), &event);
            if (event.second >= filter->to)
                return;
            hand->pass->event(hand, &event);
        }
    }
}

static void block_give(struct answer_hand *hand, const struct block *block, uint32_t at,
                       uint32_t to)
{
    const struct answer_filter *filter = &hand->pass->filter;
    struct program_event event = {0};

    if (at < to && block->seconds[at] < filter->from)
        at = first_from(block->seconds, at, to, filter->from);
    if (filter->needles.count > 0 && at < to) {
        masked_give(hand, block, at, to);
        return;
    }
    for (; at < to && block->seconds[at] < filter->to; at++) {
        event_of_block(block, at, &event);
        if (is_wanted(filter, event.kind))
            hand->pass->event(hand, &event);
    }
}

static uint32_t second_of(const struct source *source)
{
    return source->block != NULL ? source->block->seconds[source->at]
                                 : source->news.at[source->at].second;
}

static void source_give(struct answer_hand *hand, struct source *source)
{
    const struct answer_filter *filter = &hand->pass->filter;
    struct program_event event = {0};

    if (source->block != NULL) {
        event_of_block(source->block, (uint32_t)source->at, &event);
    } else {
        const struct engine_event *one = &source->news.at[source->at];

        event.second = one->second;
        event.kind = one->kind;
        event.channel = one->channel;
        event.values = one->value == EVENTS_NO_VALUE ? NULL : &source->news.values[one->value];
    }
    source->at++;
    if (event.second >= filter->from && event.second < filter->to && is_wanted(filter, event.kind))
        hand->pass->event(hand, &event);
}

/* Sources stand in the order that decides between equal seconds. */
static void sources_give(struct answer_hand *hand)
{
    struct source *sources = (struct source *)(void *)hand->sources.at;
    size_t count = hand->sources.len / sizeof(*sources);

    for (;;) {
        struct source *next = NULL;

        for (size_t i = 0; i < count; i++) {
            if (sources[i].at < sources[i].to &&
                (next == NULL || second_of(&sources[i]) < second_of(next)))
                next = &sources[i];
        }
        if (next == NULL)
            return;
        source_give(hand, next);
    }
}

static void source_add_block(struct answer_hand *hand, const struct block *block, uint32_t own)
{
    struct source source = {.block = block};

    source.at = block->offsets[own];
    source.to = block->offsets[own + 1];
    if (source.at < source.to)
        buf_add(&hand->sources, &source, sizeof(source));
}

static void source_add_news(struct answer_hand *hand, const struct events *news)
{
    struct source source = {.news = *news, .to = news->count};

    if (news->count > 0)
        buf_add(&hand->sources, &source, sizeof(source));
}

/* ---- a shard -------------------------------------------------------------------------------- */

static void begin(struct answer_hand *hand, uint32_t kept)
{
    hand->person++;
    hand->kept = kept;
    if (hand->pass->begin != NULL)
        hand->pass->begin(hand, kept);
}

static void end(struct answer_hand *hand, uint32_t kept)
{
    if (hand->pass->end != NULL)
        hand->pass->end(hand, kept);
}

/* Is there nothing of the block that the pass looks at? */
static bool is_out(const struct answer_filter *filter, int64_t first, int64_t last)
{
    return last < filter->from || first >= filter->to;
}

static void news_give(struct answer_hand *hand, struct scan_view *view, uint32_t own)
{
    struct events parts[SNAPSHOT_LIST_MAX];
    int count = scan_cut_news(view, own, parts);

    buf_reset(&hand->sources);
    source_add_block(hand, view->block, own);
    for (int i = 0; i < count; i++)
        source_add_news(hand, &parts[i]);
    sources_give(hand);
}

void answer_news_find(const struct scan_view *view, uint64_t words[BITMAP_SHARD_WORDS])
{
    for (int i = 0; i < view->list_count; i++) {
        for (size_t k = 0; k < view->lists[i].count; k++) {
            uint32_t own = view->lists[i].at[k].customer % SHARD_NUMBERS;

            words[own / 64] |= (uint64_t)1 << own % 64;
        }
    }
}

static void plain_give(struct answer_hand *hand, struct scan_view *view)
{
    const struct answer_filter *filter = &hand->pass->filter;
    const uint32_t *offsets = view->block->offsets;
    bool is_summed = view->block->lasts != NULL && !view->scan->is_columns_only;

    if (view->next_own == SHARD_NUMBERS &&
        (view->block->count == 0 ||
         is_out(filter, view->block->second_min, view->block->second_max)))
        return;
    for (uint32_t own = 0; own < SHARD_NUMBERS; own++) {
        bool has_news = view->next_own == own;
        uint32_t kept = view->shard * SHARD_NUMBERS + own;

        if (!has_news && offsets[own] == offsets[own + 1])
            continue;
        if (!(view->only[own / 64] >> own % 64 & 1)) {
            if (has_news)
                scan_skip_news(view, own);
            continue;
        }
        if (!has_news && is_summed &&
            is_out(filter, view->block->firsts[own], view->block->lasts[own]))
            continue;
        begin(hand, kept);
        if (has_news)
            news_give(hand, view, own);
        else
            block_give(hand, view->block, offsets[own], offsets[own + 1]);
        end(hand, kept);
    }
}

/* ---- one person of several records ---------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void number_add(struct answer_hand *hand, uint32_t number)
{
    const struct snapshot *snapshot = hand->run->moment->events;
    uint32_t shard = number / SHARD_NUMBERS;
    const struct block *block = snapshot_block(snapshot, shard);
    struct events lists[SNAPSHOT_LIST_MAX];
    int count = snapshot_number(snapshot, number, lists);

    if (block != NULL)
        source_add_block(hand, block, number % SHARD_NUMBERS);
    for (int i = 0; i < count; i++)
        source_add_news(hand, &lists[i]);
}

void answer_person_run(struct answer_hand *hand, uint32_t kept)
{
    uint32_t numbers[RECORD_MAX];
    int count = people_numbers(hand->run->moment->people, kept, numbers, RECORD_MAX);

    count = count > RECORD_MAX ? RECORD_MAX : count;
    qsort(numbers, (size_t)count, sizeof(*numbers), by_number);
    buf_reset(&hand->sources);
    for (int i = 0; i < count && !hand->pass->is_eventless; i++)
        number_add(hand, numbers[i]);
    begin(hand, kept);
    if (hand->pass->joined_begin != NULL)
        hand->pass->joined_begin(hand, kept);
    sources_give(hand);
    if (hand->pass->joined_end != NULL)
        hand->pass->joined_end(hand, kept);
    else
        end(hand, kept);
}

void answer_person_fetch(const struct moment *moment, uint32_t kept)
{
    uint32_t numbers[RECORD_MAX];
    int count = people_numbers(moment->people, kept, numbers, RECORD_MAX);

    for (int i = 0; i < count && i < RECORD_MAX; i++)
        snapshot_fetch(moment->events, numbers[i]);
}

/* ---- all ------------------------------------------------------------------------------------ */

void answer_split(struct answer_run *run)
{
    const struct bitmap *joined = people_joined(run->moment->people);
    const struct bitmap *both[] = {run->people, joined};
    struct bitmap_terms plain = {.all = both, .none = &joined, .all_count = 1, .none_count = 1};
    struct bitmap_terms several = {.all = both, .all_count = 2};
    struct bitmap merged;
    uint32_t *numbers;
    int64_t count;

    bitmap_combine(&plain, &run->plain);
    bitmap_init(&merged);
    count = bitmap_combine(&several, &merged);
    numbers = arena_new_array(run->hands[0].arena, uint32_t, (size_t)count + 1);
    run->joined_count = bitmap_read(&merged, 0, numbers, (size_t)count);
    run->joined = numbers;
    bitmap_release(&merged);
}

static void needles_find(struct answer_filter *filter)
{
    uint16_t kinds[SCAN_STEP_MAX];
    int count = 0;

    filter->needles.count = 0;
    for (uint32_t word = 0; word < ARRAY_LEN(filter->kinds) && !filter->is_any; word++) {
        for (uint64_t left = filter->kinds[word]; left != 0; left &= left - 1) {
            if (count == SCAN_STEP_MAX)
                return;
            kinds[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    scan_needles_set(&filter->needles, kinds, count);
}

static void hands_prepare(struct answer_run *run, struct answer_pass *pass)
{
    struct scan scan = answer_scan(run, NULL);
    int64_t as_of = run->moment->as_of;

    pass->filter.to = pass->filter.to < as_of ? pass->filter.to : as_of;
    needles_find(&pass->filter);
    for (int i = 0; i < run->hand_count; i++) {
        struct answer_hand *hand = &run->hands[i];

        hand->run = run;
        hand->pass = pass;
        hand->kernels = scan_kernels(&scan);
        hand->state = arena_alloc(hand->arena, pass->state_bytes + 1);
        answer_take(run, pass->state_bytes);
        if (pass->start != NULL)
            pass->start(hand);
    }
}

/* Of the persons with several records those whose kept one is in the shard: with the shard, so that
 * one hand alone touches what lies beside each other. */
static void joined_give(struct answer_hand *hand, uint32_t shard)
{
    const struct answer_run *run = hand->run;
    size_t low = 0, high = run->joined_count;

    while (low < high) {
        size_t half = low + (high - low) / 2;

        if (run->joined[half] / SHARD_NUMBERS < shard)
            low = half + 1;
        else
            high = half;
    }
    for (; low < run->joined_count && run->joined[low] / SHARD_NUMBERS == shard; low++) {
        if (answer_is_over(hand->run))
            return;
        answer_person_run(hand, run->joined[low]);
    }
}

static bool has_anybody(const struct scan_view *view)
{
    uint64_t any = 0;

    for (int word = 0; word < BITMAP_SHARD_WORDS; word++)
        any |= view->only[word];
    return any != 0;
}

static struct answer_hand *hand_of(const struct scan_view *view, const void *query)
{
    return (struct answer_hand *)&((const struct answer_run *)query)->hands[view->thread];
}

static void shard_give(struct scan_view *view, const void *query, uint64_t *sums)
{
    struct answer_hand *hand = hand_of(view, query);

    (void)sums;
    if (hand->pass->shard != NULL)
        hand->pass->shard(hand, view);
    if (hand->pass->whole != NULL && has_anybody(view))
        hand->pass->whole(hand, view);
    else if (has_anybody(view))
        plain_give(hand, view);
    joined_give(hand, view->shard);
}

static void joined_shard_give(struct scan_view *view, const void *query, uint64_t *sums)
{
    (void)sums;
    joined_give(hand_of(view, query), view->shard);
}

static void shards_run(struct answer_run *run, const struct answer_pass *pass,
                       void (*shard)(struct scan_view *view, const void *query, uint64_t *sums))
{
    struct scan scan = answer_scan(run, &run->plain);
    struct scan_work work = {.scan = &scan,
                             .query = run,
                             .shard = shard,
                             .is_amountless = true,
                             .shard_count = run->shard_count};

    if (pass->is_eventless)
        scan.snapshot = NULL;
    scan_run(&work);
}

void answer_pass_run(struct answer_run *run, struct answer_pass *pass)
{
    hands_prepare(run, pass);
    shards_run(run, pass, shard_give);
}

void answer_joined_run(struct answer_run *run, struct answer_pass *pass)
{
    hands_prepare(run, pass);
    if (run->joined_count > 0)
        shards_run(run, pass, joined_shard_give);
}
