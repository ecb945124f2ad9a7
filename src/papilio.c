/* Wires the house together. A new file of routes is one line here. */
#include "papilio.h"

#include "flow/convert/convert.h"
#include "flow/engage/engage.h"
#include "flow/flow.h"
#include "insight/insight.h"
#include "kit/counter.h"
#include "kit/inbox.h"
#include "kit/job.h"
#include "kit/ledger.h"
#include "kit/outbox.h"
#include "kit/saga.h"
#include "kit/timer.h"
#include "link/webhook/webhook.h"
#include "manage/account/account.h"
#include "manage/analysis/analysis.h"
#include "manage/attribute/attribute.h"
#include "manage/audience/audience.h"
#include "manage/channel/channel.h"
#include "manage/customer/customer.h"
#include "manage/event/event.h"
#include "manage/import/import.h"
#include "manage/privacy/privacy.h"
#include "manage/segment/segment.h"
#include "manage/setting/setting.h"
#include "manage/staff/staff.h"

static const struct route live_routes[] = {
    {HTTP_GET, "/api/live", "me", NULL, NULL, NULL, .kind = ROUTE_STREAM,
     .about = "Which topics changed, as server-sent events"},
    {.path = NULL},
};

/* One a line, so that two additions never meet. */
/* clang-format off */
static const struct route *const routes[] = {
    live_routes,
    setup_routes,
    staff_routes,
    setting_routes,
    setting_mail_routes,
    write_key_routes,
    channel_routes,
    channel_list_routes,
    channel_cost_routes,
    event_routes,
    customer_routes,
    customer_list_routes,
    customer_names_routes,
    customer_profile_routes,
    reveal_routes,
    consent_routes,
    request_routes,
    rotate_routes,
    timeline_routes,
    tag_routes,
    segment_routes,
    segment_person_routes,
    thickness_routes,
    order_routes,
    product_routes,
    order_list_routes,
    import_routes,
    import_local_routes,
    import_upload_routes,
    import_preview_routes,
    import_undo_routes,
    import_template_routes,
    overview_routes,
    layer_routes,
    check_routes,
    health_routes,
    account_routes,
    reversal_routes,
    audit_routes,
    staff_admin_routes,
    staff_link_routes,
    role_routes,
    org_routes,
    session_routes,
    api_key_routes,
    totp_routes,
    owner_routes,
    job_routes,
    timer_routes,
    outbox_routes,
    inbox_routes,
    saga_routes,
    webhook_routes,
    bulk_routes,
    list_view_routes,
    merge_routes,
    merge_undo_routes,
    duplicate_routes,
    attribute_routes,
    child_routes,
    note_routes,
    relation_routes,
    card_routes,
    play_routes,
    campaign_routes,
    campaign_list_routes,
    reward_routes,
    giveaway_routes,
    analysis_routes,
    segment_count_routes,
    segment_explain_routes,
    segment_overlap_routes,
    analysis_export_routes,
    report_routes,
    NULL,
};
/* clang-format on */

/* A kind of durable job is one line here. */
/* clang-format off */
static const struct job_kind *const job_kinds[] = {
    &bulk_tag_kind,
    &bulk_assign_kind,
    &bulk_export_kind,
    &bulk_export_clear_kind,
    &privacy_export_job,
    &privacy_delete_job,
    &key_rotate_job,
    &import_undo_job,
    &duplicates_find_job,
    &segment_snapshot_kind,
    NULL,
};
/* clang-format on */

/* A kind of timer is one line here. */
/* clang-format off */
static const struct timer_kind *const timer_kinds[] = {
    &webhook_timer,
    &campaign_clock,
    &ledger_hold_timer,
    &ledger_expire_timer,
    &counter_hold_timer,
    NULL,
};
/* clang-format on */

/* What comes in, what leaves, and money outside: a kind is one line here. */
/* clang-format off */
static const struct inbox_kind *const inbox_kinds[] = {
    NULL,
};

static const struct outbox_kind *const outbox_kinds[] = {
    &webhook_kind,
    NULL,
};

static const struct saga_kind *const saga_kinds[] = {
    NULL,
};
/* clang-format on */

/* A play, and a kind of reward, is one line here. */
/* clang-format off */
static const struct play *const plays[] = {
    &giveaway_play,
    NULL,
};

static const struct granter *const granters[] = {
    &reward_points,
    &reward_growth,
    &reward_chances,
    NULL,
};
/* clang-format on */

/* What runs beside the base. */
/* clang-format off */
static const struct app_part *const parts[] = {
    &audience_part,
    &segment_part,
    &known_part,
    NULL,
};
/* clang-format on */

/* At start, on the writer: the names begin to be read. */
static enum err on_open(struct ctx *c)
{
    customer_search_begin(c->app);
    return import_revive(c);
}

static enum err on_minute(struct ctx *c)
{
    int64_t deleted_count;

    TRY(message_forget(c, &deleted_count));
    TRY(staff_link_forget(c));
    TRY(import_forget(c, &deleted_count));
    TRY(import_resume(c));
    TRY(risk_forget(c));
    TRY(counter_forget(c));
    return retention_keep(c);
}

const struct app_config papilio_config = {
    .routes = routes,
    .roles = staff_roles,
    .kinds = event_kinds,
    .job_kinds = job_kinds,
    .timer_kinds = timer_kinds,
    .inbox_kinds = inbox_kinds,
    .outbox_kinds = outbox_kinds,
    .saga_kinds = saga_kinds,
    .plays = plays,
    .granters = granters,
    .parts = parts,
    .reactions = flow_reactions,
    .on_open = on_open,
    .on_minute = on_minute,
    .on_restore = deletion_replay,
};
