/* Following the journal into the engine, a step at a time. Always: events and people that a moment
 * shows are of one place of the journal, and all of it up to there; the engine's files are made
 * from the journal alone, so whatever is wrong with them is mended by beginning again; an event is
 * appended once, because its batch carries the journal's id. */
#include "manage/audience/feed_private.h"

#include "gen/feed.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/node.h"

#define FILL_PAGE 4000 /* customers a step */
#define LOG_BYTES ((int64_t)16 * 1024 * 1024)
#define LEASE "audience"
#define LEASE_MS 10000
#define LEASE_KEEP_MS 3000
#define WEEK_BASE_MS                                                                               \
    INT64_C(1767225600000) /* 2026-01-01: whose offset from UTC weeks are cut by                   \
                            */

/* ---- the files ------------------------------------------------------------------------------- */

struct str feed_folder(const struct feed *feed, struct arena *arena)
{
    return str_fmt(arena, "%.*s/engine", STR(app_config(feed->app)->data));
}

static void on_damaged(void *user, struct str file, const char *why)
{
    struct feed *feed = user;

    app_log(feed->app, "warn", "audience", "%.*s: %s", STR(file), why);
}

/* Brand's weeks begin on Monday; 1970 began on a Thursday. */
static uint32_t week_offset(const struct zone *zone)
{
    return (uint32_t)(3 * 86400 + zone_offset_ms(zone, WEEK_BASE_MS) / 1000);
}

enum err feed_store_open(struct feed *feed, struct str folder, struct store **out)
{
    struct store_options options = {.log_bytes = LOG_BYTES, .damaged = on_damaged, .user = feed};

    options.schema.week_offset = week_offset(feed->zone);
    options.schema.posting_kinds[options.schema.posting_count++] =
        (uint16_t)names_kind(&feed->names, S("order_paid"));
    return store_open(folder, &options, out);
}

static enum err store_begin(struct feed *feed, struct arena *arena)
{
    struct store *store = NULL;

    TRY(feed_store_open(feed, feed_folder(feed, arena), &store));
    pthread_mutex_lock(&feed->lock);
    feed->store = store;
    feed->cursor_id = store_position(store, FEED_JOURNAL);
    pthread_mutex_unlock(&feed->lock);
    return feed->cursor_id > 0 ? OK : feed_made_note(feed, arena, feed_folder(feed, arena));
}

/* From the first event again: nobody holds a snapshot, because nothing was shown yet. */
static enum err store_anew(struct feed *feed, struct arena *arena, const char *why)
{
    app_log(feed->app, "warn", "audience", "made anew from the journal: %s", why);
    if (feed->store)
        store_close(feed->store);
    feed->store = NULL;
    TRY(folder_remove(feed_folder(feed, arena)));
    return store_begin(feed, arena);
}

/* ---- begin ----------------------------------------------------------------------------------- */

enum err feed_read(struct feed *feed, struct arena *arena, app_command *step, void *user)
{
    struct fault fault = {0};
    struct app_own_read own = {feed->db, arena, &fault};
    enum err err;

    feed->page.arena = arena;
    err = app_read_own(feed->app, &own, step, user);
    if (err != OK)
        app_log(feed->app, "error", "audience", "%s: %.*s", fault.code ? fault.code : "",
                STR(fault.message));
    return err;
}

static enum err names_step(struct ctx *c, void *user)
{
    struct feed *feed = user;

    feed->zone = ctx_zone(c);
    return names_recall(c, &feed->names);
}

/* Every kind there is has a number before the first event, so that a query may name it. */
static enum err kinds_keep(struct feed *feed, struct arena *arena)
{
    struct names_new fresh;

    names_new_init(&fresh, &feed->names, arena);
    for (const struct event_kind *kind = app_config(feed->app)->kinds; kind->name; kind++)
        names_want(&fresh, arena, NOUN_KIND, str_of(kind->name));
    return names_keep(&fresh, feed->app, arena);
}

static enum err position_step(struct ctx *c, void *user)
{
    struct feed *feed = user;
    struct q_feed_journal_has_row row;

    TRY(q_feed_journal_has(c, feed->cursor_id, &row));
    feed->page.is_ours = feed->cursor_id == 0 || row.event_count == 1;
    return feed_gone_read(c, &feed->gone);
}

static enum err feed_open(struct feed *feed, struct arena *arena)
{
    bool is_recalled;
    enum err err;

    if (feed->db == NULL)
        TRY(app_reader(feed->app, feed->arena, &feed->db));
    TRY(feed_read(feed, arena, names_step, feed));
    TRY(kinds_keep(feed, arena));
    err = store_begin(feed, arena);
    if (err == E_CORRUPT)
        err = store_anew(feed, arena, "its log is damaged");
    TRY(err);
    TRY(feed_read(feed, arena, position_step, feed));
    if (!feed->page.is_ours)
        TRY(store_anew(feed, arena, "it is of another journal"));
    TRY(feed_recall(feed, arena, &is_recalled));
    feed->state = is_recalled ? FEED_CATCHING_UP : FEED_FILLING;
    return OK;
}

/* ---- people as they stand -------------------------------------------------------------------- */

static enum err fill_begin(struct ctx *c, struct feed *feed)
{
    struct q_feed_end_row end;
    bool is_changed;

    TRY(q_feed_end(c, &end));
    TRY(persons_attributes(c, &feed->persons, &is_changed));
    feed->people_id = end.event_id;
    feed->page.attribute_id = end.attribute_id;
    feed->filled_id = 0;
    feed->keep.zone = ctx_zone(c);
    return OK;
}

static enum err fill_step(struct ctx *c, void *user)
{
    struct feed *feed = user;
    struct persons_range range = {.from_customer_id = feed->filled_id};
    const struct q_feed_fill_to_row *row;
    struct list ids;

    if (feed->filled_id == NONE)
        TRY(fill_begin(c, feed));
    range.from_customer_id = feed->filled_id;
    TRY(q_feed_fill_to(c, feed->filled_id, FILL_PAGE, &ids));
    row = ids.at;
    feed->page.is_last = ids.count < FILL_PAGE;
    if (ids.count == 0)
        return OK;
    range.to_customer_id = row[ids.count - 1].id;
    TRY(persons_load(c, &feed->persons, &range));
    TRY(persons_tags_all(c, &feed->persons, &range));
    feed->filled_id = range.to_customer_id;
    return OK;
}

static enum err fill_page(struct feed *feed, struct arena *arena)
{
    TRY(feed_read(feed, arena, fill_step, feed));
    if (feed->page.is_last) {
        people_publish(feed->people);
        feed->persons.is_old = true;
        feed->state = FEED_FOLLOWING;
    }
    return OK;
}

/* ---- a page of the journal ------------------------------------------------------------------- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What questions may name. A new attribute is read for everybody: some may have had a value under
 * its name. So is everything when the days begin elsewhere: when things were is kept by days. */
static enum err words_renew(struct ctx *c, struct feed *feed)
{
    struct q_feed_end_row end;
    bool is_changed;

    TRY(q_feed_end(c, &end));
    TRY(q_feed_channels(c, feed->channel_id, &feed->page.channels));
    feed->page.channel_id = end.channel_id;
    feed->page.zone = ctx_zone(c);
    if (end.attribute_id == feed->page.attribute_id && feed->page.zone == feed->keep.zone)
        return OK;
    TRY(persons_attributes(c, &feed->persons, &is_changed));
    TRY(persons_load(c, &feed->persons, &(struct persons_range){.to_customer_id = INT64_MAX}));
    feed->page.attribute_id = end.attribute_id;
    feed->page.is_changed = true;
    return OK;
}

static bool has_kind(const struct list *rows, const char *kind)
{
    const struct q_feed_journal_row *row = rows->at;

    for (int64_t i = 0; i < rows->count; i++)
        if (str_is(row[i].kind, kind))
            return true;
    return false;
}

static enum err journal_step(struct ctx *c, void *user)
{
    struct feed *feed = user;
    struct feed_page *page = &feed->page;
    struct persons_range range = {.from_event_id = larger(feed->cursor_id, feed->people_id)};
    struct feed_rows rows;

    page->is_changed = false;
    TRY(words_renew(c, feed));
    TRY(feed_rows(c, &feed->gone, feed->cursor_id, &rows));
    page->rows = rows.rows;
    page->is_last = rows.is_last;
    if (page->rows.count == 0)
        return OK;
    page->last_id = ((const struct q_feed_journal_row *)page->rows.at)[page->rows.count - 1].id;
    range.to_event_id = page->last_id;
    if (page->last_id <= feed->people_id || rows.journal_count == 0) /* behaviours change nobody */
        return OK;
    TRY(persons_load(c, &feed->persons, &range));
    page->is_changed = true;
    return persons_tags(c, &feed->persons, &range);
}

/* One event on its way: the row and what its properties say. */
static const struct json *properties_read(struct arena *arena, struct str text)
{
    struct json *object = arena_new_one(arena, struct json);

    *object = (struct json){.type = JSON_OBJECT};
    if (text.at && (json_parse(arena, text, object, NULL) != OK || object->type != JSON_OBJECT))
        *object = (struct json){.type = JSON_OBJECT};
    return object;
}

static int column_find(struct str name)
{
    for (int i = COLUMN_SUBJECT + 1; i < COLUMN_COUNT; i++)
        if (str_eq(audience_columns[i].name, name))
            return i;
    return -1;
}

static struct str id_text(struct arena *arena, int64_t id)
{
    return str_fmt(arena, "%" PRId64, id);
}

static void row_names(struct names_new *fresh, struct arena *arena,
                      const struct q_feed_journal_row *row, const struct json *properties)
{
    names_want(fresh, arena, NOUN_KIND, row->kind);
    if (row->channel_id != NONE)
        names_want(fresh, arena, NOUN_CHANNEL, id_text(arena, row->channel_id));
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct json_member *member = &properties->members[i];
        int column = column_find(member->name);
        if (column >= 0 && member->value.type == JSON_STR &&
            audience_columns[column].type == VALUE_TEXT)
            names_want(fresh, arena, NOUN_COLUMN + column, member->value.text);
    }
}

static void value_add(struct feed_batch *batch, int column, int64_t value)
{
    if (value != NONE)
        batch->values[batch->value_count++] =
            (struct engine_value){.value = value, .column = (uint16_t)column};
}

static int64_t value_of(const struct names *names, int column, const struct json *value)
{
    if (audience_columns[column].type != VALUE_TEXT)
        return value->type == JSON_INT ? value->integer : NONE;
    if (value->type != JSON_STR)
        return NONE;
    return dictionary_find(names->nouns[NOUN_COLUMN + column], value->text);
}

static uint32_t second_of(int64_t ms)
{
    if (ms < 0)
        return 0;
    return ms / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ms / 1000);
}

static void event_add(const struct feed *feed, struct feed_batch *batch,
                      const struct q_feed_journal_row *row, const struct json *properties)
{
    int64_t channel = row->channel_id == NONE ? 0 : names_channel(&feed->names, row->channel_id);
    size_t first = batch->value_count;

    value_add(batch, COLUMN_AMOUNT, row->amount_fen);
    value_add(batch, COLUMN_SUBJECT, row->subject_id);
    for (uint32_t i = 0; i < properties->count; i++) {
        int column = column_find(properties->members[i].name);
        if (column >= 0)
            value_add(batch, column, value_of(&feed->names, column, &properties->members[i].value));
    }
    if (batch->value_count > first)
        batch->values[batch->value_count - 1].is_last = 1;
    batch->events[batch->count++] = (struct engine_event){
        .customer = (uint32_t)row->customer_number,
        .second = second_of(row->occurred_ms),
        .kind = (uint16_t)names_kind(&feed->names, row->kind),
        .channel = channel == NONE ? 0 : (uint16_t)channel,
        .value = batch->value_count > first ? (uint32_t)first : EVENTS_NO_VALUE,
    };
}

/* Of people who are gone nothing comes in again. */
static bool is_taken(const struct q_feed_journal_row *row)
{
    return row->customer_number != NONE && row->is_deleted == 0;
}

enum err feed_batch_make(struct feed *feed, struct arena *arena, const struct list *rows,
                         struct feed_batch *batch)
{
    const struct q_feed_journal_row *row = rows->at;
    size_t count = (size_t)rows->count;
    const struct json **properties = arena_new_array(arena, const struct json *, count + 1);
    size_t value_count = 0;
    struct names_new fresh;

    names_new_init(&fresh, &feed->names, arena);
    for (size_t i = 0; i < count; i++) {
        properties[i] = properties_read(arena, row[i].properties);
        value_count += 2 + properties[i]->count; /* amount, subject */
        if (is_taken(&row[i]))
            row_names(&fresh, arena, &row[i], properties[i]);
    }
    TRY(names_keep(&fresh, feed->app, arena));
    *batch =
        (struct feed_batch){.events = arena_new_array(arena, struct engine_event, count + 1),
                            .values = arena_new_array(arena, struct engine_value, value_count + 1)};
    for (size_t i = 0; i < count; i++)
        if (is_taken(&row[i]))
            event_add(feed, batch, &row[i], properties[i]);
    return OK;
}

/* A channel has its number before a definition or a question may name it. */
static enum err channels_keep(struct feed *feed, struct arena *arena)
{
    const struct q_feed_channels_row *row = feed->page.channels.at;
    struct names_new fresh;

    names_new_init(&fresh, &feed->names, arena);
    for (int64_t i = 0; i < feed->page.channels.count; i++)
        names_want(&fresh, arena, NOUN_CHANNEL, id_text(arena, row[i].id));
    return names_keep(&fresh, feed->app, arena);
}

static enum err page_show(struct feed *feed, const struct feed_batch *batch)
{
    struct store_batch taken = {
        .feed = FEED_JOURNAL,
        .position = feed->page.last_id,
        .events = {batch->events, batch->count, batch->values, batch->value_count}};
    enum err err = OK;
    uint64_t seq;

    pthread_mutex_lock(&feed->lock);
    if (batch->count > 0)
        err = store_append(feed->store, &taken, &seq);
    if (err == OK && feed->page.is_changed)
        people_publish(feed->people);
    if (err == OK && feed->page.rows.count > 0)
        feed->cursor_id = feed->page.last_id;
    if (err == OK) {
        feed->keep.zone = feed->page.zone;
        feed->attribute_id = feed->page.attribute_id;
        feed->channel_id = feed->page.channel_id;
        feed->field_count = feed->persons.field_count;
    }
    pthread_cond_broadcast(&feed->reached);
    pthread_mutex_unlock(&feed->lock);
    return err;
}

static enum err journal_page(struct feed *feed, struct arena *arena)
{
    struct feed_batch *batch = &feed->news.batch;

    if (!feed->names.is_known)
        TRY(feed_read(feed, arena, names_step, feed));
    TRY(feed_read(feed, arena, journal_step, feed));
    feed->news.is_defined = has_kind(&feed->page.rows, "segment_changed");
    TRY(channels_keep(feed, arena));
    TRY(feed_batch_make(feed, arena, &feed->page.rows, batch));
    TRY(page_show(feed, batch));
    feed->news.is_level = feed->page.is_last;
    return OK;
}

void feed_ready(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->is_ready = true;
    pthread_cond_broadcast(&feed->reached);
    pthread_mutex_unlock(&feed->lock);
}

/* ---- which node ------------------------------------------------------------------------------ */

struct leasing {
    bool is_ours;
};

static enum err lease_step(struct ctx *c, void *user)
{
    return lease_take(c, LEASE, LEASE_MS, &((struct leasing *)user)->is_ours);
}

/* Whoever had no lease for a while knows customers as they stood then: they are read again. */
static enum err lease_keep(struct feed *feed, struct arena *arena)
{
    struct leasing leasing = {.is_ours = true};
    int64_t now_ms = clock_mono_us() / 1000;

    if (feed->has_lease && (!feed->is_shared || now_ms < feed->lease_ms + LEASE_KEEP_MS))
        return OK;
    if (feed->is_shared)
        TRY(app_write(feed->app, arena, lease_step, &leasing, NULL));
    feed->lease_ms = now_ms;
    if (leasing.is_ours == feed->has_lease)
        return OK;
    pthread_mutex_lock(&feed->lock);
    feed->has_lease = leasing.is_ours;
    feed->is_ready = false;
    pthread_cond_broadcast(&feed->reached);
    pthread_mutex_unlock(&feed->lock);
    if (feed->state != FEED_CLOSED)
        feed->state = FEED_FILLING;
    feed->filled_id = NONE;
    feed->names.is_known = false;
    feed->news.is_anew = true;
    return OK;
}

enum err feed_step(struct feed *feed, struct arena *arena)
{
    feed->news = (struct feed_news){0};
    TRY(lease_keep(feed, arena));
    if (!feed->has_lease) {
        feed->news.wait_ms = LEASE_KEEP_MS;
        return OK;
    }
    if (feed->state == FEED_CLOSED)
        return feed_open(feed, arena);
    if (feed->state == FEED_FILLING)
        return fill_page(feed, arena);
    if (feed->state == FEED_CATCHING_UP)
        return feed_catch_up(feed, arena);
    return journal_page(feed, arena);
}

/* ---- begin and end --------------------------------------------------------------------------- */

void feed_init(struct feed *feed, struct app *app, struct arena *arena)
{
    feed->app = app;
    feed->arena = arena;
    feed->is_shared = app_config(app)->db.at != NULL;
    feed->filled_id = NONE;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->reached, NULL);
    names_init(&feed->names);
    bitmap_init(&feed->gone);
    feed->people = people_new();
    persons_begin(&feed->persons, feed->people, arena);
}

void feed_release(struct feed *feed)
{
    feed_remake_end(feed);
    if (feed->store)
        store_close(feed->store);
    if (feed->db)
        db_close(feed->db);
    people_free(feed->people);
    bitmap_release(&feed->gone);
    names_release(&feed->names);
    pthread_mutex_destroy(&feed->lock);
    pthread_cond_destroy(&feed->reached);
}
