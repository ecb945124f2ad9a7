/* export-xlsx: customers of the base of a million to a file, as a job does it: from the base,
 * unsealed and masked, with tags, into the sheet; beside a bare loop that writes as many like
 * cells. Memory: how far the process grew meanwhile. */
#include "bench.h"
#include "many_base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "host/xlsx.h"
#include "kit/job.h"

#define ROWS_PER_S 40000
#define MEMORY_MB 64
#define FILTER "{\"order_min_count\":4}"

static struct app_call ask(struct app *app, struct arena *arena, const char *address,
                           struct str body)
{
    struct app_call call = {.method = body.at ? HTTP_POST : HTTP_GET,
                            .body = body,
                            .cookie = many_session,
                            .csrf = many_csrf};

    str_cut(str_of(address), '?', &call.path, &call.query);
    app_request(app, arena, &call);
    if (call.status != 200)
        printf("%s: %d %.*s\n", address, call.status, STR(call.reply));
    must(call.status == 200);
    return call;
}

static int64_t number_of(struct arena *arena, struct str reply, const char *name)
{
    struct json json;
    const struct json *member;
    int64_t number;

    must(json_parse(arena, reply, &json, NULL) == OK);
    member = json_get(&json, name);
    if (member->type == JSON_INT)
        return member->integer;
    must(str_to_int(member->text, &number));
    return number;
}

/* What is the process's own: pages of the base that are mapped belong to the system's cache. */
static double own_mb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    long kb = 0;

    must(file != NULL);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld kB", &kb) == 1)
            break;
    fclose(file);
    return (double)kb / 1024;
}

static double most_mb;
static _Atomic bool is_over;

static void *watch_main(void *unused)
{
    (void)unused;
    while (!is_over) {
        double now_mb = own_mb();
        most_mb = now_mb > most_mb ? now_mb : most_mb;
        usleep(20000);
    }
    return NULL;
}

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double wall_s;

/* Rows a CPU second of one export, from the request to the whole file. */
static double export_run(struct app *app, struct arena *arena, int64_t *rows)
{
    struct app_call call =
        ask(app, arena, "/api/customers?limit=1&order_min_count=4", (struct str){0});
    double start_us = cpu_us(), began_us = bench_now_us();
    int64_t job_id;

    *rows = number_of(arena, call.reply, "total_count");
    call = ask(app, arena, "/api/customers/bulk",
               str_fmt(arena,
                       "{\"action\":\"export\",\"format\":\"xlsx\",\"lang\":\"zh\","
                       "\"confirm_count\":%" PRId64 ",\"filter\":" FILTER "}",
                       *rows));
    job_id = number_of(arena, call.reply, "job_id");
    job_await(app);
    start_us = cpu_us() - start_us;
    wall_s = (bench_now_us() - began_us) / 1e6;
    call = ask(app, arena, str_cstr(arena, str_fmt(arena, "/api/jobs/%" PRId64, job_id)),
               (struct str){0});
    must(str_find(call.reply, S("\"status\":\"done\"")) >= 0);
    must(number_of(arena, call.reply, "changed_count") == *rows);
    return (double)*rows / start_us * 1e6;
}

/* The cells of the usual twelve columns, written and nothing else. */
static double bare_run(struct arena *arena, int64_t rows)
{
    static const char *const texts[] = {
        "张婀娜", "139****0001", "渠道 12", "复购", "标签 1, 标签 2, 标签 4", "导购 17", "门店 9"};
    static const int widths[] = {10, 10, 14, 14, 10, 10, 12, 12, 16, 16, 17, 17};
    struct str path = str_fmt(arena, "build/bare-%d.xlsx", getpid());
    double start_us = cpu_us();
    struct arena *page = arena_new(1 << 20);
    struct xlsx *xlsx;

    must(xlsx_create(arena, path, widths, ARRAY_LEN(widths), &xlsx) == OK);
    for (int64_t i = 0; i < rows; i++) {
        arena_reset(page);
        xlsx_number(xlsx, i, 0);
        for (size_t j = 0; j < ARRAY_LEN(texts); j++)
            xlsx_text(xlsx, str_of(texts[j]));
        xlsx_number(xlsx, i % 7, 0);
        xlsx_number(xlsx, i * 100, 2);
        xlsx_text(xlsx, str_fmt(page, "2026-%02d-01 10:%02d", (int)(i % 12 + 1), (int)(i % 60)));
        xlsx_text(xlsx, str_fmt(page, "2025-%02d-02 11:%02d", (int)(i % 12 + 1), (int)(i % 60)));
        xlsx_row_end(xlsx);
    }
    must(xlsx_close(xlsx) == OK);
    unlink(str_cstr(arena, path));
    arena_free(page);
    return (double)rows / (cpu_us() - start_us) * 1e6;
}

int main(void)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct bench_row row = {.name = "export-xlsx",
                            .unit = "rows/CPU s",
                            .peer = "bar",
                            .peer_value = ROWS_PER_S,
                            .bar = 1,
                            .is_at_least = true};
    struct bench_row memory = {.name = "export-xlsx-memory",
                               .unit = "MB",
                               .peer = "bar",
                               .peer_value = MEMORY_MB,
                               .bar = 1};
    double before_mb, bare;
    pthread_t watcher;
    struct app *app;
    int64_t rows;

    if (!bench_wants("export-xlsx"))
        return 0;
    app = many_open((struct str){0});
    before_mb = own_mb();
    must(pthread_create(&watcher, NULL, watch_main, NULL) == 0);
    row.value = export_run(app, arena, &rows);
    is_over = true;
    pthread_join(watcher, NULL);
    memory.value = most_mb - before_mb;
    bare = bare_run(arena, rows);
    row.ratio = row.value / row.peer_value;
    memory.ratio = memory.value / memory.peer_value;
    printf(
        "%" PRId64
        " rows of 12 cells: %.0f rows/s; a bare loop of like cells %.0f rows/s; grew by %.0f MB\n",
        rows, row.value, bare, memory.value);
    bench_row_print(&row);
    bench_row_print(&memory);
    app_close(app);
    arena_free(arena);
    return 0;
}
