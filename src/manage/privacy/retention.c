/* How long things are kept, by the settings ..._keep_...: files of exports, details of the audit
 * trail, sessions. Behaviours, messages and imports are forgotten by their own folders. Always: a
 * page a minute, so that a shorter setting holds nobody up; the chain of the audit trail stays
 * whole. */
#include "gen/retention.q.h"
#include "kit/job.h"
#include "manage/privacy/privacy_private.h"
#include "manage/setting/setting.h"

enum err retention_keep(struct ctx *c)
{
    static const char *const names[] = {"export_keep_days", "audit_detail_keep_months",
                                        "session_keep_days"};
    int64_t keep[3], month, deleted_count;

    TRY(request_retry(c));
    TRY(setting_ints(c, names, 3, keep));
    TRY(job_files_forget(c, keep[0]));
    TRY(q_retention_session(c, c->now_ms - keep[2] * DAY_MS, &deleted_count));
    if (keep[1] == 0)
        return OK;
    month = zone_month(ctx_zone(c), c->now_ms) - keep[1];
    return q_retention_audit(c, ctx_id_at(zone_month_start(ctx_zone(c), month)), &deleted_count);
}
