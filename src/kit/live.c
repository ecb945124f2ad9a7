/* Open event streams: after a commit each hears which topics changed and refetches. No stream holds
 * a connection to the database, and none outlives the session that opened it: a sign-out ends all
 * streams of that person, and those of their other sessions come back by themselves. */
#include "kit/kit_private.h"

#define STREAM_MAX 2000

struct live {
    struct app *app;
    pthread_mutex_t lock;
    struct {
        struct http_stream *stream;
        int64_t staff_id; /* NONE: over the local socket */
    } open[STREAM_MAX];
    int count;
};

struct live *live_new(struct app *app)
{
    struct live *live = arena_new_one(app->arena, struct live);

    live->app = app;
    pthread_mutex_init(&live->lock, NULL);
    return live;
}

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
    if (live->count < STREAM_MAX) {
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
    struct http_reply busy = {.status = 503, .type = "application/json"};
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
    struct str rest = S(LIVE_TOPIC_NAMES), name;
    struct json_out json;
    struct buf buf;

    buf_init(&buf, 4096);
    buf_str(&buf, S("event: topic\ndata: "));
    json_out_init(&json, &buf);
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
    buf_str(&buf, S("\n\n"));
    pthread_mutex_lock(&live->lock);
    for (int i = 0; i < live->count; i++)
        http_stream_send(live->open[i].stream, buf_view(&buf));
    pthread_mutex_unlock(&live->lock);
    buf_release(&buf);
}
