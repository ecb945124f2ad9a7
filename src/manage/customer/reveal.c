/* Shows one person's data in the clear: what lists and pages show masked. Always: every showing is
 * a change with its row in the audit trail, which names the fields; the answer is kept nowhere; a
 * colleague has so many an hour (setting reveal_per_hour), counted in the base, so that a restart
 * gives no more. */
#include "gen/reveal.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"
#include "manage/setting/setting.h"

#define HOUR_MS (DAY_MS / 24)

struct reveal_in {
    int64_t customer_id;
    struct str fields;
};
struct reveal_identity {
    struct str kind, value;
};
struct reveal_out {
    struct str name, phone, email, address;
    struct list identities;
};
static const struct field reveal_in[] = {
    IN(struct reveal_in, customer_id),
    IN(struct reveal_in, fields, .is_optional = true, .max = 60,
       .about = "blank-separated: name phone email address identities; all where none is named"),
};
static const struct field reveal_identity[] = {
    OUT(struct reveal_identity, kind),
    OUT(struct reveal_identity, value),
};
static const struct field reveal_out[] = {
    OUT(struct reveal_out, name, .is_optional = true),
    OUT(struct reveal_out, phone, .is_optional = true),
    OUT(struct reveal_out, email, .is_optional = true),
    OUT(struct reveal_out, address, .is_optional = true),
    OUT(struct reveal_out, identities, .of = SHAPE(reveal_identity)),
};

enum { SHOW_NAME = 1, SHOW_PHONE = 2, SHOW_EMAIL = 4, SHOW_ADDRESS = 8, SHOW_IDENTITIES = 16 };
static const char *const field_names[] = {"name", "phone", "email", "address", "identities"};

static enum err fields_read(struct ctx *c, struct str text, unsigned *fields)
{
    struct str word, rest = str_trim(text);
    bool is_more = rest.len > 0;

    *fields = is_more ? 0 : SHOW_NAME | SHOW_PHONE | SHOW_EMAIL | SHOW_ADDRESS | SHOW_IDENTITIES;
    while (is_more) {
        size_t at = 0;
        is_more = str_cut(rest, ' ', &word, &rest);
        while (at < ARRAY_LEN(field_names) && !str_is(word, field_names[at]))
            at++;
        if (at == ARRAY_LEN(field_names))
            return fail_at(c, "reveal.field", S("fields"), "no field is called so");
        *fields |= 1u << at;
    }
    return OK;
}

/* Which fields, in their own order, for the audit trail. */
static struct str fields_json(struct ctx *c, unsigned fields)
{
    struct str list = S("");

    for (size_t i = 0; i < ARRAY_LEN(field_names); i++)
        if (fields & (1u << i))
            list = str_fmt(c->arena, "%.*s%s%s", STR(list), list.len ? " " : "", field_names[i]);
    return str_fmt(c->arena, "{\"fields\":\"%.*s\"}", STR(list));
}

/* The machine's own socket is nobody's and not counted. */
static enum err turn_take(struct ctx *c, struct str most_value)
{
    int64_t taken_count, most_count = setting_int_of("reveal_per_hour", most_value);

    if (c->me_staff_id == NONE)
        return OK;
    TRY(q_reveal_take(c, c->me_staff_id, c->now_ms / HOUR_MS, most_count, &taken_count));
    if (taken_count > 0)
        return OK;
    fail(c, E_RATE, "reveal.too_often", "%" PRId64 " were shown within this hour", most_count);
    c->fault.wait_ms = HOUR_MS - c->now_ms % HOUR_MS;
    return E_RATE;
}

static enum err identities_fill(struct ctx *c, int64_t person_id, struct list *out)
{
    const struct q_reveal_identities_row *row;
    struct reveal_identity *identity;
    struct list rows;

    TRY(q_reveal_identities(c, person_id, &rows));
    row = rows.at;
    identity = arena_new_array(c->arena, struct reveal_identity, (size_t)rows.count + 1);
    *out = (struct list){identity, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        identity[i].kind = row[i].kind;
        TRY(ctx_unseal(c, row[i].value_enc, "customer", row[i].customer_id, &identity[i].value));
    }
    return OK;
}

static enum err reveal_run(struct ctx *c, const void *in_, void *out_)
{
    const struct reveal_in *in = in_;
    struct reveal_out *out = out_;
    struct q_reveal_row_row row;
    int64_t person_id;
    unsigned fields;

    TRY(fields_read(c, in->fields, &fields));
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_reveal_row(c, person_id, &row));
    TRY(turn_take(c, row.most_value));
    if (fields & SHOW_NAME)
        TRY(ctx_unseal(c, row.name_enc, "customer", person_id, &out->name));
    if (fields & SHOW_PHONE)
        TRY(ctx_unseal(c, row.phone_enc, "customer", person_id, &out->phone));
    if (fields & SHOW_EMAIL)
        TRY(ctx_unseal(c, row.email_enc, "customer", person_id, &out->email));
    if (fields & SHOW_ADDRESS)
        TRY(ctx_unseal(c, row.address_enc, "customer", person_id, &out->address));
    if (fields & SHOW_IDENTITIES)
        TRY(identities_fill(c, person_id, &out->identities));
    audit_about(c, "customer", person_id);
    audit_detail(c, fields_json(c, fields));
    return OK;
}

const struct route reveal_routes[] = {
    {HTTP_POST, "/api/customers/{customer_id}/reveal", "customer.reveal", SHAPE(reveal_in),
     SHAPE(reveal_out), reveal_run, .about = "Personal data in the clear; audited",
     .repeat = REPEAT_KEY_IGNORED},
    {.path = NULL},
};
