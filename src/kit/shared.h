/* Several nodes on one base (PostgreSQL); with SQLite none of this runs. Inside the frame. */
#pragma once

#include "kit/kit_private.h"

struct shared *shared_new(struct app *app);
/* The start: this node's number, for as long as it says so once a minute. On the writer. */
enum err shared_join(struct ctx *c) MUST_USE;
enum err shared_keep(struct ctx *c) MUST_USE;
void shared_leave(struct app *app);

/* Around each group of the writer. The first command of it: what other nodes committed before. The last: where this group
 * ends, and what the others hear. */
enum err shared_group_begin(struct ctx *c, void *user) MUST_USE;
struct shared_news {
    unsigned topics;
    struct str ended; /* " 17 23": staff whose sessions ended */
};
enum err shared_group_end(struct ctx *c, void *news) MUST_USE;
void shared_committed(struct app *app);
/* After a commit of which nobody knows: OK it was, E_BUSY it was not; *is_unknown: nobody will know within the time. */
enum err shared_settle(struct app *app, bool *is_unknown) MUST_USE;

/* The thread that hears other nodes. */
enum err shared_listen(struct app *app, struct str *why) MUST_USE;
void shared_silence(struct app *app);
