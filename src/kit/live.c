/* Open event streams: after a commit each hears which topics changed and refetches. No stream holds
 * a connection to the database. */
#include "kit/kit_private.h"

#define STREAM_MAX 2000

struct live {
    struct app *app;
    pthread_mutex_t lock;
    struct http_stream *streams[STREAM_MAX];
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
        if (live->streams[i] == stream)
            live->streams[i--] = live->streams[--live->count];
    pthread_mutex_unlock(&live->lock);
}

void live_open(struct live *live, struct http_request *request)
{
    struct http_reply busy = {.status = 503, .type = "application/json"};
    struct http_stream *stream;

    pthread_mutex_lock(&live->lock);
    if (live->count == STREAM_MAX) {
        pthread_mutex_unlock(&live->lock);
        busy.body = S("{\"error\":{\"code\":\"live.full\",\"message\":\"too many streams\"}}");
        http_reply(request, &busy);
        return;
    }
    stream = http_stream_open(request, S(""), stream_closed, live);
    if (stream)
        live->streams[live->count++] = stream;
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
        http_stream_send(live->streams[i], buf_view(&buf));
    pthread_mutex_unlock(&live->lock);
    buf_release(&buf);
}
