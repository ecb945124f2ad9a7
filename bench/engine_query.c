/* Questions through the query language over generated events: kernels made for a shape beside the
 * generic pass, on one thread, CPU time, taking turns; both answers are compared. A segment of tags
 * and attributes alone is beside nothing: its bar is a time. ENGINE_CUSTOMERS=1000000 for 100 M. */
#include "bench.h"
#include "engine_data.h"

#include "engine/answer.h"
#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define ROUNDS 5
#define KINDS 40

/* Times of generated events run from 1970 on; their now is a year later. */
static const struct asked {
    const char *name, *text;
} asked[] = {
    {"funnel", "\"funnel\",\"times\":false,\"funnel\":{\"within_seconds\":604800,\"steps\":["
               "{\"kind\":\"k03\"},{\"kind\":\"k04\"},{\"kind\":\"k08\"},{\"kind\":\"k09\"}]}"},
    {"funnel-sparse",
     "\"funnel\",\"times\":false,\"funnel\":{\"within_seconds\":604800,\"steps\":[{\"kind\":"
     "\"k00\"},{\"kind\":\"k01\"},{\"kind\":\"k02\"},{\"kind\":\"k09\"}]}"},
    {"funnel-times", "\"funnel\",\"funnel\":{\"within_seconds\":604800,\"steps\":[{\"kind\":"
                     "\"k03\"},{\"kind\":\"k04\"},{\"kind\":\"k08\"},{\"kind\":\"k09\"}]}"},
    {"segment",
     "\"segment\",\"who\":{\"all\":[{\"tag\":[\"1\",\"2\",\"3\",\"4\",\"5\"]},{\"did\":{\"kind\":"
     "\"k03\",\"within\":{\"last\":{\"days\":30}}},\"at_least\":3},{\"did\":{\"kind\":\"k09\","
     "\"within\":{\"last\":{\"days\":90}}}},{\"not\":{\"did\":{\"kind\":\"k02\",\"within\":{"
     "\"last\":{\"days\":7}}}}}]}"},
    {"segment-sum", "\"segment\",\"who\":{\"did\":{\"kind\":\"k09\",\"within\":{\"last\":{\"days\":"
                    "90}}},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":50000}"},
    {"segment-tags", "\"segment\",\"who\":{\"all\":[{\"tag\":[\"1\",\"2\",\"3\"]},{\"not\":{"
                     "\"tag\":\"4\"}},{\"attribute\":\"age\",\"between\":[20,40]}]}"},
    {"rfm", "\"rfm\",\"events\":{\"kind\":\"k09\"},\"of\":\"amount\""},
    {"retention", "\"retention\",\"start\":{},\"back\":{},\"units\":\"week\",\"count\":24,"
                  "\"cohort\":\"first\""},
    {"channels", "\"breakdown\",\"events\":{\"kind\":\"k09\"},\"by\":\"channel\",\"of\":\"amount\","
                 "\"limit\":1000"},
    {"interval", "\"interval\",\"events\":{\"kind\":\"k09\"},\"pairs\":\"first\""},
    {"paths", "\"paths\",\"events\":{\"within\":{\"last\":{\"days\":90}}},\"steps\":0,"
              "\"gap_seconds\":0,\"limit\":1000"},
    {"paths-sessions", "\"paths\",\"events\":{\"within\":{\"last\":{\"days\":90}}}"},
    {"trend", "\"trend\",\"events\":{\"kind\":\"k09\"},\"units\":\"week\",\"of\":\"amount\""},
};

struct world {
    struct arena *arena;
    struct zone *zone;
    char names[KINDS][4];
    struct catalog_kind kinds[KINDS];
    struct catalog catalog;
    struct data data;
    struct store *store;
    struct people *people;
    struct moment moment;
};

static const struct catalog_field columns[] = {{S("amount"), VALUE_MONEY}};
static const struct catalog_field attributes[] = {{S("age"), VALUE_NUMBER}};

static const struct zone *zone_find(void *user, struct str name)
{
    (void)user;
    (void)name;
    return NULL;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    (void)user;
    (void)kind;
    (void)id;
    return true;
}

static void catalog_make(struct world *world)
{
    for (int i = 0; i < KINDS; i++) {
        snprintf(world->names[i], sizeof(world->names[i]), "k%02d", i);
        world->kinds[i] = (struct catalog_kind){str_of(world->names[i]), (uint16_t)i};
    }
    must(zone_load(world->arena, S("UTC"), &world->zone) == OK);
    world->catalog = (struct catalog){.kinds = world->kinds,
                                      .kind_count = KINDS,
                                      .columns = columns,
                                      .column_count = ARRAY_LEN(columns),
                                      .attributes = attributes,
                                      .attribute_count = ARRAY_LEN(attributes),
                                      .zone = world->zone,
                                      .zone_find = zone_find,
                                      .set_find = set_find};
}

static void people_make(struct world *world)
{
    uint32_t numbers[4096];

    world->people = people_new();
    people_attribute(world->people, 0, VALUE_NUMBER);
    for (uint32_t i = 0; i < world->data.customer_count; i++) {
        people_add(world->people, i);
        people_set_number(world->people, i, 0, i * 2654435761u % 90);
    }
    for (int tag = 0; tag < DATA_ASKED; tag++) {
        const struct bitmap *members = &world->data.tags[data_asked[tag]];
        uint32_t from = 0;

        for (;;) {
            size_t count = bitmap_read(members, from, numbers, ARRAY_LEN(numbers));

            for (size_t i = 0; i < count; i++)
                people_set(world->people, SET_TAG, tag + 1, numbers[i], true);
            if (count < ARRAY_LEN(numbers))
                break;
            from = numbers[count - 1] + 1;
        }
    }
    people_publish(world->people);
}

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double once(struct world *world, const struct query *query, bool is_generic,
                   struct answer *out)
{
    struct answer_options options = {.is_generic = is_generic};
    struct arena *arena = arena_new((size_t)1 << 30);
    double start_us = cpu_us();
    int64_t *cells;

    must(answer_run(arena, query, &world->moment, &options, out) == OK);
    start_us = cpu_us() - start_us;
    cells =
        arena_new_array(world->arena, int64_t, (size_t)(out->row_count * out->column_count) + 1);
    if (out->row_count > 0)
        memcpy(cells, out->cells, (size_t)(out->row_count * out->column_count) * sizeof(*cells));
    out->cells = cells;
    arena_free(arena);
    return start_us;
}

static void must_be_same(const struct answer *a, const struct answer *b)
{
    const struct bitmap *all[] = {&a->members, &b->members};
    struct bitmap_terms both = {.all = all, .all_count = 2};

    must(a->row_count == b->row_count && a->column_count == b->column_count);
    must(memcmp(a->cells, b->cells, (size_t)(a->row_count * a->column_count) * sizeof(int64_t)) ==
         0);
    must(bitmap_count(&a->members) == bitmap_count(&b->members));
    must(bitmap_combine(&both, NULL) == bitmap_count(&a->members));
}

static void bench_asked(struct world *world, const struct asked *one)
{
    char name[64], text[2000];
    struct bench_row row = {.name = name, .unit = "ms", .peer = "generic pass"};
    double us[ROUNDS], peer_us[ROUNDS], ratio[ROUNDS];
    struct answer fast = {0}, generic = {0};
    struct query_fault fault;
    struct query query;

    snprintf(name, sizeof(name), "engine-query-%s", one->name);
    if (!bench_wants(name))
        return;
    snprintf(text, sizeof(text), "{\"version\":1,\"ask\":%s}", one->text);
    must(query_read(world->arena, &world->catalog, str_of(text), &query, &fault) == OK);
    bitmap_init(&fast.members);
    bitmap_init(&generic.members);
    for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
        int to = round < 0 ? 0 : round;

        us[to] = once(world, &query, false, &fast);
        peer_us[to] = once(world, &query, true, &generic);
        ratio[to] = us[to] / peer_us[to];
        must_be_same(&fast, &generic);
    }
    row.value = bench_median(us, ROUNDS) / 1000;
    row.peer_value = bench_median(peer_us, ROUNDS) / 1000;
    row.ratio = bench_median(ratio, ROUNDS);
    bench_row_print(&row);
    bitmap_release(&fast.members);
    bitmap_release(&generic.members);
}

static bool is_wanted(void)
{
    char name[64];
    bool is_any = false;

    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        snprintf(name, sizeof(name), "engine-query-%s", asked[i].name);
        is_any = is_any || bench_wants(name);
    }
    return is_any;
}

int main(void)
{
    struct store_options options = {.schema = data_schema, .unmerged_max = 4000000};
    char folder[] = "/tmp/papilio-engine-XXXXXX";
    struct world world = {.arena = arena_new((size_t)1 << 30)};

    if (!is_wanted())
        return 0;
    must(mkdtemp(folder) != NULL);
    catalog_make(&world);
    data_make(&world.data, data_customers(), MEAN);
    people_make(&world);
    must(store_open(str_of(folder), &options, &world.store) == OK);
    data_append(&world.data, world.store, 0, world.data.count);
    must(store_merge(world.store) == OK);
    world.moment =
        (struct moment){store_snapshot(world.store), people_hold(world.people), DATA_NOW, NULL};
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        bench_asked(&world, &asked[i]);
    people_release(world.people, world.moment.people);
    people_free(world.people);
    store_release(world.store, world.moment.events);
    store_close(world.store);
    data_free(&world.data);
    arena_free(world.arena);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
