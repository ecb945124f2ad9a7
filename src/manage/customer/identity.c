/* Identities: by what a customer is known. Each kind has one written form, so that the same phone
 * typed twice is found once. Always: an identity belongs to one customer (primary key of its
 * table). */
#include "base/utf8.h"
#include "gen/customer.q.h"
#include "kit/key.h"
#include "manage/customer/customer_private.h"

#define KIND_MAX 60
#define PHONE_MIN 5
#define PHONE_MAX 20

static const char *const plain_kinds[] = {"phone",     "email",     "unionid",
                                          "member_no", "anonymous", "external_userid"};

bool identity_is(struct customer_ref ref, const char *kind)
{
    return str_is(ref.kind, kind);
}

static bool is_kind_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* openid:APP and shop:SOURCE */
static bool is_scoped_kind(struct str kind)
{
    struct str head, tail;

    if (!str_cut(kind, ':', &head, &tail) || tail.len == 0 || kind.len > KIND_MAX)
        return false;
    if (!str_is(head, "openid") && !str_is(head, "shop"))
        return false;
    for (size_t i = 0; i < tail.len; i++)
        if (!is_kind_char(tail.at[i]))
            return false;
    return true;
}

static bool kind_is_known(struct str kind)
{
    for (size_t i = 0; i < ARRAY_LEN(plain_kinds); i++)
        if (str_is(kind, plain_kinds[i]))
            return true;
    return is_scoped_kind(kind);
}

/* Digits alone; blanks and signs that people write between them are left out. False: something else
 * is in it. */
static bool phone_digits(struct ctx *c, struct str value, struct str *out)
{
    char *digits = arena_alloc(c->arena, value.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < value.len; i++) {
        char at = value.at[i];
        if (at >= '0' && at <= '9')
            digits[len++] = at;
        else if (at != ' ' && at != '-' && at != '(' && at != ')' && !(at == '+' && len == 0))
            return false;
    }
    *out = (struct str){digits, len};
    return true;
}

static bool phone_normal(struct ctx *c, struct str value, struct str *out)
{
    bool has_country = value.at[0] == '+';

    if (!phone_digits(c, value, out))
        return false;
    if (str_starts(*out, S("00"))) {
        *out = str_sub(*out, 2, out->len);
        has_country = true;
    }
    if (out->len == 13 && str_starts(*out, S("861"))) /* a mobile number, the + forgotten */
        has_country = true;
    if (has_country && str_starts(*out, S("86")))
        *out = str_sub(*out, 2, out->len);
    return out->len >= PHONE_MIN && out->len <= PHONE_MAX;
}

static bool email_normal(struct ctx *c, struct str value, struct str *out)
{
    int64_t at = str_find(value, S("@"));

    *out = str_lower(c->arena, value);
    return at > 0 && at + 1 < (int64_t)value.len && str_find(value, S(" ")) < 0;
}

enum err customer_ref_normal(struct ctx *c, struct customer_ref ref, struct customer_ref *out)
{
    struct str value = str_trim(ref.value);
    bool is_good = value.len > 0 && utf8_count(value) <= CUSTOMER_VALUE_MAX;

    out->kind = ref.kind;
    out->value = value;
    if (!kind_is_known(ref.kind))
        return fail(c, E_INPUT, "identity.kind", "no such kind of identity: %.*s",
                    STR(utf8_head(ref.kind, KIND_MAX)));
    if (is_good && str_is(ref.kind, "phone"))
        is_good = phone_normal(c, value, &out->value);
    if (is_good && str_is(ref.kind, "email"))
        is_good = email_normal(c, value, &out->value);
    if (!is_good)
        return fail(c, E_INPUT, "identity.value", "this is no %.*s", STR(ref.kind));
    return OK;
}

struct str identity_hash(struct ctx *c, struct customer_ref ref)
{
    return ctx_keyed_hash(c, str_cstr(c->arena, ref.kind), ref.value);
}

struct str identity_old_hash(struct ctx *c, struct customer_ref ref)
{
    return key_old_hash(c, str_cstr(c->arena, ref.kind), ref.value);
}

/* While the hashes turn a look-up has a second statement, beyond the route's budget. */
static void statement_spare(struct ctx *c)
{
    if (c->statement_max > 0)
        c->statement_max++;
}

/* What the new hash did not find, by the old one. */
static enum err seen_by_old(struct ctx *c, const struct identity_plan *plans, int64_t count,
                            struct q_customer_seen_row *rows)
{
    struct q_customer_seen_in *keys =
        arena_new_array(c->arena, struct q_customer_seen_in, (size_t)count);
    struct q_customer_seen_row *found =
        arena_new_array(c->arena, struct q_customer_seen_row, (size_t)count);

    for (int64_t i = 0; i < count; i++)
        keys[i] =
            (struct q_customer_seen_in){plans[i].ref.kind, identity_old_hash(c, plans[i].ref)};
    statement_spare(c);
    TRY(q_customer_seen(c, keys, count, found));
    for (int64_t i = 0; i < count; i++)
        if (rows[i].customer_id == NONE)
            rows[i] = found[i];
    return OK;
}

enum err identity_seen(struct ctx *c, const struct identity_plan *plans, int64_t count,
                       struct q_customer_seen_row *rows)
{
    struct q_customer_seen_in *keys;

    if (count == 0)
        return OK;
    keys = arena_new_array(c->arena, struct q_customer_seen_in, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        keys[i] = (struct q_customer_seen_in){plans[i].ref.kind, plans[i].hash};
    TRY(q_customer_seen(c, keys, count, rows));
    return key_is_turning(c->app, KEY_HASH) ? seen_by_old(c, plans, count, rows) : OK;
}

enum err customer_find(struct ctx *c, struct customer_ref ref, int64_t *customer_id)
{
    struct q_identity_find_row row;
    enum err err;

    *customer_id = NONE;
    TRY(customer_ref_normal(c, ref, &ref));
    err = q_identity_find(c, ref.kind, identity_hash(c, ref), &row);
    if (err == E_NOT_FOUND && key_is_turning(c->app, KEY_HASH)) {
        statement_spare(c);
        err = q_identity_find(c, ref.kind, identity_old_hash(c, ref), &row);
    }
    *customer_id = row.customer_id;
    return err;
}

static enum err identities_add(struct ctx *c, struct identities *all, struct customer_ref ref,
                               struct str *normal)
{
    struct identity_plan *plan = &all->plans[all->count];

    if (ref.value.at == NULL || (normal && ref.value.len == 0))
        return OK;
    TRY(customer_ref_normal(c, ref, &plan->ref));
    if (normal)
        *normal = plan->ref.value;
    for (int64_t i = 0; i < all->count; i++)
        if (str_eq(all->plans[i].ref.kind, plan->ref.kind) &&
            str_eq(all->plans[i].ref.value, plan->ref.value))
            return OK;
    plan->hash = identity_hash(c, plan->ref);
    plan->customer_id = NONE;
    all->count++;
    return OK;
}

enum err identities_gather(struct ctx *c, const struct customer_new *n, struct identities *all)
{
    if (n->ref_count > CUSTOMER_IDENTITY_MAX)
        return fail(c, E_INPUT, "identity.count", "more than %d identities", CUSTOMER_IDENTITY_MAX);
    *all = (struct identities){
        .plans = arena_new_array(c->arena, struct identity_plan, (size_t)n->ref_count + 3)};
    TRY(identities_add(c, all, (struct customer_ref){S("phone"), n->phone}, &all->phone));
    TRY(identities_add(c, all, (struct customer_ref){S("email"), n->email}, &all->email));
    for (int64_t i = 0; i < n->ref_count; i++)
        TRY(identities_add(c, all, n->refs[i], NULL));
    return OK;
}

enum err identity_plans_write(struct ctx *c, const struct identity_plan *plans, int64_t count)
{
    struct q_identity_insert_in *rows;

    if (count == 0)
        return OK;
    rows = arena_new_array(c->arena, struct q_identity_insert_in, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct q_identity_insert_in){
            .kind = plans[i].ref.kind,
            .value_hash = plans[i].hash,
            .customer_id = plans[i].customer_id,
            .value_enc = ctx_seal(c, plans[i].ref.value, "customer", plans[i].customer_id),
        };
    return q_identity_insert(c, rows, count, NULL);
}
