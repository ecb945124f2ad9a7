/* What the files of this folder share. */
#pragma once

#include "link/mail/mail.h"

/* The whole message: head, empty line, body in base64; all lines end in CRLF. E_INPUT: control
 * characters in subject or name, or too long. */
struct mail_stamp {
    int64_t now_ms;
    struct str id; /* left of the @ of its Message-ID */
};
enum err mail_compose(struct arena *arena, const struct mail_server *server, const struct mail *mail,
                      const struct mail_stamp *stamp, struct str *out) MUST_USE;
