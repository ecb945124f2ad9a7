/* One blocking request by libcurl, with a bound on time and on the size of the answer. */
#include "host/client.h"

#include "host/client_private.h"

#include <pthread.h>

#define REPLY_MAX (64 * 1024 * 1024)

static void client_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void client_init_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, client_init);
}

CURL *client_curl(void)
{
    client_init_once();
    return curl_easy_init();
}

static size_t take(char *at, size_t size, size_t count, void *user)
{
    struct buf *buf = user;

    buf_add(buf, at, size * count);
    return buf->is_full ? 0 : size * count;
}

static CURLcode run(CURL *curl, struct arena *arena, struct client_call *call, struct buf *buf)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, str_cstr(arena, call->url));
    if (call->unix_path.at)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, str_cstr(arena, call->unix_path));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, buf);
    if (call->body.at) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.at);
    }
    code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    return code;
}

enum err client_run(struct arena *arena, struct client_call *call)
{
    struct buf buf;
    CURLcode code;
    CURL *curl = client_curl();
    long status = 0;

    if (curl == NULL)
        return E_IO;
    buf_init(&buf, REPLY_MAX);
    code = run(curl, arena, call, &buf);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    call->status = (int)status;
    call->reply = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    curl_easy_cleanup(curl);
    if (code == CURLE_COULDNT_CONNECT)
        return E_NOT_FOUND;
    return code == CURLE_OK ? OK : E_IO;
}
