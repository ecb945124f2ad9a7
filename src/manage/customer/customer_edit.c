/* Adding a customer by hand and changing one. Always: the phone and e-mail of the profile are
 * identities too, so that they are found; a changed one takes the old one's place. */
#include "gen/customer.q.h"
#include "kit/audit.h"
#include "manage/attribute/attribute.h"
#include "manage/channel/channel.h"
#include "manage/customer/merge_private.h"

#define TEXT_MAX 100

enum err customer_unknown(struct ctx *c, int64_t customer_id)
{
    return fail(c, E_NOT_FOUND, "customer.unknown", "no customer has the id %" PRId64, customer_id);
}

enum err customer_reach(struct ctx *c, int64_t customer_id, int64_t *person_id)
{
    struct q_customer_reach_row row;
    enum err err = q_customer_reach(c, customer_id, &row);

    if (err == E_NOT_FOUND)
        return customer_unknown(c, customer_id);
    *person_id = row.person_id;
    return err;
}

/* ---- add ------------------------------------------------------------------------------------- */

struct customer_add_in {
    struct str name, phone, email, region, attributes;
    int64_t channel_id;
    struct list identities;
};
struct customer_add_out {
    int64_t id;
};
static const struct field identity_in[] = {
    IN(struct customer_ref, kind, .min = 1, .max = 60),
    IN(struct customer_ref, value, .min = 1, .max = CUSTOMER_VALUE_MAX),
};
static const struct field customer_add_in[] = {
    IN(struct customer_add_in, name, .is_optional = true, .max = TEXT_MAX),
    IN(struct customer_add_in, phone, .is_optional = true, .max = 40),
    IN(struct customer_add_in, email, .is_optional = true, .max = TEXT_MAX),
    IN(struct customer_add_in, region, .is_optional = true, .max = TEXT_MAX),
    IN(struct customer_add_in, channel_id, .is_optional = true),
    IN(struct customer_add_in, identities, .is_optional = true, .max = CUSTOMER_IDENTITY_MAX,
       .of = SHAPE_OF("identity_in", identity_in, struct customer_ref)),
    IN(struct customer_add_in, attributes, .is_optional = true, .is_json = true,
       .max = ATTRIBUTES_BYTES_MAX, .about = "JSON object; no personal data"),
};
static const struct field customer_add_out[] = {OUT(struct customer_add_out, id)};

/* Whose the identities are: nobody's, or the first two persons they name and by which. */
struct named {
    int64_t count, ids[2]; /* count: as many persons as there are, at most 3 are told apart */
    struct str kinds[2];
};

static enum err named_find(struct ctx *c, const struct identities *all, struct named *named)
{
    struct q_customer_seen_row *rows =
        arena_new_array(c->arena, struct q_customer_seen_row, (size_t)all->count + 1);

    *named = (struct named){.ids = {NONE, NONE}};
    TRY(identity_seen(c, all->plans, all->count, rows));
    for (int64_t i = 0; i < all->count; i++) {
        int64_t id = rows[i].person_id;
        if (id == NONE || id == named->ids[0] || id == named->ids[1])
            continue;
        if (named->count < 2) {
            named->ids[named->count] = id;
            named->kinds[named->count] = all->plans[i].ref.kind;
        }
        named->count++;
    }
    return OK;
}

/* What was given names two customers: where a rule makes one of them, it is a change of that one.
 */
static enum err add_joined(struct ctx *c, const struct customer_new *n, int64_t *customer_id)
{
    struct merge_pair pair = {0};
    struct identities all;
    struct named named;
    struct fault fault;

    *customer_id = NONE;
    TRY(identities_gather(c, n, &all));
    if (all.count < 2)
        return OK;
    TRY(named_find(c, &all, &named));
    if (named.count != 2)
        return OK;
    pair.kept_id = named.ids[0] < named.ids[1] ? named.ids[0] : named.ids[1];
    pair.merged_id = named.ids[0] < named.ids[1] ? named.ids[1] : named.ids[0];
    TRY(merge_by_staff(c, &pair, named.kinds[0], named.kinds[1]));
    if (pair.merge_id == NONE)
        return OK;
    TRY(customer_import_batch(
        c, &(struct customer_import){.n = n, .count = 1, .ids = customer_id, .faults = &fault}));
    must(*customer_id == pair.kept_id);
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct customer_add_in *in = in_;
    struct customer_add_out *out = out_;
    struct attributes all;
    struct customer_new n;
    struct str path;

    customer_new_init(&n);
    n.refs = in->identities.at;
    n.ref_count = in->identities.count;
    n.name = str_trim(in->name);
    n.phone = str_trim(in->phone);
    n.email = str_trim(in->email);
    n.region = in->region;
    n.channel_id = in->channel_id;
    if (n.name.len == 0 && n.phone.len == 0 && n.email.len == 0 && n.ref_count == 0)
        return fail(c, E_INPUT, "customer.empty", "a name or an identity is needed");
    if (n.channel_id != NONE)
        TRY(channel_path(c, n.channel_id, &path));
    if (in->attributes.at) {
        TRY(attributes_load(c, &all));
        TRY(attributes_patch(c, &all, (struct str){0}, in->attributes, &n.attributes));
    }
    TRY(add_joined(c, &n, &out->id));
    if (out->id == NONE) {
        TRY(customer_add(c, &n, &out->id));
        TRY(owner_claim(c, out->id));
    }
    audit_about(c, "customer", out->id);
    return OK;
}

/* ---- edit ------------------------------------------------------------------------------------ */

struct customer_edit_in {
    int64_t customer_id;
    struct str name, phone, email, region, attributes, birth_date;
    bool is_family, has_family;
};
static const struct field customer_edit_in[] = {
    IN(struct customer_edit_in, customer_id),
    IN(struct customer_edit_in, name, .is_optional = true, .max = TEXT_MAX,
       .about = "empty text: none any more"),
    IN(struct customer_edit_in, phone, .is_optional = true, .max = 40),
    IN(struct customer_edit_in, email, .is_optional = true, .max = TEXT_MAX),
    IN(struct customer_edit_in, region, .is_optional = true, .max = TEXT_MAX),
    IN(struct customer_edit_in, is_family, .is_optional = true, .about = "家人",
       .given = offsetof(struct customer_edit_in, has_family)),
    IN(struct customer_edit_in, attributes, .is_optional = true, .is_json = true,
       .max = ATTRIBUTES_BYTES_MAX, .about = "those to change; null takes one away"),
    IN(struct customer_edit_in, birth_date, .is_optional = true, .max = 10,
       .about = "2020-02-29; empty text: not known any more"),
};

/* Identities that go and come with a change, and the names of what changed. */
struct edit {
    struct identity_plan gone[2], come[2];
    int64_t gone_count, come_count, customer_id;
    struct str fields;
};

static void edit_note(struct ctx *c, struct edit *edit, const char *name)
{
    edit->fields =
        str_fmt(c->arena, "%.*s%s%s", STR(edit->fields), edit->fields.len ? " " : "", name);
}

/* A text given as "" becomes no value. */
static void text_edit(struct ctx *c, struct edit *edit, const char *name, struct str *field,
                      struct str given)
{
    struct str next = str_trim(given);

    if (given.at == NULL || str_eq(*field, next))
        return;
    *field = next.len > 0 ? next : (struct str){0};
    edit_note(c, edit, name);
}

static struct identity_plan plan_of(struct ctx *c, struct customer_ref ref, int64_t customer_id)
{
    return (struct identity_plan){ref, identity_hash(c, ref), customer_id};
}

static enum err identity_edit(struct ctx *c, struct edit *edit, const char *kind, struct str *field,
                              struct str given)
{
    struct customer_ref next = {str_of(kind), str_trim(given)};

    if (given.at == NULL)
        return OK;
    if (next.value.len > 0)
        TRY(customer_ref_normal(c, next, &next));
    if (str_eq(*field, next.value))
        return OK;
    if (field->len > 0)
        edit->gone[edit->gone_count++] =
            plan_of(c, (struct customer_ref){str_of(kind), *field}, edit->customer_id);
    if (next.value.len > 0)
        edit->come[edit->come_count++] = plan_of(c, next, edit->customer_id);
    *field = next.value.len > 0 ? next.value : (struct str){0};
    edit_note(c, edit, kind);
    return OK;
}

static enum err attributes_edit(struct ctx *c, struct edit *edit, struct str *field,
                                struct str given)
{
    struct attributes all;
    struct str next;

    if (given.at == NULL)
        return OK;
    TRY(attributes_load(c, &all));
    TRY(attributes_patch(c, &all, *field, given, &next));
    text_edit(c, edit, "attributes", field, next);
    return OK;
}

/* The new ones must be nobody's, or this customer's already (then there is nothing to write). */
static enum err come_check(struct ctx *c, struct edit *edit, int64_t customer_id)
{
    struct q_customer_seen_row rows[2];
    int64_t kept = 0;

    if (edit->come_count == 0)
        return OK;
    TRY(identity_seen(c, edit->come, edit->come_count, rows));
    for (int64_t i = 0; i < edit->come_count; i++) {
        if (rows[i].customer_id != NONE && rows[i].person_id != customer_id)
            return customer_exists(c, rows[i].person_id, edit->come[i].ref.kind);
        if (rows[i].customer_id == NONE)
            edit->come[kept++] = edit->come[i];
    }
    edit->come_count = kept;
    return OK;
}

static enum err edit_write(struct ctx *c, struct edit *edit, const struct customer_image *image)
{
    struct q_identity_delete_in gone[4];
    int64_t gone_count = 0;

    for (int64_t i = 0; i < edit->gone_count; i++) {
        struct customer_ref ref = edit->gone[i].ref;
        struct str old_hash = identity_old_hash(c, ref);
        gone[gone_count++] = (struct q_identity_delete_in){ref.kind, edit->gone[i].hash, image->id};
        if (old_hash.at)
            gone[gone_count++] = (struct q_identity_delete_in){ref.kind, old_hash, image->id};
    }
    if (gone_count > 0)
        TRY(q_identity_delete(c, gone, gone_count, NULL));
    TRY(identity_plans_write(c, edit->come, edit->come_count));
    TRY(customer_images_write(c, image, 1));
    return customer_edited_emit(c, image->id, edit->fields);
}

static enum err edit_apply(struct ctx *c, const struct customer_edit_in *in, struct edit *edit,
                           struct customer_image *image)
{
    text_edit(c, edit, "name", &image->name, in->name);
    text_edit(c, edit, "region", &image->region, in->region);
    TRY(attributes_edit(c, edit, &image->attributes, in->attributes));
    edit->customer_id = image->id;
    TRY(identity_edit(c, edit, "phone", &image->phone, in->phone));
    TRY(identity_edit(c, edit, "email", &image->email, in->email));
    if (in->has_family && in->is_family != image->is_family) {
        image->is_family = in->is_family;
        edit_note(c, edit, "is_family");
    }
    return come_check(c, edit, image->id);
}

/* A phone that is another customer's: where the rule says so, the two become one person. */
static enum err edit_join(struct ctx *c, int64_t person_id, struct str phone)
{
    struct merge_pair pair = {.kept_id = person_id};
    struct customer_new n;
    struct identities all;
    struct named named;

    customer_new_init(&n);
    n.phone = str_trim(phone);
    TRY(identities_gather(c, &n, &all));
    TRY(named_find(c, &all, &named));
    if (named.count == 0 || named.ids[0] == person_id)
        return OK;
    pair.merged_id = named.ids[0];
    return merge_by_staff(c, &pair, S("phone"), S("phone"));
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct customer_edit_in *in = in_;
    struct customer_image image;
    struct edit edit = {.fields = S("")};
    int64_t person_id = NONE;
    bool is_born;

    (void)out;
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(edit_join(c, person_id, in->phone));
    TRY(customer_images_read(c, &person_id, 1, &image));
    must(image.is_there);
    TRY(edit_apply(c, in, &edit, &image));
    TRY(customer_birth_edit(c, person_id, in->birth_date, &is_born));
    if (is_born)
        edit_note(c, &edit, "birth_date");
    return edit.fields.len > 0 ? edit_write(c, &edit, &image) : OK;
}

const struct route customer_routes[] = {
    {HTTP_POST, "/api/customers", "customer.write", SHAPE(customer_add_in), SHAPE(customer_add_out),
     add_run, .about = "A new customer; where it names two by unionid or phone, they become one",
     .statement_max = 50},
    {HTTP_POST, "/api/customers/{customer_id}/edit", "customer.write", SHAPE(customer_edit_in),
     NULL, edit_run, .about = "Change what is given; the rest stays", .statement_max = 40},
    {.path = NULL},
};
