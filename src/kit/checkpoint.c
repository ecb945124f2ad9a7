/* What commits left in SQLite's log goes into the file once nobody has written for a moment, so
 * that requests seldom wait for it. Always: under writing that never ends the commit that makes the
 * log too long moves it (host/db.h), seldom and much at once. */
#include "kit/kit_private.h"
#include "kit/worker.h"

#define WORTH_PAGES 1000 /* of the disk's time */
#define QUIET_MS 200

static int64_t due_ms(struct app *app)
{
    return atomic_load(&app->last_ms) + QUIET_MS;
}

void checkpoint_wake(struct app *app)
{
    int64_t page_count = db_log_pages(app->writer_db);
    int64_t moved_count = atomic_load(&app->moved_count);

    if (page_count < moved_count) /* it began anew */
        atomic_store(&app->moved_count, moved_count = 0);
    if (page_count - moved_count >= WORTH_PAGES)
        worker_wake_for(app->checkpoints, due_ms(app));
}

enum err checkpoint_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct db_log log;

    (void)arena;
    *next_ms = due_ms(app);
    if (worker_now_ms(app) < *next_ms)
        return OK;
    *next_ms = NONE;
    TRY(db_checkpoint(app->checkpoint_db, &log));
    atomic_store(&app->moved_count, log.moved_count);
    return OK;
}
