/* The engine against the oracle: random questions over random worlds, each asked the engine four
 * ways; seeded mistakes, each of which must be seen; and a few worlds so small that the answers
 * were found by hand. ORACLE_QUERIES (1000; 250 on PostgreSQL), ORACLE_SEED (1): the first world.
 */
#include "oracle.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base_sql.h"
#include "cell.h"
#include "fixture.h"
#include "native.h"
#include "question.h"

#define QUERIES_A_WORLD 40
#define TRIES_MAX 60 /* worlds until a mistake is seen */
#define CELLS_SHOWN 60
#define WAYS 4 /* the engine is asked in */

static struct sql *sql;

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number;

    return text && str_to_int(str_of(text), &number) ? number : otherwise;
}

static int set_up(void **state)
{
    (void)state;
    sql = sql_open(getenv("PAPILIO_TEST_DB"));
    oracle_prepare(sql);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sql_close(sql);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* One world on both sides. */
struct bench {
    struct arena *arena;
    struct world world;
    struct native native;
    struct oracle oracle;
};

static void bench_fill(struct bench *bench, enum oracle_mistake mistake)
{
    int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS];

    native_open(&bench->native, &bench->world);
    native_codes(&bench->native, codes);
    bench->oracle = (struct oracle){.sql = sql, .mistake = mistake};
    oracle_load(&bench->oracle, &bench->world, codes);
}

static void bench_open(struct bench *bench, uint64_t seed, enum oracle_mistake mistake)
{
    *bench = (struct bench){.arena = arena_new((size_t)64 * 1024 * 1024)};
    world_make(&bench->world, bench->arena, sql, seed);
    bench_fill(bench, mistake);
}

static void bench_close(struct bench *bench)
{
    native_close(&bench->native);
    arena_free(bench->arena);
}

static struct query query_of(struct arena *arena, struct str text)
{
    struct catalog catalog = world_catalog(arena);
    struct query_fault fault = {0};
    struct query query;

    if (query_read(arena, &catalog, text, &query, &fault) != OK)
        fail_msg("%.*s: %.*s\n%.*s", STR(fault.path), STR(fault.message), STR(text));
    return query;
}

/* As the oracle answers: rows, or one column of members. */
static struct sql_rows native_rows(struct bench *bench, struct arena *arena,
                                   const struct query *query, int64_t as_of, int way)
{
    static const struct answer_options ways[WAYS] = {{0},
                                                     {.is_generic = true},
                                                     {.thread_count = 2, .level = SCAN_PLAIN},
                                                     {.is_columns_only = true, .thread_count = 2}};
    struct moment moment = native_moment(&bench->native, as_of);
    struct answer answer = {0};
    struct sql_rows rows = {0};
    enum err err;

    bitmap_init(&answer.members);
    err = answer_run(arena, query, &moment, &ways[way], &answer);
    rows.is_too_large = err == E_TOO_LARGE;
    if (err != OK && err != E_TOO_LARGE)
        fail_msg("the engine answers %s", err_name(err));
    rows.column_count = answer.column_count;
    rows.row_count = answer.row_count;
    rows.cells = arena_new_array(arena, int64_t, (size_t)(rows.row_count * rows.column_count) + 1);
    if (rows.row_count > 0)
        memcpy(rows.cells, answer.cells,
               (size_t)(rows.row_count * rows.column_count) * sizeof(int64_t));
    if (query->ask == QUERY_SEGMENT && err == OK) {
        int64_t count = bitmap_count(&answer.members);
        uint32_t *numbers = arena_new_array(arena, uint32_t, (size_t)count + 1);

        bitmap_read(&answer.members, 0, numbers, (size_t)count);
        rows = (struct sql_rows){.column_count = 1, .row_count = count};
        rows.cells = arena_new_array(arena, int64_t, (size_t)count + 1);
        for (int64_t i = 0; i < count; i++)
            rows.cells[i] = numbers[i];
    }
    bitmap_release(&answer.members);
    return rows;
}

static bool is_same(const struct sql_rows *one, const struct sql_rows *two)
{
    if (one->is_too_large || two->is_too_large)
        return one->is_too_large == two->is_too_large;
    return one->row_count == two->row_count &&
           (one->row_count == 0 ||
            (one->column_count == two->column_count &&
             memcmp(one->cells, two->cells,
                    (size_t)(one->row_count * one->column_count) * sizeof(int64_t)) == 0));
}

static bool has_row(const struct sql_rows *rows, int64_t cell)
{
    for (int64_t i = 0; i < rows->row_count; i++) {
        if (rows->cells[i * rows->column_count] == cell)
            return true;
    }
    return false;
}

static void rows_print(const char *whose, const struct sql_rows *rows)
{
    printf("  %s: %s%" PRId64 " rows\n", whose, rows->is_too_large ? "too large, " : "",
           rows->row_count);
    for (int64_t i = 0; i < rows->row_count * rows->column_count && i < CELLS_SHOWN; i++) {
        printf(i % rows->column_count == 0 ? "    " : " ");
        if (rows->cells[i] == NONE)
            printf("-");
        else
            printf("%" PRId64, rows->cells[i]);
        if ((i + 1) % rows->column_count == 0 && rows->column_count > 1)
            printf("\n");
    }
    printf("\n");
}

struct asked {
    struct str text;
    int64_t as_of;
    enum query_ask ask;
    int64_t row_count;
    bool is_empty; /* no member, no row, or only people who did nothing */
};

static bool is_empty(const struct query *query, const struct sql_rows *rows)
{
    int64_t sum = 0;

    if (query->ask != QUERY_FUNNEL && query->ask != QUERY_RETENTION)
        return rows->row_count == 0;
    for (int64_t i = 0; i < rows->row_count; i++) /* who reached it; who came back */
        sum += rows->cells[i * rows->column_count +
                           (query->ask == QUERY_RETENTION ? 3 : 1 + query->has_by)];
    return sum == 0;
}

/* Whether the engine agrees in so many of its ways; if not, and not quiet, says so. */
static bool ask(struct bench *bench, struct asked *asked, int ways, bool is_quiet)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct query query = query_of(arena, asked->text);
    struct sql_rows wanted, rows;
    bool is_right = true;

    wanted = oracle_answer(&bench->oracle, arena, &query, asked->as_of);
    wanted.is_too_large |= wanted.row_count > QUERY_ROW_MAX;
    asked->row_count = wanted.row_count;
    asked->is_empty = is_empty(&query, &wanted);
    for (int way = 0; way < ways && is_right; way++) {
        rows = native_rows(bench, arena, &query, asked->as_of, way);
        is_right = is_same(&wanted, &rows);
        if (!is_right && !is_quiet) {
            printf("seed %" PRIu64 ", as of %" PRId64 ", way %d\n%.*s\n", bench->world.seed,
                   asked->as_of, way, STR(asked->text));
            rows_print("oracle", &wanted);
            rows_print("engine", &rows);
        }
    }
    arena_free(arena);
    return is_right;
}

static struct asked asked_make(struct buf *text, struct dice *dice, const struct world *world,
                               int nth)
{
    /* Half of them segments. */
    enum query_ask kind = nth % 2 == 0 ? QUERY_SEGMENT : (enum query_ask)(1 + nth / 2 % 9);
    struct asked asked = {.as_of = world->moments[dice_below(dice, WORLD_MOMENTS)], .ask = kind};

    buf_reset(text);
    question_make(text, dice, world, kind);
    asked.text = buf_view(text);
    return asked;
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* Is it so many people? */
static bool is_counted(const struct cell *row, const struct asked *cell)
{
    bool is_right = row->is_most ? cell->row_count <= row->people_count &&
                                       (cell->row_count == 0) == (row->people_count == 0)
                                 : cell->row_count == row->people_count;

    if (!is_right)
        printf("%" PRId64 " in the cell, %" PRId64 " in the row\n%.*s\n", cell->row_count,
               row->people_count, STR(cell->text));
    return is_right;
}

/* Of an answer's rows one: whom its cell names, in every way the same, and as many as it counts. */
static bool is_cell_right(struct bench *bench, struct dice *dice, const struct asked *asked)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct query query = query_of(arena, asked->text);
    struct sql_rows rows = oracle_answer(&bench->oracle, arena, &query, asked->as_of);
    int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS];
    struct cell row = {.text = asked->text, .query = &query, .codes = codes};
    struct asked cell = {.as_of = asked->as_of, .ask = QUERY_SEGMENT};
    struct buf text;
    bool is_right;

    native_codes(&bench->native, codes);
    buf_init(&text, QUERY_TEXT_MAX);
    buf_str(&text, S("{\"version\": 1, \"ask\": \"segment\", \"who\": "));
    cell_make(&text, &row, rows.cells + dice_below(dice, rows.row_count) * rows.column_count);
    buf_str(&text, S("}"));
    cell.text = buf_view(&text);
    is_right = ask(bench, &cell, WAYS, false) && is_counted(&row, &cell);
    buf_release(&text);
    arena_free(arena);
    return is_right;
}

static bool has_cells(const struct asked *asked)
{
    return asked->row_count > 0 && asked->ask != QUERY_SEGMENT && asked->ask != QUERY_TIMELINE;
}

/* ---- shrinking ------------------------------------------------------------------------------- */

/* Leaves out pieces of the events, ever smaller ones, as long as the two disagree. */
static void shrink(struct bench *bench, struct asked *asked)
{
    struct bench small = {.world = bench->world};
    struct world *world = &small.world;
    int size = world->fact_count / 2;
    struct world_fact *all;

    small.arena = arena_new((size_t)64 * 1024 * 1024);
    all = arena_new_array(small.arena, struct world_fact, (size_t)world->fact_count);
    while (size > 0) {
        bool did_shrink = false;

        for (int at = 0; at + size <= bench->world.fact_count; at += did_shrink ? 0 : size) {
            int left = bench->world.fact_count - size;

            memcpy(all, bench->world.facts, (size_t)at * sizeof(*all));
            memcpy(all + at, bench->world.facts + at + size, (size_t)(left - at) * sizeof(*all));
            *world = bench->world;
            world->facts = all;
            world->fact_count = left;
            bench_fill(&small, bench->oracle.mistake);
            did_shrink = !ask(&small, asked, WAYS, true);
            native_close(&small.native);
            if (did_shrink) {
                memcpy(bench->world.facts, all, (size_t)left * sizeof(*all));
                bench->world.fact_count = left;
            }
        }
        size /= 2;
    }
    arena_free(small.arena);
}

static void world_print(const struct world *world)
{
    printf("  %d events (number, kept, second, kind, channel, values):\n", world->fact_count);
    for (int i = 0; i < world->fact_count && i < CELLS_SHOWN; i++) {
        const struct world_fact *fact = &world->facts[i];
        uint32_t kept = UINT32_MAX;

        for (int j = 0; j < world->record_count; j++)
            kept = world->records[j].number == fact->number ? world->records[j].kept : kept;
        printf("    %u %u %" PRId64 " %d %d", fact->number, kept, fact->second, fact->kind,
               fact->channel);
        for (int j = 0; j < WORLD_COLUMNS; j++) {
            if (fact->values[j] == NONE)
                printf(" -");
            else
                printf(" %" PRId64, fact->values[j]);
        }
        printf("\n");
    }
}

static void tell(struct bench *bench, struct asked *asked)
{
    shrink(bench, asked);
    native_close(&bench->native);
    bench_fill(bench, bench->oracle.mistake);
    ask(bench, asked, WAYS, false);
    world_print(&bench->world);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_random(void **state)
{
    static const char *const names[] = {"segment", "funnel", "retention", "paths",    "breakdown",
                                        "trend",   "rfm",    "interval",  "timeline", "flow"};
    int64_t counts[ARRAY_LEN(names)] = {0}, full[ARRAY_LEN(names)] = {0}, all = 0;
    int64_t cell_count = 0;
    int64_t count = number_of("ORACLE_QUERIES", base_is_shared() ? 250 : 1000);
    uint64_t seed = (uint64_t)number_of("ORACLE_SEED", 1);
    struct buf text;

    (void)state;
    buf_init(&text, QUERY_TEXT_MAX);
    for (int64_t done = 0; done < count; seed++) {
        struct dice dice = {seed * 7919};
        struct bench bench;

        bench_open(&bench, seed, MISTAKE_NONE);
        for (int i = 0; i < QUERIES_A_WORLD && done < count; i++, done++) {
            struct asked asked = asked_make(&text, &dice, &bench.world, (int)done);

            if (!ask(&bench, &asked, WAYS, false)) {
                tell(&bench, &asked);
                fail_msg("the engine and the oracle disagree, seed %" PRIu64, seed);
            }
            if (has_cells(&asked) && !is_cell_right(&bench, &dice, &asked))
                fail_msg("a cell is wrong, seed %" PRIu64, seed);
            cell_count += has_cells(&asked);
            counts[asked.ask]++;
            full[asked.ask] += !asked.is_empty;
            all += !asked.is_empty;
        }
        bench_close(&bench);
    }
    buf_release(&text);
    printf("# %" PRId64 " queries agree, %" PRId64 " with an answer that is not empty, %" PRId64
           " cells of them:",
           count, all, cell_count);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        printf(" %s %" PRId64 "/%" PRId64, names[i], full[i], counts[i]);
        assert_true(counts[i] < 20 || full[i] * 100 >= counts[i] * 30);
    }
    printf("\n");
}

/* Asks the world's questions until one shows the mistake; how many it took, 0: none does. */
static int mistake_seen(struct bench *bench, enum oracle_mistake mistake)
{
    struct dice dice = {bench->world.seed * 104729};
    int64_t codes[WORLD_ATTRIBUTES][WORLD_TEXTS];
    struct buf text;
    int tried = 0;
    bool is_seen = false;

    native_codes(&bench->native, codes);
    bench->oracle.mistake = mistake;
    oracle_load(&bench->oracle, &bench->world, codes);
    buf_init(&text, QUERY_TEXT_MAX);
    while (tried < QUERIES_A_WORLD && !is_seen) {
        struct asked asked = asked_make(&text, &dice, &bench->world, tried++);

        is_seen = !ask(bench, &asked, 1, true);
    }
    buf_release(&text);
    return is_seen ? tried : 0;
}

/* A comparison that sees nothing may as well be blind. */
static void test_mistakes(void **state)
{
    int unseen = MISTAKE_COUNT - 1;
    bool is_seen[MISTAKE_COUNT] = {true};

    (void)state;
    if (base_is_shared()) /* the comparison is the same */
        skip();
    for (uint64_t seed = 1; seed <= TRIES_MAX && unseen > 0; seed++) {
        struct bench bench;

        bench_open(&bench, seed, MISTAKE_NONE);
        for (int i = 0; i < MISTAKE_COUNT; i++) {
            int tried = is_seen[i] ? 0 : mistake_seen(&bench, (enum oracle_mistake)i);

            if (tried > 0)
                printf("# %s: seen in world %d by question %d\n", oracle_mistakes[i], (int)seed,
                       tried);
            is_seen[i] |= tried > 0;
            unseen -= tried > 0;
        }
        bench_close(&bench);
    }
    for (int i = 0; i < MISTAKE_COUNT; i++) {
        if (!is_seen[i])
            printf("# not seen: %s\n", oracle_mistakes[i]);
    }
    assert_int_equal(unseen, 0);
}

/* ---- in time ------------------------------------------------------------------------------- */

/* Cells move with other people's events, too. */
static bool is_of_all(const struct query *query)
{
    for (int i = 0; i < query->who_count; i++) {
        if (query->who[i].kind == CONDITION_RFM || query->who[i].kind == CONDITION_ANSWER)
            return true;
    }
    return false;
}

/* What the engine says of each person at one moment, beside who is a member then and at a later
 * one: until it may change, it may not have changed. */
static void is_until_right(struct bench *bench, struct str text, int64_t as_of, int64_t later)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct query asked = query_of(arena, text), *query = &asked;
    struct sql_rows now = oracle_answer(&bench->oracle, arena, query, as_of);
    struct sql_rows then = oracle_answer(&bench->oracle, arena, query, later);
    struct moment moment = native_moment(&bench->native, as_of);
    struct answer_leaf *leaves = arena_new_array(arena, struct answer_leaf, QUERY_CONDITION_MAX);
    const struct bitmap *people = people_all(bench->native.view);
    uint32_t numbers[WORLD_RECORD_MAX];
    size_t count = bitmap_read(people, 0, numbers, WORLD_RECORD_MAX);

    for (size_t i = 0; i < count; i++) {
        const struct answer_leaf *root = &leaves[query->who_count - 1];
        bool is_in = has_row(&now, numbers[i]), will_be_in = has_row(&then, numbers[i]);
        bool is_due;

        assert_int_equal(answer_explain(arena, query, &moment, numbers[i], leaves), OK);
        is_due = is_of_all(query) || (root->until != NONE && root->until <= later);
        if (root->is_true != is_in || (is_in != will_be_in && !is_due))
            fail_msg("seed %" PRIu64 ", person %u: at %" PRId64 " %d, explained %d until %" PRId64
                     ", at %" PRId64 " %d\n%.*s",
                     bench->world.seed, numbers[i], as_of, is_in, root->is_true, root->until, later,
                     will_be_in, STR(text));
    }
    arena_free(arena);
}

static void test_until(void **state)
{
    int64_t count = number_of("ORACLE_QUERIES", base_is_shared() ? 60 : 300);
    uint64_t seed = (uint64_t)number_of("ORACLE_SEED", 1) + 500;
    struct buf text;

    (void)state;
    buf_init(&text, QUERY_TEXT_MAX);
    for (int64_t done = 0; done < count; seed++) {
        struct dice dice = {seed * 15485863};
        struct bench bench;

        bench_open(&bench, seed, MISTAKE_NONE);
        for (int i = 0; i < QUERIES_A_WORLD && done < count; i++, done++) {
            struct asked asked = asked_make(&text, &dice, &bench.world, 0);
            int64_t later = bench.world.moments[dice_below(&dice, WORLD_MOMENTS)];

            if (dice_is(&dice, 60))
                later = asked.as_of + dice_below(&dice, dice_is(&dice, 50) ? 3 : 8 * 86400);
            is_until_right(&bench, asked.text, asked.as_of < later ? asked.as_of : later,
                           asked.as_of < later ? later : asked.as_of);
        }
        bench_close(&bench);
    }
    buf_release(&text);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static struct list cells_read(struct arena *arena, const char *text)
{
    struct str rest = str_of(text), cell;
    struct list cells = {0};
    int64_t cap = 0;

    while (rest.len > 0) {
        int64_t *value = list_add(arena, &cells, &cap, sizeof(int64_t));

        str_cut(rest, ' ', &cell, &rest);
        *value = NONE;
        must(str_is(cell, "-") || str_to_int(cell, value));
    }
    return cells;
}

/* The answer found by hand, in as many columns as the other has. */
static struct sql_rows wanted_of(struct arena *arena, const struct fixture *fixture, int columns)
{
    struct list cells;

    if (strcmp(fixture->answer, "large") == 0)
        return (struct sql_rows){.is_too_large = true};
    cells = cells_read(arena, fixture->answer);
    return (struct sql_rows){columns, columns > 0 ? cells.count / columns : 0, cells.at, false};
}

static bool is_fixture_right(struct bench *bench, const struct fixture *fixture)
{
    struct arena *arena = bench->arena;
    struct query query = query_of(arena, str_of(fixture->query));
    int64_t as_of = fixture_time(fixture->as_of);

    for (int way = -1; way < WAYS; way++) {
        struct sql_rows rows = way < 0 ? oracle_answer(&bench->oracle, arena, &query, as_of)
                                       : native_rows(bench, arena, &query, as_of, way);
        struct sql_rows wanted = wanted_of(arena, fixture, rows.column_count);

        if (is_same(&wanted, &rows))
            continue;
        printf("%s\n%s\n", fixture->why, fixture->query);
        rows_print("by hand", &wanted);
        rows_print(way < 0 ? "oracle" : "engine", &rows);
        return false;
    }
    return true;
}

static void test_by_hand(void **state)
{
    int wrong = 0;

    (void)state;
    for (int i = 0; i < fixture_count; i++) {
        struct bench bench = {.arena = arena_new((size_t)64 * 1024 * 1024)};

        fixture_make(&fixtures[i], bench.arena, &bench.world);
        bench_fill(&bench, MISTAKE_NONE);
        wrong += !is_fixture_right(&bench, &fixtures[i]);
        bench_close(&bench);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
