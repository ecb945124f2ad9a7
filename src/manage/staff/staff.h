/* Staff: the people who work here, their passwords, sessions and roles. A login is lower case and
 * unique; a password is kept as argon2id only; any change of it ends that person's other sessions.
 */
#pragma once

#include "kit/app.h"
#include "kit/session.h"

extern const struct role staff_roles[];
/* Every right there is, as pages name it. */
struct right {
    const char *name, *title_zh, *title_en;
};
extern const struct right rights[]; /* ended by a row with name NULL */
const struct right *right_find(struct str name);
extern const struct route staff_routes[];
extern const struct route setup_routes[];
extern const struct route audit_routes[];
extern const struct route staff_admin_routes[];
extern const struct route staff_link_routes[];
extern const struct route role_routes[];
extern const struct route org_routes[];
extern const struct route session_routes[];
extern const struct route api_key_routes[];
extern const struct route totp_routes[];
enum err staff_link_forget(struct ctx *c) MUST_USE; /* links that are over; for app_config.on_minute */

/* While no staff exists: a new one-time set-up token (24 hours, single use, only its hash is kept;
 * earlier ones are void). No value in *token once somebody exists. For app_config.on_open or a
 * command on the writer. */
enum err staff_setup_token(struct ctx *c, struct str *token) MUST_USE;

/* For `papilio user add|password` and the demo: checks login, name, role and password as the web
 * does. `hash` is password_hash(password) made off the writer. E_CONFLICT "staff.exists",
 * E_NOT_FOUND "staff.unknown". */
struct staff_new {
    struct str login, name, role, hash; /* an empty hash: no password yet */
    struct str org_code;                /* no value: works nowhere in particular */
};
enum err staff_add(struct ctx *c, const struct staff_new *n, int64_t *staff_id) MUST_USE;
enum err staff_password_set(struct ctx *c, struct str login, struct str hash) MUST_USE;
bool staff_password_is_good(struct str password); /* at least 10 characters, at most 200 */
/* The whole set-up without a link, for the demo: the first admin, brand, zone and currency. `hash`
 * as above. */
struct staff_setup {
    struct str login, name, hash, brand_name, zone, currency;
};
enum err staff_setup_run(struct ctx *c, const struct staff_setup *s, int64_t *staff_id) MUST_USE;
