/* Questions through the query language over generated events: kernels made for a shape beside the
 * generic pass, on one thread, CPU time, taking turns; both answers are compared. A segment of tags
 * and attributes alone is beside nothing: its bar is a time. ENGINE_CUSTOMERS=1000000 for 100 M. */
#include "bench.h"
#include "engine_world.h"

#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define ROUNDS 5

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
     "\"segment\",\"who\":{\"all\":[{\"tag\":[\"4\",\"18\",\"43\",\"100\",\"251\"]},{\"did\":{"
     "\"kind\":"
     "\"k03\",\"within\":{\"last\":{\"days\":30}}},\"at_least\":3},{\"did\":{\"kind\":\"k09\","
     "\"within\":{\"last\":{\"days\":90}}}},{\"not\":{\"did\":{\"kind\":\"k02\",\"within\":{"
     "\"last\":{\"days\":7}}}}}]}"},
    {"segment-sum", "\"segment\",\"who\":{\"did\":{\"kind\":\"k09\",\"within\":{\"last\":{\"days\":"
                    "90}}},\"measure\":\"sum\",\"of\":\"amount\",\"at_least\":50000}"},
    {"segment-tags", "\"segment\",\"who\":{\"all\":[{\"tag\":[\"4\",\"18\",\"43\"]},{\"not\":{"
                     "\"tag\":\"100\"}},{\"attribute\":\"age\",\"between\":[20,40]}]}"},
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
    char name[64];
    struct bench_row row = {.name = name, .unit = "ms", .peer = "generic pass"};
    double us[ROUNDS], peer_us[ROUNDS], ratio[ROUNDS];
    struct answer fast = {0}, generic = {0};
    struct query query;

    snprintf(name, sizeof(name), "engine-query-%s", one->name);
    if (!bench_wants(name))
        return;
    world_query(world, world->arena, one->text, &query);
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
    world_catalog(&world);
    data_make(&world.data, data_customers(), MEAN);
    world_people(&world, data_customers());
    must(store_open(str_of(folder), &options, &world.store) == OK);
    data_append(&world.data, world.store, 0, world.data.count);
    must(store_merge(world.store) == OK);
    world.moment.events = store_snapshot(world.store);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        bench_asked(&world, &asked[i]);
    world_people_free(&world);
    store_release(world.store, world.moment.events);
    store_close(world.store);
    data_free(&world.data);
    arena_free(world.arena);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
