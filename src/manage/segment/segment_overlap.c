/* POST /api/audience/overlap: two or three kinds of customers beside each other, each combination
 * counted apart. Always: all are of one moment. */
#include "manage/audience/question.h"
#include "manage/segment/segment.h"

#define OVERLAP_MAX 3

struct audience_overlap_in {
    struct str queries;
};
struct audience_overlap_item {
    int64_t mask_number, member_count;
};
struct audience_overlap_out {
    struct list counts;
};
static const struct field audience_overlap_in[] = {
    IN(struct audience_overlap_in, queries, .is_json = true, .max = OVERLAP_MAX * QUERY_TEXT_MAX,
       .about = "a list of two or three segments of the query language"),
};
static const struct field audience_overlap_item[] = {
    OUT(struct audience_overlap_item, mask_number, .about = "bit i: in the i-th, from 0"),
    OUT(struct audience_overlap_item, member_count, .about = "in exactly these"),
};
static const struct field audience_overlap_out[] = {
    OUT(struct audience_overlap_out, counts, .of = SHAPE(audience_overlap_item)),
};

struct overlap {
    struct question question;
    struct bitmap sets[OVERLAP_MAX];
    int count;
};

static enum err queries_read(struct ctx *c, struct str text, struct json *out)
{
    if (json_parse(c->arena, text, out, NULL) == OK && out->type == JSON_ARRAY && out->count >= 2 &&
        out->count <= OVERLAP_MAX)
        return OK;
    return fail_at(c, "query.form", S("queries"), "a list of two or three queries is needed");
}

/* The answer becomes the next set. */
static enum err set_ask(struct ctx *c, struct str text, struct overlap *overlap)
{
    struct question *question = &overlap->question;
    struct str place = str_fmt(c->arena, "queries/%d", overlap->count);

    TRY(question_read(c, text, str_cstr(c->arena, place), question));
    if (question->query.ask != QUERY_SEGMENT)
        return fail_at(c, "query.form", str_fmt(c->arena, "%.*s/ask", STR(place)),
                       "only segments lie beside each other");
    TRY(question_reach(c, question));
    TRY(question_run(c, question));
    overlap->sets[overlap->count++] = question->answer.members;
    bitmap_init(&question->answer.members);
    return OK;
}

static int64_t alone_count(const struct overlap *overlap, int mask)
{
    const struct bitmap *all[OVERLAP_MAX], *none[OVERLAP_MAX];
    struct bitmap_terms terms = {.all = all, .none = none};

    for (int i = 0; i < overlap->count; i++)
        if (mask >> i & 1)
            all[terms.all_count++] = &overlap->sets[i];
        else
            none[terms.none_count++] = &overlap->sets[i];
    return bitmap_combine(&terms, NULL);
}

static void counts_fill(struct ctx *c, const struct overlap *overlap, struct list *counts)
{
    int most = 1 << overlap->count;
    struct audience_overlap_item *item =
        arena_new_array(c->arena, struct audience_overlap_item, (size_t)most);

    for (int mask = 1; mask < most; mask++)
        item[mask - 1] = (struct audience_overlap_item){mask, alone_count(overlap, mask)};
    *counts = (struct list){item, most - 1};
}

static enum err overlap_run(struct ctx *c, const void *in_, void *out_)
{
    const struct audience_overlap_in *in = in_;
    struct audience_overlap_out *out = out_;
    struct overlap overlap = {.count = 0};
    struct json queries;
    enum err err;

    TRY(queries_read(c, in->queries, &queries));
    err = question_begin(c, &overlap.question);
    for (uint32_t i = 0; i < queries.count && err == OK; i++)
        err = set_ask(c, queries.items[i].raw, &overlap);
    if (err == OK)
        counts_fill(c, &overlap, &out->counts);
    question_end(&overlap.question);
    for (int i = 0; i < overlap.count; i++)
        bitmap_release(&overlap.sets[i]);
    return err;
}

const struct route segment_overlap_routes[] = {
    {HTTP_POST, "/api/audience/overlap", "customer.read", SHAPE(audience_overlap_in),
     SHAPE(audience_overlap_out), overlap_run, .reads = true, .is_long = question_is_long,
     .repeat = REPEAT_KEY_IGNORED, .about = "How many are in which of two or three segments",
     .statement_max = 16},
    {.path = NULL},
};
