/* A mail as bytes (RFC 5322, RFC 2047, RFC 2045). Always: nothing of what was given can end a head
 * line; everything outside ASCII is encoded; no line is longer than 78 bytes. */
#include "base/time.h"
#include "base/utf8.h"
#include "link/mail/mail_private.h"

#define WORD_BYTES                                                                                 \
    39 /* of text in one encoded word: 64 bytes with its frame, 73 behind "Subject: " */
#define LINE_BYTES 57 /* of text in one line of base64: 76 of them */

static void base64_add(struct buf *buf, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        struct str three = str_sub(bytes, i, 3);
        uint32_t bits = 0;

        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < three.len ? (unsigned char)three.at[j] : 0);
        for (size_t j = 0; j < 4; j++)
            buf_char(buf, j <= three.len ? digits[bits >> (18 - 6 * j) & 63] : '=');
    }
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 127)
            return true;
    return !utf8_is_valid(text);
}

/* Where a piece of at most `max` bytes ends without cutting a character. */
static size_t piece_end(struct str text, size_t max)
{
    size_t len = text.len < max ? text.len : max;

    while (len > 0 && len < text.len && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* Encoded words, a line each: also for plain ASCII, which then needs no rules of its own. */
static void words_add(struct buf *buf, struct str text)
{
    for (bool is_first = true; text.len > 0; is_first = false) {
        size_t len = piece_end(text, WORD_BYTES);

        buf_str(buf, is_first ? S("") : S("\r\n "));
        buf_str(buf, S("=?UTF-8?B?"));
        base64_add(buf, str_sub(text, 0, len));
        buf_str(buf, S("?="));
        text = str_sub(text, len, text.len);
    }
}

static void date_add(struct buf *buf, int64_t now_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t day = now_ms / 86400000, ms = now_ms % 86400000;
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    buf_fmt(buf, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + day % 7 * 3, date,
            months + (month - 1) * 3, year, (int)(ms / 3600000), (int)(ms / 60000 % 60),
            (int)(ms / 1000 % 60));
}

/* Every end of line becomes CRLF, then the whole base64. */
static void body_add(struct buf *buf, struct str body)
{
    struct buf lines;
    struct str rest;

    buf_init(&lines, 3 * MAIL_BODY_MAX);
    for (size_t i = 0; i < body.len; i++) {
        if (body.at[i] == '\n' && (i == 0 || body.at[i - 1] != '\r'))
            buf_char(&lines, '\r');
        buf_char(&lines, body.at[i]);
    }
    for (rest = buf_view(&lines); rest.len > 0; rest = str_sub(rest, LINE_BYTES, rest.len)) {
        base64_add(buf, str_sub(rest, 0, LINE_BYTES));
        buf_str(buf, S("\r\n"));
    }
    buf_release(&lines);
}

static void head_add(struct buf *buf, const struct mail_server *server, const struct mail *mail,
                     const struct mail_stamp *stamp)
{
    struct str name, domain;

    str_cut(server->from, '@', &name, &domain);
    date_add(buf, stamp->now_ms);
    buf_str(buf, S("From: "));
    if (server->from_name.len > 0) {
        words_add(buf, server->from_name);
        buf_str(buf, S("\r\n "));
    }
    buf_fmt(buf, "<%.*s>\r\nTo: <%.*s>\r\nSubject: ", STR(server->from), STR(mail->to));
    words_add(buf, mail->subject);
    buf_fmt(buf,
            "\r\nMessage-ID: <%.*s@%.*s>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n",
            STR(stamp->id), STR(domain));
}

/* tidy: who, what, when, and where it goes */
enum err mail_compose(struct arena *arena, const struct mail_server *server,
                      const struct mail *mail, const struct mail_stamp *stamp, struct str *out)
{
    struct buf buf;

    if (has_control(mail->subject) || has_control(server->from_name) ||
        utf8_count(mail->subject) > MAIL_SUBJECT_MAX || mail->body.len > MAIL_BODY_MAX ||
        !utf8_is_valid(mail->body))
        return E_INPUT;
    buf_init(&buf, 16 * MAIL_BODY_MAX);
    head_add(&buf, server, mail, stamp);
    body_add(&buf, mail->body);
    *out = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return OK;
}
