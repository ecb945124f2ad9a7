/* A brand that lives for ninety days within seconds: customers who join, claim, pay, ask for their money
 * back, become one and go; colleagues who fund, pause, change and take back; an outside that cannot be
 * relied on; a clock that jumps; a process that starts anew. Everything follows from the seed but the
 * order in which threads meet the outside. After each day the auditor compares the books. */
#pragma once

#include "kit/app.h"
#include "kit/outbox.h"
#include "kit/saga.h"

#define SIM_HOUR_MS INT64_C(3600000)

/* ---- what the program has in addition, in the simulator and in the server that is killed ------ */

extern struct app_config sim_config; /* after sim_config_make */
void sim_config_make(void);
/* Each granted reward: a notice leaves (kind sim_notice), and a timer (sim_thanks) counts itself in a
 * counter of that name. Where notices go: */
void sim_notice_port_set(int port);
/* Money back for a reward (its saga's key): once it has arrived, what is left of the reward is taken back. */
struct sim_refund {
    int64_t reward_id, customer_id, amount_fen;
    int64_t saga_id; /* out */
};
enum err sim_refund_start(struct ctx *c, struct sim_refund *refund) MUST_USE;

/* ---- the payee -------------------------------------------------------------------------------- */

/* It loses requests and answers, lets wait, says no, says other amounts, calls back twice and late. It
 * keeps its word in one thing: the same number moves money once. */
struct sim_payee {
    enum err (*pay)(struct app *app, struct arena *arena, const struct saga *saga, struct saga_report *out);
    enum err (*ask)(struct app *app, struct arena *arena, const struct saga *saga, struct saga_report *out);
    enum err (*bill)(struct app *app, struct arena *arena, int64_t day, struct bill_line **lines, int64_t *count);
};
void sim_payee_set(const struct sim_payee *payee);
extern const struct sim_payee sim_payee_flaky; /* in memory, by the virtual clock */
extern const struct sim_payee sim_payee_file;  /* in the file SIM_PAYEE, so that it outlives kill -9 */
void sim_payee_reset(int64_t seed);
void sim_payee_deliver(struct app *app, struct arena *arena); /* what it calls back and what arrives late, by now */
int64_t sim_payee_moved(int64_t saga_id, int64_t *amount_fen); /* how often money moved under this number */
int64_t sim_payee_count(void); /* numbers under which it moved */
void sim_payee_double(void);   /* a mistake: under the next number money moves twice */

/* ---- the base, and what was found in it ------------------------------------------------------- */

struct sim_base; /* a connection of its own beside the program */
struct sim_base *sim_base_open(const char *folder);
void sim_base_close(struct sim_base *base);
int64_t sim_base_number(struct sim_base *base, const char *sql); /* NONE: no row */
void sim_base_run(struct sim_base *base, const char *sql);       /* behind the program's back */

/* What the outside world knows for sure. */
struct sim_known {
    int64_t now_ms;
    int64_t reward_count, order_count, refund_count; /* that were acknowledged */
    const int64_t *arrived_ids; /* rewards whose notice arrived, ascending, each once */
    int64_t arrived_count;
};
/* Every finding is printed; returns how many there are. */
int64_t sim_audit(struct sim_base *base, struct app *app, const struct sim_known *known);

/* ---- a run ------------------------------------------------------------------------------------ */

/* Mistakes put in on purpose, which the auditor must see. */
enum sim_break {
    BREAK_NONE,
    BREAK_POSTING, /* a reward's posting is not there */
    BREAK_REFUND,  /* money goes back twice */
    BREAK_PIECE,   /* a reward without a piece */
    BREAK_NOTICE,  /* a message is gone */
    BREAK_TIMER,   /* a timer did not run */
    BREAK_COUNTER, /* somebody is over the limit */
    BREAK_FACT,    /* the journal does not know of a reward */
    BREAK_SAGA,    /* a payment nobody looks at any more */
    BREAK_COUNT
};
struct sim_run {
    int64_t seed, day_count, customer_count;
    enum sim_break mistake; /* on the third day */
    /* out */
    int64_t finding_count, day_number; /* of the day with findings */
};
void sim_run(struct sim_run *run); /* cmocka asserts inside */
