/* Routes as rows: method, path, permission, shape in, shape out, handler. POST, PUT, PATCH and
 * DELETE run on the writer in one transaction; GET runs on a read-only connection. */
#pragma once

#include "host/http.h"
#include "kit/ctx.h"
#include "kit/field.h"

/* in and out are structs of the row's shapes (NULL where the row has none). */
typedef enum err route_handler(struct ctx *c, const void *in, void *out);

enum route_kind {
    ROUTE_JSON,
    ROUTE_UPLOAD,   /* the body goes to a file: c->upload_path */
    ROUTE_DOWNLOAD, /* the handler fills c->file_name, file_type, and file_body or file_path */
    ROUTE_REDIRECT, /* the handler sets c->redirect_to */
    ROUTE_BEACON,   /* public write key in the query (?key=), CORS for any origin, own rate limit;
                       answers 204 */
    ROUTE_STREAM    /* server-sent events of the topics; no handler */
};
enum route_repeat { REPEAT_OPTIONAL, REPEAT_KEY_REQUIRED, REPEAT_KEY_IGNORED };

struct route {
    enum http_method method;
    /* "/api/customers/{customer_id}": parts in braces are fields of the shape in */
    const char *path;
    /* "customer.read"; "me": anyone signed in; "public": anyone; "local": the socket of this
     * machine; "write_key": below */
    const char *permission;
    const struct shape *in; /* GET: from the query; otherwise from the JSON body */
    const struct shape *out;
    route_handler *run;
    /* the rest by name */
    const char *about; /* one line for the API page */
    enum route_kind kind;
    enum route_repeat repeat; /* Idempotency-Key */
    /* Before run, on a worker with a read connection: slow things such as argon2. `out` is NULL. */
    route_handler *prepare;
    int statement_max; /* statement budget; 0: 8 */
    bool is_unaudited; /* a change that leaves no audit row: signing in, one's own looks */
    bool needs_all;    /* sums or changes over the whole base: only with REACH_ALL */
    bool needs_session; /* not for keys of programs: passwords, factors, sessions, keys, roles */
    /* May this input take seconds? Then it is read, or prepared, on a thread of its own with a short queue, so that nobody else waits. */
    bool (*is_long)(const void *in);
    bool is_quick;     /* GET of a few point reads: runs on the loop itself */
    bool writes;       /* a GET that writes (set-up link, short link) */
    bool reads;        /* a POST that only asks: its question is too long for an address */
    bool is_body_raw;  /* the body is not JSON; c->body has it */
    const struct shape *body; /* is_body_raw: what is in it, for the API page alone */
};
/* "write_key": a valid X-Write-Key header (or ?key= on beacons), or anyone signed in. */

/* A role every base begins with; what operators make of it lies in table `role`. permissions:
 * "customer.read order.write"; "*" is all. scope: own store all. */
struct role {
    const char *name;
    const char *permissions;
    const char *scope;
    const char *title; /* in the brand's language */
};

/* Live topics: after a commit the pages that listen refetch. Names in the same order. */
enum {
    LIVE_CUSTOMERS = 1,
    LIVE_ORDERS = 2,
    LIVE_CHANNELS = 4,
    LIVE_SETTINGS = 8,
    LIVE_IMPORTS = 16,
    LIVE_EVENTS = 32,
    LIVE_STAFF = 64,
    LIVE_JOBS = 128,
    LIVE_CAMPAIGNS = 256,
    LIVE_LEDGER = 512,
    LIVE_MESSAGES = 1024, /* outbox and inbox */
    LIVE_PAYMENTS = 2048, /* sagas and bills */
    LIVE_TIMERS = 4096,
    LIVE_SEGMENTS = 8192
};
#define LIVE_TOPIC_NAMES                                                                           \
    "customers orders channels settings imports events staff jobs campaigns ledger messages "      \
    "payments timers segments"

int route_status(enum err err); /* HTTP status */
