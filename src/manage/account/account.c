/* Accounts, their statements and single transfers, to read. Always: a statement follows the
 * account's own chain of postings, so its page costs the same however long the ledger is. */
#include "gen/account.q.h"
#include "kit/cursor.h"
#include "manage/account/account_private.h"
#include "manage/customer/customer.h"
#include "manage/customer/mask.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 30
#define PERSON_MAX 60   /* sums of one person: a bucket of each unit, and some campaigns' own */
#define RECORDS_MAX 500 /* accounts of all records of one person, on one page */

int64_t account_id_told(int64_t id)
{
    return id == 0 ? NONE : id;
}

enum err account_name_told(struct ctx *c, int64_t owner_id, struct str name_enc, struct str title,
                           struct str *out)
{
    *out = title;
    if (name_enc.at == NULL)
        return OK;
    TRY(ctx_unseal(c, name_enc, "customer", owner_id, out));
    *out = mask_name_for(c, *out);
    return OK;
}

/* ---- GET /api/accounts ----------------------------------------------------------------------- */

struct account_list_in {
    struct str owner_kind, unit, bucket, cursor;
    int64_t owner_id, limit_count;
};
struct account_item {
    int64_t id, owner_id, scope_id, balance_count, floor_count, posting_count;
    struct str owner_kind, owner_name, unit, bucket, scope_title;
};
struct account_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field account_list_in[] = {
    IN(struct account_list_in, owner_kind, .one_of = OWNER_NAMES),
    IN(struct account_list_in, owner_id, .is_optional = true,
       .about = "of a customer: with all records of that person, on one page"),
    IN(struct account_list_in, unit, .is_optional = true, .one_of = UNIT_NAMES),
    IN(struct account_list_in, bucket, .is_optional = true, .one_of = BUCKET_NAMES),
    IN(struct account_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct account_list_in, limit_count, PAGE_MAX),
};
static const struct field account_item[] = {
    OUT(struct account_item, id),
    OUT(struct account_item, owner_kind, .one_of = OWNER_NAMES),
    OUT(struct account_item, owner_id, .is_optional = true, .about = "null: the system's"),
    OUT(struct account_item, owner_name, .is_optional = true,
        .about = "a customer's name, masked by right; a campaign's title"),
    OUT(struct account_item, unit, .one_of = UNIT_NAMES),
    OUT(struct account_item, bucket, .one_of = BUCKET_NAMES),
    OUT(struct account_item, scope_id, .is_optional = true,
        .about = "the campaign it counts for; null: the brand as a whole"),
    OUT(struct account_item, scope_title, .is_optional = true),
    OUT(struct account_item, balance_count, .about = "in units"),
    OUT(struct account_item, floor_count, .is_optional = true, .about = "never below; null: may"),
    OUT(struct account_item, posting_count),
};
static const struct field account_list_out[] = {
    OUT(struct account_list_out, items, .of = SHAPE(account_item)),
    OUT(struct account_list_out, next_cursor, .is_optional = true),
};

static enum err accounts_tell(struct ctx *c, const struct list *rows, struct list *out)
{
    const struct q_account_list_row *row = rows->at;
    struct account_item *item =
        arena_new_array(c->arena, struct account_item, (size_t)rows->count + 1);

    *out = (struct list){item, rows->count};
    for (int64_t i = 0; i < rows->count; i++) {
        item[i] = (struct account_item){.id = row[i].id,
                                        .owner_kind = row[i].owner_kind,
                                        .owner_id = account_id_told(row[i].owner_id),
                                        .unit = row[i].unit,
                                        .bucket = row[i].bucket,
                                        .scope_id = account_id_told(row[i].scope_id),
                                        .scope_title = row[i].scope_title,
                                        .balance_count = row[i].balance_count,
                                        .floor_count = row[i].floor_count,
                                        .posting_count = row[i].posting_count};
        TRY(account_name_told(c, row[i].owner_id, row[i].name_enc, row[i].owner_title,
                              &item[i].owner_name));
    }
    return OK;
}

_Static_assert(sizeof(struct q_account_bucket_list_row) == sizeof(struct q_account_list_row),
               "the same columns");

static enum err rows_find(struct ctx *c, const struct account_list_in *in, int64_t limit_count,
                          struct list *rows)
{
    struct q_account_list_in ask = {.owner_kind = in->owner_kind,
                                    .low_id = in->owner_id == NONE ? 0 : in->owner_id,
                                    .unit = in->unit,
                                    .limit_count = limit_count};
    struct cursor from;

    TRY(cursor_read(c, in->cursor, &from));
    ask.high_id = in->owner_id == NONE ? from.key_number : in->owner_id;
    ask.before_id = from.id;
    if (in->bucket.at == NULL)
        return q_account_list(c, &ask, rows);
    return q_account_bucket_list(c,
                                 &(struct q_account_bucket_list_in){.owner_kind = ask.owner_kind,
                                                                    .bucket = in->bucket,
                                                                    .low_id = ask.low_id,
                                                                    .high_id = ask.high_id,
                                                                    .before_id = ask.before_id,
                                                                    .unit = ask.unit,
                                                                    .limit_count = limit_count},
                                 rows);
}

/* Both queries give the same columns. */
static enum err records_list(struct ctx *c, const struct account_list_in *in, struct list *items)
{
    struct list rows;

    _Static_assert(sizeof(struct q_account_list_row) == sizeof(struct q_account_records_row),
                   "one part");
    TRY(q_account_records(c,
                          &(struct q_account_records_in){.customer_id = in->owner_id,
                                                         .unit = in->unit,
                                                         .bucket = in->bucket,
                                                         .limit_count = RECORDS_MAX},
                          &rows));
    return accounts_tell(c, &rows, items);
}

static enum err account_list(struct ctx *c, const void *in_, void *out_)
{
    const struct account_list_in *in = in_;
    struct account_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count;
    const struct q_account_list_row *row;
    struct list rows;

    if (in->owner_id != NONE && str_is(in->owner_kind, "customer"))
        return records_list(c, in, &out->items);
    TRY(rows_find(c, in, limit_count, &rows));
    row = rows.at;
    if (rows.count == limit_count)
        out->next_cursor =
            cursor_write(c, (struct cursor){row[rows.count - 1].owner_id, row[rows.count - 1].id});
    return accounts_tell(c, &rows, &out->items);
}

/* ---- GET /api/customers/{customer_id}/accounts ----------------------------------------------- */

struct account_person_in {
    int64_t customer_id;
};
struct account_sum {
    int64_t id, scope_id, balance_count, record_count;
    struct str unit, bucket, scope_title;
};
struct account_person_out {
    struct list items;
};
static const struct field account_person_in[] = {IN(struct account_person_in, customer_id)};
static const struct field account_sum[] = {
    OUT(struct account_sum, id, .about = "of the account, or of one of them"),
    OUT(struct account_sum, unit, .one_of = UNIT_NAMES),
    OUT(struct account_sum, bucket, .one_of = BUCKET_NAMES),
    OUT(struct account_sum, scope_id, .is_optional = true,
        .about = "the campaign it counts for; null: the brand as a whole"),
    OUT(struct account_sum, scope_title, .is_optional = true),
    OUT(struct account_sum, balance_count, .about = "of all records of the person together"),
    OUT(struct account_sum, record_count, .about = "so many of them have such an account"),
};
static const struct field account_person_out[] = {
    OUT(struct account_person_out, items, .of = SHAPE(account_sum)),
};

static enum err account_person(struct ctx *c, const void *in_, void *out_)
{
    const struct account_person_in *in = in_;
    struct account_person_out *out = out_;
    const struct q_account_person_row *row;
    struct account_sum *sum;
    struct list rows;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_account_person(c, person_id, PERSON_MAX, &rows));
    row = rows.at;
    sum = arena_new_array(c->arena, struct account_sum, (size_t)rows.count + 1);
    out->items = (struct list){sum, rows.count};
    for (int64_t i = 0; i < rows.count; i++)
        sum[i] = (struct account_sum){.id = row[i].id,
                                      .scope_id = account_id_told(row[i].scope_id),
                                      .balance_count = row[i].balance_count,
                                      .record_count = row[i].record_count,
                                      .unit = row[i].unit,
                                      .bucket = row[i].bucket,
                                      .scope_title = row[i].scope_title};
    return OK;
}

/* ---- GET /api/accounts/{account_id} ---------------------------------------------------------- */

struct account_in {
    int64_t account_id;
};
static const struct field account_in[] = {IN(struct account_in, account_id)};

static enum err account_find(struct ctx *c, int64_t account_id, struct q_account_get_row *row)
{
    enum err err = q_account_get(c, account_id, row);

    return err == E_NOT_FOUND ? fail(c, err, "account.unknown", "no such account") : err;
}

static enum err account_one(struct ctx *c, int64_t account_id, struct account_item *out)
{
    struct q_account_get_row row = {0};

    TRY(account_find(c, account_id, &row));
    *out = (struct account_item){.id = account_id,
                                 .owner_kind = row.owner_kind,
                                 .owner_id = account_id_told(row.owner_id),
                                 .unit = row.unit,
                                 .bucket = row.bucket,
                                 .scope_id = account_id_told(row.scope_id),
                                 .scope_title = row.scope_title,
                                 .balance_count = row.balance_count,
                                 .floor_count = row.floor_count,
                                 .posting_count = row.posting_count};
    return account_name_told(c, row.owner_id, row.name_enc, row.owner_title, &out->owner_name);
}

static enum err account_get(struct ctx *c, const void *in_, void *out)
{
    return account_one(c, ((const struct account_in *)in_)->account_id, out);
}

/* ---- GET /api/accounts/{account_id}/statement ------------------------------------------------ */

struct statement_in {
    int64_t account_id, limit_count;
    struct str cursor;
};
struct statement_item {
    int64_t transfer_id, amount_count, balance_count, key_id, leg_number, reverses_id;
    int64_t reversed_count, staff_id, at_ms, other_account_id, other_owner_id;
    struct str kind, staff_name, reason, other_owner_kind, other_owner_name, other_bucket;
};
struct statement_out {
    struct list items;
    struct str next_cursor;
};
static const struct field statement_in[] = {
    IN(struct statement_in, account_id),
    IN(struct statement_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct statement_in, limit_count, PAGE_MAX),
};
static const struct field statement_item[] = {
    OUT(struct statement_item, transfer_id),
    OUT(struct statement_item, amount_count, .about = "below 0: went out"),
    OUT(struct statement_item, balance_count, .about = "of the account after it"),
    OUT(struct statement_item, kind, .about = "what for"),
    OUT(struct statement_item, key_id, .is_optional = true, .about = "of what; null: 0"),
    OUT(struct statement_item, leg_number),
    OUT(struct statement_item, other_account_id),
    OUT(struct statement_item, other_owner_kind, .one_of = OWNER_NAMES),
    OUT(struct statement_item, other_owner_id, .is_optional = true),
    OUT(struct statement_item, other_owner_name, .is_optional = true),
    OUT(struct statement_item, other_bucket, .one_of = BUCKET_NAMES),
    OUT(struct statement_item, reverses_id, .is_optional = true,
        .about = "the transfer it takes back"),
    OUT(struct statement_item, reversed_count, .about = "how much of it was taken back"),
    OUT(struct statement_item, staff_id, .is_optional = true, .about = "by hand"),
    OUT(struct statement_item, staff_name, .is_optional = true),
    OUT(struct statement_item, reason, .is_optional = true),
    OUT(struct statement_item, at_ms),
};
static const struct field statement_out[] = {
    OUT(struct statement_out, items, .of = SHAPE(statement_item)),
    OUT(struct statement_out, next_cursor, .is_optional = true),
};

static enum err line_tell(struct ctx *c, const struct q_account_statement_row *row,
                          struct statement_item *item)
{
    *item = (struct statement_item){
        .transfer_id = row->id,
        .amount_count = row->is_in ? row->amount_count : -row->amount_count,
        .balance_count = row->balance_count,
        .kind = row->kind,
        .key_id = account_id_told(row->key_id),
        .leg_number = row->leg_number,
        .other_account_id = row->other_account_id,
        .other_owner_kind = row->owner_kind,
        .other_owner_id = account_id_told(row->owner_id),
        .other_bucket = row->bucket,
        .reverses_id = row->reverses_id,
        .reversed_count = row->reversed_count,
        .staff_id = row->staff_id,
        .staff_name = row->staff_name,
        .reason = row->reason,
        .at_ms = row->at_ms,
    };
    return account_name_told(c, row->owner_id, row->name_enc, row->owner_title,
                             &item->other_owner_name);
}

/* The cursor is the next transfer of the chain. */
static enum err statement_get(struct ctx *c, const void *in_, void *out_)
{
    const struct statement_in *in = in_;
    struct statement_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count;
    const struct q_account_statement_row *row;
    struct q_account_get_row account = {0};
    struct statement_item *item;
    struct cursor from;
    struct list rows;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(account_find(c, in->account_id, &account));
    if (in->cursor.at == NULL)
        from.id = account.last_transfer_id;
    if (from.id == NONE)
        return OK;
    TRY(q_account_statement(c, from.id, in->account_id, limit_count, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct statement_item, (size_t)rows.count + 1);
    out->items = (struct list){item, rows.count};
    for (int64_t i = 0; i < rows.count; i++)
        TRY(line_tell(c, &row[i], &item[i]));
    if (rows.count == limit_count && row[rows.count - 1].previous_id != NONE)
        out->next_cursor = cursor_write(c, (struct cursor){0, row[rows.count - 1].previous_id});
    return OK;
}

/* ---- GET /api/transfers/{transfer_id} -------------------------------------------------------- */

struct transfer_in {
    int64_t transfer_id;
};
struct transfer_out {
    int64_t id, key_id, leg_number, amount_count, from_balance_count, to_balance_count;
    int64_t reverses_id, reversed_count, second_above_count, staff_id, at_ms;
    struct str kind, staff_name, reason;
    struct account_item from, to;
    struct list reversals;
};
static const struct field transfer_reversal[] = {
    OUT(struct q_transfer_reversals_row, id),
    OUT(struct q_transfer_reversals_row, kind, .about = "what for"),
    OUT(struct q_transfer_reversals_row, amount_count),
    OUT(struct q_transfer_reversals_row, staff_name, .is_optional = true),
    OUT(struct q_transfer_reversals_row, reason, .is_optional = true),
    OUT(struct q_transfer_reversals_row, at_ms),
};
static const struct field transfer_in[] = {IN(struct transfer_in, transfer_id)};
static const struct field transfer_out[] = {
    OUT(struct transfer_out, id),
    OUT(struct transfer_out, kind, .about = "what for"),
    OUT(struct transfer_out, key_id, .is_optional = true, .about = "of what; null: 0"),
    OUT(struct transfer_out, leg_number),
    OUT(struct transfer_out, amount_count),
    OUT(struct transfer_out, from, .of = SHAPE(account_item)),
    OUT(struct transfer_out, to, .of = SHAPE(account_item)),
    OUT(struct transfer_out, from_balance_count, .about = "after it"),
    OUT(struct transfer_out, to_balance_count, .about = "after it"),
    OUT(struct transfer_out, reverses_id, .is_optional = true,
        .about = "the transfer it takes back"),
    OUT(struct transfer_out, reversed_count, .about = "how much of it was taken back"),
    OUT(struct transfer_out, reversals, .max = 100,
        .of = SHAPE_OF("transfer_reversal", transfer_reversal, struct q_transfer_reversals_row),
        .about = "by what, by hand or by itself, newest first"),
    OUT(struct transfer_out, second_above_count,
        .about = "taking back more than this by hand needs another colleague"),
    OUT(struct transfer_out, staff_id, .is_optional = true, .about = "by hand"),
    OUT(struct transfer_out, staff_name, .is_optional = true),
    OUT(struct transfer_out, reason, .is_optional = true),
    OUT(struct transfer_out, at_ms),
};

static enum err transfer_get(struct ctx *c, const void *in_, void *out_)
{
    const struct transfer_in *in = in_;
    struct transfer_out *out = out_;
    struct q_transfer_get_row row = {0};
    enum err err = q_transfer_get(c, in->transfer_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "transfer.unknown", "no such transfer");
    TRY(err);
    out->id = in->transfer_id;
    out->kind = row.kind;
    out->key_id = account_id_told(row.key_id);
    out->leg_number = row.leg_number;
    out->amount_count = row.amount_count;
    out->from_balance_count = row.from_balance_count;
    out->to_balance_count = row.to_balance_count;
    out->reverses_id = row.reverses_id;
    out->reversed_count = row.reversed_count;
    out->staff_id = row.staff_id;
    out->staff_name = row.staff_name;
    out->reason = row.reason;
    out->at_ms = row.at_ms;
    if (row.reversed_count > 0)
        TRY(q_transfer_reversals(c, in->transfer_id, &out->reversals));
    TRY(account_second_above(c, row.unit, &out->second_above_count));
    TRY(account_one(c, row.from_account_id, &out->from));
    return account_one(c, row.to_account_id, &out->to);
}

const struct route account_routes[] = {
    {HTTP_GET, "/api/accounts", "ledger.read", SHAPE(account_list_in), SHAPE(account_list_out),
     account_list, .about = "Accounts of one kind of owner, or of one", .needs_all = true},
    {HTTP_GET, "/api/customers/{customer_id}/accounts", "customer.read", SHAPE(account_person_in),
     SHAPE(account_person_out), account_person, .about = "What a customer has in the ledger"},
    {HTTP_GET, "/api/accounts/{account_id}", "ledger.read", SHAPE(account_in), SHAPE(account_item),
     account_get, .about = "One account", .needs_all = true},
    {HTTP_GET, "/api/accounts/{account_id}/statement", "ledger.read", SHAPE(statement_in),
     SHAPE(statement_out), statement_get,
     .about = "What went in and out of an account, latest first", .needs_all = true},
    {HTTP_GET, "/api/transfers/{transfer_id}", "ledger.read", SHAPE(transfer_in),
     SHAPE(transfer_out), transfer_get, .about = "One transfer with both its sides",
     .needs_all = true},
    {.path = NULL},
};
