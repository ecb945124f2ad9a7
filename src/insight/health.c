/* How the parts of the house are: what waits and what is stuck, and the checks of `papilio check`
 * one at a time, so that a page can show them as they go. Always: reads only, every figure bounded;
 * one check runs at a time, so that readers are left for everybody else. */
#include <stdatomic.h>

#include "gen/health.q.h"
#include "host/file.h"
#include "insight/check_private.h"

#define MOST_COUNT 10000 /* shown as "10,000 or more" */
#define LATE_MS 60000    /* a timer that is due longer than this */
#define MARK_MAX 64
#define BUSY_MS 600000

/* ---- GET /api/health_report ------------------------------------------------------------------ */

struct health_report {
    int64_t timer_waiting_count, timer_late_count, timer_dead_count;
    int64_t outbox_waiting_count, outbox_dead_count, inbox_dead_count;
    int64_t saga_open_count, saga_unknown_count, difference_open_count;
    int64_t reversal_asked_count, reward_held_count;
    int64_t most_count, queue_count, base_bytes, backup_ms, now_ms;
    struct str version;
};
static const struct field health_report[] = {
    OUT(struct health_report, timer_waiting_count),
    OUT(struct health_report, timer_late_count, .about = "due for over a minute"),
    OUT(struct health_report, timer_dead_count),
    OUT(struct health_report, outbox_waiting_count),
    OUT(struct health_report, outbox_dead_count),
    OUT(struct health_report, inbox_dead_count),
    OUT(struct health_report, saga_open_count),
    OUT(struct health_report, saga_unknown_count),
    OUT(struct health_report, difference_open_count),
    OUT(struct health_report, reversal_asked_count),
    OUT(struct health_report, reward_held_count),
    OUT(struct health_report, most_count, .about = "a count of this is that many or more"),
    OUT(struct health_report, queue_count, .about = "requests that wait for the writer"),
    OUT(struct health_report, base_bytes, .is_optional = true,
        .about = "null: the database is another server's"),
    OUT(struct health_report, backup_ms, .is_optional = true,
        .about = "when the last backup of this folder was made; null: none was"),
    OUT(struct health_report, now_ms),
    OUT(struct health_report, version, .about = "of the program"),
};

static struct str path_of(struct ctx *c, const char *name)
{
    return str_fmt(c->arena, "%.*s/%s", STR(app_config(c->app)->data), name);
}

static int64_t base_bytes(struct ctx *c)
{
    int64_t base = file_bytes(path_of(c, "papilio.db"));
    int64_t log = file_bytes(path_of(c, "papilio.db-wal"));

    return base == NONE || log == NONE ? base : base + log;
}

static int64_t backup_ms(struct ctx *c)
{
    struct str text;
    int64_t ms;

    if (file_read(c->arena, path_of(c, HEALTH_BACKUP_MARK), MARK_MAX, &text) != OK)
        return NONE;
    return str_to_int(str_trim(text), &ms) ? ms : NONE;
}

static enum err report_get(struct ctx *c, const void *in, void *out_)
{
    struct health_report *out = out_;
    struct q_health_counts_row row = {0};

    (void)in;
    TRY(q_health_counts(c, MOST_COUNT, c->now_ms - LATE_MS, &row));
    *out = (struct health_report){
        .timer_waiting_count = row.timer_waiting_count,
        .timer_late_count = row.timer_late_count,
        .timer_dead_count = row.timer_dead_count,
        .outbox_waiting_count = row.outbox_waiting_count,
        .outbox_dead_count = row.outbox_dead_count,
        .inbox_dead_count = row.inbox_dead_count,
        .saga_open_count = row.saga_open_count,
        .saga_unknown_count = row.saga_unknown_count,
        .difference_open_count = row.difference_open_count,
        .reversal_asked_count = row.reversal_asked_count,
        .reward_held_count = row.reward_held_count,
        .most_count = MOST_COUNT,
        .queue_count = app_queue_count(c->app),
        .base_bytes = base_bytes(c),
        .backup_ms = backup_ms(c),
        .now_ms = c->now_ms,
        .version = S(PAPILIO_VERSION),
    };
    return OK;
}

/* ---- GET /api/checks, /api/checks/{check_name} ----------------------------------------------- */

struct check_item {
    struct str name;
};
struct check_list_out {
    struct list items;
};
static const struct field check_item[] = {OUT(struct check_item, name)};
static const struct field check_list_out[] = {
    OUT(struct check_list_out, items, .of = SHAPE(check_item)),
};

static enum err check_list(struct ctx *c, const void *in, void *out_)
{
    struct check_list_out *out = out_;
    int64_t cap = 0;

    (void)in;
    for (const struct check *check = checks; check->name; check++)
        *(struct check_item *)list_add(c->arena, &out->items, &cap, sizeof(struct check_item)) =
            (struct check_item){str_of(check->name)};
    return OK;
}

struct check_in {
    struct str check_name;
};
struct offender {
    int64_t id;
};
struct check_out {
    struct str name, noun, text;
    int64_t found_count;
    struct list offenders;
    bool is_note;
};
static const struct field check_in[] = {IN(struct check_in, check_name)};
static const struct field offender[] = {OUT(struct offender, id)};
static const struct field check_out[] = {
    OUT(struct check_out, name),
    OUT(struct check_out, found_count, .about = "0: it holds"),
    OUT(struct check_out, is_note, .about = "what it finds waits for somebody, and is no fault"),
    OUT(struct check_out, noun, .about = "what the ids are of"),
    OUT(struct check_out, offenders, .of = SHAPE(offender), .about = "the first ones"),
    OUT(struct check_out, text, .is_optional = true, .about = "the database's own words"),
};

/* Until when a check has the one place there is; after that its request was cut short. */
static _Atomic int64_t busy_until_ms;

static enum err finding_make(struct ctx *c, const struct check *check, struct finding *finding)
{
    int64_t until_ms = busy_until_ms;
    enum err err;

    if (until_ms > c->now_ms ||
        !atomic_compare_exchange_strong(&busy_until_ms, &until_ms, c->now_ms + BUSY_MS))
        return fail(c, E_CONFLICT, "check.busy", "another check is running; try again in a moment");
    err = check->run(c, finding);
    busy_until_ms = 0;
    return err;
}

static enum err check_one(struct ctx *c, const void *in_, void *out_)
{
    const struct check_in *in = in_;
    struct check_out *out = out_;
    const struct check *check = checks;
    struct finding finding = {.c = c};
    int64_t cap = 0;

    while (check->name && !str_is(in->check_name, check->name))
        check++;
    if (check->name == NULL)
        return fail(c, E_NOT_FOUND, "check.unknown", "no such check");
    TRY(finding_make(c, check, &finding));
    *out = (struct check_out){.name = str_of(check->name),
                              .noun = str_of(check->offender),
                              .found_count = finding.count,
                              .is_note = check->is_note,
                              .text = finding.text};
    for (int64_t i = 0; finding.text.at == NULL && i < finding.count && i < OFFENDER_MAX; i++)
        *(struct offender *)list_add(c->arena, &out->offenders, &cap, sizeof(struct offender)) =
            (struct offender){finding.ids[i]};
    return OK;
}

const struct route health_routes[] = {
    {HTTP_GET, "/api/health_report", "system.read", NULL, SHAPE(health_report), report_get,
     .about = "What waits and what is stuck", .needs_all = true},
    {HTTP_GET, "/api/checks", "system.read", NULL, SHAPE(check_list_out), check_list,
     .about = "The invariants that can be checked", .needs_all = true},
    {HTTP_GET, "/api/checks/{check_name}", "system.read", SHAPE(check_in), SHAPE(check_out),
     check_one, .about = "Checks one invariant of the whole base", .statement_max = 100,
     .needs_all = true},
    {.path = NULL},
};
