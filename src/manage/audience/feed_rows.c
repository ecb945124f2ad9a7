/* What comes behind a place of the journal: rows and behaviours as one stream. Always: both have
 * ids of one clock, so the stream is in the order of commits; it ends where one of the two was not
 * read to its end. */
#include "gen/feed.q.h"
#include "kit/behaviour.h"
#include "manage/audience/feed_private.h"

#define ROWS 2000        /* of the journal a step */
#define BEHAVIOURS 16384 /* a step, at most a page's more */

static enum err gone_each(void *user, const struct q_feed_gone_numbers_row *row)
{
    bitmap_add(user, (uint32_t)row->customer_number);
    return OK;
}

enum err feed_gone_read(struct ctx *c, struct bitmap *gone)
{
    return q_feed_gone_numbers(c, gone_each, gone);
}

static struct q_feed_journal_row row_of(const struct bitmap *gone, const struct behaviour *event)
{
    return (struct q_feed_journal_row){
        .id = event->id,
        .kind = event->kind,
        .occurred_ms = event->occurred_ms,
        .channel_id = event->channel_id,
        .subject_id = NONE,
        .amount_fen = NONE,
        .properties = event->properties,
        .customer_number = event->customer_number,
        .is_deleted = bitmap_has(gone, (uint32_t)event->customer_number) ? 1 : 0,
    };
}

static void streams_join(struct ctx *c, const struct bitmap *gone, const struct list *behaviours,
                         struct feed_rows *out)
{
    const struct q_feed_journal_row *row = out->rows.at;
    const struct behaviour *event = behaviours->at;
    struct q_feed_journal_row *joined = arena_new_array(
        c->arena, struct q_feed_journal_row, (size_t)(out->rows.count + behaviours->count + 1));
    int64_t i = 0, j = 0, count = 0;

    while (i < out->rows.count || j < behaviours->count) {
        bool is_row = j == behaviours->count || (i < out->rows.count && row[i].id < event[j].id);
        joined[count++] = is_row ? row[i] : row_of(gone, &event[j]);
        i += is_row;
        j += !is_row;
    }
    out->rows = (struct list){joined, count};
}

enum err feed_rows(struct ctx *c, const struct bitmap *gone, int64_t after_id,
                   struct feed_rows *out)
{
    const struct q_feed_journal_row *row;
    struct list behaviours;
    int64_t until_id = INT64_MAX;
    bool is_end;

    TRY(q_feed_journal(c, after_id, ROWS, &out->rows));
    row = out->rows.at;
    out->journal_count = out->rows.count;
    if (out->rows.count == ROWS)
        until_id = row[ROWS - 1].id;
    TRY(behaviour_after(c, after_id, BEHAVIOURS, &behaviours, &is_end));
    out->is_last = until_id == INT64_MAX && is_end;
    if (!is_end) {
        int64_t last_id = ((const struct behaviour *)behaviours.at)[behaviours.count - 1].id;
        until_id = last_id < until_id ? last_id : until_id;
    }
    if (behaviours.count > 0)
        streams_join(c, gone, &behaviours, out);
    row = out->rows.at;
    while (out->rows.count > 0 && row[out->rows.count - 1].id > until_id)
        out->rows.count--;
    return OK;
}
