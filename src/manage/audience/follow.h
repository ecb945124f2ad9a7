/* Following the feed, for a room that keeps something current by what the engine learns. There is one at most; it is called on the
 * audience's thread, behind each step, and questions are answered once it knows what it must. Nobody but it changes the sets SET_LIST
 * and SET_SEGMENT of the people, except that the feed takes over what kept people had and what facts said since. */
#pragma once

#include "engine/answer.h"
#include "engine/store.h"
#include "kit/app.h"

/* What a step brought. */
struct follow_news {
    const struct engine_event *events; /* for as long as the call */
    size_t event_count;
    struct people *people; /* the same until they are anew */
    bool is_anew;          /* people are others now, or nobody followed them for a while: as before the first step */
    bool is_recalled;      /* they are those that were kept, with their sets */
};
struct follower {
    void (*heed)(void *user, const struct follow_news *news); /* behind every step, also one that failed */
    /* All that there was is taken in: what it has to know of the base. When people are anew, and behind each `segment_changed`. What it
     * set among the people is shown afterwards. */
    enum err (*know)(struct ctx *c, const struct catalog *catalog, void *user);
    enum err (*page)(void *user, struct arena *arena, int64_t *next_ms); /* then its work, as a worker's page */
};
/* From the `open` of an app_part behind audience_part; until that one closes. Does nothing where there is no audience. */
void follow_begin(struct app *app, const struct follower *follower, void *user);

/* From `page`: what a question would see now, as of this second; released before anything is set among the people. */
void follow_hold(struct app *app, struct arena *arena, int64_t as_of, struct moment *out);
void follow_release(struct app *app, const struct moment *moment);
