/* Zones by name, from the system's tzdata. */
#include "base/time.h"
#include "host/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
