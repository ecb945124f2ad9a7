/* What queries may name, and queries that are read where they are kept: on the writer, which waits
 * for nobody. Always: what may be named is what the base has at that moment; the kinds and
 * attributes are those the engine knows. */
#include <stdlib.h>

#include "gen/definition.q.h"
#include "host/file.h"
#include "manage/audience/feed_private.h"
#include "manage/audience/question.h"
#include "manage/setting/setting.h"

struct names_of {
    struct ctx *c;
    struct feed *feed;
    struct list tags, channels, segments;
};

/* Days begin at the brand's hour wherever they are. */
static const struct zone *zone_find(void *user, struct arena *arena, struct str name)
{
    const struct names_of *of = user;
    const struct zone *zone = NULL;

    return zone_shared(arena, name, &zone) == OK ? zone_with_days_of(arena, zone, ctx_zone(of->c))
                                                 : NULL;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    const struct names_of *of = user;
    const struct q_definition_tags_row *tag = of->tags.at;
    const struct q_definition_segments_row *segment = of->segments.at;

    for (int64_t i = 0; kind == SET_TAG && i < of->tags.count; i++)
        if (tag[i].id == id)
            return true;
    for (int64_t i = 0; kind != SET_TAG && i < of->segments.count; i++)
        if (segment[i].id == id && segment[i].is_static == (kind == SET_LIST))
            return true;
    return false;
}

/* One that was made just now has no number yet. */
static bool channel_find(void *user, int64_t id, int64_t *number)
{
    const struct names_of *of = user;
    const struct q_definition_channels_row *channel = of->channels.at;

    *number = names_channel(&of->feed->names, id);
    for (int64_t i = 0; *number == NONE && i < of->channels.count; i++)
        if (channel[i].id == id)
            return true;
    return *number != NONE;
}

/* AIPL over a year. What a customer had to do for it; who bought often enough is loyal. */
static enum err stages(void *user, struct str *out)
{
    static const char year[] = "\"within\":{\"last\":{\"days\":365}}";
    const struct names_of *of = user;
    int64_t loyal_order_count;

    TRY(setting_int(of->c, "loyal_order_count", &loyal_order_count));
    *out = str_fmt(
        of->c->arena,
        "[{\"name\":\"aware\",\"who\":{\"did\":{\"kind\":[\"customer_added\",\"page_viewed\","
        "\"link_clicked\",\"content_viewed\",\"live_watched\",\"invite_accepted\"],%s}}},"
        "{\"name\":\"interest\",\"who\":{\"did\":{\"kind\":[\"product_viewed\",\"added_to_cart\","
        "\"content_shared\",\"form_submitted\",\"message_replied\",\"checked_in\",\"friend_added\","
        "\"official_followed\",\"member_registered\"],%s}}},"
        "{\"name\":\"purchase\",\"who\":{\"did\":{\"kind\":\"order_paid\",%s}}},"
        "{\"name\":\"loyal\",\"who\":{\"did\":{\"kind\":\"order_paid\",%s},\"at_least\":%" PRId64
        "}}]",
        year, year, year, year, loyal_order_count);
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct catalog_kind *)a)->name, ((const struct catalog_kind *)b)->name);
}

static void kinds_fill(struct ctx *c, const struct feed *feed, struct catalog *catalog)
{
    const struct dictionary *names = feed->names.nouns[NOUN_KIND];
    int64_t count = dictionary_count(names);
    struct catalog_kind *kinds = arena_new_array(c->arena, struct catalog_kind, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        kinds[i] = (struct catalog_kind){dictionary_text(names, i), (uint16_t)(i + 1)};
    qsort(kinds, (size_t)count, sizeof *kinds, by_name);
    catalog->kinds = kinds;
    catalog->kind_count = (int)count;
}

enum err definition_sets(struct ctx *c, struct catalog *catalog)
{
    struct names_of *of = arena_new_one(c->arena, struct names_of);

    of->c = c;
    of->feed = audience_feed(c->app);
    *catalog = (struct catalog){.columns = audience_columns,
                                .column_count = COLUMN_COUNT,
                                .zone = ctx_zone(c),
                                .zone_find = zone_find,
                                .set_find = set_find,
                                .channel_find = channel_find,
                                .stages = stages,
                                .user = of};
    TRY(q_definition_tags(c, &of->tags));
    TRY(q_definition_channels(c, &of->channels));
    return q_definition_segments(c, &of->segments);
}

const struct list *definition_tags(const struct catalog *catalog)
{
    return &((const struct names_of *)catalog->user)->tags;
}

void definition_words(struct ctx *c, struct feed *feed, struct catalog *catalog)
{
    kinds_fill(c, feed, catalog);
    pthread_mutex_lock(&feed->lock);
    catalog->attributes = feed->persons.fields;
    catalog->attribute_count = feed->field_count;
    pthread_mutex_unlock(&feed->lock);
}

enum err definition_catalog(struct ctx *c, struct catalog *catalog)
{
    struct feed *feed = audience_feed(c->app);
    bool is_ready;

    TRY(definition_sets(c, catalog));
    pthread_mutex_lock(&feed->lock);
    is_ready = feed->is_ready;
    pthread_mutex_unlock(&feed->lock);
    definition_words(c, feed, catalog);
    return is_ready
               ? OK
               : fail(c, E_BUSY, "audience.filling", "the engine is being filled; try again soon");
}

enum err definition_query(struct ctx *c, const struct catalog *catalog, struct str text,
                          const char *place, struct query *out)
{
    struct query_fault fault = {0};
    enum err err = query_read(c->arena, catalog, text, out, &fault);

    if (err != E_INPUT)
        return err;
    if (place[0] == '\0') /* of the text alone: without its stroke */
        fault.path = str_sub(fault.path, 1, fault.path.len);
    return fail_at(c, fault.code, str_fmt(c->arena, "%s%.*s", place, STR(fault.path)), "%.*s",
                   STR(fault.message));
}
