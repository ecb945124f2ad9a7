/* Any bytes as a zone file and as a time: bounds hold, and a zone that is taken keeps its promises.
 */
#include "base/time.h"

static void zone_check(const struct zone *zone, int64_t utc_ms)
{
    struct civil local;
    int64_t back_ms;

    zone_local(zone, utc_ms, &local);
    back_ms = zone_instant(zone, &local);
    must(back_ms <= utc_ms);
    must(zone_day_start(zone, zone_day(zone, utc_ms)) <= utc_ms);
    must(zone_month_start(zone, zone_month(zone, utc_ms)) <= utc_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct arena *arena = arena_new(16 << 20);
    struct str bytes = {(const char *)at, len};
    struct zone *zone = NULL;
    int64_t ms, again_ms;

    if (zone_parse(arena, bytes, &zone) == OK) {
        for (int64_t year = -2000; year < 6000; year += 37)
            zone_check(zone, year * INT64_C(31556952000) + (int64_t)len);
        zone_check(zone, INT64_C(1) << 60);
        zone_check(zone, -(INT64_C(1) << 60));
    }
    if (time_parse(zone, bytes, &ms) == OK) {
        must(time_parse(NULL, time_iso(arena, ms), &again_ms) != OK || again_ms == ms);
    }
    arena_free(arena);
    return 0;
}
