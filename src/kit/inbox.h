/* What comes from outside: stored under the sender's key and answered at once, worked on behind in
 * one transaction with its effects. A duplicate is a primary-key conflict. */
#pragma once

#include "kit/route.h"

struct inbox_message {
    const char *source;  /* "payee" */
    struct str key;      /* the sender's own id of the message */
    const char *kind;    /* a row of app_config.inbox_kinds */
    struct str body;     /* kept sealed, gone once worked on */
};
/* *is_new false: it was there already, nothing changed. */
enum err inbox_put(struct ctx *c, const struct inbox_message *message, bool *is_new) MUST_USE;

struct inbox_kind {
    const char *name;
    const char *title_zh, *title_en;
    int attempt_max; /* 0: 12; then dead, visible, retried by hand */
    enum err (*handle)(struct ctx *c, int64_t inbox_id, struct str body);
};
/* Waits until nothing that is due waits: for tests and measurements. */
void inbox_await(struct app *app);
/* GET /api/inbox, POST /api/inbox/{inbox_id}/retry. */
extern const struct route inbox_routes[];
