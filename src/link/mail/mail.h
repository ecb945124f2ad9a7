/* Mail by a brand's own SMTP server: a plain text to one address. Takes as long as the server does, up to
 * MAIL_TIMEOUT_MS: never within a transaction, never on a loop. */
#pragma once

#include "base/base.h"

#define MAIL_TIMEOUT_MS 20000
#define MAIL_ADDRESS_MAX 254
#define MAIL_SUBJECT_MAX 200 /* characters */
#define MAIL_BODY_MAX 100000 /* bytes */

struct mail_server {
    struct str host; /* no value or empty: none is set */
    int64_t port_number;
    struct str security;       /* "starttls", "tls" from the first byte, "none": on this machine only */
    struct str user, password; /* empty user: without signing in */
    struct str from;           /* the address */
    struct str from_name;      /* shown beside it; may be empty */
};
struct mail {
    struct str to, subject, body; /* UTF-8; lines of the body end in LF or CRLF */
};
/* *words: what the server said last, or why it did not come to that. E_INPUT: an address or a subject
 * that no mail may have. E_CONFLICT: no server is set, or one without TLS that is not on this machine.
 * E_FORBIDDEN: wrong user or password. E_NOT_FOUND: nobody listens there. E_IO: everything else. */
enum err mail_send(struct arena *arena, const struct mail_server *server, const struct mail *mail,
                   struct str *words) MUST_USE;

/* name@host.tld of printable ASCII, nothing that could end a header or begin an option. */
bool mail_address_is_valid(struct str address);
bool mail_host_is_valid(struct str host); /* a name or an address, no port */
bool mail_host_is_here(struct str host);  /* localhost, 127.*, ::1 */
