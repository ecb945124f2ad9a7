/* Deletes one person. Always: all records that stand for the person go in one transaction;
 * afterwards nothing in the base says who they were, the rows that count stay under the bare
 * number, and whoever comes back is a new customer. Consents stay as proof of what was lawful then,
 * ended. */
#include "gen/erase.q.h"
#include "host/file.h"
#include "kit/behaviour.h"
#include "kit/journal.h"
#include "manage/customer/customer.h"
#include "manage/privacy/privacy_private.h"
#include "manage/segment/segment.h"

#define NEEDLE_MIN 5
#define RECEIPT_MAX (256 * 1024)
#define SCRATCH_MAX ((size_t)16 * 1024 * 1024)
#define MATCH_MAX 10000

/* ---- refused rows of imports ----------------------------------------------------------------- */

/* By what the person was known, and the rows that hold one of it. */
struct reject_search {
    struct ctx *c;
    struct arena *keep;
    struct str *needles;
    int64_t needle_count;
    struct q_erase_reject_in *rows;
    struct q_erase_inbox_in *messages;
    int64_t row_count, message_count;
};

static struct str digits_of(struct arena *arena, struct str text)
{
    char *digits = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= '0' && text.at[i] <= '9')
            digits[len++] = text.at[i];
    return (struct str){digits, len};
}

static enum err needles_find(struct reject_search *search, int64_t person_id)
{
    const struct q_erase_values_row *row;
    struct ctx *c = search->c;
    struct list rows;

    TRY(q_erase_values(c, person_id, &rows));
    row = rows.at;
    search->needles = arena_new_array(c->arena, struct str, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        struct str value;
        TRY(ctx_unseal(c, row[i].value_enc, "customer", row[i].customer_id, &value));
        if (value.len >= NEEDLE_MIN)
            search->needles[search->needle_count++] = str_lower(c->arena, value);
    }
    return OK;
}

/* A phone is found however it was written: among the row's digits alone. */
static bool row_holds(const struct reject_search *search, struct str raw)
{
    struct arena *scratch = search->c->arena;
    struct str lower = str_lower(scratch, raw), digits = digits_of(scratch, raw);

    for (int64_t i = 0; i < search->needle_count; i++)
        if (str_find(lower, search->needles[i]) >= 0 || str_find(digits, search->needles[i]) >= 0)
            return true;
    return false;
}

static enum err reject_row(void *user, const struct q_erase_reject_rows_row *row)
{
    struct reject_search *search = user;
    struct str raw;

    if (arena_used(search->c->arena) > SCRATCH_MAX / 4)
        arena_reset(search->c->arena);
    TRY(ctx_unseal(search->c, row->raw_enc, "import_reject", row->import_id, &raw));
    if (search->row_count < MATCH_MAX && row_holds(search, raw))
        search->rows[search->row_count++] =
            (struct q_erase_reject_in){row->import_id, row->line_seq};
    return OK;
}

/* What went wrong was said in the scratch, and is read after it. */
static void scratch_end(struct reject_search *search)
{
    struct ctx *c = search->c;

    c->fault.message = str_copy(search->keep, c->fault.message);
    c->fault.path = str_copy(search->keep, c->fault.path);
    arena_free(c->arena);
    c->arena = search->keep;
}

static enum err rejects_find(struct reject_search *search)
{
    struct ctx *c = search->c;
    enum err err;

    search->keep = c->arena;
    search->rows = arena_new_array(c->arena, struct q_erase_reject_in, MATCH_MAX);
    c->arena = arena_new(SCRATCH_MAX);
    err = q_erase_reject_rows(c, reject_row, search);
    scratch_end(search);
    return err;
}

/* The rows, and the files they were written to, which hold others too: whoever needs such a file
 * has it made again from the rows that are left. */
static enum err rejects_erase(struct ctx *c, int64_t person_id, int64_t *erased_count)
{
    struct reject_search search = {.c = c};
    int64_t last_id = NONE;

    *erased_count = 0;
    TRY(needles_find(&search, person_id));
    if (search.needle_count == 0)
        return OK;
    TRY(rejects_find(&search));
    if (search.row_count == 0)
        return OK;
    for (int64_t i = 0; i < search.row_count; i++) {
        struct str path = str_fmt(c->arena, "%.*s/imports/%" PRId64 "-rejects.csv",
                                  STR(app_config(c->app)->data), search.rows[i].import_id);
        if (search.rows[i].import_id != last_id && file_remove(path) == E_IO)
            return fail(c, E_IO, "privacy.file", "%.*s cannot be removed", STR(path));
        last_id = search.rows[i].import_id;
    }
    *erased_count = search.row_count;
    return q_erase_reject(c, search.rows, search.row_count, NULL);
}

/* ---- messages that came in ------------------------------------------------------------------- */

static enum err inbox_row(void *user, const struct q_erase_inbox_rows_row *row)
{
    struct reject_search *search = user;
    struct str body;

    if (arena_used(search->c->arena) > SCRATCH_MAX / 4)
        arena_reset(search->c->arena);
    TRY(ctx_unseal(search->c, row->body_enc, "inbox", row->id, &body));
    if (search->message_count < MATCH_MAX && row_holds(search, body))
        search->messages[search->message_count++] = (struct q_erase_inbox_in){row->id};
    return OK;
}

static enum err inbox_erase(struct ctx *c, int64_t person_id, int64_t *erased_count)
{
    struct reject_search search = {.c = c, .keep = c->arena};
    enum err err;

    *erased_count = 0;
    TRY(needles_find(&search, person_id));
    if (search.needle_count == 0)
        return OK;
    search.messages = arena_new_array(c->arena, struct q_erase_inbox_in, MATCH_MAX);
    c->arena = arena_new(SCRATCH_MAX);
    err = q_erase_inbox_rows(c, inbox_row, &search);
    scratch_end(&search);
    TRY(err);
    *erased_count = search.message_count;
    return search.message_count > 0 ? q_erase_inbox(c, search.messages, search.message_count, NULL)
                                    : OK;
}

/* ---- the tables ------------------------------------------------------------------------------ */

typedef enum err table_erase(struct ctx *c, int64_t person_id, int64_t *changed_count);

/* In this order: refused rows and messages are found by the identities, and the tombstone closes. A
 * test compares the list with the schema: every table that points at a customer stands here or
 * among those that stay. */
static const struct {
    const char *table;
    table_erase *erase;
} tables[] = {
    {"import_reject", rejects_erase},
    {"inbox", inbox_erase},
    {"identity", q_erase_identity},
    {"child", q_erase_child},
    {"customer_note", q_erase_note},
    {"customer_owner", q_erase_owner},
    {"relation", q_erase_relation},
    {"customer_block", q_erase_block},
    {"customer_tag", q_erase_tag},
    {"segment_member", segment_forget},
    {"customer_merge", q_erase_merge},
    {"duplicate", q_erase_duplicate},
    {"audit_detail", q_erase_audit_detail},
    {"import_effect", q_erase_import_effect},
    {"job_item", q_erase_job_item},
    {"outbox_body", q_erase_outbox_body},
    {"outbox", q_erase_outbox},
    {"risk_sign", q_erase_risk_sign},
    {"consent", q_erase_consent_end},
    {"customer", q_erase_customer},
};

static enum err kept_write(struct ctx *c, int64_t person_id, struct json_out *json)
{
    struct behaviour_whose whose = {.customer_id = person_id, .is_person = true};
    struct q_erase_kept_row row;
    int64_t paged_count;

    TRY(q_erase_kept(c, person_id, &row));
    TRY(behaviour_count(c, &whose, &paged_count));
    struct {
        const char *table;
        int64_t count;
    } kept[] = {
        {"journal", row.journal_count + paged_count},
        {"shop_order", row.order_count},
        {"consent", row.consent_count},
        {"saga", row.saga_count},
        {"participant", row.participant_count},
        {"reward_grant", row.reward_count},
    };
    json_name(json, "kept");
    json_object_begin(json);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        json_name(json, kept[i].table);
        json_int(json, kept[i].count);
    }
    json_object_end(json);
    return OK;
}

static enum err tables_erase(struct ctx *c, int64_t person_id, struct json_out *json)
{
    int64_t changed_count;

    json_object_begin(json);
    TRY(kept_write(c, person_id, json));
    json_name(json, "erased");
    json_object_begin(json);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        TRY(tables[i].erase(c, person_id, &changed_count));
        json_name(json, tables[i].table);
        json_int(json, changed_count);
    }
    json_object_end(json);
    json_object_end(json);
    return OK;
}

static enum err deleted_emit(struct ctx *c, const struct list *records)
{
    const struct q_erase_records_row *row = records->at;
    struct event *events = arena_new_array(c->arena, struct event, (size_t)records->count + 1);
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)records->count + 1);

    for (int64_t i = 0; i < records->count; i++) {
        event_init(&events[i], c, "customer_deleted");
        events[i].customer_id = ids[i] = row[i].id;
    }
    c->topics |= LIVE_CUSTOMERS;
    TRY(journal_emit(c, events, records->count));
    customer_search_forget(c->app, ids, records->count);
    return OK;
}

enum err erase_person(struct ctx *c, int64_t person_id, struct str *receipt)
{
    struct json_out json;
    struct list records;
    struct buf buf;
    enum err err;

    TRY(q_erase_records(c, person_id, &records));
    buf_init(&buf, RECEIPT_MAX);
    json_out_init(&json, &buf);
    err = tables_erase(c, person_id, &json);
    *receipt = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    TRY(err);
    return deleted_emit(c, &records);
}
