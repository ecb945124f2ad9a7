/* Reading a cell of an answer: the question, and which of its rows are meant.
 * Always: a cell names columns that its answer has, with values of their types; the question has
 * one zone, and as many conditions of its own as any. */
#include "engine/query_cell.h"
#include "engine/query_private.h"

#define FIFTH_MAX 5

/* How a column's values stand in JSON: as the question's `by`, or as numbers up to `most`. */
struct key_form {
    const char *name; /* NULL: there are no more */
    enum { KEY_BY = 1, KEY_NUMBER, KEY_SECOND } kind;
    bool is_optional; /* there only `by` something */
    int64_t most;
};
static const struct key_form key_forms[][QUERY_KEY_MAX] = {
    [QUERY_SEGMENT] = {{0}},
    [QUERY_FUNNEL] = {{"group", KEY_BY, .is_optional = true},
                      {"level", KEY_NUMBER, .most = QUERY_STEP_MAX}},
    [QUERY_RETENTION] = {{"cohort_ms", KEY_SECOND}, {"unit", KEY_NUMBER, .most = INT32_MAX}},
    [QUERY_PATHS] = {{"position", KEY_NUMBER, .most = INT32_MAX}, {"from", KEY_BY}, {"to", KEY_BY}},
    [QUERY_BREAKDOWN] = {{"group", KEY_BY}},
    [QUERY_TREND] = {{"from_ms", KEY_SECOND}, {"group", KEY_BY, .is_optional = true}},
    [QUERY_RFM] = {{"r", KEY_NUMBER, .most = FIFTH_MAX},
                   {"f", KEY_NUMBER, .most = FIFTH_MAX},
                   {"m", KEY_NUMBER, .most = FIFTH_MAX}},
    [QUERY_INTERVAL] = {{"days", KEY_NUMBER, .most = INT32_MAX}},
    [QUERY_TIMELINE] = {{0}},
    [QUERY_FLOW] = {{"group", KEY_BY, .is_optional = true},
                    {"from", KEY_NUMBER, .most = QUERY_STAGE_MAX},
                    {"to", KEY_NUMBER, .most = QUERY_STAGE_MAX}},
};

/* ---- values --------------------------------------------------------------------------------- */

static enum err numbers_read(struct query_reader *reader, const struct query_item *item,
                             const struct key_form *form, struct test *out)
{
    bool is_second = form->kind == KEY_SECOND;
    int64_t *values;
    uint32_t count;

    TRY(query_list(reader, item, QUERY_VALUE_MAX, &count));
    values = arena_new_array(reader->arena, int64_t, count);
    for (uint32_t i = 0; i < count; i++) {
        struct query_item one = query_list_at(item, i);

        TRY(query_integer(reader, &one, is_second ? INT64_MIN + 1 : 0,
                          is_second ? INT64_MAX : form->most, &values[i]));
        if (is_second)
            values[i] = values[i] / 1000 - (values[i] % 1000 < 0);
    }
    out->values = values;
    out->value_count = (int)count;
    return OK;
}

static enum err by_values_read(struct query_reader *reader, const struct query_item *item,
                               const struct query *query, struct query_key *out)
{
    out->field = query->by;
    if (query->ask == QUERY_BREAKDOWN && item->json->type == JSON_NULL) {
        out->is_rest = true;
        return OK;
    }
    if (query->by.kind == QUERY_KIND)
        return query_kinds(reader, item, &out->test);
    if (query->by.kind == QUERY_CHANNEL)
        return query_channels(reader, item, &out->test);
    return query_values(reader, item, query->by.type, &out->test);
}

static enum err key_read(struct query_reader *reader, const struct query_item *item,
                         const struct key_form *form, struct query_cell *cell)
{
    struct query_key *key = &cell->keys[form - key_forms[cell->query.ask]];

    key->is_set = true;
    key->test.compare = COMPARE_ANY_OF;
    key->field = (struct query_field){QUERY_KIND, 0, VALUE_NUMBER};
    if (form->kind == KEY_BY)
        return by_values_read(reader, item, &cell->query, key);
    return numbers_read(reader, item, form, &key->test);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static enum err cell_read(struct query_reader *reader, const struct query_item *item,
                          struct query_cell *cell)
{
    const struct key_form *forms = key_forms[cell->query.ask];
    const char *names[QUERY_KEY_MAX + 1] = {NULL};
    struct query_item member;
    int count = 0;

    for (int i = 0; i < QUERY_KEY_MAX; i++)
        if (forms[i].name != NULL && (!forms[i].is_optional || cell->query.has_by))
            names[count++] = forms[i].name;
    TRY(query_members(reader, item, names));
    for (int i = 0; i < QUERY_KEY_MAX; i++)
        if (forms[i].name != NULL && query_member(item, forms[i].name, &member))
            TRY(key_read(reader, &member, &forms[i], cell));
    return OK;
}

enum err query_answer(struct query_reader *reader, const struct query_item *object,
                      const struct query_item *item, struct condition *out)
{
    static const char *const names[] = {"answer", "cell", NULL};
    struct query_cell *cell = arena_new_one(reader->arena, struct query_cell);
    struct query_item member;

    out->kind = CONDITION_ANSWER;
    out->cell = cell;
    TRY(query_members(reader, object, names));
    TRY(query_need(reader, object, "cell", &member));
    reader->answer_count += 1 << reader->flow_depth;
    if (reader->answer_count > QUERY_ANSWER_MAX)
        return query_refuse(reader, object, "query.large", "too many answers");
    TRY(query_inner(reader, item, &cell->query));
    if (cell->query.ask == QUERY_SEGMENT || cell->query.ask == QUERY_TIMELINE)
        return query_refuse(reader, item, "query.form", "such an answer has no cells of people");
    return cell_read(reader, &member, cell);
}

/* ---- all there is --------------------------------------------------------------------------- */

void query_each(struct query *query, void (*take)(void *user, struct query *query), void *user)
{
    take(user, query);
    for (int i = 0; i < query->stage_count; i++)
        query_each(&query->stages[i], take, user);
    for (int i = 0; i < query->who_count; i++)
        if (query->who[i].cell != NULL)
            query_each((struct query *)&query->who[i].cell->query, take, user);
}
