/* Privacy: what people agreed to, what one person may ask of us (export, deletion), the keys personal data
 * is sealed with, how long things are kept. */
#pragma once

#include "kit/app.h"
#include "kit/job.h"
#include "kit/route.h"

/* May the person's data be used for this purpose (privacy marketing profiling transfer minor)? The latest
 * decision of the person decides, whichever of the person's records it was made under; none: no. */
enum err consent_has(struct ctx *c, int64_t customer_id, const char *purpose, bool *is_given) MUST_USE;

/* After a restore, on the writer: whoever stands in DATA/deletions.log and is back goes again. */
enum err deletion_replay(struct ctx *c, int64_t *deleted_count) MUST_USE;

/* Once a minute: what was kept as long as the settings say goes. */
enum err retention_keep(struct ctx *c) MUST_USE;

/* How much is sealed with another key than the one in use: 0 but while a rotation runs. */
enum err rotate_left(struct ctx *c, int64_t *count) MUST_USE;

extern const struct job_kind key_rotate_job;
extern const struct job_kind privacy_export_job;
extern const struct job_kind privacy_delete_job;

extern const struct route consent_routes[];
extern const struct route request_routes[];
extern const struct route rotate_routes[];
