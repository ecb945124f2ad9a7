/* How long things are kept, by the settings ..._keep_...: files of exports, details of the audit
 * trail, sessions, behaviours. Messages and imports are forgotten by their own folders. Always: a
 * page a minute, so that a shorter setting holds nobody up; the chain of the audit trail stays
 * whole. */
#include "gen/retention.q.h"
#include "kit/job.h"
#include "kit/journal.h"
#include "manage/privacy/privacy_private.h"
#include "manage/setting/setting.h"

/* The first instant of what so many months keep. */
static int64_t months_start(struct ctx *c, int64_t keep_months)
{
    return zone_month_start(ctx_zone(c), zone_month(ctx_zone(c), c->now_ms) - keep_months);
}

enum err retention_keep(struct ctx *c)
{
    static const char *const names[] = {"export_keep_days", "audit_detail_keep_months",
                                        "session_keep_days", "behaviour_keep_months"};
    int64_t keep[4], deleted_count;

    TRY(request_retry(c));
    TRY(setting_ints(c, names, 4, keep));
    TRY(job_files_forget(c, keep[0]));
    TRY(q_retention_session(c, c->now_ms - keep[2] * DAY_MS, &deleted_count));
    if (keep[1] > 0)
        TRY(q_retention_audit(c, ctx_id_at(months_start(c, keep[1])), &deleted_count));
    return keep[3] > 0 ? journal_forget(c, months_start(c, keep[3]), &deleted_count) : OK;
}
