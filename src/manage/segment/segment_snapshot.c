/* A static list is taken from a segment page by page, as a job. Always: it is shown to questions
 * when it is complete. */
#include "base/json.h"
#include "gen/segment.q.h"
#include "kit/audit.h"
#include "kit/job.h"
#include "manage/segment/segment_private.h"

struct snapshot {
    int64_t segment_id, of_segment_id;
};
static const struct field snapshot_fields[] = {
    IN(struct snapshot, segment_id),
    IN(struct snapshot, of_segment_id),
};

static enum err snapshot_read(struct ctx *c, const struct job *job, struct snapshot *out)
{
    struct json json;

    TRY(json_parse(c->arena, job->input, &json, NULL));
    return field_read(c, SHAPE_OF("snapshot", snapshot_fields, struct snapshot), &json, out);
}

static enum err page_copy(struct ctx *c, const struct snapshot *snapshot, const struct list *page)
{
    const struct q_segment_page_row *row = page->at;
    struct q_segment_enter_in *rows =
        arena_new_array(c->arena, struct q_segment_enter_in, (size_t)page->count + 1);
    struct q_segment_count_in count = {.entered_count = page->count,
                                       .segment_id = snapshot->segment_id};

    for (int64_t i = 0; i < page->count; i++)
        rows[i] = (struct q_segment_enter_in){snapshot->segment_id, row[i].customer_id};
    TRY(q_segment_enter(c, rows, page->count, NULL));
    return q_segment_count(c, &count, 1, NULL);
}

static enum err snapshot_end(struct ctx *c, int64_t segment_id)
{
    struct event event;
    int64_t changed_count;

    TRY(q_segment_say(c, S("live"), segment_id, 1, &changed_count));
    event_init(&event, c, "segment_changed");
    event.subject_id = segment_id;
    c->topics |= LIVE_SEGMENTS;
    return journal_emit(c, &event, 1);
}

static enum err snapshot_step(struct ctx *c, struct job *job, bool *is_done)
{
    const struct q_segment_page_row *row;
    struct snapshot snapshot;
    struct list page;

    TRY(snapshot_read(c, job, &snapshot));
    TRY(q_segment_page(c, snapshot.of_segment_id, job->last_id, &page));
    *is_done = page.count == 0;
    if (*is_done)
        return snapshot_end(c, snapshot.segment_id);
    row = page.at;
    job->last_id = row[page.count - 1].customer_id;
    job->done_count += page.count;
    job->changed_count += page.count;
    return page_copy(c, &snapshot, &page);
}

const struct job_kind segment_snapshot_kind = {.name = "segment_snapshot",
                                               .title_zh = "人群快照",
                                               .title_en = "Snapshot of a segment",
                                               .permission = "segment.write",
                                               .step = snapshot_step};
