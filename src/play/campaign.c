/* Campaigns: made, read, entered. Always: the rules of a version never change; a person is bound to
 * the version in force when coming in, once, with all records that stand for them; nobody comes
 * into a campaign that does not run. */
#include "base/utf8.h"
#include "gen/campaign.q.h"
#include "host/file.h"
#include "kit/audit.h"
#include "kit/journal.h"
#include "manage/setting/setting.h"
#include "play/play_private.h"

/* ---- reading --------------------------------------------------------------------------------- */

static enum err zone_of(struct ctx *c, const struct q_campaign_get_row *row,
                        const struct zone **out)
{
    const struct zone *zone;
    enum err err = zone_shared(c->arena, row->zone, &zone);

    if (err != OK)
        return fail(c, E_CORRUPT, "campaign.zone", "the zone %.*s is not known here",
                    STR(row->zone));
    *out = zone_with_day_start(c->arena, zone, row->day_start_minutes_count);
    return OK;
}

static enum err campaign_read(struct ctx *c, int64_t campaign_id, int64_t version_number,
                              struct q_campaign_get_row *row)
{
    enum err err = q_campaign_get(c, version_number, campaign_id, row);

    if (err == E_NOT_FOUND)
        return fail(c, E_NOT_FOUND, "campaign.unknown", "there is no such campaign or version");
    return err;
}

enum err campaign_get(struct ctx *c, int64_t campaign_id, int64_t version_number,
                      struct campaign *out, const void **rules)
{
    struct q_campaign_get_row row = {0};
    const struct play *play;

    TRY(campaign_read(c, campaign_id, version_number, &row));
    *out = (struct campaign){
        .id = campaign_id,
        .version_number = version_number == NONE ? row.version_number : version_number,
        .starts_ms = row.starts_ms,
        .ends_ms = row.ends_ms,
        .kind = row.kind,
        .title = row.title,
        .status = row.status,
    };
    TRY(zone_of(c, &row, &out->zone));
    play = play_find(c->app, row.kind);
    if (play == NULL)
        return fail(c, E_CONFLICT, "campaign.kind", "the play %.*s is not in this program",
                    STR(row.kind));
    return play_rules_read(c, play, row.rules, rules);
}

/* ---- a new one ------------------------------------------------------------------------------- */

static enum err zone_default(struct ctx *c, const struct campaign_new *n,
                             struct q_campaign_insert_in *row)
{
    const struct zone *zone;

    row->zone = n->zone;
    row->day_start_minutes_count = n->day_start_minutes_count;
    if (row->zone.at == NULL)
        TRY(setting_text(c, "zone", &row->zone));
    else if (zone_shared(c->arena, row->zone, &zone) != OK)
        return fail_at(c, "campaign.zone", S("zone"), "no such time zone");
    if (row->day_start_minutes_count == NONE)
        TRY(setting_int(c, "day_start_minutes", &row->day_start_minutes_count));
    return OK;
}

/* What does not depend on the rules' shape. */
enum err campaign_terms_check(struct ctx *c, const struct campaign_terms *terms)
{
    if (terms->title.len == 0 || utf8_count(terms->title) > CAMPAIGN_TITLE_MAX)
        return fail_at(c, "campaign.title", S("title"), "a title has 1 to %d characters",
                       CAMPAIGN_TITLE_MAX);
    if (terms->ends_ms == NONE)
        return OK;
    if (terms->ends_ms <= c->now_ms ||
        (terms->starts_ms != NONE && terms->ends_ms <= terms->starts_ms))
        return fail_at(c, "campaign.ends", S("ends_ms"),
                       "it ends in the future, and after its start");
    return OK;
}

enum err campaign_add(struct ctx *c, const struct campaign_new *n, int64_t *campaign_id)
{
    const struct play *play = play_find(c->app, n->kind);
    struct q_campaign_insert_in row = {.id = ctx_id(c),
                                       .kind = n->kind,
                                       .title = str_trim(n->title),
                                       .starts_ms = n->starts_ms,
                                       .ends_ms = n->ends_ms};
    struct q_campaign_version_insert_in version = {.campaign_id = row.id, .version_number = 1};
    struct campaign campaign = {row.id,  1,         n->starts_ms, n->ends_ms,
                                n->kind, row.title, S("draft")};
    const void *rules;

    if (play == NULL)
        return fail_at(c, "campaign.kind", S("kind"), "no play is called %.*s", STR(n->kind));
    TRY(campaign_terms_check(c, &(struct campaign_terms){row.title, n->starts_ms, n->ends_ms}));
    TRY(zone_default(c, n, &row));
    TRY(play_rules_read(c, play, n->rules, &rules));
    if (play->check)
        TRY(play->check(c, &campaign, rules));
    TRY(q_campaign_insert(c, &row));
    version.title = row.title;
    version.starts_ms = row.starts_ms;
    version.ends_ms = row.ends_ms;
    version.rules = play_rules_text(c, play, rules);
    TRY(q_campaign_version_insert(c, &version));
    *campaign_id = row.id;
    c->topics |= LIVE_CAMPAIGNS;
    return OK;
}

/* ---- coming in ------------------------------------------------------------------------------- */

static bool is_open_now(const struct ctx *c, const struct q_campaign_entry_row *row)
{
    return str_is(row->status, "running") &&
           (row->starts_ms == NONE || c->now_ms >= row->starts_ms) &&
           (row->ends_ms == NONE || c->now_ms < row->ends_ms);
}

/* Whoever is in may finish; nothing goes on in one that pauses or is over for good. */
static bool may_finish(const struct ctx *c, const struct q_campaign_entry_row *row)
{
    bool is_past = row->ends_ms != NONE && c->now_ms >= row->ends_ms;

    return str_is(row->status, "ended") || str_is(row->status, "settling") ||
           (str_is(row->status, "running") && is_past);
}

static enum err bind(struct ctx *c, int64_t campaign_id, int64_t person_id, int64_t version_number)
{
    struct event event;
    int64_t changed_count;

    TRY(q_campaign_participant_insert(c, campaign_id, person_id, version_number));
    TRY(q_campaign_participant_count(c, campaign_id, &changed_count));
    must(changed_count == 1);
    event_init(&event, c, "campaign_entered");
    event.customer_id = person_id;
    event.subject_id = campaign_id;
    return journal_emit(c, &event, 1);
}

enum err campaign_enter(struct ctx *c, int64_t campaign_id, int64_t person_id,
                        int64_t *version_number)
{
    struct q_campaign_entry_row row = {0};
    enum err err = q_campaign_entry(c, person_id, campaign_id, &row);
    bool is_in = row.bound_version_number != NONE;

    if (err == E_NOT_FOUND)
        return fail(c, err, "campaign.unknown", "there is no such campaign");
    TRY(err);
    if (!is_open_now(c, &row) && !(is_in && may_finish(c, &row)))
        return fail(c, E_CONFLICT, "campaign.closed", "the campaign does not run now");
    *version_number = is_in ? row.bound_version_number : row.version_number;
    return is_in ? OK : bind(c, campaign_id, person_id, row.version_number);
}

/* ---- its budget ------------------------------------------------------------------------------ */

struct account campaign_budget(int64_t campaign_id, enum ledger_unit unit)
{
    return (struct account){"campaign", campaign_id, unit, BUCKET_BUDGET, 0};
}

enum err campaign_fund(struct ctx *c, const struct campaign_fund *fund)
{
    const struct account accounts[] = {
        {"system", 0, fund->unit, BUCKET_EXTERNAL, 0},
        campaign_budget(fund->campaign_id, fund->unit),
    };
    int64_t ids[ARRAY_LEN(accounts)];
    bool is_replay;

    TRY(ledger_open(c, accounts, ARRAY_LEN(accounts), ids));
    c->topics |= LIVE_CAMPAIGNS;
    return ledger_post(c,
                       &(struct transfer){.kind = "campaign_budget",
                                          .key_id = fund->key_id,
                                          .from_id = ids[0],
                                          .to_id = ids[1],
                                          .amount_count = fund->amount_count,
                                          .expires_ms = NONE,
                                          .reason = fund->reason},
                       1, &is_replay, NULL);
}
