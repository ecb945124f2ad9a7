/* People kept over restarts: a file of them as they stood at a place of the journal. Always: the
 * file is taken only where the base has that very event, the same attributes and the same days, and
 * whoever later events name is read again, as when they are followed; whatever is wrong with it,
 * everybody is read as they stand. */
#include "engine/checksum.h"
#include "gen/feed.q.h"
#include "host/file.h"
#include "manage/audience/feed_private.h"

#define PAGE 2000
#define KEEP_MS INT64_C(600000)
#define ZONE_DAYS 40000 /* whose bounds tell zones apart; a week between them */

static struct str people_path(const struct feed *feed, struct arena *arena)
{
    return str_fmt(arena, "%.*s/people", STR(feed_folder(feed, arena)));
}

/* ---- what the file is of --------------------------------------------------------------------- */

static uint64_t zone_mark(const struct zone *zone)
{
    int64_t starts[ZONE_DAYS / 7];

    for (int i = 0; i < ZONE_DAYS / 7; i++)
        starts[i] = zone_day_start(zone, i * INT64_C(7));
    return checksum_of(starts, sizeof(starts));
}

/* The event up to which people are known, how days are cut, and what their attributes are. */
static enum err note_make(struct ctx *c, const struct feed *feed, int64_t event_id, struct buf *out)
{
    const struct persons *persons = &feed->persons;
    struct q_feed_event_row row;

    TRY(q_feed_event(c, event_id, &row));
    buf_fmt(out, "%" PRId64 " %" PRId64 " %" PRId64 " %.*s %" PRIx64, event_id, row.occurred_ms,
            row.customer_id, STR(row.kind), zone_mark(feed->keep.zone));
    for (int i = 0; i < feed->field_count; i++)
        buf_fmt(out, "\n%d %.*s %.*s", (int)persons->fields[i].type, STR(persons->fields[i].name),
                STR(persons->members[i]));
    return OK;
}

/* ---- taking ---------------------------------------------------------------------------------- */

struct recall {
    struct ctx *c;
    struct feed *feed;
    int64_t event_id;
    enum err err;
};

static bool note_fits(void *user, struct str note)
{
    struct recall *recall = user;
    struct str first, rest;
    struct buf wanted;
    bool is_same;

    if (!str_cut(note, ' ', &first, &rest) || !str_to_int(first, &recall->event_id))
        return false;
    buf_init(&wanted, (size_t)1 << 20);
    is_same = note_make(recall->c, recall->feed, recall->event_id, &wanted) == OK &&
              str_eq(buf_view(&wanted), note);
    buf_release(&wanted);
    return is_same;
}

static void people_change(struct feed *feed, struct people *people)
{
    struct people *old = feed->people;

    feed->people = people;
    feed->persons.people = people;
    feed->news.is_anew = true;
    people_free(old);
}

static enum err recall_step(struct ctx *c, void *user)
{
    struct recall *recall = user;
    struct feed *feed = recall->feed;
    struct people *people = people_new();
    struct q_feed_end_row end;
    bool is_changed;

    recall->c = c;
    TRY(q_feed_end(c, &end));
    TRY(persons_attributes(c, &feed->persons, &is_changed));
    feed->keep.zone = ctx_zone(c);
    feed->page.attribute_id = end.attribute_id;
    feed->field_count = feed->persons.field_count;
    for (int i = 0; i < feed->field_count; i++)
        people_attribute(people, i, feed->persons.fields[i].type);
    recall->err = people_file_read(people, people_path(feed, c->arena), note_fits, recall);
    if (recall->err == OK)
        people_change(feed, people);
    else
        people_free(people);
    return OK;
}

enum err feed_recall(struct feed *feed, struct arena *arena, bool *is_recalled)
{
    struct recall recall = {.feed = feed};

    TRY(feed_read(feed, arena, recall_step, &recall));
    *is_recalled = recall.err == OK;
    if (recall.err != OK && recall.err != E_NOT_FOUND)
        app_log(feed->app, "warn", "audience", "kept people are read anew: %s",
                recall.err == E_CONFLICT ? "they are of another place" : "their file is damaged");
    if (recall.err != OK)
        return OK;
    feed->people_id = recall.event_id;
    pthread_mutex_lock(&feed->lock);
    feed->keep.event_id = recall.event_id;
    pthread_mutex_unlock(&feed->lock);
    feed->persons.is_old = true;
    feed->news.is_recalled = true;
    return OK;
}

/* ---- what happened since --------------------------------------------------------------------- */

/* Who came into a segment and who went out, which no other reading tells. */
static void facts_take(struct feed *feed, const struct list *rows)
{
    const struct q_feed_journal_row *row = rows->at;

    for (int64_t i = 0; i < rows->count; i++) {
        bool is_in = str_is(row[i].kind, "segment_entered");

        if ((is_in || str_is(row[i].kind, "segment_left")) && row[i].customer_number != NONE &&
            row[i].is_deleted == 0)
            people_set(feed->people, SET_SEGMENT, row[i].subject_id,
                       (uint32_t)row[i].customer_number, is_in);
    }
}

static enum err catch_step(struct ctx *c, void *user)
{
    struct feed *feed = user;
    struct persons_range range = {.from_event_id = feed->people_id};
    struct list rows;

    TRY(q_feed_journal(c, feed->people_id, PAGE, &rows));
    feed->page.is_last = rows.count < PAGE;
    if (rows.count == 0)
        return OK;
    range.to_event_id = ((const struct q_feed_journal_row *)rows.at)[rows.count - 1].id;
    TRY(persons_load(c, &feed->persons, &range));
    TRY(persons_tags(c, &feed->persons, &range));
    facts_take(feed, &rows);
    feed->people_id = range.to_event_id;
    return OK;
}

enum err feed_catch_up(struct feed *feed, struct arena *arena)
{
    TRY(feed_read(feed, arena, catch_step, feed));
    if (feed->page.is_last) {
        people_publish(feed->people);
        feed->state = FEED_FOLLOWING;
    }
    return OK;
}

/* ---- keeping --------------------------------------------------------------------------------- */

struct keeping {
    struct feed *feed;
    const struct people_view *view; /* NULL: nothing is new */
    const struct zone *zone;        /* whose days it has */
    int64_t event_id;
    struct buf note;
};

static enum err note_step(struct ctx *c, void *user)
{
    struct keeping *keeping = user;
    enum err err;

    pthread_mutex_lock(&keeping->feed->lock);
    err = keeping->zone == keeping->feed->keep.zone
              ? note_make(c, keeping->feed, keeping->event_id, &keeping->note)
              : E_NOT_FOUND;
    pthread_mutex_unlock(&keeping->feed->lock);
    return err;
}

/* It counts among those who hold a moment: the folder it writes into stays where it is. */
static void keeping_begin(struct keeping *keeping)
{
    struct feed *feed = keeping->feed;

    buf_init(&keeping->note, (size_t)1 << 20);
    pthread_mutex_lock(&feed->lock);
    keeping->event_id = feed->cursor_id;
    keeping->zone = feed->keep.zone;
    if (feed->is_ready && feed->cursor_id > 0 && feed->cursor_id != feed->keep.event_id)
        keeping->view = people_hold(feed->people);
    feed->holder_count += keeping->view != NULL;
    pthread_mutex_unlock(&feed->lock);
}

enum err feed_keep(struct feed *feed, struct arena *arena)
{
    struct keeping keeping = {.feed = feed};
    enum err err = OK;

    keeping_begin(&keeping);
    if (keeping.view != NULL) {
        err = app_read(feed->app, arena, note_step, &keeping, NULL);
        if (err == E_NOT_FOUND) /* the journal went back, or forgot it; or days changed */
            err = OK;
        else if (err == OK)
            err =
                people_file_write(keeping.view, buf_view(&keeping.note), people_path(feed, arena));
        people_release(feed->people, keeping.view);
        pthread_mutex_lock(&feed->lock);
        feed->keep.event_id = err == OK ? keeping.event_id : feed->keep.event_id;
        feed->holder_count--;
        pthread_mutex_unlock(&feed->lock);
    }
    buf_release(&keeping.note);
    return err;
}

enum err feed_keep_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct feed *feed = audience_feed(app);
    bool is_first = feed->keep.begun_ms == 0;

    feed->keep.begun_ms = worker_now_ms(app);
    *next_ms = feed->keep.begun_ms + KEEP_MS;
    return is_first ? OK : feed_keep(feed, arena);
}
