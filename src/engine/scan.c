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

static void scratch_add_new(struct scratch *scratch, const struct events *news,
                            const struct engine_event *event)
{
    uint32_t at = scratch->count++, value = event->value;

    scratch->seconds[at] = event->second;
    scratch->kinds[at] = event->kind;
    scratch->channels[at] = event->channel;
    scratch->amounts[at] = NONE;
    if (value == EVENTS_NO_VALUE)
        return;
    do {
        if (news->values[value].column == EVENTS_AMOUNT)
            scratch->amounts[at] = news->values[value].value;
    } while (!news->values[value++].is_last);
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

/* The customer's news behind the block's events, or among them if some are late. */
void scan_stream_of_news(struct scan_view *view, uint32_t customer, struct scan_stream *out)
{
    const struct engine_event *news = view->news.at + view->news_at;
    size_t count = 0, at = 0;
    struct scan_piece old;
    struct scratch scratch;

    scan_piece_of_block(view, customer, &old);
    while (view->news_at < view->news.count &&
           view->news.at[view->news_at].customer == news->customer) {
        view->news_at++;
        count++;
    }
    out->piece_count = 0;
    if (old.count == 0 || old.seconds[old.count - 1] <= news[0].second) {
        if (old.count > 0)
            out->pieces[out->piece_count++] = old;
        scratch_begin(view, count, &scratch);
    } else {
        scratch_begin(view, count + old.count, &scratch);
        for (uint32_t i = 0; i < old.count; i++) {
            while (at < count && news[at].second < old.seconds[i])
                scratch_add_new(&scratch, &view->news, &news[at++]);
            scratch_add_old(&scratch, &old, i);
        }
    }
    for (; at < count; at++)
        scratch_add_new(&scratch, &view->news, &news[at]);
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
    atomic_uint next;
};

struct worker {
    struct crew *crew;
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
    view->news_at = 0;
    view->block = block != NULL ? block : &empty_block;
    snapshot_news(scan->snapshot, shard, view->arena, &view->news);
    view->has_only = scan->only != NULL;
    if (view->has_only)
        bitmap_shard(scan->only, shard, view->only);
}

static void *worker_run(void *user)
{
    struct worker *worker = user;
    const struct scan_work *work = worker->crew->work;
    struct scan_view view = {.scan = work->scan, .arena = arena_new(SIZE_MAX / 2)};

    buf_init(&view.scratch, SCRATCH_MAX);
    buf_init(&view.masks, SCRATCH_MAX);
    for (;;) {
        uint32_t shard = atomic_fetch_add(&worker->crew->next, 1);

        if (shard >= snapshot_shards(work->scan->snapshot))
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
    struct crew crew = {.work = work};
    struct worker workers[SCAN_THREAD_MAX];
    int count = work->scan->thread_count > 1 ? work->scan->thread_count : 1;

    count = count > SCAN_THREAD_MAX ? SCAN_THREAD_MAX : count;
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){&crew, work->sums, 0};
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
