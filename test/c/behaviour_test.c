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

    *total = 0;
    do {
        const struct behaviour *event;
        TRY(behaviour_after(c, after_id, 100, &events));
        event = events.at;
        for (int64_t i = 0; i < events.count; i++, (*total)++) {
            assert_int_equal(event[i].occurred_ms, *total);
            assert_true(event[i].id > after_id);
            assert_int_equal(event[i].properties.len > 0, *total % 3 != 0);
            after_id = event[i].id;
        }
    } while (events.count >= 100);
    return OK;
}

static enum err of_step(struct ctx *c, void *user)
{
    const struct adding *adding = user;

    for (int64_t number = 1; number <= CUSTOMERS; number++) {
        struct behaviour_whose whose = {.customer_id = ids[number], .is_person = number % 2};
        const struct behaviour *event;
        struct list events;
        TRY(behaviour_of(c, &whose, &events));
        event = events.at;
        assert_int_equal(events.count, (adding->next + CUSTOMERS - number) / CUSTOMERS);
        for (int64_t i = 0; i < events.count; i++)
            assert_int_equal(event[i].occurred_ms, i * CUSTOMERS + number - 1);
        whose.after_id = event[1].id;
        TRY(behaviour_of(c, &whose, &events));
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

/* Each byte of a page in turn, one bit of it; and each length. */
static enum err damage_step(struct ctx *c, void *user)
{
    const struct q_behaviour_page_next_row *row;
    struct list pages, events;
    struct str page;
    char *copy;

    (void)user;
    TRY(q_behaviour_page_next(c, 0, 4, &pages));
    row = (const struct q_behaviour_page_next_row *)pages.at + 3;
    assert_int_equal(behaviour_decode(c->arena, row->events_blob, &events), OK);
    assert_int_equal(events.count, 4);
    copy = arena_alloc(c->arena, row->events_blob.len);
    page = (struct str){copy, row->events_blob.len};
    for (size_t i = 0; i < page.len; i++) {
        memcpy(copy, row->events_blob.at, page.len);
        copy[i] ^= (char)(1 << i % 8);
        assert_int_equal(behaviour_decode(c->arena, page, &events), E_CORRUPT);
        assert_int_equal(behaviour_decode(c->arena, str_sub(row->events_blob, 0, i), &events),
                         E_CORRUPT);
    }
    return OK;
}

static void test_damage(void **state)
{
    (void)state;
    scenario_write(damage_step, NULL);
}

static enum err forget_step(struct ctx *c, void *user)
{
    return behaviour_forget(c, *(int64_t *)user, user);
}

static void test_forget(void **state)
{
    int64_t before_ms = clock_now_ms() + DAY_MS;

    (void)state;
    scenario_clock(before_ms + DAY_MS);
    add(&all, 10);
    scenario_write(forget_step, &before_ms);
    assert_true(before_ms > 0); /* how many went */
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_page"), 1);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_group"), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM behaviour_index"), 0);
    assert_int_equal(scenario_number("SELECT sum(event_count) FROM behaviour_page"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_forget),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
