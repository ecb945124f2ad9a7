/* The card of a customer: birthday and children with the life stage, attributes with their titles,
 * the owner, how thick the tags lie, and the blacklist, which is set here. */
#include "gen/card.q.h"
#include "gen/child.q.h"
#include "gen/tag.q.h"
#include "kit/audit.h"
#include "manage/attribute/attribute.h"
#include "manage/customer/customer_private.h"
#include "manage/customer/mask.h"
#include "manage/setting/life_stage.h"

#define PPM INT64_C(1000000)
#define REASON_CHARS_MAX 200

struct card_in {
    int64_t customer_id;
};
struct card_child {
    int64_t id, age_months;
    struct str birth_date, name;
};
struct card_attribute {
    int64_t id;
    struct str name, title, kind, choices, value;
    bool is_good, is_archived;
};
struct card_family {
    struct str family;
    int64_t known_count, group_count, thickness_ppm;
};
struct card_out {
    struct str birth_date, life_stage_zh, life_stage_en, owner_name, org_name;
    struct str block_reason, block_staff_name;
    int64_t life_stage_number, owner_staff_id, org_id, blocked_ms;
    struct list children, attributes, thickness;
};
static const struct field card_in[] = {IN(struct card_in, customer_id)};
static const struct field card_child[] = {
    OUT(struct card_child, id),
    OUT(struct card_child, birth_date),
    OUT(struct card_child, name, .is_optional = true),
    OUT(struct card_child, age_months, .about = "completed; below 0: to come"),
};
static const struct field card_attribute[] = {
    OUT(struct card_attribute, id, .is_optional = true, .about = "none: not defined, free text"),
    OUT(struct card_attribute, name),
    OUT(struct card_attribute, title),
    OUT(struct card_attribute, kind, .one_of = "text|integer|money|date|choice|choices|free"),
    OUT(struct card_attribute, choices, .is_json = true),
    OUT(struct card_attribute, value, .is_json = true, .is_optional = true),
    OUT(struct card_attribute, is_good, .about = "the value fits the definition"),
    OUT(struct card_attribute, is_archived),
};
static const struct field card_family[] = {
    OUT(struct card_family, family),
    OUT(struct card_family, known_count),
    OUT(struct card_family, group_count),
    OUT(struct card_family, thickness_ppm, .about = "known of its groups"),
};
static const struct field card_out[] = {
    OUT(struct card_out, birth_date, .is_optional = true),
    OUT(struct card_out, life_stage_number, .is_optional = true,
        .about = "of the band from 0; -1: expecting"),
    OUT(struct card_out, life_stage_zh, .is_optional = true),
    OUT(struct card_out, life_stage_en, .is_optional = true),
    OUT(struct card_out, owner_staff_id, .is_optional = true),
    OUT(struct card_out, owner_name, .is_optional = true),
    OUT(struct card_out, org_id, .is_optional = true),
    OUT(struct card_out, org_name, .is_optional = true),
    OUT(struct card_out, blocked_ms, .is_optional = true),
    OUT(struct card_out, block_reason, .is_optional = true),
    OUT(struct card_out, block_staff_name, .is_optional = true),
    OUT(struct card_out, children, .of = SHAPE(card_child)),
    OUT(struct card_out, attributes, .of = SHAPE(card_attribute)),
    OUT(struct card_out, thickness, .of = SHAPE(card_family)),
};

static enum err stage_fill(struct ctx *c, int64_t child_birth_day, struct card_out *out)
{
    struct life_stage stage;

    TRY(life_stage(c, child_birth_day, &stage));
    out->life_stage_number = stage.number;
    out->life_stage_zh = stage.title_zh;
    out->life_stage_en = stage.title_en;
    return OK;
}

static enum err children_fill(struct ctx *c, int64_t person_id, struct card_out *out)
{
    int64_t today = zone_day(ctx_zone(c), c->now_ms);
    const struct q_child_list_row *row;
    struct card_child *child;
    struct list rows;

    TRY(q_child_list(c, person_id, &rows));
    row = rows.at;
    child = arena_new_array(c->arena, struct card_child, (size_t)rows.count + 1);
    out->children = (struct list){child, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        child[i].id = row[i].id;
        child[i].birth_date = day_iso(c->arena, row[i].birth_day);
        child[i].age_months = life_stage_age_months(row[i].birth_day, today);
        TRY(ctx_unseal(c, row[i].name_enc, "child", row[i].id, &child[i].name));
        child[i].name = mask_name_for(c, child[i].name);
    }
    return OK;
}

/* ---- attributes ------------------------------------------------------------------------------ */

static const struct json *value_of(const struct json *object, struct str name)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (str_eq(object->members[i].name, name))
            return &object->members[i].value;
    return NULL;
}

/* Defined ones in their order, archived ones only where there is a value; then free text. */
static void attributes_lay(struct ctx *c, const struct attributes *all, const struct json *object,
                           struct list *out)
{
    int64_t cap = 0;

    for (int64_t i = 0; i < all->count; i++) {
        const struct attribute *at = &all->items[i];
        const struct json *value = value_of(object, at->name);
        if (at->is_archived && value == NULL)
            continue;
        *(struct card_attribute *)list_add(c->arena, out, &cap, sizeof(struct card_attribute)) =
            (struct card_attribute){.id = at->id,
                                    .name = at->name,
                                    .title = at->title,
                                    .kind = at->kind,
                                    .choices = at->choices,
                                    .value = value ? value->raw : (struct str){0},
                                    .is_good = !value || attribute_is_good(c, at, value),
                                    .is_archived = at->is_archived};
    }
    for (uint32_t i = 0; i < object->count; i++) {
        const struct json_member *member = &object->members[i];
        if (attribute_find(all, member->name))
            continue;
        *(struct card_attribute *)list_add(c->arena, out, &cap, sizeof(struct card_attribute)) =
            (struct card_attribute){.id = NONE,
                                    .name = member->name,
                                    .title = member->name,
                                    .kind = S("free"),
                                    .choices = S("[]"),
                                    .value = member->value.raw,
                                    .is_good = true};
    }
}

static enum err attributes_fill(struct ctx *c, struct str text, struct card_out *out)
{
    struct attributes all;
    struct json object;

    TRY(attributes_load(c, &all));
    TRY(json_parse(c->arena, text, &object, NULL));
    attributes_lay(c, &all, &object, &out->attributes);
    return OK;
}

static enum err thickness_fill(struct ctx *c, int64_t person_id, struct card_out *out)
{
    const struct q_tag_thickness_row *row;
    struct card_family *family;
    struct list rows;

    TRY(q_tag_thickness(c, person_id, &rows));
    row = rows.at;
    family = arena_new_array(c->arena, struct card_family, (size_t)rows.count + 1);
    out->thickness = (struct list){family, rows.count};
    for (int64_t i = 0; i < rows.count; i++)
        family[i] = (struct card_family){.family = row[i].family,
                                         .known_count = row[i].known_count,
                                         .group_count = row[i].group_count,
                                         .thickness_ppm =
                                             (row[i].known_count * PPM * 2 + row[i].group_count) /
                                             (row[i].group_count * 2)};
    return OK;
}

static enum err card_run(struct ctx *c, const void *in_, void *out_)
{
    const struct card_in *in = in_;
    struct card_out *out = out_;
    struct q_card_row row;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_card(c, person_id, &row));
    if (row.birth_day != NONE)
        out->birth_date = day_iso(c->arena, row.birth_day);
    out->owner_staff_id = row.owner_staff_id;
    out->owner_name = row.owner_name;
    out->org_id = row.org_id;
    out->org_name = row.org_name;
    out->blocked_ms = row.blocked_ms;
    out->block_reason = row.block_reason;
    out->block_staff_name = row.block_staff_name;
    TRY(stage_fill(c, row.child_birth_day, out));
    TRY(children_fill(c, person_id, out));
    TRY(attributes_fill(c, row.attributes, out));
    return thickness_fill(c, person_id, out);
}

/* ---- the blacklist --------------------------------------------------------------------------- */

struct block_in {
    int64_t customer_id;
    bool is_blocked;
    struct str reason;
};
static const struct field block_in[] = {
    IN(struct block_in, customer_id),
    IN(struct block_in, is_blocked),
    IN(struct block_in, reason, .min = 1, .max = REASON_CHARS_MAX),
};

static enum err block_emit(struct ctx *c, const struct block_in *in, int64_t person_id)
{
    struct event event;

    event_init(&event, c, in->is_blocked ? "customer_blocked" : "customer_unblocked");
    event.customer_id = person_id;
    audit_about(c, "customer", person_id);
    audit_detail(c, str_fmt(c->arena, "{\"is_blocked\":%s}", in->is_blocked ? "true" : "false"));
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, &event, 1);
}

static enum err block_run(struct ctx *c, const void *in_, void *out)
{
    const struct block_in *in = in_;
    int64_t person_id, changed_count;

    (void)out;
    if (str_trim(in->reason).len == 0)
        return fail_at(c, "block.reason", S("reason"), "say why");
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_block_set(c, in->is_blocked ? c->now_ms : NONE, person_id, &changed_count));
    if (changed_count == 0)
        return OK;
    if (in->is_blocked)
        TRY(q_block_note(c, person_id, str_trim(in->reason)));
    else
        TRY(q_block_forget(c, person_id));
    return block_emit(c, in, person_id);
}

const struct route card_routes[] = {
    {HTTP_GET, "/api/customers/{customer_id}/card", "customer.read", SHAPE(card_in),
     SHAPE(card_out), card_run, .statement_max = 10,
     .about = "Birthdays, life stage, attributes, owner, thickness of tags, blacklist"},
    {HTTP_POST, "/api/customers/{customer_id}/block", "customer.write", SHAPE(block_in), NULL,
     block_run, .about = "Put a customer on the blacklist or take it off"},
    {.path = NULL},
};
