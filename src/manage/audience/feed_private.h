/* The feed as the files of this folder see it. `lock` guards what questions read beside the thread. */
#pragma once

#include "engine/bitmap.h"
#include "kit/route.h"
#include "manage/audience/audience_private.h"

#include <pthread.h>

#define FEED_JOURNAL 0 /* the store's number of it */

enum feed_state { FEED_CLOSED, FEED_FILLING, FEED_CATCHING_UP, FEED_FOLLOWING };

struct feed_batch {
    struct engine_event *events;
    struct engine_value *values;
    size_t count, value_count;
};
/* What came with a step. The batch lives as long as the step's arena. */
struct feed_news {
    struct feed_batch batch;
    bool is_anew;     /* people are others now, or nobody followed them for a while */
    bool is_recalled; /* they are those that were kept, with their segments and lists */
    bool is_defined;  /* a definition changed */
    bool is_level;    /* all that there was is taken in */
    int64_t wait_ms;  /* before the next step; 0: none */
};
struct feed_page {
    struct arena *arena;
    struct list rows; /* of the journal */
    struct list channels; /* that came since */
    int64_t last_id, attribute_id, channel_id;
    const struct zone *zone;
    bool is_changed; /* people are to be shown anew */
    bool is_last; /* there was no more at that moment */
    bool is_ours; /* the position is in this journal */
};

/* The store made anew beside the one that answers. */
struct feed_remake {
    struct store *store; /* NULL: none is made */
    int64_t cursor_id;   /* of the journal: all up to it is in */
    int64_t looked_ms;   /* when it was last asked whether there is a need */
};

/* The file of people as they stood. */
struct feed_keep {
    struct worker *worker;
    const struct zone *zone; /* by which their days were cut */
    int64_t begun_ms;
    int64_t event_id; /* of the last that was written or taken; guarded by the feed's lock */
};

struct feed {
    struct app *app;
    struct arena *arena;
    struct worker *worker;
    bool is_shared;
    /* the thread's */
    enum feed_state state;
    struct db *db;
    struct names names;
    struct persons persons;
    struct people *people;
    const struct zone *zone;
    struct bitmap gone; /* numbers of people deleted before the files were begun: nothing of theirs comes in */
    int64_t filled_id; /* customers up to here are read; NONE: none yet */
    int64_t people_id; /* people are at least as this event found them */
    int64_t lease_ms;
    struct feed_page page;
    struct feed_news news;
    struct feed_remake remake;
    struct feed_keep keep;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t reached;
    struct store *store;
    int64_t cursor_id;    /* of the journal: all up to it is shown */
    int64_t attribute_id, channel_id; /* the newest that are known */
    int field_count;   /* attributes that questions may name */
    bool has_lease, is_ready, is_begun, is_stopping;
    int waiter_count, holder_count;
};

struct feed *audience_feed(struct app *app); /* audience.c; NULL: the program has no audience */

/* feed.c */
void feed_init(struct feed *feed, struct app *app, struct arena *arena);
void feed_release(struct feed *feed);
/* One step of opening, filling, catching up or following; feed->news says what came, also when it failed. */
enum err feed_step(struct feed *feed, struct arena *arena) MUST_USE;
void feed_ready(struct feed *feed); /* level, and what segments and lists are is known: questions may see it */
enum err feed_read(struct feed *feed, struct arena *arena, app_command *step, void *user) MUST_USE;
enum err feed_store_open(struct feed *feed, struct str folder, struct store **out) MUST_USE;
struct str feed_folder(const struct feed *feed, struct arena *arena);
enum err feed_batch_make(struct feed *feed, struct arena *arena, const struct list *rows, struct feed_batch *batch) MUST_USE;

/* feed_rows.c: what was committed behind an id of the journal, rows and behaviours, in order; of people in `gone` (numbers) it says
 * that they are deleted. */
struct feed_rows {
    struct list rows; /* struct q_feed_journal_row */
    int64_t journal_count;
    bool is_last; /* there was no more at that moment */
};
enum err feed_rows(struct ctx *c, const struct bitmap *gone, int64_t after_id, struct feed_rows *out) MUST_USE;
enum err feed_gone_read(struct ctx *c, struct bitmap *gone) MUST_USE;

/* feed_remake.c: what the base has no more (deleted people, behaviours past their time) leaves the engine's files within a day.
 * One page; *is_busy: there is more to do at once. */
enum err feed_remake(struct feed *feed, struct arena *arena, bool *is_busy) MUST_USE;
void feed_remake_end(struct feed *feed);
enum err feed_made_note(struct feed *feed, struct arena *arena, struct str folder) MUST_USE; /* made as of now */

/* feed_keep.c: people over restarts. */
enum err feed_recall(struct feed *feed, struct arena *arena, bool *is_recalled) MUST_USE; /* before anything is shown */
enum err feed_catch_up(struct feed *feed, struct arena *arena) MUST_USE; /* one page of what happened since; then it follows */
enum err feed_keep(struct feed *feed, struct arena *arena) MUST_USE;
enum err feed_keep_page(struct app *app, struct arena *arena, int64_t *next_ms) MUST_USE;

/* moment.c. NONE: as long as a question waits. */
enum err audience_hold_within(struct ctx *c, int64_t patience_ms, struct audience_moment *out) MUST_USE;

/* definition.c: what may be named. The sets there are, as the ctx sees them; then kinds and attributes as the feed knows them,
 * without its lock: the request's memory may end there. */
enum err definition_sets(struct ctx *c, struct catalog *catalog) MUST_USE;
void definition_words(struct ctx *c, struct feed *feed, struct catalog *catalog);
const struct list *definition_tags(const struct catalog *catalog); /* struct q_definition_tags_row */
