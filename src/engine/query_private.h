/* Between the parts of the reader: a value of the JSON with the way to it, and how a thing is read from it. Every reader answers E_INPUT
 * with the fault told, and looks at all it is given: what it does not know is refused. */
#pragma once

#include "engine/query.h"

#define QUERY_SECONDS_MAX UINT32_MAX

/* A value and what it is in; lies on the stack of whoever reads it. */
struct query_item {
    const struct json *json;
    const struct query_item *in; /* NULL: the text itself */
    struct str name;             /* of the member; no value: the index counts */
    uint32_t index;
};
struct query_reader {
    struct arena *arena;
    const struct catalog *catalog;
    const struct zone *zone;
    struct query_fault *fault;
    struct condition *nodes;
    int node_count;
    int answer_count; /* how often answers are asked for */
    int flow_depth;   /* what is in a flow is asked at both its moments */
};

void query_fault(struct query_reader *reader, const struct query_item *item, const char *code, const char *message);
static inline enum err query_refuse(struct query_reader *reader, const struct query_item *item, const char *code, const char *message)
{
    query_fault(reader, item, code, message);
    return E_INPUT;
}
struct str query_path(struct arena *arena, const struct query_item *item);

bool query_member(const struct query_item *object, const char *name, struct query_item *out);
enum err query_need(struct query_reader *reader, const struct query_item *object, const char *name, struct query_item *out) MUST_USE;
struct query_item query_at(const struct query_item *array, uint32_t index);
/* An object with none but these members, and those of a test where the last name is QUERY_TEST_NAMES. Ends with NULL. */
#define QUERY_TEST_NAMES "*"
enum err query_members(struct query_reader *reader, const struct query_item *item, const char *const *names) MUST_USE;
/* An array of 1 to max items, or one value, which then is the array. */
enum err query_list(struct query_reader *reader, const struct query_item *item, uint32_t max, uint32_t *count) MUST_USE;
struct query_item query_list_at(const struct query_item *item, uint32_t index);

enum err query_integer(struct query_reader *reader, const struct query_item *item, int64_t low, int64_t high, int64_t *out) MUST_USE;
/* A member that may be missing: *out stays. */
enum err query_maybe(struct query_reader *reader, const struct query_item *object, const char *name, int64_t high, int64_t *out) MUST_USE;
enum err query_flag(struct query_reader *reader, const struct query_item *object, const char *name, bool *out) MUST_USE;
enum err query_text(struct query_reader *reader, const struct query_item *item, struct str *out) MUST_USE;
/* One of the words, which end with NULL: its number. */
enum err query_word(struct query_reader *reader, const struct query_item *item, const char *const *words, int *out) MUST_USE;
enum err query_id(struct query_reader *reader, const struct query_item *item, int64_t *out) MUST_USE;
enum err query_ids(struct query_reader *reader, const struct query_item *item, const int64_t **ids, int *count) MUST_USE;
enum err query_units(struct query_reader *reader, const struct query_item *object, int64_t most, struct window *out) MUST_USE;

/* query_value.c */
enum err query_window(struct query_reader *reader, const struct query_item *item, struct window *out) MUST_USE;
enum err query_window_of(struct query_reader *reader, const struct query_item *object, const char *name, bool is_needed,
                         struct window *out) MUST_USE;
enum err query_column(struct query_reader *reader, const struct query_item *item, struct query_field *out) MUST_USE;
enum err query_attribute(struct query_reader *reader, const struct query_item *item, struct query_field *out) MUST_USE;
enum err query_by(struct query_reader *reader, const struct query_item *object, struct query *out) MUST_USE;
enum err query_of(struct query_reader *reader, const struct query_item *object, bool is_needed, struct query *out) MUST_USE;
bool query_is_summed(enum value_type type); /* numbers and money */
bool query_has_test(const struct query_item *object);
enum err query_test(struct query_reader *reader, const struct query_item *object, enum value_type type, struct test *out) MUST_USE;
/* A list of such values, as ANY_OF has it; of kinds and channels as events number them. */
enum err query_values(struct query_reader *reader, const struct query_item *item, enum value_type type, struct test *out) MUST_USE;
enum err query_kinds(struct query_reader *reader, const struct query_item *item, struct test *out) MUST_USE;
enum err query_channels(struct query_reader *reader, const struct query_item *item, struct test *out) MUST_USE;
/* The same of an attribute's test, whose values stay ids. */
enum err query_channel_test(struct query_reader *reader, const struct query_item *object) MUST_USE;
/* The one test of a moment. */
enum err query_test_moment(struct query_reader *reader, const struct query_item *object, struct test *out) MUST_USE;
enum err query_pattern(struct query_reader *reader, const struct query_item *item, struct pattern *out) MUST_USE;
enum err query_pattern_of(struct query_reader *reader, const struct query_item *object, const char *name, struct pattern *out) MUST_USE;
enum err query_funnel(struct query_reader *reader, const struct query_item *item, struct funnel *out) MUST_USE;
enum err query_steps(struct query_reader *reader, const struct query_item *item, struct funnel *out) MUST_USE;

/* query_condition.c: a tree to the end of the nodes. */
enum err query_condition(struct query_reader *reader, const struct query_item *item) MUST_USE;

/* query_read.c: a question inside another, of whose zone it is unless it says so; conditions of its own. */
enum err query_inner(struct query_reader *reader, const struct query_item *item, struct query *out) MUST_USE;
enum err query_who(struct query_reader *reader, const struct query_item *item, struct query *out) MUST_USE;
/* query_cell.c */
enum err query_answer(struct query_reader *reader, const struct query_item *object, const struct query_item *item,
                      struct condition *out) MUST_USE;
