/* Life stages, from a birth day to a band and back. Always: life_stage_days names exactly the birth
 * days for which life_stage_of gives that band. */
#include "manage/setting/life_stage.h"

#include "base/time.h"
#include "manage/setting/setting.h"

#define DAY_FIRST INT64_C(-100000)
#define DAY_LAST INT64_C(100000)
#define MONTHS_MAX 1200

static int last_of_month(int64_t month)
{
    int64_t next = month + 1;

    return (int)(day_of_date((int)(next / 12), (int)(next % 12) + 1, 1) -
                 day_of_date((int)(month / 12), (int)(month % 12) + 1, 1));
}

/* Months since the year 0 and the day within. */
static int64_t month_of(int64_t day, int *date)
{
    int year, month;

    day_to_date(day, &year, &month, date);
    return (int64_t)year * 12 + month - 1;
}

int64_t life_stage_age_months(int64_t birth_day, int64_t today_day)
{
    int birth_date, today_date;
    int64_t birth_month = month_of(birth_day, &birth_date);
    int64_t today_month = month_of(today_day, &today_date);
    int last = last_of_month(today_month);

    if (birth_date > last)
        birth_date = last;
    return today_month - birth_month - (today_date < birth_date ? 1 : 0);
}

/* The last birth day of those who are `months` old or older today. */
static int64_t born_until(int64_t today_day, int64_t months)
{
    int today_date;
    int64_t today_month = month_of(today_day, &today_date), month = today_month - months;
    int last = last_of_month(month);

    if (today_date == last_of_month(today_month) || today_date > last)
        today_date = last;
    return day_of_date((int)(month / 12), (int)(month % 12) + 1, today_date);
}

bool life_stage_parse(struct str text, struct life_stages *out)
{
    struct str rest = text, head;
    bool is_more = true;

    *out = (struct life_stages){.count = 1};
    while (is_more) {
        int64_t months;
        is_more = str_cut(rest, ' ', &head, &rest);
        if (!str_to_int(head, &months) || months <= out->from_months[out->count - 1] ||
            months > MONTHS_MAX || out->count == LIFE_STAGE_MAX)
            return false;
        out->from_months[out->count++] = months;
    }
    return true;
}

enum err life_stages_get(struct ctx *c, struct life_stages *out)
{
    struct str text;

    TRY(setting_text(c, "life_stage_months", &text));
    must(life_stage_parse(text, out));
    out->today_day = zone_day(ctx_zone(c), c->now_ms);
    return OK;
}

static void titles_fill(struct ctx *c, struct life_stage *stage)
{
    int64_t from = stage->from_months, until = stage->until_months;
    bool is_years = from % 12 == 0 && from > 0 && (until == NONE || until % 12 == 0);
    int64_t unit = is_years ? 12 : 1;

    if (until == NONE) {
        stage->title_zh =
            str_fmt(c->arena, "%" PRId64 " %s以上", from / unit, is_years ? "岁" : "月");
        stage->title_en = str_fmt(c->arena, "%" PRId64 " %s and over", from / unit,
                                  is_years ? "years" : "months");
        return;
    }
    stage->title_zh = str_fmt(c->arena, "%" PRId64 "-%" PRId64 " %s", from / unit, until / unit,
                              is_years ? "岁" : "月");
    stage->title_en = str_fmt(c->arena, "%" PRId64 "-%" PRId64 " %s", from / unit, until / unit,
                              is_years ? "years" : "months");
}

struct life_stage life_stage_of(struct ctx *c, const struct life_stages *stages,
                                int64_t child_birth_day)
{
    struct life_stage stage = {.number = NONE, .from_months = NONE, .until_months = NONE};
    int64_t months;

    if (child_birth_day == NONE)
        return stage;
    if (child_birth_day > stages->today_day) {
        stage.number = LIFE_STAGE_EXPECTING;
        stage.title_zh = S("备孕/孕期");
        stage.title_en = S("Expecting");
        return stage;
    }
    months = life_stage_age_months(child_birth_day, stages->today_day);
    stage.number = 0;
    while (stage.number + 1 < stages->count && months >= stages->from_months[stage.number + 1])
        stage.number++;
    stage.from_months = stages->from_months[stage.number];
    if (stage.number + 1 < stages->count)
        stage.until_months = stages->from_months[stage.number + 1];
    titles_fill(c, &stage);
    return stage;
}

enum err life_stage(struct ctx *c, int64_t child_birth_day, struct life_stage *out)
{
    struct life_stages stages;

    TRY(life_stages_get(c, &stages));
    *out = life_stage_of(c, &stages, child_birth_day);
    return OK;
}

bool life_stage_days(const struct life_stages *stages, int64_t number, int64_t *from_day,
                     int64_t *to_day)
{
    if (number < LIFE_STAGE_EXPECTING || number >= stages->count)
        return false;
    *from_day = DAY_FIRST;
    *to_day = DAY_LAST;
    if (number == LIFE_STAGE_EXPECTING) {
        *from_day = stages->today_day + 1;
        return true;
    }
    *to_day = born_until(stages->today_day, stages->from_months[number]) + 1;
    if (number + 1 < stages->count)
        *from_day = born_until(stages->today_day, stages->from_months[number + 1]) + 1;
    return true;
}
