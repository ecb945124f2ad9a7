/* The log (JSON lines on stderr), the trace of a call, and the figures for Prometheus. */
#include <stdio.h>

#include "host/clock.h"
#include "kit/kit_private.h"

#define SLOW_US 250000
#define LINE_MAX (64 * 1024)

static void line_begin(struct json_out *json, struct buf *buf, const char *level, const char *event)
{
    buf_init(buf, LINE_MAX);
    json_out_init(json, buf);
    json_object_begin(json);
    json_name(json, "at_ms");
    json_int(json, clock_now_ms());
    json_name(json, "level");
    json_str(json, str_of(level));
    json_name(json, "event");
    json_str(json, str_of(event));
}

static void line_end(struct json_out *json, struct buf *buf)
{
    json_object_end(json);
    buf_char(buf, '\n');
    if (!buf->is_full)
        fwrite(buf->at, 1, buf->len, stderr);
    buf_release(buf);
}

void app_log(struct app *app, const char *level, const char *event, const char *fmt, ...)
{
    struct arena *arena = arena_new(LINE_MAX);
    struct json_out json;
    struct buf buf;
    va_list args;

    (void)app;
    va_start(args, fmt);
    line_begin(&json, &buf, level, event);
    json_name(&json, "message");
    json_str(&json, str_vfmt(arena, fmt, args));
    line_end(&json, &buf);
    va_end(args);
    arena_free(arena);
}

static void number(struct json_out *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

/* Microseconds between two stations; a station that was not passed counts as the one before it. */
static int64_t span(int64_t from_us, int64_t to_us)
{
    return to_us > from_us && from_us > 0 ? to_us - from_us : 0;
}

static void trace_line(struct call *call, const char *level, const char *event)
{
    const struct trace *trace = &call->trace;
    struct json_out json;
    struct buf buf;

    line_begin(&json, &buf, level, event);
    json_name(&json, "route");
    json_str(&json, call->route ? str_of(call->route->path) : S("(none)"));
    number(&json, "status", call->status);
    number(&json, "gate_us", span(trace->start_us, trace->gated_us));
    number(&json, "wait_us", span(trace->gated_us, trace->begun_us));
    number(&json, "run_us", span(trace->begun_us, trace->run_us));
    number(&json, "commit_us", span(trace->run_us, trace->done_us));
    number(&json, "database_us", trace->database_us);
    number(&json, "statements", trace->statement_count);
    if (call->err != OK && call->ctx.fault.code) {
        json_name(&json, "code");
        json_str(&json, str_of(call->ctx.fault.code));
        json_name(&json, "message");
        json_str(&json, call->status >= 500 ? call->ctx.fault.message : S(""));
    }
    line_end(&json, &buf);
}

void log_call(struct call *call)
{
    struct metrics *metrics = &call->app->metrics;
    bool is_failed;

    if (call->command) {
        atomic_fetch_add(&metrics->command_count, 1);
        return;
    }
    is_failed = call->status >= 500 && call->err != E_BUSY && !call->did_fail;
    atomic_fetch_add(&metrics->request_count[call->status / 100 % 6], 1);
    if (call->is_kept)
        atomic_fetch_add(&metrics->replay_count, 1);
    if (is_failed)
        trace_line(call, "error", "failed");
    else if (call->app->config.is_trace)
        trace_line(call, "info", "request");
    else if (call->trace.done_us - call->trace.start_us > SLOW_US)
        trace_line(call, "warn", "slow");
    if (call->trace.done_us - call->trace.start_us > SLOW_US)
        atomic_fetch_add(&metrics->slow_count, 1);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   int64_t value)
{
    buf_fmt(out, "# HELP papilio_%s %s\n# TYPE papilio_%s %s\npapilio_%s %" PRId64 "\n", name, help,
            name, type, name, value);
}

void metrics_write(struct app *app, struct buf *out)
{
    struct metrics *m = &app->metrics;
    struct http_stats stats = {0};

    http_stats(app->server, &stats);
    buf_str(out, S("# HELP papilio_requests_total Answers by status class.\n"
                   "# TYPE papilio_requests_total counter\n"));
    for (int i = 2; i < 6; i++)
        buf_fmt(out, "papilio_requests_total{class=\"%dxx\"} %" PRId64 "\n", i,
                m->request_count[i]);
    metric(out, "connections", "gauge", "Open connections.", stats.connection_count);
    metric(out, "http_requests_total", "counter", "Requests read.", stats.request_count);
    metric(out, "http_refused_total", "counter", "Requests refused by the HTTP layer.",
           stats.refused_count);
    metric(out, "bytes_in_total", "counter", "Bytes read.", stats.byte_in_count);
    metric(out, "bytes_out_total", "counter", "Bytes written.", stats.byte_out_count);
    metric(out, "commits_total", "counter", "Groups committed.", m->commit_count);
    metric(out, "commands_total", "counter", "Commands of the program itself.", m->command_count);
    metric(out, "write_us_total", "counter", "Time the writer was busy.", m->write_us);
    metric(out, "replays_total", "counter", "Answers repeated by their key.", m->replay_count);
    metric(out, "slow_total", "counter", "Requests over 250 ms.", m->slow_count);
    metric(out, "must_total", "counter", "False must() caught.", m->must_count);
    metric(out, "budget_total", "counter", "Statement budgets broken.", m->budget_count);
}
