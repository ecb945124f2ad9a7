/* Tags in five families (渠道 身份 意向 活跃 消费), set by hand or by a job. Always: a name stands
 * once in its family; a person has a tag once, at most 200 of them, and of an exclusive group at
 * most one. */
#include "gen/tag.q.h"
#include "kit/audit.h"
#include "manage/customer/customer_private.h"

#define FAMILIES "channel|identity|intent|activity|spending"
#define NAME_CHARS_MAX 30
#define DELETE_MAX 10000 /* members; more only by those who say they are sure */

struct tag_list_out {
    struct list items, groups;
};
static const struct field tag_item[] = {
    OUT(struct q_tag_list_row, id),
    OUT(struct q_tag_list_row, family, .one_of = FAMILIES),
    OUT(struct q_tag_list_row, name),
    OUT(struct q_tag_list_row, color),
    OUT(struct q_tag_list_row, customer_count),
    OUT(struct q_tag_list_row, group_id, .is_optional = true),
};
static const struct field tag_group_item[] = {
    OUT(struct q_tag_group_list_row, id),
    OUT(struct q_tag_group_list_row, family, .one_of = FAMILIES),
    OUT(struct q_tag_group_list_row, name),
    OUT(struct q_tag_group_list_row, is_exclusive, .about = "a customer has at most one of it"),
};
static const struct field tag_list_out[] = {
    OUT(struct tag_list_out, items, .of = SHAPE_OF("tag_item", tag_item, struct q_tag_list_row)),
    OUT(struct tag_list_out, groups,
        .of = SHAPE_OF("tag_group_item", tag_group_item, struct q_tag_group_list_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct tag_list_out *out = out_;

    (void)in;
    TRY(q_tag_list(c, &out->items));
    return q_tag_group_list(c, &out->groups);
}

/* ---- what add, edit and move check ----------------------------------------------------------- */

static enum err name_check(struct ctx *c, struct str name)
{
    if (str_trim(name).len == 0)
        return fail_at(c, "tag.name", S("name"), "a name is needed");
    return OK;
}

static enum err words_check(struct ctx *c, struct str name, struct str color)
{
    struct str bytes;

    TRY(name_check(c, name));
    if (color.at[0] != '#' || color.len != 7 ||
        !str_unhex(c->arena, str_sub(color, 1, color.len), &bytes))
        return fail_at(c, "tag.color", S("color"), "a colour is needed, as #2563eb");
    return OK;
}

static enum err tag_read(struct ctx *c, int64_t tag_id, struct q_tag_get_row *row)
{
    enum err err = q_tag_get(c, tag_id, row);

    return err == E_NOT_FOUND ? fail(c, err, "tag.unknown", "no such tag") : err;
}

static enum err group_read(struct ctx *c, int64_t group_id, struct q_tag_group_get_row *row)
{
    enum err err = q_tag_group_get(c, group_id, row);

    return err == E_NOT_FOUND ? fail(c, err, "tag_group.unknown", "no such group of tags") : err;
}

/* Its group is one of its family; no group is fine. */
static enum err family_check(struct ctx *c, int64_t group_id, struct str family,
                             struct q_tag_group_get_row *group)
{
    if (group_id == NONE)
        return OK;
    TRY(group_read(c, group_id, group));
    if (!str_eq(group->family, family))
        return fail_at(c, "tag_group.family", S("group_id"), "the group is of another family");
    return OK;
}

static enum err twice_refuse(struct ctx *c)
{
    return fail(
        c, E_CONFLICT, "tag_group.twice",
        "somebody has two tags of it: take one off each first, then it can hold at most one");
}

/* ---- add, edit, move ------------------------------------------------------------------------- */

struct tag_add_in {
    struct str family, name, color;
    int64_t group_id;
};
struct tag_add_out {
    int64_t id;
};
static const struct field tag_add_in[] = {
    IN(struct tag_add_in, family, .one_of = FAMILIES),
    IN(struct tag_add_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_add_in, color, .min = 7, .max = 7, .about = "#2563eb"),
    IN(struct tag_add_in, group_id, .is_optional = true),
};
static const struct field tag_add_out[] = {OUT(struct tag_add_out, id)};

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct tag_add_in *in = in_;
    struct tag_add_out *out = out_;
    struct q_tag_group_get_row group;
    int64_t changed_count;

    TRY(words_check(c, in->name, in->color));
    TRY(family_check(c, in->group_id, in->family, &group));
    out->id = ctx_id(c);
    TRY(q_tag_add(
        c, &(struct q_tag_add_in){out->id, in->family, str_trim(in->name), in->color, in->group_id},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag.exists", "the family has this tag, or there are too many");
    audit_about(c, "tag", out->id);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

struct tag_edit_in {
    int64_t tag_id;
    struct str name, color;
};
static const struct field tag_edit_in[] = {
    IN(struct tag_edit_in, tag_id),
    IN(struct tag_edit_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_edit_in, color, .min = 7, .max = 7),
};

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_edit_in *in = in_;
    struct q_tag_get_row tag;
    int64_t changed_count;

    (void)out;
    TRY(words_check(c, in->name, in->color));
    TRY(tag_read(c, in->tag_id, &tag));
    TRY(q_tag_edit(c, str_trim(in->name), in->color, in->tag_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag.exists", "the family has this tag already");
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

struct tag_move_in {
    int64_t tag_id, group_id;
};
static const struct field tag_move_in[] = {
    IN(struct tag_move_in, tag_id),
    IN(struct tag_move_in, group_id, .is_optional = true, .about = "absent: into no group"),
};

static enum err move_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_move_in *in = in_;
    struct q_tag_group_get_row group = {.is_exclusive = false};
    struct q_tag_join_twice_row twice;
    struct q_tag_get_row tag;
    int64_t changed_count;

    (void)out;
    TRY(tag_read(c, in->tag_id, &tag));
    TRY(family_check(c, in->group_id, tag.family, &group));
    if (group.is_exclusive) {
        TRY(q_tag_join_twice(c, in->tag_id, in->group_id, &twice));
        if (twice.twice_count > 0)
            return twice_refuse(c);
    }
    TRY(q_tag_move(c, in->group_id, in->tag_id, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* ---- delete ---------------------------------------------------------------------------------- */

struct tag_delete_in {
    int64_t tag_id, customer_count;
    bool is_sure;
};
struct tag_delete_out {
    int64_t customer_count;
};
static const struct field tag_delete_in[] = {
    IN(struct tag_delete_in, tag_id),
    IN(struct tag_delete_in, customer_count, .min = 0, .max = INT32_MAX,
       .about = "how many have it, as the one who deletes saw it; more by now is a conflict"),
    IN(struct tag_delete_in, is_sure, .is_optional = true, .about = "needed above 10,000"),
};
static const struct field tag_delete_out[] = {OUT(struct tag_delete_out, customer_count)};

static enum err delete_run(struct ctx *c, const void *in_, void *out_)
{
    const struct tag_delete_in *in = in_;
    struct tag_delete_out *out = out_;
    struct q_tag_member_count_row now;
    struct q_tag_get_row tag;
    int64_t changed_count;

    TRY(tag_read(c, in->tag_id, &tag));
    TRY(q_tag_member_count(c, in->tag_id, &now));
    if (now.customer_count > in->customer_count)
        return fail(c, E_CONFLICT, "tag.count", "by now %" PRId64 " customers have it",
                    now.customer_count);
    if (now.customer_count > DELETE_MAX && !in->is_sure)
        return fail(c, E_CONFLICT, "tag.not_sure", "%" PRId64 " customers would lose it",
                    now.customer_count);
    TRY(q_tag_member_delete(c, in->tag_id, &out->customer_count));
    TRY(q_tag_delete(c, in->tag_id, &changed_count));
    must(changed_count == 1);
    audit_detail(c, str_fmt(c->arena, "{\"customer_count\":%" PRId64 "}", out->customer_count));
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* ---- groups ---------------------------------------------------------------------------------- */

struct tag_group_in {
    int64_t group_id;
    struct str family, name;
    bool is_exclusive;
};
static const struct field tag_group_add_in[] = {
    IN(struct tag_group_in, family, .one_of = FAMILIES),
    IN(struct tag_group_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_group_in, is_exclusive),
};
static const struct field tag_group_edit_in[] = {
    IN(struct tag_group_in, group_id),
    IN(struct tag_group_in, name, .min = 1, .max = NAME_CHARS_MAX),
    IN(struct tag_group_in, is_exclusive),
};
static const struct field tag_group_delete_in[] = {IN(struct tag_group_in, group_id)};

static enum err group_add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct tag_group_in *in = in_;
    struct tag_add_out *out = out_;
    int64_t changed_count;

    TRY(name_check(c, in->name));
    out->id = ctx_id(c);
    TRY(q_tag_group_add(
        c, &(struct q_tag_group_add_in){out->id, in->family, str_trim(in->name), in->is_exclusive},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag_group.exists",
                    "the family has this group, or there are too many");
    audit_about(c, "tag_group", out->id);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

static enum err group_edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_group_in *in = in_;
    struct q_tag_group_twice_row twice;
    struct q_tag_group_get_row group;
    int64_t changed_count;

    (void)out;
    TRY(name_check(c, in->name));
    TRY(group_read(c, in->group_id, &group));
    if (in->is_exclusive && !group.is_exclusive) {
        TRY(q_tag_group_twice(c, in->group_id, &twice));
        if (twice.twice_count > 0)
            return twice_refuse(c);
    }
    TRY(q_tag_group_edit(c, str_trim(in->name), in->is_exclusive, in->group_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "tag_group.exists", "the family has this group already");
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

static enum err group_delete_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_group_in *in = in_;
    struct q_tag_group_get_row group;
    int64_t changed_count;

    (void)out;
    TRY(group_read(c, in->group_id, &group));
    TRY(q_tag_group_leave(c, in->group_id, &changed_count));
    TRY(q_tag_group_delete(c, in->group_id, &changed_count));
    must(changed_count == 1);
    c->topics |= LIVE_CUSTOMERS;
    return OK;
}

/* ---- on customers ---------------------------------------------------------------------------- */

/* What the tags of one exclusive group that go leave behind: one event a person. */
static enum err swap(struct ctx *c, const struct tag_put *put, int64_t group_id,
                     struct event *events, int64_t *event_count)
{
    struct q_customer_tag_swap_in *keys =
        arena_new_array(c->arena, struct q_customer_tag_swap_in, (size_t)put->count);
    struct q_customer_tag_swap_row *gone =
        arena_new_array(c->arena, struct q_customer_tag_swap_row, (size_t)put->count);

    for (int64_t i = 0; i < put->count; i++)
        keys[i] = (struct q_customer_tag_swap_in){
            .customer_id = put->ids[i], .group_id = group_id, .tag_id = put->tag_id};
    TRY(q_customer_tag_swap(c, keys, put->count, gone));
    for (int64_t i = 0; i < put->count; i++) {
        if (gone[i].tag_id == NONE)
            continue;
        event_init(&events[*event_count], c, "tag_removed");
        events[*event_count].customer_id = put->ids[i];
        events[(*event_count)++].subject_id = gone[i].tag_id;
    }
    return OK;
}

static enum err rows_put(struct ctx *c, const struct tag_put *put, int64_t *changed_each)
{
    struct q_customer_tag_on_in *on;
    struct q_customer_tag_off_in *off;

    if (put->is_on) {
        on = arena_new_array(c->arena, struct q_customer_tag_on_in, (size_t)put->count);
        for (int64_t i = 0; i < put->count; i++)
            on[i] =
                (struct q_customer_tag_on_in){.customer_id = put->ids[i], .tag_id = put->tag_id};
        return q_customer_tag_on(c, on, put->count, changed_each);
    }
    off = arena_new_array(c->arena, struct q_customer_tag_off_in, (size_t)put->count);
    for (int64_t i = 0; i < put->count; i++)
        off[i] = (struct q_customer_tag_off_in){.customer_id = put->ids[i], .tag_id = put->tag_id};
    return q_customer_tag_off(c, off, put->count, changed_each);
}

enum err tag_put_batch(struct ctx *c, const struct tag_put *put)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)put->count * 2 + 1);
    int64_t *changed_each = arena_new_array(c->arena, int64_t, (size_t)put->count + 1);
    struct q_tag_get_row tag;
    int64_t event_count = 0;

    must(put->count <= CUSTOMER_BATCH_MAX);
    TRY(tag_read(c, put->tag_id, &tag));
    if (put->count == 0)
        return OK;
    if (put->is_on && tag.is_exclusive)
        TRY(swap(c, put, tag.group_id, events, &event_count));
    TRY(rows_put(c, put, changed_each));
    for (int64_t i = 0; i < put->count; i++) {
        if (put->is_changed)
            put->is_changed[i] = changed_each[i] > 0;
        if (changed_each[i] == 0)
            continue;
        event_init(&events[event_count], c, put->is_on ? "tag_added" : "tag_removed");
        events[event_count].customer_id = put->ids[i];
        events[event_count++].subject_id = put->tag_id;
    }
    if (event_count == 0)
        return OK;
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, event_count);
}

struct tag_set_in {
    int64_t customer_id, tag_id;
    bool is_on;
};
static const struct field tag_set_in[] = {
    IN(struct tag_set_in, customer_id),
    IN(struct tag_set_in, tag_id),
    IN(struct tag_set_in, is_on),
};

static enum err set_run(struct ctx *c, const void *in_, void *out)
{
    const struct tag_set_in *in = in_;
    struct q_customer_tag_find_row now;
    int64_t person_id;
    bool is_changed = false;

    (void)out;
    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(tag_put_batch(c, &(struct tag_put){.ids = &person_id,
                                           .count = 1,
                                           .tag_id = in->tag_id,
                                           .is_on = in->is_on,
                                           .is_changed = &is_changed}));
    audit_detail(c, str_fmt(c->arena, "{\"tag_id\":\"%" PRId64 "\",\"is_on\":%s}", in->tag_id,
                            in->is_on ? "true" : "false"));
    if (is_changed || !in->is_on)
        return OK;
    TRY(q_customer_tag_find(c, in->tag_id, person_id, &now));
    if (now.tag_count == 0)
        return fail(c, E_CONFLICT, "tag.too_many", "this customer has 200 tags already");
    return OK;
}

const struct route tag_routes[] = {
    {HTTP_GET, "/api/tags", "customer.read", NULL, SHAPE(tag_list_out), list_run,
     .about = "All tags with how many have them, and the groups"},
    {HTTP_POST, "/api/tags", "customer.write", SHAPE(tag_add_in), SHAPE(tag_add_out), add_run,
     .about = "A new tag"},
    {HTTP_POST, "/api/tags/{tag_id}/edit", "customer.write", SHAPE(tag_edit_in), NULL, edit_run,
     .about = "Rename or colour a tag", .needs_all = true},
    {HTTP_POST, "/api/tags/{tag_id}/move", "customer.write", SHAPE(tag_move_in), NULL, move_run,
     .about = "Put a tag into a group of its family", .needs_all = true},
    {HTTP_POST, "/api/tags/{tag_id}/delete", "customer.write", SHAPE(tag_delete_in),
     SHAPE(tag_delete_out), delete_run, .about = "Delete a tag; customers lose it",
     .needs_all = true},
    {HTTP_POST, "/api/tag-groups", "customer.write",
     SHAPE_OF("tag_group_add_in", tag_group_add_in, struct tag_group_in), SHAPE(tag_add_out),
     group_add_run, .about = "A new group of tags"},
    {HTTP_POST, "/api/tag-groups/{group_id}/edit", "customer.write",
     SHAPE_OF("tag_group_edit_in", tag_group_edit_in, struct tag_group_in), NULL, group_edit_run,
     .about = "Rename a group, or let it hold at most one a customer", .needs_all = true},
    {HTTP_POST, "/api/tag-groups/{group_id}/delete", "customer.write",
     SHAPE_OF("tag_group_delete_in", tag_group_delete_in, struct tag_group_in), NULL,
     group_delete_run, .about = "Delete a group; its tags stay", .needs_all = true},
    {HTTP_POST, "/api/customers/{customer_id}/tags", "customer.tag", SHAPE(tag_set_in), NULL,
     set_run, .about = "Put a tag on a customer or take it off"},
    {.path = NULL},
};
