/* Webhooks: facts of the journal told to addresses of the brand's own choosing, signed, in order for each
 * customer, again until they are taken. Nothing personal is in them; the journal has none. */
#pragma once

#include "kit/outbox.h"
#include "kit/timer.h"

/* Headers: Idempotency-Key (the same for each attempt), X-Papilio-Timestamp (ms), X-Papilio-Signature:
 * "sha256=" and, in hex, HMAC-SHA256 over timestamp "." body, keyed with the secret as it is written; after a new secret
 * was made, for a while a second one by the old, after a comma. */
extern const struct outbox_kind webhook_kind;
/* One a webhook that is not paused: it follows the journal and sets itself anew. */
extern const struct timer_kind webhook_timer;
/* GET and POST /api/webhooks, POST /api/webhooks/{webhook_id}/edit, /rotate, /pause, /resume, /test, /retry, /remove,
 * GET /api/webhooks/{webhook_id}/deliveries. */
extern const struct route webhook_routes[];
