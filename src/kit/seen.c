/* When sessions and keys were last used, to the minute, without a write a request: marked in
 * memory, written by the keeper's round once a minute. Bounded: what finds no place is marked by
 * its next request after that round. */
#include "gen/kit.q.h"
#include "kit/kit_private.h"

#define SEEN_MAX 4096
#define PROBE_MAX 8
#define MINUTE_MS 60000

struct seen {
    pthread_mutex_t lock;
    struct mark {
        int64_t id; /* 0: free */
        int64_t ms;
        bool is_key;
    } marks[SEEN_MAX];
};

struct seen *seen_new(struct app *app)
{
    struct seen *seen = arena_new_one(app->arena, struct seen);

    pthread_mutex_init(&seen->lock, NULL);
    return seen;
}

void seen_mark(struct ctx *c, const struct seen_at *at)
{
    struct seen *seen = c->app->seen;
    uint64_t place = (uint64_t)at->id * UINT64_C(0x9e3779b97f4a7c15) >> 52;

    if (at->id == NONE || (at->last_ms != NONE && c->now_ms - at->last_ms < MINUTE_MS))
        return;
    pthread_mutex_lock(&seen->lock);
    for (size_t i = 0; i < PROBE_MAX; i++) {
        struct mark *mark = &seen->marks[(place + i) % SEEN_MAX];
        if (mark->id != 0 && mark->id != at->id)
            continue;
        *mark = (struct mark){at->id, c->now_ms - c->now_ms % MINUTE_MS, at->is_key};
        break;
    }
    pthread_mutex_unlock(&seen->lock);
}

/* A commit that fails after this forgets a minute. */
enum err seen_write(struct ctx *c)
{
    struct seen *seen = c->app->seen;
    struct q_session_seen_in *sessions =
        arena_new_array(c->arena, struct q_session_seen_in, SEEN_MAX);
    struct q_api_key_used_in *keys = arena_new_array(c->arena, struct q_api_key_used_in, SEEN_MAX);
    int64_t session_count = 0, key_count = 0;

    pthread_mutex_lock(&seen->lock);
    for (size_t i = 0; i < SEEN_MAX; i++) {
        const struct mark *mark = &seen->marks[i];
        if (mark->id != 0 && mark->is_key)
            keys[key_count++] = (struct q_api_key_used_in){mark->ms, mark->id};
        else if (mark->id != 0)
            sessions[session_count++] = (struct q_session_seen_in){mark->ms, mark->id};
    }
    memset(seen->marks, 0, sizeof(seen->marks));
    pthread_mutex_unlock(&seen->lock);
    TRY(q_session_seen(c, sessions, session_count, NULL));
    return q_api_key_used(c, keys, key_count, NULL);
}
