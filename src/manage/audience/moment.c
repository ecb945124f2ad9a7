/* What a question sees. Always: events and people of one place of the journal, at or behind all
 * that was acknowledged when the question came; who asks waits a little for that, never for long.
 */
#include "engine/answer.h"
#include "gen/feed.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "manage/audience/feed_private.h"

#define BEHIND_MS 2000
#define FILLING_MS 300 /* a small base is ready by then */
#define WAITER_MAX 1   /* of those who wait while the engine fills: readers are few */

struct held {
    struct ctx_end end;
    struct feed *feed;
    const struct snapshot *snapshot;
    const struct people_view *view;
    const struct dictionary *dictionaries[COLUMN_COUNT];
    bool is_exact;
};

/* ---- waiting --------------------------------------------------------------------------------- */

static bool is_reached(const struct feed *feed, const struct q_feed_end_row *end)
{
    return feed->is_ready && feed->cursor_id >= end->event_id &&
           feed->attribute_id >= end->attribute_id && feed->channel_id >= end->channel_id;
}

static enum err refuse(struct ctx *c, const struct feed *feed)
{
    if (feed->is_stopping)
        return fail(c, E_BUSY, "audience.closing", "the server is closing");
    if (feed->is_shared && !feed->has_lease)
        return fail(c, E_BUSY, "audience.elsewhere", "another node answers such questions");
    if (!feed->is_ready)
        return fail(c, E_BUSY, "audience.filling", "the engine is being filled; try again soon");
    return fail(c, E_BUSY, "audience.behind", "the engine does not keep up; try again soon");
}

/* Until all that the base had is shown; under the lock. */
static void reach_locked(struct feed *feed, const struct q_feed_end_row *end, int64_t left_ms)
{
    int64_t until_ms = clock_mono_us() / 1000 + left_ms;

    while (!is_reached(feed, end) && !feed->is_stopping && left_ms > 0) {
        clock_wait(&feed->reached, &feed->lock, left_ms);
        left_ms = until_ms - clock_mono_us() / 1000;
    }
}

/* Where nobody listens (the command line, tests) the thread works only when it is asked to. */
static void follow_now(struct feed *feed)
{
    pthread_mutex_unlock(&feed->lock);
    worker_await(feed->worker);
    pthread_mutex_lock(&feed->lock);
}

static enum err reach(struct ctx *c, struct feed *feed, const struct q_feed_end_row *end,
                      int64_t patience_ms)
{
    if (is_reached(feed, end))
        return OK;
    if (!feed->is_begun)
        follow_now(feed);
    if (is_reached(feed, end))
        return OK;
    worker_wake(feed->worker);
    if (patience_ms == NONE)
        patience_ms = feed->is_ready ? BEHIND_MS : FILLING_MS;
    if (feed->is_ready || feed->waiter_count < WAITER_MAX) {
        feed->waiter_count++;
        reach_locked(feed, end, patience_ms);
        feed->waiter_count--;
    }
    return is_reached(feed, end) ? OK : refuse(c, feed);
}

/* ---- a moment -------------------------------------------------------------------------------- */

/* While it still counts as a holder: without any, people and store may be others. */
static void views_release(void *user)
{
    const struct held *held = user;

    people_release(held->feed->people, held->view);
    pthread_mutex_lock(&held->feed->lock);
    store_release(held->feed->store, held->snapshot);
    held->feed->holder_count--;
    pthread_mutex_unlock(&held->feed->lock);
}

static enum err views_hold(struct ctx *c, const struct q_feed_end_row *end, int64_t patience_ms,
                           struct held *held, struct catalog *catalog)
{
    struct feed *feed = held->feed;
    enum err err;

    pthread_mutex_lock(&feed->lock);
    err = reach(c, feed, end, patience_ms);
    if (err == OK) {
        held->snapshot = store_snapshot(feed->store);
        held->view = people_hold(feed->people);
        feed->holder_count++;
        held->is_exact = feed->cursor_id == end->event_id;
    }
    pthread_mutex_unlock(&feed->lock);
    if (err != OK)
        return err;
    ctx_at_end(c, &held->end);
    definition_words(c, feed, catalog);
    return OK;
}

enum err audience_hold(struct ctx *c, struct audience_moment *out)
{
    return audience_hold_within(c, NONE, out);
}

enum err audience_hold_within(struct ctx *c, int64_t patience_ms, struct audience_moment *out)
{
    struct feed *feed = audience_feed(c->app);
    struct held *held = arena_new_one(c->arena, struct held);
    struct q_feed_end_row end;
    struct catalog catalog;

    held->feed = feed;
    held->end = (struct ctx_end){.run = views_release, .user = held};
    TRY(q_feed_end(c, &end));
    TRY(definition_sets(c, &catalog));
    TRY(views_hold(c, &end, patience_ms, held, &catalog));
    for (int i = 0; i < COLUMN_COUNT; i++)
        held->dictionaries[i] = feed->names.nouns[NOUN_COLUMN + i];
    *out = (struct audience_moment){
        .held = held,
        .is_exact = held->is_exact,
        .moment = {held->snapshot, held->view, c->now_ms / 1000 + 1, held->dictionaries},
        .catalog = catalog,
        .kinds = feed->names.nouns[NOUN_KIND],
        .channels = feed->names.nouns[NOUN_CHANNEL],
        .members = feed->persons.members,
    };
    return OK;
}

void audience_release(const struct audience_moment *moment)
{
    struct held *held = moment->held;

    held->end.run = NULL;
    views_release(held);
}
