/* engine-people: what a million customers with ten attributes and 500 tags take in memory, beside
 * the same as plain arrays and one bit a customer and tag; and what it costs to show one changed
 * customer.
 */
#include "bench.h"

#include "engine/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PEOPLE 1000000
#define NUMBERS 9
#define TAGS 500
#define TAG_SHARE 50 /* one in so many has a tag */
#define CHANGES 2000

static uint64_t seed = 88172645463325252u;

static uint32_t random_below(uint32_t max)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % max);
}

static double held_mb(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    must(file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void person_make(struct people *people, uint32_t number)
{
    char text[16];
    struct str region = {text, (size_t)snprintf(text, sizeof(text), "r%u", random_below(300))};

    people_add(people, number);
    for (int a = 0; a < NUMBERS; a++)
        people_set_number(people, number, a, random_below(100000));
    people_set_texts(people, number, NUMBERS, &region, 1);
}

int main(void)
{
    double before_mb = held_mb(), full_mb, changes_us[CHANGES];
    struct people *people;
    char note[160];

    if (!bench_wants("engine-people"))
        return 0;
    people = people_new();
    for (int a = 0; a < NUMBERS; a++)
        people_attribute(people, a, VALUE_NUMBER);
    people_attribute(people, NUMBERS, VALUE_TEXT);
    for (uint32_t i = 0; i < PEOPLE; i++)
        person_make(people, i);
    for (uint32_t tag = 0; tag < TAGS; tag++)
        for (uint32_t i = random_below(TAG_SHARE); i < PEOPLE; i += 1 + random_below(2 * TAG_SHARE))
            people_set(people, SET_TAG, 1 + tag, i, true);
    people_publish(people);
    full_mb = held_mb() - before_mb;
    for (int i = 0; i < CHANGES; i++) {
        const struct people_view *view = people_hold(people);
        uint32_t number = random_below(PEOPLE);
        double start_us = bench_now_us();

        for (int a = 0; a < 3; a++)
            people_set_number(people, number, a, 100000 + i);
        people_set(people, SET_TAG, 1 + random_below(TAGS), number, true);
        people_publish(people);
        changes_us[i] = bench_now_us() - start_us;
        people_release(people, view);
    }
    snprintf(note, sizeof(note),
             "one customer's three attributes and a tag, shown while a view is held: %.0f us",
             bench_median(changes_us, CHANGES));
    bench_row_print(
        &(struct bench_row){.name = "engine-people",
                            .unit = "MB",
                            .peer = "plain arrays, a bit a customer and tag",
                            .value = full_mb,
                            .peer_value = PEOPLE * (8.0 * (NUMBERS + 1) + TAGS / 8.0) / 1e6,
                            .ratio = full_mb / (PEOPLE * (8.0 * (NUMBERS + 1) + TAGS / 8.0) / 1e6),
                            .bar = 1.5,
                            .note = note});
    people_free(people);
    return 0;
}
