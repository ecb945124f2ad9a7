/* Campaigns as pages read them: the list, one with everything about it, what two versions differ
 * in. */
#include "gen/campaign.q.h"
#include "kit/cursor.h"
#include "play/play_private.h"

#define LIST_MAX 100

/* ---- GET /api/campaigns ---------------------------------------------------------------------- */

struct campaign_list_in {
    struct str cursor, status, kind;
    int64_t limit_count;
};
static const struct field campaign_list_in[] = {
    IN(struct campaign_list_in, cursor, .is_optional = true, .max = 60),
    IN(struct campaign_list_in, status, .is_optional = true, .one_of = CAMPAIGN_STATUSES),
    IN(struct campaign_list_in, kind, .is_optional = true, .max = 60),
    FIELD_LIMIT(struct campaign_list_in, limit_count, LIST_MAX),
};
struct campaign_item {
    int64_t id, version_number, starts_ms, ends_ms, participant_count, held_count, created_ms,
        changed_ms;
    struct str kind, kind_zh, kind_en, title, status, staff_name;
};
#define ITEM_FIELDS(T)                                                                             \
    OUT(T, id), OUT(T, kind), OUT(T, kind_zh), OUT(T, kind_en), OUT(T, title),                     \
        OUT(T, status, .one_of = CAMPAIGN_STATUSES), OUT(T, version_number),                       \
        OUT(T, starts_ms, .is_optional = true), OUT(T, ends_ms, .is_optional = true),              \
        OUT(T, participant_count),                                                                 \
        OUT(T, held_count, .about = "rewards that wait for a decision"), OUT(T, created_ms),       \
        OUT(T, changed_ms), OUT(T, staff_name, .is_optional = true)
static const struct field campaign_item[] = {ITEM_FIELDS(struct campaign_item)};
struct campaign_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field campaign_list_out[] = {
    OUT(struct campaign_list_out, items, .of = SHAPE(campaign_item), .max = LIST_MAX),
    OUT(struct campaign_list_out, next_cursor, .is_optional = true),
};

static struct str title_of(const struct play *play, struct str kind, bool is_zh)
{
    if (play == NULL)
        return kind;
    return str_of(is_zh ? play->title_zh : play->title_en);
}

static struct campaign_item item_told(const struct ctx *c, const struct q_campaign_list_row *row)
{
    const struct play *play = play_find(c->app, row->kind);

    return (struct campaign_item){
        .id = row->id,
        .kind = row->kind,
        .kind_zh = title_of(play, row->kind, true),
        .kind_en = title_of(play, row->kind, false),
        .title = row->title,
        .status = row->status,
        .version_number = row->version_number,
        .starts_ms = row->starts_ms,
        .ends_ms = row->ends_ms,
        .participant_count = row->participant_count,
        .held_count = row->held_count,
        .created_ms = row->created_ms,
        .changed_ms = row->changed_ms,
        .staff_name = row->staff_name,
    };
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_list_in *in = in_;
    struct campaign_list_out *out = out_;
    int64_t limit = in->limit_count == NONE ? LIST_MAX : in->limit_count;
    const struct q_campaign_list_row *row;
    struct campaign_item *items;
    struct cursor from;
    struct list rows;

    TRY(cursor_read(c, in->cursor, &from));
    TRY(q_campaign_list(c, &(struct q_campaign_list_in){from.id, in->status, in->kind, limit + 1},
                        &rows));
    row = rows.at;
    if (rows.count > limit) {
        rows.count = limit;
        out->next_cursor = cursor_write(c, (struct cursor){row[limit - 1].id, row[limit - 1].id});
    }
    items = arena_new_array(c->arena, struct campaign_item, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++)
        items[i] = item_told(c, &row[i]);
    out->items = (struct list){items, rows.count};
    return OK;
}

/* ---- GET /api/campaigns/{campaign_id} -------------------------------------------------------- */

struct campaign_in {
    int64_t campaign_id;
};
static const struct field campaign_in[] = {IN(struct campaign_in, campaign_id)};

struct campaign_move_out {
    struct str to_status;
    bool has_reason;
};
static const struct field campaign_move_out[] = {
    OUT(struct campaign_move_out, to_status, .one_of = CAMPAIGN_STATUSES),
    OUT(struct campaign_move_out, has_reason, .about = "words are asked for"),
};
struct campaign_version {
    int64_t version_number, starts_ms, ends_ms, created_ms;
    struct str title, rules, reason, staff_name;
};
static const struct field campaign_version[] = {
    OUT(struct campaign_version, version_number),
    OUT(struct campaign_version, title),
    OUT(struct campaign_version, starts_ms, .is_optional = true),
    OUT(struct campaign_version, ends_ms, .is_optional = true),
    OUT(struct campaign_version, rules, .is_json = true, .max = CAMPAIGN_RULES_MAX),
    OUT(struct campaign_version, reason, .is_optional = true, .max = REASON_MAX),
    OUT(struct campaign_version, staff_name, .is_optional = true),
    OUT(struct campaign_version, created_ms),
};
struct campaign_step {
    int64_t id, at_ms;
    struct str from_status, to_status, reason, staff_name;
};
static const struct field campaign_step[] = {
    OUT(struct campaign_step, id),
    OUT(struct campaign_step, from_status, .one_of = CAMPAIGN_STATUSES),
    OUT(struct campaign_step, to_status, .one_of = CAMPAIGN_STATUSES),
    OUT(struct campaign_step, reason, .is_optional = true, .max = REASON_MAX),
    OUT(struct campaign_step, staff_name, .is_optional = true, .about = "none: the clock"),
    OUT(struct campaign_step, at_ms),
};
struct campaign_finding {
    struct str check_name, title_zh, title_en, words_zh, words_en, override_reason,
        override_staff_name;
    bool is_passed, may_override;
};
static const struct field campaign_finding[] = {
    OUT(struct campaign_finding, check_name),
    OUT(struct campaign_finding, title_zh),
    OUT(struct campaign_finding, title_en),
    OUT(struct campaign_finding, is_passed),
    OUT(struct campaign_finding, may_override,
        .about = "by a named person; not where the law speaks"),
    OUT(struct campaign_finding, words_zh, .is_optional = true, .max = 500,
        .about = "what is wrong and what to do"),
    OUT(struct campaign_finding, words_en, .is_optional = true, .max = 500),
    OUT(struct campaign_finding, override_reason, .is_optional = true, .max = REASON_MAX),
    OUT(struct campaign_finding, override_staff_name, .is_optional = true),
};
struct campaign_balance {
    int64_t account_id, balance_count;
    struct str unit;
};
static const struct field campaign_balance[] = {
    OUT(struct campaign_balance, account_id),
    OUT(struct campaign_balance, unit),
    OUT(struct campaign_balance, balance_count),
};
struct campaign_out {
    struct campaign_item item; /* its fields are ours */
    struct str zone;
    int64_t day_start_minutes_count;
    struct list moves, versions, steps, findings, budgets;
};
static const struct field campaign_out[] = {
    ITEM_FIELDS(struct campaign_item),
    OUT(struct campaign_out, zone),
    OUT(struct campaign_out, day_start_minutes_count),
    OUT(struct campaign_out, moves, .of = SHAPE(campaign_move_out),
        .about = "what one may make of it now by hand"),
    OUT(struct campaign_out, versions, .of = SHAPE(campaign_version), .about = "newest first"),
    OUT(struct campaign_out, steps, .of = SHAPE(campaign_step), .about = "newest first"),
    OUT(struct campaign_out, findings, .of = SHAPE(campaign_finding),
        .about = "the preflight of the version in force"),
    OUT(struct campaign_out, budgets, .of = SHAPE(campaign_balance)),
};

static enum err item_read(struct ctx *c, int64_t campaign_id, struct campaign_out *out)
{
    struct q_campaign_show_row row = {0};
    enum err err = q_campaign_show(c, campaign_id, &row);

    if (err == E_NOT_FOUND)
        return fail(c, err, "campaign.unknown", "there is no such campaign");
    TRY(err);
    out->item = item_told(c, &(struct q_campaign_list_row){
                                 .id = row.id,
                                 .kind = row.kind,
                                 .title = row.title,
                                 .status = row.status,
                                 .version_number = row.version_number,
                                 .starts_ms = row.starts_ms,
                                 .ends_ms = row.ends_ms,
                                 .participant_count = row.participant_count,
                                 .created_ms = row.created_ms,
                                 .changed_ms = row.changed_ms,
                                 .staff_name = row.staff_name,
                                 .held_count = row.held_count,
                             });
    out->zone = row.zone;
    out->day_start_minutes_count = row.day_start_minutes_count;
    return OK;
}

static void moves_fill(struct ctx *c, struct campaign_out *out)
{
    struct str from = out->item.status;
    int64_t cap = 0;
    const char *to;

    for (int i = 0; (to = campaign_move_next(from, i)) != NULL; i++)
        *(struct campaign_move_out *)list_add(c->arena, &out->moves, &cap,
                                              sizeof(struct campaign_move_out)) =
            (struct campaign_move_out){str_of(to), campaign_move_has_reason(from, str_of(to))};
}

static enum err versions_fill(struct ctx *c, struct campaign_out *out)
{
    const struct q_campaign_versions_row *row;
    struct list rows;
    int64_t cap = 0;

    TRY(q_campaign_versions(c, out->item.id, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        *(struct campaign_version *)list_add(c->arena, &out->versions, &cap,
                                             sizeof(struct campaign_version)) =
            (struct campaign_version){row[i].version_number, row[i].starts_ms, row[i].ends_ms,
                                      row[i].created_ms,     row[i].title,     row[i].rules,
                                      row[i].reason,         row[i].staff_name};
    return OK;
}

static enum err steps_fill(struct ctx *c, struct campaign_out *out)
{
    const struct q_campaign_steps_row *row;
    struct list rows;
    int64_t cap = 0;

    TRY(q_campaign_steps(c, out->item.id, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        *(struct campaign_step *)list_add(c->arena, &out->steps, &cap,
                                          sizeof(struct campaign_step)) =
            (struct campaign_step){row[i].id,        row[i].at_ms,  row[i].from_status,
                                   row[i].to_status, row[i].reason, row[i].staff_name};
    return OK;
}

static enum err findings_fill(struct ctx *c, struct campaign_out *out)
{
    const struct preflight_finding *finding;
    struct campaign campaign;
    const void *rules;
    struct list found;
    int64_t cap = 0;

    if (play_find(c->app, out->item.kind) == NULL)
        return OK;
    TRY(campaign_get(c, out->item.id, NONE, &campaign, &rules));
    TRY(preflight_of(c, &campaign, rules, &found));
    finding = found.at;
    for (int64_t i = 0; i < found.count; i++)
        *(struct campaign_finding *)list_add(c->arena, &out->findings, &cap,
                                             sizeof(struct campaign_finding)) =
            (struct campaign_finding){
                .check_name = str_of(finding[i].check),
                .title_zh = str_of(finding[i].title_zh),
                .title_en = str_of(finding[i].title_en),
                .words_zh = finding[i].words_zh,
                .words_en = finding[i].words_en,
                .override_reason = finding[i].override_reason,
                .override_staff_name = finding[i].override_staff_name,
                .is_passed = finding[i].is_passed,
                .may_override = finding[i].may_override,
            };
    return OK;
}

static enum err budgets_fill(struct ctx *c, struct campaign_out *out)
{
    const struct q_campaign_budgets_row *row;
    struct list rows;
    int64_t cap = 0;

    TRY(q_campaign_budgets(c, out->item.id, &rows));
    row = rows.at;
    for (int64_t i = 0; i < rows.count; i++)
        *(struct campaign_balance *)list_add(c->arena, &out->budgets, &cap,
                                             sizeof(struct campaign_balance)) =
            (struct campaign_balance){row[i].id, row[i].balance_count, row[i].unit};
    return OK;
}

static enum err show_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_in *in = in_;
    struct campaign_out *out = out_;

    TRY(item_read(c, in->campaign_id, out));
    moves_fill(c, out);
    TRY(versions_fill(c, out));
    TRY(steps_fill(c, out));
    TRY(findings_fill(c, out));
    return budgets_fill(c, out);
}

/* ---- GET /api/campaigns/{campaign_id}/diff --------------------------------------------------- */

struct campaign_diff_in {
    int64_t campaign_id, from_number, to_number;
};
static const struct field campaign_diff_in[] = {
    IN(struct campaign_diff_in, campaign_id),
    {.name = "from",
     .type = F_INT,
     .offset = offsetof(struct campaign_diff_in, from_number),
     .min = 1,
     .max = 100000,
     .about = "a version"},
    {.name = "to",
     .type = F_INT,
     .offset = offsetof(struct campaign_diff_in, to_number),
     .min = 1,
     .max = 100000,
     .about = "another"},
};
static const struct field campaign_change[] = {
    OUT(struct campaign_change, name),
    OUT(struct campaign_change, title_zh),
    OUT(struct campaign_change, title_en),
    OUT(struct campaign_change, before, .is_json = true, .max = CAMPAIGN_RULES_MAX),
    OUT(struct campaign_change, after, .is_json = true, .max = CAMPAIGN_RULES_MAX),
    OUT(struct campaign_change, is_allowed, .about = "favours those in it, or does not touch them"),
};
struct campaign_diff_out {
    struct list items;
};
static const struct field campaign_diff_out[] = {
    OUT(struct campaign_diff_out, items, .of = SHAPE(campaign_change)),
};

static enum err side_read(struct ctx *c, int64_t campaign_id, int64_t version_number,
                          struct campaign_side *side, const struct play **play)
{
    struct campaign campaign;

    TRY(campaign_get(c, campaign_id, version_number, &campaign, &side->rules));
    side->terms = (struct campaign_terms){campaign.title, campaign.starts_ms, campaign.ends_ms};
    *play = play_find(c->app, campaign.kind);
    return OK;
}

static enum err diff_run(struct ctx *c, const void *in_, void *out_)
{
    const struct campaign_diff_in *in = in_;
    struct campaign_diff_out *out = out_;
    struct campaign_side before, after;
    const struct play *play;

    TRY(side_read(c, in->campaign_id, in->from_number, &before, &play));
    TRY(side_read(c, in->campaign_id, in->to_number, &after, &play));
    return campaign_rules_diff(c, play, &before, &after, &out->items);
}

const struct route campaign_list_routes[] = {
    {HTTP_GET, "/api/campaigns", "campaign.read", SHAPE(campaign_list_in), SHAPE(campaign_list_out),
     list_run, .about = "Campaigns, newest first"},
    {HTTP_GET, "/api/campaigns/{campaign_id}", "campaign.read", SHAPE(campaign_in),
     SHAPE(campaign_out), show_run,
     .about = "One campaign: its state and the moves from it, versions, steps, preflight, budgets",
     .statement_max = 16},
    {HTTP_GET, "/api/campaigns/{campaign_id}/diff", "campaign.read", SHAPE(campaign_diff_in),
     SHAPE(campaign_diff_out), diff_run, .about = "What two versions differ in"},
    {.path = NULL},
};
