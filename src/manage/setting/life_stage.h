/* Life stage 生命阶段: how old the youngest child is, in the bands the brand set (life_stage_months).
 * A birth that is still to come is 备孕/孕期. Months are completed ones: a child of the 31st is a month
 * older on the last day of a shorter month, one of 29 February on the 28th of a common year. */
#pragma once

#include "kit/ctx.h"

#define LIFE_STAGE_MAX 12
#define LIFE_STAGE_EXPECTING (-1)

struct life_stages {
    int64_t from_months[LIFE_STAGE_MAX]; /* of each band; the first is 0, the last has no end */
    int64_t count;
    int64_t today_day; /* of the brand */
};
struct life_stage {
    int64_t number;                    /* of the band from 0; LIFE_STAGE_EXPECTING; NONE: no child known */
    int64_t from_months, until_months; /* NONE: none */
    struct str title_zh, title_en;
};

/* Completed months from a birth to a day; before it below 0. */
int64_t life_stage_age_months(int64_t birth_day, int64_t today_day);
/* "6 12 36 72": 1 to 11 rising whole numbers of months. */
bool life_stage_parse(struct str text, struct life_stages *out);
/* The brand's bands, today. One statement. */
enum err life_stages_get(struct ctx *c, struct life_stages *out) MUST_USE;
struct life_stage life_stage_of(struct ctx *c, const struct life_stages *stages,
                                int64_t child_birth_day);
/* The same with the bands looked up. */
enum err life_stage(struct ctx *c, int64_t child_birth_day, struct life_stage *out) MUST_USE;
/* Whose youngest child is in the band today: birth days from *from_day up to and without *to_day. For
 * filters. False: no such band. */
bool life_stage_days(const struct life_stages *stages, int64_t number, int64_t *from_day,
                     int64_t *to_day);
