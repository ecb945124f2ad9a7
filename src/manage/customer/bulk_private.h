/* What the files of work on many share. */
#pragma once

#include "kit/job.h"
#include "manage/customer/filter.h"

#define BULK_PAGE 500
#define BULK_IDS_MAX 1000

struct bulk_id {
    int64_t id;
};
struct bulk_in {
    struct str action, reason, format, columns, lang;
    struct customer_ask filter;
    struct list ids; /* of struct bulk_id */
    int64_t tag_id, staff_id, org_id, confirm_count;
    bool is_clear;
};
extern const struct shape bulk_in_shape;

/* What a job was given, from its input; in job->arena. Once a run: job->state is the caller's. */
enum err bulk_input(struct ctx *c, const struct job *job, struct bulk_in *out) MUST_USE;
/* .begin of every kind: how many there are. */
enum err bulk_begin(struct ctx *c, struct job *job);

/* The next subjects, in order. is_reached: there, not merged, within the reach of who began it. */
struct bulk_subject {
    int64_t id;
    bool is_reached;
    struct str was;
};
enum err bulk_subjects(struct ctx *c, const struct job *job, int64_t limit_count,
                       struct list *subjects) MUST_USE;
/* Of those the job changed, for taking back. */
enum err bulk_changed(struct ctx *c, const struct job *job, struct list *subjects) MUST_USE;
/* One changed subject: what was there before. */
struct bulk_mark {
    int64_t id;
    struct str was;
};
enum err bulk_mark(struct ctx *c, const struct job *job, const struct bulk_mark *marks,
                   int64_t count) MUST_USE;
/* It is as it was: no longer one of the changed. */
enum err bulk_unmark(struct ctx *c, const struct job *job, const int64_t *ids,
                     int64_t count) MUST_USE;
/* Moves the job behind these subjects. */
void bulk_step_end(struct ctx *c, struct job *job, const struct list *subjects, int64_t changed_count,
                   bool *is_done);
void bulk_undo_end(struct ctx *c, struct job *job, const struct list *subjects,
                   int64_t restored_count, bool *is_done);

/* export.c: is every word of columns one, and of which format. E_INPUT "export.column". */
enum err export_check(struct ctx *c, const struct bulk_in *in) MUST_USE;
