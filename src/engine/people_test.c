/* People beside a plain table of the same: random changes, views that stay as they were, merges and
 * their undoing, deletions, readers on other threads. */
#include "engine/people.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/checksum.h"
#include "engine/dictionary.h"
#include "host/file.h"

#include <cmocka.h>

#define NUMBER_COUNT 9000 /* three shards */
#define ATTRIBUTE_COUNT 4
#define SET_COUNT 5
#define TEXT_COUNT 6

static uint64_t seed;

static uint32_t random_below(uint32_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % max);
}

static const enum value_type types[ATTRIBUTE_COUNT] = {VALUE_NUMBER, VALUE_TEXT, VALUE_CHOICES,
                                                       VALUE_DATE};
static const struct str words[TEXT_COUNT] = {{"red", 3},  {"", 0},  {"blue", 4},
                                             {"杭州", 6}, {"x", 1}, {"red2", 4}};

/* The plain table. Attributes 1 and 2 are masks of words. */
struct model {
    bool is_there[NUMBER_COUNT];
    uint32_t kept[NUMBER_COUNT];
    int64_t values[ATTRIBUTE_COUNT][NUMBER_COUNT];
    bool sets[SET_COUNT][NUMBER_COUNT];
};

static struct model *model_new(void)
{
    struct model *model = calloc(1, sizeof(*model));

    for (uint32_t i = 0; i < NUMBER_COUNT; i++) {
        model->kept[i] = i;
        for (int a = 0; a < ATTRIBUTE_COUNT; a++)
            model->values[a][i] = a == 1 || a == 2 ? 0 : NONE;
    }
    return model;
}

static void value_change(struct people *people, struct model *model, uint32_t number)
{
    int attribute = (int)random_below(ATTRIBUTE_COUNT), count = 0;
    struct str texts[TEXT_COUNT];
    uint32_t mask;

    if (types[attribute] == VALUE_NUMBER || types[attribute] == VALUE_DATE) {
        int64_t value = random_below(4) == 0 ? NONE : (int64_t)random_below(100) - 50;
        model->values[attribute][number] = value;
        people_set_number(people, number, attribute, value);
        return;
    }
    mask = random_below(1 << TEXT_COUNT);
    if (types[attribute] == VALUE_TEXT)
        mask = random_below(4) == 0 ? 0 : 1u << random_below(TEXT_COUNT);
    for (int i = 0; i < TEXT_COUNT; i++)
        if (mask & (1u << i))
            texts[count++] = words[i];
    model->values[attribute][number] = mask;
    people_set_texts(people, number, attribute, texts, count);
}

static void model_delete(struct model *model, uint32_t number)
{
    model->is_there[number] = false;
    for (int a = 0; a < ATTRIBUTE_COUNT; a++)
        model->values[a][number] = a == 1 || a == 2 ? 0 : NONE;
    for (int s = 0; s < SET_COUNT; s++)
        model->sets[s][number] = false;
}

/* As a merge does it: all records of the one become records of the other's person. */
static void persons_merge(struct people *people, struct model *model, uint32_t a, uint32_t b)
{
    uint32_t from = model->kept[a], to = model->kept[b];

    for (uint32_t i = 0; i < NUMBER_COUNT && from != to; i++)
        if (model->kept[i] == from) {
            model->kept[i] = to;
            people_link(people, i, to);
        }
}

/* As taking a merge back does it; the records that go with their person may come before it. */
static void persons_split(struct people *people, struct model *model, uint32_t number)
{
    uint32_t from = model->kept[number];

    model->kept[number] = number;
    for (uint32_t i = 0; i < NUMBER_COUNT; i++)
        if (model->kept[i] == from && i != from && random_below(2)) {
            model->kept[i] = number;
            people_link(people, i, number);
        }
    people_link(people, number, number);
}

static void change(struct people *people, struct model *model)
{
    uint32_t number = random_below(NUMBER_COUNT), what = random_below(20);
    uint32_t set = random_below(SET_COUNT);

    if (what < 6) {
        model->is_there[number] = true;
        people_add(people, number);
    } else if (what < 11) {
        value_change(people, model, number);
    } else if (what < 15) {
        model->sets[set][number] = what != 14;
        people_set(people, set < 3 ? SET_TAG : SET_SEGMENT, 100 - (int64_t)set, number, what != 14);
    } else if (what == 16) {
        persons_merge(people, model, number, random_below(NUMBER_COUNT));
    } else if (what == 17 && model->kept[number] != number) {
        persons_split(people, model, number);
    } else if (what == 15 && random_below(2)) {
        const int64_t ids[] = {99, 100};
        for (int s = 0; s < 3; s++)
            model->sets[s][number] = s < 2;
        people_set_all(people, SET_TAG, number, ids, 2);
    } else if (what == 18) {
        model_delete(model, number);
        people_delete(people, number);
    } else if (what == 19 && random_below(200) == 0) {
        memset(model->sets[set], 0, sizeof(model->sets[set]));
        people_drop_set(people, set < 3 ? SET_TAG : SET_SEGMENT, 100 - (int64_t)set);
    }
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int64_t mask_of(const struct people_column *column, uint32_t number)
{
    int64_t mask = 0;

    for (int i = 0; i < column->text_count; i++)
        for (int w = 0; w < TEXT_COUNT; w++)
            if (bitmap_has(column->members[i], number) && str_eq(words[w], column->texts[i]))
                mask |= 1 << w;
    return mask;
}

static void assert_values(const struct people_view *view, const struct model *model)
{
    for (int a = 0; a < ATTRIBUTE_COUNT; a++) {
        const struct people_column *column = people_column(view, a);
        for (uint32_t i = 0; i < NUMBER_COUNT; i++) {
            int64_t wanted = model->values[a][i];
            bool is_text = a == 1 || a == 2;
            if (column == NULL) {
                assert_int_equal(wanted, is_text ? 0 : NONE);
                continue;
            }
            assert_int_equal(bitmap_has(column->has, i), is_text ? wanted != 0 : wanted != NONE);
            assert_int_equal(is_text ? mask_of(column, i) : people_value(column, i), wanted);
            if (a == 1 && wanted != 0)
                assert_true(bitmap_has(column->members[people_value(column, i)], i));
        }
    }
}

static void assert_persons(const struct people_view *view, const struct model *model)
{
    uint32_t *sizes = calloc(NUMBER_COUNT, sizeof(*sizes)), numbers[NUMBER_COUNT];

    for (uint32_t i = 0; i < NUMBER_COUNT; i++)
        sizes[model->kept[i]]++;
    for (uint32_t i = 0; i < NUMBER_COUNT; i++) {
        assert_int_equal(people_kept(view, i), model->kept[i]);
        assert_int_equal(bitmap_has(people_all(view), i),
                         model->is_there[i] && model->kept[i] == i);
        assert_int_equal(bitmap_has(people_joined(view), i), sizes[model->kept[i]] > 1);
        if (model->kept[i] != i)
            continue;
        assert_int_equal(people_numbers(view, i, numbers, NUMBER_COUNT), sizes[i]);
        assert_int_equal(numbers[0], i);
        for (uint32_t k = 0; k < sizes[i]; k++)
            assert_int_equal(model->kept[numbers[k]], i);
    }
    free(sizes);
}

static void assert_same(const struct people_view *view, const struct model *model)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const struct bitmap *set =
            people_set_of(view, s < 3 ? SET_TAG : SET_SEGMENT, 100 - (int64_t)s);
        for (uint32_t i = 0; i < NUMBER_COUNT; i++)
            assert_int_equal(set && bitmap_has(set, i), model->sets[s][i]);
    }
    assert_null(people_set_of(view, SET_LIST, 100));
    assert_values(view, model);
    assert_persons(view, model);
}

/* ---- tests ----------------------------------------------------------------------------------- */

#define HELD 4

static struct people *people_begin(void)
{
    struct people *people = people_new();

    for (int a = 0; a < ATTRIBUTE_COUNT; a++)
        people_attribute(people, a, types[a]);
    return people;
}

/* Views are held while further ones are made, and say what they said. */
static void views_do_not_change(void **state)
{
    struct people *people = people_begin();
    struct model *model = model_new(), *models[HELD] = {NULL};
    const struct people_view *views[HELD] = {NULL};

    (void)state;
    seed = 88172645463325252u;
    for (int round = 0; round < 60; round++) {
        int at = (int)random_below(HELD);
        for (uint32_t i = random_below(round % 7 ? 40 : 4000); i > 0; i--)
            change(people, model);
        people_publish(people);
        if (views[at]) {
            assert_same(views[at], models[at]);
            people_release(people, views[at]);
            free(models[at]);
        }
        views[at] = people_hold(people);
        models[at] = malloc(sizeof(*model));
        *models[at] = *model;
    }
    for (int at = 0; at < HELD; at++) {
        if (views[at] == NULL)
            continue;
        assert_same(views[at], models[at]);
        assert_true(people_bytes(views[at]) > 0);
        people_release(people, views[at]);
        free(models[at]);
    }
    people_free(people);
    free(model);
}

static void what_is_not_published_is_not_seen(void **state)
{
    struct people *people = people_begin();
    const struct people_view *view = people_hold(people);

    (void)state;
    people_add(people, 7);
    assert_int_equal(people_max(view), 0);
    assert_false(bitmap_has(people_all(view), 7));
    people_release(people, view);
    people_publish(people);
    view = people_hold(people);
    assert_int_equal(people_max(view), 8);
    assert_true(bitmap_has(people_all(view), 7));
    people_release(people, view);
    people_free(people);
}

static void another_type_begins_anew(void **state)
{
    struct people *people = people_begin();
    const struct people_view *view;

    (void)state;
    people_add(people, 1);
    people_set_number(people, 1, 0, 5);
    people_attribute(people, 0, VALUE_NUMBER);
    people_publish(people);
    view = people_hold(people);
    people_attribute(people, 0, VALUE_TEXT);
    people_publish(people);
    assert_int_equal(people_value(people_column(view, 0), 1), 5);
    people_release(people, view);
    view = people_hold(people);
    assert_null(people_column(view, 0));
    people_release(people, view);
    people_free(people);
}

/* A reader asks each view twice. */
struct reader {
    struct people *people;
    _Atomic bool is_over;
    pthread_t thread;
};

static uint64_t view_sum(const struct people_view *view)
{
    const struct people_column *numbers = people_column(view, 0), *choices = people_column(view, 2);
    uint64_t sum =
        (uint64_t)bitmap_count(people_all(view)) * 31 + (uint64_t)bitmap_count(people_joined(view));

    for (uint32_t i = 0; i < people_max(view); i += 7) {
        sum = sum * 31 + people_kept(view, i);
        sum += numbers ? (uint64_t)people_value(numbers, i) : 0;
        sum += choices ? (uint64_t)mask_of(choices, i) : 0;
    }
    return sum;
}

static void *reader_main(void *arg)
{
    struct reader *reader = arg;

    while (!atomic_load(&reader->is_over)) {
        const struct people_view *view = people_hold(reader->people);
        uint64_t sum = view_sum(view);
        must(view_sum(view) == sum);
        people_release(reader->people, view);
    }
    return NULL;
}

/* ---- as a file ------------------------------------------------------------------------------- */

static char folder[] = "/tmp/papilio-people-XXXXXX";
static struct arena *arena;

static bool note_fits(void *user, struct str note)
{
    return str_eq(note, *(struct str *)user);
}

static struct str file_path(void)
{
    return str_fmt(arena, "%s/people", folder);
}

static struct people *people_loaded(struct str note, enum err *err)
{
    struct people *people = people_begin();

    *err = people_file_read(people, file_path(), note_fits, &note);
    people_publish(people);
    return people;
}

static void save(struct people *people, struct str note)
{
    const struct people_view *view;

    people_publish(people);
    view = people_hold(people);
    assert_int_equal(people_file_write(view, note, file_path()), OK);
    people_release(people, view);
    people_free(people);
}

/* What comes back is the same, and goes on as if it had never been away. */
static void a_file_has_it_all(void **state)
{
    struct people *people = people_begin();
    struct model *model = model_new();
    struct str note = S("of this place");
    enum err err;

    (void)state;
    seed = 424242;
    for (int round = 0; round < 6; round++) {
        const struct people_view *view;

        for (int i = 0; i < (round == 0 ? 0 : 6000); i++)
            change(people, model);
        if (round > 2) {
            model->values[0][round] = round % 2 ? INT64_MAX : -INT64_MAX;
            people_set_number(people, (uint32_t)round, 0, model->values[0][round]);
        }
        save(people, note);
        people = people_loaded(note, &err);
        assert_int_equal(err, OK);
        view = people_hold(people);
        assert_same(view, model);
        people_release(people, view);
    }
    people_free(people);
    people_free(people_loaded(S("of another"), &err));
    assert_int_equal(err, E_CONFLICT);
    assert_int_equal(file_remove(file_path()), OK);
    people_free(people_loaded(note, &err));
    assert_int_equal(err, E_NOT_FOUND);
    free(model);
}

static struct str file_of_some(struct str note)
{
    struct people *people = people_begin();
    struct model *model = model_new();
    struct str bytes;

    seed = 99;
    for (int i = 0; i < 3000; i++)
        change(people, model);
    save(people, note);
    free(model);
    assert_int_equal(file_read(arena, file_path(), (size_t)1 << 24, &bytes), OK);
    return bytes;
}

/* Cut anywhere or with a bit that fell: it is told. */
static void a_damaged_file_is_refused(void **state)
{
    struct str note = S("x"), bytes = file_of_some(note);
    char *copy = malloc(bytes.len);

    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t at = random_below((uint32_t)bytes.len), len = round % 3 ? bytes.len : at;
        enum err err;

        memcpy(copy, bytes.at, bytes.len);
        copy[at] = (char)(copy[at] ^ 1 << round % 8);
        assert_int_equal(file_write(file_path(), (struct str){copy, len}, 0600), OK);
        people_free(people_loaded(note, &err));
        assert_int_equal(err, E_CORRUPT);
    }
    free(copy);
}

/* As people_file.c writes it: what, whose, which, bytes, sum. */
static void sums_right(char *bytes, size_t len)
{
    for (size_t at = 0; at + 32 <= len;) {
        uint64_t count, sums[2];

        memcpy(&count, bytes + at + 16, sizeof(count));
        if (count > len - at - 32)
            return;
        sums[0] = checksum_of(bytes + at, 24);
        sums[1] = checksum_of(bytes + at + 32, (size_t)count);
        sums[0] = checksum_of(sums, sizeof(sums));
        memcpy(bytes + at + 24, sums, sizeof(sums[0]));
        at += 32 + (size_t)count;
    }
}

/* Half of the places are in the heads of pieces. */
static size_t place_below(const char *bytes, size_t len)
{
    size_t at = 0;
    uint64_t count;

    if (random_below(2))
        return random_below((uint32_t)len);
    for (uint32_t i = random_below(24); i > 0; i--) {
        memcpy(&count, bytes + at + 16, sizeof(count));
        at = at + 32 + count + 48 <= len ? at + 32 + (size_t)count : 0;
    }
    return at + random_below(48);
}

/* Bytes made to harm, with sums that are right: refused, or people that can be asked. */
static void a_hostile_file_harms_nobody(void **state)
{
    struct str note = S("x"), bytes = file_of_some(note);
    char *copy = malloc(bytes.len);
    int taken = 0;

    (void)state;
    for (int round = 0; round < 500; round++) {
        struct people *people;
        enum err err;

        memcpy(copy, bytes.at, bytes.len);
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            copy[place_below(bytes.at, bytes.len)] = (char)random_below(256);
        sums_right(copy, bytes.len);
        assert_int_equal(file_write(file_path(), (struct str){copy, bytes.len}, 0600), OK);
        people = people_loaded(note, &err);
        if (err == OK) {
            const struct people_view *view = people_hold(people);

            view_sum(view);
            people_release(people, view);
            taken++;
        }
        people_free(people);
    }
    assert_in_range(taken, 20, 480);
    free(copy);
}

static int folder_begin(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    return mkdtemp(folder) == NULL;
}

static int folder_end(void **state)
{
    (void)state;
    arena_free(arena);
    return folder_remove(str_of(folder)) != OK;
}

static void readers_are_not_disturbed(void **state)
{
    struct people *people = people_begin();
    struct model *model = model_new();
    struct reader readers[2] = {{.people = people}, {.people = people}};
    const struct people_view *view;

    (void)state;
    seed = 1234567;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 50; i++)
            change(people, model);
        people_publish(people);
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].is_over, true);
        pthread_join(readers[i].thread, NULL);
    }
    view = people_hold(people);
    assert_same(view, model);
    people_release(people, view);
    people_free(people);
    free(model);
}

/* ---- texts of columns ------------------------------------------------------------------------ */

static struct str numbered(char out[24], int64_t i)
{
    return (struct str){out, (size_t)snprintf(out, 24, "text-%d", (int)i)};
}

static void *dictionary_reader(void *arg)
{
    const struct dictionary *dictionary = arg;
    char text[24];

    while (dictionary_count(dictionary) < 20000)
        for (int64_t i = dictionary_count(dictionary) - 1; i >= 0; i -= 97) {
            must(str_eq(dictionary_text(dictionary, i), numbered(text, i)));
            must(dictionary_find(dictionary, numbered(text, i)) == i);
        }
    return NULL;
}

static void dictionary_keeps_codes(void **state)
{
    struct dictionary *dictionary = dictionary_new();
    pthread_t reader;
    char text[24];

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, dictionary_reader, dictionary), 0);
    assert_int_equal(dictionary_find(dictionary, S("text-0")), NONE);
    for (int64_t i = 0; i < 20000; i++)
        assert_int_equal(dictionary_add(dictionary, numbered(text, i)), i);
    pthread_join(reader, NULL);
    assert_int_equal(dictionary_add(dictionary, S("text-500")), 500);
    assert_int_equal(dictionary_count(dictionary), 20000);
    assert_null(dictionary_text(dictionary, 20000).at);
    assert_null(dictionary_text(dictionary, NONE).at);
    dictionary_free(dictionary);
}

static void buckets_are_even(void **state)
{
    int64_t below = 0;

    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        below += catalog_bucket(S("spring"), i) < BUCKET_COUNT / 2;
    assert_in_range(below, 49500, 50500);
    assert_int_equal(catalog_bucket(S("spring"), 1), catalog_bucket(S("spring"), 1));
    assert_int_not_equal(catalog_bucket(S("spring"), 1), catalog_bucket(S("autumn"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_do_not_change),
        cmocka_unit_test(what_is_not_published_is_not_seen),
        cmocka_unit_test(another_type_begins_anew),
        cmocka_unit_test(a_file_has_it_all),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(a_hostile_file_harms_nobody),
        cmocka_unit_test(readers_are_not_disturbed),
        cmocka_unit_test(dictionary_keeps_codes),
        cmocka_unit_test(buckets_are_even),
    };

    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
