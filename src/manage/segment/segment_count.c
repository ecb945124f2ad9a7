/* POST /api/audience/count: how many a segment has, who for example, and how many it would have had
 * at the ends of the days before. For whoever is building one. */
#include "gen/segment_count.q.h"
#include "manage/audience/question.h"
#include "manage/customer/mask.h"
#include "manage/segment/segment.h"

#define SAMPLE_MAX 20
#define CURVE_MAX 31

struct audience_member {
    int64_t customer_id, customer_number, order_count, paid_fen;
    struct str name;
};
struct audience_size {
    int64_t size_day, member_count;
};
struct audience_count_in {
    struct str query;
    int64_t curve_days;
};
struct audience_count_out {
    int64_t member_count, elapsed_us;
    struct list sample, sizes;
};
static const struct field audience_count_in[] = {
    IN(struct audience_count_in, query, .is_json = true, .max = QUERY_TEXT_MAX,
       .about = "a segment of the query language"),
    IN(struct audience_count_in, curve_days, .is_optional = true, .min = 0, .max = CURVE_MAX,
       .about = "how many days that are over"),
};
static const struct field audience_size[] = {
    OUT(struct audience_size, size_day),
    OUT(struct audience_size, member_count,
        .about = "by events up to the end of the day; attributes and sets as they are now"),
};
static const struct field audience_member[] = {
    OUT(struct audience_member, customer_id),
    OUT(struct audience_member, customer_number),
    OUT(struct audience_member, name, .is_optional = true),
    OUT(struct audience_member, order_count),
    OUT(struct audience_member, paid_fen),
};
static const struct field audience_count_out[] = {
    OUT(struct audience_count_out, member_count),
    OUT(struct audience_count_out, sample, .of = SHAPE(audience_member),
        .about = "twenty of them at most"),
    OUT(struct audience_count_out, sizes, .of = SHAPE(audience_size)),
    OUT(struct audience_count_out, elapsed_us),
};

static enum err member_fill(struct ctx *c, const struct q_audience_sample_row *row,
                            struct audience_member *member)
{
    struct str name = {0};

    TRY(ctx_unseal(c, row->name_enc, "customer", row->id, &name));
    *member = (struct audience_member){.customer_id = row->id,
                                       .customer_number = row->customer_number,
                                       .order_count = row->order_count,
                                       .paid_fen = row->paid_fen,
                                       .name = mask_name_for(c, name)};
    return OK;
}

static enum err sample_fill(struct ctx *c, const struct bitmap *members, struct list *sample)
{
    struct q_audience_sample_in keys[SAMPLE_MAX];
    struct q_audience_sample_row rows[SAMPLE_MAX];
    struct audience_member *out = arena_new_array(c->arena, struct audience_member, SAMPLE_MAX);
    uint32_t numbers[SAMPLE_MAX];
    size_t count = bitmap_read(members, 0, numbers, SAMPLE_MAX);

    *sample = (struct list){.at = out};
    for (size_t i = 0; i < count; i++)
        keys[i].customer_number = numbers[i];
    if (count == 0)
        return OK;
    TRY(q_audience_sample(c, keys, (int64_t)count, rows));
    for (size_t i = 0; i < count; i++)
        if (rows[i].id != NONE) /* added or gone since the snapshot of this request */
            TRY(member_fill(c, &rows[i], &out[sample->count++]));
    return OK;
}

/* The question is run again, seeing ever more events. */
static enum err sizes_fill(struct ctx *c, struct question *question, int64_t day_count,
                           struct list *sizes)
{
    const struct zone *zone = ctx_zone(c);
    int64_t today = zone_day(zone, c->now_ms);
    struct audience_size *size =
        arena_new_array(c->arena, struct audience_size, (size_t)day_count + 1);

    enum err err = OK;

    *sizes = (struct list){size, 0};
    for (int64_t day = today - day_count; day < today; day++) {
        question->moment.moment.as_of = zone_day_start(zone, day + 1) / 1000;
        err = question_run(c, question);
        if (err != OK)
            break;
        size[sizes->count++] = (struct audience_size){day, bitmap_count(&question->answer.members)};
    }
    if (err == E_BUSY || err == E_TOO_LARGE) { /* there is no time for a curve: the count stands */
        sizes->count = 0;
        err = OK;
    }
    return err;
}

static enum err count_fill(struct ctx *c, struct question *question, int64_t curve_days,
                           struct audience_count_out *out)
{
    if (question->query.ask != QUERY_SEGMENT)
        return fail_at(c, "query.form", S("query/ask"), "only a segment can be counted");
    TRY(question_run(c, question));
    out->member_count = bitmap_count(&question->answer.members);
    TRY(sample_fill(c, &question->answer.members, &out->sample));
    out->elapsed_us = question->answer.elapsed_us;
    return curve_days == NONE ? OK : sizes_fill(c, question, curve_days, &out->sizes);
}

static enum err count_run(struct ctx *c, const void *in_, void *out)
{
    const struct audience_count_in *in = in_;
    struct question question;
    enum err err = question_begin(c, &question);

    if (err == OK)
        err = question_read(c, in->query, "query", &question);
    if (err == OK)
        err = question_reach(c, &question);
    if (err == OK)
        err = count_fill(c, &question, in->curve_days, out);
    question_end(&question);
    return err;
}

const struct route segment_count_routes[] = {
    {HTTP_POST, "/api/audience/count", "customer.read", SHAPE(audience_count_in),
     SHAPE(audience_count_out), count_run, .reads = true, .is_long = question_is_long,
     .repeat = REPEAT_KEY_IGNORED,
     .about = "How many persons a segment has, some of them, and how many it had",
     .statement_max = 12},
    {.path = NULL},
};
