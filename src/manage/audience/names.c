/* Numbers for names: kinds, channels, texts of columns. Always: a name's number is in the base
 * before an event uses it and never changes; the dictionaries in memory have only what was
 * committed. */
#include <stdio.h>

#include "gen/name.q.h"
#include "manage/audience/audience_private.h"

#define PAGE 2000
#define CHANNEL_MAX 65534
#define WORD_MAX 100000 /* texts of a column; what comes later counts as missing */
#define NAME_BYTES_MAX 512

const struct catalog_field audience_columns[COLUMN_COUNT] = {
    [COLUMN_AMOUNT] = {S("amount"), VALUE_MONEY},
    [COLUMN_SUBJECT] = {S("subject"), VALUE_ID},
    {S("url"), VALUE_TEXT},
    {S("referrer"), VALUE_TEXT},
    {S("label"), VALUE_TEXT},
    {S("duration_ms"), VALUE_NUMBER},
    {S("product_code"), VALUE_TEXT},
    {S("quantity_count"), VALUE_NUMBER},
    {S("price_fen"), VALUE_MONEY},
    {S("content_code"), VALUE_TEXT},
    {S("target"), VALUE_TEXT},
    {S("code"), VALUE_TEXT},
    {S("carrier"), VALUE_TEXT},
    {S("done_count"), VALUE_NUMBER},
    {S("reason"), VALUE_TEXT},
    {S("purpose"), VALUE_TEXT},
};

static struct str noun_name(int noun)
{
    if (noun == NOUN_KIND)
        return S("kind");
    if (noun == NOUN_CHANNEL)
        return S("channel");
    return audience_columns[noun - NOUN_COLUMN].name;
}

void names_init(struct names *names)
{
    *names = (struct names){0};
    for (int noun = 0; noun < NOUN_COUNT; noun++)
        if (noun < NOUN_COLUMN || audience_columns[noun - NOUN_COLUMN].type == VALUE_TEXT)
            names->nouns[noun] = dictionary_new();
}

void names_release(struct names *names)
{
    for (int noun = 0; noun < NOUN_COUNT; noun++)
        dictionary_free(names->nouns[noun]);
}

static int noun_find(struct str name)
{
    for (int noun = 0; noun < NOUN_COUNT; noun++)
        if (str_eq(noun_name(noun), name))
            return noun;
    return -1;
}

/* Codes come in their order; those that are known already stay. */
static enum err row_recall(struct ctx *c, struct names *names,
                           const struct q_engine_name_page_row *row)
{
    int noun = noun_find(row->noun);

    if (noun < 0 || names->nouns[noun] == NULL ||
        dictionary_add(names->nouns[noun], row->name) != row->code_number)
        return fail(c, E_CORRUPT, "audience.names", "the name %.*s of a %.*s is out of its order",
                    STR(row->name), STR(row->noun));
    return OK;
}

enum err names_recall(struct ctx *c, struct names *names)
{
    const struct q_engine_name_page_row *row;
    struct str noun = S("");
    int64_t code = NONE;
    struct list page;

    do {
        TRY(q_engine_name_page(c, noun, code, PAGE, &page));
        row = page.at;
        for (int64_t i = 0; i < page.count; i++)
            TRY(row_recall(c, names, &row[i]));
        if (page.count > 0) {
            noun = row[page.count - 1].noun;
            code = row[page.count - 1].code_number;
        }
    } while (page.count == PAGE);
    names->is_known = true;
    return OK;
}

/* ---- new ones -------------------------------------------------------------------------------- */

struct name {
    int noun;
    struct str text;
};

void names_new_init(struct names_new *fresh, struct names *names, struct arena *arena)
{
    *fresh = (struct names_new){.names = names, .seen = map_new(arena, 64)};
    for (int noun = 0; noun < NOUN_COUNT; noun++)
        fresh->noun_count[noun] = names->nouns[noun] ? dictionary_count(names->nouns[noun]) : 0;
}

void names_want(struct names_new *fresh, struct arena *arena, int noun, struct str text)
{
    struct dictionary *dictionary = fresh->names->nouns[noun];
    int64_t max = noun == NOUN_CHANNEL ? CHANNEL_MAX : WORD_MAX;
    bool is_new;

    if (text.len > NAME_BYTES_MAX || fresh->noun_count[noun] >= max ||
        dictionary_find(dictionary, text) != NONE)
        return;
    (void)map_slot(fresh->seen, str_fmt(arena, "%d %.*s", noun, STR(text)), &is_new);
    if (!is_new)
        return;
    fresh->noun_count[noun]++;
    *(struct name *)list_add(arena, &fresh->list, &fresh->cap_count, sizeof(struct name)) =
        (struct name){noun, text};
}

static enum err keep_step(struct ctx *c, void *user)
{
    const struct names_new *fresh = user;
    const struct name *name = fresh->list.at;
    struct q_engine_name_add_in *rows =
        arena_new_array(c->arena, struct q_engine_name_add_in, (size_t)fresh->list.count);
    int64_t codes[NOUN_COUNT];

    for (int noun = 0; noun < NOUN_COUNT; noun++)
        codes[noun] = fresh->names->nouns[noun] ? dictionary_count(fresh->names->nouns[noun]) : 0;
    for (int64_t i = 0; i < fresh->list.count; i++)
        rows[i] = (struct q_engine_name_add_in){noun_name(name[i].noun), codes[name[i].noun]++,
                                                name[i].text};
    return q_engine_name_add(c, rows, fresh->list.count, NULL);
}

/* When another node was quicker its names are read first, and the page is tried again. */
enum err names_keep(struct names_new *fresh, struct app *app, struct arena *arena)
{
    const struct name *name = fresh->list.at;

    if (fresh->list.count == 0)
        return OK;
    fresh->names->is_known = false;
    TRY(app_write(app, arena, keep_step, fresh, NULL));
    for (int64_t i = 0; i < fresh->list.count; i++)
        must(dictionary_add(fresh->names->nouns[name[i].noun], name[i].text) != NONE);
    fresh->names->is_known = true;
    return OK;
}

int64_t names_kind(const struct names *names, struct str kind)
{
    int64_t code = dictionary_find(names->nouns[NOUN_KIND], kind);

    return code == NONE ? NONE : code + 1;
}

int64_t names_channel(const struct names *names, int64_t channel_id)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, channel_id);
    int64_t code = dictionary_find(names->nouns[NOUN_CHANNEL], (struct str){text, (size_t)len});

    return code == NONE ? NONE : code + 1;
}
