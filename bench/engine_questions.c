/* See engine_questions.h. */
#include "engine_questions.h"

#include <stdio.h>
#include <time.h>

#define COHORTS 12
#define FIRST_WEEK 28

static const uint8_t common_steps[4] = {DATA_VIEW, DATA_CLICK, DATA_CART, DATA_ORDER};
static const uint8_t rare_steps[4] = {DATA_SCAN, DATA_ADD_FRIEND, DATA_MESSAGE, DATA_ORDER};

/* ---- funnels ------------------------------------------------------------------------------- */

static void funnel(const struct asker *asker, const uint8_t kinds[4], int64_t *answer)
{
    struct scan_funnel query = {.step_count = 4, .window = 7 * DATA_DAY};
    int64_t levels[SCAN_STEP_MAX + 1];

    query.way = asker->scan.is_columns_only ? SCAN_FORWARD : SCAN_EITHER;
    for (int i = 0; i < 4; i++)
        query.kinds[i] = kinds[i];
    scan_funnel(&asker->scan, &query, levels);
    memcpy(answer, levels, 5 * sizeof(*answer));
}

static void ours_funnel(const struct asker *asker, int64_t *answer)
{
    funnel(asker, common_steps, answer);
}

static void theirs_funnel(const struct asker *asker, int64_t *answer)
{
    if (asker->scan.is_columns_only)
        proto_funnel(asker->proto, common_steps, (uint64_t *)answer);
    else
        proto_funnel_back(asker->proto, common_steps, (uint64_t *)answer);
}

static void ours_sparse(const struct asker *asker, int64_t *answer)
{
    funnel(asker, rare_steps, answer);
}

static void theirs_sparse(const struct asker *asker, int64_t *answer)
{
    proto_funnel(asker->proto, rare_steps, (uint64_t *)answer);
}

/* ---- who ------------------------------------------------------------------------------------- */

static void ours_segment(const struct asker *asker, int64_t *answer)
{
    const struct bitmap *any[DATA_ASKED];
    struct bitmap_terms terms = {.any = any, .any_count = DATA_ASKED};
    struct scan scan = asker->scan;
    struct bitmap tagged;
    struct scan_segment query = {
        .conditions = {{DATA_VIEW, DATA_NOW - 30 * DATA_DAY, DATA_NOW, 3, UINT32_MAX},
                       {DATA_ORDER, DATA_NOW - 90 * DATA_DAY, DATA_NOW, 1, UINT32_MAX},
                       {DATA_MESSAGE, DATA_NOW - 7 * DATA_DAY, DATA_NOW, 0, 0}},
        .condition_count = 3,
    };

    for (int i = 0; i < DATA_ASKED; i++)
        any[i] = &asker->data->tags[data_asked[i]];
    bitmap_init(&tagged);
    bitmap_combine(&terms, &tagged);
    scan.only = &tagged;
    answer[0] = scan_segment(&scan, &query, NULL);
    bitmap_release(&tagged);
}

static void theirs_segment(const struct asker *asker, int64_t *answer)
{
    answer[0] = (int64_t)proto_segment(asker->proto, !asker->scan.is_columns_only);
}

static void ours_rfm(const struct asker *asker, int64_t *answer)
{
    int64_t cells[5][5][5];

    scan_rfm(&asker->scan, DATA_ORDER, cells);
    memcpy(answer, cells, sizeof(cells));
}

static void theirs_rfm(const struct asker *asker, int64_t *answer)
{
    proto_rfm(asker->proto, !asker->scan.is_columns_only, (uint64_t *)answer);
}

static void ours_cohort(const struct asker *asker, int64_t *answer)
{
    static int64_t sizes[SCAN_COHORT_MAX], active[SCAN_COHORT_MAX][SCAN_COHORT_MAX];
    struct scan_cohort query = {
        .first_week = FIRST_WEEK, .cohort_count = COHORTS, .week_count = COHORTS};

    scan_cohort(&asker->scan, &query, sizes, active);
    for (int i = 0; i < COHORTS; i++) {
        memcpy(answer + i * (COHORTS + 1L), active[i], COHORTS * sizeof(*answer));
        answer[i * (COHORTS + 1) + COHORTS] = sizes[i];
    }
}

static void theirs_cohort(const struct asker *asker, int64_t *answer)
{
    proto_cohort(asker->proto, !asker->scan.is_columns_only, (uint64_t(*)[COHORTS + 1]) answer);
}

/* ---- what ------------------------------------------------------------------------------------ */

static void ours_channels(const struct asker *asker, int64_t *answer)
{
    scan_channels(&asker->scan, DATA_ORDER, (struct scan_channel *)answer, 256);
}

static void theirs_channels(const struct asker *asker, int64_t *answer)
{
    proto_channels(asker->proto, (uint64_t(*)[4])answer);
}

static void ours_repurchase(const struct asker *asker, int64_t *answer)
{
    scan_intervals(&asker->scan, DATA_ORDER, answer);
}

static void theirs_repurchase(const struct asker *asker, int64_t *answer)
{
    proto_intervals(asker->proto, !asker->scan.is_columns_only, (uint64_t *)answer);
}

static void ours_paths(const struct asker *asker, int64_t *answer)
{
    scan_paths(&asker->scan, DATA_NOW - 90 * DATA_DAY, 64, answer);
}

static void theirs_paths(const struct asker *asker, int64_t *answer)
{
    proto_paths(asker->proto, (uint64_t(*)[64])answer);
}

const struct question questions[QUESTION_COUNT] = {
    {"engine-funnel", ours_funnel, theirs_funnel, 1.5, "forward", {5, 1, 1}, 0, 1},
    {"engine-funnel-sparse", ours_sparse, theirs_sparse, 1.5, NULL, {5, 1, 1}, 0, 1},
    {"engine-segment", ours_segment, theirs_segment, 2, "columns", {1, 1, 1}, 0, 1},
    {"engine-rfm", ours_rfm, theirs_rfm, 2, "columns", {5, 5, 5}, 1, 1},
    {"engine-cohort", ours_cohort, theirs_cohort, 2, "columns", {COHORTS, 1, 1}, FIRST_WEEK, 13},
    {"engine-channels", ours_channels, theirs_channels, 1.5, NULL, {256, 1, 1}, 0, 4},
    {"engine-repurchase", ours_repurchase, theirs_repurchase, 2, "columns", {400, 1, 1}, 0, 1},
    {"engine-paths", ours_paths, theirs_paths, 1.5, NULL, {64, 64, 1}, 0, 1},
};

/* ---- asking -------------------------------------------------------------------------------- */

double question_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

double question_us(const struct asker *asker, const struct question *question, bool is_ours,
                   int64_t *answer)
{
    double start_us;

    memset(answer, 0, ANSWER_MAX * sizeof(*answer));
    start_us = question_clock_us();
    (is_ours ? question->ours : question->theirs)(asker, answer);
    return question_clock_us() - start_us;
}

static bool is_row(const int64_t *row, int width)
{
    for (int i = 0; i < width; i++) {
        if (row[i] != 0)
            return true;
    }
    return false;
}

void answer_print(const struct question *question, const int64_t *answer)
{
    const int *keys = question->keys;
    const char *before = "";

    putchar('[');
    for (int at = 0; at < keys[0] * keys[1] * keys[2]; at++) {
        const int64_t *row = answer + (size_t)at * (size_t)question->width;
        int places[3] = {at / (keys[1] * keys[2]), at / keys[2] % keys[1], at % keys[2]};

        if (!is_row(row, question->width))
            continue;
        printf("%s[", before);
        for (int i = 0; i < 3; i++) {
            if (keys[i] > 1)
                printf("%d,", places[i] + question->base);
        }
        for (int i = 0; i < question->width; i++)
            printf("%s%" PRId64, i == 0 ? "" : ",", row[i]);
        printf("]");
        before = ",";
    }
    putchar(']');
}
