/* Zones by name, from the system's tzdata. */
#include "base/time.h"
#include "host/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void zones_by_name(void **state)
{
    static const char *const refused[] = {"",     "../shadow", "/etc/passwd", "Asia/../../x",
                                          "Asia", "No/Such",   "a b"};
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct zone *zone;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(zone_load(arena, str_of(refused[i]), &zone), E_NOT_FOUND);
    assert_int_equal(zone_load(arena, S("Asia/Shanghai"), &zone), OK);
    assert_int_equal(zone_offset_ms(zone, INT64_C(1700000000000)), 8 * 3600 * 1000);
    arena_free(arena);
}

/* Names that people send: none of them may use up what all share, and a zone stays for good. */
static void shared_zones(void **state)
{
    static const char *const wrong[] = {"tzdata.zi", "No/Such", "zone.tab", "Asia"};
    static const char *const areas[] = {"Etc/GMT-",       "Etc/GMT+",       "posix/Etc/GMT-",
                                        "posix/Etc/GMT+", "right/Etc/GMT-", "right/Etc/GMT+"};
    struct arena *arena = arena_new(4 * 1024 * 1024);
    const struct zone *zones[ARRAY_LEN(areas) * 12];
    const struct zone *again;
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 4000; i++) {
        arena_reset(arena);
        assert_int_not_equal(zone_shared(arena, str_of(wrong[i % ARRAY_LEN(wrong)]), &again), OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(areas); i++)
        for (int hour = 1; hour <= 12; hour++) {
            char name[40];

            arena_reset(arena);
            snprintf(name, sizeof name, "%s%d", areas[i], hour);
            if (zone_shared(arena, str_of(name), &zones[count]) == OK)
                count++;
        }
    assert_true(count >= 24);
    arena_free(arena);
    arena = arena_new(4 * 1024 * 1024);
    assert_int_equal(zone_shared(arena, S("Etc/GMT-1"), &again), OK);
    assert_ptr_equal(again, zones[0]);
    for (size_t i = 0; i < count; i++) /* hours ahead, then behind, under three names */
        assert_int_equal(zone_offset_ms(zones[i], 0) / 3600000,
                         (int)(i % 12 + 1) * (i / 12 % 2 == 0 ? 1 : -1));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_by_name),
        cmocka_unit_test(shared_zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
