/* The bytes of a mail, and which addresses and servers one may have. Talking to a real server:
 * test/api. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/mail/mail_private.h"

static struct arena *arena;
static const struct mail_stamp stamp = {INT64_C(1790000000000), {"id", 2}};

static struct mail_server server_of(const char *host, const char *security)
{
    return (struct mail_server){.host = str_of(host),
                                .port_number = 1,
                                .security = str_of(security),
                                .from = S("shop@brand.cn"),
                                .from_name = S("花间")};
}

static enum err compose(const char *subject, const char *body, struct str *out)
{
    struct mail_server server = server_of("localhost", "none");
    struct mail mail = {S("li@example.org"), str_of(subject), str_of(body)};

    *out = S("");
    return mail_compose(arena, &server, &mail, &stamp, out);
}

static void has(struct str text, const char *part)
{
    if (str_find(text, str_of(part)) < 0)
        print_error("no %s in\n%.*s\n", part, STR(text));
    assert_true(str_find(text, str_of(part)) >= 0);
}

static void makes_the_bytes(void **state)
{
    struct str text;

    (void)state;
    assert_int_equal(compose("您好", "第一行\n.\nlast\r\n", &text), OK);
    has(text, "Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n");
    has(text, "From: =?UTF-8?B?6Iqx6Ze0?=\r\n <shop@brand.cn>\r\n");
    has(text, "To: <li@example.org>\r\n");
    has(text, "Subject: =?UTF-8?B?5oKo5aW9?=\r\n");
    has(text, "Message-ID: <id@brand.cn>\r\n");
    has(text, "Content-Transfer-Encoding: base64\r\n");
    /* "第一行\r\n.\r\nlast\r\n" */
    has(text, "\r\n\r\n56ys5LiA6KGMDQouDQpsYXN0DQo=\r\n");
    assert_int_equal(compose("", "", &text), OK);
    has(text, "Subject: \r\n");
    assert_true(str_ends(text, S("\r\n\r\n")));
}

static void no_line_is_long_and_no_character_cut(void **state)
{
    struct str text, line;
    char subject[801], body[5001];

    (void)state;
    for (size_t i = 0; i < 800; i += 4) /* 200 of a character of four bytes */
        memcpy(subject + i, "\xf0\x9f\xa6\x8b", 4);
    subject[800] = 0;
    memset(body, 'x', 5000);
    body[5000] = 0;
    assert_int_equal(compose(subject, body, &text), OK);
    while (text.len > 0) {
        str_cut(text, '\n', &line, &text);
        assert_true(line.len <= 78);
    }
    assert_int_equal(compose(subject, body, &text), OK);
    has(text,
        "Subject: =?UTF-8?B?8J+mi/Cfpovwn6aL8J+mi/Cfpovwn6aL8J+mi/Cfpovwn6aL?=\r\n =?UTF-8?B?");
}

static void refuses_what_could_end_a_head_line(void **state)
{
    static const char *const subjects[] = {"a\nBcc: x@y", "a\r\nX: y", "a\rb",
                                           "\tb",         "a\x7f",     "\xff"};
    struct str text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        assert_int_equal(compose(subjects[i], "", &text), E_INPUT);
    assert_int_equal(compose("good", "\xff", &text), E_INPUT);
}

static void knows_addresses(void **state)
{
    static const char *const good[] = {"a@b", "li.jing+shop@mail.example.org", "x_y-z@1.2.cn"};
    static const char *const bad[] = {
        "",      "a",       "@b",      "a@",    "a b@c",        "a@b c", "a@b\r\nRCPT TO:<x@y>",
        "<a@b>", "a@b>",    "a@@b",    "-a@b",  "a@-b",         "a@.b",  "李@b",
        "a@李",  "\"a\"@b", "a@b,c@d", "a@b;c", "a@[127.0.0.1]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(mail_address_is_valid(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (mail_address_is_valid(str_of(bad[i])))
            print_error("%s is taken\n", bad[i]);
        assert_false(mail_address_is_valid(str_of(bad[i])));
    }
}

static void knows_this_machine(void **state)
{
    static const char *const here[] = {"localhost", "LOCALHOST", "127.0.0.1", "127.1", "::1"};
    static const char *const there[] = {"localhost.evil.cn", "127.evil.cn", "127.0.0.1.nip.io",
                                        "10.0.0.1",          "::2",         "",
                                        "example.org"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        assert_true(mail_host_is_here(str_of(here[i])));
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        assert_false(mail_host_is_here(str_of(there[i])));
    assert_false(mail_host_is_valid(S("a/b")));
    assert_false(mail_host_is_valid(S("a@b")));
    assert_false(mail_host_is_valid(S("")));
    assert_true(mail_host_is_valid(S("smtp.exmail.qq.com")));
}

static void refuses_before_it_dials(void **state)
{
    struct mail mail = {S("li@example.org"), S("x"), S("y")};
    struct mail_server server = server_of("smtp.example.org", "none");
    struct str words;

    (void)state;
    assert_int_equal(mail_send(arena, &server, &mail, &words), E_CONFLICT);
    has(words, "without TLS");
    server = server_of("", "starttls");
    assert_int_equal(mail_send(arena, &server, &mail, &words), E_CONFLICT);
    has(words, "no mail server");
    server = server_of("localhost", "starttls");
    mail.to = S("a@b\r\nDATA");
    assert_int_equal(mail_send(arena, &server, &mail, &words), E_INPUT);
    mail.to = S("a@b");
    assert_int_equal(mail_send(arena, &server, &mail, &words), E_NOT_FOUND); /* port 1 */
    assert_true(words.len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_bytes),
        cmocka_unit_test(no_line_is_long_and_no_character_cut),
        cmocka_unit_test(refuses_what_could_end_a_head_line),
        cmocka_unit_test(knows_addresses),
        cmocka_unit_test(knows_this_machine),
        cmocka_unit_test(refuses_before_it_dials),
    };
    int failed;

    arena = arena_new(64 * 1024 * 1024);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
