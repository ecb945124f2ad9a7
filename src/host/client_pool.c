/* The pool: one libcurl multi handle, and easy handles that are used again, so that a request costs
 * neither a connection nor an allocation of its own. Always: with is_public_only no byte goes to a
 * private address, looked at when a connection is made and again before it is used anew. */
#include "host/client_pool.h"

#include "host/client_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#define REPLY_MAX ((size_t)64 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define RETRY_MAX_S (6 * 3600)

struct slot {
    CURL *curl;
    struct curl_slist *headers;
    struct client_send *send; /* NULL: free */
    bool is_refused;          /* a private address */
};

struct client_pool {
    CURLM *multi;
    struct slot *slots;
    int max, count;
    int *free_slots; /* a stack */
};

/* ---- addresses that are nobody else's -------------------------------------------------------- */

static bool is_public_v4(uint32_t address)
{
    static const struct {
        uint32_t net;
        int bits;
    } closed[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(closed); i++)
        if ((address ^ closed[i].net) >> (32 - closed[i].bits) == 0)
            return false;
    return true;
}

/* Only 2000::/3 is given out; within it: Teredo and 6to4 lead to any IPv4 address, 2001:db8 is for
 * examples. An IPv4 address written as IPv6 is that address. */
static bool is_public_v6(const struct in6_addr *address)
{
    const uint8_t *at = address->s6_addr;
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (IN6_IS_ADDR_V4MAPPED(address) || memcmp(at, nat64, 12) == 0)
        return is_public_v4((uint32_t)at[12] << 24 | (uint32_t)at[13] << 16 |
                            (uint32_t)at[14] << 8 | at[15]);
    if (at[0] >> 5 != 1)
        return false;
    if (at[0] == 0x20 && at[1] == 0x02)
        return false;
    return !(at[0] == 0x20 && at[1] == 0x01 &&
             (at[2] >> 1 == 0 || (at[2] == 0x0d && at[3] == 0xb8)));
}

static bool is_public(int family, const void *address)
{
    uint32_t v4;

    if (family == AF_INET6)
        return is_public_v6(address);
    if (family != AF_INET)
        return false;
    memcpy(&v4, address, sizeof(v4));
    return is_public_v4(ntohl(v4));
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct slot *slot = user;
    const void *address = &((const struct sockaddr_in *)(const void *)&to->addr)->sin_addr;

    (void)purpose;
    if (to->family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)&to->addr)->sin6_addr;
    if (slot->send && slot->send->is_public_only && !is_public(to->family, address)) {
        slot->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A connection may be one that another request has opened. */
static int before_request(void *user, char *peer, char *own, int peer_port, int own_port)
{
    struct slot *slot = user;
    struct in6_addr v6;
    struct in_addr v4;
    bool is_open = true;

    (void)own;
    (void)peer_port;
    (void)own_port;
    if (slot->send->is_public_only && inet_pton(AF_INET, peer, &v4) == 1)
        is_open = is_public(AF_INET, &v4);
    else if (slot->send->is_public_only)
        is_open = inet_pton(AF_INET6, peer, &v6) == 1 && is_public(AF_INET6, &v6);
    slot->is_refused |= !is_open;
    return is_open ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- one request ----------------------------------------------------------------------------- */

/* What is beyond the bound is read and dropped, so that the connection can be used again. */
static size_t take(char *at, size_t size, size_t count, void *user)
{
    struct slot *slot = user;
    size_t room = REPLY_MAX - slot->send->reply.len, len = size * count;

    buf_add(&slot->send->reply, at, len < room ? len : room);
    return len;
}

/* Made when first needed: a server that sends little keeps few. */
static bool slot_init(struct slot *slot)
{
    CURL *curl = client_curl();

    slot->curl = curl;
    if (curl == NULL)
        return false;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, slot);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, slot);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, slot);
    return true;
}

/* libcurl wants its texts with a terminator, and copies them. */
static void text_put(struct buf *buf, struct str text)
{
    buf_reset(buf);
    buf_str(buf, text);
    buf_char(buf, '\0');
}

static void headers_set(struct slot *slot, struct buf *text)
{
    const struct client_send *send = slot->send;

    for (int i = 0; i < send->header_count; i++) {
        text_put(text, send->headers[i]);
        slot->headers = curl_slist_append(slot->headers, text->at);
    }
    curl_easy_setopt(slot->curl, CURLOPT_HTTPHEADER, slot->headers);
}

static void slot_fill(struct slot *slot, struct client_send *send)
{
    struct buf text;

    slot->send = send;
    slot->is_refused = false;
    buf_init(&text, REPLY_MAX);
    buf_init(&send->reply, REPLY_MAX);
    headers_set(slot, &text);
    text_put(&text, send->url);
    curl_easy_setopt(slot->curl, CURLOPT_URL, text.at);
    buf_release(&text);
    curl_easy_setopt(slot->curl, CURLOPT_TIMEOUT_MS, (long)send->timeout_ms);
    if (send->body.at) {
        curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDS, send->body.at);
        curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)send->body.len);
    } else {
        curl_easy_setopt(slot->curl, CURLOPT_HTTPGET, 1L);
    }
}

bool client_pool_add(struct client_pool *pool, struct client_send *send)
{
    struct slot *slot;

    if (pool->count == pool->max)
        return false;
    slot = &pool->slots[pool->free_slots[pool->max - pool->count - 1]];
    if (slot->curl == NULL && !slot_init(slot))
        return false;
    send->status = 0;
    send->retry_after_ms = 0;
    send->words = NULL;
    send->next = NULL;
    slot_fill(slot, send);
    pool->count++;
    curl_multi_add_handle(pool->multi, slot->curl);
    return true;
}

/* libcurl makes seconds of a date. */
static int64_t retry_after_ms(CURL *curl)
{
    curl_off_t wait_s = 0;

    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait_s);
    if (wait_s <= 0)
        return 0;
    return (wait_s < RETRY_MAX_S ? wait_s : RETRY_MAX_S) * 1000;
}

static void slot_end(struct client_pool *pool, struct slot *slot, CURLcode code)
{
    struct client_send *send = slot->send;
    long status = 0;

    curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
    send->status = code == CURLE_OK ? (int)status : 0;
    if (send->status == 429 || send->status == 503)
        send->retry_after_ms = retry_after_ms(slot->curl);
    if (slot->is_refused && code != CURLE_OK)
        send->words = "the address is on this machine or in a private network";
    else if (code != CURLE_OK)
        send->words = curl_easy_strerror(code);
    curl_multi_remove_handle(pool->multi, slot->curl);
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    slot->send = NULL;
    pool->count--;
    pool->free_slots[pool->max - pool->count - 1] = (int)(slot - pool->slots);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static struct client_send *ended_take(struct client_pool *pool)
{
    struct client_send *first = NULL, **last = &first;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left))) {
        CURLcode code = message->data.result;
        struct slot *slot;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        *last = slot->send;
        last = &slot->send->next;
        slot_end(pool, slot, code);
    }
    return first;
}

struct client_send *client_pool_run(struct client_pool *pool, int wait_ms)
{
    struct client_send *ended;
    int running;

    curl_multi_perform(pool->multi, &running);
    ended = ended_take(pool);
    if (ended || wait_ms == 0)
        return ended;
    curl_multi_poll(pool->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(pool->multi, &running);
    return ended_take(pool);
}

int client_pool_count(const struct client_pool *pool)
{
    return pool->count;
}

void client_pool_wake(struct client_pool *pool)
{
    curl_multi_wakeup(pool->multi);
}

static bool pool_init(struct client_pool *pool, int max, int server_max)
{
    pool->max = max;
    pool->slots = calloc((size_t)max, sizeof(struct slot));
    pool->free_slots = calloc((size_t)max, sizeof(int));
    if (pool->slots == NULL || pool->free_slots == NULL)
        return false;
    for (int i = 0; i < max; i++)
        pool->free_slots[max - 1 - i] = i;
    client_init_once();
    pool->multi = curl_multi_init();
    if (pool->multi == NULL)
        return false;
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)server_max);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)max);
    return true;
}

struct client_pool *client_pool_new(int max, int server_max)
{
    struct client_pool *pool = calloc(1, sizeof(*pool));

    if (pool && pool_init(pool, max, server_max))
        return pool;
    client_pool_free(pool);
    return NULL;
}

void client_pool_free(struct client_pool *pool)
{
    if (pool == NULL)
        return;
    for (int i = 0; pool->slots && i < pool->max; i++) {
        if (pool->slots[i].curl == NULL)
            continue;
        if (pool->slots[i].send) {
            curl_multi_remove_handle(pool->multi, pool->slots[i].curl);
            buf_release(&pool->slots[i].send->reply);
        }
        curl_slist_free_all(pool->slots[i].headers);
        curl_easy_cleanup(pool->slots[i].curl);
    }
    if (pool->multi)
        curl_multi_cleanup(pool->multi);
    free(pool->free_slots);
    free(pool->slots);
    free(pool);
}
