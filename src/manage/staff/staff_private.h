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
/* staff_add with a place that was checked; NONE: nowhere. */
enum err staff_add_at(struct ctx *c, const struct staff_new *n, int64_t org_id, int64_t *staff_id) MUST_USE;
/* May I touch this account? 404 "staff.unknown"; 403 "staff.beyond": it has a right that I lack. */
enum err staff_check_below(struct ctx *c, int64_t staff_id) MUST_USE;
/* May I give this role? 400 "staff.role", 403 "role.beyond". */
enum err role_check_below(struct ctx *c, struct str name) MUST_USE;
/* A new link that sets the password; the one before is void. */
enum err staff_link_make(struct ctx *c, int64_t staff_id, struct str *token, int64_t *expires_ms) MUST_USE;

/* 400 "org.unknown" at org_id where it is closed or not there; NONE is fine. */
enum err org_check_open(struct ctx *c, int64_t org_id) MUST_USE;
/* By the code of files; no value: NONE. 400 "org.unknown". */
enum err org_find(struct ctx *c, struct str code, int64_t *org_id) MUST_USE;
/* The range of paths of this part and all below. 404 "org.unknown". */
enum err org_branch(struct ctx *c, int64_t org_id, struct str *path, struct str *end) MUST_USE;
struct staff_csrf_out {
    struct str csrf_token;
};
extern const struct shape staff_csrf_shape;
