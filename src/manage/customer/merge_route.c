/* Merging by hand: what would move and what would stand, then doing it, and the history. Values of
 * personal fields are masked; both customers must be in reach. */
#include "gen/customer.q.h"
#include "kit/behaviour.h"
#include "manage/customer/mask.h"
#include "manage/customer/merge_private.h"

#define LEFT_MAX 200

/* ---- what all answers share ------------------------------------------------------------------ */

static const struct field merge_left_fields[] = {
    OUT(struct merge_left, field),
    OUT(struct merge_left, now, .is_optional = true),
    OUT(struct merge_left, before, .is_optional = true),
};
const struct shape merge_left_shape = {.name = "merge_left",
                                       .fields = merge_left_fields,
                                       .count = ARRAY_LEN(merge_left_fields),
                                       .bytes = sizeof(struct merge_left)};

static struct str shown(struct ctx *c, struct str name, struct str value)
{
    return value.len > 0 ? merge_masked(c, name, value) : (struct str){0};
}

struct list merge_left(struct ctx *c, const struct merge_record *record)
{
    const struct merge_value *at = record->left_now.list.at;
    int64_t count = record->left_now.list.count;
    struct merge_left *left = arena_new_array(c->arena, struct merge_left, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++)
        left[i] = (struct merge_left){
            .field = at[i].name,
            .now = shown(c, at[i].name, at[i].value),
            .before = shown(c, at[i].name, merge_get(&record->left_was, at[i].name)),
        };
    return (struct list){left, count};
}

/* Both persons, in reach and not the same one. */
static enum err both_reach(struct ctx *c, int64_t customer_id, int64_t other_customer_id,
                           int64_t ids[2])
{
    TRY(customer_reach(c, customer_id, &ids[0]));
    TRY(customer_reach(c, other_customer_id, &ids[1]));
    if (ids[0] == ids[1])
        return fail(c, E_CONFLICT, "merge.same", "the two are one person already");
    return OK;
}

/* ---- preview --------------------------------------------------------------------------------- */

struct merge_preview_in {
    int64_t customer_id, other_customer_id;
};
struct merge_preview_field {
    struct str field, kept, other, result;
    bool is_conflict;
};
struct merge_preview_identity {
    struct str kind, value;
};
struct merge_preview_out {
    int64_t customer_id, other_customer_id, record_count;
    struct list fields, identities, tags, clashes;
    int64_t order_count, paid_fen, refunded_fen, document_count, event_count, note_count,
        consent_count, owner_count;
};
struct merge_clash {
    struct str kind;
};
static const struct field merge_preview_in[] = {
    IN(struct merge_preview_in, customer_id),
    IN(struct merge_preview_in, other_customer_id),
};
static const struct field merge_preview_field[] = {
    OUT(struct merge_preview_field, field),
    OUT(struct merge_preview_field, kept, .is_optional = true),
    OUT(struct merge_preview_field, other, .is_optional = true),
    OUT(struct merge_preview_field, result, .is_optional = true,
        .about = "unless chosen otherwise"),
    OUT(struct merge_preview_field, is_conflict, .about = "both have one: choose"),
};
static const struct field merge_preview_identity[] = {
    OUT(struct merge_preview_identity, kind),
    OUT(struct merge_preview_identity, value),
};
static const struct field merge_preview_tag[] = {
    OUT(struct q_merge_tag_names_row, id),
    OUT(struct q_merge_tag_names_row, family),
    OUT(struct q_merge_tag_names_row, name),
    OUT(struct q_merge_tag_names_row, color),
};
static const struct field merge_clash[] = {OUT(struct merge_clash, kind)};
static const struct field merge_preview_out[] = {
    OUT(struct merge_preview_out, customer_id, .about = "whom the two will be"),
    OUT(struct merge_preview_out, other_customer_id),
    OUT(struct merge_preview_out, record_count, .about = "of the other one, itself included"),
    OUT(struct merge_preview_out, fields, .of = SHAPE(merge_preview_field)),
    OUT(struct merge_preview_out, identities, .of = SHAPE(merge_preview_identity),
        .about = "that move"),
    OUT(struct merge_preview_out, clashes, .of = SHAPE(merge_clash),
        .about = "kinds of identities of which a person has one, and here each has one"),
    OUT(struct merge_preview_out, tags,
        .of = SHAPE_OF("merge_preview_tag", merge_preview_tag, struct q_merge_tag_names_row)),
    OUT(struct merge_preview_out, order_count),
    OUT(struct merge_preview_out, paid_fen),
    OUT(struct merge_preview_out, refunded_fen),
    OUT(struct merge_preview_out, document_count, .about = "orders of any kind and state"),
    OUT(struct merge_preview_out, event_count),
    OUT(struct merge_preview_out, note_count),
    OUT(struct merge_preview_out, consent_count),
    OUT(struct merge_preview_out, owner_count, .about = "rows of the history of owners"),
};

static void preview_fields(struct ctx *c, const struct merge_values values[2],
                           struct merge_preview_out *out)
{
    struct merge_values result, names, choices = {0};
    struct merge_preview_field *field;
    const struct merge_value *at;

    merge_combine(c, &values[0], &values[1], &choices, &result);
    names = merge_copy(c, &result);
    at = names.list.at;
    field = arena_new_array(c->arena, struct merge_preview_field, (size_t)names.list.count + 1);
    for (int64_t i = 0; i < names.list.count; i++) {
        struct str name = at[i].name;
        struct str kept = merge_get(&values[0], name), other = merge_get(&values[1], name);
        field[i] = (struct merge_preview_field){
            .field = name,
            .kept = merge_masked(c, name, kept),
            .other = merge_masked(c, name, other),
            .result = merge_masked(c, name, at[i].value),
            .is_conflict = merge_is_choice(name) && kept.at && other.at && !str_eq(kept, other),
        };
    }
    out->fields = (struct list){field, names.list.count};
}

static bool is_exclusive(struct str kind)
{
    return str_is(kind, "unionid") || str_is(kind, "member_no") || str_is(kind, "external_userid");
}

static bool has_kind(const struct list *identities, struct str kind)
{
    const struct q_identity_of_customer_row *row = identities->at;

    for (int64_t i = 0; i < identities->count; i++)
        if (str_eq(row[i].kind, kind))
            return true;
    return false;
}

static enum err preview_identities(struct ctx *c, struct merge_preview_out *out)
{
    const struct q_identity_of_customer_row *row;
    struct merge_preview_identity *identity;
    struct list kept, moving;
    struct merge_clash *clash;

    TRY(q_identity_of_customer(c, out->customer_id, &kept));
    TRY(q_identity_of_customer(c, out->other_customer_id, &moving));
    row = moving.at;
    identity = arena_new_array(c->arena, struct merge_preview_identity, (size_t)moving.count + 1);
    clash = arena_new_array(c->arena, struct merge_clash, (size_t)moving.count + 1);
    out->identities = (struct list){identity, moving.count};
    out->clashes = (struct list){clash, 0};
    for (int64_t i = 0; i < moving.count; i++) {
        struct str value;
        TRY(ctx_unseal(c, row[i].value_enc, "customer", row[i].record_id, &value));
        identity[i].kind = row[i].kind;
        identity[i].value = mask_identity(c->arena, row[i].kind, value);
        if (is_exclusive(row[i].kind) && has_kind(&kept, row[i].kind) &&
            (i == 0 || !str_eq(row[i].kind, row[i - 1].kind)))
            clash[out->clashes.count++].kind = row[i].kind;
    }
    return OK;
}

static enum err preview_counts(struct ctx *c, const struct q_merge_row_row *other,
                               struct merge_preview_out *out)
{
    struct behaviour_whose whose = {.customer_id = out->other_customer_id, .is_person = true};
    struct q_merge_moving_row moving;
    int64_t paged_count;

    TRY(q_merge_moving(c, out->other_customer_id, &moving));
    TRY(behaviour_count(c, &whose, &paged_count));
    out->record_count = other->record_count + 1;
    out->order_count = other->order_count;
    out->paid_fen = other->paid_fen;
    out->refunded_fen = other->refunded_fen;
    out->document_count = moving.document_count;
    out->event_count = moving.event_count + paged_count;
    out->note_count = moving.note_count;
    out->consent_count = moving.consent_count;
    out->owner_count = moving.owner_count;
    return q_merge_tag_names(c, out->other_customer_id, &out->tags);
}

static enum err preview_run(struct ctx *c, const void *in_, void *out_)
{
    const struct merge_preview_in *in = in_;
    struct merge_preview_out *out = out_;
    struct merge_values values[2];
    struct q_merge_row_row rows[2];
    int64_t ids[2];

    TRY(both_reach(c, in->customer_id, in->other_customer_id, ids));
    TRY(q_merge_row(c, (struct q_merge_row_in[]){{ids[0]}, {ids[1]}}, 2, rows));
    for (int i = 0; i < 2; i++) {
        must(rows[i].id != NONE);
        TRY(merge_values_of(c, &rows[i], &values[i]));
    }
    out->customer_id = ids[0];
    out->other_customer_id = ids[1];
    preview_fields(c, values, out);
    TRY(preview_identities(c, out));
    return preview_counts(c, &rows[1], out);
}

/* ---- merging --------------------------------------------------------------------------------- */

struct merge_choice {
    struct str field, choice;
};
struct merge_in {
    int64_t customer_id, other_customer_id;
    struct list choices;
};
struct merge_out {
    int64_t id, customer_id;
};
static const struct field merge_choice[] = {
    IN(struct merge_choice, field, .min = 1, .max = 100),
    IN(struct merge_choice, choice, .one_of = "keep|take"),
};
static const struct field merge_in[] = {
    IN(struct merge_in, customer_id),
    IN(struct merge_in, other_customer_id),
    IN(struct merge_in, choices, .is_optional = true, .max = 200, .of = SHAPE(merge_choice),
       .about = "for fields of which both have a value; without one, what is kept stands"),
};
static const struct field merge_out[] = {
    OUT(struct merge_out, id, .about = "of the merge: what undoes it"),
    OUT(struct merge_out, customer_id, .about = "whom the two are now"),
};

static enum err choices_read(struct ctx *c, const struct list *choices, struct merge_pair *pair)
{
    const struct merge_choice *at = choices->at;

    for (int64_t i = 0; i < choices->count; i++) {
        if (!merge_is_choice(at[i].field))
            return fail_at(c, "merge.field", str_fmt(c->arena, "choices/%" PRId64 "/field", i),
                           "nothing is to be chosen there");
        merge_set(c, &pair->choices, at[i].field, at[i].choice);
    }
    return OK;
}

static enum err merge_run(struct ctx *c, const void *in_, void *out_)
{
    const struct merge_in *in = in_;
    struct merge_out *out = out_;
    struct merge_pair pair = {.rule = "hand"};
    int64_t ids[2];

    TRY(both_reach(c, in->customer_id, in->other_customer_id, ids));
    TRY(choices_read(c, &in->choices, &pair));
    pair.kept_id = ids[0];
    pair.merged_id = ids[1];
    TRY(merge_write(c, &pair, 1));
    if (pair.merge_id == NONE)
        return fail(c, E_CONFLICT, "merge.too_many", "more than %d records of one person",
                    MERGE_RECORDS_MAX);
    out->id = pair.merge_id;
    out->customer_id = ids[0];
    return OK;
}

/* ---- history --------------------------------------------------------------------------------- */

struct merge_history_in {
    int64_t customer_id;
};
struct merge_item {
    int64_t id, kept_customer_id, merged_customer_id, staff_id, merged_ms, undone_ms,
        undone_staff_id;
    struct str rule, staff_name, undone_staff_name, fields;
    struct list left;
};
struct merge_history_out {
    struct list items;
};
static const struct field merge_history_in[] = {IN(struct merge_history_in, customer_id)};
static const struct field merge_item[] = {
    OUT(struct merge_item, id),
    OUT(struct merge_item, kept_customer_id),
    OUT(struct merge_item, merged_customer_id),
    OUT(struct merge_item, rule, .one_of = "hand|phone|unionid|visitor"),
    OUT(struct merge_item, fields, .about = "names of what it changed"),
    OUT(struct merge_item, staff_id, .is_optional = true),
    OUT(struct merge_item, staff_name, .is_optional = true),
    OUT(struct merge_item, merged_ms),
    OUT(struct merge_item, undone_ms, .is_optional = true),
    OUT(struct merge_item, undone_staff_id, .is_optional = true),
    OUT(struct merge_item, undone_staff_name, .is_optional = true),
    OUT(struct merge_item, left, .of = &merge_left_shape, .about = "stayed when it was undone"),
};
static const struct field merge_history_out[] = {
    OUT(struct merge_history_out, items, .of = SHAPE(merge_item)),
};

static struct str changed_names(struct ctx *c, const struct merge_record *record)
{
    const struct merge_value *at = record->after.list.at;
    struct str names = S("");

    for (int64_t i = 0; i < record->after.list.count; i++)
        if (!str_eq(at[i].value, merge_get(&record->before, at[i].name)))
            names =
                str_fmt(c->arena, "%.*s%s%.*s", STR(names), names.len ? " " : "", STR(at[i].name));
    return names;
}

static enum err item_fill(struct ctx *c, const struct q_merge_history_row *row,
                          struct merge_item *item)
{
    struct merge_record record = {.id = row->id};
    enum err err = merge_record_open(c, row->fields_enc, &record);

    *item = (struct merge_item){.id = row->id,
                                .kept_customer_id = row->kept_customer_id,
                                .merged_customer_id = row->merged_customer_id,
                                .staff_id = row->staff_id,
                                .merged_ms = row->merged_ms,
                                .undone_ms = row->undone_ms,
                                .undone_staff_id = row->undone_staff_id,
                                .rule = row->rule,
                                .staff_name = row->staff_name,
                                .undone_staff_name = row->undone_staff_name,
                                .fields = S("")};
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    item->fields = changed_names(c, &record);
    item->left = merge_left(c, &record);
    return OK;
}

static enum err history_run(struct ctx *c, const void *in_, void *out_)
{
    const struct merge_history_in *in = in_;
    struct merge_history_out *out = out_;
    const struct q_merge_history_row *row;
    struct merge_item *item;
    struct list rows;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_merge_history(c, person_id, &rows));
    row = rows.at;
    item = arena_new_array(c->arena, struct merge_item, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++)
        TRY(item_fill(c, &row[i], &item[i]));
    out->items = (struct list){item, rows.count};
    return OK;
}

const struct route merge_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/merge", "customer.merge", SHAPE(merge_preview_in),
     SHAPE(merge_preview_out), preview_run, .about = "What merging another customer in would do",
     .statement_max = 14},
    {HTTP_POST, "/api/customers/{customer_id}/merge", "customer.merge", SHAPE(merge_in),
     SHAPE(merge_out), merge_run, .about = "Another record becomes this person",
     .statement_max = 24},
    {HTTP_GET, "/api/customers/{customer_id}/merges", "customer.read", SHAPE(merge_history_in),
     SHAPE(merge_history_out), history_run, .about = "Merges of a customer, latest first"},
    {.path = NULL},
};
