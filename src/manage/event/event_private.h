/* What the files of this folder share. */
#pragma once

#include "manage/event/event.h"

#define MESSAGE_ID_MAX 128
#define PROPERTIES_MAX 4000 /* characters of the JSON object */

/* Checks the properties against the kind's shape and gives the form that goes into the journal: no
 * inviter's identity (that goes to *inviter), no query strings. E_INPUT "event.property". */
enum err event_properties_check(struct ctx *c, const struct event_kind *kind, const struct event_in *event, struct str *kept,
                                 struct customer_ref *inviter) MUST_USE;
