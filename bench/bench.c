/* See bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FSYNC_COUNT 101

static void number(const char *name, double value)
{
    printf("\"%s\":%.6g,", name, value);
}

void bench_row_print(const struct bench_row *row)
{
    bool holds =
        row->bar == 0 || (row->is_at_least ? row->ratio >= row->bar : row->ratio <= row->bar);

    printf("{\"name\":\"%s\",\"unit\":\"%s\",\"peer\":\"%s\",", row->name, row->unit, row->peer);
    number("value", row->value);
    number("peer_value", row->peer_value);
    number("ratio", row->ratio);
    if (row->bar > 0) {
        number("bar", row->bar);
        printf("\"bar_is\":\"%s\",", row->is_at_least ? "least" : "most");
    }
    if (row->note != NULL)
        printf("\"note\":\"%s\",", row->note);
    printf("\"holds\":%s}\n", holds ? "true" : "false");
    fflush(stdout);
}

bool bench_wants(const char *name)
{
    const char *wanted = getenv("BENCH_NAME");

    return wanted == NULL || wanted[0] == 0 || strstr(name, wanted) != NULL;
}

/* ---- SQLite by hand ---------------------------------------------------------------- */

void bench_hand_run(struct sqlite3 *db, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, why);
        abort();
    }
}

struct sqlite3 *bench_hand_open(const char *folder, const char *name)
{
    char path[128];
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    bench_hand_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return db;
}

/* ---- children ---------------------------------------------------------------------- */

void bench_pin(int cpu)
{
    cpu_set_t set;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof(set), &set) == 0);
}

void bench_unpin(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
        CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof(set), &set) == 0);
}

void bench_report(int report, int port)
{
    must(write(report, &port, sizeof(port)) == sizeof(port));
    close(report);
}

struct bench_child bench_start(void (*serve)(int report, void *user), void *user)
{
    struct bench_child child = {0};
    int ends[2];

    must(pipe(ends) == 0);
    fflush(stdout);
    child.pid = fork();
    must(child.pid >= 0);
    if (child.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        bench_pin(BENCH_SERVER_CPU);
        serve(ends[1], user);
        _exit(1);
    }
    close(ends[1]);
    must(read(ends[0], &child.port, sizeof(child.port)) == sizeof(child.port));
    close(ends[0]);
    return child;
}

void bench_stop(struct bench_child child)
{
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
}

double bench_cpu_us(pid_t pid)
{
    char path[64];
    glob_t found;
    double total_us = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/*/schedstat", (int)pid);
    must(glob(path, 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");
        long long run_ns = 0;

        if (file == NULL)
            continue;
        if (fscanf(file, "%lld", &run_ns) == 1)
            total_us += (double)run_ns / 1000;
        fclose(file);
    }
    globfree(&found);
    return total_us;
}

/* ---- load ---------------------------------------------------------------------- */

static double in_ms(double value, const char *unit)
{
    return strncmp(unit, "us", 2) == 0   ? value / 1000
           : strncmp(unit, "ms", 2) == 0 ? value
                                         : value * 1000;
}

static void read_wrk_line(const char *line, struct bench_load *load)
{
    long long a, b, c, d, e;
    double value;
    char unit[8];

    if (sscanf(line, " %lld requests in", &a) == 1)
        load->request_count = a;
    if (sscanf(line, " Socket errors: connect %lld, read %lld, write %lld, timeout %lld", &a, &b,
               &c, &d) == 4)
        load->bad_count += a + b + c + d;
    if (sscanf(line, " Non-2xx or 3xx responses: %lld", &e) == 1)
        load->bad_count += e;
    if (sscanf(line, " 99%% %lf%7s", &value, unit) == 2)
        load->p99_ms = in_ms(value, unit);
    if (sscanf(line, "Requests/sec: %lf", &value) == 1)
        load->per_s = value;
}

struct bench_load bench_wrk(int port, const char *path, int connections, int seconds,
                            const char *script)
{
    struct bench_load load = {0};
    char command[512], line[256];
    bool is_pinned = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    FILE *out;

    snprintf(command, sizeof(command),
             "%s wrk -t1 -c%d -d%d --latency %s %s http://127.0.0.1:%d%s 2>&1",
             is_pinned ? "taskset -c 1" : "", connections, seconds, script != NULL ? "-s" : "",
             script != NULL ? script : "", port, path);
    out = popen(command, "r");
    must(out != NULL);
    while (fgets(line, sizeof(line), out) != NULL)
        read_wrk_line(line, &load);
    must(pclose(out) == 0);
    must(load.request_count > 0);
    return load;
}

/* ---- figures ---------------------------------------------------------------------- */

double bench_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, int count)
{
    must(count > 0);
    qsort(values, (size_t)count, sizeof(*values), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bench_least(const double *values, int count)
{
    double least = values[0];

    for (int i = 1; i < count; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

double bench_fsync_us(const char *folder)
{
    static char page[4096];
    double took_us[FSYNC_COUNT];
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/fsync-probe", folder);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0);
    for (int i = 0; i < FSYNC_COUNT; i++) {
        double start_us = bench_now_us();

        must(write(fd, page, sizeof(page)) == sizeof(page));
        must(fdatasync(fd) == 0);
        took_us[i] = bench_now_us() - start_us;
    }
    close(fd);
    unlink(path);
    return bench_median(took_us, FSYNC_COUNT);
}

/* ---- the bare loop ---------------------------------------------------------------------- */

static int bare_listen(int report)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0);
    must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    must(listen(fd, 1024) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    bench_report(report, ntohs(address.sin_port));
    return fd;
}

static void bare_accept(int epoll, int listener)
{
    int fd, on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    }
}

void bench_bare_loop(int report, void *answer)
{
    static char bytes[65536];
    struct str text = *(struct str *)answer;
    int listener = bare_listen(report), epoll = epoll_create1(0);
    struct epoll_event events[1024], event = {.events = EPOLLIN, .data.fd = listener};

    must(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        int count = epoll_wait(epoll, events, ARRAY_LEN(events), -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                bare_accept(epoll, listener);
            else if (read(fd, bytes, sizeof(bytes)) <= 0)
                close(fd);
            else
                must(write(fd, text.at, text.len) == (ssize_t)text.len || errno == EPIPE ||
                     errno == ECONNRESET);
        }
    }
}
