/* Makes the engine's files anew from the journal, beside those that answer. Always: what the base
 * has no more is in the engine's files for a day at most after they could first be without;
 * questions are answered meanwhile; the one store takes the other's place while nobody holds a
 * snapshot. */
#include "gen/feed.q.h"
#include "host/file.h"
#include "manage/audience/feed_private.h"

#define DAY (24 * INT64_C(3600000))
#define LOOK_MS INT64_C(3600000)
#define MADE_MAX 64

static struct str next_folder(const struct feed *feed, struct arena *arena)
{
    return str_fmt(arena, "%.*s-next", STR(feed_folder(feed, arena)));
}

static struct str made_path(struct arena *arena, struct str folder)
{
    return str_fmt(arena, "%.*s/made", STR(folder));
}

enum err feed_made_note(struct feed *feed, struct arena *arena, struct str folder)
{
    return file_write(made_path(arena, folder),
                      str_fmt(arena, "%" PRId64, worker_now_ms(feed->app)), 0600);
}

/* Unknown: long ago. */
static int64_t made_ms(const struct feed *feed, struct arena *arena)
{
    struct str text;
    int64_t ms;

    if (file_read(arena, made_path(arena, feed_folder(feed, arena)), MADE_MAX, &text) != OK ||
        !str_to_int(str_trim(text), &ms))
        return 0;
    return ms;
}

/* ---- is there a need ------------------------------------------------------------------------- */

struct looking {
    int64_t made_ms;
    bool is_needed;
};

static enum err look_step(struct ctx *c, void *user)
{
    struct looking *looking = user;
    struct q_feed_gone_row row;

    TRY(q_feed_gone(c, looking->made_ms, str_fmt(c->arena, "%013" PRId64, looking->made_ms), &row));
    looking->is_needed = row.deleted_count > 0 || row.dropped_count > 0;
    return OK;
}

static enum err look(struct feed *feed, struct arena *arena)
{
    int64_t now_ms = worker_now_ms(feed->app);
    struct looking looking = {.made_ms = made_ms(feed, arena)};
    struct str folder = next_folder(feed, arena);

    if (now_ms < feed->remake.looked_ms + LOOK_MS)
        return OK;
    feed->remake.looked_ms = now_ms;
    if (now_ms >= looking.made_ms + DAY)
        TRY(feed_read(feed, arena, look_step, &looking));
    if (!looking.is_needed)
        return OK;
    TRY(folder_remove(folder)); /* of one that was killed */
    TRY(feed_store_open(feed, folder, &feed->remake.store));
    feed->remake.cursor_id = 0;
    return feed_made_note(feed, arena, folder);
}

/* ---- page after page, and the change --------------------------------------------------------- */

struct copying {
    struct feed *feed;
    struct feed_rows is;
};

static enum err copy_step(struct ctx *c, void *user)
{
    struct copying *copying = user;

    if (copying->feed->remake.cursor_id == 0)
        TRY(feed_gone_read(c, &copying->feed->gone));
    return feed_rows(c, &copying->feed->gone, copying->feed->remake.cursor_id, &copying->is);
}

/* Not beyond what the other shows: they must agree when they change places. */
static void rows_cut(struct copying *copying)
{
    struct list *rows = &copying->is.rows;
    const struct q_feed_journal_row *row = rows->at;

    while (rows->count > 0 && row[rows->count - 1].id > copying->feed->cursor_id)
        rows->count--;
}

static enum err rows_take(struct feed *feed, struct arena *arena, const struct list *rows)
{
    const struct q_feed_journal_row *row = rows->at;
    struct feed_batch batch;
    struct store_batch taken;
    uint64_t seq;

    TRY(feed_batch_make(feed, arena, rows, &batch));
    feed->remake.cursor_id = row[rows->count - 1].id;
    taken = (struct store_batch){
        .feed = FEED_JOURNAL,
        .position = feed->remake.cursor_id,
        .events = {batch.events, batch.count, batch.values, batch.value_count}};
    return batch.count > 0 ? store_append(feed->remake.store, &taken, &seq) : OK;
}

void feed_remake_end(struct feed *feed)
{
    if (feed->remake.store)
        store_close(feed->remake.store);
    feed->remake.store = NULL;
}

/* Under the lock, and nobody holds anything of the old one. */
static enum err change(struct feed *feed, struct arena *arena)
{
    struct str folder = feed_folder(feed, arena), next = next_folder(feed, arena);

    feed_remake_end(feed);
    store_close(feed->store);
    feed->store = NULL;
    feed->keep.event_id = 0; /* it goes with the folder, and is written again */
    TRY(folder_remove(folder));
    TRY(file_move(next, folder));
    return feed_store_open(feed, folder, &feed->store);
}

/* What goes wrong halfway leaves no files, or whole ones: it begins as after a start. */
static enum err change_try(struct feed *feed, struct arena *arena)
{
    enum err err = OK;

    pthread_mutex_lock(&feed->lock);
    if (feed->holder_count == 0)
        err = change(feed, arena);
    if (err != OK) {
        feed->is_ready = false;
        feed->state = FEED_CLOSED;
        feed->filled_id = NONE;
    }
    pthread_mutex_unlock(&feed->lock);
    return err;
}

enum err feed_remake(struct feed *feed, struct arena *arena, bool *is_busy)
{
    struct copying copying = {.feed = feed};

    *is_busy = false;
    if (feed->remake.store == NULL)
        TRY(look(feed, arena));
    if (feed->remake.store == NULL)
        return OK;
    TRY(feed_read(feed, arena, copy_step, &copying));
    rows_cut(&copying);
    *is_busy = true;
    return copying.is.rows.count > 0 ? rows_take(feed, arena, &copying.is.rows)
                                     : change_try(feed, arena);
}
