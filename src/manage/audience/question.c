/* A question on its way: the moment it sees, its tree, its answer. Always: it is over within
 * QUESTION_MS; where one asks for others' eyes, the reach of who asks is one more condition of it.
 */
#include "manage/audience/question.h"

#include "engine/query_cell.h"
#include "gen/question.q.h"
#include "host/clock.h"
#include "manage/audience/feed_private.h"

#define QUESTION_MS 5000

/* ---- reach ----------------------------------------------------------------------------------- */

static int attribute_number(const struct catalog *catalog, const char *name)
{
    int number = 0;

    while (!str_is(catalog->attributes[number].name, name))
        must(++number < catalog->attribute_count);
    return number;
}

static struct condition is_one_of(const struct catalog *catalog, const char *attribute,
                                  const int64_t *ids, int64_t count)
{
    return (struct condition){
        .kind = CONDITION_ATTRIBUTE,
        .size = 1,
        .path = S(""),
        .field = {QUERY_ATTRIBUTE, attribute_number(catalog, attribute), VALUE_ID},
        .has_field = true,
        .test = {.compare = COMPARE_ANY_OF, .values = ids, .value_count = (int)count}};
}

static struct condition joined(enum condition_kind kind, int size)
{
    return (struct condition){.kind = kind, .operands = 2, .size = size, .path = S("")};
}

static enum err orgs_find(struct ctx *c, int64_t **ids, int64_t *count)
{
    const struct q_question_orgs_row *row;
    struct list orgs;

    TRY(q_question_orgs(c, c->me_org_path, c->me_org_path_end, &orgs));
    row = orgs.at;
    *count = orgs.count;
    *ids = arena_new_array(c->arena, int64_t, (size_t)orgs.count + 1);
    for (int64_t i = 0; i < orgs.count; i++)
        (*ids)[i] = row[i].id;
    return OK;
}

/* The same as in_scope(c): customers whom the one who asks owns, or of that one's store and below.
 */
struct reach {
    struct ctx *c;
    const struct catalog *catalog;
    const struct query *whole; /* stays as it is; NULL: none does */
    int64_t *orgs, org_count;
};

static void reach_add(void *user, struct query *query)
{
    const struct reach *reach = user;
    struct condition *who = arena_new_array(reach->c->arena, struct condition,
                                            (size_t)query->who_count + QUERY_REACH_MAX);
    int count = query->who_count;

    if (query == reach->whole)
        return;
    if (count > 0)
        memcpy(who, query->who, (size_t)count * sizeof(*who));
    who[count++] = is_one_of(reach->catalog, "owner", &reach->c->me_staff_id, 1);
    if (reach->c->me_reach_number == REACH_STORE) {
        who[count++] = is_one_of(reach->catalog, "store", reach->orgs, reach->org_count);
        who[count++] = joined(CONDITION_ANY, 3);
    }
    if (query->who_count > 0) {
        who[count] = joined(CONDITION_ALL, count + 1);
        count++;
    }
    query->who = who;
    query->who_count = count;
}

/* One person's own events: that person is reached, or is nobody. */
static enum err person_reach(struct ctx *c, const struct query *query)
{
    struct q_question_reach_of_row row;
    enum err err;

    if (query->ask != QUERY_TIMELINE)
        return OK;
    err = q_question_reach_of(c, query->person, &row);
    return err == E_NOT_FOUND ? fail(c, err, "customer.unknown", "no such customer") : err;
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum err question_begin(struct ctx *c, struct question *question)
{
    *question = (struct question){.deadline_ms = clock_mono_us() / 1000 + QUESTION_MS};
    bitmap_init(&question->answer.members);
    return audience_hold(c, &question->moment);
}

void question_end(struct question *question)
{
    if (question->moment.held)
        audience_release(&question->moment);
    bitmap_release(&question->answer.members);
}

enum err question_read(struct ctx *c, struct str text, const char *place, struct question *question)
{
    return definition_query(c, &question->moment.catalog, text, place, &question->query);
}

void question_channels(struct ctx *c, struct question *question, const struct list *channel_ids)
{
    struct condition *one = arena_new_one(c->arena, struct condition);

    *one = is_one_of(&question->moment.catalog, "channel", channel_ids->at, channel_ids->count);
    question->query.who = one;
    question->query.who_count = 1;
}

static enum err all_reach(struct ctx *c, struct question *question, const struct query *whole)
{
    struct reach reach = {.c = c, .catalog = &question->moment.catalog, .whole = whole};

    if (c->me_reach_number == REACH_STORE)
        TRY(orgs_find(c, &reach.orgs, &reach.org_count));
    if (c->me_reach_number != REACH_ALL)
        query_each(&question->query, reach_add, &reach);
    return OK;
}

enum err question_reach(struct ctx *c, struct question *question)
{
    TRY(person_reach(c, &question->query));
    return all_reach(c, question, NULL);
}

enum err question_reach_answers(struct ctx *c, struct question *question)
{
    return answer_has_cells(&question->query) ? all_reach(c, question, &question->query) : OK;
}

enum err question_told(struct ctx *c, enum err err)
{
    if (err == E_BUSY) {
        fail(c, err, "query.slow", "the question takes more than %d s", QUESTION_MS / 1000);
        c->fault.wait_ms = NONE;
    }
    if (err == E_TOO_LARGE)
        return fail(c, err, "query.large", "the question needs too much memory or is too large");
    return err;
}

enum err question_run(struct ctx *c, struct question *question)
{
    struct answer_options options = {.deadline_ms = question->deadline_ms};

    return question_told(c, answer_run(c->arena, &question->query, &question->moment.moment,
                                       &options, &question->answer));
}

enum err question_ask(struct ctx *c, struct str text, struct question *question)
{
    TRY(question_begin(c, question));
    TRY(question_read(c, text, "query", question));
    TRY(question_reach(c, question));
    return question_run(c, question);
}

bool question_is_long(const void *in)
{
    (void)in;
    return true;
}
