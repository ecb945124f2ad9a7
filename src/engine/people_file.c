/* People as a file, so that a start need not ask the base about everybody. Always: it is replaced
 * whole; each piece of it has its sum, and the last says that it is the last; what follows from the
 * rest (who has a value, who is joined) is not in it, so that it cannot contradict itself. */
#include "engine/checksum.h"
#include "engine/people_private.h"
#include "engine/store.h"
#include "host/file.h"

#define FILE_VERSION 1
#define FILE_ARENA_MAX ((size_t)256 << 20)
#define PIECE_BYTES_MAX ((size_t)1 << 30)
#define SHARD_WORDS (SHARD_NUMBERS / 64)
#define NARROW_MAX UINT64_C(0xfffffffe)

enum piece_kind {
    PIECE_NOTE = 1, /* of: version; id: how many numbers */
    PIECE_THERE,
    PIECE_LINKS,   /* pairs of a number and whose it is */
    PIECE_SET,     /* of: its kind; id */
    PIECE_TEXTS,   /* of: the attribute; id: how many */
    PIECE_PAGE,    /* of: the attribute; id: the shard */
    PIECE_MEMBERS, /* of: the attribute; id: the text's place; of choices */
    PIECE_LAST
};
struct piece_head {
    uint32_t kind, of;
    int64_t id;
    uint64_t bytes;
    uint64_t sum; /* of this with sum 0, and of the bytes behind it */
};
/* Values less `base`, from 1; 0: none. Of eight bytes: as they are. */
struct page_head {
    int64_t base;
    uint64_t width;
};

static uint64_t piece_sum(const struct piece_head *head, const char *bytes)
{
    uint64_t sums[2] = {checksum_of(head, offsetof(struct piece_head, sum)),
                        checksum_of(bytes, (size_t)head->bytes)};

    return checksum_of(sums, sizeof(sums));
}

/* ---- writing --------------------------------------------------------------------------------- */

struct saving {
    const struct people_view *view;
    struct arena *arena;
    struct file_writer *file;
    struct buf body; /* of the next piece */
};

static enum err piece_put(struct saving *saving, enum piece_kind kind, uint32_t of, int64_t id)
{
    struct piece_head head = {.kind = kind, .of = of, .id = id, .bytes = saving->body.len};

    if (saving->body.is_full)
        return E_TOO_LARGE;
    head.sum = piece_sum(&head, saving->body.at);
    TRY(file_append(saving->file, (struct str){(const char *)&head, sizeof(head)}));
    TRY(file_append(saving->file, buf_view(&saving->body)));
    buf_reset(&saving->body);
    return OK;
}

static enum err bitmap_put(struct saving *saving, const struct bitmap *bitmap, enum piece_kind kind,
                           uint32_t of, int64_t id)
{
    bitmap_save(bitmap, &saving->body);
    return piece_put(saving, kind, of, id);
}

static enum err links_put(struct saving *saving)
{
    uint32_t numbers[1024], from = 0;
    size_t count = ARRAY_LEN(numbers);

    for (; count == ARRAY_LEN(numbers); from = numbers[count - 1] + 1) {
        count = bitmap_read(saving->view->joined, from, numbers, ARRAY_LEN(numbers));
        for (size_t i = 0; i < count; i++) {
            uint32_t link[2] = {numbers[i], people_kept(saving->view, numbers[i])};

            if (link[0] != link[1])
                buf_add(&saving->body, link, sizeof(link));
        }
        if (count == 0)
            break;
    }
    return piece_put(saving, PIECE_LINKS, 0, 0);
}

static enum err sets_put(struct saving *saving)
{
    for (uint32_t kind = 0; kind < SET_KIND_COUNT; kind++) {
        const struct sets *sets = &saving->view->sets[kind];

        for (size_t i = 0; i < sets->count; i++)
            TRY(bitmap_put(saving, sets->at[i].members, PIECE_SET, kind, sets->at[i].id));
    }
    return OK;
}

static void text_put(struct saving *saving, struct str text)
{
    uint32_t len = (uint32_t)text.len;

    buf_add(&saving->body, &len, sizeof(len));
    buf_str(&saving->body, text);
}

/* Those that somebody has; *places: where each stands among them. */
static enum err texts_put(struct saving *saving, uint32_t attribute, int64_t **places)
{
    const struct people_column *column = people_column(saving->view, (int)attribute);
    int64_t count = 0;

    *places = arena_new_array(saving->arena, int64_t, (size_t)column->text_count + 1);
    for (int i = 0; i < column->text_count; i++) {
        uint32_t one;

        (*places)[i] = NONE;
        if (bitmap_read(column->members[i], 0, &one, 1) == 0)
            continue;
        (*places)[i] = count++;
        text_put(saving, column->texts[i]);
    }
    return piece_put(saving, PIECE_TEXTS, attribute, count);
}

static enum err members_put(struct saving *saving, uint32_t attribute, const int64_t *places)
{
    const struct people_column *column = people_column(saving->view, (int)attribute);

    for (int i = 0; i < column->text_count; i++)
        if (places[i] != NONE)
            TRY(bitmap_put(saving, column->members[i], PIECE_MEMBERS, attribute, places[i]));
    return OK;
}

/* The narrowest that holds them all; 0: there is none. */
static struct page_head page_measure(const int64_t values[SHARD_NUMBERS])
{
    struct page_head head = {.base = INT64_MAX};
    int64_t most = INT64_MIN;
    uint64_t range;

    for (int i = 0; i < SHARD_NUMBERS; i++) {
        int64_t value = values[i];

        if (value == NONE)
            continue;
        head.base = value < head.base ? value : head.base;
        most = value > most ? value : most;
    }
    if (most == INT64_MIN)
        return head;
    range = (uint64_t)most - (uint64_t)head.base;
    head.width = range < UINT8_MAX ? 1 : range < UINT16_MAX ? 2 : range < NARROW_MAX ? 4 : 8;
    return head;
}

static enum err page_put(struct saving *saving, uint32_t attribute, uint32_t shard,
                         const int64_t values[SHARD_NUMBERS])
{
    struct page_head head = page_measure(values);

    if (head.width == 0)
        return OK;
    buf_add(&saving->body, &head, sizeof(head));
    for (int i = 0; i < SHARD_NUMBERS && head.width < 8; i++) {
        uint64_t left = values[i] == NONE ? 0 : (uint64_t)values[i] - (uint64_t)head.base + 1;

        buf_add(&saving->body, &left, (size_t)head.width); /* little-endian */
    }
    if (head.width == 8)
        buf_add(&saving->body, values, SHARD_NUMBERS * sizeof(*values));
    return piece_put(saving, PIECE_PAGE, attribute, shard);
}

static enum err pages_put(struct saving *saving, uint32_t attribute, const int64_t *places)
{
    const struct people_column *column = people_column(saving->view, (int)attribute);
    int64_t values[SHARD_NUMBERS];

    for (uint32_t shard = 0; shard < column->shard_count; shard++) {
        if (column->values[shard] == NULL)
            continue;
        memcpy(values, column->values[shard], sizeof(values));
        for (int i = 0; i < SHARD_NUMBERS && places != NULL; i++)
            values[i] = values[i] == NONE ? NONE : places[values[i]];
        TRY(page_put(saving, attribute, shard, values));
    }
    return OK;
}

static enum err columns_put(struct saving *saving)
{
    for (uint32_t i = 0; i < CATALOG_ATTRIBUTE_MAX; i++) {
        const struct people_column *column = people_column(saving->view, (int)i);
        int64_t *places = NULL;

        if (column == NULL)
            continue;
        if (column->type == VALUE_TEXT || column->type == VALUE_CHOICES)
            TRY(texts_put(saving, i, &places));
        if (column->type == VALUE_CHOICES)
            TRY(members_put(saving, i, places));
        else
            TRY(pages_put(saving, i, places));
    }
    return OK;
}

static enum err pieces_put(struct saving *saving, struct str note)
{
    buf_str(&saving->body, note);
    TRY(piece_put(saving, PIECE_NOTE, FILE_VERSION, saving->view->max));
    TRY(bitmap_put(saving, saving->view->there, PIECE_THERE, 0, 0));
    TRY(links_put(saving));
    TRY(sets_put(saving));
    TRY(columns_put(saving));
    return piece_put(saving, PIECE_LAST, 0, 0);
}

static enum err file_replace(struct str from, struct str path)
{
    enum err err = file_remove(path);

    return err == OK || err == E_NOT_FOUND ? file_move(from, path) : err;
}

enum err people_file_write(const struct people_view *view, struct str note, struct str path)
{
    struct saving saving = {.view = view, .arena = arena_new(FILE_ARENA_MAX)};
    struct str next = str_fmt(saving.arena, "%.*s.next", STR(path));
    enum err err, finish_err = OK;

    buf_init(&saving.body, PIECE_BYTES_MAX);
    err = file_create(saving.arena, next, &saving.file);
    if (err == OK) {
        err = pieces_put(&saving, note);
        finish_err = file_finish(saving.file);
        err = err == OK ? finish_err : err;
    }
    if (err == OK)
        err = file_replace(next, path);
    buf_release(&saving.body);
    arena_free(saving.arena);
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct loading {
    struct people *people;
    struct arena *arena;
    people_fits *fits;
    void *user;
    struct str left; /* of the file */
    bool is_over;
    uint64_t *has[CATALOG_ATTRIBUTE_MAX]; /* who has a value, as bits; NULL: nobody */
};

static bool is_below(const struct bitmap *bitmap, uint32_t max)
{
    uint32_t one;

    return bitmap_read(bitmap, max, &one, 1) == 0;
}

static enum err bitmap_take(const struct loading *loading, struct str bytes, struct bitmap *out)
{
    TRY(bitmap_load(bytes, out));
    return is_below(out, loading->people->now.max) ? OK : E_CORRUPT;
}

static enum err note_take(struct loading *loading, const struct piece_head *head, struct str bytes)
{
    if (head->of != FILE_VERSION)
        return E_CONFLICT;
    if (head->id < 0 || head->id > STORE_CUSTOMER_MAX || loading->people->now.max > 0)
        return E_CORRUPT;
    if (!loading->fits(loading->user, bytes))
        return E_CONFLICT;
    if (head->id > 0)
        people_shards_reach(loading->people, (uint32_t)head->id - 1);
    return OK;
}

static enum err there_take(struct loading *loading, struct str bytes)
{
    struct people_view *now = &loading->people->now;
    const struct bitmap *there;

    now->there = people_bitmap_own(loading->people, now->there);
    TRY(bitmap_take(loading, bytes, now->there));
    now->all = people_bitmap_own(loading->people, now->all);
    there = now->there;
    bitmap_combine(&(struct bitmap_terms){.any = &there, .any_count = 1}, now->all);
    return OK;
}

/* Links are never chains. */
static enum err links_take(struct loading *loading, struct str bytes)
{
    const struct people_view *now = &loading->people->now;
    uint32_t link[2];

    for (size_t at = 0; at + sizeof(link) <= bytes.len; at += sizeof(link)) {
        memcpy(link, bytes.at + at, sizeof(link));
        if (link[0] >= now->max || link[1] >= now->max || link[0] == link[1] ||
            people_numbers(now, link[0], NULL, 0) != 1 || people_kept(now, link[1]) != link[1])
            return E_CORRUPT;
        people_link(loading->people, link[0], link[1]);
    }
    return OK;
}

static bool is_of(const struct loading *loading, uint32_t attribute, enum value_type type)
{
    return attribute < CATALOG_ATTRIBUTE_MAX && loading->people->types[attribute] == type;
}

static enum err texts_take(struct loading *loading, const struct piece_head *head, struct str bytes)
{
    struct column *column;
    size_t at = 0;

    if (!is_of(loading, head->of, VALUE_TEXT) && !is_of(loading, head->of, VALUE_CHOICES))
        return E_CORRUPT;
    column = people_column_own(loading->people, (int)head->of);
    for (int64_t i = 0; i < head->id; i++) {
        uint32_t len;

        if (bytes.len - at < sizeof(len))
            return E_CORRUPT;
        memcpy(&len, bytes.at + at, sizeof(len));
        at += sizeof(len);
        if (bytes.len - at < len || people_text_code(loading->people, column, (int)head->of,
                                                     (struct str){bytes.at + at, len}) != i)
            return E_CORRUPT;
        at += len;
    }
    people_column_face(column);
    return OK;
}

static enum err members_take(struct loading *loading, const struct piece_head *head,
                             struct str bytes)
{
    struct column *column;
    const struct bitmap *both[2];
    struct bitmap had;

    if (!is_of(loading, head->of, VALUE_CHOICES))
        return E_CORRUPT;
    column = people_column_own(loading->people, (int)head->of);
    if (head->id < 0 || head->id >= column->face.text_count)
        return E_CORRUPT;
    TRY(bitmap_take(loading, bytes, column->members[head->id]));
    had = *column->has;
    bitmap_init(column->has);
    both[0] = &had;
    both[1] = column->members[head->id];
    bitmap_combine(&(struct bitmap_terms){.any = both, .any_count = 2}, column->has);
    bitmap_release(&had);
    return OK;
}

static uint64_t left_of(const char *bytes, uint64_t width, int i)
{
    uint64_t left = 0;

    memcpy(&left, bytes + (size_t)i * width, (size_t)width);
    return left;
}

static void page_read(const struct page_head *head, const char *bytes, int64_t *values)
{
    if (head->width == 8) {
        memcpy(values, bytes, SHARD_NUMBERS * sizeof(*values));
        return;
    }
    for (int i = 0; i < SHARD_NUMBERS; i++) {
        uint64_t left = head->width == 1   ? left_of(bytes, 1, i)
                        : head->width == 2 ? left_of(bytes, 2, i)
                                           : left_of(bytes, 4, i);

        values[i] = left == 0 ? NONE : (int64_t)((uint64_t)head->base + left - 1);
    }
}

static enum err page_take(struct loading *loading, const struct piece_head *head, struct str bytes)
{
    uint32_t shard_count = loading->people->now.shard_count;
    struct page_head page;
    struct column *column;
    int64_t *values;
    uint64_t *has;

    if (head->of >= CATALOG_ATTRIBUTE_MAX || is_of(loading, head->of, VALUE_CHOICES) ||
        head->id < 0 || head->id >= shard_count || bytes.len < sizeof(page))
        return E_CORRUPT;
    memcpy(&page, bytes.at, sizeof(page));
    if ((page.width != 1 && page.width != 2 && page.width != 4 && page.width != 8) ||
        bytes.len != sizeof(page) + SHARD_NUMBERS * page.width)
        return E_CORRUPT;
    column = people_column_own(loading->people, (int)head->of);
    values = people_page_own(loading->people, column, (uint32_t)head->id);
    page_read(&page, bytes.at + sizeof(page), values);
    if (loading->has[head->of] == NULL)
        loading->has[head->of] =
            arena_new_array(loading->arena, uint64_t, (size_t)shard_count * SHARD_WORDS);
    has = loading->has[head->of] + (size_t)head->id * SHARD_WORDS;
    for (int i = 0; i < SHARD_NUMBERS; i++)
        has[i / 64] |= (uint64_t)(values[i] != NONE) << i % 64;
    people_column_face(column);
    return OK;
}

static enum err piece_take(struct loading *loading, const struct piece_head *head, struct str bytes)
{
    switch (head->kind) {
    case PIECE_NOTE:
        return note_take(loading, head, bytes);
    case PIECE_THERE:
        return there_take(loading, bytes);
    case PIECE_LINKS:
        return links_take(loading, bytes);
    case PIECE_SET:
        return head->of < SET_KIND_COUNT
                   ? bitmap_take(
                         loading, bytes,
                         *people_set_own(loading->people, (enum set_kind)head->of, head->id))
                   : E_CORRUPT;
    case PIECE_TEXTS:
        return texts_take(loading, head, bytes);
    case PIECE_PAGE:
        return page_take(loading, head, bytes);
    case PIECE_MEMBERS:
        return members_take(loading, head, bytes);
    case PIECE_LAST:
        loading->is_over = true;
        return loading->left.len == 0 ? OK : E_CORRUPT;
    default:
        return E_CORRUPT;
    }
}

/* The first is the note: nothing is made of a file that does not fit. */
static enum err piece_next(struct loading *loading, bool is_first)
{
    struct piece_head head;
    struct str bytes;

    if (loading->left.len < sizeof(head))
        return E_CORRUPT;
    memcpy(&head, loading->left.at, sizeof(head));
    bytes.at = loading->left.at + sizeof(head);
    bytes.len = (size_t)head.bytes;
    if (head.bytes > loading->left.len - sizeof(head) || piece_sum(&head, bytes.at) != head.sum ||
        is_first != (head.kind == PIECE_NOTE))
        return E_CORRUPT;
    loading->left.at = bytes.at + bytes.len;
    loading->left.len -= sizeof(head) + bytes.len;
    return piece_take(loading, &head, bytes);
}

static enum err texts_join(struct column *column)
{
    for (uint32_t shard = 0; shard < column->face.shard_count; shard++) {
        const int64_t *values = column->pages[shard];

        for (uint32_t i = 0; values != NULL && i < SHARD_NUMBERS; i++) {
            if (values[i] == NONE)
                continue;
            if (values[i] < 0 || values[i] >= column->face.text_count)
                return E_CORRUPT;
            bitmap_add(column->members[values[i]], shard * SHARD_NUMBERS + i);
        }
    }
    return OK;
}

/* What follows from the pieces. */
static enum err columns_join(struct loading *loading)
{
    const struct people_view *now = &loading->people->now;

    for (int i = 0; i < CATALOG_ATTRIBUTE_MAX; i++) {
        struct column *column = now->columns[i];

        if (loading->has[i] == NULL)
            continue;
        bitmap_fill(column->has, loading->has[i], (size_t)now->shard_count * SHARD_WORDS);
        if (!is_below(column->has, now->max))
            return E_CORRUPT;
        if (column->face.type == VALUE_TEXT)
            TRY(texts_join(column));
    }
    return OK;
}

enum err people_file_read(struct people *people, struct str path, people_fits *fits, void *user)
{
    struct loading loading = {.people = people, .fits = fits, .user = user};
    bool is_first = true;
    struct str mapped;
    enum err err;

    TRY(file_map(path, &mapped));
    loading.arena = arena_new(FILE_ARENA_MAX);
    loading.left = mapped;
    do {
        err = piece_next(&loading, is_first);
        is_first = false;
    } while (err == OK && !loading.is_over);
    if (err == OK)
        err = columns_join(&loading);
    arena_free(loading.arena);
    file_unmap(mapped);
    return err;
}
