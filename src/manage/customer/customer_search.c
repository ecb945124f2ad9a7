/* Finding customers by any part of a name, phone, e-mail or other identity: all of them decrypted
 * in memory, one text after another. Never on disk. Filled by a job after start, kept current by
 * the journal: every search first reads what changed since the last one. Always: a customer's
 * latest record is the only one that can be found, by parts only of what the one who asks may see;
 * memory is bounded (over it, search says it is not ready). */
#include <pthread.h>

#include "gen/customer.q.h"
#include "kit/job.h"
#include "manage/customer/customer_private.h"

#define TEXT_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ENTRY_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define STALE_BYTES_MIN ((size_t)16 * 1024 * 1024)
#define FILL_PAGE 1000
#define IDENTITY_PAGE (FILL_PAGE * CUSTOMER_IDENTITY_MAX)
#define CHANGE_PAGE 1000
#define IDENTITIES_SHOWN 8 /* of a changed customer */
#define INDEX_DIGITS 6     /* of an entry's number within its record */
#define PHONE_TAIL_SHOWN 4 /* by the mask */

/* Places of a record's texts; the identities come behind the e-mail. */
enum { PLACE_NAME, PLACE_PHONE };

/* The text is one record after another: '\n', the entry's number in six bytes 0x10..0x1f, the texts
 * parted by 0x01. No byte of a record's number or parting occurs in a searched text. */
struct entry {
    int64_t id, person_id;  /* person_id: whom the record stands for */
    uint32_t offset, bytes; /* of the latest record; bytes 0: none */
};

static struct {
    pthread_mutex_t lock;
    const struct app *app;
    struct buf text, entries; /* entries ascend by id */
    int64_t filled_id, journal_id;
    size_t stale_bytes; /* of records that were blanked */
    bool is_running, is_filled, is_current;
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct entry *entry_at(size_t i)
{
    return (struct entry *)(void *)memory.entries.at + i;
}

static size_t entry_count(void)
{
    return memory.entries.len / sizeof(struct entry);
}

/* ---- records --------------------------------------------------------------------------------- */

/* The entry of the id, made at the end for a new one; SIZE_MAX: neither. */
static size_t entry_find(int64_t id)
{
    size_t low = 0, high = entry_count();
    struct entry fresh = {.id = id};

    if (high == 0 || entry_at(high - 1)->id < id) {
        buf_add(&memory.entries, &fresh, sizeof(fresh));
        return memory.entries.is_full ? SIZE_MAX : high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_at(middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return entry_at(low)->id == id ? low : SIZE_MAX;
}

static void text_add(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char at = text.at[i];
        if (at >= 'A' && at <= 'Z')
            at = (char)(at + ('a' - 'A'));
        buf_char(&memory.text, (unsigned char)at < 0x20 ? ' ' : at);
    }
    buf_char(&memory.text, 0x01);
}

/* A record begins; the one before it cannot be found any more. */
static bool record_begin(int64_t id, int64_t person_id, size_t *index)
{
    struct entry *entry;

    *index = entry_find(id);
    if (*index == SIZE_MAX)
        return false;
    entry = entry_at(*index);
    entry->person_id = person_id;
    if (entry->bytes > 0)
        memset(memory.text.at + entry->offset, '\n', entry->bytes);
    memory.stale_bytes += entry->bytes;
    entry->offset = (uint32_t)memory.text.len;
    entry->bytes = 0;
    buf_char(&memory.text, '\n');
    for (int i = INDEX_DIGITS - 1; i >= 0; i--)
        buf_char(&memory.text, (char)(0x10 + (*index >> (4 * i)) % 16));
    return true;
}

static void record_end(size_t index)
{
    struct entry *entry = entry_at(index);

    entry->bytes = (uint32_t)(memory.text.len - entry->offset);
}

/* Whoever is gone cannot be found, and nothing of them stays in memory. */
static void record_blank(int64_t id)
{
    size_t low = 0, high = entry_count();
    struct entry *entry;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_at(middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == entry_count() || entry_at(low)->id != id)
        return;
    entry = entry_at(low);
    if (entry->bytes > 0)
        memset(memory.text.at + entry->offset, '\n', entry->bytes);
    memory.stale_bytes += entry->bytes;
    entry->bytes = 0;
}

static int64_t record_person(const char *record)
{
    size_t index = 0;

    for (int i = 0; i < INDEX_DIGITS; i++)
        index = index * 16 + (size_t)(record[1 + i] - 0x10);
    must(index < entry_count());
    return entry_at(index)->person_id;
}

/* ---- filling --------------------------------------------------------------------------------- */

struct sealed {
    int64_t id;
    struct str texts[3];
};

/* What cannot be unsealed (another key) cannot be found, and is no reason to find nothing else. */
static void sealed_add(struct ctx *c, int64_t id, struct str sealed)
{
    struct str text = S("");

    if (ctx_unseal(c, sealed, "customer", id, &text) != OK)
        c->fault = (struct fault){0};
    text_add(text); /* an empty one too: a text is known by its place */
}

static void texts_add(struct ctx *c, const struct sealed *from)
{
    for (size_t i = 0; i < ARRAY_LEN(from->texts); i++)
        sealed_add(c, from->id, from->texts[i]);
}

static bool is_shown(struct str kind)
{
    return !str_is(kind, "phone") && !str_is(kind, "email") && !str_is(kind, "anonymous");
}

/* Phone and e-mail stand in the row itself. */
static void identity_add(struct ctx *c, int64_t id, struct str kind, struct str value_enc)
{
    if (is_shown(kind))
        sealed_add(c, id, value_enc);
}

static void page_add(struct ctx *c, const struct list *customers, const struct list *identities)
{
    const struct q_customer_search_page_row *row = customers->at;
    const struct q_customer_search_identities_row *identity = identities->at;
    int64_t next = 0;

    for (int64_t i = 0; i < customers->count; i++) {
        struct sealed from = {row[i].id, {row[i].name_enc, row[i].phone_enc, row[i].email_enc}};
        size_t index;
        bool is_good = record_begin(row[i].id, row[i].person_id, &index);
        if (is_good)
            texts_add(c, &from);
        for (; next < identities->count && identity[next].customer_id <= row[i].id; next++)
            if (is_good && identity[next].customer_id == row[i].id)
                identity_add(c, row[i].id, identity[next].kind, identity[next].value_enc);
        if (is_good)
            record_end(index);
        memory.filled_id = row[i].id;
    }
}

static enum err fill_step(struct ctx *c)
{
    struct q_customer_search_journal_end_row end;
    struct list customers, identities;
    const struct q_customer_search_page_row *row;

    if (memory.journal_id == NONE) {
        TRY(q_customer_search_journal_end(c, &end));
        memory.journal_id = end.last_id;
    }
    TRY(q_customer_search_page(c, memory.filled_id, FILL_PAGE, &customers));
    row = customers.at;
    memory.is_filled = customers.count < FILL_PAGE;
    if (customers.count == 0)
        return OK;
    TRY(q_customer_search_identities(c, memory.filled_id, row[customers.count - 1].id,
                                     IDENTITY_PAGE, &identities));
    page_add(c, &customers, &identities);
    return OK;
}

/* ---- keeping current ------------------------------------------------------------------------- */

static void changed_add(struct ctx *c, const struct q_customer_search_one_row *rows, int64_t count,
                        const struct q_customer_search_identity_nth_in *keys,
                        const struct q_customer_search_identity_nth_row *identities)
{
    int64_t next = 0;

    for (int64_t i = 0; i < count; i++) {
        struct sealed from = {rows[i].id, {rows[i].name_enc, rows[i].phone_enc, rows[i].email_enc}};
        size_t index;
        if (rows[i].id == NONE || !record_begin(rows[i].id, rows[i].person_id, &index))
            continue;
        texts_add(c, &from);
        while (keys[next].customer_id != rows[i].id && keys[next].customer_id != NONE)
            next++;
        for (; keys[next].customer_id == rows[i].id; next++)
            identity_add(c, rows[i].id, identities[next].kind, identities[next].value_enc);
        record_end(index);
    }
}

static void gone_blank(const struct q_customer_search_one_in *ids, int64_t count,
                       const struct q_customer_search_one_row *rows)
{
    for (int64_t i = 0; i < count; i++)
        if (rows[i].id == NONE)
            record_blank(ids[i].customer_id);
}

static enum err customers_reload(struct ctx *c, const struct q_customer_search_one_in *ids,
                                 int64_t count)
{
    size_t most = (size_t)count * IDENTITIES_SHOWN + 1;
    struct q_customer_search_one_row *rows =
        arena_new_array(c->arena, struct q_customer_search_one_row, (size_t)count + 1);
    struct q_customer_search_identity_nth_in *keys =
        arena_new_array(c->arena, struct q_customer_search_identity_nth_in, most);
    struct q_customer_search_identity_nth_row *identities =
        arena_new_array(c->arena, struct q_customer_search_identity_nth_row, most);
    int64_t key_count = 0;

    TRY(q_customer_search_one(c, ids, count, rows));
    gone_blank(ids, count, rows);
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0;
             rows[i].id != NONE && j < rows[i].identity_count && j < IDENTITIES_SHOWN; j++)
            keys[key_count++] = (struct q_customer_search_identity_nth_in){rows[i].id, j};
    keys[key_count].customer_id = NONE;
    if (key_count > 0)
        TRY(q_customer_search_identity_nth(c, keys, key_count, identities));
    changed_add(c, rows, count, keys, identities);
    return OK;
}

/* One page of what the journal says; is_current when that was all. */
static enum err follow_step(struct ctx *c)
{
    struct q_customer_search_journal_end_row end;
    struct q_customer_search_one_in *ids =
        arena_new_array(c->arena, struct q_customer_search_one_in, CHANGE_PAGE);
    const struct q_customer_search_changes_row *row;
    struct list changes;

    TRY(q_customer_search_journal_end(c, &end));
    memory.is_current = end.last_id <= memory.journal_id;
    if (memory.is_current)
        return OK;
    TRY(q_customer_search_changes(c, memory.journal_id, CHANGE_PAGE, &changes));
    row = changes.at;
    for (int64_t i = 0; i < changes.count; i++)
        ids[i].customer_id = row[i].customer_id;
    if (changes.count > 0)
        TRY(customers_reload(c, ids, changes.count));
    memory.is_current = changes.count < CHANGE_PAGE;
    memory.journal_id = memory.is_current ? end.last_id : row[changes.count - 1].id;
    return OK;
}

/* ---- the job --------------------------------------------------------------------------------- */

static bool is_full(void)
{
    return memory.text.is_full || memory.entries.is_full;
}

static enum err job_step(struct ctx *c, void *user)
{
    enum err err = OK;

    (void)user;
    pthread_mutex_lock(&memory.lock);
    if (memory.app == c->app && !is_full())
        err = memory.is_filled ? follow_step(c) : fill_step(c);
    pthread_mutex_unlock(&memory.lock);
    return err;
}

static void search_job(struct app *app, struct arena *arena, void *user)
{
    enum err err = OK;
    bool is_done = false;

    (void)user;
    while (err == OK && !is_done && !job_is_stopping(app)) {
        err = app_read(app, arena, job_step, NULL, NULL);
        pthread_mutex_lock(&memory.lock);
        is_done = memory.app != app || is_full() || (memory.is_filled && memory.is_current);
        pthread_mutex_unlock(&memory.lock);
        arena_reset(arena);
    }
    pthread_mutex_lock(&memory.lock);
    memory.is_running = false;
    pthread_mutex_unlock(&memory.lock);
}

/* From the start again: empty, or when most of it is blanked records. */
static void memory_reset(void)
{
    buf_reset(&memory.text);
    buf_reset(&memory.entries);
    memory.filled_id = 0;
    memory.journal_id = NONE;
    memory.stale_bytes = 0;
    memory.is_filled = memory.is_current = false;
}

static bool is_stale(void)
{
    return memory.stale_bytes > STALE_BYTES_MIN && memory.stale_bytes > memory.text.len / 2;
}

static void job_wake(struct app *app)
{
    if (!memory.is_running)
        memory.is_running = job_start(app, search_job, NULL) == OK;
}

void customer_search_begin(struct app *app)
{
    pthread_mutex_lock(&memory.lock);
    buf_release(&memory.text);
    buf_release(&memory.entries);
    buf_init(&memory.text, TEXT_BYTES_MAX);
    buf_init(&memory.entries, ENTRY_BYTES_MAX);
    memory.app = app;
    memory.is_running = false;
    memory_reset();
    if (app_config(app)->listen.at)
        job_wake(app);
    pthread_mutex_unlock(&memory.lock);
}

void customer_search_forget(const struct app *app, const int64_t *ids, int64_t count)
{
    pthread_mutex_lock(&memory.lock);
    for (int64_t i = 0; i < count && memory.app == app; i++)
        record_blank(ids[i]);
    pthread_mutex_unlock(&memory.lock);
}

bool customer_search_is_ready(const struct app *app)
{
    bool is_ready;

    pthread_mutex_lock(&memory.lock);
    is_ready = memory.app == app && memory.is_filled && !is_full();
    pthread_mutex_unlock(&memory.lock);
    return is_ready;
}

/* ---- searching ------------------------------------------------------------------------------- */

/* May the one who asks find by this place of the record? What is masked for somebody is not found
 * by its parts: character by character that would be reading it. */
static bool is_open(const struct ctx *c, const char *record, const char *at, size_t len)
{
    int place = PLACE_NAME;

    for (const char *byte = record + 1 + INDEX_DIGITS; byte < at; byte++)
        place += *byte == 0x01;
    if (place == PLACE_NAME)
        return ctx_may(c, "customer.name");
    if (place == PLACE_PHONE && len <= PHONE_TAIL_SHOWN && at[len] == 0x01)
        return true;
    return ctx_may(c, "customer.reveal");
}

/* The persons of at most `max` records that hold the text, each once; where a person was merged a
 * record and its person may both hold it. */
static void memory_find(struct ctx *c, struct str wanted, int64_t max, struct list *ids)
{
    const char *at = memory.text.at, *end = at + memory.text.len;
    int64_t *out = arena_new_array(c->arena, int64_t, (size_t)max + 1);
    bool is_all = ctx_may(c, "customer.name") && ctx_may(c, "customer.reveal");
    int64_t count = 0;

    while (count < max && at < end &&
           (at = memmem(at, (size_t)(end - at), wanted.at, wanted.len)) != NULL) {
        const char *record = memrchr(memory.text.at, '\n', (size_t)(at - memory.text.at));
        if (!is_all && !is_open(c, record, at, wanted.len)) {
            at++;
            continue;
        }
        out[count++] = record_person(record);
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            break;
    }
    *ids = (struct list){out, count};
}

/* Exact identities, in the forms people type them. */
static enum err exact_find(struct ctx *c, struct str text, struct list *ids)
{
    static const char *const kinds[] = {"phone", "email", "member_no", "unionid",
                                        "external_userid"};
    struct identity_plan plans[ARRAY_LEN(kinds)];
    struct q_customer_seen_row rows[ARRAY_LEN(kinds)];
    int64_t *out = arena_new_array(c->arena, int64_t, ARRAY_LEN(kinds));
    int64_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct customer_ref ref;
        if (customer_ref_normal(c, (struct customer_ref){str_of(kinds[i]), text}, &ref) == OK)
            plans[count++] = (struct identity_plan){ref, identity_hash(c, ref), NONE};
    }
    c->fault = (struct fault){0};
    *ids = (struct list){out, 0};
    if (count == 0)
        return OK;
    TRY(identity_seen(c, plans, count, rows));
    for (int64_t i = 0; i < count; i++) {
        bool is_new = rows[i].customer_id != NONE;
        for (int64_t j = 0; j < ids->count; j++)
            is_new &= out[j] != rows[i].customer_id;
        if (is_new)
            out[ids->count++] = rows[i].customer_id;
    }
    return OK;
}

static struct str searched(struct ctx *c, struct str text)
{
    struct str lower = str_lower(c->arena, text);
    char *at = arena_alloc(c->arena, lower.len + 1);

    for (size_t i = 0; i < lower.len; i++)
        at[i] = (unsigned char)lower.at[i] < 0x20 ? ' ' : lower.at[i];
    return (struct str){at, lower.len};
}

static enum err memory_search(struct ctx *c, struct str text, int64_t max, struct list *ids,
                              bool *is_ready)
{
    enum err err = OK;

    *ids = (struct list){0};
    if (memory.app != c->app)
        return OK;
    if (is_stale())
        memory_reset();
    if (memory.is_filled && !is_full())
        err = follow_step(c);
    if (!memory.is_filled || !memory.is_current)
        job_wake(c->app);
    *is_ready = memory.is_filled && memory.is_current && !is_full();
    if (err == OK && memory.is_filled)
        memory_find(c, searched(c, text), max, ids);
    return err;
}

/* Records that were merged stand for their person. */
static enum err persons_find(struct ctx *c, struct list *ids)
{
    struct q_customer_person_in *keys =
        arena_new_array(c->arena, struct q_customer_person_in, (size_t)ids->count + 1);
    struct q_customer_person_row *rows =
        arena_new_array(c->arena, struct q_customer_person_row, (size_t)ids->count + 1);
    int64_t *id = ids->at, count = 0;

    if (ids->count == 0)
        return OK;
    for (int64_t i = 0; i < ids->count; i++)
        keys[i].customer_id = id[i];
    TRY(q_customer_person(c, keys, ids->count, rows));
    for (int64_t i = 0; i < ids->count; i++)
        if (rows[i].person_id != NONE)
            id[count++] = rows[i].person_id;
    ids->count = count;
    return OK;
}

/* Both, each person once. */
static struct list ids_join(struct ctx *c, struct list first, struct list second)
{
    struct map *seen = map_new(c->arena, (size_t)(first.count + second.count));
    int64_t *out = arena_new_array(c->arena, int64_t, (size_t)(first.count + second.count) + 1);
    struct list joined = {out, 0};
    bool is_new;

    for (int64_t i = 0; i < first.count + second.count; i++) {
        const int64_t *id = i < first.count ? (const int64_t *)first.at + i
                                            : (const int64_t *)second.at + (i - first.count);
        (void)map_slot(seen, (struct str){(const char *)id, sizeof(*id)}, &is_new);
        if (is_new)
            out[joined.count++] = *id;
    }
    return joined;
}

enum err customer_search(struct ctx *c, struct str text, int64_t max, struct list *ids,
                         bool *is_ready)
{
    struct list exact, parts;
    enum err err;

    must(text.len > 0);
    *is_ready = false;
    TRY(exact_find(c, text, &exact));
    TRY(persons_find(c, &exact));
    pthread_mutex_lock(&memory.lock);
    err = memory_search(c, text, max, &parts, is_ready);
    pthread_mutex_unlock(&memory.lock);
    TRY(err);
    *ids = ids_join(c, exact, parts);
    return OK;
}
