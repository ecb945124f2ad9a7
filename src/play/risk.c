/* The risk gate: may a person have a reward now, or does somebody look first. Always: it holds, it
 * never refuses; its reason is a row of the table here and a figure, in words a person can read;
 * what was seen of devices, payers and addresses lies there as keyed hashes and goes after 30 days.
 */
#include "gen/risk.q.h"
#include "play/play_private.h"

#define HOUR_MS INT64_C(3600000)
#define KEEP_MS (30 * DAY_MS)

enum measure {
    PERSON_BLOCKED,
    PERSON_HOUR,
    PERSON_DAY,
    SELF_INVITED,
    DEVICE_OTHERS,
    PAYER_OTHERS,
    ADDRESS_OTHERS,
    INVITER_DEVICE,
    INVITER_PAYER,
    MEASURE_COUNT
};

/* Held from one more than most_count on; the first that speaks gives the reason. {n} is the figure.
 */
static const struct risk_rule {
    const char *name;
    int64_t most_count;
    const char *words_zh, *words_en;
} rules[MEASURE_COUNT] = {
    [PERSON_BLOCKED] = {"blocked", 0, "客户在黑名单中", "The customer is blacklisted"},
    [PERSON_HOUR] = {"person_hour", 20, "该客户一小时内已有 {n} 份奖励",
                     "This customer got {n} rewards within an hour"},
    [PERSON_DAY] = {"person_day", 60, "该客户一天内已有 {n} 份奖励",
                    "This customer got {n} rewards within a day"},
    [SELF_INVITED] = {"self_invite", 0, "邀请人就是本人", "Inviter and invited are one person"},
    [DEVICE_OTHERS] = {"device_shared", 2, "一天内另有 {n} 位客户使用同一设备",
                       "{n} other customers used the same device within a day"},
    [PAYER_OTHERS] = {"payer_shared", 1, "30 天内另有 {n} 位客户使用同一付款账户",
                      "{n} other customers paid from the same account within 30 days"},
    [ADDRESS_OTHERS] = {"address_shared", 30, "一小时内另有 {n} 位客户来自同一网络地址",
                        "{n} other customers came from the same address within an hour"},
    [INVITER_DEVICE] = {"inviter_device", 0, "与邀请人使用同一设备",
                        "Shares a device with the inviter"},
    [INVITER_PAYER] = {"inviter_payer", 0, "与邀请人使用同一付款账户",
                       "Shares a paying account with the inviter"},
};

/* How each sign is named and looked at; device and payer tell of the inviter too. */
static const struct {
    const char *kind;
    size_t offset;
    int64_t window_ms;
    enum measure others, inviter;
} signs[] = {
    {"device", offsetof(struct risk_signs, device), DAY_MS, DEVICE_OTHERS, INVITER_DEVICE},
    {"payer", offsetof(struct risk_signs, payer), KEEP_MS, PAYER_OTHERS, INVITER_PAYER},
    {"address", offsetof(struct risk_signs, address), HOUR_MS, ADDRESS_OTHERS, MEASURE_COUNT},
};

static struct str sign_hash(struct ctx *c, const struct risk_signs *given, size_t at)
{
    struct str text = *(const struct str *)((const char *)given + signs[at].offset);

    if (text.len == 0)
        return (struct str){0};
    return ctx_keyed_hash(c, "risk_sign", str_fmt(c->arena, "%s:%.*s", signs[at].kind, STR(text)));
}

/* ---- looking --------------------------------------------------------------------------------- */

static enum err person_look(struct ctx *c, int64_t person_id, int64_t *figures)
{
    struct q_risk_person_row row = {0};
    enum err err = q_risk_person(c, ctx_id_at(c->now_ms - HOUR_MS), person_id,
                                 ctx_id_at(c->now_ms - DAY_MS), &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "customer.unknown", "there is no such customer");
    TRY(err);
    figures[PERSON_HOUR] = row.hour_count;
    figures[PERSON_DAY] = row.day_count;
    figures[PERSON_BLOCKED] = row.blocked_count;
    return OK;
}

static enum err signs_look(struct ctx *c, int64_t person_id, const struct risk_signs *given,
                           int64_t *figures)
{
    struct q_risk_seen_in keys[ARRAY_LEN(signs)];
    struct q_risk_seen_row rows[ARRAY_LEN(signs)];
    size_t of[ARRAY_LEN(signs)];
    int64_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        struct str hash = sign_hash(c, given, i);
        if (hash.at == NULL)
            continue;
        of[count] = i;
        keys[count++] = (struct q_risk_seen_in){.sign_kind = str_of(signs[i].kind),
                                                .sign_hash = hash,
                                                .since_ms = c->now_ms - signs[i].window_ms,
                                                .person_id = person_id,
                                                .inviter_id = given->inviter_person_id};
    }
    if (count == 0)
        return OK;
    TRY(q_risk_seen(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++) {
        figures[signs[of[i]].others] = rows[i].other_count;
        if (signs[of[i]].inviter != MEASURE_COUNT)
            figures[signs[of[i]].inviter] = rows[i].inviter_count;
    }
    return OK;
}

enum err risk_look(struct ctx *c, int64_t person_id, const struct risk_signs *given,
                   struct str *reason)
{
    int64_t figures[MEASURE_COUNT] = {0};

    *reason = (struct str){0};
    TRY(person_look(c, person_id, figures));
    if (given) {
        figures[SELF_INVITED] = given->inviter_person_id == person_id;
        TRY(signs_look(c, person_id, given, figures));
    }
    for (int i = 0; i < MEASURE_COUNT; i++)
        if (figures[i] > rules[i].most_count) {
            *reason = str_fmt(c->arena, "%s:%" PRId64, rules[i].name, figures[i]);
            return OK;
        }
    return OK;
}

enum err risk_keep(struct ctx *c, int64_t campaign_id, int64_t person_id,
                   const struct risk_signs *given)
{
    struct q_risk_keep_in rows[ARRAY_LEN(signs)];
    int64_t count = 0;

    for (size_t i = 0; given && i < ARRAY_LEN(signs); i++) {
        struct str hash = sign_hash(c, given, i);
        if (hash.at)
            rows[count++] = (struct q_risk_keep_in){.sign_kind = str_of(signs[i].kind),
                                                    .sign_hash = hash,
                                                    .campaign_id = campaign_id,
                                                    .person_id = person_id};
    }
    return count == 0 ? OK : q_risk_keep(c, rows, count, NULL);
}

struct str risk_words(struct ctx *c, struct str reason, bool is_zh)
{
    struct str name, figure, head, tail;
    int64_t at;

    if (reason.at == NULL)
        return reason;
    str_cut(reason, ':', &name, &figure);
    for (int i = 0; i < MEASURE_COUNT; i++) {
        struct str words = str_of(is_zh ? rules[i].words_zh : rules[i].words_en);
        if (!str_is(name, rules[i].name))
            continue;
        at = str_find(words, S("{n}"));
        if (at < 0)
            return words;
        head = str_sub(words, 0, (size_t)at);
        tail = str_sub(words, (size_t)at + 3, words.len);
        return str_fmt(c->arena, "%.*s%.*s%.*s", STR(head), STR(figure), STR(tail));
    }
    return reason;
}

enum err risk_forget(struct ctx *c)
{
    int64_t changed_count;

    return q_risk_forget(c, c->now_ms - KEEP_MS, &changed_count);
}
