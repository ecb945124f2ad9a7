/* Whom the figures are about, and what the engine knows of them, as of one moment. Always: a person
 * stands here once, however many records were merged into it, and only if the asker's reach and the
 * chosen branch have it. */
#include "gen/people.q.h"

#include "insight/insight_private.h"
#include "manage/channel/channel.h"

#define READ_MAX 1024

static enum err people_find(struct ctx *c, const struct view *view, struct people *people)
{
    struct str path = view->branch_path;
    struct list branch;

    if (path.at == NULL)
        return audience_people(c, NULL, &people->held);
    TRY(q_people_branch(c, path, channel_path_end(c, path), &branch));
    return audience_people(c, &branch, &people->held);
}

enum err people_load(struct ctx *c, const struct view *view, struct people *people)
{
    *people = (struct people){0};
    TRY(people_find(c, view, people));
    people->members = people->held->members;
    people->number_max = people_max(people->held->moment->moment.people);
    people->channel = audience_attribute(people->held, "channel");
    people->touched = audience_attribute(people->held, "touched_day");
    people->child = audience_attribute(people->held, "child_birth_day");
    return OK;
}

int64_t people_number(const struct people_column *column, uint32_t number)
{
    return column == NULL ? NONE : people_value(column, number);
}

void people_each(const struct people *people, void (*take)(void *user, uint32_t number), void *user)
{
    uint32_t numbers[READ_MAX], from = 0;
    size_t count;

    do {
        count = bitmap_read(people->members, from, numbers, READ_MAX);
        for (size_t i = 0; i < count; i++)
            take(user, numbers[i]);
        from = count == 0 ? 0 : numbers[count - 1] + 1;
    } while (count == READ_MAX);
}

/* ---- leaving some out ------------------------------------------------------------------------ */

struct keeping {
    struct ctx_end end;
    struct bitmap members;
    const struct people_column *child;
    uint64_t *words;
    int64_t from_day, to_day;
};

static void keep(void *user, uint32_t number)
{
    struct keeping *keeping = user;
    int64_t day = people_number(keeping->child, number);

    if (day >= keeping->from_day && day < keeping->to_day)
        keeping->words[number / 64] |= (uint64_t)1 << number % 64;
}

static void keeping_release(void *user)
{
    bitmap_release(&((struct keeping *)user)->members);
}

void people_keep_children(struct ctx *c, struct people *people, int64_t from_day, int64_t to_day)
{
    struct keeping *keeping = arena_new_one(c->arena, struct keeping);
    size_t word_count = people->number_max / 64 + 1;

    *keeping = (struct keeping){.end = {.run = keeping_release, .user = keeping},
                                .child = people->child,
                                .words = arena_new_array(c->arena, uint64_t, word_count),
                                .from_day = from_day,
                                .to_day = to_day};
    people_each(people, keep, keeping);
    bitmap_init(&keeping->members);
    ctx_at_end(c, &keeping->end);
    bitmap_fill(&keeping->members, keeping->words, word_count);
    people->members = &keeping->members;
}
