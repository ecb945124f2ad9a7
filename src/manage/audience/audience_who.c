/* Who passes one condition, as bits by customer number: for filters of the customer list. Always:
 * the moment is held no longer than the engine needs; whoever takes the bits may be slow. */
#include "manage/audience/question.h"

/* One JSON value and nothing behind it: it becomes part of a larger text. */
static enum err condition_check(struct ctx *c, struct str condition)
{
    struct json json;

    if (json_parse(c->arena, condition, &json, NULL) == OK && json.type == JSON_OBJECT)
        return OK;
    return fail_at(c, "query.form", S("who"), "a condition of the query language is needed");
}

static void bits_copy(struct arena *arena, const struct question *question,
                      struct audience_set *out)
{
    uint32_t max = people_max(question->moment.moment.people);
    uint32_t shards = (max + SHARD_NUMBERS - 1) / SHARD_NUMBERS;
    uint64_t *words = arena_new_array(arena, uint64_t, (size_t)shards * BITMAP_SHARD_WORDS + 1);

    for (uint32_t i = 0; i < shards; i++)
        bitmap_shard(&question->answer.members, i, words + (size_t)i * BITMAP_SHARD_WORDS);
    out->bits = (struct str){(const char *)words, (size_t)shards * BITMAP_SHARD_WORDS * 8};
    out->count = bitmap_count(&question->answer.members);
}

enum err audience_who(struct ctx *c, struct str condition, struct audience_set *out)
{
    struct question question;
    struct str text;
    enum err err;

    TRY(condition_check(c, condition));
    text = str_fmt(c->arena, "{\"version\":1,\"ask\":\"segment\",\"who\":%.*s}", STR(condition));
    err = question_begin(c, &question);
    if (err == OK)
        err = question_read(c, text, "", &question);
    if (err == OK &&
        answer_has_cells(&question.query)) /* fifths and rows are of those within reach */
        err = question_reach(c, &question);
    if (err == OK)
        err = question_run(c, &question);
    if (err == OK)
        bits_copy(c->arena, &question, out);
    question_end(&question);
    return err;
}
