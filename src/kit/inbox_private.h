/* What the frame calls of the inbox. */
#pragma once

#include "kit/inbox.h"
#include "kit/worker.h"

worker_page inbox_page;
enum err inbox_forget(struct ctx *c) MUST_USE; /* what is over goes; on the writer, once a minute */
