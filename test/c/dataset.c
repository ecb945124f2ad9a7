/* Always: an event is a value of the column amount and nothing else. */
#include "dataset.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/csv.h"
#include "host/file.h"

#define FILE_MAX ((size_t)1 << 28)

/* ---- files ---------------------------------------------------------------------------------- */

static struct str file_of(struct dataset *set, const char *name)
{
    struct str path = str_fmt(set->arena, "%s/%s/%s", set->data, set->name, name);
    const char *command = "cat";
    struct buf bytes;
    struct str text;
    FILE *pipe;

    if (str_ends(path, S(".xz")))
        command = "xz -dc";
    pipe = popen(str_cstr(set->arena, str_fmt(set->arena, "%s '%.*s'", command, STR(path))), "r");
    assert_non_null(pipe);
    buf_init(&bytes, FILE_MAX);
    for (;;) {
        char *room = buf_room(&bytes, 1 << 16);
        size_t got;

        assert_non_null(room);
        got = fread(room, 1, 1 << 16, pipe);
        bytes.len += got;
        if (got == 0)
            break;
    }
    assert_int_equal(pclose(pipe), 0);
    text = str_copy(set->arena, buf_view(&bytes));
    buf_release(&bytes);
    return text;
}

void dataset_rows(struct dataset *set, const char *name,
                  void (*row)(struct dataset *set, const struct str *fields, size_t count))
{
    struct str text = file_of(set, name);
    struct csv *csv = csv_new();
    bool is_head = true;

    for (size_t at = 0; at <= text.len; at += 1 << 20) {
        size_t len = text.len - at < 1 << 20 ? text.len - at : 1 << 20;
        struct csv_record record;

        csv_feed(csv, text.at + at, len);
        if (len < 1 << 20 && len > 0)
            csv_feed(csv, NULL, 0);
        while ((record = csv_next(csv)).kind == CSV_RECORD) {
            if (!is_head)
                row(set, record.fields, record.count);
            is_head = false;
        }
        if (record.kind == CSV_END)
            break;
        assert_int_equal(record.kind, CSV_MORE);
    }
    csv_free(csv);
}

struct json dataset_expected(struct dataset *set)
{
    struct json json;

    assert_int_equal(json_parse(set->arena, file_of(set, "expected.json"), &json, NULL), OK);
    return json;
}

const struct json *dataset_at(const struct json *json, const char *path)
{
    struct str left = str_of(path), name;

    while (left.len > 0) {
        char text[100];

        str_cut(left, '.', &name, &left);
        snprintf(text, sizeof(text), "%.*s", STR(name));
        json = json_get(json, text);
        assert_non_null(json);
    }
    return json;
}

double dataset_number(const struct json *json)
{
    return json->type == JSON_INT ? (double)json->integer : json->number;
}

int64_t dataset_integer(const struct json *json, const char *path)
{
    return dataset_at(json, path)->integer;
}

int64_t dataset_fixed(struct str text, double unit)
{
    char copy[64];
    double value;

    snprintf(copy, sizeof(copy), "%.*s", STR(text));
    value = strtod(copy, NULL) * unit;
    return (int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

int64_t dataset_int(struct str text)
{
    int64_t value;

    assert_true(str_to_int(text, &value));
    return value;
}

int64_t dataset_second(const struct dataset *set, struct str text)
{
    int64_t ms;

    assert_int_equal(time_parse(set->zone, text, &ms), OK);
    return ms / 1000;
}

/* ---- the set --------------------------------------------------------------------------------- */

static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY}};

bool dataset_begin(struct dataset **out, const char *name, const struct catalog_kind *kinds,
                   int kind_count)
{
    struct arena *arena = arena_new((size_t)1 << 30);
    struct dataset *set = arena_new_one(arena, struct dataset);
    struct store_options options = {.schema = {.posting_kinds = {1}, .posting_count = 1},
                                    .is_manual = true};

    set->arena = arena;
    set->data = getenv("PAPILIO_DATA");
    set->name = name;
    *out = set;
    if (set->data == NULL || set->data[0] == 0) {
        print_message("%s: PAPILIO_DATA does not name the folder of data sets\n", name);
        arena_free(arena);
        return false;
    }
    assert_int_equal(zone_load(arena, S("UTC"), &set->zone), OK);
    set->catalog = (struct catalog){.kinds = kinds,
                                    .kind_count = kind_count,
                                    .columns = columns,
                                    .column_count = ARRAY_LEN(columns),
                                    .zone = set->zone};
    set->people = people_new();
    snprintf(set->folder, sizeof(set->folder), "/tmp/papilio-data-XXXXXX");
    assert_non_null(mkdtemp(set->folder));
    assert_int_equal(store_open(str_of(set->folder), &options, &set->store), OK);
    return true;
}

static void events_flush(struct dataset *set)
{
    struct store_batch batch = {
        0, store_position(set->store, 0) + 1, {set->events, set->count, set->values, set->count}};
    uint64_t seq;

    if (set->count > 0)
        assert_int_equal(store_append(set->store, &batch, &seq), OK);
    set->count = 0;
}

void dataset_event(struct dataset *set, uint32_t number, int64_t second, uint16_t kind,
                   int64_t amount)
{
    size_t at = set->count++;

    people_add(set->people, number);
    set->events[at] = (struct engine_event){number, (uint32_t)second, kind, 0, (uint32_t)at};
    set->values[at] = (struct engine_value){amount, EVENTS_AMOUNT, 1, 0};
    if (set->count == DATASET_BATCH)
        events_flush(set);
}

void dataset_ready(struct dataset *set, const char *as_of)
{
    events_flush(set);
    assert_int_equal(store_merge(set->store), OK);
    people_publish(set->people);
    set->view = people_hold(set->people);
    set->moment = (struct moment){store_snapshot(set->store), set->view,
                                  dataset_second(set, str_of(as_of)), NULL};
}

void dataset_end(struct dataset *set)
{
    people_release(set->people, set->view);
    people_free(set->people);
    store_release(set->store, set->moment.events);
    store_close(set->store);
    assert_int_equal(folder_remove(str_of(set->folder)), OK);
    arena_free(set->arena);
}

struct query dataset_query(struct dataset *set, const char *text)
{
    struct query_fault fault = {0};
    struct query query = {0};

    assert_int_equal(query_read(set->arena, &set->catalog, str_of(text), &query, &fault), OK);
    return query;
}

struct answer dataset_answer(struct dataset *set, const char *text)
{
    static const struct answer_options usual;
    struct query query = dataset_query(set, text);
    struct answer answer = {0};

    bitmap_init(&answer.members);
    assert_int_equal(answer_run(set->arena, &query, &set->moment, &usual, &answer), OK);
    return answer;
}

struct bitmap dataset_members(struct dataset *set, const char *who)
{
    char text[1000];

    snprintf(text, sizeof(text), "{\"version\":1,\"ask\":\"segment\",\"who\":%s}", who);
    return dataset_answer(set, text).members;
}

int64_t dataset_people(struct dataset *set, const char *who)
{
    struct bitmap members = dataset_members(set, who);
    int64_t count = bitmap_count(&members);

    bitmap_release(&members);
    return count;
}
