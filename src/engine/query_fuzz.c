/* Any bytes are refused as a query with a place, or read into a sound tree. The input stands as it
 * is, as `who` of a segment, as the events of a trend, as the
 * cell of an answer and as the stages of a flow. */
#include "engine/query_cell.h"

#include "host/file.h"

static const struct catalog_kind kinds[] = {{S("a"), 1}, {S("b"), 300}};
static const struct catalog_field fields[] = {
    {S("n"), VALUE_NUMBER}, {S("subject"), VALUE_ID}, {S("t"), VALUE_TEXT}, {S("d"), VALUE_DATE}};
static const struct catalog_field attributes[] = {{S("n"), VALUE_MONEY}, {S("c"), VALUE_CHOICES}};

static const struct zone *zone_find(void *user, struct arena *arena, struct str name)
{
    (void)arena;
    return str_is(name, "UTC") ? user : NULL;
}

static bool set_find(void *user, enum set_kind kind, int64_t id)
{
    return user != NULL && (kind != SET_LIST || id == 7);
}

static void nodes_are_sound(void *user, struct query *query)
{
    int roots = 0;

    (void)user;
    for (int i = 0; i < query->who_count; i++) {
        const struct condition *node = &query->who[i];
        int at = i - 1;

        must(node->size >= 1 && node->size <= i + 1);
        must(node->path.len >= 4);
        must((node->cell != NULL) == (node->kind == CONDITION_ANSWER));
        for (int operand = 0; operand < node->operands; operand++) {
            must(at >= 0);
            at -= query->who[at].size;
        }
        must(at == i - node->size);
        roots += 1 - node->operands;
    }
    must(roots == (query->who != NULL));
}

static void read_once(struct arena *arena, const struct catalog *catalog, struct str text)
{
    struct query_fault fault = {0};
    struct query query;

    if (query_read(arena, catalog, text, &query, &fault) == OK)
        query_each(&query, nodes_are_sound, NULL);
    else
        must(fault.code != NULL && fault.path.at != NULL && fault.message.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static struct arena *arena, *boot;
    static struct zone *utc;
    struct str text = {(const char *)at, len};
    struct catalog catalog = {kinds,      ARRAY_LEN(kinds),
                              fields,     ARRAY_LEN(fields),
                              attributes, ARRAY_LEN(attributes),
                              NULL,       zone_find,
                              set_find,   NULL};

    if (boot == NULL) {
        boot = arena_new((size_t)1 << 20);
        arena = arena_new((size_t)1 << 28);
        must(zone_load(boot, S("UTC"), &utc) == OK);
    }
    catalog.zone = utc;
    catalog.user = utc;
    read_once(arena, &catalog, text);
    read_once(arena, &catalog,
              str_fmt(arena, "{\"version\":1,\"ask\":\"segment\",\"who\":%.*s}", STR(text)));
    read_once(arena, &catalog,
              str_fmt(arena, "{\"version\":1,\"ask\":\"trend\",\"units\":\"day\",\"events\":%.*s}",
                      STR(text)));
    read_once(arena, &catalog,
              str_fmt(arena,
                      "{\"version\":1,\"ask\":\"segment\",\"who\":{\"answer\":{\"ask\":\"paths\","
                      "\"events\":{}},\"cell\":%.*s}}",
                      STR(text)));
    read_once(arena, &catalog,
              str_fmt(arena,
                      "{\"version\":1,\"ask\":\"flow\",\"within\":{\"last\":{\"days\":1}},"
                      "\"stages\":%.*s}",
                      STR(text)));
    arena_reset(arena);
    return 0;
}
