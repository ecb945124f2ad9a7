/* What the files of this folder share. */
#pragma once

#include "manage/staff/staff.h"

#define LOGIN_MAX 60
#define NAME_MAX_CHARS 60
#define PASSWORD_MIN 10
#define PASSWORD_MAX 200
#define PERMISSIONS_MAX 2000 /* bytes of a list of rights */

/* Lower case; letters, digits and . _ - @ only. E_INPUT "staff.login". */
enum err staff_login_normal(struct ctx *c, struct str login, struct str *out) MUST_USE;
struct str staff_token_hash(struct ctx *c, struct str token);
/* staff_add with a place that was checked; NONE: nowhere. */
enum err staff_add_at(struct ctx *c, const struct staff_new *n, int64_t org_id, int64_t *staff_id) MUST_USE;
/* May I touch this account? 404 "staff.unknown"; 403 "staff.beyond": it has a right that I lack. */
enum err staff_check_below(struct ctx *c, int64_t staff_id) MUST_USE;
/* The same, and not one's own (403 "staff.self"): that would spare the password or the code. */
enum err staff_check_other(struct ctx *c, int64_t staff_id) MUST_USE;
/* May I give this role? 400 "staff.role", 403 "role.beyond". */
enum err role_check_below(struct ctx *c, struct str name) MUST_USE;
/* Known rights alone, each once, in the order of the table. 400 "role.right" at permissions. */
enum err right_list_normal(struct ctx *c, struct str text, struct str *out) MUST_USE;
bool right_list_has(struct str list, const char *name);
/* 401 "login.code" unless the code is the second factor's of now, or a recovery code: taken, so that it
 * never works again. Throttled. */
enum err totp_take(struct ctx *c, int64_t staff_id, struct str code) MUST_USE;
/* The six digits of a 30-second step. */
int64_t totp_code(struct str secret, int64_t step_number);
#define TOTP_CODE_MAX 40

/* At most `max` a minute under the key. 429 "login.too_often". */
enum err staff_tries_take(struct ctx *c, struct str key, int max) MUST_USE;
/* On a worker, and throttled: is this my password? 400 "password.wrong" at `field`. */
enum err staff_password_check(struct ctx *c, struct str password, const char *field) MUST_USE;
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
