/* What the files of this folder share. */
#pragma once

#include "link/webhook/webhook.h"

#define WEBHOOK_TRIAL "{\"kind\":\"test\"" /* how the body of a trial begins; no fact has that name */

/* The message of one body, in order for this customer (NONE: any). On the writer. */
struct outbox_new webhook_message(struct ctx *c, int64_t webhook_id, int64_t customer_id, struct str body);
struct str webhook_destination(struct ctx *c, int64_t webhook_id); /* "webhook:7": its queue */
enum err webhook_follow(struct ctx *c, int64_t webhook_id, int64_t due_ms) MUST_USE; /* sets its timer */
