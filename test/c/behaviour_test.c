/* Pages of behaviours: what is written is read, in order and by customer, with and without an
 * index; every damaged bit is noticed; retention takes pages and what points to them. */
#include "scenario.h"

#include "gen/behaviour.q.h"
#include "host/clock.h"
#include "kit/behaviour.h"
#include "manage/event/event.h"

#define CUSTOMERS 50

static int64_t ids[CUSTOMERS + 1]; /* by number */

static enum err customers_step(struct ctx *c, void *user)
{
    (void)user;
    for (int64_t i = 1; i <= CUSTOMERS; i++) {
        struct customer_new n;
        customer_new_init(&n);
        TRY(customer_add(c, &n, &ids[i]));
    }
    return OK;
}

struct adding {
    int64_t count, next;
};

/* Page after page; the customer's number is that of the event, turned round. */
static enum err add_step(struct ctx *c, void *user)
{
    struct adding *adding = user;
    struct behaviour *events = arena_new_array(c->arena, struct behaviour, (size_t)adding->count);

    for (int64_t i = 0; i < adding->count; i++, adding->next++) {
        int64_t number = adding->next % CUSTOMERS + 1;
        events[i] = (struct behaviour){
            .occurred_ms = adding->next,
            .customer_id = ids[number],
            .customer_number = number,
            .channel_id = NONE,
            .kind = S("page_viewed"),
            .properties = adding->next % 3 ? str_fmt(c->arena, "{\"n\":%" PRId64 "}", adding->next)
                                           : (struct str){0},
        };
    }
    return behaviour_add(
        c, events, adding->count,
        (struct str){arena_alloc(c->arena, (size_t)adding->count * 8), (size_t)adding->count * 8});
}

static void add(struct adding *adding, int64_t count)
{
    adding->count = count;
    scenario_write(add_step, adding);
}

static enum err after_step(struct ctx *c, void *user)
{
    struct list events;
    int64_t after_id = 0, *total = user;
    bool is_last;

    *total = 0;
    do {
        const struct behaviour *event;
        TRY(behaviour_after(c, after_id, 100, &events, &is_last));
        event = events.at;
        for (int64_t i = 0; i < events.count; i++, (*total)++) {
            assert_int_equal(event[i].occurred_ms, *total);
            assert_true(event[i].id > after_id);
            assert_int_equal(event[i].properties.len > 0, *total % 3 != 0);
            after_id = event[i].id;
        }
    } while (!is_last);
    return OK;
}

static enum err of_step(struct ctx *c, void *user)
{
    const struct adding *adding = user;

    for (int64_t number = 1; number <= CUSTOMERS; number++) {
        struct behaviour_whose whose = {.customer_id = ids[number], .is_person = number % 2};
        const struct behaviour *event;
        struct list events;
        TRY(behaviour_of(c, &whose, INT64_MAX, &events));
        event = events.at;
        assert_int_equal(events.count, (adding->next + CUSTOMERS - number) / CUSTOMERS);
        for (int64_t i = 0; i < events.count; i++)
            assert_int_equal(event[i].occurred_ms, i * CUSTOMERS + number - 1);
        whose.after_id = event[1].id;
        TRY(behaviour_of(c, &whose, INT64_MAX, &events));
        assert_int_equal(((const struct behaviour *)events.at)[0].occurred_ms,
                         2 * CUSTOMERS + number - 1);
    }
    return OK;
}

static struct adding all;

static void check(void)
{
    int64_t total = 0;

    scenario_write(after_step, &total);
    assert_int_equal(total, all.next);
    scenario_write(of_step, &all);
}

static void test_order(void **state)
{
    (void)state;
    scenario_write(customers_step, NULL);
    for (int64_t count = 1; count < 60; count++)
        add(&all, count);
    check();
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_group"), 0);
}

static void test_index(void **state)
{
    (void)state;
    while (all.next < BEHAVIOUR_SEAL * 5 / 2)
        add(&all, 1000);
    known_await(scenario_app);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_group"), 2);
    check();
}

/* Each bit of a page in turn; and each length. */
static enum err page_damage(void *user, const struct q_behaviour_page_rest_row *row)
{
    struct ctx *c = user;
    struct list events;
    struct str page;
    char *copy;

    if (behaviour_decode(c->arena, row->events_blob, &events) != OK || events.count != 4)
        return OK;
    copy = arena_alloc(c->arena, row->events_blob.len);
    page = (struct str){copy, row->events_blob.len};
    for (size_t i = 0; i < page.len * 8; i++) {
        memcpy(copy, row->events_blob.at, page.len);
        copy[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(behaviour_decode(c->arena, page, &events), E_CORRUPT);
        assert_int_equal(behaviour_decode(c->arena, str_sub(row->events_blob, 0, i / 8), &events),
                         E_CORRUPT);
    }
    return E_TOO_LARGE; /* one is enough */
}

static enum err damage_step(struct ctx *c, void *user)
{
    (void)user;
    assert_int_equal(q_behaviour_page_rest(c, 0, page_damage, c), E_TOO_LARGE);
    return OK;
}

static void test_damage(void **state)
{
    (void)state;
    scenario_write(damage_step, NULL);
}

/* Somebody on more pages than a request's memory holds. */
#define LONG_PAGES 80
#define REQUEST_BYTES ((size_t)64 * 1024 * 1024)

static enum err long_add_step(struct ctx *c, void *user)
{
    struct behaviour events[BEHAVIOUR_PAGE_MAX];
    char *text = arena_alloc(c->arena, 1000);

    (void)user;
    memcpy(text, "{\"n\":\"", 6);
    memset(text + 6, 'x', 992);
    memcpy(text + 998, "\"}", 2);
    for (int64_t i = 0; i < BEHAVIOUR_PAGE_MAX; i++) {
        int64_t number = i == 0 ? 1 : 2 + i % (CUSTOMERS - 1);
        events[i] = (struct behaviour){.occurred_ms = i,
                                       .customer_id = ids[number],
                                       .customer_number = number,
                                       .channel_id = NONE,
                                       .kind = S("page_viewed"),
                                       .properties = {text, 1000}};
    }
    return behaviour_add(c, events, BEHAVIOUR_PAGE_MAX,
                         (struct str){arena_alloc(c->arena, BEHAVIOUR_PAGE_MAX * 8),
                                      (size_t)BEHAVIOUR_PAGE_MAX * 8});
}

static enum err long_step(struct ctx *c, void *user)
{
    struct behaviour_whose whose = {.customer_id = ids[1], .is_person = true};
    int64_t *count = user, counted;
    struct list events;

    TRY(behaviour_of(c, &whose, INT64_MAX, &events));
    TRY(behaviour_count(c, &whose, &counted));
    assert_int_equal(counted, events.count);
    *count = counted;
    return OK;
}

struct reading {
    int64_t after_id, count;
    bool is_last;
};

static enum err read_step(struct ctx *c, void *user)
{
    struct reading *reading = user;
    struct list events;

    TRY(behaviour_after(c, reading->after_id, INT64_MAX, &events, &reading->is_last));
    if (events.count > 0)
        reading->after_id = ((const struct behaviour *)events.at)[events.count - 1].id;
    reading->count += events.count;
    return OK;
}

static void test_long(void **state)
{
    struct arena *arena = arena_new(REQUEST_BYTES);
    struct fault fault = {0};
    struct reading reading = {0};
    int64_t before, count;

    (void)state;
    scenario_write(long_step, &before);
    for (int i = 0; i < LONG_PAGES; i++) {
        assert_int_equal(app_write(scenario_app, arena, long_add_step, NULL, NULL), OK);
        arena_reset(arena);
    }
    known_await(scenario_app);
    assert_true(scenario_number("SELECT count(*) FROM behaviour_group") > 9);
    assert_int_equal(app_read(scenario_app, arena, long_step, &count, &fault), OK);
    assert_int_equal(count, before + LONG_PAGES);
    while (!reading.is_last) {
        arena_reset(arena);
        assert_int_equal(app_read(scenario_app, arena, read_step, &reading, NULL), OK);
    }
    assert_int_equal(reading.count, scenario_number("SELECT sum(event_count) FROM behaviour_page"));
    arena_free(arena);
}

static enum err forget_step(struct ctx *c, void *user)
{
    return behaviour_forget(c, *(int64_t *)user, user);
}

#define SMALL_PAGES 5000

static enum err small_add_step(struct ctx *c, void *user)
{
    struct adding adding = {.count = 1};

    (void)user;
    for (int i = 0; i < SMALL_PAGES; i++)
        TRY(add_step(c, &adding));
    return OK;
}

static int64_t page_bytes(void)
{
    return scenario_number("SELECT sum(length(events_blob)) FROM behaviour_page");
}

/* A call takes so much that nobody waits long for it: of large pages few, of small ones many. */
static void test_forget(void **state)
{
    int64_t before_ms = clock_now_ms() + DAY_MS, bytes, most = 0;

    (void)state;
    scenario_write(small_add_step, NULL);
    scenario_clock(before_ms + DAY_MS);
    add(&all, 10);
    for (int64_t dropped = 1; dropped > 0;) {
        bytes = page_bytes();
        dropped = before_ms;
        scenario_write(forget_step, &dropped);
        assert_true(bytes - page_bytes() < 40 * 1024 * 1024);
        most = dropped > most ? dropped : most;
    }
    assert_true(most >= SMALL_PAGES);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_page"), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_group"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_index"), 0);
    assert_int_equal(scenario_number("SELECT sum(event_count) FROM behaviour_page"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_index),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_long),  cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
