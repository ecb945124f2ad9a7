/* Tests of one value, and what is known of a person without events. Always: a missing value passes
 * MISSING and NONE_OF alone; texts are compared once for each text there is, not for each person.
 */
#include "engine/program_private.h"

#include <stdlib.h>

#define SECOND_MS INT64_C(1000)
#define LIST_MAX 16  /* numbers that are looked at one after the other */
#define NAMED_MAX 64 /* texts whose people are asked for one after the other */

/* ---- ready for a moment ---------------------------------------------------------------------- */

static bool is_among(const struct test *test, struct str text)
{
    for (int i = 0; i < test->value_count; i++)
        if (str_eq(test->texts[i], text))
            return true;
    return false;
}

static bool is_text_named(const struct test *test, struct str text)
{
    if (test->compare == COMPARE_CONTAINS)
        return str_find(text, test->texts[0]) >= 0;
    if (test->compare == COMPARE_STARTS)
        return str_starts(text, test->texts[0]);
    return is_among(test, text);
}

static void code_set(uint64_t *codes, int64_t code)
{
    codes[code / 64] |= UINT64_C(1) << code % 64;
}

static void codes_at(struct program *program, struct program_test *out,
                     const struct dictionary *dictionary)
{
    uint64_t *codes;

    out->code_count = dictionary == NULL ? 0 : dictionary_count(dictionary);
    codes = arena_new_array(program->arena, uint64_t, (size_t)out->code_count / 64 + 1);
    for (int64_t i = 0; i < out->code_count; i++)
        if (is_text_named(out->test, dictionary_text(dictionary, i)))
            code_set(codes, i);
    out->codes = codes;
}

static const struct bitmap *members_of(const struct people_column *column, struct str text)
{
    for (int i = 0; column != NULL && i < column->text_count; i++)
        if (str_eq(column->texts[i], text))
            return column->members[i];
    return NULL;
}

static const struct bitmap **members_room(struct program *program, struct program_test *out,
                                          int count)
{
    const struct bitmap **members =
        arena_new_array(program->arena, const struct bitmap *, (size_t)count + 1);

    out->members = members;
    out->member_count = count;
    return members;
}

static void choices_at(struct program *program, struct program_test *out)
{
    const struct bitmap **members = members_room(program, out, out->test->value_count);

    for (int i = 0; i < out->test->value_count; i++)
        members[i] = members_of(out->column, out->test->texts[i]);
}

static void sets_at(struct program *program, struct program_test *out, const struct condition *one)
{
    const struct bitmap **members = members_room(program, out, one->id_count);

    for (int i = 0; i < one->id_count; i++)
        members[i] = people_set_of(program->moment.people, one->set, one->ids[i]);
}

/* Where few texts are named, who has them is asked; else each person's text. */
static void texts_at(struct program *program, struct program_test *out)
{
    const struct bitmap *few[NAMED_MAX];
    uint64_t *codes;
    int count = 0;

    out->code_count = out->column == NULL ? 0 : out->column->text_count;
    codes = arena_new_array(program->arena, uint64_t, (size_t)out->code_count / 64 + 1);
    for (int64_t i = 0; i < out->code_count; i++) {
        if (!is_text_named(out->test, out->column->texts[i]))
            continue;
        code_set(codes, i);
        if (count++ < NAMED_MAX)
            few[count - 1] = out->column->members[i];
    }
    out->codes = codes;
    if (count <= NAMED_MAX && out->test->compare != COMPARE_ALL_OF)
        memcpy(members_room(program, out, count), few, (size_t)count * sizeof(*few));
}

static bool has_texts(const struct test *test)
{
    return test->texts != NULL && test->compare != COMPARE_EXISTS &&
           test->compare != COMPARE_MISSING;
}

int program_by_value(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

static void values_sort(struct program *program, struct program_test *out)
{
    size_t count = (size_t)out->test->value_count;
    int64_t *sorted = arena_new_array(program->arena, int64_t, count);

    memcpy(sorted, out->test->values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), program_by_value);
    out->sorted = sorted;
}

static int64_t day_start_from(const struct zone *zone, int64_t second)
{
    return window_unit_start(zone, UNIT_DAY, window_unit(zone, UNIT_DAY, second - 1) + 1);
}

/* The next moment at which some day begins to lie in a window that rolls, or ends to. */
static int64_t days_next(const struct zone *zone, int64_t seconds, int64_t as_of)
{
    int64_t in = day_start_from(zone, as_of) + 1;
    int64_t out = day_start_from(zone, as_of - seconds) + seconds + 1;

    return in < out ? in : out;
}

/* The first day that begins at this second or later; open bounds stay open. */
static int64_t first_day_from(const struct zone *zone, int64_t second)
{
    return second == INT64_MIN || second == INT64_MAX ? second
                                                      : window_unit(zone, UNIT_DAY, second - 1) + 1;
}

static void dates_at(struct program *program, struct program_test *out)
{
    int64_t as_of = program->moment.as_of, today = zone_day(out->zone, as_of * SECOND_MS);

    if (out->test->compare == COMPARE_WITHIN) {
        out->span = window_span(&out->test->within, out->zone, as_of);
        out->days = (struct span){first_day_from(out->zone, out->span.from),
                                  first_day_from(out->zone, out->span.to)};
        out->next = program_window_next(&out->test->within, out->zone, as_of);
        if (out->test->within.kind == WINDOW_ROLLING && out->field != NULL &&
            out->field->kind == QUERY_COLUMN && out->field->type == VALUE_DATE)
            out->next = days_next(out->zone, out->test->within.seconds, as_of);
    }
    if (out->test->compare == COMPARE_ANNIVERSARY) {
        out->span.from = today + out->test->low;
        out->span.to = today + out->test->high;
        out->next = zone_day_start(out->zone, today + 1) / SECOND_MS;
    }
}

void program_test_at(struct program *program, struct program_test *out, const struct test *test,
                     const struct query_field *field, const struct zone *zone)
{
    const struct dictionary *const *dictionaries = program->moment.dictionaries;

    *out = (struct program_test){.test = test, .field = field, .zone = zone, .next = PROGRAM_NEVER};
    dates_at(program, out);
    if (field == NULL)
        return;
    if (field->kind == QUERY_ATTRIBUTE)
        out->column = people_column(program->moment.people, field->number);
    if (test->values != NULL && test->value_count > LIST_MAX)
        values_sort(program, out);
    if (!has_texts(test))
        return;
    if (field->kind == QUERY_COLUMN)
        codes_at(program, out, dictionaries == NULL ? NULL : dictionaries[field->number]);
    else if (field->type == VALUE_CHOICES)
        choices_at(program, out);
    else
        texts_at(program, out);
}

void program_static_at(struct program *program, struct program_test *out,
                       const struct condition *one, const struct zone *zone)
{
    if (one->kind == CONDITION_ATTRIBUTE) {
        program_test_at(program, out, &one->test, &one->field, zone);
    } else if (one->kind == CONDITION_SET) {
        *out = (struct program_test){.test = &one->test, .next = PROGRAM_NEVER};
        sets_at(program, out, one);
    }
}

/* ---- one value ------------------------------------------------------------------------------- */

static bool has_code(const struct program_test *test, int64_t code)
{
    return code >= 0 && code < test->code_count && (test->codes[code / 64] >> code % 64 & 1) != 0;
}

static bool is_one_of(const struct program_test *test, int64_t value)
{
    if (test->codes != NULL)
        return has_code(test, value);
    if (test->sorted != NULL)
        return bsearch(&value, test->sorted, (size_t)test->test->value_count, sizeof(value),
                       program_by_value) != NULL;
    for (int i = 0; i < test->test->value_count; i++)
        if (test->test->values[i] == value)
            return true;
    return false;
}

/* One value is all of a list if the list names nothing else. */
static bool is_all_of(const struct program_test *test, int64_t value)
{
    for (int i = 1; i < test->test->value_count; i++) {
        if (test->codes != NULL ? !str_eq(test->test->texts[i], test->test->texts[0])
                                : test->test->values[i] != test->test->values[0])
            return false;
    }
    return is_one_of(test, value);
}

static bool is_anniversary(const struct program_test *test, int64_t day)
{
    int from_year, to_year, year, month, date, ignored;

    day_to_date(day, &year, &month, &date);
    day_to_date(test->span.from, &from_year, &ignored, &ignored);
    day_to_date(test->span.to, &to_year, &ignored, &ignored);
    for (year = from_year; year <= to_year; year++) {
        int64_t at = day_of_date(year, month, date_is_valid(year, month, date) ? date : 28);

        if (at >= test->span.from && at < test->span.to)
            return true;
    }
    return false;
}

bool program_test_passes(const struct program_test *test, int64_t value)
{
    const struct test *of = test->test;

    if (of->compare == COMPARE_MISSING || of->compare == COMPARE_EXISTS)
        return (value == NONE) == (of->compare == COMPARE_MISSING);
    if (value == NONE)
        return of->compare == COMPARE_NONE_OF;
    switch (of->compare) {
    case COMPARE_NONE_OF:
        return !is_one_of(test, value);
    case COMPARE_ALL_OF:
        return is_all_of(test, value);
    case COMPARE_AT_LEAST:
        return value >= of->low;
    case COMPARE_BELOW:
        return value < of->high;
    case COMPARE_BETWEEN:
        return value >= of->low && value < of->high;
    case COMPARE_WITHIN:
        return value >= test->days.from && value < test->days.to;
    case COMPARE_ANNIVERSARY:
        return is_anniversary(test, value);
    default:
        return is_one_of(test, value);
    }
}

/* ---- a person without events ----------------------------------------------------------------- */

static bool has_member(const struct program *program, const struct bitmap *members)
{
    for (int i = 0; members != NULL && i < program->number_count; i++)
        if (bitmap_has(members, program->numbers[i]))
            return true;
    return false;
}

static bool has_cell(const struct program *program, const struct program_cell *cell)
{
    for (int i = 0; i < program->number_count; i++)
        if (program_cell_has(cell, program->numbers[i]))
            return true;
    return false;
}

/* Of `count` things, `had` are so: does that pass? */
static bool counts_pass(enum compare compare, int had, int count)
{
    if (compare == COMPARE_ALL_OF)
        return had == count;
    return (had > 0) == (compare != COMPARE_NONE_OF);
}

static bool sets_pass(const struct program *program, const struct program_test *test)
{
    int had = 0;

    for (int i = 0; i < test->member_count; i++)
        had += has_member(program, test->members[i]);
    return counts_pass(test->test->compare, had, test->member_count);
}

static bool choices_pass(const struct program_test *test, uint32_t number)
{
    bool has = test->column != NULL && bitmap_has(test->column->has, number);
    int had = 0;

    if (test->test->compare == COMPARE_EXISTS || test->test->compare == COMPARE_MISSING)
        return has == (test->test->compare == COMPARE_EXISTS);
    for (int i = 0; i < test->member_count; i++)
        had += test->members[i] != NULL && bitmap_has(test->members[i], number);
    return counts_pass(test->test->compare, had, test->member_count);
}

static int64_t date_until(const struct program_test *test, int64_t value)
{
    int64_t until = test->next;

    if (test->test->compare == COMPARE_WITHIN && test->test->within.kind == WINDOW_ROLLING &&
        value != NONE) {
        int64_t second = zone_day_start(test->zone, value) / SECOND_MS;
        int64_t turn =
            second >= test->span.to ? second + 1 : second + test->test->within.seconds + 1;

        if (second >= test->span.from && turn < until)
            until = turn;
    }
    return until == PROGRAM_NEVER ? NONE : until;
}

static void attribute_answer(const struct program_test *test, uint32_t number,
                             struct answer_leaf *out)
{
    if (test->field->type == VALUE_CHOICES) {
        out->is_true = choices_pass(test, number);
        return;
    }
    out->value = test->column == NULL ? NONE : people_value(test->column, number);
    out->is_true = program_test_passes(test, out->value);
    out->until = date_until(test, out->value);
}

struct answer_leaf program_static(const struct program *program, const struct condition *one,
                                  const struct program_test *test)
{
    struct answer_leaf out = {.until = NONE, .since = NONE, .value = NONE};
    uint32_t kept = program->numbers[0];

    if (one->kind == CONDITION_EVERYONE) {
        out.is_true = true;
    } else if (one->kind == CONDITION_SET) {
        out.is_true = sets_pass(program, test);
    } else if (one->kind == CONDITION_ANSWER) {
        out.is_true = has_cell(program, &test->cell);
    } else if (one->kind == CONDITION_BUCKET) {
        out.value = catalog_bucket(one->salt, kept);
        out.is_true = out.value >= one->low && out.value < one->high;
    } else {
        attribute_answer(test, kept, &out);
    }
    return out;
}
