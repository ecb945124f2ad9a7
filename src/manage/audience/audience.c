/* The audience's thread: the feed takes a step, then segments heed what came with it. Always: the
 * feed knows nothing of segments; questions see the feed once both are level. */
#include "host/file.h"
#include "manage/audience/feed.h"
#include "manage/audience/segment_private.h"

#define ARENA_MAX ((size_t)1 << 30)
#define LOOK_MS 60000

struct audience {
    struct feed feed;
    struct segments *segments;
};

struct feed *feed_of(struct app *app)
{
    struct audience *audience = app_part(app, &audience_part);

    return audience ? &audience->feed : NULL;
}

static enum err audience_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct audience *audience = app_part(app, &audience_part);
    struct feed *feed = &audience->feed;
    enum err err = feed_step(feed, arena);
    bool is_busy;

    segments_heed(audience->segments, &feed->news);
    TRY(err);
    *next_ms = worker_now_ms(app) + feed->news.wait_ms;
    if (!feed->news.is_level)
        return OK;
    TRY(segments_know(audience->segments, arena));
    feed_ready(feed);
    TRY(feed_remake(feed, arena, &is_busy));
    *next_ms += is_busy ? 0 : LOOK_MS;
    return segments_page(audience->segments, arena, next_ms);
}

void audience_await(struct app *app)
{
    worker_await(feed_of(app)->worker);
}

/* ---- the part -------------------------------------------------------------------------------- */

static void *part_open(struct app *app)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct audience *audience = arena_new_one(arena, struct audience);
    struct feed *feed = &audience->feed;

    feed_init(feed, app, arena);
    audience->segments = segments_new(arena, feed);
    feed->worker = worker_new(app, "audience", audience_page);
    feed->keep.worker = worker_new(app, "people", feed_keep_page);
    return audience;
}

static void part_listen(void *part)
{
    struct feed *feed = &((struct audience *)part)->feed;

    pthread_mutex_lock(&feed->lock);
    feed->is_begun = true;
    pthread_mutex_unlock(&feed->lock);
    worker_begin(feed->worker);
    worker_begin(feed->keep.worker);
}

static void part_committed(void *part, unsigned topics)
{
    const struct audience *audience = part;

    if (topics & (LIVE_EVENTS | LIVE_SETTINGS))
        worker_wake(audience->feed.worker);
}

static void part_stop(void *part)
{
    struct feed *feed = &((struct audience *)part)->feed;
    struct arena *arena = arena_new(ARENA_MAX);

    worker_stop(feed->worker);
    worker_stop(feed->keep.worker);
    if (feed_keep(feed, arena) != OK)
        app_log(feed->app, "warn", "audience", "people are not kept: %s", file_why());
    arena_free(arena);
    pthread_mutex_lock(&feed->lock);
    feed->is_stopping = true;
    pthread_cond_broadcast(&feed->reached);
    pthread_mutex_unlock(&feed->lock);
}

static void part_close(void *part)
{
    struct audience *audience = part;
    struct arena *arena = audience->feed.arena;

    segments_free(audience->segments);
    feed_release(&audience->feed);
    arena_free(arena);
}

const struct app_part audience_part = {.open = part_open,
                                       .listen = part_listen,
                                       .committed = part_committed,
                                       .stop = part_stop,
                                       .close = part_close};
