/* Why somebody is among those a segment means, or is not: what each condition says of one person,
 * since when and until when. For definitions that are kept and for drafts. */
#include "gen/segment_explain.q.h"
#include "manage/customer/customer.h"
#include "manage/segment/segment_private.h"

struct audience_leaf {
    struct str path;
    bool is_true;
    int64_t since_ms, until_ms, measured_count;
};
static const struct field audience_leaf[] = {
    OUT(struct audience_leaf, path, .about = "JSON pointer into the query"),
    OUT(struct audience_leaf, is_true),
    OUT(struct audience_leaf, since_ms, .is_optional = true,
        .about = "of the event that decided it"),
    OUT(struct audience_leaf, until_ms, .is_optional = true,
        .about = "when it may change by itself"),
    OUT(struct audience_leaf, measured_count, .is_optional = true, .about = "what was measured"),
};
const struct shape segment_leaf_shape = {
    .name = "audience_leaf",
    .fields = audience_leaf,
    .count = ARRAY_LEN(audience_leaf),
    .bytes = sizeof(struct audience_leaf),
};

static int64_t ms_of(int64_t second)
{
    return second == NONE ? NONE : second * 1000;
}

/* A moment sees the running second, so it is one ahead of the clock. */
static int64_t clock_ms_of(int64_t as_of)
{
    return as_of == NONE ? NONE : (as_of - 1) * 1000;
}

/* What was counted, summed up or reached. */
static int64_t measured(const struct condition *condition, const struct answer_leaf *leaf)
{
    return condition->pattern || condition->funnel ? leaf->value : NONE;
}

enum err segment_explain(struct ctx *c, const struct question *question,
                         struct segment_explained *explained)
{
    const struct query *query = &question->query;
    struct answer_options within = {.deadline_ms = question->deadline_ms};
    struct moment moment = question->moment.moment;
    struct answer_leaf leaves[QUERY_CONDITION_MAX];
    struct audience_leaf *out =
        arena_new_array(c->arena, struct audience_leaf, (size_t)query->who_count + 1);
    struct q_audience_number_row person;
    uint32_t kept;

    TRY(q_audience_number(c, explained->person_id, &person));
    moment.cells_as_of = answer_cells_second(query, moment.as_of);
    moment.cells_within = &within;
    kept = people_kept(moment.people, (uint32_t)person.customer_number);
    TRY(question_told(c, answer_explain(c->arena, query, &moment, kept, leaves)));
    for (int i = 0; i < query->who_count; i++)
        out[i] = (struct audience_leaf){.path = query->who[i].path,
                                        .is_true = leaves[i].is_true,
                                        .since_ms = ms_of(leaves[i].since),
                                        .until_ms = clock_ms_of(leaves[i].until),
                                        .measured_count = measured(&query->who[i], &leaves[i])};
    explained->leaves = (struct list){out, query->who_count};
    explained->is_in = query->who_count == 0 || leaves[query->who_count - 1].is_true;
    return OK;
}

/* ---- a draft --------------------------------------------------------------------------------- */

struct audience_explain_in {
    struct str query;
    int64_t customer_id;
};
static const struct field audience_explain_in[] = {
    IN(struct audience_explain_in, query, .is_json = true, .max = QUERY_TEXT_MAX,
       .about = "a segment of the query language"),
    IN(struct audience_explain_in, customer_id),
};
static const struct field audience_explained[] = {
    OUT(struct segment_explained, is_in),
    OUT(struct segment_explained, leaves, .of = &segment_leaf_shape),
};

static enum err draft_explain(struct ctx *c, const struct audience_explain_in *in,
                              struct question *question, struct segment_explained *out)
{
    TRY(question_read(c, in->query, "query", question));
    if (question->query.ask != QUERY_SEGMENT)
        return fail_at(c, "query.form", S("query/ask"), "only a segment can be explained");
    TRY(question_reach_answers(c, question));
    return segment_explain(c, question, out);
}

static enum err explain_run(struct ctx *c, const void *in_, void *out_)
{
    const struct audience_explain_in *in = in_;
    struct segment_explained *out = out_;
    struct question question;
    enum err err;

    TRY(customer_reach(c, in->customer_id, &out->person_id));
    err = question_begin(c, &question);
    if (err == OK)
        err = draft_explain(c, in, &question, out);
    question_end(&question);
    return err;
}

const struct route segment_explain_routes[] = {
    {HTTP_POST, "/api/audience/explain", "customer.read", SHAPE(audience_explain_in),
     SHAPE_OF("audience_explained", audience_explained, struct segment_explained), explain_run,
     .reads = true, .is_long = question_is_long, .repeat = REPEAT_KEY_IGNORED,
     .about = "Which condition of a draft holds for a customer, since when", .statement_max = 12},
    {.path = NULL},
};
