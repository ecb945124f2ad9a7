/* The audience's thread: the feed takes a step, then whoever follows it heeds what came. Always:
 * the feed knows nothing of its follower; questions see the feed once both are level. */
#include "host/file.h"
#include "manage/audience/feed_private.h"
#include "manage/audience/follow.h"

#define ARENA_MAX ((size_t)1 << 30)
#define LOOK_MS 60000

struct audience {
    struct feed feed;
    const struct follower *follower; /* NULL: nobody follows */
    void *user;
    bool is_stale; /* the follower is to know anew */
};

struct feed *audience_feed(struct app *app)
{
    struct audience *audience = app_part(app, &audience_part);

    return audience ? &audience->feed : NULL;
}

/* ---- whoever follows ------------------------------------------------------------------------- */

void follow_begin(struct app *app, const struct follower *follower, void *user)
{
    struct audience *audience = app_part(app, &audience_part);

    if (audience == NULL)
        return;
    must(audience->follower == NULL);
    audience->follower = follower;
    audience->user = user;
}

void follow_hold(struct app *app, struct arena *arena, int64_t as_of, struct moment *out)
{
    const struct feed *feed = audience_feed(app);
    const struct dictionary **dictionaries =
        arena_new_array(arena, const struct dictionary *, COLUMN_COUNT);

    for (int i = 0; i < COLUMN_COUNT; i++)
        dictionaries[i] = feed->names.nouns[NOUN_COLUMN + i];
    *out = (struct moment){.events = store_snapshot(feed->store),
                           .people = people_hold(feed->people),
                           .as_of = as_of,
                           .dictionaries = dictionaries};
}

void follow_release(struct app *app, const struct moment *moment)
{
    const struct feed *feed = audience_feed(app);

    people_release(feed->people, moment->people);
    store_release(feed->store, moment->events);
}

static void news_tell(struct audience *audience)
{
    const struct feed_news *news = &audience->feed.news;

    audience->is_stale |= news->is_anew || news->is_defined;
    audience->follower->heed(audience->user,
                             &(struct follow_news){.events = news->batch.events,
                                                   .event_count = news->batch.count,
                                                   .people = audience->feed.people,
                                                   .is_anew = news->is_anew,
                                                   .is_recalled = news->is_recalled});
}

static enum err know_step(struct ctx *c, void *user)
{
    struct audience *audience = user;
    struct catalog catalog;

    TRY(definition_sets(c, &catalog));
    definition_words(c, &audience->feed, &catalog);
    return audience->follower->know(c, &catalog, audience->user);
}

static enum err follower_know(struct audience *audience, struct arena *arena)
{
    if (!audience->is_stale)
        return OK;
    TRY(feed_read(&audience->feed, arena, know_step, audience));
    people_publish(audience->feed.people);
    audience->is_stale = false;
    return OK;
}

/* ---- a step ---------------------------------------------------------------------------------- */

static enum err audience_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct audience *audience = app_part(app, &audience_part);
    struct feed *feed = &audience->feed;
    enum err err = feed_step(feed, arena);
    bool is_busy;

    if (audience->follower)
        news_tell(audience);
    TRY(err);
    *next_ms = worker_now_ms(app) + feed->news.wait_ms;
    if (!feed->news.is_level)
        return OK;
    TRY(follower_know(audience, arena));
    feed_ready(feed);
    TRY(feed_remake(feed, arena, &is_busy));
    *next_ms += is_busy ? 0 : LOOK_MS;
    return audience->follower ? audience->follower->page(audience->user, arena, next_ms) : OK;
}

void audience_await(struct app *app)
{
    worker_await(audience_feed(app)->worker);
}

/* ---- the part -------------------------------------------------------------------------------- */

static void *part_open(struct app *app)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct audience *audience = arena_new_one(arena, struct audience);
    struct feed *feed = &audience->feed;

    feed_init(feed, app, arena);
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

    feed_release(&audience->feed);
    arena_free(arena);
}

const struct app_part audience_part = {.open = part_open,
                                       .listen = part_listen,
                                       .committed = part_committed,
                                       .stop = part_stop,
                                       .close = part_close};
