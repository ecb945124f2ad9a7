/* `papilio import KIND FILE`: runs the import itself, or asks the server that holds the folder to.
 * The summary goes to stdout as JSON, progress and the guessed mapping to stderr. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "host/clock.h"
#include "manage/import/import_private.h"

#define MAPPING_MAX (256 * 1024)
#define TELL_EVERY_US 2000000
#define POLL_MS 100

struct telling {
    int64_t start_us, last_us;
    bool is_tty, has_line;
};

static void progress_tell(void *user, const struct import_progress *progress)
{
    struct telling *telling = user;
    int64_t now_us = clock_mono_us();
    int64_t total = progress->total_bytes > 0 ? progress->total_bytes : 1;

    if (progress->note.at != NULL) {
        fprintf(stderr, "mapping: %.*s\n", STR(progress->note));
        return;
    }
    if (now_us - telling->last_us < (telling->is_tty ? TELL_EVERY_US / 20 : TELL_EVERY_US))
        return;
    telling->last_us = now_us;
    telling->has_line = telling->is_tty;
    fprintf(stderr, "%s%" PRId64 " records, %" PRId64 " refused, %" PRId64 " %%%s",
            telling->is_tty ? "\r" : "", progress->read_count, progress->rejected_count,
            progress->done_bytes * 100 / total, telling->is_tty ? "" : "\n");
}

static void json_count(struct json_out *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

static void summary_print(struct arena *arena, const struct import_job *job,
                          const struct import_result *result, int64_t spent_us)
{
    struct buf buf;
    struct json_out json;

    buf_init(&buf, 1024 * 1024);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "kind");
    json_str(&json, job->kind);
    json_name(&json, "import_id");
    json_id(&json, result->import_id);
    json_count(&json, "read", result->read_count);
    json_count(&json, "accepted", result->accepted_count);
    json_count(&json, "rejected", result->rejected_count);
    json_count(&json, "changed", result->changed_count);
    json_count(&json, "unchanged", result->unchanged_count);
    json_count(&json, "resumed", result->resumed_count);
    json_name(&json, "is_repeated");
    json_bool(&json, result->is_repeated);
    json_name(&json, "reject_file");
    json_str(&json, result->reject_file);
    json_name(&json, "seconds");
    json_raw(&json,
             str_fmt(arena, "%" PRId64 ".%03" PRId64, spent_us / 1000000, spent_us / 1000 % 1000));
    json_object_end(&json);
    printf("%.*s\n", STR(buf_view(&buf)));
    buf_release(&buf);
}

static int refuse(struct str why)
{
    fprintf(stderr, "papilio: %.*s\n", STR(why));
    return 1;
}

static int finish(struct cli *cli, const struct import_job *job, struct telling *telling,
                  const struct import_result *result, const struct fault *fault)
{
    if (telling->has_line)
        fputc('\n', stderr);
    if (fault->err != OK)
        return refuse(str_fmt(cli->arena, "%.*s (%s)", STR(fault->message),
                              fault->code == NULL ? err_name(fault->err) : fault->code));
    summary_print(cli->arena, job, result, clock_mono_us() - telling->start_us);
    return 0;
}

/* ---- by the server that holds the folder ---------------------------------------------------- */

static struct str job_json(struct arena *arena, const struct import_job *job)
{
    const struct {
        const char *name;
        struct str value;
    } members[] = {
        {"kind", job->kind},       {"path", job->path},
        {"source", job->source},   {"rejects_path", job->rejects_path},
        {"mapping", job->mapping},
    };
    struct buf buf;
    struct json_out json;
    struct str text;

    buf_init(&buf, 4 * MAPPING_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_name(&json, members[i].name);
        json_str(&json, members[i].value);
    }
    json_object_end(&json);
    text = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return text;
}

static int64_t member_int(const struct json *reply, const char *name)
{
    const struct json *value = json_get(reply, name);
    int64_t number = 0;

    if (value != NULL && value->type == JSON_INT)
        return value->integer;
    if (value != NULL && value->type == JSON_STR && str_to_int(value->text, &number))
        return number;
    return 0;
}

static struct str member_str(const struct json *reply, const char *name)
{
    const struct json *value = json_get(reply, name);

    return value != NULL && value->type == JSON_STR ? value->text : (struct str){NULL, 0};
}

static bool member_is(const struct json *reply, const char *name)
{
    const struct json *value = json_get(reply, name);

    return value != NULL && value->type == JSON_BOOL && value->is_true;
}

/* One question; *reply is read. The server's own refusal is told as it stands. */
static enum err ask(struct cli *cli, struct str data, struct str path, struct str body,
                    struct json *reply)
{
    struct str text;
    int status;

    TRY(cli_ask(cli->arena, data, str_cstr(cli->arena, path), body, &status, &text));
    if (json_parse(cli->arena, text, reply, NULL) != OK)
        return E_IO;
    if (status >= 400) {
        const struct json *error = json_get(reply, "error");

        cli->why = member_str(error, "message");
        return E_INPUT;
    }
    return OK;
}

static void reply_progress(const struct json *reply, struct import_progress *progress)
{
    *progress = (struct import_progress){
        .read_count = member_int(reply, "read_count"),
        .rejected_count = member_int(reply, "rejected_count"),
        .done_bytes = member_int(reply, "done_bytes"),
        .total_bytes = member_int(reply, "total_bytes"),
    };
}

static void reply_result(const struct json *reply, struct import_result *result)
{
    *result = (struct import_result){
        .import_id = member_int(reply, "import_id"),
        .read_count = member_int(reply, "read_count"),
        .accepted_count = member_int(reply, "accepted_count"),
        .rejected_count = member_int(reply, "rejected_count"),
        .changed_count = member_int(reply, "changed_count"),
        .unchanged_count = member_int(reply, "unchanged_count"),
        .resumed_count = member_int(reply, "resumed_count"),
        .reject_file = member_str(reply, "reject_file"),
        .is_repeated = member_is(reply, "is_repeated"),
    };
}

static void poll_wait(void)
{
    struct timespec pause = {0, POLL_MS * 1000000L};

    nanosleep(&pause, NULL);
}

static enum err ticket_wait(struct cli *cli, struct str data, struct str path,
                            struct telling *telling, struct json *reply)
{
    bool is_noted = false;

    for (;;) {
        struct import_progress progress;

        TRY(ask(cli, data, path, (struct str){NULL, 0}, reply));
        reply_progress(reply, &progress);
        if (!is_noted && member_str(reply, "mapping").at != NULL) {
            progress.note = member_str(reply, "mapping");
            is_noted = true;
        }
        progress_tell(telling, &progress);
        if (member_is(reply, "is_done"))
            return OK;
        poll_wait();
    }
}

/* E_NOT_FOUND: no server holds the folder. */
static enum err run_there(struct cli *cli, struct str data, const struct import_job *job,
                          int *status)
{
    struct telling telling = {.start_us = clock_mono_us(), .is_tty = isatty(2)};
    struct import_result result;
    struct fault fault = {.err = OK};
    struct json reply;

    TRY(ask(cli, data, S("/local/import"), job_json(cli->arena, job), &reply));
    if (ticket_wait(cli, data,
                    str_fmt(cli->arena, "/local/import?ticket_id=%.*s",
                            STR(member_str(&reply, "ticket_id"))),
                    &telling, &reply) != OK)
        return E_IO;
    reply_result(&reply, &result);
    if (member_str(&reply, "error_code").at != NULL)
        fault = (struct fault){.err = E_INPUT,
                               .code = str_cstr(cli->arena, member_str(&reply, "error_code")),
                               .message = member_str(&reply, "error_message")};
    *status = finish(cli, job, &telling, &result, &fault);
    return OK;
}

/* ---- by this process ------------------------------------------------------------------------ */

static int run_here(struct cli *cli, const struct app_config *config, const struct import_job *job)
{
    struct telling telling = {.start_us = clock_mono_us(), .is_tty = isatty(2)};
    struct import_job watched = *job;
    struct import_result result;
    struct fault fault = {.err = OK};
    struct app_config mine = *config;
    struct app *app;
    struct str why = {NULL, 0};
    int status;

    watched.watch = (struct import_watch){progress_tell, &telling};
    mine.listen = (struct str){NULL, 0};
    if (app_open(cli->arena, &mine, &app, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    if (import_run(app, cli->arena, &watched, &result, &fault) != OK)
        must(fault.err != OK);
    status = finish(cli, job, &telling, &result, &fault);
    app_close(app);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static struct str path_whole(struct cli *cli, struct str path)
{
    char whole[PATH_MAX];

    if (realpath(str_cstr(cli->arena, path), whole) == NULL)
        return path;
    return str_copy(cli->arena, str_of(whole));
}

int import_command(struct cli *cli, const struct app_config *config,
                   const struct import_options *options)
{
    struct import_job job = {.source = options->source, .rejects_path = options->rejects};
    int status = 0;
    enum err err;

    if (cli->count != 2)
        return refuse(S("say what and which file: papilio import customers|orders|events|costs "
                        "FILE --data DIR [--mapping MAP.json]")) +
               1;
    job.kind = str_of(cli->args[0]);
    job.path = path_whole(cli, str_of(cli->args[1]));
    if (options->mapping.at != NULL &&
        file_read(cli->arena, options->mapping, MAPPING_MAX, &job.mapping) != OK)
        return refuse(str_fmt(cli->arena, "%.*s cannot be read", STR(options->mapping)));
    err = run_there(cli, config->data, &job, &status);
    if (err == E_NOT_FOUND)
        return run_here(cli, config, &job);
    if (err == E_INPUT)
        return refuse(cli->why);
    if (err != OK)
        return refuse(S("the server stopped before the import ended: run the same command again, "
                        "it goes on from there"));
    return status;
}
