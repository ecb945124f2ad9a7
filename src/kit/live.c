/* Open event streams: after a commit each hears which topics changed and refetches, at once when it
 * was quiet and a few times a second under load, whatever is committed meanwhile. No stream holds
 * a connection to the database, and none outlives the session that opened it: a sign-out ends all
 * streams of that person, and those of their other sessions come back by themselves. */
#include "host/clock.h"
#include "kit/kit_private.h"

#define STREAM_MAX 2000
#define REST_MS 250
#define WAIT_MS 60000

struct live {
    struct app *app;
    pthread_mutex_t lock;
    struct {
        struct http_stream *stream;
        int64_t staff_id; /* NONE: over the local socket */
    } open[STREAM_MAX];
    int count;
    unsigned topics; /* to be told */
    pthread_cond_t wake;
    pthread_t thread;
    bool is_started, is_stopping;
};

struct live *live_new(struct app *app)
{
    struct live *live = arena_new_one(app->arena, struct live);

    live->app = app;
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->wake, NULL);
    return live;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void topics_write(struct buf *buf, unsigned topics)
{
    struct str rest = S(LIVE_TOPIC_NAMES), name;
    struct json_out json;

    buf_str(buf, S("event: topic\ndata: "));
    json_out_init(&json, buf);
    json_object_begin(&json);
    json_name(&json, "topics");
    json_array_begin(&json);
    for (unsigned bit = 1; rest.len > 0; bit <<= 1) {
        str_cut(rest, ' ', &name, &rest);
        if (topics & bit)
            json_str(&json, name);
    }
    json_array_end(&json);
    json_object_end(&json);
    buf_str(buf, S("\n\n"));
}

static void tell_locked(struct live *live)
{
    struct buf buf;

    buf_init(&buf, 4096);
    topics_write(&buf, live->topics);
    live->topics = 0;
    for (int i = 0; i < live->count; i++)
        http_stream_send(live->open[i].stream, buf_view(&buf));
    buf_release(&buf);
}

static void *teller_main(void *arg)
{
    struct live *live = arg;
    int64_t rest_us = 0, left_us;

    pthread_mutex_lock(&live->lock);
    while (!live->is_stopping) {
        left_us = rest_us - clock_mono_us();
        if (live->topics == 0)
            clock_wait(&live->wake, &live->lock, WAIT_MS);
        else if (left_us > 0)
            clock_wait(&live->wake, &live->lock, left_us / 1000 + 1);
        else {
            tell_locked(live);
            rest_us = clock_mono_us() + REST_MS * INT64_C(1000);
        }
    }
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

/* ---- streams --------------------------------------------------------------------------------- */

static void stream_closed(void *user, struct http_stream *stream)
{
    struct live *live = user;

    pthread_mutex_lock(&live->lock);
    for (int i = 0; i < live->count; i++)
        if (live->open[i].stream == stream)
            live->open[i--] = live->open[--live->count];
    pthread_mutex_unlock(&live->lock);
}

static struct http_stream *stream_add(struct live *live, struct http_request *request,
                                      int64_t staff_id)
{
    struct http_stream *stream = NULL;

    pthread_mutex_lock(&live->lock);
    if (!live->is_started && !live->is_stopping)
        live->is_started = pthread_create(&live->thread, NULL, teller_main, live) == 0;
    if (live->is_started && live->count < STREAM_MAX) {
        stream = http_stream_open(request, S(""), stream_closed, live);
        live->open[live->count].stream = stream;
        live->open[live->count++].staff_id = staff_id;
    }
    pthread_mutex_unlock(&live->lock);
    return stream;
}

/* Who signs out between the gate and here would keep the stream: so the gate is asked once more
 * when live_end can already find it. */
void live_open(struct live *live, struct call *call, struct http_request *request)
{
    struct http_reply head = {.status = 200, .type = "text/event-stream"};
    struct http_reply busy = {
        .status = 503, .type = "application/json", .headers = S("Retry-After: 1\r\n")};
    struct http_stream *stream;

    if (call->method == HTTP_HEAD) {
        http_reply(request, &head);
        return;
    }
    stream = stream_add(live, request, call->who.staff_id);
    if (stream == NULL) {
        busy.body = S("{\"error\":{\"code\":\"live.full\",\"message\":\"too many streams\"}}");
        http_reply(request, &busy);
    } else if (gate_pass(call) != OK) {
        http_stream_close(stream);
    }
}

void live_end(struct live *live, int64_t staff_id)
{
    pthread_mutex_lock(&live->lock);
    for (int i = 0; i < live->count; i++)
        if (live->open[i].staff_id == staff_id)
            http_stream_close(live->open[i].stream);
    pthread_mutex_unlock(&live->lock);
}

void live_publish(struct live *live, unsigned topics)
{
    pthread_mutex_lock(&live->lock);
    if (live->count > 0) {
        if (live->topics == 0)
            pthread_cond_signal(&live->wake);
        live->topics |= topics;
    }
    pthread_mutex_unlock(&live->lock);
}

void live_stop(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    live->is_stopping = true;
    pthread_cond_signal(&live->wake);
    pthread_mutex_unlock(&live->lock);
    if (live->is_started)
        pthread_join(live->thread, NULL);
}
