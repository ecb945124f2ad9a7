/* Driving a scan: shards to threads, a shard to kernels as streams of customers.
 * Always: every customer with events is seen once, its events in order; news that are not late
 * leave the block's columns where they lie. */
#include "engine/scan_private.h"

#include <pthread.h>
#include <stdatomic.h>

#define SCRATCH_MAX ((size_t)1 << 36)
#define PAST_END 64 /* bytes that may be read behind a column */

static const uint32_t no_offsets[SHARD_NUMBERS + 1];
static const struct block empty_block = {.offsets = no_offsets};

/* ---- customers ----------------------------------------------------------------------------- */

/* Columns of scratch, always wide. */
struct scratch {
    uint16_t *kinds, *channels;
    uint32_t *seconds;
    int64_t *amounts;
    uint32_t count;
};

static void scratch_begin(struct scan_view *view, size_t count, struct scratch *out)
{
    char *at;

    buf_reset(&view->scratch);
    at = buf_room(&view->scratch, count * (8 + 4 + 2 + 2) + 4 * PAST_END);
    must(at != NULL);
    out->amounts = (int64_t *)(void *)at;
    out->seconds = (uint32_t *)(void *)(at + count * 8 + PAST_END);
    out->kinds = (uint16_t *)(void *)(at + count * 12 + 2 * (size_t)PAST_END);
    out->channels = (uint16_t *)(void *)(at + count * 14 + 3 * (size_t)PAST_END);
    out->count = 0;
}

static void scratch_add_new(struct scratch *scratch, const struct engine_event *event,
                            int64_t amount)
{
    uint32_t at = scratch->count++;

    scratch->seconds[at] = event->second;
    scratch->kinds[at] = event->kind;
    scratch->channels[at] = event->channel;
    scratch->amounts[at] = amount;
}

static void scratch_add_old(struct scratch *scratch, const struct scan_piece *old, uint32_t from)
{
    uint32_t at = scratch->count++;

    scratch->seconds[at] = old->seconds[from];
    scratch->kinds[at] = scan_kind(old, from);
    scratch->channels[at] = scan_channel(old, from);
    scratch->amounts[at] = block_value(old->block, EVENTS_AMOUNT, old->from + from);
}

static struct scan_piece scratch_piece(const struct scratch *scratch)
{
    return (struct scan_piece){.kinds = scratch->kinds,
                               .channels = scratch->channels,
                               .seconds = scratch->seconds,
                               .is_kind_wide = true,
                               .is_channel_wide = true,
                               .count = scratch->count,
                               .amounts = scratch->amounts};
}

/* ---- news ---------------------------------------------------------------------------------- */

static int64_t amount_of(const struct events *list, const struct engine_event *event)
{
    uint32_t value = event->value;

    if (value == EVENTS_NO_VALUE)
        return NONE;
    do {
        if (list->values[value].column == EVENTS_AMOUNT)
            return list->values[value].value;
    } while (!list->values[value++].is_last);
    return NONE;
}

int scan_cut_news(struct scan_view *view, uint32_t own, struct events parts[SNAPSHOT_LIST_MAX])
{
    uint32_t next = SHARD_NUMBERS;
    int count = 0;

    for (int i = 0; i < view->list_count; i++) {
        struct events *list = &view->lists[i];
        size_t end = 0;

        while (end < list->count && list->at[end].customer % SHARD_NUMBERS == own)
            end++;
        if (end > 0) {
            parts[count] = *list;
            parts[count++].count = end;
            list->at += end;
            list->count -= end;
        }
        if (list->count > 0 && list->at[0].customer % SHARD_NUMBERS < next)
            next = list->at[0].customer % SHARD_NUMBERS;
    }
    view->next_own = next;
    return count;
}

void scan_skip_news(struct scan_view *view, uint32_t own)
{
    struct events parts[SNAPSHOT_LIST_MAX];
    int ignored = scan_cut_news(view, own, parts);

    (void)ignored;
}

/* Does each part begin where the one before has ended, or later? As a rule, since runs follow one
 * another in time. */
static bool are_in_time(const struct events *parts, int count)
{
    for (int i = 1; i < count; i++) {
        if (parts[i].at[0].second < parts[i - 1].at[parts[i - 1].count - 1].second)
            return false;
    }
    return true;
}

static void scratch_add_part(struct scratch *scratch, const struct events *part, size_t from)
{
    for (size_t i = from; i < part->count; i++)
        scratch_add_new(scratch, &part->at[i], amount_of(part, &part->at[i]));
}

/* Late news: among the block's events, behind those of the same second. */
static void stream_mixed(struct scan_view *view, const struct scan_piece *old,
                         const struct events *news, struct scan_stream *out)
{
    struct scratch scratch;
    size_t at = 0;

    scratch_begin(view, news->count + old->count, &scratch);
    for (uint32_t i = 0; i < old->count; i++) {
        for (; at < news->count && news->at[at].second < old->seconds[i]; at++)
            scratch_add_new(&scratch, &news->at[at], amount_of(news, &news->at[at]));
        scratch_add_old(&scratch, old, i);
    }
    scratch_add_part(&scratch, news, at);
    out->piece_count = 1;
    out->pieces[0] = scratch_piece(&scratch);
}

void scan_stream_of_news(struct scan_view *view, uint32_t own, struct scan_stream *out)
{
    struct events parts[SNAPSHOT_LIST_MAX], joined;
    int count = scan_cut_news(view, own, parts);
    struct scratch scratch;
    struct scan_piece old;
    size_t total = 0;

    must(count > 0);
    if (!are_in_time(parts, count)) {
        events_merge(view->arena, parts, count, &joined);
        parts[0] = joined;
        count = 1;
    }
    scan_piece_of_block(view, own, &old);
    if (old.count > 0 && old.seconds[old.count - 1] > parts[0].at[0].second) {
        if (count > 1)
            events_merge(view->arena, parts, count, &joined);
        stream_mixed(view, &old, count > 1 ? &joined : &parts[0], out);
        return;
    }
    for (int i = 0; i < count; i++)
        total += parts[i].count;
    scratch_begin(view, total, &scratch);
    for (int i = 0; i < count; i++)
        scratch_add_part(&scratch, &parts[i], 0);
    out->piece_count = old.count > 0;
    out->pieces[0] = old;
    out->pieces[out->piece_count++] = scratch_piece(&scratch);
}

int64_t scan_amount(const struct scan_piece *piece, uint32_t at)
{
    int64_t amount = piece->amounts != NULL
                         ? piece->amounts[at]
                         : block_value(piece->block, EVENTS_AMOUNT, piece->from + at);

    return amount == NONE ? 0 : amount;
}

void scan_needles_set(struct scan_needles *needles, const uint16_t *kinds, int count)
{
    *needles = (struct scan_needles){.count = count};
    for (int i = 0; i < count; i++) {
        needles->kinds[i] = kinds[i];
        needles->narrow[i] = (uint8_t)kinds[i];
        needles->enabled[i] = kinds[i] < 256 ? ~(uint64_t)0 : 0;
        if (kinds[i] < 256)
            needles->bits[kinds[i]] |= (uint8_t)(1 << i);
    }
}

const struct scan_kernels *scan_kernels(const struct scan *scan)
{
#if defined(__x86_64__)
    bool has_512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");

    if (scan->level == SCAN_PLAIN || !__builtin_cpu_supports("avx2"))
        return &scan_kernels_plain;
    return has_512 && scan->level != SCAN_AVX2 ? &scan_kernels_avx512 : &scan_kernels_avx2;
#else
    (void)scan;
    return &scan_kernels_plain;
#endif
}

/* ---- threads ------------------------------------------------------------------------------- */

struct crew {
    const struct scan_work *work;
    uint32_t shard_count;
    atomic_uint next;
};

struct worker {
    struct crew *crew;
    int number;
    uint64_t *sums;
    pthread_t thread;
};

static void view_begin(struct scan_view *view, uint32_t shard)
{
    const struct scan *scan = view->scan;
    const struct block *block = snapshot_block(scan->snapshot, shard);

    arena_reset(view->arena);
    view->shard = shard;
    view->at = 0;
    view->block = block != NULL ? block : &empty_block;
    view->list_count = snapshot_lists(scan->snapshot, shard, view->lists);
    view->next_own = SHARD_NUMBERS;
    for (int i = 0; i < view->list_count; i++) {
        uint32_t own = view->lists[i].at[0].customer % SHARD_NUMBERS;

        view->next_own = own < view->next_own ? own : view->next_own;
    }
    view->has_only = scan->only != NULL;
    if (view->has_only)
        bitmap_shard(scan->only, shard, view->only);
}

static void *worker_run(void *user)
{
    struct worker *worker = user;
    const struct scan_work *work = worker->crew->work;
    const struct scan *scan = work->scan;
    struct scan_view view = {
        .scan = scan, .thread = worker->number, .arena = arena_new(SIZE_MAX / 2)};

    buf_init(&view.scratch, SCRATCH_MAX);
    buf_init(&view.masks, SCRATCH_MAX);
    for (;;) {
        uint32_t shard = atomic_fetch_add(&worker->crew->next, 1);

        if (shard >= worker->crew->shard_count ||
            (scan->is_over != NULL && scan->is_over(scan->user)))
            break;
        view_begin(&view, shard);
        work->shard(&view, work->query, worker->sums);
    }
    buf_release(&view.scratch);
    buf_release(&view.masks);
    arena_free(view.arena);
    return NULL;
}

void scan_run(const struct scan_work *work)
{
    struct arena *arena = arena_new(SIZE_MAX / 2);
    struct crew crew = {.work = work, .shard_count = work->shard_count};
    struct worker workers[SCAN_THREAD_MAX];
    int count = work->scan->thread_count > 1 ? work->scan->thread_count : 1;

    count = count > SCAN_THREAD_MAX ? SCAN_THREAD_MAX : count;
    if (crew.shard_count == 0)
        crew.shard_count = snapshot_shards(work->scan->snapshot);
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){&crew, i, work->sums, 0};
        if (i == 0)
            continue;
        workers[i].sums = arena_new_array(arena, uint64_t, work->sum_count + 1);
        must(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0);
    }
    worker_run(&workers[0]);
    for (int i = 1; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        for (size_t j = 0; j < work->sum_count; j++)
            work->sums[j] += workers[i].sums[j];
    }
    arena_free(arena);
}
