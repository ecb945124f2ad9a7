/* The brand's mail server: its settings, and a mail that tries them.
 * Always: the password lies sealed together with the server it was given for, so pointing the
 * settings at another one does not hand it over; the trial runs on the job thread, with no
 * transaction open, and keeps what the server said but not to whom it went. */
#include "base/json.h"
#include "gen/setting_mail.q.h"
#include "kit/app.h"
#include "kit/job.h"
#include "kit/key.h"
#include "link/mail/mail.h"
#include "manage/setting/setting_private.h"

#define SEAL_NOUN "setting"
#define TEST_MOST_MS                                                                               \
    (MAIL_TIMEOUT_MS + 40000) /* one that was cut off by a restart is over by then */

/* ---- values ---------------------------------------------------------------------------------- */

enum err setting_mail_check(struct ctx *c, struct str name, struct str text)
{
    if (str_is(name, "smtp_host") && text.len > 0 && !mail_host_is_valid(text))
        return fail_at(c, "setting.host", S("value"), "the name of a server is needed");
    if (str_is(name, "smtp_from") && text.len > 0 && !mail_address_is_valid(text))
        return fail_at(c, "setting.address", S("value"), "an e-mail address is needed");
    if (str_is(name, "smtp_security") && !str_is(text, "starttls") && !str_is(text, "tls") &&
        !str_is(text, "none"))
        return fail_at(c, "setting.security", S("value"), "starttls, tls or none");
    return OK;
}

enum err setting_mail_seal(struct ctx *c, struct str secret, struct str *json)
{
    struct str host, sealed;

    if (secret.len == 0)
        return OK;
    TRY(setting_text(c, "smtp_host", &host));
    sealed = ctx_seal(c, str_fmt(c->arena, "%.*s\n%.*s", STR(host), STR(secret)), SEAL_NOUN, 0);
    *json = str_fmt(c->arena, "\"%.*s\"", STR(str_hex(c->arena, sealed)));
    return OK;
}

/* As the key in use seals it; one that cannot be opened could not be used before either. */
static bool value_anew(struct ctx *c, struct str hex, struct str *json)
{
    struct str sealed, text;

    if (hex.len == 0 || !str_unhex(c->arena, hex, &sealed) || key_is_current(c, sealed))
        return false;
    if (ctx_unseal(c, sealed, SEAL_NOUN, 0, &text) != OK) {
        c->fault = (struct fault){0};
        return false;
    }
    sealed = ctx_seal(c, text, SEAL_NOUN, 0);
    *json = str_fmt(c->arena, "\"%.*s\"", STR(str_hex(c->arena, sealed)));
    return true;
}

enum err setting_secrets_seal(struct ctx *c, bool is_only_counted, int64_t *old_count)
{
    struct str hex, json;

    *old_count = 0;
    TRY(setting_text(c, "smtp_password", &hex));
    if (!value_anew(c, hex, &json))
        return OK;
    *old_count = 1;
    return is_only_counted ? OK : q_mail_secret_set(c, json, old_count);
}

static enum err password_open(struct ctx *c, struct str hex, struct mail_server *out)
{
    struct str sealed, text, host;

    if (hex.len == 0)
        return OK;
    if (!str_unhex(c->arena, hex, &sealed) || ctx_unseal(c, sealed, SEAL_NOUN, 0, &text) != OK ||
        !str_cut(text, '\n', &host, &out->password) || !str_eq(host, out->host))
        return fail(c, E_CONFLICT, "mail.password",
                    "the password was given for another server; please set it again");
    return OK;
}

enum err setting_mail_server(struct ctx *c, struct mail_server *out)
{
    struct str hex;

    *out = (struct mail_server){.port_number = 0};
    TRY(setting_text(c, "smtp_host", &out->host));
    TRY(setting_int(c, "smtp_port", &out->port_number));
    TRY(setting_text(c, "smtp_security", &out->security));
    TRY(setting_text(c, "smtp_user", &out->user));
    TRY(setting_text(c, "smtp_from", &out->from));
    TRY(setting_text(c, "brand_name", &out->from_name));
    TRY(setting_text(c, "smtp_password", &hex));
    return password_open(c, hex, out);
}

/* ---- a mail that tries them ------------------------------------------------------------------ */

struct mail_test_in {
    struct str to;
};
struct mail_test_out {
    struct str status, words;
    int64_t asked_ms, ended_ms;
};

struct mail_test {
    struct arena *arena;
    struct str to, words, status;
    struct mail_server server;
    int64_t asked_ms;
    bool is_asked; /* the command that began it went through */
};

static struct str copy(struct arena *arena, struct str text)
{
    return text.at ? str_copy(arena, text) : S("");
}

static int64_t member_int(const struct json *json, const char *name)
{
    const struct json *value = json_get(json, name);

    return value && value->type == JSON_INT ? value->integer : NONE;
}

static enum err state_read(struct ctx *c, struct mail_test_out *out)
{
    const struct json *status, *words;
    struct q_mail_test_get_row row;
    struct json json;
    enum err err = q_mail_test_get(c, &row);

    *out = (struct mail_test_out){.status = S("none"), .asked_ms = NONE, .ended_ms = NONE};
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(json_parse(c->arena, row.value, &json, NULL));
    status = json_get(&json, "status");
    words = json_get(&json, "words");
    out->asked_ms = member_int(&json, "asked_ms");
    out->ended_ms = member_int(&json, "ended_ms");
    if (words && words->type == JSON_STR)
        out->words = words->text;
    if (status && status->type == JSON_STR)
        out->status = status->text;
    if (str_is(out->status, "running") && c->now_ms - out->asked_ms > TEST_MOST_MS)
        out->status = S("failed");
    return OK;
}

/* On the writer, behind the command that asked: when that was undone there is nothing to do. Texts
 * go out of this command's memory, which ends before the mail leaves. */
static enum err server_read(struct ctx *c, void *user)
{
    struct mail_test *test = user;
    struct mail_server *server = &test->server;
    struct mail_test_out now;

    TRY(state_read(c, &now));
    test->is_asked = str_is(now.status, "running") && now.asked_ms == test->asked_ms;
    if (!test->is_asked)
        return OK;
    TRY(setting_mail_server(c, server));
    server->host = copy(test->arena, server->host);
    server->security = copy(test->arena, server->security);
    server->user = copy(test->arena, server->user);
    server->password = copy(test->arena, server->password);
    server->from = copy(test->arena, server->from);
    server->from_name = copy(test->arena, server->from_name);
    return OK;
}

static enum err state_write(struct ctx *c, const char *status, struct str words, int64_t asked_ms)
{
    bool is_running = strcmp(status, "running") == 0;
    struct json_out json;
    struct buf buf;
    enum err err;

    buf_init(&buf, 16 * 1024);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "status");
    json_str(&json, str_of(status));
    json_name(&json, "words");
    json_str(&json, words);
    json_name(&json, "asked_ms");
    json_int(&json, asked_ms);
    json_name(&json, "ended_ms");
    json_int(&json, is_running ? NONE : c->now_ms);
    json_object_end(&json);
    err = q_mail_test_set(c, buf_view(&buf));
    buf_release(&buf);
    c->topics |= LIVE_SETTINGS;
    return err;
}

static enum err end_write(struct ctx *c, void *user)
{
    struct mail_test *test = user;

    return state_write(c, str_is(test->status, "sent") ? "sent" : "failed", test->words,
                       test->asked_ms);
}

static void test_run(struct app *app, struct arena *arena, void *user)
{
    struct mail_test *test = user;
    struct fault fault = {.err = OK};
    struct mail mail = {.to = test->to};
    enum err err;

    test->arena = arena;
    err = app_write(app, arena, server_read, test, &fault);
    if (!test->is_asked)
        return;
    test->words = fault.message;
    if (err == OK) {
        mail.subject = str_fmt(arena, "%.*s：发信测试 / mail test", STR(test->server.from_name));
        mail.body = S("这封邮件说明发信设置可用。\n\nThis mail shows that the settings work.\n");
        err = mail_send(arena, &test->server, &mail, &test->words);
    }
    test->status = err == OK ? S("sent") : S("failed");
    if (app_write(app, arena, end_write, test, &fault) != OK)
        app_log(app, "error", "mail", "%s: %.*s", fault.code, STR(fault.message));
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const struct field mail_test_in[] = {
    IN(struct mail_test_in, to, .min = 3, .max = MAIL_ADDRESS_MAX),
};
static const struct field mail_test_out[] = {
    OUT(struct mail_test_out, status, .one_of = "none|running|sent|failed"),
    OUT(struct mail_test_out, words, .is_optional = true,
        .about = "what the server said, or why it did not come to that"),
    OUT(struct mail_test_out, asked_ms, .is_optional = true),
    OUT(struct mail_test_out, ended_ms, .is_optional = true),
};

static enum err test_get(struct ctx *c, const void *in, void *out)
{
    (void)in;
    return state_read(c, out);
}

static enum err test_begin(struct ctx *c, const void *in_, void *out_)
{
    const struct mail_test_in *in = in_;
    struct mail_test_out *out = out_;
    struct mail_test *test;

    if (!mail_address_is_valid(in->to))
        return fail_at(c, "setting.address", S("to"), "an e-mail address is needed");
    TRY(state_read(c, out));
    if (str_is(out->status, "running"))
        return fail(c, E_CONFLICT, "mail.running", "another trial is on its way");
    test = arena_new_one(app_arena(c->app), struct mail_test);
    test->to = str_copy(app_arena(c->app), in->to);
    test->asked_ms = c->now_ms;
    *out = (struct mail_test_out){.status = S("running"), .asked_ms = c->now_ms, .ended_ms = NONE};
    TRY(state_write(c, "running", (struct str){0}, c->now_ms));
    if (job_start(c->app, test_run, test) != OK)
        return fail(c, E_BUSY, "busy.job", "too much work waits; try again");
    return OK;
}

const struct route setting_mail_routes[] = {
    {HTTP_GET, "/api/settings/mail-test", "setting.read", NULL, SHAPE(mail_test_out), test_get,
     .about = "How the last mail that tried the settings went"},
    {HTTP_POST, "/api/settings/mail-test", "setting.write", SHAPE(mail_test_in),
     SHAPE(mail_test_out), test_begin, .needs_all = true,
     .about = "Sends a mail by the settings as they are; how it went comes with GET"},
    {.path = NULL},
};
