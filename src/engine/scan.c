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

/* Columns of scratch, as narrow as a block's. */
struct scratch {
    void *kinds, *channels;
    uint32_t *seconds;
    int64_t *amounts; /* NULL: nobody asks for them */
    bool is_wide;
    uint32_t count;
};

static void scratch_begin(struct scan_view *view, size_t count, bool is_wide, struct scratch *out)
{
    char *at;

    buf_reset(&view->scratch);
    at = buf_room(&view->scratch, count * (8 + 4 + 2 + 2) + 4 * PAST_END);
    must(at != NULL);
    out->amounts = view->is_amountless ? NULL : (int64_t *)(void *)at;
    out->seconds = (uint32_t *)(void *)(at + count * 8 + PAST_END);
    out->kinds = at + count * 12 + 2 * (size_t)PAST_END;
    out->channels = at + count * 14 + 3 * (size_t)PAST_END;
    out->is_wide = is_wide;
    out->count = 0;
}

static ALWAYS_INLINE void scratch_add(struct scratch *scratch, uint32_t second, uint32_t kind,
                                      uint32_t channel)
{
    uint32_t at = scratch->count++;

    scratch->seconds[at] = second;
    if (scratch->is_wide) {
        ((uint16_t *)scratch->kinds)[at] = (uint16_t)kind;
        ((uint16_t *)scratch->channels)[at] = (uint16_t)channel;
    } else {
        ((uint8_t *)scratch->kinds)[at] = (uint8_t)kind;
        ((uint8_t *)scratch->channels)[at] = (uint8_t)channel;
    }
}

static void scratch_add_old(struct scratch *scratch, const struct scan_piece *old, uint32_t from)
{
    if (scratch->amounts != NULL)
        scratch->amounts[scratch->count] = block_value(old->block, EVENTS_AMOUNT, old->from + from);
    scratch_add(scratch, old->seconds[from], scan_kind(old, from), scan_channel(old, from));
}

static struct scan_piece scratch_piece(const struct scratch *scratch)
{
    return (struct scan_piece){.kinds = scratch->kinds,
                               .channels = scratch->channels,
                               .seconds = scratch->seconds,
                               .is_kind_wide = scratch->is_wide,
                               .is_channel_wide = scratch->is_wide,
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

static uint32_t head_of(const struct events *list)
{
    return list->count > 0 ? list->at[0].customer % SHARD_NUMBERS : SHARD_NUMBERS;
}

/* How many events the list begins with that are of this customer. */
static size_t list_cut(struct scan_view *view, const struct events *list, uint32_t own)
{
    size_t end = 0;
    uint32_t bits = 0;

    do {
        bits |= list->at[end].kind | list->at[end].channel;
        end++;
    } while (end < list->count && list->at[end].customer % SHARD_NUMBERS == own);
    view->cut_bits |= bits;
    view->cut_count += end;
    return end;
}

int scan_cut_news(struct scan_view *view, uint32_t own, struct events parts[SNAPSHOT_LIST_MAX])
{
    uint32_t next = SHARD_NUMBERS;
    int count = 0;

    view->cut_count = 0;
    view->cut_bits = 0;
    for (int i = 0; i < view->list_count; i++) {
        if (view->heads[i] == own) {
            struct events *list = &view->lists[i];
            size_t end = list_cut(view, list, own);

            parts[count] = *list;
            parts[count++].count = end;
            list->at += end;
            list->from += end;
            list->count -= end;
            view->heads[i] = head_of(list);
        }
        next = view->heads[i] < next ? view->heads[i] : next;
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

/* ---- news of a whole shard ------------------------------------------------------------------ */

/* Where each customer's will begin. */
static void starts_count(const struct scan_view *view, int first,
                         uint32_t starts[SHARD_NUMBERS + 1])
{
    uint32_t sum = 0;

    memset(starts, 0, (SHARD_NUMBERS + 1) * sizeof(*starts));
    for (int i = first; i < view->list_count; i++) {
        const struct events *list = &view->lists[i];
        const uint32_t *theirs = list->columns == NULL
                                     ? NULL
                                     : list->columns->starts + (size_t)view->shard * SHARD_NUMBERS;

        for (uint32_t own = 0; theirs != NULL && own < SHARD_NUMBERS; own++)
            starts[own] += theirs[own + 1] - theirs[own];
        for (size_t at = 0; theirs == NULL && at < list->count; at++)
            starts[list->at[at].customer % SHARD_NUMBERS]++;
    }
    for (uint32_t own = 0; own <= SHARD_NUMBERS; own++) {
        uint32_t count = starts[own];

        starts[own] = sum;
        sum += count;
    }
}

struct gathering {
    uint32_t next[SHARD_NUMBERS];
    const uint32_t *starts;
    uint32_t *seconds; /* one before them is there */
    uint8_t *kinds, *channels;
    uint64_t *late;
};

/* Behind what the customer has. No jump: which customer is next cannot be foreseen. */
static ALWAYS_INLINE void gather_one(struct gathering *to, uint32_t own, uint32_t second,
                                     uint16_t kind, uint16_t channel)
{
    uint32_t at = to->next[own]++;
    bool is_late = (at > to->starts[own]) & (second < to->seconds[(ptrdiff_t)at - 1]);

    to->seconds[at] = second;
    to->kinds[at] = (uint8_t)kind;
    to->channels[at] = (uint8_t)channel;
    to->late[own / 64] |= (uint64_t)is_late << own % 64;
}

static void gather_list(struct gathering *to, const struct events *list)
{
    const struct events_columns *columns = list->columns;

    for (size_t i = 0; columns == NULL && i < list->count; i++)
        gather_one(to, list->at[i].customer % SHARD_NUMBERS, list->at[i].second, list->at[i].kind,
                   list->at[i].channel);
    for (size_t i = list->from; columns != NULL && i < list->from + list->count; i++)
        gather_one(to, columns->owns[i], columns->seconds[i], columns->kinds[i],
                   columns->channels[i]);
}

/* The lists from this one on. */
static void lists_gather(struct scan_view *view, int first, size_t count)
{
    struct scan_news *news = &view->news;
    struct gathering to;
    size_t starts_bytes = (SHARD_NUMBERS + 1) * sizeof(uint32_t);
    uint32_t *starts;

    buf_reset(&view->news_bytes);
    starts = (uint32_t *)(void *)buf_room(&view->news_bytes,
                                          starts_bytes + count * (4 + 1 + 1) + 4 * PAST_END);
    must(starts != NULL);
    to.seconds = starts + SHARD_NUMBERS + 2;
    to.kinds = (uint8_t *)(to.seconds + count) + PAST_END;
    to.channels = to.kinds + count + PAST_END;
    starts_count(view, first, starts);
    memcpy(to.next, starts, sizeof(to.next));
    to.starts = starts;
    to.late = news->late;
    starts[SHARD_NUMBERS + 1] = 0;
    for (int i = first; i < view->list_count; i++)
        gather_list(&to, &view->lists[i]);
    news->others = (struct scan_columns){starts, to.seconds, to.kinds, to.channels};
}

static struct scan_columns columns_of(const struct scan_view *view, const struct events *list)
{
    const struct events_columns *columns = list->columns;

    return (struct scan_columns){columns->starts + (size_t)view->shard * SHARD_NUMBERS,
                                 columns->seconds, columns->kinds, columns->channels};
}

void scan_news_gather(struct scan_view *view)
{
    int first = view->list_count > 0 && view->lists[0].columns != NULL;
    uint32_t bits = 0;
    size_t count = 0;

    if (view->list_count == 0 || !view->is_amountless)
        return;
    for (int i = first; i < view->list_count; i++) {
        const struct events *list = &view->lists[i];

        for (size_t at = 0; list->columns == NULL && at < list->count; at++)
            bits |= list->at[at].kind | list->at[at].channel;
        count += list->count;
    }
    if (bits > UINT8_MAX)
        return;
    view->news.is_gathered = true;
    view->news.oldest = view->news.others = (struct scan_columns){.starts = no_offsets};
    if (first > 0)
        view->news.oldest = columns_of(view, &view->lists[0]);
    if (count > 0)
        lists_gather(view, first, count);
}

/* The customer's part of each list, where they were gathered and no list is cut. */
static int parts_find(struct scan_view *view, uint32_t own, struct events parts[SNAPSHOT_LIST_MAX])
{
    uint64_t number = (uint64_t)view->shard * SHARD_NUMBERS + own;
    int count = 0;

    view->cut_count = 0;
    view->cut_bits = 0;
    for (int i = 0; i < view->list_count; i++) {
        parts[count] = events_between(&view->lists[i], number, number + 1);
        view->cut_count += parts[count].count;
        count += parts[count].count > 0;
    }
    return count;
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

static void scratch_add_new(struct scratch *scratch, const struct events *part, size_t at)
{
    const struct engine_event *event = &part->at[at];

    if (scratch->amounts != NULL)
        scratch->amounts[scratch->count] = amount_of(part, event);
    scratch_add(scratch, event->second, event->kind, event->channel);
}

/* Late news: among the block's events, behind those of the same second. */
static void scratch_mix(struct scratch *scratch, const struct scan_piece *old,
                        const struct events *news)
{
    size_t at = 0;

    for (uint32_t i = 0; i < old->count; i++) {
        for (; at < news->count && news->at[at].second < old->seconds[i]; at++)
            scratch_add_new(scratch, news, at);
        scratch_add_old(scratch, old, i);
    }
    for (; at < news->count; at++)
        scratch_add_new(scratch, news, at);
}

/* All of a part behind what is there. Without amounts and narrow, as is the rule, in one short
 * loop. */
static void scratch_add_part(struct scratch *scratch, const struct events *part)
{
    uint8_t *kinds = (uint8_t *)scratch->kinds + scratch->count;
    uint8_t *channels = (uint8_t *)scratch->channels + scratch->count;
    uint32_t *seconds = scratch->seconds + scratch->count;

    if (scratch->is_wide || scratch->amounts != NULL) {
        for (size_t at = 0; at < part->count; at++)
            scratch_add_new(scratch, part, at);
        return;
    }
    for (size_t at = 0; at < part->count; at++) {
        seconds[at] = part->at[at].second;
        kinds[at] = (uint8_t)part->at[at].kind;
        channels[at] = (uint8_t)part->at[at].channel;
    }
    scratch->count += (uint32_t)part->count;
}

/* The customer's last second in the block; from the summaries, which lie side by side. */
static uint32_t last_of(const struct scan_piece *old, uint32_t own)
{
    return old->block->lasts != NULL ? old->block->lasts[own] : old->seconds[old->count - 1];
}

static void stream_of_parts(struct scan_view *view, uint32_t own, struct events *parts, int count,
                            struct scan_stream *out)
{
    struct events joined;
    bool is_wide = view->cut_bits > UINT8_MAX, is_late;
    struct scratch scratch;
    struct scan_piece old;

    must(count > 0);
    scan_piece_of_block(view, own, &old);
    is_late = old.count > 0 && last_of(&old, own) > parts[0].at[0].second;
    if (count > 1 && (is_late || !are_in_time(parts, count))) {
        events_merge(view->arena, parts, count, &joined);
        is_late = old.count > 0 && last_of(&old, own) > joined.at[0].second;
        parts[0] = joined;
        count = 1;
    }
    if (is_late) {
        scratch_begin(view, view->cut_count + old.count,
                      is_wide || old.is_kind_wide || old.is_channel_wide, &scratch);
        scratch_mix(&scratch, &old, &parts[0]);
        old.count = 0;
    } else {
        scratch_begin(view, view->cut_count, is_wide, &scratch);
        for (int i = 0; i < count; i++)
            scratch_add_part(&scratch, &parts[i]);
    }
    out->piece_count = old.count > 0;
    out->pieces[0] = old;
    out->pieces[out->piece_count++] = scratch_piece(&scratch);
}

/* false: it begins before the pieces so far have ended. */
static bool stream_add(struct scan_stream *out, const struct scan_columns *columns, uint32_t own,
                       uint32_t *last)
{
    uint32_t from = columns->starts[own], count = columns->starts[own + 1] - from;

    if (count == 0)
        return true;
    if (columns->seconds[from] < *last)
        return false;
    *last = columns->seconds[from + count - 1];
    out->pieces[out->piece_count++] = (struct scan_piece){.kinds = columns->kinds + from,
                                                          .channels = columns->channels + from,
                                                          .seconds = columns->seconds + from,
                                                          .count = count};
    return true;
}

/* false: they are not gathered, or late. */
static bool stream_of_gathered(const struct scan_view *view, uint32_t own, struct scan_stream *out)
{
    const struct scan_news *news = &view->news;
    uint32_t last = 0;

    if (!news->is_gathered || (news->late[own / 64] >> own % 64 & 1) != 0)
        return false;
    scan_piece_of_block(view, own, &out->pieces[0]);
    out->piece_count = out->pieces[0].count > 0;
    if (out->piece_count > 0)
        last = last_of(&out->pieces[0], own);
    return stream_add(out, &news->oldest, own, &last) && stream_add(out, &news->others, own, &last);
}

void scan_stream_of_news(struct scan_view *view, uint32_t own, struct scan_stream *out)
{
    struct events parts[SNAPSHOT_LIST_MAX];
    int count;

    if (stream_of_gathered(view, own, out))
        return;
    count = view->news.is_gathered ? parts_find(view, own, parts) : scan_cut_news(view, own, parts);
    stream_of_parts(view, own, parts, count, out);
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
    const struct snapshot *snapshot = scan->snapshot;
    const struct block *block = snapshot ? snapshot_block(snapshot, shard) : NULL;

    arena_reset(view->arena);
    view->shard = shard;
    view->at = 0;
    view->news = (struct scan_news){0};
    view->block = block != NULL ? block : &empty_block;
    view->list_count = snapshot ? snapshot_lists(snapshot, shard, view->lists) : 0;
    view->next_own = SHARD_NUMBERS;
    for (int i = 0; i < view->list_count; i++) {
        view->heads[i] = head_of(&view->lists[i]);
        view->next_own = view->heads[i] < view->next_own ? view->heads[i] : view->next_own;
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
    struct scan_view view = {.scan = scan,
                             .thread = worker->number,
                             .is_amountless = work->is_amountless,
                             .arena = arena_new(SIZE_MAX / 2)};

    buf_init(&view.scratch, SCRATCH_MAX);
    buf_init(&view.masks, SCRATCH_MAX);
    buf_init(&view.news_bytes, SCRATCH_MAX);
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
    buf_release(&view.news_bytes);
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
    if (crew.shard_count == 0 && work->scan->snapshot != NULL)
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
