/* Segments as people make and read them. Always: a definition was read and checked before it is
 * kept, every version of it stays, and nobody edits what somebody else changed meanwhile. Who the
 * members are is segment_live.c's. */
#include "base/json.h"
#include "gen/segment.q.h"
#include "kit/audit.h"
#include "kit/job.h"
#include "manage/customer/customer.h"
#include "manage/segment/segment_private.h"

#define NAME_CHARS_MAX 60
#define ABOUT_CHARS_MAX 300
#define DEFINITION_MAX 20000 /* characters */
#define CURVE_DAYS 30
#define SIZE_DAYS 400
#define KINDS "live|static"
#define STATES "filling|live|refused|slow|large"

/* A segment's query, below "definition". */
static enum err definition_read(struct ctx *c, const struct catalog *catalog, struct str text,
                                struct query *out)
{
    TRY(definition_query(c, catalog, text, "definition", out));
    if (out->ask != QUERY_SEGMENT)
        return fail_at(c, "segment.ask", S("definition/ask"), "a query with ask segment is needed");
    return OK;
}

/* ---- the list -------------------------------------------------------------------------------- */

struct segment_size {
    int64_t size_day, member_count, entered_count, left_count;
};
struct segment_item {
    int64_t id, version_number, member_count, tag_id, changed_ms, filled_ms, archived_ms;
    struct str name, about, kind, state, tag_name, tag_color;
    struct list sizes;
};
struct segment_list_in {
    bool is_archived;
};
struct segment_list_out {
    struct list items;
};
static const struct field segment_curve[] = {
    OUT(struct segment_size, size_day),
    OUT(struct segment_size, member_count),
};
static const struct field segment_item[] = {
    OUT(struct segment_item, id),
    OUT(struct segment_item, name),
    OUT(struct segment_item, about),
    OUT(struct segment_item, kind, .one_of = KINDS),
    OUT(struct segment_item, state, .one_of = STATES),
    OUT(struct segment_item, version_number),
    OUT(struct segment_item, member_count),
    OUT(struct segment_item, tag_id, .is_optional = true, .about = "put on who enters"),
    OUT(struct segment_item, tag_name, .is_optional = true),
    OUT(struct segment_item, tag_color, .is_optional = true),
    OUT(struct segment_item, changed_ms),
    OUT(struct segment_item, filled_ms, .is_optional = true),
    OUT(struct segment_item, archived_ms, .is_optional = true),
    OUT(struct segment_item, sizes,
        .of = SHAPE_OF("segment_curve", segment_curve, struct segment_size),
        .about = "of the last 30 days on which it changed"),
};
static const struct field segment_list_in[] = {
    IN(struct segment_list_in, is_archived, .is_optional = true, .about = "the archived ones too"),
};
static const struct field segment_list_out[] = {
    OUT(struct segment_list_out, items, .of = SHAPE(segment_item)),
};

static struct segment_item item_of(const struct q_segment_all_row *row)
{
    return (struct segment_item){.id = row->id,
                                 .version_number = row->version_number,
                                 .member_count = row->member_count,
                                 .tag_id = row->tag_id,
                                 .changed_ms = row->changed_ms,
                                 .filled_ms = row->filled_ms,
                                 .archived_ms = row->archived_ms,
                                 .name = row->name,
                                 .about = row->about,
                                 .kind = row->kind,
                                 .state = row->state,
                                 .tag_name = row->tag_name,
                                 .tag_color = row->tag_color};
}

static struct segment_item *item_find(struct segment_item *items, int64_t count, int64_t id)
{
    for (int64_t i = 0; i < count; i++)
        if (items[i].id == id)
            return &items[i];
    return NULL;
}

/* The rows of one segment lie together. */
static void sizes_give(struct ctx *c, const struct list *rows, struct segment_item *items,
                       int64_t count)
{
    const struct q_segment_sizes_of_all_row *row = rows->at;
    struct segment_item *item = NULL;
    int64_t cap = 0;

    for (int64_t i = 0; i < rows->count; i++) {
        struct segment_size *size;

        if (i == 0 || row[i].segment_id != row[i - 1].segment_id) {
            item = item_find(items, count, row[i].segment_id);
            cap = 0;
        }
        if (item == NULL)
            continue;
        size = list_add(c->arena, &item->sizes, &cap, sizeof *size);
        size->size_day = row[i].size_day;
        size->member_count = row[i].member_count;
    }
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segment_list_in *in = in_;
    struct segment_list_out *out = out_;
    const struct q_segment_all_row *row;
    struct segment_item *items;
    struct list rows, sizes;

    TRY(q_segment_all(c, in->is_archived, &rows));
    TRY(q_segment_sizes_of_all(c, zone_day(ctx_zone(c), c->now_ms) - CURVE_DAYS, &sizes));
    items = arena_new_array(c->arena, struct segment_item, (size_t)rows.count + 1);
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        items[i] = item_of(&row[i]);
    sizes_give(c, &sizes, items, rows.count);
    out->items = (struct list){items, rows.count};
    return OK;
}

/* ---- one ------------------------------------------------------------------------------------- */

struct segment_in {
    int64_t segment_id;
};
struct segment_out {
    struct q_segment_get_row one;
    struct str fault_code, fault_path, fault_message;
    struct list versions, sizes;
};
static const struct field segment_in[] = {IN(struct segment_in, segment_id)};
static const struct field segment_one[] = {
    OUT(struct q_segment_get_row, id),
    OUT(struct q_segment_get_row, name),
    OUT(struct q_segment_get_row, about),
    OUT(struct q_segment_get_row, kind, .one_of = KINDS),
    OUT(struct q_segment_get_row, state, .one_of = STATES),
    OUT(struct q_segment_get_row, definition, .is_json = true, .is_optional = true,
        .about = "the query; a static one has none"),
    OUT(struct q_segment_get_row, version_number),
    OUT(struct q_segment_get_row, member_count),
    OUT(struct q_segment_get_row, tag_id, .is_optional = true),
    OUT(struct q_segment_get_row, tag_name, .is_optional = true),
    OUT(struct q_segment_get_row, of_segment_id, .is_optional = true,
        .about = "what a static one was taken from"),
    OUT(struct q_segment_get_row, staff_name, .is_optional = true),
    OUT(struct q_segment_get_row, created_ms),
    OUT(struct q_segment_get_row, changed_ms),
    OUT(struct q_segment_get_row, filled_ms, .is_optional = true),
    OUT(struct q_segment_get_row, archived_ms, .is_optional = true),
};
static const struct field segment_version[] = {
    OUT(struct q_segment_versions_row, version_number),
    OUT(struct q_segment_versions_row, definition, .is_json = true),
    OUT(struct q_segment_versions_row, staff_name, .is_optional = true),
    OUT(struct q_segment_versions_row, created_ms),
};
static const struct field segment_size[] = {
    OUT(struct q_segment_sizes_row, size_day),
    OUT(struct q_segment_sizes_row, member_count),
    OUT(struct q_segment_sizes_row, entered_count),
    OUT(struct q_segment_sizes_row, left_count),
};
static const struct field segment_out[] = {
    OUT(struct segment_out, one,
        .of = SHAPE_OF("segment_one", segment_one, struct q_segment_get_row)),
    OUT(struct segment_out, fault_code, .is_optional = true, .about = "why it is refused"),
    OUT(struct segment_out, fault_path, .is_optional = true, .about = "where in the definition"),
    OUT(struct segment_out, fault_message, .is_optional = true),
    OUT(struct segment_out, versions,
        .of = SHAPE_OF("segment_version", segment_version, struct q_segment_versions_row)),
    OUT(struct segment_out, sizes,
        .of = SHAPE_OF("segment_size", segment_size, struct q_segment_sizes_row)),
};

static enum err segment_read(struct ctx *c, int64_t segment_id, struct q_segment_get_row *row)
{
    enum err err = q_segment_get(c, segment_id, row);

    return err == E_NOT_FOUND ? fail(c, err, "segment.unknown", "no such segment") : err;
}

static enum err own_circle_check(struct ctx *c, const struct catalog *catalog,
                                 const struct q_segment_get_row *row)
{
    return segment_circle_check(c, catalog,
                                &(struct q_segment_users_row){.id = row->id,
                                                              .definition = row->definition,
                                                              .tag_id = row->tag_id});
}

/* Said as of now: what it names may be there again. */
static enum err refusal_fill(struct ctx *c, struct segment_out *out)
{
    struct catalog catalog;
    struct query query;
    enum err err;

    if (!str_is(out->one.state, "refused"))
        return OK;
    err = definition_catalog(c, &catalog);
    if (err == OK)
        err = definition_read(c, &catalog, out->one.definition, &query);
    if (err == OK)
        err = own_circle_check(c, &catalog, &out->one);
    if (err == E_INPUT) {
        out->fault_code = str_of(c->fault.code);
        out->fault_path = c->fault.path;
        out->fault_message = c->fault.message;
    }
    return err == E_INPUT || err == E_BUSY ? OK : err;
}

static enum err get_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segment_in *in = in_;
    struct segment_out *out = out_;

    TRY(segment_read(c, in->segment_id, &out->one));
    TRY(refusal_fill(c, out));
    TRY(q_segment_versions(c, in->segment_id, &out->versions));
    return q_segment_sizes(c, in->segment_id, zone_day(ctx_zone(c), c->now_ms) - SIZE_DAYS,
                           &out->sizes);
}

/* ---- adding and changing --------------------------------------------------------------------- */

struct segment_edit_in {
    int64_t segment_id, version_number, tag_id;
    struct str name, about, definition;
};
struct segment_add_out {
    int64_t id;
};
#define SEGMENT_WORDS                                                                              \
    IN(struct segment_edit_in, name, .min = 1, .max = NAME_CHARS_MAX),                             \
        IN(struct segment_edit_in, about, .is_optional = true, .max = ABOUT_CHARS_MAX),            \
        IN(struct segment_edit_in, definition, .is_json = true, .max = DEFINITION_MAX,             \
           .about = "a query with ask segment"),                                                   \
        IN(struct segment_edit_in, tag_id, .is_optional = true,                                    \
           .about = "put on who enters, taken off who leaves; of no other segment")
static const struct field segment_add_in[] = {SEGMENT_WORDS};
static const struct field segment_add_out[] = {OUT(struct segment_add_out, id)};
static const struct field segment_edit_in[] = {
    IN(struct segment_edit_in, segment_id),
    IN(struct segment_edit_in, version_number, .about = "the version that was changed"),
    SEGMENT_WORDS,
};

static enum err tag_check(struct ctx *c, int64_t tag_id, int64_t segment_id)
{
    struct q_segment_tag_row tag;
    enum err err;

    if (tag_id == NONE)
        return OK;
    err = q_segment_tag(c, segment_id, tag_id, &tag);
    if (err == E_NOT_FOUND)
        return fail(c, err, "tag.unknown", "no such tag");
    TRY(err);
    if (tag.segment_count > 0)
        return fail_at(c, "segment.tag", S("tag_id"),
                       "another segment puts this tag on its members");
    return OK;
}

static enum err words_check(struct ctx *c, const struct segment_edit_in *in)
{
    struct catalog catalog;
    struct query query;

    if (str_trim(in->name).len == 0)
        return fail_at(c, "segment.name", S("name"), "a name is needed");
    TRY(definition_catalog(c, &catalog));
    TRY(definition_read(c, &catalog, in->definition, &query));
    TRY(segment_circle_check(c, &catalog,
                             &(struct q_segment_users_row){.id = in->segment_id,
                                                           .definition = in->definition,
                                                           .tag_id = in->tag_id}));
    return tag_check(c, in->tag_id, in->segment_id);
}

/* The feed reads definitions when the journal says that one changed. */
static enum err changed_emit(struct ctx *c, int64_t segment_id)
{
    struct event event;

    event_init(&event, c, "segment_changed");
    event.subject_id = segment_id;
    c->topics |= LIVE_SEGMENTS;
    return journal_emit(c, &event, 1);
}

static struct str about_of(const struct segment_edit_in *in)
{
    return in->about.at ? str_trim(in->about) : S("");
}

static enum err add_row(struct ctx *c, const struct q_segment_add_in *row)
{
    int64_t changed_count;

    TRY(q_segment_add(c, row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "segment.exists",
                    "there is a segment of this name, or there are 500 already");
    audit_about(c, "segment", row->id);
    return changed_emit(c, row->id);
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segment_edit_in *in = in_;
    struct segment_add_out *out = out_;

    TRY(words_check(c, in));
    out->id = ctx_id(c);
    TRY(add_row(c, &(struct q_segment_add_in){.id = out->id,
                                              .name = str_trim(in->name),
                                              .about = about_of(in),
                                              .kind = S("live"),
                                              .state = S("filling"),
                                              .definition = in->definition,
                                              .tag_id = in->tag_id,
                                              .of_segment_id = NONE}));
    return q_segment_version_add(c, out->id, 1, in->definition);
}

/* Words and tag may change without a new version; the members are made anew only for another
 * definition. */
static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct segment_edit_in *in = in_;
    struct q_segment_get_row now;
    struct q_segment_name_taken_row taken;
    bool is_new;
    int64_t changed_count;

    (void)out;
    TRY(segment_read(c, in->segment_id, &now));
    if (!str_is(now.kind, "live"))
        return fail(c, E_CONFLICT, "segment.static",
                    "a static list keeps the members of its moment");
    TRY(words_check(c, in));
    TRY(q_segment_name_taken(c, str_trim(in->name), in->segment_id, &taken));
    if (taken.taken_count > 0)
        return fail_at(c, "segment.exists", S("name"), "there is a segment of this name");
    if (now.tag_id != in->tag_id && now.tag_id != NONE)
        return fail_at(c, "segment.tag_kept", S("tag_id"),
                       "its members have the tag already: archive it and make another segment");
    is_new = !str_eq(now.definition, in->definition) || now.tag_id != in->tag_id;
    TRY(q_segment_edit(
        c,
        &(struct q_segment_edit_in){.name = str_trim(in->name),
                                    .about = about_of(in),
                                    .tag_id = in->tag_id,
                                    .definition = in->definition,
                                    .next_version_number = in->version_number + is_new,
                                    .state = is_new ? S("filling") : now.state,
                                    .segment_id = in->segment_id,
                                    .version_number = in->version_number},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "segment.changed",
                    "somebody changed it meanwhile: load it again");
    TRY(changed_emit(c, in->segment_id));
    return is_new ? q_segment_version_add(c, in->segment_id, in->version_number + 1, in->definition)
                  : OK;
}

/* ---- archiving ------------------------------------------------------------------------------- */

/* Others may stand on it: the first is named. */
static enum err users_check(struct ctx *c, int64_t segment_id)
{
    struct catalog catalog;
    struct str user;

    TRY(definition_catalog(c, &catalog));
    TRY(segment_user_find(c, &catalog, segment_id, &user));
    return user.at == NULL ? OK
                           : fail(c, E_CONFLICT, "segment.used",
                                  "%.*s stands on it: change that one first", STR(user));
}

static enum err archive_run(struct ctx *c, const void *in_, void *out)
{
    const struct segment_in *in = in_;
    struct q_segment_get_row now;
    int64_t changed_count;

    (void)out;
    TRY(segment_read(c, in->segment_id, &now));
    TRY(users_check(c, in->segment_id));
    TRY(q_segment_archive(c, in->segment_id, &changed_count));
    return changed_count == 0 ? OK : changed_emit(c, in->segment_id);
}

/* Meanwhile others may stand on its tag. What cannot be read any more stands on nothing: restored,
 * it says that it is refused. */
static enum err restored_check(struct ctx *c, const struct q_segment_get_row *now)
{
    struct catalog catalog;

    TRY(tag_check(c, now->tag_id, now->id));
    if (now->definition.at == NULL)
        return OK;
    TRY(definition_catalog(c, &catalog));
    return own_circle_check(c, &catalog, now);
}

static enum err restore_run(struct ctx *c, const void *in_, void *out)
{
    const struct segment_in *in = in_;
    struct q_segment_get_row now;
    int64_t changed_count;

    (void)out;
    TRY(segment_read(c, in->segment_id, &now));
    if (now.archived_ms == NONE)
        return OK;
    TRY(restored_check(c, &now));
    TRY(q_segment_restore(c, in->segment_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "segment.too_many",
                    "500 segments are enough: archive one first");
    return changed_emit(c, in->segment_id);
}

/* ---- a list of this moment ------------------------------------------------------------------- */

struct segment_snapshot_in {
    int64_t segment_id;
    struct str name;
};
static const struct field segment_snapshot_in[] = {
    IN(struct segment_snapshot_in, segment_id),
    IN(struct segment_snapshot_in, name, .min = 1, .max = NAME_CHARS_MAX),
};

static enum err snapshot_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segment_snapshot_in *in = in_;
    struct segment_add_out *out = out_;
    struct q_segment_get_row of;
    struct job_new job = {.kind = "segment_snapshot"};
    int64_t job_id;

    TRY(segment_read(c, in->segment_id, &of));
    if (str_trim(in->name).len == 0)
        return fail_at(c, "segment.name", S("name"), "a name is needed");
    out->id = ctx_id(c);
    TRY(add_row(c, &(struct q_segment_add_in){.id = out->id,
                                              .name = str_trim(in->name),
                                              .about = S(""),
                                              .kind = S("static"),
                                              .state = S("filling"),
                                              .tag_id = NONE,
                                              .of_segment_id = in->segment_id}));
    job.title = str_trim(in->name);
    job.input =
        str_fmt(c->arena, "{\"segment_id\":\"%" PRId64 "\",\"of_segment_id\":\"%" PRId64 "\"}",
                out->id, in->segment_id);
    return job_add(c, &job, &job_id);
}

/* ---- why somebody is in it ------------------------------------------------------------------- */

struct segment_explain_in {
    int64_t segment_id, customer_id;
};
struct segment_explain_out {
    bool is_in, is_member;
    int64_t since_ms;
    struct list leaves;
};
static const struct field segment_explain_in[] = {
    IN(struct segment_explain_in, segment_id),
    IN(struct segment_explain_in, customer_id),
};
static const struct field segment_explain_out[] = {
    OUT(struct segment_explain_out, is_in, .about = "by the definition, now"),
    OUT(struct segment_explain_out, is_member, .about = "as the segment has it"),
    OUT(struct segment_explain_out, since_ms, .is_optional = true),
    OUT(struct segment_explain_out, leaves, .of = &segment_leaf_shape),
};

static enum err leaves_ask(struct ctx *c, const struct q_segment_get_row *segment,
                           int64_t person_id, struct segment_explain_out *out)
{
    struct segment_explained explained = {.person_id = person_id};
    struct question question;
    enum err err = question_begin(c, &question);

    if (err == OK)
        err = definition_read(c, &question.moment.catalog, segment->definition, &question.query);
    if (err == OK)
        err = segment_explain(c, &question, &explained);
    question_end(&question);
    out->is_in = explained.is_in;
    out->leaves = explained.leaves;
    return err;
}

static enum err explain_run(struct ctx *c, const void *in_, void *out_)
{
    const struct segment_explain_in *in = in_;
    struct segment_explain_out *out = out_;
    struct q_segment_get_row segment;
    struct q_segment_since_row since;
    int64_t person_id;
    enum err err;

    TRY(segment_read(c, in->segment_id, &segment));
    TRY(customer_reach(c, in->customer_id, &person_id));
    err = q_segment_since(c, in->segment_id, person_id, &since);
    out->is_member = err == OK;
    out->since_ms = err == OK ? since.since_ms : NONE;
    if (err != OK && err != E_NOT_FOUND)
        return err;
    if (segment.definition.at == NULL) {
        out->is_in = out->is_member;
        return OK;
    }
    return leaves_ask(c, &segment, person_id, out);
}

const struct route segment_routes[] = {
    {HTTP_GET, "/api/segments", "customer.read", SHAPE(segment_list_in), SHAPE(segment_list_out),
     list_run, .about = "Segments with their sizes of the last month", .needs_all = true},
    {HTTP_POST, "/api/segments", "segment.write",
     SHAPE_OF("segment_add_in", segment_add_in, struct segment_edit_in), SHAPE(segment_add_out),
     add_run, .about = "Make a live segment", .needs_all = true, .statement_max = 16},
    {HTTP_GET, "/api/segments/{segment_id}", "customer.read", SHAPE(segment_in), SHAPE(segment_out),
     get_run, .about = "One segment, its versions and sizes", .needs_all = true},
    {HTTP_POST, "/api/segments/{segment_id}/edit", "segment.write",
     SHAPE_OF("segment_edit_in", segment_edit_in, struct segment_edit_in), NULL, edit_run,
     .about = "Change its words or its definition", .needs_all = true, .statement_max = 16},
    {HTTP_POST, "/api/segments/{segment_id}/archive", "segment.write", SHAPE(segment_in), NULL,
     archive_run, .about = "Nobody comes in or goes out any more", .needs_all = true},
    {HTTP_POST, "/api/segments/{segment_id}/restore", "segment.write", SHAPE(segment_in), NULL,
     restore_run, .about = "Out of the archive: its members are made anew", .needs_all = true,
     .statement_max = 16},
    {HTTP_POST, "/api/segments/{segment_id}/snapshot", "segment.write", SHAPE(segment_snapshot_in),
     SHAPE(segment_add_out), snapshot_run, .about = "A static list of those who are in it now",
     .needs_all = true},
    {HTTP_GET, "/api/segments/{segment_id}/explain", "customer.read", SHAPE(segment_explain_in),
     SHAPE(segment_explain_out), explain_run,
     .about = "Which condition holds for a customer, since when"},
    {.path = NULL},
};
