/* One customer: all we know, personal data masked. */
#include "gen/customer.q.h"
#include "gen/customer_list.q.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"
#include "manage/setting/setting.h"

struct profile_in {
    int64_t customer_id;
};
struct profile_identity {
    struct str kind, value;
};
struct profile_out {
    int64_t id, customer_number, channel_id, touched_ms, added_ms;
    struct str name, phone, email, region, attributes, channel_name, state, action_date;
    bool is_family;
    int64_t order_count, paid_fen, refunded_fen, first_order_ms, last_order_ms, average_order_fen;
    int64_t invited_count, invited_by_customer_id;
    struct list identities, tags;
};
static const struct field profile_in[] = {IN(struct profile_in, customer_id)};
static const struct field profile_identity[] = {
    OUT(struct profile_identity, kind),
    OUT(struct profile_identity, value),
};
static const struct field profile_tag[] = {
    OUT(struct q_customer_tags_row, id),
    OUT(struct q_customer_tags_row, family),
    OUT(struct q_customer_tags_row, name),
    OUT(struct q_customer_tags_row, color),
};
static const struct field profile_out[] = {
    OUT(struct profile_out, id),
    OUT(struct profile_out, customer_number),
    OUT(struct profile_out, name, .is_optional = true),
    OUT(struct profile_out, phone, .is_optional = true),
    OUT(struct profile_out, email, .is_optional = true),
    OUT(struct profile_out, region, .is_optional = true),
    OUT(struct profile_out, attributes, .is_json = true),
    OUT(struct profile_out, channel_id, .is_optional = true),
    OUT(struct profile_out, channel_name, .is_optional = true),
    OUT(struct profile_out, state, .one_of = "never|once|repeat|sleeping|lost"),
    OUT(struct profile_out, is_family),
    OUT(struct profile_out, touched_ms),
    OUT(struct profile_out, added_ms, .is_optional = true),
    OUT(struct profile_out, action_date, .is_optional = true),
    OUT(struct profile_out, order_count),
    OUT(struct profile_out, paid_fen),
    OUT(struct profile_out, refunded_fen),
    OUT(struct profile_out, first_order_ms, .is_optional = true),
    OUT(struct profile_out, last_order_ms, .is_optional = true),
    OUT(struct profile_out, average_order_fen, .is_optional = true),
    OUT(struct profile_out, invited_count),
    OUT(struct profile_out, invited_by_customer_id, .is_optional = true),
    OUT(struct profile_out, identities, .of = SHAPE(profile_identity)),
    OUT(struct profile_out, tags,
        .of = SHAPE_OF("profile_tag", profile_tag, struct q_customer_tags_row)),
};

static enum err texts_open(struct ctx *c, const struct q_customer_profile_row *row,
                           struct profile_out *out)
{
    TRY(ctx_unseal(c, row->name_enc, "customer", out->id, &out->name));
    TRY(ctx_unseal(c, row->phone_enc, "customer", out->id, &out->phone));
    TRY(ctx_unseal(c, row->email_enc, "customer", out->id, &out->email));
    out->name = mask_name_for(c, out->name);
    out->phone = mask_phone(c->arena, out->phone);
    out->email = mask_email(c->arena, out->email);
    return OK;
}

static void figures_fill(struct ctx *c, const struct q_customer_profile_row *row,
                         struct profile_out *out)
{
    out->customer_number = row->customer_number;
    out->region = row->region;
    out->attributes = row->attributes;
    out->channel_id = row->channel_id;
    out->channel_name = row->channel_name;
    out->is_family = row->is_family;
    out->touched_ms = row->touched_ms;
    out->added_ms = row->added_ms;
    if (row->action_day != NONE)
        out->action_date = day_iso(c->arena, row->action_day);
    out->order_count = row->order_count;
    out->paid_fen = row->paid_fen;
    out->refunded_fen = row->refunded_fen;
    out->first_order_ms = row->first_order_ms;
    out->last_order_ms = row->last_order_ms;
    out->average_order_fen = row->order_count > 0 ? row->paid_fen / row->order_count : NONE;
    out->invited_count = row->invited_count;
    out->invited_by_customer_id = row->invited_by_customer_id;
}

static enum err identities_fill(struct ctx *c, struct profile_out *out)
{
    const struct q_identity_of_customer_row *row;
    struct profile_identity *identity;
    struct list rows;

    TRY(q_identity_of_customer(c, out->id, &rows));
    row = rows.at;
    identity = arena_new_array(c->arena, struct profile_identity, (size_t)rows.count + 1);
    out->identities = (struct list){identity, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        identity[i].kind = row[i].kind;
        TRY(ctx_unseal(c, row[i].value_enc, "customer", row[i].record_id, &identity[i].value));
        identity[i].value = mask_identity(c->arena, row[i].kind, identity[i].value);
    }
    return OK;
}

static bool is_before(const struct q_customer_tags_row *a, const struct q_customer_tags_row *b)
{
    int by_family = str_cmp(a->family, b->family);

    return by_family < 0 || (by_family == 0 && str_cmp(a->name, b->name) < 0);
}

/* By family and name: here, because a sort in the database costs more than all its look-ups. */
static void tags_sort(struct list *tags)
{
    struct q_customer_tags_row *row = tags->at;

    for (int64_t i = 1; i < tags->count; i++) {
        struct q_customer_tags_row next = row[i];
        int64_t at = i;
        for (; at > 0 && is_before(&next, &row[at - 1]); at--)
            row[at] = row[at - 1];
        row[at] = next;
    }
}

static enum err profile_run(struct ctx *c, const void *in_, void *out_)
{
    const struct profile_in *in = in_;
    struct profile_out *out = out_;
    struct q_customer_profile_row row;
    struct customer_limits limits;
    enum err err = q_customer_profile(c, in->customer_id, &row);

    if (err == E_NOT_FOUND)
        return customer_unknown(c, in->customer_id);
    TRY(err);
    out->id = row.id;
    TRY(texts_open(c, &row, out));
    figures_fill(c, &row, out);
    limits.sleep_before_ms =
        c->now_ms - setting_int_of("sleep_after_days", row.sleep_value) * DAY_MS;
    limits.lost_before_ms = c->now_ms - setting_int_of("lost_after_days", row.lost_value) * DAY_MS;
    out->state = str_of(customer_state(&limits, row.order_count, row.last_order_ms));
    TRY(identities_fill(c, out));
    TRY(q_customer_tags(c, out->id, &out->tags));
    tags_sort(&out->tags);
    return OK;
}

const struct route customer_profile_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}", "customer.read", SHAPE(profile_in),
     SHAPE(profile_out), profile_run, .about = "One customer with identities and tags",
     .is_quick = true},
    {.path = NULL},
};
