/* What an operator sets. Definitions are rows in setting.c (name, kind, bounds, default, words); a
 * row of table `setting` exists only for what was changed and carries a version, so that two people
 * cannot overwrite each other unseen. */
#pragma once

#include "kit/route.h"

/* By name; the default where nothing was set. must() the name exists and is of that kind. One
 * statement each. */
enum err setting_int(struct ctx *c, const char *name, int64_t *out) MUST_USE;
enum err setting_text(struct ctx *c, const char *name, struct str *out) MUST_USE; /* in c->arena */
/* The number in a row's `value`, or the default where there is no row: for queries that read a setting
 * along with something else. */
int64_t setting_int_of(const char *name, struct str value);
/* Several whole numbers with one statement. */
enum err setting_ints(struct ctx *c, const char *const *names, int64_t count,
                      int64_t *out) MUST_USE;

/* The brand's currency and how many digits its minor unit has (CNY 2, JPY 0). */
enum err setting_currency(struct ctx *c, struct str *currency, int64_t *minor_digits) MUST_USE;
/* Digits of the minor unit; NONE: no currency we know. */
int64_t currency_minor_digits(struct str currency);
/* At set-up: writes zone and currency, fixed from then on, and the brand's name. E_INPUT
 * "setup.zone", "setup.currency". */
struct setting_setup {
    struct str brand_name, zone, currency;
};
enum err setting_setup_write(struct ctx *c, const struct setting_setup *setup) MUST_USE;

/* The brand's own mail server as it is set now, for mail_send. E_CONFLICT "mail.password": it was given for
 * another server, or the key has changed. */
struct mail_server;
enum err setting_mail_server(struct ctx *c, struct mail_server *out) MUST_USE;

/* For a rotation: secrets among the settings that another key than the one in use has sealed (the history
 * holds none); sealed anew, unless they are only counted. */
enum err setting_secrets_seal(struct ctx *c, bool is_only_counted, int64_t *old_count) MUST_USE;

extern const struct route setting_routes[];
extern const struct route setting_mail_routes[];
extern const struct route write_key_routes[];
