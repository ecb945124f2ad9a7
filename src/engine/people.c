/* What is known of customers besides events. Memory is pieces: pages of values, sets, tables, each
 * reached from the view alone. Always: a piece that a published view reaches never changes; the
 * writer copies it first, and what a version no longer needs is retired with that version's number
 * and given back once no older view is held. So a publication costs the pieces that changed. */
#include "engine/people_private.h"

#include <stdalign.h>

#define PIECE_MAX ((size_t)1 << 31)
#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define FIRST_CAP 16

/* Stands before its data, of which pointers lead to it. */
struct piece {
    alignas(16) struct buf memory; /* this one's own */
    struct piece *next;
    size_t bytes; /* of the data */
    int64_t born, retired;
    bool is_bitmap;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static struct piece *piece_of(void *data)
{
    return (struct piece *)data - 1;
}

static void *piece_new(const struct people *people, size_t bytes)
{
    struct piece *piece;
    struct buf memory;

    buf_init(&memory, PIECE_MAX);
    piece = (struct piece *)(void *)buf_room(&memory, sizeof(*piece) + bytes);
    must(piece != NULL);
    memset(piece, 0, sizeof(*piece) + bytes);
    piece->memory = memory;
    piece->bytes = bytes;
    piece->born = people->now.version;
    return piece + 1;
}

static struct bitmap *set_new(const struct people *people)
{
    struct bitmap *bitmap = piece_new(people, sizeof(*bitmap));

    bitmap_init(bitmap);
    piece_of(bitmap)->is_bitmap = true;
    return bitmap;
}

static void piece_free(void *data)
{
    struct piece *piece = piece_of(data);
    struct buf memory = piece->memory;

    if (piece->is_bitmap)
        bitmap_release(data);
    buf_release(&memory);
}

static void piece_retire(struct people *people, void *data)
{
    struct piece *piece = piece_of(data);

    piece->retired = people->now.version;
    piece->next = people->retired;
    people->retired = piece;
}

static bool is_own(const struct people *people, void *data)
{
    return piece_of(data)->born == people->now.version;
}

/* With room for so many bytes: the same piece while nobody else can see it and it is large enough.
 */
static void *piece_grown(struct people *people, void *data, size_t bytes)
{
    size_t had = data ? piece_of(data)->bytes : 0;
    void *copy;

    if (data && bytes <= had && is_own(people, data))
        return data;
    copy = piece_new(people, bytes > had ? bytes : had);
    if (had > 0)
        memcpy(copy, data, had);
    if (data)
        piece_retire(people, data);
    return copy;
}

static void *piece_own(struct people *people, void *data)
{
    return piece_grown(people, data, piece_of(data)->bytes);
}

struct bitmap *people_bitmap_own(struct people *people, struct bitmap *bitmap)
{
    const struct bitmap *one = bitmap;
    struct bitmap *copy;

    if (is_own(people, bitmap))
        return bitmap;
    copy = set_new(people);
    bitmap_combine(&(struct bitmap_terms){.any = &one, .any_count = 1}, copy);
    piece_retire(people, bitmap);
    return copy;
}

/* false: it was so already, and nothing was copied. */
static bool set_put(struct people *people, struct bitmap **at, uint32_t number, bool is_in)
{
    if (bitmap_has(*at, number) == is_in)
        return false;
    *at = people_bitmap_own(people, *at);
    return is_in ? bitmap_add(*at, number) : bitmap_remove(*at, number);
}

/* Room in a table for one more; a half more than is asked for, so that growing costs little. */
static void *table_room(struct people *people, void *table, size_t count, size_t item_bytes)
{
    size_t had = table ? piece_of(table)->bytes / item_bytes : 0;
    size_t cap = count < had ? had : count + count / 2 + FIRST_CAP;

    return piece_grown(people, table, cap * item_bytes);
}

/* ---- who is told ----------------------------------------------------------------------------- */

void people_watched(struct people *people, people_watch *watch, void *user)
{
    people->watch = watch;
    people->watch_user = user;
}

static void tell(const struct people *people, struct people_change change)
{
    if (people->watch)
        people->watch(people->watch_user, &change);
}

static void tell_record(const struct people *people, uint32_t number)
{
    tell(people, (struct people_change){.what = PEOPLE_RECORD, .number = number});
}

static void tell_attribute(const struct people *people, uint32_t number, int attribute)
{
    tell(people, (struct people_change){
                     .what = PEOPLE_ATTRIBUTE, .number = number, .attribute = attribute});
}

/* ---- who there is ---------------------------------------------------------------------------- */

static uint32_t shard_of(uint32_t number)
{
    return number / SHARD_NUMBERS;
}

void people_shards_reach(struct people *people, uint32_t number)
{
    struct people_view *now = &people->now;

    if (now->max <= number)
        now->max = number + 1;
    if (now->shard_count > shard_of(number))
        return;
    now->shard_count = shard_of(number) + 1;
    now->links = table_room(people, now->links, now->shard_count, sizeof(*now->links));
}

static struct link link_get(const struct people_view *view, uint32_t number)
{
    uint32_t shard = shard_of(number);

    if (shard >= view->shard_count || view->links[shard] == NULL)
        return (struct link){number, number};
    return view->links[shard][number % SHARD_NUMBERS];
}

static struct link *link_own(struct people *people, uint32_t number)
{
    struct people_view *now = &people->now;
    uint32_t shard = shard_of(number);
    struct link *page;

    now->links = piece_own(people, now->links);
    page = now->links[shard];
    if (page == NULL) {
        page = piece_new(people, SHARD_NUMBERS * sizeof(*page));
        for (uint32_t i = 0; i < SHARD_NUMBERS; i++)
            page[i] = (struct link){shard * SHARD_NUMBERS + i, shard * SHARD_NUMBERS + i};
    }
    now->links[shard] = page = piece_own(people, page);
    return &page[number % SHARD_NUMBERS];
}

void people_add(struct people *people, uint32_t number)
{
    people_shards_reach(people, number);
    if (!set_put(people, &people->now.there, number, true))
        return;
    tell_record(people, number);
    if (link_get(&people->now, number).kept == number)
        set_put(people, &people->now.all, number, true);
}

static void is_joined_put(struct people *people, uint32_t number)
{
    set_put(people, &people->now.joined, number, link_get(&people->now, number).next != number);
}

/* Out of its ring. */
static void ring_leave(struct people *people, uint32_t number)
{
    uint32_t next = link_get(&people->now, number).next, before = next;

    if (next == number)
        return;
    while (link_get(&people->now, before).next != number)
        before = link_get(&people->now, before).next;
    link_own(people, before)->next = next;
    link_own(people, number)->next = number;
    is_joined_put(people, before);
    is_joined_put(people, number);
}

void people_link(struct people *people, uint32_t number, uint32_t kept)
{
    people_shards_reach(people, number > kept ? number : kept);
    if (link_get(&people->now, number).kept == kept)
        return;
    /* Or the record would come into the ring that its person is about to leave. */
    if (number != kept)
        people_link(people, kept, kept);
    tell_record(people, link_get(&people->now, number).kept);
    tell_record(people, number);
    tell_record(people, kept);
    ring_leave(people, number);
    link_own(people, number)->kept = kept;
    if (number != kept) {
        uint32_t next = link_get(&people->now, kept).next;
        link_own(people, number)->next = next;
        link_own(people, kept)->next = number;
        is_joined_put(people, kept);
        is_joined_put(people, number);
    }
    set_put(people, &people->now.all, number,
            number == kept && bitmap_has(people->now.there, number));
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* Where the set is, or would stand. */
static size_t set_place(const struct sets *sets, int64_t id)
{
    size_t low = 0, high = sets->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sets->at[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool set_is(const struct sets *sets, size_t place, int64_t id)
{
    return place < sets->count && sets->at[place].id == id;
}

struct bitmap **people_set_own(struct people *people, enum set_kind kind, int64_t id)
{
    struct sets *sets = &people->now.sets[kind];
    size_t place = set_place(sets, id);

    sets->at = table_room(people, sets->at, sets->count + 1, sizeof(*sets->at));
    if (!set_is(sets, place, id)) {
        memmove(&sets->at[place + 1], &sets->at[place], (sets->count - place) * sizeof(*sets->at));
        sets->at[place] = (struct set){id, set_new(people)};
        sets->count++;
    }
    return &sets->at[place].members;
}

void people_set(struct people *people, enum set_kind kind, int64_t id, uint32_t number, bool is_in)
{
    if (people_is_member(&people->now, kind, id, number) == is_in)
        return;
    set_put(people, people_set_own(people, kind, id), number, is_in);
    tell(people,
         (struct people_change){.what = PEOPLE_SET, .number = number, .set = kind, .id = id});
}

void people_set_all(struct people *people, enum set_kind kind, uint32_t number, const int64_t *ids,
                    size_t count)
{
    const struct sets *sets = &people->now.sets[kind];
    size_t next = 0;

    for (size_t i = 0; i < sets->count; i++) {
        while (next < count && ids[next] < sets->at[i].id)
            next++;
        people_set(people, kind, sets->at[i].id, number,
                   next < count && ids[next] == sets->at[i].id);
    }
    for (size_t i = 0; i < count; i++)
        people_set(people, kind, ids[i], number, true);
}

void people_drop_set(struct people *people, enum set_kind kind, int64_t id)
{
    struct sets *sets = &people->now.sets[kind];
    size_t place = set_place(sets, id);

    if (!set_is(sets, place, id))
        return;
    piece_retire(people, sets->at[place].members);
    sets->at = piece_own(people, sets->at);
    sets->count--;
    memmove(&sets->at[place], &sets->at[place + 1], (sets->count - place) * sizeof(*sets->at));
}

/* ---- attributes ------------------------------------------------------------------------------ */

static bool has_texts(enum value_type type)
{
    return type == VALUE_TEXT || type == VALUE_CHOICES;
}

static void column_drop(struct people *people, int attribute)
{
    struct column *column = people->now.columns[attribute];

    if (column == NULL)
        return;
    for (uint32_t i = 0; i < column->face.shard_count; i++)
        if (column->pages[i])
            piece_retire(people, column->pages[i]);
    for (int i = 0; i < column->face.text_count; i++)
        piece_retire(people, column->members[i]);
    if (column->pages)
        piece_retire(people, column->pages);
    if (column->texts) {
        piece_retire(people, column->texts);
        piece_retire(people, column->members);
    }
    piece_retire(people, column->has);
    piece_retire(people, column);
    people->now.columns[attribute] = NULL;
    people->codes[attribute] = NULL;
}

void people_attribute(struct people *people, int attribute, enum value_type type)
{
    must(attribute >= 0 && attribute < CATALOG_ATTRIBUTE_MAX);
    if (people->types[attribute] != type)
        column_drop(people, attribute);
    people->types[attribute] = type;
}

/* Readers' pointers follow the writer's. */
void people_column_face(struct column *column)
{
    column->face.has = column->has;
    column->face.values = (const int64_t *const *)column->pages;
    column->face.texts = column->texts;
    column->face.members = (const struct bitmap *const *)column->members;
}

struct column *people_column_own(struct people *people, int attribute)
{
    struct column **at = &people->now.columns[attribute];

    if (*at) {
        *at = piece_own(people, *at);
        return *at;
    }
    *at = piece_new(people, sizeof(**at));
    (*at)->face.type = people->types[attribute];
    (*at)->has = set_new(people);
    if (has_texts((*at)->face.type))
        people->codes[attribute] = map_new(people->arena, FIRST_CAP);
    return *at;
}

int64_t people_value(const struct people_column *column, uint32_t number)
{
    uint32_t shard = shard_of(number);

    if (shard >= column->shard_count || column->values[shard] == NULL)
        return NONE;
    return column->values[shard][number % SHARD_NUMBERS];
}

static int64_t value_now(const struct people *people, uint32_t number, int attribute)
{
    const struct column *column = people->now.columns[attribute];

    return column ? people_value(&column->face, number) : NONE;
}

int64_t *people_page_own(struct people *people, struct column *column, uint32_t shard)
{
    int64_t *page;

    if (shard >= column->face.shard_count)
        column->face.shard_count = shard + 1;
    column->pages =
        table_room(people, column->pages, column->face.shard_count, sizeof(*column->pages));
    page = column->pages[shard];
    if (page == NULL) {
        page = piece_new(people, SHARD_NUMBERS * sizeof(*page));
        for (int i = 0; i < SHARD_NUMBERS; i++)
            page[i] = NONE;
    }
    return column->pages[shard] = piece_own(people, page);
}

static void value_put(struct people *people, struct column *column, uint32_t number, int64_t value)
{
    people_page_own(people, column, shard_of(number))[number % SHARD_NUMBERS] = value;
    set_put(people, &column->has, number, value != NONE);
    people_column_face(column);
}

void people_set_number(struct people *people, uint32_t number, int attribute, int64_t value)
{
    must(!has_texts(people->types[attribute]));
    if (value_now(people, number, attribute) == value)
        return;
    value_put(people, people_column_own(people, attribute), number, value);
    tell_attribute(people, number, attribute);
}

/* The text's place; a new one stands last. PEOPLE_TEXT_MAX: there are too many. */
int people_text_code(struct people *people, struct column *column, int attribute, struct str text)
{
    size_t count = (size_t)column->face.text_count;
    const int64_t *code = map_find(people->codes[attribute], text);
    bool is_new;

    if (code)
        return (int)*code;
    if (count == PEOPLE_TEXT_MAX)
        return PEOPLE_TEXT_MAX;
    *map_slot(people->codes[attribute], text, &is_new) = column->face.text_count++;
    column->texts = table_room(people, column->texts, count + 1, sizeof(*column->texts));
    column->members = table_room(people, column->members, count + 1, sizeof(*column->members));
    column->texts[count] = str_copy(people->arena, text);
    column->members[count] = set_new(people);
    return (int)count;
}

static void member_put(struct people *people, struct column *column, int code, uint32_t number,
                       bool is_in)
{
    if (bitmap_has(column->members[code], number) == is_in)
        return;
    column->members = piece_own(people, column->members);
    set_put(people, &column->members[code], number, is_in);
}

static bool has_text(const struct str *texts, int count, struct str text)
{
    for (int i = 0; i < count; i++)
        if (str_eq(texts[i], text))
            return true;
    return false;
}

/* Are these the texts the customer has? */
static bool is_same(const struct people *people, uint32_t number, int attribute,
                    const struct str *texts, int count)
{
    const struct column *column = people->now.columns[attribute];
    int had_count = 0;

    if (column == NULL || !bitmap_has(column->has, number))
        return count == 0;
    if (column->face.type == VALUE_TEXT)
        return count == 1 && str_eq(column->texts[people_value(&column->face, number)], texts[0]);
    for (int i = 0; i < column->face.text_count; i++) {
        bool is_member = bitmap_has(column->members[i], number);
        had_count += is_member;
        if (is_member && !has_text(texts, count, column->texts[i]))
            return false;
    }
    return had_count == count;
}

static void choices_put(struct people *people, struct column *column, uint32_t number,
                        const struct str *texts, int count)
{
    bool has_any = false;

    for (int i = 0; i < column->face.text_count; i++) {
        bool is_in = has_text(texts, count, column->texts[i]);
        member_put(people, column, i, number, is_in);
        has_any |= is_in;
    }
    set_put(people, &column->has, number, has_any);
}

void people_set_texts(struct people *people, uint32_t number, int attribute,
                      const struct str *texts, int count)
{
    enum value_type type = people->types[attribute];
    struct column *column;
    int64_t was, code = NONE;

    must(has_texts(type) && (type == VALUE_CHOICES || count <= 1));
    if (is_same(people, number, attribute, texts, count))
        return;
    tell_attribute(people, number, attribute);
    column = people_column_own(people, attribute);
    for (int i = 0; i < count; i++)
        code = people_text_code(people, column, attribute, texts[i]);
    if (type == VALUE_TEXT) {
        code = code == PEOPLE_TEXT_MAX ? NONE : code;
        was = people_value(&column->face, number);
        value_put(people, column, number, code);
        if (was != NONE)
            member_put(people, column, (int)was, number, false);
        if (code != NONE)
            member_put(people, column, (int)code, number, true);
    } else {
        choices_put(people, column, number, texts, count);
    }
    people_column_face(column);
}

void people_delete(struct people *people, uint32_t number)
{
    struct people_view *now = &people->now;

    if (set_put(people, &now->there, number, false))
        tell_record(people, number);
    set_put(people, &now->all, number, false);
    for (int kind = 0; kind < SET_KIND_COUNT; kind++)
        for (size_t i = 0; i < now->sets[kind].count; i++)
            people_set(people, (enum set_kind)kind, now->sets[kind].at[i].id, number, false);
    for (int i = 0; i < CATALOG_ATTRIBUTE_MAX; i++) {
        if (now->columns[i] == NULL)
            continue;
        if (has_texts(people->types[i]))
            people_set_texts(people, number, i, NULL, 0);
        else
            people_set_number(people, number, i, NONE);
    }
}

/* ---- versions -------------------------------------------------------------------------------- */

struct people *people_new(void)
{
    struct arena *arena = arena_new(TEXT_BYTES_MAX);
    struct people *people = arena_new_one(arena, struct people);

    people->arena = arena;
    pthread_mutex_init(&people->lock, NULL);
    people->now.version = 1;
    people->now.there = set_new(people);
    people->now.all = set_new(people);
    people->now.joined = set_new(people);
    people_publish(people);
    return people;
}

/* Older views that nobody holds go; what is left is at least so old. */
static int64_t views_thin(struct people *people)
{
    struct people_view **at = &people->published->older;
    int64_t oldest = people->published->version;

    while (*at) {
        struct people_view *view = *at;
        if (view->holder_count > 0) {
            oldest = view->version;
            at = &view->older;
            continue;
        }
        *at = view->older;
        piece_free(view);
    }
    return oldest;
}

static void retired_free(struct people *people, int64_t oldest)
{
    struct piece **at = &people->retired;

    while (*at) {
        struct piece *piece = *at;
        if (piece->retired > oldest) {
            at = &piece->next;
            continue;
        }
        *at = piece->next;
        piece_free(piece + 1);
    }
}

void people_publish(struct people *people)
{
    struct people_view *view = piece_new(people, sizeof(*view));
    int64_t oldest;

    *view = people->now;
    pthread_mutex_lock(&people->lock);
    view->older = people->published;
    people->published = view;
    oldest = views_thin(people);
    pthread_mutex_unlock(&people->lock);
    retired_free(people, oldest);
    people->now.version++;
}

static void view_pieces_retire(struct people *people)
{
    struct people_view *now = &people->now;

    for (int i = 0; i < CATALOG_ATTRIBUTE_MAX; i++)
        column_drop(people, i);
    for (int kind = 0; kind < SET_KIND_COUNT; kind++) {
        for (size_t i = 0; i < now->sets[kind].count; i++)
            piece_retire(people, now->sets[kind].at[i].members);
        if (now->sets[kind].at)
            piece_retire(people, now->sets[kind].at);
    }
    for (uint32_t i = 0; i < now->shard_count; i++)
        if (now->links[i])
            piece_retire(people, now->links[i]);
    if (now->links)
        piece_retire(people, now->links);
    piece_retire(people, now->there);
    piece_retire(people, now->all);
    piece_retire(people, now->joined);
}

void people_free(struct people *people)
{
    view_pieces_retire(people);
    must(views_thin(people) == people->published->version);
    retired_free(people, INT64_MAX);
    piece_free(people->published);
    pthread_mutex_destroy(&people->lock);
    arena_free(people->arena);
}

const struct people_view *people_hold(struct people *people)
{
    struct people_view *view;

    pthread_mutex_lock(&people->lock);
    view = people->published;
    view->holder_count++;
    pthread_mutex_unlock(&people->lock);
    return view;
}

void people_release(struct people *people, const struct people_view *view)
{
    struct people_view *at;

    pthread_mutex_lock(&people->lock);
    for (at = people->published; at != view; at = at->older)
        must(at->older != NULL);
    at->holder_count--;
    pthread_mutex_unlock(&people->lock);
}

/* ---- readers --------------------------------------------------------------------------------- */

uint32_t people_max(const struct people_view *view)
{
    return view->max;
}

const struct bitmap *people_all(const struct people_view *view)
{
    return view->all;
}

const struct bitmap *people_there(const struct people_view *view)
{
    return view->there;
}

const struct bitmap *people_joined(const struct people_view *view)
{
    return view->joined;
}

uint32_t people_kept(const struct people_view *view, uint32_t number)
{
    return link_get(view, number).kept;
}

int people_numbers(const struct people_view *view, uint32_t kept, uint32_t *out, int max)
{
    uint32_t number = kept;
    int count = 0;

    do {
        if (count < max)
            out[count] = number;
        count++;
        number = link_get(view, number).next;
    } while (number != kept);
    return count;
}

const struct bitmap *people_set_of(const struct people_view *view, enum set_kind kind, int64_t id)
{
    const struct sets *sets = &view->sets[kind];
    size_t place = set_place(sets, id);

    return set_is(sets, place, id) ? sets->at[place].members : NULL;
}

size_t people_set_count(const struct people_view *view, enum set_kind kind)
{
    return view->sets[kind].count;
}

int64_t people_set_id(const struct people_view *view, enum set_kind kind, size_t at)
{
    return view->sets[kind].at[at].id;
}

const struct people_column *people_column(const struct people_view *view, int attribute)
{
    const struct column *column = view->columns[attribute];

    return column ? &column->face : NULL;
}

bool people_is_member(const struct people_view *view, enum set_kind kind, int64_t id,
                      uint32_t number)
{
    const struct bitmap *set = people_set_of(view, kind, id);

    return set && bitmap_has(set, number);
}

static int64_t column_bytes(const struct people_column *column)
{
    int64_t bytes = bitmap_bytes(column->has);

    for (uint32_t i = 0; i < column->shard_count; i++)
        bytes += column->values[i] ? SHARD_NUMBERS * (int64_t)sizeof(int64_t) : 0;
    for (int i = 0; i < column->text_count; i++)
        bytes += bitmap_bytes(column->members[i]) + (int64_t)column->texts[i].len;
    return bytes;
}

int64_t people_bytes(const struct people_view *view)
{
    int64_t bytes =
        bitmap_bytes(view->there) + bitmap_bytes(view->all) + bitmap_bytes(view->joined);

    for (uint32_t i = 0; i < view->shard_count; i++)
        bytes += view->links[i] ? SHARD_NUMBERS * (int64_t)sizeof(struct link) : 0;
    for (int kind = 0; kind < SET_KIND_COUNT; kind++)
        for (size_t i = 0; i < view->sets[kind].count; i++)
            bytes += bitmap_bytes(view->sets[kind].at[i].members);
    for (int i = 0; i < CATALOG_ATTRIBUTE_MAX; i++)
        bytes += view->columns[i] ? column_bytes(&view->columns[i]->face) : 0;
    return bytes;
}
