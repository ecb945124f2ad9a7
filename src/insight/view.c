/* Which part of the base an overview is about: a period of local days and a branch of channels; and
 * the calendar that turns many instants into local days at the cost of an array access. */
#include "insight/insight_private.h"

#include "manage/channel/channel.h"

#define FOREVER_MS (INT64_C(1) << 60)
#define CALENDAR_DAY_MAX 73200 /* two hundred years; instants beyond them ask the zone */

static const struct field view_in_fields[] = {
    IN(struct view_in, from_date, .is_optional = true, .max = 10,
       .about = "first local day of the period, YYYY-MM-DD"),
    IN(struct view_in, to_date, .is_optional = true, .max = 10,
       .about = "first local day after the period"),
    IN(struct view_in, channel_id, .is_optional = true,
       .about = "customers whose first touch lies in this channel or below it"),
};
const struct shape view_in_shape = {
    .name = "overview_in",
    .fields = view_in_fields,
    .count = ARRAY_LEN(view_in_fields),
    .bytes = sizeof(struct view_in),
};

/* The first instant of a local day given as text. */
static enum err view_day(struct ctx *c, struct str text, const char *name, int64_t *out_ms)
{
    const struct zone *zone = ctx_zone(c);

    if (text.at == NULL)
        return OK;
    if (text.len != 10 || time_parse(zone, text, out_ms) != OK)
        return fail_at(c, "input.date", str_of(name), "%s is no date like 2026-03-31", name);
    *out_ms = zone_day_start(zone, zone_day(zone, *out_ms));
    return OK;
}

enum err view_read(struct ctx *c, const struct view_in *in, struct view *view)
{
    *view = (struct view){.zone = ctx_zone(c), .from_ms = -FOREVER_MS, .to_ms = FOREVER_MS};
    TRY(view_day(c, in->from_date, "from_date", &view->from_ms));
    TRY(view_day(c, in->to_date, "to_date", &view->to_ms));
    if (view->from_ms >= view->to_ms)
        return fail_at(c, "input.range", S("to_date"), "the period ends before it begins");
    if (in->channel_id != NONE)
        TRY(channel_path(c, in->channel_id, &view->branch_path));
    view->from_day = zone_day(view->zone, view->from_ms);
    view->to_day = zone_day(view->zone, view->to_ms);
    view->as_of_ms = view->to_ms < c->now_ms ? view->to_ms : c->now_ms;
    view->end_day = zone_day(view->zone, view->to_ms <= c->now_ms ? view->to_ms - 1 : c->now_ms);
    return OK;
}

int64_t rate_ppm(int64_t part, int64_t whole)
{
    if (whole <= 0)
        return NONE;
    return (part * 2000000 + whole) / (2 * whole);
}

void calendar_init(struct arena *arena, const struct zone *zone, int64_t first_ms, int64_t last_ms,
                   struct calendar *calendar)
{
    int64_t first_day = zone_day(zone, first_ms), count = zone_day(zone, last_ms) - first_day + 1;
    int64_t *starts, *months;

    must(count > 0);
    if (count > CALENDAR_DAY_MAX)
        count = CALENDAR_DAY_MAX;
    starts = arena_new_array(arena, int64_t, (size_t)count + 1);
    months = arena_new_array(arena, int64_t, (size_t)count);
    for (int64_t i = 0; i <= count; i++)
        starts[i] = zone_day_start(zone, first_day + i);
    for (int64_t i = 0; i < count; i++) {
        int year, month, date;
        day_to_date(first_day + i, &year, &month, &date);
        months[i] = ((int64_t)year - 1970) * 12 + month - 1;
    }
    *calendar = (struct calendar){zone, first_day, count, starts, months};
}

void calendar_find(const struct calendar *calendar, int64_t utc_ms, int64_t *day, int64_t *month)
{
    const int64_t *starts = calendar->starts_ms;
    int64_t count = calendar->day_count, i;

    if (utc_ms < starts[0] || utc_ms >= starts[count]) {
        *day = zone_day(calendar->zone, utc_ms);
        *month = zone_month(calendar->zone, utc_ms);
        return;
    }
    /* days of 23 or 25 hours shift the guess by one at most, over and over less than a day */
    i = (utc_ms - starts[0]) / DAY_MS;
    if (i >= count)
        i = count - 1;
    while (utc_ms < starts[i])
        i--;
    while (utc_ms >= starts[i + 1])
        i++;
    *day = calendar->first_day + i;
    *month = calendar->months[i];
}
