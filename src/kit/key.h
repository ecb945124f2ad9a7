/* The keys personal data is sealed with and found by, and how a new one takes the place of the old. While
 * one is turned both lie in the key file: what the old one sealed opens, new texts are sealed with the new
 * one, and look-ups try both hashes. When nothing needs the old one any more it leaves the file. */
#pragma once

#include "kit/ctx.h"

enum key_kind { KEY_SEAL, KEY_HASH };

/* A new key, at once the one that is used, written durably first. While an older one is still in the file:
 * nothing. On the writer. E_IO "key.file". */
enum err key_turn(struct ctx *c, enum key_kind kind) MUST_USE;
/* The older one leaves the file. On the writer, after the commit of the last row that needed it. */
enum err key_settle(struct ctx *c, enum key_kind kind) MUST_USE;
bool key_is_turning(const struct app *app, enum key_kind kind);
int64_t key_number(const struct app *app, enum key_kind kind); /* of the one that is used */

/* Sealed with the key that is used; true for no value. */
bool key_is_current(const struct ctx *c, struct str sealed);
/* As ctx_keyed_hash, by the older key; no value while none is turned. */
struct str key_old_hash(struct ctx *c, const char *hash_kind, struct str text);

/* The base remembers which keys it belongs to: this writes it down anew. Before key_settle, in an earlier
 * commit. */
enum err key_remember(struct ctx *c) MUST_USE;
