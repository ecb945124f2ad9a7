/* A published data set in a store of its own, and what its files say. The data are not ours: PAPILIO_DATA names their folder. Whatever is
 * wrong ends the test. */
#pragma once

#include "base/json.h"
#include "engine/answer.h"

#define DATASET_BATCH 4096

struct dataset {
    struct arena *arena;
    const char *data, *name; /* the folder of all, and the set in it */
    struct zone *zone;       /* UTC */
    struct catalog catalog;
    struct people *people;
    const struct people_view *view;
    char folder[64];
    struct store *store;
    struct moment moment;
    struct engine_event events[DATASET_BATCH];
    struct engine_value values[DATASET_BATCH];
    size_t count;
};

/* false: there are no data, and the test is to be skipped. */
bool dataset_begin(struct dataset **out, const char *name, const struct catalog_kind *kinds, int kind_count);
void dataset_event(struct dataset *set, uint32_t number, int64_t second, uint16_t kind, int64_t amount);
void dataset_ready(struct dataset *set, const char *as_of); /* behind the last event; questions are asked as of this date */
void dataset_end(struct dataset *set);

/* Calls `row` for each record behind the head. */
void dataset_rows(struct dataset *set, const char *name, void (*row)(struct dataset *set, const struct str *fields, size_t count));
int64_t dataset_int(struct str text);
int64_t dataset_fixed(struct str text, double unit); /* a number with so many decimals as an integer */
int64_t dataset_second(const struct dataset *set, struct str text);

struct json dataset_expected(struct dataset *set);                              /* expected.json */
const struct json *dataset_at(const struct json *json, const char *path);       /* "clean.orders" in it */
int64_t dataset_integer(const struct json *json, const char *path);
double dataset_number(const struct json *json); /* be it written as an integer */

struct query dataset_query(struct dataset *set, const char *text);
struct answer dataset_answer(struct dataset *set, const char *text);
struct bitmap dataset_members(struct dataset *set, const char *who); /* a condition; the caller releases it */
int64_t dataset_people(struct dataset *set, const char *who);
