/* Two views of the people beside each other. Always: texts are compared as texts, since each people
 * numbers them in the order in which they came. */
#include "engine/people.h"

static bool has_value(const struct people_column *column, uint32_t number)
{
    return column && bitmap_has(column->has, number);
}

/* Every text the number has in `a` it has in `b`. */
static bool texts_are_in(const struct people_column *a, const struct people_column *b,
                         uint32_t number)
{
    for (int i = 0; i < a->text_count; i++) {
        bool is_found = !bitmap_has(a->members[i], number);
        for (int k = 0; k < b->text_count && !is_found; k++)
            is_found = str_eq(a->texts[i], b->texts[k]) && bitmap_has(b->members[k], number);
        if (!is_found)
            return false;
    }
    return true;
}

static bool is_same_value(const struct people_column *a, const struct people_column *b,
                          uint32_t number)
{
    if (has_value(a, number) != has_value(b, number))
        return false;
    if (!has_value(a, number))
        return true;
    if ((a->type == VALUE_TEXT || a->type == VALUE_CHOICES))
        return texts_are_in(a, b, number) && texts_are_in(b, a, number);
    return people_value(a, number) == people_value(b, number);
}

bool people_is_same(const struct people_view *a, const struct people_view *b, uint32_t number,
                    int attribute_count)
{
    if (people_kept(a, number) != people_kept(b, number) ||
        bitmap_has(people_there(a), number) != bitmap_has(people_there(b), number))
        return false;
    for (int i = 0; i < attribute_count; i++)
        if (!is_same_value(people_column(a, i), people_column(b, i), number))
            return false;
    return true;
}
