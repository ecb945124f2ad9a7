/* Reading the audit trail (操作记录): who changed what, newest first. Reading changes nothing; what
 * a row holds is the frame's business (kit/audit.h). */
#include "gen/audit_list.q.h"
#include "kit/audit.h"
#include "kit/cursor.h"
#include "manage/staff/staff_private.h"

#define LIST_MAX 100
#define LIST_USUAL 50

struct audit_list_in {
    int64_t staff_id, subject_id, limit_count;
    struct str action, noun, from_date, to_date, cursor;
};
static const struct field audit_list_in[] = {
    IN(struct audit_list_in, staff_id, .is_optional = true),
    IN(struct audit_list_in, action, .is_optional = true, .max = 100,
       .about = "any part of method and path"),
    IN(struct audit_list_in, noun, .is_optional = true, .max = 40, .about = "customer, staff ..."),
    IN(struct audit_list_in, subject_id, .is_optional = true, .about = "needs noun"),
    IN(struct audit_list_in, from_date, .is_optional = true, .about = "local day"),
    IN(struct audit_list_in, to_date, .is_optional = true, .about = "this day not included"),
    FIELD_LIMIT(struct audit_list_in, limit_count, LIST_MAX),
    IN(struct audit_list_in, cursor, .is_optional = true, .max = 60),
};
static const struct field audit_item[] = {
    OUT(struct q_audit_rows_row, id),
    OUT(struct q_audit_rows_row, at_ms),
    OUT(struct q_audit_rows_row, staff_id, .is_optional = true),
    OUT(struct q_audit_rows_row, staff_name, .is_optional = true),
    OUT(struct q_audit_rows_row, api_key_id, .is_optional = true),
    OUT(struct q_audit_rows_row, api_key_name, .is_optional = true),
    OUT(struct q_audit_rows_row, action),
    OUT(struct q_audit_rows_row, noun),
    OUT(struct q_audit_rows_row, subject_id, .is_optional = true),
    OUT(struct q_audit_rows_row, peer),
    OUT(struct q_audit_rows_row, detail, .is_json = true, .is_optional = true,
        .about = "none, or erased"),
};
struct audit_list_out {
    struct list items;
    struct str next_cursor;
};
static const struct field audit_list_out[] = {
    OUT(struct audit_list_out, items,
        .of = SHAPE_OF("audit_item", audit_item, struct q_audit_rows_row), .max = LIST_MAX),
    OUT(struct audit_list_out, next_cursor, .is_optional = true),
};

/* What the three queries share. */
struct ask {
    int64_t before_id, after_id, from_ms, to_ms, limit_count;
    struct str noun, action;
};

static enum err day_read(struct ctx *c, struct str date, const char *field, int64_t *ms)
{
    int64_t utc_ms;

    *ms = NONE;
    if (date.at == NULL)
        return OK;
    if (time_parse(NULL, date, &utc_ms) != OK)
        return fail_at(c, "input.date", str_of(field), "a day is needed, as 2011-12-09");
    *ms = zone_day_start(ctx_zone(c), utc_ms / DAY_MS);
    return OK;
}

/* Ids ascend with time, but a clock set back lets them differ from at_ms: hence a day's room. */
static enum err ask_read(struct ctx *c, const struct audit_list_in *in, struct ask *ask)
{
    struct cursor cursor;

    TRY(cursor_read(c, in->cursor, &cursor));
    TRY(day_read(c, in->from_date, "from_date", &ask->from_ms));
    TRY(day_read(c, in->to_date, "to_date", &ask->to_ms));
    if (in->subject_id != NONE && in->noun.at == NULL)
        return fail_at(c, "audit.noun", S("noun"), "an id alone says nothing: of what?");
    ask->before_id = cursor.id;
    ask->after_id = 0;
    if (ask->from_ms != NONE)
        ask->after_id = ctx_id_at(ask->from_ms - DAY_MS);
    if (ask->to_ms != NONE && ctx_id_at(ask->to_ms + DAY_MS) < ask->before_id)
        ask->before_id = ctx_id_at(ask->to_ms + DAY_MS);
    ask->limit_count = (in->limit_count == NONE ? LIST_USUAL : in->limit_count) + 1;
    ask->noun = in->noun;
    ask->action = in->action;
    return OK;
}

/* The rows of all three queries are ids alone. */
static enum err ids_find(struct ctx *c, const struct audit_list_in *in, const struct ask *ask,
                         struct list *ids)
{
    if (in->subject_id != NONE)
        return q_audit_ids_of_subject(
            c,
            &(struct q_audit_ids_of_subject_in){.subject_id = in->subject_id,
                                                .noun = ask->noun,
                                                .before_id = ask->before_id,
                                                .after_id = ask->after_id,
                                                .from_ms = ask->from_ms,
                                                .to_ms = ask->to_ms,
                                                .staff_id = in->staff_id,
                                                .action = ask->action,
                                                .limit_count = ask->limit_count},
            ids);
    if (in->staff_id != NONE)
        return q_audit_ids_of_staff(
            c,
            &(struct q_audit_ids_of_staff_in){.staff_id = in->staff_id,
                                              .before_id = ask->before_id,
                                              .after_id = ask->after_id,
                                              .from_ms = ask->from_ms,
                                              .to_ms = ask->to_ms,
                                              .noun = ask->noun,
                                              .action = ask->action,
                                              .limit_count = ask->limit_count},
            ids);
    return q_audit_ids(c,
                       &(struct q_audit_ids_in){.before_id = ask->before_id,
                                                .after_id = ask->after_id,
                                                .from_ms = ask->from_ms,
                                                .to_ms = ask->to_ms,
                                                .noun = ask->noun,
                                                .action = ask->action,
                                                .limit_count = ask->limit_count},
                       ids);
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct audit_list_in *in = in_;
    struct audit_list_out *out = out_;
    struct q_audit_rows_in *keys;
    struct q_audit_rows_row *rows;
    struct list ids = {0};
    struct ask ask = {0};

    TRY(ask_read(c, in, &ask));
    TRY(ids_find(c, in, &ask, &ids));
    keys = ids.at;
    if (ids.count == ask.limit_count) {
        ids.count--;
        out->next_cursor = cursor_write(c, (struct cursor){0, keys[ids.count - 1].id});
    }
    rows = arena_new_array(c->arena, struct q_audit_rows_row, (size_t)ids.count + 1);
    TRY(q_audit_rows(c, keys, ids.count, rows));
    out->items = (struct list){rows, ids.count};
    return OK;
}

const struct route audit_routes[] = {
    {HTTP_GET, "/api/audit", "audit.read", SHAPE(audit_list_in), SHAPE(audit_list_out), list_run,
     .about = "Who changed what, newest first", .needs_all = true},
    {.path = NULL},
};
