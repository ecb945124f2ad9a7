/* Any cell gives a value or none, the same each time, within its bounds; what is written back from
 * a number reads as that number. */
#include "manage/import/import_private.h"

#include <stdio.h>

static void number_check(const struct import_mapping *mapping, struct str text)
{
    char back[64];
    int64_t micro, again, count;
    int length;

    if (!import_parse_decimal(mapping, text, &micro))
        return;
    length = snprintf(back, sizeof(back), "%s%" PRId64 "%c%06" PRId64, micro < 0 ? "-" : "",
                      (micro < 0 ? -(micro / 1000000) : micro / 1000000), mapping->decimal,
                      micro < 0 ? -(micro % 1000000) : micro % 1000000);
    must(import_parse_decimal(mapping, (struct str){back, (size_t)length}, &again));
    must(again == micro);
    if (import_parse_count(mapping, text, &count))
        must(count * 1000000 == micro);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static struct arena *arena;
    static struct zone *zone;
    static const char *const orders[] = {"ymd", "dmy", "mdy"};
    struct import_mapping mapping = {.decimal = '.'};
    struct str text = {(const char *)at, len};
    int64_t utc_ms, day;

    if (arena == NULL) {
        arena = arena_new(64 * 1024 * 1024);
        must(zone_load(arena, S("Europe/London"), &zone) == OK);
    }
    if (len == 0)
        return 0;
    mapping.zone = zone;
    mapping.date_order = str_of(orders[at[0] % 3]);
    mapping.thousands = " ,'\0"[at[0] / 3 % 4];
    text = str_sub(text, 1, len);
    number_check(&mapping, text);
    if (import_parse_time(&mapping, text, &utc_ms)) {
        must(utc_ms > -2 * DAY_MS);
        must(utc_ms < INT64_C(4133980800000) + 2 * DAY_MS);
        must(import_parse_day(&mapping, text, &day));
    }
    return 0;
}
