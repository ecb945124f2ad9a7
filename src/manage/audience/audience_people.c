/* Who is asked about by figures that no question has, and what is known of them. Always: those whom
 * the one who asks may see; moment and members are held until the request ends, however it ends. */
#include "manage/audience/question.h"

struct held {
    struct audience_people people;
    struct question question;
    struct ctx_end end;
};

static void held_release(void *user)
{
    question_end(&((struct held *)user)->question);
}

enum err audience_people(struct ctx *c, const struct list *channel_ids,
                         const struct audience_people **out)
{
    struct held *held = arena_new_one(c->arena, struct held);
    struct question *question = &held->question;

    held->end = (struct ctx_end){.run = held_release, .user = held};
    TRY(question_begin(c, question));
    ctx_at_end(c, &held->end);
    question->query = (struct query){.ask = QUERY_SEGMENT, .zone = ctx_zone(c)};
    if (channel_ids != NULL)
        question_channels(c, question, channel_ids);
    TRY(question_reach(c, question));
    TRY(question_run(c, question));
    held->people = (struct audience_people){&question->moment, &question->answer.members};
    *out = &held->people;
    return OK;
}

const struct people_column *audience_attribute(const struct audience_people *people,
                                               const char *name)
{
    const struct catalog *catalog = &people->moment->catalog;
    int number = 0;

    while (!str_is(catalog->attributes[number].name, name))
        must(++number < catalog->attribute_count);
    return people_column(people->moment->moment.people, number);
}

uint16_t audience_kind(const struct audience_people *people, const char *name)
{
    const struct catalog *catalog = &people->moment->catalog;
    int i = 0;

    while (!str_is(catalog->kinds[i].name, name))
        must(++i < catalog->kind_count); /* every kind of the program has one */
    return catalog->kinds[i].number;
}
