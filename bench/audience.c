/* engine-open-people: the program over a base of a million customers, from its start to the first
 * answer, people being kept; beside it how long reading them all takes. segment-enter: 200 segments
 * on the same base; from the acknowledge of a request with 100 events, one of which brings its
 * person into a segment, to the commit that has them in it; beside it, in turn, how long a commit
 * of one row takes, which is what the disk takes. */
#include "bench.h"
#include "many_base.h"

#include "gen/kit.q.h"
#include "host/file.h"
#include "kit/route.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SEGMENTS 200
#define ROUNDS 1000
#define EVENTS 100
#define OPEN_BAR_S 2
#define ENTER_BAR_MS 10

static double latencies_ms[ROUNDS], commits_ms[ROUNDS];

/* ---- seeing commits -------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    double at_us; /* of the last commit that changed a segment */
} seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void *seeing_open(struct app *app)
{
    (void)app;
    return &seen;
}

static void seeing_committed(void *part, unsigned topics)
{
    (void)part;
    if (!(topics & LIVE_SEGMENTS))
        return;
    pthread_mutex_lock(&seen.lock);
    seen.at_us = bench_now_us();
    pthread_cond_broadcast(&seen.came);
    pthread_mutex_unlock(&seen.lock);
}

static const struct app_part seeing = {.open = seeing_open, .committed = seeing_committed};

static double seen_after(double from_us)
{
    struct timespec until = {.tv_sec = time(NULL) + 60};
    double at_us;

    pthread_mutex_lock(&seen.lock);
    while (seen.at_us < from_us)
        must(pthread_cond_timedwait(&seen.came, &seen.lock, &until) == 0);
    at_us = seen.at_us;
    pthread_mutex_unlock(&seen.lock);
    return at_us;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int ask(struct app *app, const char *path, struct str body)
{
    struct arena *arena = arena_new((size_t)64 << 20);
    struct app_call call = {.method = HTTP_POST,
                            .path = str_of(path),
                            .body = body,
                            .cookie = many_session,
                            .csrf = many_csrf,
                            .is_local = true};
    int status;

    app_request(app, arena, &call);
    status = call.status;
    if (status != 200 && status != 503 && status != 409)
        fprintf(stderr, "%s: %d %.*s\n", path, status, STR(call.reply));
    must(status == 200 || status == 503 || status == 409); /* it is there from an earlier run */
    arena_free(arena);
    return status;
}

static void ask_until_answered(struct app *app, const char *path, struct str body)
{
    while (ask(app, path, body) == 503)
        usleep(2000);
}

static double open_s(struct app **app, struct str listen)
{
    double start_us = bench_now_us();

    *app = many_open(listen);
    ask_until_answered(
        *app, "/api/audience/count",
        S("{\"query\":{\"version\":1,\"ask\":\"segment\",\"who\":{\"everyone\":true}}}"));
    return (bench_now_us() - start_us) / 1e6;
}

static void engine_drop(void)
{
    char folder[256];

    snprintf(folder, sizeof(folder), "%.*s/engine",
             (int)(strlen(many_path()) - strlen("/papilio.db")), many_path());
    must(folder_remove(str_of(folder)) == OK);
}

static void bench_open(void)
{
    struct bench_row row = {.name = "engine-open-people",
                            .unit = "s",
                            .peer = "the bar, to the first answer",
                            .peer_value = OPEN_BAR_S,
                            .bar = 1};
    char note[160];
    struct app *app;
    double fill_s;

    app_close(many_open((struct str){0})); /* the base is made */
    engine_drop();
    fill_s = open_s(&app, (struct str){0});
    app_close(app);
    row.value = open_s(&app, (struct str){0});
    app_close(app);
    row.ratio = row.value / row.peer_value;
    snprintf(note, sizeof(note), "%d customers; read from the base: %.1f s", MANY_COUNT, fill_s);
    row.note = note;
    bench_row_print(&row);
}

/* ---- coming in ------------------------------------------------------------------------------- */

static void segments_make(struct app *app)
{
    char body[512];

    for (int i = 0; i < SEGMENTS; i++) {
        bool is_first = i == 0;

        snprintf(
            body, sizeof(body),
            "{\"name\":\"bench %d\",\"definition\":{\"version\":1,\"ask\":\"segment\",\"who\":"
            "{\"did\":{\"kind\":\"%s\",\"within\":{\"last\":{\"days\":%d}}},\"at_least\":%d}}}",
            i, is_first ? "product_viewed" : "page_viewed", 7 + i, is_first ? 1 : 1000);
        ask_until_answered(app, "/api/segments", str_of(body));
    }
    usleep(3000000); /* they are asked of everybody */
}

static struct str events_text(struct buf *out, int round)
{
    buf_reset(out);
    buf_str(out, S("{\"events\":["));
    for (int i = 0; i < EVENTS; i++)
        buf_fmt(out,
                "%s{\"message_id\":\"%ld-%d-%d\",\"kind\":\"%s\",\"properties\":{\"%s\":\"x\"},"
                "\"customer\":{\"kind\":"
                "\"member_no\",\"value\":\"M%07ld\"}}",
                i > 0 ? "," : "", (long)getpid(), round, i,
                i == EVENTS / 2 ? "product_viewed" : "page_viewed",
                i == EVENTS / 2 ? "product_code" : "url",
                i == EVENTS / 2 ? (getpid() * 31L + round * 997L) % MANY_COUNT
                                : random() % MANY_COUNT);
    buf_str(out, S("]}"));
    return buf_view(out);
}

static enum err row_step(struct ctx *c, void *user)
{
    (void)user;
    return q_meta_set(c, S("bench"), str_fmt(c->arena, "%" PRId64, c->now_ms));
}

static double commit_ms(struct app *app)
{
    struct arena *arena = arena_new((size_t)1 << 20);
    double start_us = bench_now_us();

    must(app_write(app, arena, row_step, NULL, NULL) == OK);
    arena_free(arena);
    return (bench_now_us() - start_us) / 1e3;
}

static void bench_enter(void)
{
    struct bench_row row = {.name = "segment-enter",
                            .unit = "ms, p99",
                            .peer = "the bar, after the acknowledge",
                            .peer_value = ENTER_BAR_MS,
                            .bar = 1};
    char note[240];
    struct app *app;
    struct str why;
    struct buf text;

    app_close(many_open((struct str){0}));
    engine_drop(); /* the people of this run alone */
    many_part = &seeing;
    (void)open_s(&app, S("127.0.0.1:0"));
    must(app_listen(app, &why) == OK);
    segments_make(app);
    buf_init(&text, (size_t)1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        double from_us = bench_now_us(), acknowledged_us, in_us;

        ask_until_answered(app, "/api/v1/events", events_text(&text, round));
        acknowledged_us = bench_now_us();
        in_us = seen_after(from_us);
        latencies_ms[round] = (in_us - acknowledged_us) / 1e3;
        commits_ms[round] = commit_ms(app);
    }
    (void)bench_median(latencies_ms, ROUNDS);
    (void)bench_median(commits_ms, ROUNDS);
    row.value = latencies_ms[ROUNDS * 99 / 100];
    row.ratio = row.value / row.peer_value;
    snprintf(note, sizeof(note),
             "%d segments, %d customers, %d requests of %d events; median %.2f ms, most %.1f ms; a "
             "commit of one row: "
             "median %.2f ms, p99 %.1f ms, most %.1f ms",
             SEGMENTS, MANY_COUNT, ROUNDS, EVENTS, latencies_ms[ROUNDS / 2],
             latencies_ms[ROUNDS - 1], commits_ms[ROUNDS / 2], commits_ms[ROUNDS * 99 / 100],
             commits_ms[ROUNDS - 1]);
    row.note = note;
    bench_row_print(&row);
    buf_release(&text);
    app_close(app);
}

int main(void)
{
    if (bench_wants("engine-open-people"))
        bench_open();
    if (bench_wants("segment-enter"))
        bench_enter();
    return 0;
}
