/* Customers that are likely one person. A job reads all names once, keeps keyed digests of name and
 * something else in memory, and every two customers with the same digest become a suggestion;
 * people merge or dismiss it. Always: what was dismissed stays so; no name leaves the memory of the
 * job. */
#include "base/utf8.h"
#include "gen/duplicate.q.h"
#include "kit/audit.h"
#include "kit/job.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"

#include <stdlib.h>

#define READ_PAGE 2000
#define WRITE_PAGE 500
#define SAME_MAX 12 /* more with one digest say nothing: a name like a hotline's */
#define KEYS_BYTES_MAX (INT64_C(512) * 1024 * 1024)
#define NAME_CHARS_MIN 2
#define PHONE_TAIL 4
#define LIST_MAX 200

static const struct {
    const char *reason;
    int64_t score_ppm;
} reasons[] = {
    {"name_phone", 950000},
    {"name_birth", 900000},
    {"name_address", 850000},
    {"email_name", 800000},
};
enum { NAME_PHONE, NAME_BIRTH, NAME_ADDRESS, EMAIL_NAME };

/* ---- the job --------------------------------------------------------------------------------- */

struct key {
    uint64_t digest; /* the reason in its lowest two bits */
    int64_t id;
};
struct finder {
    struct buf keys; /* struct key */
    bool is_sorted;
    int64_t at, other; /* tidy: the pair to be written next, as indexes */
};

static struct str plain(struct ctx *c, struct str text)
{
    return str_lower(c->arena, str_trim(text));
}

static void key_add(struct ctx *c, struct finder *finder, int64_t id, uint64_t reason,
                    struct str text)
{
    struct str hash = ctx_keyed_hash(c, "duplicate", text);
    struct key key = {.id = id};

    memcpy(&key.digest, hash.at, sizeof(key.digest));
    key.digest = (key.digest & ~UINT64_C(3)) | reason;
    buf_add(&finder->keys, &key, sizeof(key));
}

static struct str phone_tail(struct str phone)
{
    return phone.len < PHONE_TAIL ? (struct str){0}
                                  : str_sub(phone, phone.len - PHONE_TAIL, PHONE_TAIL);
}

static enum err row_keys(struct ctx *c, struct finder *finder,
                         const struct q_duplicate_page_row *row)
{
    struct str name, phone, email, address, local, rest;

    TRY(ctx_unseal(c, row->name_enc, "customer", row->id, &name));
    name = plain(c, name);
    if (utf8_count(name) < NAME_CHARS_MIN)
        return OK;
    TRY(ctx_unseal(c, row->phone_enc, "customer", row->id, &phone));
    TRY(ctx_unseal(c, row->email_enc, "customer", row->id, &email));
    TRY(ctx_unseal(c, row->address_enc, "customer", row->id, &address));
    phone = phone_tail(phone);
    if (phone.at)
        key_add(c, finder, row->id, NAME_PHONE,
                str_fmt(c->arena, "p %.*s %.*s", STR(phone), STR(name)));
    if (row->birth_day != NONE)
        key_add(c, finder, row->id, NAME_BIRTH,
                str_fmt(c->arena, "b %" PRId64 " %.*s", row->birth_day, STR(name)));
    if (address.len > 0)
        key_add(c, finder, row->id, NAME_ADDRESS,
                str_fmt(c->arena, "a %.*s\n%.*s", STR(plain(c, address)), STR(name)));
    if (str_cut(email, '@', &local, &rest) && local.len > 0)
        key_add(c, finder, row->id, EMAIL_NAME,
                str_fmt(c->arena, "e %.*s\n%.*s", STR(local), STR(name)));
    return OK;
}

static int key_compare(const void *a_, const void *b_)
{
    const struct key *a = a_, *b = b_;

    if (a->digest != b->digest)
        return a->digest < b->digest ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static enum err page_read(struct ctx *c, struct job *job, struct finder *finder)
{
    const struct q_duplicate_page_row *row;
    struct list rows;

    TRY(q_duplicate_page(c, job->last_id, READ_PAGE, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        TRY(row_keys(c, finder, &row[i]));
    if (finder->keys.is_full)
        return fail(c, E_TOO_LARGE, "duplicate.memory", "too many customers for one pass");
    if (rows.count > 0)
        job->last_id = row[rows.count - 1].id;
    job->done_count += rows.count;
    finder->is_sorted = rows.count < READ_PAGE;
    if (finder->is_sorted)
        qsort(finder->keys.at, finder->keys.len / sizeof(struct key), sizeof(struct key),
              key_compare);
    return OK;
}

/* How many from `at` on have one digest. */
static int64_t group_count(const struct key *keys, int64_t count, int64_t at)
{
    int64_t end = at;

    while (end < count && keys[end].digest == keys[at].digest)
        end++;
    return end - at;
}

static struct q_duplicate_put_in suggestion(const struct key *a, const struct key *b)
{
    return (struct q_duplicate_put_in){
        .low_id = a->id,
        .high_id = b->id,
        .reason = str_of(reasons[a->digest & 3].reason),
        .score_ppm = reasons[a->digest & 3].score_ppm,
    };
}

static enum err page_write(struct ctx *c, struct job *job, struct finder *finder, bool *is_done)
{
    struct q_duplicate_put_in *rows =
        arena_new_array(c->arena, struct q_duplicate_put_in, WRITE_PAGE + SAME_MAX * SAME_MAX);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, WRITE_PAGE + SAME_MAX * SAME_MAX);
    const struct key *keys = (const struct key *)(const void *)finder->keys.at;
    int64_t count = (int64_t)(finder->keys.len / sizeof(struct key)), row_count = 0;

    while (finder->at < count && row_count < WRITE_PAGE) {
        int64_t same = group_count(keys, count, finder->at);
        for (int64_t i = 0; same <= SAME_MAX && i < same; i++)
            for (int64_t j = i + 1; j < same; j++)
                rows[row_count++] = suggestion(&keys[finder->at + i], &keys[finder->at + j]);
        finder->at += same;
    }
    *is_done = finder->at == count;
    if (row_count == 0)
        return OK;
    TRY(q_duplicate_put(c, rows, row_count, changed_each));
    for (int64_t i = 0; i < row_count; i++)
        job->changed_count += changed_each[i];
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* The digests do not outlive the process: after a restart all are read again. */
static enum err find_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct finder *finder = job->state;

    if (finder == NULL) {
        job->state = finder = arena_new_one(job->arena, struct finder);
        buf_init(&finder->keys, KEYS_BYTES_MAX);
        job->last_id = job->done_count = job->changed_count = 0;
    }
    *is_done = false;
    return finder->is_sorted ? page_write(c, job, finder, is_done) : page_read(c, job, finder);
}

static void find_end(struct job *job)
{
    struct finder *finder = job->state;

    if (finder)
        buf_release(&finder->keys);
}

const struct job_kind duplicates_find_job = {
    .name = "duplicates_find",
    .title_zh = "查找重复客户",
    .title_en = "Find likely duplicates",
    .permission = "customer.merge",
    .step = find_step,
    .end = find_end,
};

/* ---- routes ---------------------------------------------------------------------------------- */

struct duplicate_find_out {
    int64_t job_id;
};
static const struct field duplicate_find_out[] = {OUT(struct duplicate_find_out, job_id)};

static enum err find_run(struct ctx *c, const void *in, void *out_)
{
    struct duplicate_find_out *out = out_;

    (void)in;
    return job_add(c,
                   &(struct job_new){.kind = "duplicates_find", .title = S(""), .input = S("{}")},
                   &out->job_id);
}

struct duplicate_side {
    int64_t id, order_count, touched_ms;
    struct str name, phone, email;
};
struct duplicate_item {
    struct str reason;
    int64_t score_ppm, found_ms;
    struct duplicate_side low, high;
};
struct duplicate_list_out {
    struct list items;
};
static const struct field duplicate_side[] = {
    OUT(struct duplicate_side, id),
    OUT(struct duplicate_side, name, .is_optional = true),
    OUT(struct duplicate_side, phone, .is_optional = true),
    OUT(struct duplicate_side, email, .is_optional = true),
    OUT(struct duplicate_side, order_count),
    OUT(struct duplicate_side, touched_ms),
};
static const struct field duplicate_item[] = {
    OUT(struct duplicate_item, reason,
        .one_of = "name_phone|name_birth|name_address|email_name|identity"),
    OUT(struct duplicate_item, score_ppm),
    OUT(struct duplicate_item, found_ms),
    OUT(struct duplicate_item, low, .of = SHAPE(duplicate_side)),
    OUT(struct duplicate_item, high, .of = SHAPE(duplicate_side)),
};
static const struct field duplicate_list_out[] = {
    OUT(struct duplicate_list_out, items, .of = SHAPE(duplicate_item),
        .about = "the likeliest 200 within reach"),
};

static enum err side_open(struct ctx *c, struct duplicate_side *side)
{
    TRY(ctx_unseal(c, side->name, "customer", side->id, &side->name));
    TRY(ctx_unseal(c, side->phone, "customer", side->id, &side->phone));
    TRY(ctx_unseal(c, side->email, "customer", side->id, &side->email));
    side->name = mask_name_for(c, side->name);
    side->phone = mask_phone(c->arena, side->phone);
    side->email = mask_email(c->arena, side->email);
    return OK;
}

static enum err item_fill(struct ctx *c, const struct q_duplicate_list_row *row,
                          struct duplicate_item *item)
{
    *item = (struct duplicate_item){
        .reason = row->reason,
        .score_ppm = row->score_ppm,
        .found_ms = row->found_ms,
        .low = {row->low_id, row->low_order_count, row->low_touched_ms, row->low_name_enc,
                row->low_phone_enc, row->low_email_enc},
        .high = {row->high_id, row->high_order_count, row->high_touched_ms, row->high_name_enc,
                 row->high_phone_enc, row->high_email_enc},
    };
    TRY(side_open(c, &item->low));
    return side_open(c, &item->high);
}

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct duplicate_list_out *out = out_;
    const struct q_duplicate_list_row *row;
    struct duplicate_item *item;
    struct list rows;

    (void)in;
    TRY(q_duplicate_list(c, LIST_MAX, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct duplicate_item, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++)
        TRY(item_fill(c, &row[i], &item[i]));
    out->items = (struct list){item, rows.count};
    return OK;
}

struct duplicate_dismiss_in {
    int64_t customer_id, other_customer_id;
};
static const struct field duplicate_dismiss_in[] = {
    IN(struct duplicate_dismiss_in, customer_id),
    IN(struct duplicate_dismiss_in, other_customer_id),
};

static enum err dismiss_run(struct ctx *c, const void *in_, void *out)
{
    const struct duplicate_dismiss_in *in = in_;
    int64_t a = in->customer_id, b = in->other_customer_id, person_id, changed_count;

    (void)out;
    TRY(customer_reach(c, a, &person_id));
    TRY(customer_reach(c, b, &person_id));
    TRY(q_duplicate_dismiss(c, a < b ? a : b, a < b ? b : a, &changed_count));
    if (changed_count == 0)
        return fail(c, E_NOT_FOUND, "duplicate.unknown", "nobody suggests that these are one");
    audit_about(c, "customer", a);
    audit_detail(c, str_fmt(c->arena, "{\"other_customer_id\":\"%" PRId64 "\"}", b));
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

const struct route duplicate_routes[] = {
    {HTTP_GET, "/api/duplicates", "customer.merge", NULL, SHAPE(duplicate_list_out), list_run,
     .about = "Customers that are likely one person"},
    {HTTP_POST, "/api/duplicates/find", "customer.merge", NULL, SHAPE(duplicate_find_out), find_run,
     .about = "Look through all customers for likely duplicates, as a job", .needs_all = true},
    {HTTP_POST, "/api/duplicates/dismiss", "customer.merge", SHAPE(duplicate_dismiss_in), NULL,
     dismiss_run, .about = "They are two people; not suggested again"},
    {.path = NULL},
};
