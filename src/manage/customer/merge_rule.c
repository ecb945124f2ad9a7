/* Merging by rule: one operation names two persons. Always: nobody with two numbers of a kind of
 * which people have one comes of it; what was not merged for that is suggested to the staff. */
#include "manage/customer/merge_private.h"
#include "manage/setting/setting.h"

#define CLASH_SCORE_PPM 900000

enum { HAS_UNIONID = 1, HAS_MEMBER = 2, HAS_EXTERNAL = 4 };

enum err merge_rules_get(struct ctx *c, struct merge_rules *rules)
{
    static const char *const names[] = {"merge_by_unionid", "merge_by_phone", "merge_visitors"};
    int64_t values[ARRAY_LEN(names)];

    TRY(setting_ints(c, names, ARRAY_LEN(names), values));
    *rules = (struct merge_rules){values[0], values[1], values[2]};
    return OK;
}

const char *merge_rule(const struct merge_rules *rules, struct str kind, struct str other_kind)
{
    if (rules->by_unionid == 1 && (str_is(kind, "unionid") || str_is(other_kind, "unionid")))
        return "unionid";
    if (rules->by_phone == 1 && (str_is(kind, "phone") || str_is(other_kind, "phone")))
        return "phone";
    return NULL;
}

/* Which kinds each person has; those merged here have what both had. */
struct kinds {
    struct map *by_id;           /* customer id -> index + 1 */
    int64_t *ids, *masks, *into; /* tidy: side by side; into: an index */
    int64_t count;
};

static int64_t *kinds_slot(struct kinds *kinds, int64_t id)
{
    bool is_new;
    int64_t *at = map_slot(kinds->by_id, (struct str){(const char *)&id, sizeof(id)}, &is_new);

    if (is_new) {
        kinds->ids[kinds->count] = id;
        kinds->into[kinds->count] = kinds->count;
        *at = ++kinds->count;
    }
    return at;
}

static int64_t kinds_at(struct kinds *kinds, int64_t id)
{
    int64_t at = *kinds_slot(kinds, id) - 1;

    while (kinds->into[at] != at)
        at = kinds->into[at];
    return at;
}

static enum err kinds_read(struct ctx *c, struct kinds *kinds, const struct merge_pair *pairs,
                           int64_t count)
{
    size_t room = (size_t)count * 2 + 1;
    struct q_merge_kinds_in *keys = arena_new_array(c->arena, struct q_merge_kinds_in, room);
    struct q_merge_kinds_row *rows = arena_new_array(c->arena, struct q_merge_kinds_row, room);

    kinds->by_id = map_new(c->arena, room);
    kinds->ids = arena_new_array(c->arena, int64_t, room);
    kinds->masks = arena_new_array(c->arena, int64_t, room);
    kinds->into = arena_new_array(c->arena, int64_t, room);
    for (int64_t i = 0; i < count; i++) {
        (void)kinds_slot(kinds, pairs[i].kept_id);
        (void)kinds_slot(kinds, pairs[i].merged_id);
    }
    for (int64_t i = 0; i < kinds->count; i++)
        keys[i].customer_id = kinds->ids[i];
    TRY(q_merge_kinds(c, keys, kinds->count, rows));
    for (int64_t i = 0; i < kinds->count; i++)
        kinds->masks[i] = (rows[i].unionid_count > 0 ? HAS_UNIONID : 0) |
                          (rows[i].member_count > 0 ? HAS_MEMBER : 0) |
                          (rows[i].external_count > 0 ? HAS_EXTERNAL : 0);
    return OK;
}

static bool clashes(struct kinds *kinds, const struct merge_pair *pair)
{
    int64_t kept = kinds_at(kinds, pair->kept_id), merged = kinds_at(kinds, pair->merged_id);

    if (kept == merged)
        return false;
    if ((kinds->masks[kept] & kinds->masks[merged]) != 0)
        return true;
    kinds->masks[kept] |= kinds->masks[merged];
    kinds->into[merged] = kept;
    return false;
}

/* Whether the one who asks could merge these two by hand. */
static enum err may_merge(struct ctx *c, int64_t a_id, int64_t b_id, bool *is_allowed)
{
    int64_t person_id;
    enum err err = E_NOT_FOUND;

    if (ctx_may(c, "customer.merge"))
        err = customer_reach(c, a_id, &person_id);
    if (err == OK)
        err = customer_reach(c, b_id, &person_id);
    *is_allowed = err == OK;
    if (err != E_NOT_FOUND)
        return err;
    c->fault = (struct fault){0};
    return OK;
}

enum err merge_by_staff(struct ctx *c, struct merge_pair *pair, struct str kind,
                        struct str other_kind)
{
    struct merge_rules rules;
    bool is_allowed;

    pair->merge_id = NONE;
    TRY(merge_rules_get(c, &rules));
    pair->rule = merge_rule(&rules, kind, other_kind);
    if (pair->rule == NULL)
        return OK;
    TRY(may_merge(c, pair->kept_id, pair->merged_id, &is_allowed));
    return is_allowed ? merge_by_rule(c, pair, 1) : OK;
}

static enum err clash_suggest(struct ctx *c, const struct q_merge_suggest_in *rows, int64_t count)
{
    return count > 0 ? q_merge_suggest(c, rows, count, NULL) : OK;
}

enum err merge_by_rule(struct ctx *c, struct merge_pair *pairs, int64_t count)
{
    size_t room = (size_t)count + 1;
    struct merge_pair *good = arena_new_array(c->arena, struct merge_pair, room);
    struct merge_pair **from = arena_new_array(c->arena, struct merge_pair *, room);
    struct q_merge_suggest_in *told = arena_new_array(c->arena, struct q_merge_suggest_in, room);
    int64_t good_count = 0, told_count = 0;
    struct kinds kinds = {0};

    TRY(kinds_read(c, &kinds, pairs, count));
    for (int64_t i = 0; i < count; i++) {
        int64_t kept_id = pairs[i].kept_id, merged_id = pairs[i].merged_id;
        pairs[i].merge_id = NONE;
        if (!clashes(&kinds, &pairs[i])) {
            from[good_count] = &pairs[i];
            good[good_count++] = pairs[i];
            continue;
        }
        told[told_count++] = (struct q_merge_suggest_in){
            .low_id = kept_id < merged_id ? kept_id : merged_id,
            .high_id = kept_id < merged_id ? merged_id : kept_id,
            .reason = S("identity"),
            .score_ppm = CLASH_SCORE_PPM,
        };
    }
    TRY(clash_suggest(c, told, told_count));
    if (good_count == 0)
        return OK;
    TRY(merge_write(c, good, good_count));
    for (int64_t i = 0; i < good_count; i++)
        *from[i] = good[i];
    return OK;
}
