/* Throttles: a bounded table of windows in memory. When it is full the oldest window goes, so an
 * attacker with many names can only shorten the memory of others, never grow ours. */
#include "host/clock.h"
#include "kit/kit_private.h"
#include "kit/session.h"

#define WINDOW_COUNT 4096
#define PROBE_MAX 8

struct window {
    uint64_t key;
    int64_t start_ms;
    int taken_count;
};

struct throttles {
    pthread_mutex_t lock;
    uint64_t seed;
    struct window windows[WINDOW_COUNT];
};

struct throttles *throttles_new(struct app *app)
{
    struct throttles *throttles = arena_new_one(app->arena, struct throttles);

    pthread_mutex_init(&throttles->lock, NULL);
    random_bytes(&throttles->seed, sizeof(throttles->seed));
    return throttles;
}

/* The window of the key, or the one to give up for it. */
static struct window *window_of(struct throttles *throttles, uint64_t key)
{
    struct window *oldest = NULL;

    for (size_t i = 0; i < PROBE_MAX; i++) {
        struct window *window = &throttles->windows[(key + i) % WINDOW_COUNT];
        if (window->key == key)
            return window;
        if (oldest == NULL || window->start_ms < oldest->start_ms)
            oldest = window;
    }
    *oldest = (struct window){.key = key};
    return oldest;
}

enum err throttle_take(struct ctx *c, const struct throttle *limit)
{
    struct throttles *throttles = c->app->throttles;
    int64_t now_ms = clock_now_ms(), wait_ms;
    struct window *window;
    bool is_free;

    pthread_mutex_lock(&throttles->lock);
    window = window_of(throttles, str_hash(limit->key, throttles->seed));
    if (now_ms - window->start_ms >= limit->window_ms || now_ms < window->start_ms) {
        window->start_ms = now_ms;
        window->taken_count = 0;
    }
    is_free = window->taken_count < limit->max;
    window->taken_count += is_free;
    wait_ms = window->start_ms + limit->window_ms - now_ms;
    pthread_mutex_unlock(&throttles->lock);
    if (is_free)
        return OK;
    fail(c, E_RATE, limit->code, "too many tries; again in %" PRId64 " ms", wait_ms);
    c->fault.wait_ms = wait_ms;
    return E_RATE;
}

void throttle_forget(struct ctx *c, struct str key)
{
    struct throttles *throttles = c->app->throttles;

    pthread_mutex_lock(&throttles->lock);
    *window_of(throttles, str_hash(key, throttles->seed)) = (struct window){0};
    pthread_mutex_unlock(&throttles->lock);
}
