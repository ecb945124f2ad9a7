/* UTF-8: checked once, at the edge. */
#pragma once

#include "base/base.h"

bool utf8_is_valid(struct str s);    /* no surrogates, no overlongs, no NUL, at most U+10FFFF */
size_t utf8_valid_len(struct str s); /* bytes before the first fault; s.len if there is none */
size_t utf8_count(struct str s);     /* code points of valid text */
/* Reads the code point at *at and moves *at behind it. Valid text only. */
uint32_t utf8_next(struct str s, size_t *at);
/* At most `max` code points of valid text. */
struct str utf8_head(struct str s, size_t max);
/* GB18030 bytes as UTF-8; E_INPUT if they are not GB18030. */
enum err utf8_from_gb18030(struct arena *arena, struct str bytes, struct str *out) MUST_USE;
