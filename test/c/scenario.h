/* Routes tested as tables: a row is a request, what it answers and which events it fires. Each row
 * that changes something is run again and again with its 1st, 2nd, ... nth statement failing until
 * none does (nothing may have changed each time), and once more under the same idempotency key
 * (nothing may happen twice). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h; cmocka's fail_msg stands on it */
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

#include "kit/app.h"

#define GET HTTP_GET
#define POST HTTP_POST

#define SCENARIO_WAIT_MS 60000 /* for another thread; only where it never comes is so much waited */

enum scenario_as { AS_ADMIN, AS_OPERATOR, AS_VIEWER, AS_NOBODY, AS_KEY, AS_LOCAL };

/* In path, body, contains and key `$name` stands for what scenario_set or .keep put under that
 * name; in path, body and contains ' is ". */
struct scenario {
    const char *name;
    enum scenario_as as;
    enum http_method method;
    const char *path; /* with its query */
    const char *body; /* NULL: none */
    int status;
    const char *contains; /* of the answer; "": anything */
    const char *events; /* kinds of the journal rows it makes, blank-separated, in order; NULL: not
                           looked at */
    /* by name */
    const char *keep;  /* the answer's "id" is kept under this name */
    const char *key;   /* Idempotency-Key; NULL: the runner's own */
    const char *lacks; /* must not be in the answer */
    bool is_plain;     /* run once, without failing statements and the repeat */
};

/* A new base in a folder of its own, with staff admin, operator, viewer (password "a long
 * password") and a write key. The clock stands at 2026-03-01T02:00:00Z (10:00 in Shanghai) and goes
 * on a second a request. */
int scenario_open(void **state);       /* cmocka set-up; with the product's own tables */
int scenario_open_empty(void **state); /* the same with nobody in it yet */
int scenario_close(void **state);      /* cmocka tear-down; checks the base's keys and references */
/* The product's, unless set before opening; with .listen it serves there. */
extern const struct app_config *scenario_config;
extern struct app *scenario_app;
extern struct arena *scenario_arena; /* until scenario_close */

void scenario_run_all(const struct scenario *cases, size_t count);
#define scenario_run(cases) scenario_run_all((cases), ARRAY_LEN(cases))
/* Each once, under its name as key: where threads write beside the requests, so that a base is never as it was. */
void scenario_run_once(const struct scenario *cases, size_t count);
void scenario_names_await(void); /* until customers are found by parts of their names; the clock stands still */
void scenario_reopen(void); /* the app is closed and opened again on its folder */

void scenario_set(const char *name, const char *value);
struct str scenario_filled(const char *body); /* a body with its names and quotes put in */
const char *scenario_get(const char *name); /* fails the test where nothing is kept */
struct str scenario_differences(void);      /* between the engine and the base, as audience_check names them; empty: none */
int64_t scenario_number(const char *sql);   /* first column of the first row; NONE: no row, NULL */
const char *scenario_text(const char *sql); /* the same; NULL; in the arena */
void scenario_sql(const char *sql);         /* behind the program's back */
uint64_t scenario_state(void);              /* hash over all tables */
void scenario_clock(int64_t now_ms);        /* from now on */
struct app_call scenario_ask(enum scenario_as as, enum http_method method, const char *path,
                             const char *body); /* one request, nothing checked */
/* Runs fn on the writer and fails the test if it fails. */
void scenario_write(app_command *fn, void *user);
