/* Many requests to other servers at once, on one thread, over connections that stay open (libcurl's multi
 * interface). No redirects are followed and no proxy of the environment is used. */
#pragma once

#include "base/base.h"

#define CLIENT_HEADERS_MAX 12

/* Belongs to the caller and stays where it is from client_pool_add until client_pool_run gives it back. */
struct client_send {
    struct str url, body; /* body no value: GET; else POST */
    struct str headers[CLIENT_HEADERS_MAX]; /* "X-Name: value" */
    int header_count;
    int timeout_ms;
    bool is_public_only; /* never to this machine or to private networks, whatever the name resolves to */
    /* out */
    int status;        /* of HTTP; 0: no answer came */
    int64_t retry_after_ms; /* with 429 or 503: leave it alone for so long, at most 6 h; 0: it did not say */
    struct buf reply;  /* its first 64 KiB; the caller releases it */
    const char *words; /* why no answer came; NULL: one did */
    struct client_send *next;
};

struct client_pool;
/* At most so many at once, and so many to one server. NULL: no memory. */
struct client_pool *client_pool_new(int max, int server_max);
void client_pool_free(struct client_pool *pool); /* what is on its way is given up */
/* false: `max` are on their way already, or no memory. */
bool client_pool_add(struct client_pool *pool, struct client_send *send) MUST_USE;
/* Moves all along, waits up to wait_ms for the next to end unless one has; those that ended, as a list. */
struct client_send *client_pool_run(struct client_pool *pool, int wait_ms);
int client_pool_count(const struct client_pool *pool); /* on their way */
void client_pool_wake(struct client_pool *pool);       /* from any thread: ends the wait */
