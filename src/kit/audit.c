/* What handlers tell the audit trail. */
#include "kit/audit.h"

void audit_about(struct ctx *c, const char *noun, int64_t subject_id)
{
    c->audit_noun = noun;
    c->audit_subject_id = subject_id;
}

void audit_detail(struct ctx *c, struct str json)
{
    c->audit_detail = json;
}
