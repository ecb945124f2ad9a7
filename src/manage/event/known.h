/* What the way in remembers beside the base, so that an event which changes nothing needs no query: message ids of the last days,
 * and customers as events last found them. The writer's alone. */
#pragma once

#include "manage/event/event.h"

struct known;
/* NULL: not here (a shared base, a program without it): then everything goes by the base. Reads the message ids at first. */
enum err known_begin(struct ctx *c, struct known **out) MUST_USE;
/* This id is taken next: its places in memory are fetched meanwhile. */
void known_message_soon(const struct known *known, struct str hash);
/* Takes the id, given as the beginning of its hash, for this command: false if it was taken. */
bool known_message_take(struct known *known, int64_t now_ms, struct str hash);
void known_message_forget(const struct app *app, int64_t before_ms);

/* NULL: find it in the base. Good until the next call. */
const struct customer_known *known_customer(struct known *known, const struct customer_touch *touch);
void known_customer_keep(struct known *known, const struct customer_touch *touch, const struct customer_known *customer);
