/* Durable jobs over the table meta: pages, their order, restart, cancel, undo, failure, rights,
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_sql.h"
#include "gen/kit.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "kit/job.h"
#include "kit/job_private.h"
#include "kit/kit_private.h"
#include "kit/session.h"

/* A counting job of `total` pages: each adds one to meta "sum" and to the text of its own commits.
 */
static struct {
    int total, fail_at, stop_at, begun_count, ended_count;
    sem_t reached, go; /* at page stop_at the job waits */
    const char *boom;
} plan;

static enum err sum_add(struct ctx *c, int64_t by)
{
    struct q_meta_get_row row = {0};
    enum err err = q_meta_get(c, S("sum"), &row);
    int64_t sum = 0;

    if (err != E_NOT_FOUND)
        TRY(err);
    if (row.value.at)
        assert_true(str_to_int(row.value, &sum));
    return q_meta_set(c, S("sum"), str_fmt(c->arena, "%" PRId64, sum + by));
}

static enum err count_begin(struct ctx *c, struct job *job)
{
    (void)c;
    plan.begun_count++;
    job->total_count = plan.total;
    return OK;
}

static enum err count_step(struct ctx *c, struct job *job, bool *is_done)
{
    if (job->done_count + 1 == plan.stop_at) {
        sem_post(&plan.reached);
        sem_wait(&plan.go);
    }
    TRY(sum_add(c, 1));
    job->done_count++;
    job->changed_count++;
    job->last_id = job->done_count * 10;
    if (job->done_count == plan.fail_at && plan.boom)
        must_fail(plan.boom, "src/manage/test.c", 1);
    if (job->done_count == plan.fail_at)
        return fail(c, E_CONFLICT, "count.bad", "page %" PRId64, job->done_count);
    job->result = str_fmt(c->arena, "{\"pages\":%" PRId64 "}", job->done_count);
    *is_done = job->done_count == plan.total;
    return OK;
}

static enum err count_undo(struct ctx *c, struct job *job, bool *is_done)
{
    TRY(sum_add(c, -1));
    job->done_count++;
    job->result = str_fmt(c->arena, "{\"restored\":%" PRId64 "}", job->done_count);
    *is_done = job->done_count == job->total_count;
    return OK;
}

static void count_end(struct job *job)
{
    plan.ended_count++;
    if (job->done_count == plan.total && plan.boom)
        must_fail(plan.boom, "src/manage/test.c", 1);
}

static enum err write_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct file_writer *writer = job->state;
    struct str folder;

    (void)c;
    if (writer == NULL) {
        assert_int_equal(job->last_id, 0); /* also after a restart */
        job->file_name = str_fmt(job->arena, "pages-%" PRId64 ".csv", job->id);
        TRY(job_folder(job->app, job->arena, &folder));
        TRY(file_create(job->arena,
                        str_fmt(job->arena, "%.*s/%.*s", STR(folder), STR(job->file_name)),
                        &writer));
        job->state = writer;
    }
    if (job->done_count + 1 == plan.stop_at) {
        sem_post(&plan.reached);
        sem_wait(&plan.go);
    }
    TRY(file_append(writer, str_fmt(c->arena, "page %" PRId64 "\n", job->done_count)));
    job->last_id = ++job->done_count;
    if (job->done_count == plan.fail_at)
        return fail(c, E_CONFLICT, "count.bad", "page %" PRId64, job->done_count);
    *is_done = job->done_count == plan.total;
    return OK;
}

static void write_end(struct job *job)
{
    plan.ended_count++;
    if (job->state)
        assert_int_equal(file_finish(job->state), OK);
}

static const struct job_kind count_kind = {"count",     "计数",     "Count",    NULL,     false,
                                           count_begin, count_step, count_undo, count_end};
static const struct job_kind right_kind = {.name = "right",
                                           .title_zh = "权限",
                                           .title_en = "Right",
                                           .permission = "count.write",
                                           .begin = count_begin,
                                           .step = count_step,
                                           .undo = count_undo};
static const struct job_kind write_kind = {.name = "write",
                                           .title_zh = "写",
                                           .title_en = "Write",
                                           .is_reading = true,
                                           .step = write_step,
                                           .end = write_end};
static const struct job_kind *const job_kinds[] = {&count_kind, &right_kind, &write_kind, NULL};

struct begin_in {
    struct str kind;
};
static const struct field begin_in[] = {IN(struct begin_in, kind)};
struct begin_out {
    int64_t id;
};
static const struct field begin_out[] = {OUT(struct begin_out, id)};

static enum err job_post(struct ctx *c, const void *in_, void *out_)
{
    const struct begin_in *in = in_;
    struct job_new n = {str_cstr(c->arena, in->kind), S("a title"), S("{}")};

    return job_add(c, &n, &((struct begin_out *)out_)->id);
}

static const struct route routes[] = {
    {HTTP_POST, "/api/begin", "me", SHAPE(begin_in), SHAPE(begin_out), job_post},
    {.path = NULL},
};
static const struct route *const tables[] = {routes, job_routes, NULL};
static const struct role roles[] = {{"admin", "*", "all", "管理员"},
                                    {"clerk", "count.write", "all", "clerk"},
                                    {"idle", "nothing", "own", "idle"},
                                    {.name = NULL}};
static const struct event_kind kinds[] = {{.name = NULL}};
static const struct reaction reactions[] = {{NULL, NULL}};

static struct arena *arena;
static struct app *app;
static char folder[] = "/tmp/papilio-job-XXXXXX";

struct person {
    int64_t staff_id;
    struct str token, csrf;
};
static struct person admin = {.staff_id = 1}, clerk = {.staff_id = 2}, other = {.staff_id = 3};

static void open_app(void)
{
    struct app_config config = {.routes = tables,
                                .roles = roles,
                                .kinds = kinds,
                                .reactions = reactions,
                                .job_kinds = job_kinds,
                                .data = str_of(folder),
                                .db = base_db(arena)};
    struct str why = {0};

    if (app_open(arena, &config, &app, &why) != OK)
        print_error("%.*s\n", STR(why));
    assert_non_null(app);
}

static enum err session_step(struct ctx *c, void *user)
{
    struct person *person = user;

    TRY(session_begin(c, person->staff_id, &person->csrf));
    person->token = c->session_token;
    return OK;
}

static void run_sql(const char *sql)
{
    base_sql(folder, sql);
}

static struct app_call ask(const struct person *who, enum http_method method, const char *path,
                           const char *body)
{
    struct str whole = str_of(path);
    struct app_call call = {.method = method, .body = str_of(body)};

    str_cut(whole, '?', &call.path, &call.query);
    if (who) {
        call.cookie = who->token;
        call.csrf = who->csrf;
    }
    app_request(app, arena, &call);
    return call;
}

static void expect(struct app_call call, int status, const char *part)
{
    bool is_right = call.status == status && str_find(call.reply, str_of(part)) >= 0;

    if (!is_right)
        print_error("wanted %d %s, got %d %.*s\n", status, part, call.status, STR(call.reply));
    assert_true(is_right);
}

static int64_t begin_job(const struct person *who, const char *kind)
{
    struct app_call call = ask(who, HTTP_POST, "/api/begin",
                               str_cstr(arena, str_fmt(arena, "{\"kind\":\"%s\"}", kind)));
    struct json json;
    int64_t id;

    expect(call, 200, "id");
    assert_int_equal(json_parse(arena, call.reply, &json, NULL), OK);
    assert_true(str_to_int(json_get(&json, "id")->text, &id));
    return id;
}

static const char *path_of(int64_t id, const char *rest)
{
    return str_cstr(arena, str_fmt(arena, "/api/jobs/%" PRId64 "%s", id, rest));
}

static enum err sum_get(struct ctx *c, void *user)
{
    struct q_meta_get_row row;

    TRY(q_meta_get(c, S("sum"), &row));
    return str_to_int(row.value, user) ? OK : E_CORRUPT;
}

static int64_t sum(void)
{
    int64_t value = 0;

    if (app_read(app, arena, sum_get, &value, NULL) != OK)
        return 0;
    return value;
}

static int fresh(void **state)
{
    (void)state;
    plan.total = 5;
    plan.fail_at = plan.stop_at = plan.begun_count = plan.ended_count = 0;
    plan.boom = NULL;
    run_sql("DELETE FROM job; DELETE FROM meta WHERE name = 'sum';");
    run_sql("UPDATE staff SET is_active = 1; UPDATE staff SET role = 'clerk' WHERE id > 1;");
    return 0;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    sem_init(&plan.reached, 0, 0);
    sem_init(&plan.go, 0, 0);
    arena = arena_new(256 * 1024 * 1024);
    open_app();
    run_sql(
        "INSERT INTO staff (id, login, name, role, password, is_active, created_ms, password_ms)"
        " VALUES (1, 'a', 'A', 'admin', '', 1, 0, 0), (2, 'b', 'B', 'clerk', '', 1, 0, 0),"
        " (3, 'c', 'C', 'clerk', '', 1, 0, 0)");
    assert_int_equal(app_write(app, arena, session_step, &admin, NULL), OK);
    assert_int_equal(app_write(app, arena, session_step, &clerk, NULL), OK);
    assert_int_equal(app_write(app, arena, session_step, &other, NULL), OK);
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    clock_simulate(NONE);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void test_a_job_runs_and_is_undone(void **state)
{
    int64_t id = begin_job(&clerk, "count");

    (void)state;
    job_await(app);
    assert_int_equal(sum(), 5);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"done\"");
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"result\":{\"pages\":5}");
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"can_undo\":true");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/cancel"), "{}"), 409, "job.ended");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 200, "\"status\":\"undoing\"");
    job_await(app);
    assert_int_equal(sum(), 0);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"undone\"");
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"result\":{\"restored\":5}");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 409, "job.open");
    assert_int_equal(plan.begun_count, 1);
    assert_int_equal(plan.ended_count, 2);
}

static void hold(struct app *of, struct arena *own, void *user)
{
    (void)of;
    (void)own;
    (void)user;
    sem_post(&plan.reached);
    sem_wait(&plan.go);
}

static void test_jobs_go_in_order(void **state)
{
    int64_t first, second;

    (void)state;
    assert_int_equal(job_start(app, hold, NULL), OK);
    sem_wait(&plan.reached);
    first = begin_job(&clerk, "count");
    second = begin_job(&clerk, "count");
    expect(ask(&clerk, HTTP_GET, path_of(second, ""), NULL), 200, "\"status\":\"waiting\"");
    expect(ask(&clerk, HTTP_GET, "/api/jobs?is_open=true&limit=1", NULL), 200, "next_cursor");
    expect(ask(&clerk, HTTP_POST, path_of(second, "/cancel"), "{}"), 200,
           "\"status\":\"cancelled\"");
    second = begin_job(&clerk, "count");
    sem_post(&plan.go);
    job_await(app);
    expect(ask(&clerk, HTTP_GET, path_of(first, ""), NULL), 200, "\"status\":\"done\"");
    expect(ask(&clerk, HTTP_GET, path_of(second, ""), NULL), 200, "\"done_count\":5");
    expect(ask(&clerk, HTTP_GET, "/api/jobs?is_open=true", NULL), 200, "\"items\":[]");
    assert_int_equal(sum(), 10);
}

static void *cancel_main(void *path)
{
    expect(ask(&clerk, HTTP_POST, path, "{}"), 200, "\"is_cancelled\":true");
    return NULL;
}

static bool is_asked(void)
{
    bool is_waiting;

    pthread_mutex_lock(&app->writes.lock);
    is_waiting = app->writes.count > 0;
    pthread_mutex_unlock(&app->writes.lock);
    return is_waiting;
}

static void test_a_cancelled_job_keeps_what_it_did(void **state)
{
    pthread_t canceller;
    int64_t id;

    (void)state;
    plan.stop_at = 3;
    id = begin_job(&clerk, "count");
    sem_wait(&plan.reached); /* the third page holds the writer: the cancel comes behind it */
    pthread_create(&canceller, NULL, cancel_main, (void *)(uintptr_t)path_of(id, "/cancel"));
    while (!is_asked())
        usleep(1000);
    sem_post(&plan.go);
    pthread_join(canceller, NULL);
    job_await(app);
    assert_int_equal(sum(), 3);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"cancelled\"");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 200, "\"total_count\":3");
    job_await(app);
    assert_int_equal(sum(), 0);
}

/* What stops between pages is taken up where it stood, by the next process. */
static void test_a_restart_goes_on(void **state)
{
    struct app *old = app;
    int64_t id;

    (void)state;
    plan.total = 6;
    id = begin_job(&clerk, "count");
    job_await(app);
    run_sql("UPDATE job SET status = 'running', done_count = 4, changed_count = 4, last_id = 40; "
            "UPDATE meta SET value = '4' WHERE name = 'sum'");
    app_close(old);
    open_app();
    plan.begun_count = 0;
    jobs_wake(app->jobs);
    job_await(app);
    assert_int_equal(sum(), 6);
    assert_int_equal(plan.begun_count, 0);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"done_count\":6");
}

static void *close_main(void *arg)
{
    (void)arg;
    app_close(app);
    return NULL;
}

/* A closing program ends between two pages and forgets nothing. */
static void test_closing_between_pages(void **state)
{
    pthread_t closer;
    int64_t id;

    (void)state;
    plan.stop_at = 3;
    id = begin_job(&clerk, "count");
    sem_wait(&plan.reached);
    pthread_create(&closer, NULL, close_main, NULL);
    while (!job_is_stopping(app))
        usleep(1000);
    sem_post(&plan.go);
    pthread_join(closer, NULL);
    open_app();
    assert_int_equal(sum(), 3);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"running\"");
    plan.stop_at = 0;
    jobs_wake(app->jobs);
    job_await(app);
    assert_int_equal(sum(), 5);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"done\"");
}

static void test_a_failed_page_changes_nothing(void **state)
{
    int64_t id;

    (void)state;
    plan.fail_at = 3;
    id = begin_job(&clerk, "count");
    job_await(app);
    assert_int_equal(sum(), 2);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"error_code\":\"count.bad\"");
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"changed_count\":2");
    plan.fail_at = 0;
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 200, "undoing");
    job_await(app);
    assert_int_equal(sum(), 0);
    plan.fail_at = 3;
    plan.boom = "false";
    id = begin_job(&clerk, "count");
    job_await(app);
    assert_int_equal(sum(), 2);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"error_code\":\"internal.must\"");
    plan.fail_at = 0;
    id = begin_job(&clerk, "count"); /* the thread lives on, also when its end is wrong */
    job_await(app);
    assert_int_equal(sum(), 7);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"done\"");
    plan.boom = NULL;
    begin_job(&clerk, "count");
    job_await(app);
    assert_int_equal(sum(), 12);
}

/* Rights are those of now, not those of the beginning. */
static void test_lost_rights_end_a_job(void **state)
{
    int64_t id;

    (void)state;
    id = begin_job(&clerk, "right");
    job_await(app);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"done\"");
    run_sql("UPDATE staff SET role = 'idle' WHERE id = 2");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 403, "gate.permission");
    id = begin_job(&clerk, "right");
    job_await(app);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"error_code\":\"job.right\"");
    run_sql(
        "UPDATE staff SET role = 'clerk' WHERE id = 2; UPDATE staff SET is_active = 0 WHERE id = 3;"
        "UPDATE job SET status = 'running', staff_id = 3, error_code = NULL");
    jobs_wake(app->jobs);
    job_await(app);
    expect(ask(&admin, HTTP_GET, path_of(id, ""), NULL), 200, "\"error_code\":\"staff.gone\"");
}

static void test_jobs_are_ones_own(void **state)
{
    int64_t id = begin_job(&clerk, "count");

    (void)state;
    job_await(app);
    expect(ask(&other, HTTP_GET, path_of(id, ""), NULL), 404, "job.unknown");
    expect(ask(&other, HTTP_POST, path_of(id, "/undo"), "{}"), 404, "job.unknown");
    expect(ask(&other, HTTP_POST, path_of(id, "/cancel"), "{}"), 404, "job.unknown");
    expect(ask(&other, HTTP_GET, path_of(id, "/file"), NULL), 404, "job.unknown");
    expect(ask(&other, HTTP_GET, "/api/jobs", NULL), 200, "\"items\":[]");
    expect(ask(&admin, HTTP_GET, "/api/jobs", NULL), 200, "\"staff_name\":\"B\"");
    expect(ask(&admin, HTTP_GET, "/api/jobs?is_mine=true", NULL), 200, "\"items\":[]");
    expect(ask(NULL, HTTP_GET, "/api/jobs", NULL), 401, "gate.sign_in");
    assert_int_equal(sum(), 5);
}

static enum err forget_step(struct ctx *c, void *user)
{
    (void)user;
    return job_forget(c);
}

static void test_files(void **state)
{
    struct app_call call;
    struct stat info;
    struct str path;
    int64_t id;

    (void)state;
    id = begin_job(&clerk, "write");
    job_await(app);
    path = str_fmt(arena, "%s/exports/pages-%" PRId64 ".csv", folder, id);
    assert_int_equal(stat(str_cstr(arena, path), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 5 * 7);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"has_file\":true");
    call = ask(&clerk, HTTP_GET, path_of(id, "/file"), NULL);
    assert_int_equal(call.status, 200);
    expect(ask(&admin, HTTP_GET, path_of(id, "/file"), NULL), 403, "job.file_of_another");
    expect(ask(&admin, HTTP_GET, path_of(id, ""), NULL), 200, "\"has_file\":false");
    expect(ask(&clerk, HTTP_POST, path_of(id, "/undo"), "{}"), 409, "job.no_undo");
    /* after a restart it starts over */
    run_sql("UPDATE job SET status = 'running', done_count = 3, last_id = 3");
    jobs_wake(app->jobs);
    job_await(app);
    assert_int_equal(stat(str_cstr(arena, path), &info), 0);
    assert_int_equal(info.st_size, 5 * 7);
    /* the minute's housekeeping takes files after a week and rows after three months */
    clock_simulate(clock_now_ms() + 8 * DAY_MS);
    assert_int_equal(app_write(app, arena, forget_step, NULL, NULL), OK);
    assert_false(file_exists(path));
    expect(ask(&clerk, HTTP_GET, path_of(id, "/file"), NULL), 404, "job.no_file");
    clock_simulate(clock_now_ms() + 16 * DAY_MS);
    assert_int_equal(app_write(app, arena, session_step, &clerk, NULL), OK);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"has_file\":false");
    clock_simulate(clock_now_ms() + 70 * DAY_MS);
    assert_int_equal(app_write(app, arena, session_step, &clerk, NULL), OK);
    assert_int_equal(app_write(app, arena, forget_step, NULL, NULL), OK);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 404, "job.unknown");
}

static void test_no_file_of_what_is_not_whole(void **state)
{
    struct str path;
    int64_t id;

    (void)state;
    plan.fail_at = 3;
    id = begin_job(&clerk, "write");
    job_await(app);
    path = str_fmt(arena, "%s/exports/pages-%" PRId64 ".csv", folder, id);
    assert_false(file_exists(path));
    expect(ask(&clerk, HTTP_GET, path_of(id, "/file"), NULL), 404, "job.no_file");
    plan.fail_at = 0;
    plan.stop_at = 3;
    id = begin_job(&clerk, "write");
    sem_wait(&plan.reached); /* on a reader: the writer is free to take the cancel */
    expect(ask(&clerk, HTTP_POST, path_of(id, "/cancel"), "{}"), 200, "\"is_cancelled\":true");
    sem_post(&plan.go);
    job_await(app);
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"status\":\"cancelled\"");
    expect(ask(&clerk, HTTP_GET, path_of(id, ""), NULL), 200, "\"done_count\":3");
    path = str_fmt(arena, "%s/exports/pages-%" PRId64 ".csv", folder, id);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_job_runs_and_is_undone, fresh),
        cmocka_unit_test_setup(test_jobs_go_in_order, fresh),
        cmocka_unit_test_setup(test_a_cancelled_job_keeps_what_it_did, fresh),
        cmocka_unit_test_setup(test_a_restart_goes_on, fresh),
        cmocka_unit_test_setup(test_closing_between_pages, fresh),
        cmocka_unit_test_setup(test_a_failed_page_changes_nothing, fresh),
        cmocka_unit_test_setup(test_lost_rights_end_a_job, fresh),
        cmocka_unit_test_setup(test_jobs_are_ones_own, fresh),
        cmocka_unit_test_setup(test_no_file_of_what_is_not_whole, fresh),
        cmocka_unit_test_setup(test_files, fresh),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
