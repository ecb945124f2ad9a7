/* What benchmarks share: servers in child processes pinned to a CPU, their CPU time, wrk as the load, the disk's fsync, and the
 * rows that bench/run.mjs collects. A benchmark prints what it likes on stdout; a row is a line of JSON there. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

#define BENCH_SERVER_CPU 0
#define BENCH_CLIENT_CPU 1
#define BENCH_ROUND_MAX 32

/* One promise: our value beside the peer's of the same run. */
struct bench_row {
    const char *name, *unit, *peer;
    double value, peer_value;
    double ratio, bar; /* bar 0: none, the row is for knowing */
    bool is_at_least;   /* the bar is a least, not a most */
    const char *note;   /* maybe NULL: what the figure depends on */
};
void bench_row_print(const struct bench_row *row);
bool bench_wants(const char *name); /* false: NAME=... asks for others */

/* Runs serve in a child on the server's CPU; serve reports its port through *report and never returns. Dies with us. */
struct bench_child {
    pid_t pid;
    int port;
};
void bench_report(int report, int port);
struct bench_child bench_start(void (*serve)(int report, void *user), void *user);
void bench_stop(struct bench_child child);
double bench_cpu_us(pid_t pid); /* of all its threads, from the scheduler */
void bench_pin(int cpu);        /* this process; nothing if there is only one */
void bench_unpin(void);         /* on all CPUs, as a server is */

/* wrk for some seconds on the client's CPU; script: Lua for wrk, or NULL. */
struct bench_load {
    int64_t request_count, bad_count;
    double per_s, p99_ms;
};
struct bench_load bench_wrk(int port, const char *path, int connections, int seconds, const char *script);

/* The peer that is SQLite by hand: a file of the folder, in WAL with synchronous = FULL as the product's. What fails ends the
 * benchmark with SQLite's words. */
struct sqlite3 *bench_hand_open(const char *folder, const char *name);
void bench_hand_run(struct sqlite3 *db, const char *sql);

double bench_now_us(void);
double bench_median(double *values, int count); /* sorts them */
double bench_least(const double *values, int count);
double bench_fsync_us(const char *folder); /* median of 4 KiB appended and fdatasynced */

/* A bare epoll loop that answers every read with the same bytes: the limit of this machine. Child's side of bench_start. */
void bench_bare_loop(int report, void *answer); /* struct str * */
