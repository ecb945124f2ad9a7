/* What a handler, a reaction or a command works with: memory, a connection inside a transaction,
 * the time, who asks. It lives as long as that one request; so does everything taken from it.
 * Handlers know nothing of HTTP, permissions or transactions. */
#pragma once

#include "base/base.h"
#include "base/time.h"
#include "host/crypto.h"
#include "host/db.h"

struct app;

/* Something held beyond memory and transaction: given back when the step of the request ends, however it ends. */
struct ctx_end {
    struct ctx_end *next;
    void (*run)(void *user); /* NULL: it was given back already */
    void *user;
};

/* How far one sees: the customers one owns, those of one's store and what lies under it, all. */
enum { REACH_OWN = 0, REACH_STORE = 1, REACH_ALL = 2 };

/* The threads behind that may have something to do after a commit. */
enum { WAKE_INBOX = 1, WAKE_OUTBOX = 2, WAKE_SAGA = 4 };

/* What went wrong, for the answer. `path` names the input field: "lines/0/price_fen". */
struct fault {
    enum err err;
    const char *code; /* stable: "customer.exists" */
    struct str message;
    struct str path;
    int64_t wait_ms; /* E_RATE, E_BUSY: again after that; 0: soon; NONE: waiting does not help */
};

struct ctx {
    struct app *app;
    struct arena *arena;
    struct db *db;
    int64_t now_ms;         /* of this command; never before that of an earlier commit */
    int64_t me_staff_id;    /* NONE: nobody, or the command line */
    int64_t me_customer_id; /* NONE */
    int64_t me_api_key_id;  /* NONE: not a program with a key */
    int64_t me_reach_number; /* whose customers: REACH_... ; in_scope() of the queries reads it */
    struct str me_org_path, me_org_path_end; /* the branch of REACH_STORE; no value: none */
    struct str me_permissions; /* blank-separated; "*" is all */
    struct fault fault;
    int statement_count, statement_max;
    unsigned topics; /* LIVE_... bits to announce after the commit */
    int64_t timer_due_ms; /* the earliest that timer_set was given; NONE: none */
    struct timer_page *timer_page; /* the due timers of which one is running; NULL: none is */
    unsigned wakes;  /* WAKE_... bits: whose rows there may be after the commit */
    /* what only some row kinds use */
    struct str body;          /* the request's body as it came */
    struct str session_now;   /* the token of the session that asks */
    struct str session_token; /* set by session_begin: becomes the cookie */
    bool is_session_over;     /* set by session_end: the cookie goes */
    int64_t ended_staff_id;   /* set by session_end...: whose open event streams end; NONE */
    struct str agent;         /* the browser, as it names itself */
    struct str peer;          /* address of the peer (IPv6: its network), for throttling */
    struct str upload_path;   /* ROUTE_UPLOAD: the file with the body; gone after the answer unless
                                 renamed */
    struct str redirect_to;   /* ROUTE_REDIRECT: set by the handler */
    struct str file_name;     /* ROUTE_DOWNLOAD: set by the handler, with file_type and file_body */
    const char *file_type;
    struct str file_body;
    struct str file_path; /* instead of file_body: sent from the disk */
    const char *audit_noun; /* kit/audit.h */
    int64_t audit_subject_id;
    struct str audit_detail;
    void *prepared; /* what .prepare left for the handler */
    struct ctx_end *ends; /* the latest first */
};

/* `end` lies in the ctx's arena: what is to be given back is told before anything else can fail. */
void ctx_at_end(struct ctx *c, struct ctx_end *end);
void ctx_end(struct ctx *c);
/* A buffer that is released at the end, however it comes; whoever releases it before does no harm. */
struct buf *ctx_buf(struct ctx *c, size_t max_bytes);

/* Keeps code and message for the answer and the log and returns err: `return fail(c, E_CONFLICT,
 * "coupon.gone", "...")`. */
enum err fail(struct ctx *c, enum err err, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* E_INPUT about one input field, "lines/0/price_fen". */
enum err fail_at(struct ctx *c, const char *code, struct str path, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* For generated code: counts a statement against the budget; keeps a database error's own words for
 * the log. */
enum err ctx_statement(struct ctx *c, int query) MUST_USE;
enum err ctx_db_failed(struct ctx *c, enum err err, const char *query);

/* Has the one who asks this right? For what a right only changes, such as plain names in a list;
 * whether a route may be called stands in its row. */
bool ctx_may(const struct ctx *c, const char *permission);
/* Every one of these, blank-separated: nobody gives what one does not have. */
bool ctx_may_all(const struct ctx *c, struct str permissions);
/* Takes on the rights and the reach of this colleague, as they are now: for jobs, at each page.
 * E_FORBIDDEN "staff.gone" when inactive. */
enum err ctx_become(struct ctx *c, int64_t staff_id) MUST_USE;

/* A new id: 41 bits of milliseconds, 8 of node, 14 of counter. Time-ordered. */
int64_t ctx_id(struct ctx *c);
int64_t ctx_id_at(int64_t ms); /* ids given out before that time lie below it */
int64_t ctx_id_ms(int64_t id); /* when it was given out */
/* The brand's zone (set at set-up; Asia/Shanghai before). */
const struct zone *ctx_zone(struct ctx *c);

/* Personal data. `noun` and `id` bind the sealed text to its row. No value stays no value. */
struct str ctx_seal(struct ctx *c, struct str text, const char *noun, int64_t id);
enum err ctx_unseal(struct ctx *c, struct str sealed, const char *noun, int64_t id,
                    struct str *out) MUST_USE;
struct str ctx_keyed_hash(struct ctx *c, const char *kind, struct str text); /* HASH_BYTES bytes */
