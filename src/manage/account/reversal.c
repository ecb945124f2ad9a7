/* Transfers taken back by hand. Always: each has a row that says who, why and what came of it;
 * above the set amount one colleague asks and another agrees, and nobody agrees to one's own. */
#include "gen/account.q.h"
#include "gen/reversal.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "kit/ledger.h"
#include "manage/account/account_private.h"
#include "manage/setting/setting.h"

#define POLICY_NAMES "only_pending|up_to_balance|create_debt"
#define STATUS_NAMES "asked|done|refused"
#define REASON_MAX 200
#define PAGE_MAX 100
#define PAGE_DEFAULT 30
#define REVERSE_STATEMENTS 60 /* the ledger's own, with all lots a transfer took from */

enum err account_second_above(struct ctx *c, struct str unit, int64_t *above_count)
{
    return setting_int(c, str_is(unit, "fen") ? "reversal_second_fen" : "reversal_second_points",
                       above_count);
}

/* ---- carrying out ---------------------------------------------------------------------------- */

struct reversal_out {
    int64_t id, taken_count, debt_count;
    struct str status;
};
static const struct field reversal_out[] = {
    OUT(struct reversal_out, id),
    OUT(struct reversal_out, status, .one_of = STATUS_NAMES, .about = "asked: another decides"),
    OUT(struct reversal_out, taken_count, .is_optional = true, .about = "came back at once"),
    OUT(struct reversal_out, debt_count, .is_optional = true, .about = "became debt"),
};

static enum ledger_policy policy_of(struct str name)
{
    return str_is(name, "only_pending")    ? REVERSE_ONLY_PENDING
           : str_is(name, "up_to_balance") ? REVERSE_UP_TO_BALANCE
                                           : REVERSE_CREATE_DEBT;
}

static enum err carry_out(struct ctx *c, const struct q_reversal_get_row *row,
                          struct reversal_out *out)
{
    struct reversal reversal = {.kind = "reversal",
                                .key_id = out->id,
                                .transfer_id = row->transfer_id,
                                .amount_count = row->amount_count,
                                .policy = policy_of(row->policy),
                                .reason = row->reason};

    TRY(ledger_reverse(c, &reversal, &out->taken_count, &out->debt_count));
    out->status = S("done");
    return q_reversal_end(c, out->taken_count, out->debt_count, out->id);
}

static enum err person_check(struct ctx *c, struct str words, const char *field)
{
    if (c->me_staff_id == NONE)
        return fail(c, E_FORBIDDEN, "reversal.nobody", "only a person does this: sign in for it");
    if (str_trim(words).len == 0)
        return fail_at(c, "reversal.reason", str_of(field), "say why");
    return OK;
}

/* ---- POST /api/transfers/{transfer_id}/reverse ----------------------------------------------- */

struct reverse_in {
    int64_t transfer_id, amount_count;
    struct str policy, reason;
};
static const struct field reverse_in[] = {
    IN(struct reverse_in, transfer_id),
    IN(struct reverse_in, amount_count, .min = 1, .max = INT64_MAX,
       .about = "at most what of it is not yet taken back"),
    IN(struct reverse_in, policy, .one_of = POLICY_NAMES,
       .about = "where its owner has less: nothing beyond pending, what is there, or debt"),
    IN(struct reverse_in, reason, .min = 1, .max = REASON_MAX),
};

static enum err reverse_check(struct ctx *c, const struct reverse_in *in,
                              struct q_transfer_get_row *row)
{
    enum err err = q_transfer_get(c, in->transfer_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "transfer.unknown", "no such transfer");
    TRY(err);
    if (in->amount_count > row->amount_count - row->reversed_count)
        return fail(c, E_CONFLICT, "ledger.reversed",
                    "only %" PRId64 " of it can still be taken back",
                    row->amount_count - row->reversed_count);
    return OK;
}

static enum err reverse_run(struct ctx *c, const void *in_, void *out_)
{
    const struct reverse_in *in = in_;
    struct reversal_out *out = out_;
    struct q_transfer_get_row transfer = {0};
    struct q_reversal_get_row row = {.transfer_id = in->transfer_id,
                                     .amount_count = in->amount_count,
                                     .policy = in->policy,
                                     .reason = str_trim(in->reason)};
    int64_t above_count;

    TRY(person_check(c, in->reason, "reason"));
    TRY(reverse_check(c, in, &transfer));
    TRY(account_second_above(c, transfer.unit, &above_count));
    *out = (struct reversal_out){.id = ctx_id(c), .taken_count = NONE, .debt_count = NONE};
    out->status = str_of(in->amount_count > above_count ? "asked" : "done");
    TRY(q_reversal_add(c, &(struct q_reversal_add_in){.id = out->id,
                                                      .transfer_id = row.transfer_id,
                                                      .amount_count = row.amount_count,
                                                      .policy = row.policy,
                                                      .reason = row.reason,
                                                      .status = out->status}));
    audit_detail(c, str_fmt(c->arena, "{\"amount_count\":%" PRId64 ",\"policy\":\"%.*s\"}",
                            row.amount_count, STR(row.policy)));
    c->topics |= LIVE_LEDGER;
    return str_is(out->status, "asked") ? OK : carry_out(c, &row, out);
}

/* ---- POST /api/reversals/{reversal_id}/decide ------------------------------------------------ */

struct reversal_decide_in {
    int64_t reversal_id;
    bool is_agreed;
    struct str words;
};
static const struct field reversal_decide_in[] = {
    IN(struct reversal_decide_in, reversal_id),
    IN(struct reversal_decide_in, is_agreed),
    IN(struct reversal_decide_in, words, .min = 1, .max = REASON_MAX),
};

static enum err decide_run(struct ctx *c, const void *in_, void *out_)
{
    const struct reversal_decide_in *in = in_;
    struct reversal_out *out = out_;
    struct q_reversal_get_row row = {0};
    int64_t changed_count;
    enum err err;

    TRY(person_check(c, in->words, "words"));
    err = q_reversal_get(c, in->reversal_id, &row);
    if (err == E_NOT_FOUND)
        return fail(c, err, "reversal.unknown", "no such reversal");
    TRY(err);
    if (row.asked_staff_id == c->me_staff_id)
        return fail(c, E_FORBIDDEN, "reversal.own", "another colleague decides about yours");
    *out = (struct reversal_out){.id = in->reversal_id, .taken_count = NONE, .debt_count = NONE};
    out->status = str_of(in->is_agreed ? "done" : "refused");
    TRY(q_reversal_decide(c, out->status, str_trim(in->words), in->reversal_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "reversal.decided", "it has been decided already");
    c->topics |= LIVE_LEDGER;
    return in->is_agreed ? carry_out(c, &row, out) : OK;
}

/* ---- GET /api/reversals ---------------------------------------------------------------------- */

struct reversal_list_in {
    struct str status, cursor;
    int64_t transfer_id, limit_count;
};
struct reversal_item {
    int64_t id, transfer_id, account_id, owner_id, amount_count, taken_count, debt_count;
    int64_t asked_ms, decided_ms;
    struct str owner_kind, owner_name, unit, bucket, policy, reason, status, asked_staff_name;
    struct str decided_staff_name, decided_words;
    bool is_mine;
};
struct reversal_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field reversal_list_in[] = {
    IN(struct reversal_list_in, status, .is_optional = true, .one_of = STATUS_NAMES),
    IN(struct reversal_list_in, transfer_id, .is_optional = true),
    IN(struct reversal_list_in, cursor, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct reversal_list_in, limit_count, PAGE_MAX),
};
static const struct field reversal_item[] = {
    OUT(struct reversal_item, id),
    OUT(struct reversal_item, transfer_id),
    OUT(struct reversal_item, account_id, .about = "out of which it comes back"),
    OUT(struct reversal_item, owner_kind, .one_of = OWNER_NAMES),
    OUT(struct reversal_item, owner_id, .is_optional = true),
    OUT(struct reversal_item, owner_name, .is_optional = true),
    OUT(struct reversal_item, unit, .one_of = UNIT_NAMES),
    OUT(struct reversal_item, bucket, .one_of = BUCKET_NAMES),
    OUT(struct reversal_item, amount_count),
    OUT(struct reversal_item, policy, .one_of = POLICY_NAMES),
    OUT(struct reversal_item, reason),
    OUT(struct reversal_item, status, .one_of = STATUS_NAMES),
    OUT(struct reversal_item, asked_staff_name, .is_optional = true),
    OUT(struct reversal_item, asked_ms),
    OUT(struct reversal_item, is_mine, .about = "one's own: another decides"),
    OUT(struct reversal_item, decided_staff_name, .is_optional = true),
    OUT(struct reversal_item, decided_ms, .is_optional = true),
    OUT(struct reversal_item, decided_words, .is_optional = true),
    OUT(struct reversal_item, taken_count, .is_optional = true, .about = "came back at once"),
    OUT(struct reversal_item, debt_count, .is_optional = true, .about = "became debt"),
};
static const struct field reversal_list_out[] = {
    OUT(struct reversal_list_out, items, .of = SHAPE(reversal_item)),
    OUT(struct reversal_list_out, next_cursor, .is_optional = true),
};

static enum err item_tell(struct ctx *c, const struct q_reversal_list_row *row,
                          struct reversal_item *item)
{
    *item = (struct reversal_item){
        .id = row->id,
        .transfer_id = row->transfer_id,
        .account_id = row->account_id,
        .owner_kind = row->owner_kind,
        .owner_id = account_id_told(row->owner_id),
        .unit = row->unit,
        .bucket = row->bucket,
        .amount_count = row->amount_count,
        .policy = row->policy,
        .reason = row->reason,
        .status = row->status,
        .asked_staff_name = row->asked_staff_name,
        .asked_ms = row->asked_ms,
        .is_mine = row->asked_staff_id == c->me_staff_id,
        .decided_staff_name = row->decided_staff_name,
        .decided_ms = row->decided_ms,
        .decided_words = row->decided_words,
        .taken_count = row->taken_count,
        .debt_count = row->debt_count,
    };
    return account_name_told(c, row->owner_id, row->name_enc, row->owner_title, &item->owner_name);
}

_Static_assert(sizeof(struct q_reversal_of_row) == sizeof(struct q_reversal_list_row),
               "the same columns");

static enum err rows_find(struct ctx *c, const struct reversal_list_in *in, int64_t limit_count,
                          struct list *rows)
{
    struct cursor from;

    TRY(cursor_read(c, in->cursor, &from));
    if (in->transfer_id == NONE)
        return q_reversal_list(c, from.id, in->status, limit_count, rows);
    return q_reversal_of(c,
                         &(struct q_reversal_of_in){.transfer_id = in->transfer_id,
                                                    .before_id = from.id,
                                                    .status = in->status,
                                                    .limit_count = limit_count},
                         rows);
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct reversal_list_in *in = in_;
    struct reversal_list_out *out = out_;
    int64_t limit_count = in->limit_count == NONE ? PAGE_DEFAULT : in->limit_count;
    const struct q_reversal_list_row *row;
    struct reversal_item *item;
    struct list rows;

    TRY(rows_find(c, in, limit_count, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct reversal_item, (size_t)rows.count + 1);
    out->items = (struct list){item, rows.count};
    for (int64_t i = 0; i < rows.count; i++)
        TRY(item_tell(c, &row[i], &item[i]));
    if (rows.count == limit_count)
        out->next_cursor = cursor_write(c, (struct cursor){0, row[rows.count - 1].id});
    return OK;
}

const struct route reversal_routes[] = {
    {HTTP_GET, "/api/reversals", "ledger.read", SHAPE(reversal_list_in), SHAPE(reversal_list_out),
     list_run, .about = "Transfers taken back by hand, newest first", .needs_all = true},
    {HTTP_POST, "/api/transfers/{transfer_id}/reverse", "ledger.reverse", SHAPE(reverse_in),
     SHAPE(reversal_out), reverse_run,
     .about = "Take a transfer back; above the set amount another colleague decides",
     .repeat = REPEAT_KEY_REQUIRED, .statement_max = REVERSE_STATEMENTS, .needs_all = true,
     .needs_session = true},
    {HTTP_POST, "/api/reversals/{reversal_id}/decide", "ledger.reverse", SHAPE(reversal_decide_in),
     SHAPE(reversal_out), decide_run,
     .about = "Agree to a reversal that another asked for, or refuse it",
     .statement_max = REVERSE_STATEMENTS, .needs_all = true, .needs_session = true},
    {.path = NULL},
};
