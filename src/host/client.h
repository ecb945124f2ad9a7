/* Requests to other servers (libcurl): the command line speaks to a running Papilio over its socket file; mail leaves by SMTP. */
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

/* One mail to one address, on this thread. The message is whole: head lines and body, with CRLF. */
struct client_mail {
    struct str url;          /* "smtp://host:587/our.name", "smtps://host:465/our.name" */
    bool needs_tls;          /* no STARTTLS, no mail, no password */
    bool is_loopback;        /* certificates are not looked at */
    struct str user, password; /* user no value: without signing in */
    struct str from, to, message;
    int timeout_ms;
    /* out */
    struct str words; /* the server's last ones, or why it did not come to any; in the arena */
};
/* E_FORBIDDEN: not signed in. E_NOT_FOUND: nobody listens there. E_IO: everything else. */
enum err client_mail(struct arena *arena, struct client_mail *mail) MUST_USE;
