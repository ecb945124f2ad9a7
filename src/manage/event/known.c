/* Message ids and customers in memory. Always: a message id is in here if the base has it (the
 * other way round but for what the writer is at); what is known of a customer is what a query would
 * say, because whatever changes it is told (known_customer_changed, a reaction) and what was taken
 * back is forgotten. */
#include "manage/event/known.h"

#include <stdatomic.h>

#include "gen/known.q.h"
#include "kit/behaviour.h"
#include "kit/worker.h"
#include "manage/setting/setting.h"

#define DAY_COUNT_MAX 100 /* message_keep_days is at most 90 */
#define SLOT_MIN 1024
#define SLOT_ARENA_MAX ((size_t)1 << 34)
#define CUSTOMER_COUNT_MAX 262144 /* then all are forgotten; about 64 MB */
#define CUSTOMER_COUNT_FIRST 1024 /* then the table grows: a small one stays in the cache */
#define CUSTOMER_ARENA_MAX ((size_t)1 << 28)
#define EDIT_SLOTS 65536

/* Those of one day of arrival: open addressing, at most half full; 0 is a free slot. */
struct message_day {
    struct arena *arena;
    int64_t day;
    uint64_t *slots;
    size_t cap, count;
};

struct taken {
    int64_t day;
    uint64_t hash;
};

struct customer_entry {
    struct customer_known is;
    uint64_t learned; /* the edit it came after */
};

struct known {
    struct app *app;
    struct worker *sealer;
    _Atomic int64_t unsealed_count; /* events since the sealer last looked */
    bool has_messages;
    bool is_begun; /* the sealer's: they were asked for */
    struct message_day days[DAY_COUNT_MAX];
    int day_count;
    struct arena *arena;                 /* of taken */
    struct list taken;                   /* since the last commit; struct taken */
    int64_t taken_cap_count, done_count; /* the first ones are of commands that were done */
    struct arena *customer_arena;
    struct map *customers; /* references -> place in entries + 1 */
    struct customer_entry *entries;
    int64_t entry_count;
    uint64_t edits[EDIT_SLOTS]; /* the last edit of a customer with this remainder */
    uint64_t edit, edit_all;
    bool has_learned; /* in the command that runs: perhaps of what it wrote itself */
};

/* ---- message ids ----------------------------------------------------------------------------- */

static uint64_t *slot_of(const struct message_day *day, uint64_t hash)
{
    size_t at = hash & (day->cap - 1);

    while (day->slots[at] != 0 && day->slots[at] != hash)
        at = (at + 1) & (day->cap - 1);
    return &day->slots[at];
}

static void day_size(struct message_day *day, size_t cap)
{
    struct message_day old = *day;

    day->arena = arena_new(SLOT_ARENA_MAX);
    day->cap = cap;
    day->slots = arena_new_array(day->arena, uint64_t, cap);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i] != 0)
            *slot_of(day, old.slots[i]) = old.slots[i];
    arena_free(old.arena);
}

static struct message_day *day_of(struct known *known, int64_t number)
{
    struct message_day *day;

    for (int i = 0; i < known->day_count; i++)
        if (known->days[i].day == number)
            return &known->days[i];
    if (known->day_count == DAY_COUNT_MAX)
        return &known->days[DAY_COUNT_MAX - 1];
    day = &known->days[known->day_count++];
    *day = (struct message_day){.day = number};
    day_size(day, SLOT_MIN);
    return day;
}

static void day_add(struct message_day *day, uint64_t hash)
{
    uint64_t *slot;

    if (2 * day->count >= day->cap)
        day_size(day, 2 * day->cap);
    slot = slot_of(day, hash);
    day->count += *slot == 0;
    *slot = hash;
}

/* What lies behind moves up, so that no search ends too early. */
static void day_remove(struct message_day *day, uint64_t hash)
{
    size_t mask = day->cap - 1, hole = (size_t)(slot_of(day, hash) - day->slots);

    if (day->slots[hole] == 0)
        return;
    day->count--;
    for (size_t at = (hole + 1) & mask; day->slots[at] != 0; at = (at + 1) & mask)
        if (((at - day->slots[at]) & mask) >= ((at - hole) & mask)) {
            day->slots[hole] = day->slots[at];
            hole = at;
        }
    day->slots[hole] = 0;
}

static uint64_t hash_number(struct str hash)
{
    uint64_t number;

    memcpy(&number, hash.at, sizeof(number));
    return number == 0 ? 1 : number;
}

void known_message_soon(const struct known *known, struct str hash)
{
    for (int i = 0; i < known->day_count; i++)
        __builtin_prefetch(&known->days[i].slots[hash_number(hash) & (known->days[i].cap - 1)]);
}

bool known_message_take(struct known *known, int64_t now_ms, struct str hash)
{
    struct taken taken = {now_ms / DAY_MS, hash_number(hash)};

    for (int i = 0; i < known->day_count; i++)
        if (*slot_of(&known->days[i], taken.hash) != 0)
            return false;
    day_add(day_of(known, taken.day), taken.hash);
    *(struct taken *)list_add(known->arena, &known->taken, &known->taken_cap_count, sizeof(taken)) =
        taken;
    return true;
}

void known_message_forget(const struct app *app, int64_t before_ms)
{
    struct known *known = app_part(app, &known_part);

    for (int i = known ? known->day_count - 1 : -1; i >= 0; i--) {
        if ((known->days[i].day + 1) * DAY_MS > before_ms)
            continue;
        arena_free(known->days[i].arena);
        known->days[i] = known->days[--known->day_count];
    }
}

static enum err message_recall(void *user, const struct q_known_messages_row *row)
{
    day_add(day_of(user, row->arrived_ms / DAY_MS), hash_number(row->message_hash));
    return OK;
}

static enum err page_recall(void *user, const struct q_known_pages_row *row)
{
    struct message_day *day = day_of(user, ctx_id_ms(row->id) / DAY_MS);

    for (size_t i = 0; i + 8 <= row->messages_blob.len; i += 8)
        day_add(day, hash_number(str_sub(row->messages_blob, i, 8)));
    return OK;
}

/* ---- the base as it was -------------------------------------------------------------------- */

static void taken_back(struct known *known, int64_t from)
{
    const struct taken *taken = known->taken.at;

    for (int64_t i = from; i < known->taken.count; i++)
        day_remove(day_of(known, taken[i].day), taken[i].hash);
    known->taken.count = from;
}

static void part_settled(void *part, bool is_kept)
{
    struct known *known = part;

    if (!is_kept)
        taken_back(known, known->done_count);
    if (!is_kept && known->has_learned)
        known->edit_all = ++known->edit;
    known->has_learned = false;
    known->done_count = known->taken.count;
}

static void taken_clear(struct known *known)
{
    known->taken = (struct list){0};
    known->taken_cap_count = known->done_count = 0;
    arena_reset(known->arena);
}

static void part_undone(void *part)
{
    struct known *known = part;

    taken_back(known, 0);
    taken_clear(known);
    known->edit_all = ++known->edit;
}

static void part_committed(void *part, unsigned topics)
{
    struct known *known = part;
    int64_t count = known->taken.count;

    (void)topics; /* what is hushed has none */
    if (count == 0)
        return;
    taken_clear(known);
    if (atomic_fetch_add(&known->unsealed_count, count) + count < BEHAVIOUR_SEAL)
        return;
    atomic_store(&known->unsealed_count, 0);
    worker_wake(known->sealer);
}

/* ---- customers ------------------------------------------------------------------------------- */

static void customers_clear(struct known *known)
{
    arena_reset(known->customer_arena);
    known->customers = map_new(known->customer_arena, CUSTOMER_COUNT_FIRST);
    known->entries =
        arena_new_array(known->customer_arena, struct customer_entry, CUSTOMER_COUNT_MAX);
    known->entry_count = 0;
}

static size_t part_put(char *out, size_t at, struct str text)
{
    uint32_t len = (uint32_t)text.len;

    memcpy(out + at, &len, sizeof(len)); /* so that it is plain where each ends */
    if (text.len > 0)
        memcpy(out + at + sizeof(len), text.at, text.len);
    return at + sizeof(len) + text.len;
}

#define KEY_BYTES_MAX (4 * (2 * CUSTOMER_VALUE_MAX + 60) + 3 * sizeof(uint32_t))

static struct str key_put(char out[KEY_BYTES_MAX], const struct customer_touch *touch)
{
    size_t at = 0;

    if (touch->person.kind.len + touch->person.value.len + touch->anonymous.value.len +
            3 * sizeof(uint32_t) >
        KEY_BYTES_MAX)
        return (struct str){0};
    at = part_put(out, at, touch->person.kind);
    at = part_put(out, at, touch->person.value);
    at = part_put(out, at, touch->anonymous.value);
    return (struct str){out, at};
}

static uint64_t *edit_of(struct known *known, int64_t customer_id)
{
    return &known->edits[((uint64_t)customer_id * UINT64_C(0x9E3779B97F4A7C15)) >> 48];
}

const struct customer_known *known_customer(struct known *known, const struct customer_touch *touch)
{
    char text[KEY_BYTES_MAX];
    struct str key = key_put(text, touch);
    const int64_t *place = key.at ? map_find(known->customers, key) : NULL;
    const struct customer_entry *entry = place ? &known->entries[*place - 1] : NULL;

    if (entry == NULL || touch->inviter.kind.at || entry->learned < known->edit_all ||
        entry->learned < *edit_of(known, entry->is.customer_id) || touch->action_day == NONE ||
        touch->action_day > entry->is.action_day || touch->touched_ms < entry->is.touched_ms)
        return NULL;
    return &entry->is;
}

void known_customer_keep(struct known *known, const struct customer_touch *touch,
                         const struct customer_known *customer)
{
    char text[KEY_BYTES_MAX];
    struct str key = key_put(text, touch);
    int64_t *place;
    bool is_new;

    if (key.at == NULL)
        return;
    if (known->entry_count == CUSTOMER_COUNT_MAX ||
        arena_used(known->customer_arena) > CUSTOMER_ARENA_MAX / 2)
        customers_clear(known);
    place = map_slot(known->customers, key, &is_new);
    if (is_new)
        *place = ++known->entry_count;
    known->entries[*place - 1] = (struct customer_entry){*customer, known->edit};
    known->has_learned = true;
}

enum err known_customer_changed(struct ctx *c, const struct event *event)
{
    struct known *known = app_part(c->app, &known_part);

    if (known == NULL)
        return OK;
    known->edit++;
    if (event->customer_id != NONE)
        *edit_of(known, event->customer_id) = known->edit;
    if (event->subject_id != NONE)
        *edit_of(known, event->subject_id) = known->edit;
    return OK;
}

enum err known_customer_gone(struct ctx *c, const struct event *event)
{
    struct known *known = app_part(c->app, &known_part);

    (void)event;
    if (known)
        known->edit_all = ++known->edit;
    return OK;
}

/* ---- the index of what came, made beside ----------------------------------------------------- */

static enum err index_make(struct ctx *c, void *user)
{
    return behaviour_index_make(c, user);
}

static enum err index_write(struct ctx *c, void *user)
{
    return behaviour_index_write(c, user);
}

static enum err begin_step(struct ctx *c, void *user)
{
    struct known *known;

    (void)user;
    return known_begin(c, &known);
}

/* At its first page, before anything came, the message ids are read: else the first event would. */
static enum err seal_page(struct app *app, struct arena *arena, int64_t *next_ms)
{
    struct known *known = app_part(app, &known_part);
    struct behaviour_index index;

    *next_ms = NONE;
    if (!known->is_begun)
        TRY(app_write(app, arena, begin_step, NULL, NULL));
    known->is_begun = true;
    TRY(app_read(app, arena, index_make, &index, NULL));
    if (!index.is_due)
        return OK;
    *next_ms = worker_now_ms(app);
    return app_write(app, arena, index_write, &index, NULL);
}

void known_await(struct app *app)
{
    struct known *known = app_part(app, &known_part);

    worker_await(known->sealer);
}

/* ---- the part -------------------------------------------------------------------------------- */

static void *part_open(struct app *app)
{
    struct known *known = arena_new_one(app_arena(app), struct known);

    known->app = app;
    known->arena = arena_new(CUSTOMER_ARENA_MAX);
    known->customer_arena = arena_new(CUSTOMER_ARENA_MAX);
    known->sealer = worker_new(app, "behaviours", seal_page);
    return known;
}

enum err known_begin(struct ctx *c, struct known **out)
{
    struct known *known = app_part(c->app, &known_part);
    int64_t keep_days;

    *out = NULL;
    if (known == NULL || app_config(c->app)->db.at != NULL)
        return OK;
    if (!known->has_messages) {
        c->statement_max += c->statement_max > 0 ? 3 : 0; /* once a start */
        TRY(setting_int(c, "message_keep_days", &keep_days));
        TRY(q_known_messages(c, message_recall, known));
        TRY(q_known_pages(c, ctx_id_at(c->now_ms - keep_days * DAY_MS), page_recall, known));
        customers_clear(known);
        known->has_messages = true;
    }
    *out = known;
    return OK;
}

static void part_listen(void *part)
{
    struct known *known = part;

    worker_begin(known->sealer);
}

static void part_stop(void *part)
{
    struct known *known = part;

    worker_stop(known->sealer);
}

static void part_close(void *part)
{
    struct known *known = part;

    for (int i = 0; i < known->day_count; i++)
        arena_free(known->days[i].arena);
    arena_free(known->arena);
    arena_free(known->customer_arena);
}

const struct app_part known_part = {.open = part_open,
                                    .listen = part_listen,
                                    .committed = part_committed,
                                    .settled = part_settled,
                                    .undone = part_undone,
                                    .stop = part_stop,
                                    .close = part_close};
