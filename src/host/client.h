/* Requests to other servers (libcurl). So far one use: the command line speaks to a running Papilio over its socket file. */
#pragma once

#include "base/base.h"

struct client_call {
    struct str unix_path; /* the socket; no value: by the address */
    struct str url;       /* "http://localhost/local/check" */
    struct str body;      /* no value: GET; else POST as JSON */
    int timeout_ms;
    /* out */
    int status;
    struct str reply; /* in the arena */
};
/* E_NOT_FOUND: nobody listens there. E_IO: the connection broke or took too long. */
enum err client_run(struct arena *arena, struct client_call *call) MUST_USE;
