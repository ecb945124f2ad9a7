/* An import asked for over the local socket: the server runs it as a job, the command line asks how
 * far it is. A ticket holds one import; it is free again once its end was told, or the oldest told
 * one is needed. */
#include <pthread.h>

#include "manage/import/import_private.h"
#include "kit/job.h"

#define TICKET_MAX 8
#define TICKET_BYTES_MAX (4 * 1024 * 1024)

enum ticket_state { TICKET_FREE, TICKET_WAITING, TICKET_RUNNING, TICKET_DONE };
struct ticket {
    enum ticket_state state;
    int64_t id;
    struct arena *arena; /* of everything the job and its result say */
    struct import_job job;
    struct import_progress progress;
    struct import_result result;
    struct fault fault;
};
static struct ticket tickets[TICKET_MAX]; /* tidy: jobs outlive the request that starts them */
static pthread_mutex_t tickets_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- shapes --------------------------------------------------------------------------------- */

static const struct field start_in[] = {
    IN(struct import_job, kind, .min = 1, .max = 40),
    IN(struct import_job, path, .min = 1, .max = 4000),
    IN(struct import_job, mapping, .is_optional = true, .max = 100000),
    IN(struct import_job, source, .is_optional = true, .max = 64),
    IN(struct import_job, rejects_path, .is_optional = true, .max = 4000),
};
struct ticket_id {
    int64_t ticket_id;
};
static const struct field ticket_id[] = {
    IN(struct ticket_id, ticket_id, .min = 1, .max = INT64_MAX),
};
struct ticket_out {
    bool is_done;
    struct str error_code, error_message;
    struct import_progress progress;
    struct import_result result;
};
#define TICKET_OUT(part, m)                                                                        \
    {                                                                                              \
        .name = #m, .type = FIELD_TYPE(struct ticket_out, part.m),                                 \
        .offset = offsetof(struct ticket_out, part.m), .is_optional = true                         \
    }
static const struct field ticket_out[] = {
    OUT(struct ticket_out, is_done),
    OUT(struct ticket_out, error_code, .is_optional = true),
    OUT(struct ticket_out, error_message, .is_optional = true),
    TICKET_OUT(progress, done_bytes),
    TICKET_OUT(progress, total_bytes),
    TICKET_OUT(progress, read_count),
    TICKET_OUT(progress, rejected_count),
    TICKET_OUT(result, import_id),
    TICKET_OUT(result, accepted_count),
    TICKET_OUT(result, changed_count),
    TICKET_OUT(result, unchanged_count),
    TICKET_OUT(result, resumed_count),
    TICKET_OUT(result, reject_file),
    TICKET_OUT(result, mapping),
    TICKET_OUT(result, is_guessed),
    TICKET_OUT(result, is_repeated),
};

/* ---- the job -------------------------------------------------------------------------------- */

static void ticket_follow(void *user, const struct import_progress *progress)
{
    struct ticket *ticket = user;

    pthread_mutex_lock(&tickets_lock);
    ticket->progress = *progress;
    if (progress->note.at != NULL)
        ticket->result.mapping = str_copy(ticket->arena, progress->note);
    pthread_mutex_unlock(&tickets_lock);
}

static void ticket_run(struct app *app, struct arena *arena, void *user)
{
    struct ticket *ticket = user;
    struct import_result result;
    struct fault fault;

    pthread_mutex_lock(&tickets_lock);
    ticket->state = TICKET_RUNNING;
    pthread_mutex_unlock(&tickets_lock);
    if (import_run(app, arena, &ticket->job, &result, &fault) != OK)
        must(fault.err != OK);
    pthread_mutex_lock(&tickets_lock);
    ticket->result = result;
    ticket->result.mapping = str_copy(ticket->arena, result.mapping);
    ticket->result.reject_file = str_copy(ticket->arena, result.reject_file);
    ticket->fault = fault;
    ticket->fault.message = str_copy(ticket->arena, fault.message);
    ticket->progress.read_count = result.read_count;
    ticket->progress.rejected_count = result.rejected_count;
    ticket->state = TICKET_DONE;
    pthread_mutex_unlock(&tickets_lock);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* A free ticket, or the oldest that is done. */
static struct ticket *ticket_free(void)
{
    struct ticket *best = NULL;

    for (struct ticket *ticket = tickets; ticket < tickets + TICKET_MAX; ticket++) {
        if (ticket->state == TICKET_FREE)
            return ticket;
        if (ticket->state == TICKET_DONE && (best == NULL || ticket->id < best->id))
            best = ticket;
    }
    return best;
}

static void ticket_fill(struct ticket *ticket, int64_t id, const struct import_job *job)
{
    arena_free(ticket->arena);
    *ticket = (struct ticket){.state = TICKET_WAITING, .id = id};
    ticket->arena = arena_new(TICKET_BYTES_MAX);
    ticket->job.kind = str_copy(ticket->arena, job->kind);
    ticket->job.path = str_copy(ticket->arena, job->path);
    ticket->job.mapping = str_copy(ticket->arena, job->mapping);
    ticket->job.source = str_copy(ticket->arena, job->source);
    ticket->job.watch = (struct import_watch){ticket_follow, ticket};
    ticket->job.rejects_path = str_copy(ticket->arena, job->rejects_path);
}

static enum err import_start(struct ctx *c, const void *in, void *out_)
{
    struct ticket_id *out = out_;
    struct ticket *ticket;
    enum err err = E_BUSY;

    out->ticket_id = ctx_id(c);
    pthread_mutex_lock(&tickets_lock);
    ticket = ticket_free();
    if (ticket != NULL) {
        ticket_fill(ticket, out->ticket_id, in);
        err = job_start(c->app, ticket_run, ticket);
        if (err != OK)
            ticket->state = TICKET_FREE;
    }
    pthread_mutex_unlock(&tickets_lock);
    return err == OK ? OK : fail(c, err, "import.busy", "too many imports wait already");
}

static void ticket_tell(struct ctx *c, const struct ticket *ticket, struct ticket_out *out)
{
    out->is_done = ticket->state == TICKET_DONE;
    out->progress = ticket->progress;
    out->result = ticket->result;
    out->result.mapping = str_copy(c->arena, ticket->result.mapping);
    out->result.reject_file = str_copy(c->arena, ticket->result.reject_file);
    if (ticket->fault.err == OK)
        return;
    out->error_code = str_of(ticket->fault.code == NULL ? "internal" : ticket->fault.code);
    out->error_message = str_copy(c->arena, ticket->fault.message);
}

static enum err import_state(struct ctx *c, const void *in_, void *out)
{
    const struct ticket_id *in = in_;
    enum err err = E_NOT_FOUND;

    pthread_mutex_lock(&tickets_lock);
    for (struct ticket *ticket = tickets; ticket < tickets + TICKET_MAX; ticket++) {
        if (ticket->state == TICKET_FREE || ticket->id != in->ticket_id)
            continue;
        ticket_tell(c, ticket, out);
        err = OK;
    }
    pthread_mutex_unlock(&tickets_lock);
    return err == OK ? OK : fail(c, err, "import.unknown", "no such ticket");
}

const struct route import_local_routes[] = {
    {HTTP_POST, "/local/import", "local", SHAPE_OF("import_start_in", start_in, struct import_job),
     SHAPE(ticket_id), import_start, .about = "Start an import; asked for by the command line",
     .repeat = REPEAT_KEY_IGNORED},
    {HTTP_GET, "/local/import", "local", SHAPE(ticket_id), SHAPE(ticket_out), import_state,
     .about = "How far an import is"},
    {0},
};
