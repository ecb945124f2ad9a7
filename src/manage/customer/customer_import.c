/* Customers from a file: what is not there yet is added, what differs is changed, and the same rows
 * again change nothing. A page of rows costs a fixed number of statements, whatever its size. */
#include "base/json.h"
#include "gen/customer.q.h"
#include "manage/attribute/attribute.h"
#include "manage/customer/merge_private.h"

#define CHANGES_BYTES_MAX (64 * 1024 * 1024)

struct row {
    struct identities identities;
    struct str attributes; /* as their definitions want them */
    int64_t image;         /* tidy: an index into images; NONE: refused */
    bool is_changed;
    bool is_deferred; /* names two persons whom a rule merges: taken once they are one */
};

/* What it changed of customers that were there, for undo. */
struct changes {
    struct buf *buf;
    struct json_out json;
    int64_t count;
};

struct batch {
    struct changes *changes;
    const struct customer_new *given;
    struct row *rows;
    int64_t count;
    struct fault *faults;
    struct map *owners; /* kind and value -> image index + 1 */
    struct map *by_id;  /* customer id -> image index + 1 */
    struct attributes attributes;
    struct customer_image *images, *befores;
    bool *is_new, *is_dirty; /* of each image */
    int64_t image_count;
    struct identity_plan *links;
    int64_t link_count;
    struct merge_rules rules;
    struct merge_pair *pairs; /* to be merged by rule */
    int64_t pair_count, deferred_count;
    bool has_rules, is_last; /* is_last: nothing waits any more */
};

static int64_t *owner_of(struct ctx *c, struct batch *b, struct customer_ref ref)
{
    bool is_new;

    return map_slot(b->owners, str_fmt(c->arena, "%.*s %.*s", STR(ref.kind), STR(ref.value)),
                    &is_new);
}

static int64_t image_of(struct batch *b, int64_t customer_id)
{
    bool is_new;
    int64_t *at =
        map_slot(b->by_id, (struct str){(const char *)&customer_id, sizeof(customer_id)}, &is_new);

    if (is_new) {
        b->images[b->image_count].id = customer_id;
        *at = ++b->image_count;
    }
    return *at - 1;
}

/* The fault of this row goes into its place, and the next row begins without one. */
static enum err row_refuse(struct ctx *c, struct batch *b, int64_t i, enum err err)
{
    if (err != E_INPUT && err != E_CONFLICT)
        return err;
    b->faults[i] = c->fault;
    c->fault = (struct fault){0};
    b->rows[i].image = NONE;
    return OK;
}

static enum err row_check(struct ctx *c, const struct batch *b, const struct customer_new *n,
                          struct row *row)
{
    TRY(attributes_check(c, n->attributes));
    TRY(attributes_read(c, &b->attributes, n->attributes, &row->attributes));
    TRY(identities_gather(c, n, &row->identities));
    if (row->identities.count == 0)
        return fail(c, E_INPUT, "customer.identity",
                    "nothing says who this is: phone, email or "
                    "another identity is needed");
    return OK;
}

static enum err rows_check(struct ctx *c, struct batch *b, int64_t *identity_count)
{
    *identity_count = 0;
    for (int64_t i = 0; i < b->count; i++) {
        enum err err = row_check(c, b, &b->given[i], &b->rows[i]);
        b->faults[i] = (struct fault){0};
        if (err != OK)
            TRY(row_refuse(c, b, i, err));
        else
            *identity_count += b->rows[i].identities.count;
    }
    return OK;
}

static enum err owners_find(struct ctx *c, struct batch *b, int64_t identity_count)
{
    struct identity_plan *plans =
        arena_new_array(c->arena, struct identity_plan, (size_t)identity_count + 1);
    struct q_customer_seen_row *found =
        arena_new_array(c->arena, struct q_customer_seen_row, (size_t)identity_count + 1);
    int64_t count = 0;

    for (int64_t i = 0; i < b->count; i++)
        for (int64_t j = 0; b->rows[i].image != NONE && j < b->rows[i].identities.count; j++) {
            plans[count++] = b->rows[i].identities.plans[j];
        }
    if (count == 0)
        return OK;
    TRY(identity_seen(c, plans, count, found));
    for (int64_t i = 0; i < count; i++)
        if (found[i].customer_id != NONE)
            *owner_of(c, b, plans[i].ref) = image_of(b, found[i].person_id) + 1;
    return OK;
}

static enum err images_load(struct ctx *c, struct batch *b)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)b->image_count + 1);

    for (int64_t i = 0; i < b->image_count; i++)
        ids[i] = b->images[i].id;
    TRY(customer_images_read(c, ids, b->image_count, b->images));
    memcpy(b->befores, b->images, (size_t)b->image_count * sizeof(b->images[0]));
    return OK;
}

/* Which customer the row speaks of; a new one if its identities are nobody's. */
static enum err row_owner(struct ctx *c, struct batch *b, struct row *row)
{
    row->image = -1;
    for (int64_t j = 0; j < row->identities.count; j++) {
        int64_t at = *owner_of(c, b, row->identities.plans[j].ref) - 1;
        if (at >= 0 && row->image >= 0 && at != row->image)
            return fail(c, E_CONFLICT, "customer.conflict",
                        "its identities belong to customers %" PRId64 " and %" PRId64,
                        b->images[row->image].id, b->images[at].id);
        if (at >= 0)
            row->image = at;
    }
    if (row->image >= 0)
        return OK;
    row->image = b->image_count++;
    b->images[row->image] = (struct customer_image){.id = ctx_id(c),
                                                    .attributes = S("{}"),
                                                    .channel_id = NONE,
                                                    .touched_ms = INT64_MAX,
                                                    .added_ms = NONE,
                                                    .inviter_id = NONE,
                                                    .is_there = true};
    b->is_new[row->image] = true;
    row->is_changed = true;
    return OK;
}

static void row_link(struct ctx *c, struct batch *b, struct row *row)
{
    for (int64_t j = 0; j < row->identities.count; j++) {
        struct identity_plan *plan = &row->identities.plans[j];
        int64_t *owner = owner_of(c, b, plan->ref);
        if (*owner != 0)
            continue;
        *owner = row->image + 1;
        plan->customer_id = b->images[row->image].id;
        b->links[b->link_count++] = *plan;
        row->is_changed = true;
    }
}

static bool text_set(struct str *field, struct str given)
{
    if (given.len == 0 || str_eq(*field, given))
        return false;
    *field = given;
    return true;
}

static bool earlier_set(int64_t *field, int64_t given_ms)
{
    if (given_ms == NONE || (*field != NONE && *field <= given_ms))
        return false;
    *field = given_ms;
    return true;
}

static void row_apply(struct ctx *c, struct batch *b, int64_t i)
{
    const struct customer_new *n = &b->given[i];
    struct row *row = &b->rows[i];
    struct customer_image *image = &b->images[row->image];
    bool is_changed = text_set(&image->name, n->name);

    is_changed |= text_set(&image->phone, row->identities.phone);
    is_changed |= text_set(&image->email, row->identities.email);
    is_changed |= text_set(&image->region, n->region);
    is_changed |= earlier_set(&image->added_ms, n->added_ms);
    if (image->touched_ms == INT64_MAX && n->touched_ms == NONE)
        image->touched_ms = c->now_ms;
    is_changed |= earlier_set(&image->touched_ms, n->touched_ms);
    if (image->channel_id == NONE && n->channel_id != NONE) {
        image->channel_id = n->channel_id;
        is_changed = true;
    }
    row->is_changed |= is_changed;
    b->is_dirty[row->image] |= row->is_changed;
}

/* Over what stands there; a new customer's cannot fail, so no half-made one is left. */
static enum err row_attributes(struct ctx *c, struct batch *b, struct row *row)
{
    struct str next;

    if (row->attributes.at == NULL)
        return OK;
    TRY(attributes_join(c, b->images[row->image].attributes, row->attributes, &next));
    row->is_changed |= text_set(&b->images[row->image].attributes, next);
    return OK;
}

/* The older record is the person. */
static void pair_add(struct batch *b, int64_t a_id, int64_t b_id, const char *rule)
{
    b->pairs[b->pair_count++] = (struct merge_pair){
        .kept_id = a_id < b_id ? a_id : b_id, .merged_id = a_id < b_id ? b_id : a_id, .rule = rule};
}

/* Identities of several persons: do rules make one person of them all? */
static bool row_pairs(struct ctx *c, struct batch *b, const struct row *row)
{
    const struct identity_plan *plans = row->identities.plans, *first = NULL;
    int64_t first_at = 0, pair_count = b->pair_count;

    for (int64_t j = 0; j < row->identities.count; j++) {
        int64_t at = *owner_of(c, b, plans[j].ref) - 1;
        const char *rule;
        if (at < 0 || (first && at == first_at))
            continue;
        if (first == NULL) {
            first = &plans[j];
            first_at = at;
            continue;
        }
        rule = merge_rule(&b->rules, first->ref.kind, plans[j].ref.kind);
        if (rule == NULL) {
            b->pair_count = pair_count;
            return false;
        }
        pair_add(b, b->images[first_at].id, b->images[at].id, rule);
    }
    return true;
}

static enum err row_defer(struct ctx *c, struct batch *b, int64_t i, enum err err)
{
    struct row *row = &b->rows[i];

    if (err == E_CONFLICT && !b->has_rules && !b->is_last) {
        struct fault fault = c->fault;
        TRY(merge_rules_get(c, &b->rules));
        c->fault = fault;
        b->has_rules = true;
    }
    if (err != E_CONFLICT || b->is_last || !row_pairs(c, b, row))
        return row_refuse(c, b, i, err);
    c->fault = (struct fault){0};
    row->is_deferred = true;
    row->image = NONE;
    b->deferred_count++;
    return OK;
}

static enum err rows_apply(struct ctx *c, struct batch *b)
{
    for (int64_t i = 0; i < b->count; i++) {
        enum err err;
        if (b->rows[i].image == NONE)
            continue;
        err = row_owner(c, b, &b->rows[i]);
        if (err == OK)
            err = row_attributes(c, b, &b->rows[i]);
        if (err != OK) {
            TRY(row_defer(c, b, i, err));
            continue;
        }
        row_link(c, b, &b->rows[i]);
        row_apply(c, b, i);
    }
    return OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void image_plan(const struct customer_image *image, struct customer_plan *plan)
{
    *plan = (struct customer_plan){
        .id = image->id,
        .name = image->name,
        .phone = image->phone,
        .email = image->email,
        .region = image->region,
        .attributes = image->attributes,
        .channel_id = image->channel_id,
        .touched_ms = image->touched_ms,
        .added_ms = image->added_ms,
        .action_day = NONE,
    };
}

static enum err edited_emit(struct ctx *c, const struct customer_image *images, int64_t count)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++) {
        event_init(&events[i], c, "customer_edited");
        events[i].customer_id = images[i].id;
        events[i].properties = S("{\"fields\":\"import\"}");
    }
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

static enum err batch_write(struct ctx *c, struct batch *b)
{
    struct customer_image *changed =
        arena_new_array(c->arena, struct customer_image, (size_t)b->image_count + 1);
    struct customer_plan *plans =
        arena_new_array(c->arena, struct customer_plan, (size_t)b->image_count + 1);
    struct customer_writing w = {plans, 0, b->links, b->link_count};
    int64_t changed_count = 0;

    for (int64_t i = 0; i < b->image_count; i++)
        if (b->is_new[i])
            image_plan(&b->images[i], &plans[w.plan_count++]);
        else if (b->is_dirty[i])
            changed[changed_count++] = b->images[i];
    if (w.plan_count > 0 || w.identity_count > 0)
        TRY(customer_write_new(c, &w));
    if (changed_count == 0)
        return OK;
    TRY(customer_images_write(c, changed, changed_count));
    return edited_emit(c, changed, changed_count);
}

static enum err inviters_link(struct ctx *c, const struct batch *b)
{
    struct customer_image *told =
        arena_new_array(c->arena, struct customer_image, (size_t)b->count + 1);
    int64_t told_count = 0;

    for (int64_t i = 0; i < b->count; i++) {
        int64_t at = b->rows[i].image;
        bool is_set;

        if (at == NONE || b->given[i].invited_by_customer_id == NONE)
            continue;
        TRY(customer_inviter_link(c, b->images[at].id, b->given[i].invited_by_customer_id,
                                  &is_set));
        if (!is_set)
            continue;
        b->images[at].inviter_id = b->given[i].invited_by_customer_id;
        b->rows[i].is_changed = true;
        if (!b->is_new[at] && !b->is_dirty[at])
            told[told_count++] = b->images[at];
    }
    return told_count > 0 ? edited_emit(c, told, told_count) : OK;
}

static void batch_init(struct ctx *c, struct batch *b, int64_t identity_count)
{
    size_t images = (size_t)(b->count + identity_count) + 1;

    b->owners = map_new(c->arena, (size_t)identity_count);
    b->by_id = map_new(c->arena, (size_t)b->count);
    b->images = arena_new_array(c->arena, struct customer_image, images);
    b->befores = arena_new_array(c->arena, struct customer_image, images);
    b->is_new = arena_new_array(c->arena, bool, images);
    b->is_dirty = arena_new_array(c->arena, bool, images);
    b->links = arena_new_array(c->arena, struct identity_plan, (size_t)identity_count + 1);
    b->pairs = arena_new_array(c->arena, struct merge_pair, (size_t)identity_count + 1);
}

/* ---- what undo needs ------------------------------------------------------------------------- */

static void pair_write(struct json_out *json, const char *name, struct str before, struct str after)
{
    if (str_eq(before, after) && (before.at == NULL) == (after.at == NULL))
        return;
    json_name(json, name);
    json_array_begin(json);
    json_str(json, before);
    json_str(json, after);
    json_array_end(json);
}

static void pair_write_number(struct json_out *json, const char *name, int64_t before,
                              int64_t after)
{
    if (before == after)
        return;
    json_name(json, name);
    json_array_begin(json);
    json_int(json, before);
    json_int(json, after);
    json_array_end(json);
}

static void change_links(struct json_out *json, const struct batch *b, int64_t customer_id)
{
    json_name(json, "identities");
    json_array_begin(json);
    for (int64_t i = 0; i < b->link_count; i++) {
        if (b->links[i].customer_id != customer_id)
            continue;
        json_array_begin(json);
        json_str(json, b->links[i].ref.kind);
        json_str(json, b->links[i].ref.value);
        json_array_end(json);
    }
    json_array_end(json);
}

static void change_write(struct json_out *json, const struct batch *b, int64_t i)
{
    const struct customer_image *before = &b->befores[i], *after = &b->images[i];

    json_object_begin(json);
    json_name(json, "id");
    json_int(json, after->id);
    pair_write(json, "name", before->name, after->name);
    pair_write(json, "phone", before->phone, after->phone);
    pair_write(json, "email", before->email, after->email);
    pair_write(json, "region", before->region, after->region);
    pair_write(json, "attributes", before->attributes, after->attributes);
    pair_write_number(json, "channel_id", before->channel_id, after->channel_id);
    pair_write_number(json, "touched_ms", before->touched_ms, after->touched_ms);
    pair_write_number(json, "added_ms", before->added_ms, after->added_ms);
    pair_write_number(json, "inviter_id", before->inviter_id, after->inviter_id);
    if (b->link_count > 0)
        change_links(json, b, after->id);
    json_object_end(json);
}

static void changes_note(const struct batch *b)
{
    for (int64_t i = 0; i < b->image_count; i++) {
        if (b->is_new[i] ||
            (!b->is_dirty[i] && b->images[i].inviter_id == b->befores[i].inviter_id))
            continue;
        change_write(&b->changes->json, b, i);
        b->changes->count++;
    }
}

/* The answers to the rows, side by side as in the header. */
struct answers {
    int64_t *customer_ids;
    bool *is_changed; /* NULL: not asked */
    struct fault *faults;
};

static enum err batch_run(struct ctx *c, struct batch *b, const struct answers *answers)
{
    int64_t identity_count;

    b->rows = arena_new_array(c->arena, struct row, (size_t)b->count + 1);
    TRY(attributes_load(c, &b->attributes));
    TRY(rows_check(c, b, &identity_count));
    batch_init(c, b, identity_count);
    TRY(owners_find(c, b, identity_count));
    TRY(images_load(c, b));
    TRY(rows_apply(c, b));
    TRY(batch_write(c, b));
    TRY(inviters_link(c, b));
    changes_note(b);
    for (int64_t i = 0; i < b->count; i++) {
        bool is_good = b->rows[i].image != NONE;
        answers->customer_ids[i] = is_good ? b->images[b->rows[i].image].id : NONE;
        if (answers->is_changed)
            answers->is_changed[i] = is_good && b->rows[i].is_changed;
    }
    return OK;
}

/* Rows that name persons whom rules merge: once more, when they are one; what is not one by then is
 * refused. */
static enum err deferred_run(struct ctx *c, const struct batch *b, const struct answers *answers)
{
    size_t room = (size_t)b->deferred_count;
    struct customer_new *given = arena_new_array(c->arena, struct customer_new, room);
    int64_t *places = arena_new_array(c->arena, int64_t, room);
    struct answers again = {arena_new_array(c->arena, int64_t, room), NULL,
                            arena_new_array(c->arena, struct fault, room)};
    struct batch last = {
        .given = given, .faults = again.faults, .is_last = true, .changes = b->changes};

    for (int64_t i = 0; i < b->count; i++) {
        if (!b->rows[i].is_deferred)
            continue;
        places[last.count] = i;
        given[last.count++] = b->given[i];
    }
    TRY(merge_by_rule(c, b->pairs, b->pair_count));
    TRY(batch_run(c, &last, &again));
    for (int64_t i = 0; i < last.count; i++) {
        answers->customer_ids[places[i]] = again.customer_ids[i];
        answers->faults[places[i]] = again.faults[i];
        if (answers->is_changed)
            answers->is_changed[places[i]] = again.customer_ids[i] != NONE;
    }
    return OK;
}

static enum err batch_all(struct ctx *c, struct customer_import *import, struct changes *changes)
{
    struct batch b = {
        .given = import->n, .count = import->count, .faults = import->faults, .changes = changes};
    struct answers answers = {import->ids, import->is_changed, import->faults};

    TRY(batch_run(c, &b, &answers));
    return b.deferred_count > 0 ? deferred_run(c, &b, &answers) : OK;
}

enum err customer_import_batch(struct ctx *c, struct customer_import *import)
{
    struct changes changes = {.buf = ctx_buf(c, CHANGES_BYTES_MAX)};
    enum err err;

    must(import->count <= CUSTOMER_BATCH_MAX);
    json_out_init(&changes.json, changes.buf);
    json_array_begin(&changes.json);
    err = batch_all(c, import, &changes);
    json_array_end(&changes.json);
    import->change_count = changes.count;
    import->changes = (struct str){NULL, 0};
    must(!changes.buf->is_full);
    if (changes.count > 0)
        import->changes = str_copy(c->arena, buf_view(changes.buf));
    buf_release(changes.buf);
    return err;
}
