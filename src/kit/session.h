/* Who asks: sessions of staff, by cookie. A session ends after 30 days, by sign-out and by any
 * password change of its owner. */
#pragma once

#include "kit/ctx.h"

/* Begins a session: row, cookie (c->session_token) and its CSRF token. */
enum err session_begin(struct ctx *c, int64_t staff_id, struct str *csrf) MUST_USE;
/* Ends the session that asks. */
enum err session_end(struct ctx *c) MUST_USE;
/* Ends every session of that person. */
enum err session_end_all(struct ctx *c, int64_t staff_id) MUST_USE;

/* Throttle, in memory and bounded: at most `max` per window under a key. E_RATE with `code`: too
 * many; the fault says how long to wait. */
struct throttle {
    struct str key;
    int max;
    int64_t window_ms;
    const char *code;
};
enum err throttle_take(struct ctx *c, const struct throttle *limit) MUST_USE;
void throttle_forget(struct ctx *c, struct str key);
