/* Sending one mail: who may get it, by which server, and what it said. */
#include "link/mail/mail_private.h"

#include "host/client.h"
#include "host/clock.h"
#include "host/crypto.h"

#define ID_BYTES 18

static bool is_name_char(char ch, const char *more)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch != '\0' && strchr(more, ch) != NULL);
}

static bool is_of(struct str text, const char *more)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_char(text.at[i], more))
            return false;
    return text.len > 0;
}

bool mail_address_is_valid(struct str address)
{
    struct str name, host;

    if (address.len > MAIL_ADDRESS_MAX || !str_cut(address, '@', &name, &host))
        return false;
    return is_of(name, ".!#$%&'*+/=?^_`{|}~-") && name.at[0] != '-' && is_of(host, ".-") &&
           host.at[0] != '-' && host.at[0] != '.';
}

bool mail_host_is_valid(struct str host)
{
    return host.len <= 253 && is_of(host, ".-:") && host.at[0] != '-';
}

/* As a name "127.evil.cn" would lie elsewhere. */
static bool is_number(struct str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9'))
            return false;
    return true;
}

bool mail_host_is_here(struct str host)
{
    return str_eq_nocase(host, S("localhost")) || str_is(host, "::1") ||
           (str_starts(host, S("127.")) && is_number(host));
}

static enum err refuse(struct str *words, enum err err, const char *why)
{
    *words = str_of(why);
    return err;
}

static enum err server_check(const struct mail_server *server, struct str *words)
{
    if (server->host.len == 0)
        return refuse(words, E_CONFLICT, "no mail server is set");
    if (!mail_host_is_valid(server->host) || !mail_address_is_valid(server->from))
        return refuse(words, E_CONFLICT, "the mail server or the sender's address is not valid");
    if (str_is(server->security, "none") && !mail_host_is_here(server->host))
        return refuse(words, E_CONFLICT, "without TLS mail goes only to a server on this machine");
    return OK;
}

static struct str url_of(struct arena *arena, const struct mail_server *server)
{
    bool is_six = str_find(server->host, S(":")) >= 0;
    struct str name, domain;

    str_cut(server->from, '@', &name, &domain);
    return str_fmt(arena, "%s://%s%.*s%s:%" PRId64 "/%.*s",
                   str_is(server->security, "tls") ? "smtps" : "smtp", is_six ? "[" : "",
                   STR(server->host), is_six ? "]" : "", server->port_number, STR(domain));
}

enum err mail_send(struct arena *arena, const struct mail_server *server, const struct mail *mail,
                   struct str *words)
{
    struct mail_stamp stamp = {clock_now_ms(), token_new(arena, ID_BYTES)};
    struct client_mail call = {.timeout_ms = MAIL_TIMEOUT_MS};
    enum err err;

    TRY(server_check(server, words));
    if (!mail_address_is_valid(mail->to))
        return refuse(words, E_INPUT, "not an address that mail can go to");
    if (mail_compose(arena, server, mail, &stamp, &call.message) != OK)
        return refuse(words, E_INPUT, "a subject or a text that no mail may have");
    call.url = url_of(arena, server);
    call.needs_tls = !str_is(server->security, "none");
    call.is_loopback = mail_host_is_here(server->host);
    call.user = server->user;
    call.password = server->password;
    call.from = str_fmt(arena, "<%.*s>", STR(server->from));
    call.to = str_fmt(arena, "<%.*s>", STR(mail->to));
    err = client_mail(arena, &call);
    *words = call.words;
    return err;
}
