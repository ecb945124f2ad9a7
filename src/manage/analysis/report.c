/* Saved analyses: a question of the query language under a name, for all colleagues; whoever opens
 * one gets an answer within one's own reach. Always: a query that is kept could be read when it
 * was.
 */
#include "gen/report.q.h"
#include "kit/audit.h"
#include "manage/analysis/analysis.h"
#include "manage/audience/question.h"

#define NAME_CHARS_MAX 60
#define ASKS "segment|funnel|retention|paths|breakdown|trend|rfm|interval|timeline|flow"

struct report_list_in {
    struct str ask;
};
struct report_list_out {
    struct list items;
};
static const struct field report_list_in[] = {
    IN(struct report_list_in, ask, .is_optional = true, .one_of = ASKS),
};
static const struct field report_item[] = {
    OUT(struct q_report_list_row, id),
    OUT(struct q_report_list_row, name),
    OUT(struct q_report_list_row, ask, .one_of = ASKS),
    OUT(struct q_report_list_row, query, .is_json = true),
    OUT(struct q_report_list_row, staff_name, .is_optional = true),
    OUT(struct q_report_list_row, created_ms),
    OUT(struct q_report_list_row, changed_ms),
};
static const struct field report_list_out[] = {
    OUT(struct report_list_out, items,
        .of = SHAPE_OF("report_item", report_item, struct q_report_list_row)),
};

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct report_list_in *in = in_;
    struct report_list_out *out = out_;

    return q_report_list(c, in->ask, &out->items);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct report_in {
    int64_t report_id;
    struct str name, query;
};
struct report_add_out {
    int64_t id;
};
#define WORDS                                                                                      \
    IN(struct report_in, name, .min = 1, .max = NAME_CHARS_MAX),                                   \
        IN(struct report_in, query, .is_json = true, .max = QUERY_TEXT_MAX,                        \
           .about = "of the query language")
static const struct field report_add_in[] = {WORDS};
static const struct field report_edit_in[] = {IN(struct report_in, report_id), WORDS};
static const struct field report_remove_in[] = {IN(struct report_in, report_id)};
static const struct field report_add_out[] = {OUT(struct report_add_out, id)};

static enum err words_check(struct ctx *c, const struct report_in *in, struct str *ask)
{
    struct catalog catalog;
    struct json json;
    struct query query;

    if (str_trim(in->name).len == 0)
        return fail_at(c, "report.name", S("name"), "a name is needed");
    TRY(definition_catalog(c, &catalog));
    TRY(definition_query(c, &catalog, in->query, "query", &query));
    TRY(json_parse(c->arena, in->query, &json, NULL));
    *ask = json_get(&json, "ask")->text;
    return OK;
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct report_in *in = in_;
    struct report_add_out *out = out_;
    struct q_report_add_in row = {.name = str_trim(in->name), .query = in->query};
    int64_t changed_count;

    TRY(words_check(c, in, &row.ask));
    row.id = out->id = ctx_id(c);
    TRY(q_report_add(c, &row, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "report.too_many", "200 are enough: remove one first");
    audit_about(c, "report", out->id);
    c->topics |= LIVE_SEGMENTS;
    return OK;
}

static enum err found(struct ctx *c, int64_t changed_count)
{
    c->topics |= LIVE_SEGMENTS;
    return changed_count == 1 ? OK
                              : fail(c, E_NOT_FOUND, "report.unknown", "no such saved analysis");
}

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct report_in *in = in_;
    struct q_report_edit_in row = {
        .name = str_trim(in->name), .query = in->query, .report_id = in->report_id};
    int64_t changed_count;

    (void)out;
    TRY(words_check(c, in, &row.ask));
    TRY(q_report_edit(c, &row, &changed_count));
    return found(c, changed_count);
}

static enum err remove_run(struct ctx *c, const void *in_, void *out)
{
    const struct report_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_report_remove(c, in->report_id, &changed_count));
    return found(c, changed_count);
}

const struct route report_routes[] = {
    {HTTP_GET, "/api/reports", "customer.read", SHAPE(report_list_in), SHAPE(report_list_out),
     list_run, .about = "Saved analyses, the last changed first"},
    {HTTP_POST, "/api/reports", "segment.write",
     SHAPE_OF("report_add_in", report_add_in, struct report_in), SHAPE(report_add_out), add_run,
     .about = "Save an analysis"},
    {HTTP_POST, "/api/reports/{report_id}/edit", "segment.write",
     SHAPE_OF("report_edit_in", report_edit_in, struct report_in), NULL, edit_run,
     .about = "Change its name or its question"},
    {HTTP_POST, "/api/reports/{report_id}/remove", "segment.write",
     SHAPE_OF("report_remove_in", report_remove_in, struct report_in), NULL, remove_run,
     .about = "Remove a saved analysis"},
    {.path = NULL},
};
