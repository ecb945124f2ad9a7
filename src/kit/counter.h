/* Windowed limits: so many of something for one subject within a window. One guarded row each. On the
 * writer, within the caller's transaction. */
#pragma once

#include "base/time.h"
#include "kit/ctx.h"

enum counter_window { WINDOW_NONE, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH }; /* local; a week begins on Monday */

struct counter {
    const char *name;   /* "draw" */
    int64_t scope_id;   /* campaign; 0: the brand */
    int64_t subject_id; /* a person: what was used under any of the person's records counts */
    enum counter_window window;
    const struct zone *zone; /* with its own start of the business day; NULL: the brand's */
    int64_t limit_count;
};
/* Uses so many at once. E_CONFLICT "counter.full" beyond the limit, nothing changed. */
enum err counter_use(struct ctx *c, const struct counter *counter, int64_t amount_count) MUST_USE;
/* Reserves so many under (kind, key_id) until until_ms; the same again is OK and changes nothing. */
struct counter_hold {
    const char *kind;
    int64_t key_id;
    int64_t amount_count;
    int64_t until_ms;
};
enum err counter_reserve(struct ctx *c, const struct counter *counter,
                         const struct counter_hold *hold) MUST_USE;
/* Once confirmed it is used, for ever; released (or out of time, by a timer) it is free again. Again
 * the same: OK, for thirty days. The other after it: E_CONFLICT "counter.hold_over". */
enum err counter_confirm(struct ctx *c, const char *kind, int64_t key_id) MUST_USE;
enum err counter_release(struct ctx *c, const char *kind, int64_t key_id) MUST_USE;
/* What has been used and reserved in the window of now. Any connection. */
enum err counter_read(struct ctx *c, const struct counter *counter, int64_t *used_count,
                      int64_t *reserved_count) MUST_USE;
/* Rows of windows that are over, and holds out of time, at most 10,000 a call; each minute. */
enum err counter_forget(struct ctx *c) MUST_USE;
struct timer_kind;
extern const struct timer_kind counter_hold_timer; /* sets itself: when holds are out of time */
