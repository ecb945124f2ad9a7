/* What changes from one version of a campaign to the next. Always: once a campaign runs only what
 * favours those in it passes, field by field as the play's own table says; nobody's version changes
 * under them. */
#include "gen/campaign.q.h"
#include "play/play_private.h"

/* ---- the difference -------------------------------------------------------------------------- */

static const struct field terms_fields[] = {
    OUT(struct campaign_terms, title),
    OUT(struct campaign_terms, starts_ms),
    OUT(struct campaign_terms, ends_ms),
};
static const struct play_rule terms_rules[] = {
    {"title", FAVOUR_ANY, "活动名称", "Title"},
    {"starts_ms", FAVOUR_LESS, "开始时间", "Starts"},
    {"ends_ms", FAVOUR_MORE, "结束时间", "Ends"},
    {.name = NULL},
};

static struct str shape_text(struct ctx *c, const struct shape *shape, const void *value)
{
    struct json_out json;
    struct buf buf;
    struct str out;

    buf_init(&buf, 1024 * 1024);
    json_out_init(&json, &buf);
    field_write(&json, shape, value);
    must(!buf.is_full);
    out = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

struct str play_rules_text(struct ctx *c, const struct play *play, const void *rules)
{
    return shape_text(c, play->rules, rules);
}

static bool is_absent(const struct json *value)
{
    return value == NULL || value->type == JSON_NULL;
}

static bool is_favourable(enum rule_favour favour, const struct json *before,
                          const struct json *after)
{
    int sign = favour == FAVOUR_MORE ? 1 : -1;

    if (favour == FAVOUR_ANY || favour == FAVOUR_NONE)
        return favour == FAVOUR_ANY;
    if (is_absent(before) || is_absent(after))
        return is_absent(after);
    if (before->type == JSON_INT && after->type == JSON_INT)
        return sign * (after->integer > before->integer ? 1 : -1) > 0;
    return before->type == JSON_BOOL && after->type == JSON_BOOL && after->is_true == (sign > 0);
}

static enum err value_parse(struct ctx *c, const struct shape *shape, const void *value,
                            struct json *out)
{
    enum err err = json_parse(c->arena, shape_text(c, shape, value), out, NULL);

    must(err == OK);
    return err;
}

static struct str raw_of(const struct json *value)
{
    return is_absent(value) ? S("null") : value->raw;
}

/* Two values of a shape, by the table that says how each field stands to those in. */
struct pair {
    const struct shape *shape;
    const struct play_rule *rules;
    const void *before, *after;
};

static enum err pair_diff(struct ctx *c, const struct pair *pair, struct list *changes,
                          int64_t *cap)
{
    struct json before, after;

    TRY(value_parse(c, pair->shape, pair->before, &before));
    TRY(value_parse(c, pair->shape, pair->after, &after));
    for (const struct play_rule *rule = pair->rules; rule->name; rule++) {
        const struct json *was = json_get(&before, rule->name), *is = json_get(&after, rule->name);

        must(field_find(pair->shape, str_of(rule->name)) != NULL);
        if (str_eq(raw_of(was), raw_of(is)))
            continue;
        *(struct campaign_change *)list_add(
            c->arena, changes, cap, sizeof(struct campaign_change)) = (struct campaign_change){
            .name = str_of(rule->name),
            .title_zh = str_of(rule->title_zh),
            .title_en = str_of(rule->title_en),
            .before = raw_of(was),
            .after = raw_of(is),
            .is_allowed = is_favourable(rule->favour, was, is),
        };
    }
    return OK;
}

enum err campaign_rules_diff(struct ctx *c, const struct play *play,
                             const struct campaign_side *before, const struct campaign_side *after,
                             struct list *changes)
{
    const struct pair pairs[] = {
        {SHAPE_OF("campaign_terms", terms_fields, struct campaign_terms), terms_rules,
         &before->terms, &after->terms},
        {play->rules, play->favours, before->rules, after->rules},
    };
    int64_t cap = 0;

    *changes = (struct list){0};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        TRY(pair_diff(c, &pairs[i], changes, &cap));
    return OK;
}

/* ---- a new version --------------------------------------------------------------------------- */

struct editing {
    struct campaign campaign;
    const struct play *play;
};

/* Which states take one, and whether only what favours those in it. */
static bool is_changeable(struct str status)
{
    return str_is(status, "draft") || str_is(status, "running") || str_is(status, "paused");
}

static enum err favour_check(struct ctx *c, const struct list *changes)
{
    const struct campaign_change *change = changes->at;
    struct str refused = S("");

    for (int64_t i = 0; i < changes->count; i++)
        if (!change[i].is_allowed)
            refused =
                str_fmt(c->arena, "%.*s%s%.*s: %.*s -> %.*s", STR(refused), refused.len ? "; " : "",
                        STR(change[i].name), STR(change[i].before), STR(change[i].after));
    if (refused.len > 0)
        return fail(c, E_CONFLICT, "campaign.unfavourable",
                    "it runs: only what favours those in it may change (%.*s)", STR(refused));
    return OK;
}

static struct campaign_side side_after(const struct campaign_edit *edit,
                                       const struct campaign_side *before)
{
    struct campaign_side after = *before;

    if (edit->title.at)
        after.terms.title = str_trim(edit->title);
    if (edit->starts_ms != NONE)
        after.terms.starts_ms = edit->starts_ms;
    if (edit->ends_ms != NONE)
        after.terms.ends_ms = edit->ends_ms;
    if (edit->is_endless)
        after.terms.ends_ms = NONE;
    return after;
}

static enum err version_write(struct ctx *c, const struct editing *m,
                              const struct campaign_side *side, struct str reason)
{
    const struct campaign_terms *terms = &side->terms;
    int64_t version_number = m->campaign.version_number + 1, changed_count;

    TRY(q_campaign_version_insert(c, &(struct q_campaign_version_insert_in){
                                         .campaign_id = m->campaign.id,
                                         .version_number = version_number,
                                         .title = terms->title,
                                         .starts_ms = terms->starts_ms,
                                         .ends_ms = terms->ends_ms,
                                         .rules = play_rules_text(c, m->play, side->rules),
                                         .reason = reason,
                                     }));
    TRY(q_campaign_version_use(c,
                               &(struct q_campaign_version_use_in){
                                   .version_number = version_number,
                                   .title = terms->title,
                                   .starts_ms = terms->starts_ms,
                                   .ends_ms = terms->ends_ms,
                                   .campaign_id = m->campaign.id,
                                   .status = m->campaign.status,
                               },
                               &changed_count));
    must(changed_count == 1);
    return OK;
}

/* While it runs the new rules pass the preflight too, and the clock goes by the new end. */
static enum err version_go(struct ctx *c, const struct editing *m, const struct campaign_side *side)
{
    struct campaign next = m->campaign;
    int64_t changed_count;

    if (str_is(next.status, "draft"))
        return OK;
    next.version_number++;
    next.ends_ms = side->terms.ends_ms;
    TRY(q_campaign_override_carry(c, next.version_number, next.id, &changed_count));
    TRY(preflight_check(c, &next, side->rules));
    if (m->play->open)
        TRY(m->play->open(c, &next, side->rules));
    return campaign_clock_end(c, next.id, next.ends_ms);
}

enum err campaign_version_add(struct ctx *c, const struct campaign_edit *edit,
                              int64_t *version_number)
{
    struct campaign_side before, after;
    struct list changes;
    struct editing m;

    TRY(campaign_get(c, edit->campaign_id, NONE, &m.campaign, &before.rules));
    m.play = play_find(c->app, m.campaign.kind);
    if (!is_changeable(m.campaign.status))
        return fail(c, E_CONFLICT, "campaign.fixed",
                    "a campaign that is %.*s takes no new rules: back to draft first",
                    STR(m.campaign.status));
    before.terms =
        (struct campaign_terms){m.campaign.title, m.campaign.starts_ms, m.campaign.ends_ms};
    after = side_after(edit, &before);
    TRY(campaign_terms_check(c, &after.terms));
    if (edit->rules.at)
        TRY(play_rules_read(c, m.play, edit->rules, &after.rules));
    if (m.play->check)
        TRY(m.play->check(c, &m.campaign, after.rules));
    TRY(campaign_rules_diff(c, m.play, &before, &after, &changes));
    if (changes.count == 0)
        return fail(c, E_CONFLICT, "campaign.same", "nothing differs from the version in force");
    if (!str_is(m.campaign.status, "draft"))
        TRY(favour_check(c, &changes));
    TRY(version_write(c, &m, &after, edit->reason));
    *version_number = m.campaign.version_number + 1;
    c->topics |= LIVE_CAMPAIGNS;
    return version_go(c, &m, &after);
}
