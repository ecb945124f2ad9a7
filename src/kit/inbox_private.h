/* What the frame calls of the inbox. */
#pragma once

#include "kit/inbox.h"
#include "kit/worker.h"

const struct inbox_kind *inbox_kind_find(const struct app *app, struct str name); /* NULL: none */
worker_page inbox_page;
enum err inbox_forget(struct ctx *c) MUST_USE; /* what is over goes; on the writer, once a minute */
