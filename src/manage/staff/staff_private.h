/* What the files of this folder share. */
#pragma once

#include "manage/staff/staff.h"

#define LOGIN_MAX 60
#define NAME_MAX_CHARS 60
#define PASSWORD_MIN 10
#define PASSWORD_MAX 200

/* Lower case; letters, digits and . _ - @ only. E_INPUT "staff.login". */
enum err staff_login_normal(struct ctx *c, struct str login, struct str *out) MUST_USE;
struct str staff_token_hash(struct ctx *c, struct str token);
struct staff_csrf_out {
    struct str csrf_token;
};
extern const struct shape staff_csrf_shape;
