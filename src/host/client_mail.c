/* One mail by libcurl. Always: with needs_tls nothing but EHLO and STARTTLS is said in the clear,
 * and a certificate that does not fit ends it, unless the server is on this machine. */
#include "host/client.h"

#include "base/utf8.h"
#include "host/client_private.h"

#define WORDS_MAX 500
#define CONNECT_MS 10000

struct talk {
    struct str left;       /* of the message */
    char words[WORDS_MAX]; /* the server's last line */
    size_t len;
    bool is_over; /* what comes behind our QUIT says nothing of the mail */
    char error[CURL_ERROR_SIZE];
};

static size_t message_give(char *at, size_t size, size_t count, void *user)
{
    struct talk *talk = user;
    struct str part = str_sub(talk->left, 0, size * count);

    memcpy(at, part.at, part.len);
    talk->left = str_sub(talk->left, part.len, talk->left.len);
    return part.len;
}

/* tidy: libcurl's own signature */
static int listen_in(CURL *curl, curl_infotype type, char *data, size_t size, void *user)
{
    struct talk *talk = user;
    struct str line = str_trim((struct str){data, size});

    (void)curl;
    if (type == CURLINFO_HEADER_OUT && str_starts(line, S("QUIT")))
        talk->is_over = true;
    if (type == CURLINFO_HEADER_IN && !talk->is_over && line.len > 0) {
        talk->len = line.len < WORDS_MAX ? line.len : WORDS_MAX;
        memcpy(talk->words, line.at, talk->len);
    }
    return 0;
}

static void options_set(CURL *curl, struct arena *arena, const struct client_mail *mail,
                        struct talk *talk)
{
    long verify = mail->is_loopback ? 0 : 1;

    curl_easy_setopt(curl, CURLOPT_URL, str_cstr(arena, mail->url));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)mail->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     (long)(mail->needs_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify * 2);
    if (mail->user.len > 0) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, str_cstr(arena, mail->user));
        curl_easy_setopt(curl, CURLOPT_PASSWORD, str_cstr(arena, mail->password));
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, str_cstr(arena, mail->from));
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, message_give);
    curl_easy_setopt(curl, CURLOPT_READDATA, talk);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->message.len);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, talk->error);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, talk);
}

/* What the server said last, where it said no or yes; otherwise what libcurl has to say. */
static struct str words_of(struct arena *arena, const struct talk *talk, CURLcode code)
{
    struct str said = {talk->words, talk->len};
    bool is_no = said.len > 0 && (said.at[0] == '4' || said.at[0] == '5');

    if (code == CURLE_OK || (is_no && code != CURLE_OPERATION_TIMEDOUT))
        return utf8_is_valid(said) ? str_copy(arena, said) : S("(not UTF-8)");
    return str_copy(arena, str_of(talk->error[0] ? talk->error : curl_easy_strerror(code)));
}

static enum err err_of(CURLcode code)
{
    if (code == CURLE_OK)
        return OK;
    if (code == CURLE_LOGIN_DENIED)
        return E_FORBIDDEN;
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ? E_NOT_FOUND : E_IO;
}

enum err client_mail(struct arena *arena, struct client_mail *mail)
{
    struct talk talk = {.left = mail->message};
    struct curl_slist *to = NULL;
    CURL *curl = client_curl();
    CURLcode code;

    if (curl == NULL)
        return E_IO;
    to = curl_slist_append(NULL, str_cstr(arena, mail->to));
    options_set(curl, arena, mail, &talk);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    code = curl_easy_perform(curl);
    mail->words = words_of(arena, &talk, code);
    curl_easy_cleanup(curl);
    curl_slist_free_all(to);
    return err_of(code);
}
