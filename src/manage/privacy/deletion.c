/* DATA/deletions.log, a list outside the base and its backups: "NUMBER MILLISECONDS" a line, for
 * each record of a person that was deleted. Always: it says who went and when, nothing else; after
 * a restore it deletes again who is back, and never somebody who was given the number later. */
#include "gen/erase.q.h"
#include "gen/request.q.h"
#include "host/file.h"
#include "manage/privacy/privacy_private.h"

#define LOG_MAX ((size_t)64 * 1024 * 1024)

static struct str log_path(struct ctx *c)
{
    return str_fmt(c->arena, "%.*s/deletions.log", STR(app_config(c->app)->data));
}

static enum err log_read(struct ctx *c, struct str *text)
{
    enum err err = file_read(c->arena, log_path(c), LOG_MAX, text);

    if (err == E_NOT_FOUND) {
        *text = S("");
        return OK;
    }
    return err == OK ? OK : fail(c, err, "privacy.list", "the list of deletions cannot be read");
}

enum err deletion_note(struct ctx *c, int64_t person_id)
{
    const struct q_erase_records_row *row;
    struct list records;
    struct str text;

    TRY(q_erase_records(c, person_id, &records));
    TRY(log_read(c, &text));
    row = records.at;
    for (int64_t i = 0; i < records.count; i++)
        text = str_fmt(c->arena, "%.*s%" PRId64 " %" PRId64 "\n", STR(text), row[i].customer_number,
                       c->now_ms);
    if (file_write(log_path(c), text, 0600) != OK)
        return fail(c, E_IO, "privacy.list", "the list of deletions cannot be written");
    return OK;
}

/* One line: whoever has this number and was there then goes again. */
static enum err line_replay(struct ctx *c, struct str line, int64_t *deleted_count)
{
    struct q_erase_by_number_row row;
    struct str number_text, ms_text, receipt;
    int64_t number, deleted_ms;
    enum err err;

    if (!str_cut(line, ' ', &number_text, &ms_text) || !str_to_int(number_text, &number) ||
        !str_to_int(ms_text, &deleted_ms))
        return fail(c, E_CORRUPT, "privacy.list", "the list of deletions is damaged");
    err = q_erase_by_number(c, number, deleted_ms, &row);
    if (err == E_NOT_FOUND)
        return OK;
    TRY(err);
    (*deleted_count)++;
    TRY(erase_person(c, row.person_id, &receipt));
    return q_privacy_request_replayed(
        c, &(struct q_privacy_request_replayed_in){.id = ctx_id(c),
                                                   .customer_id = row.person_id,
                                                   .customer_number = number,
                                                   .reason = S("deletions.log"),
                                                   .receipt = receipt});
}

enum err deletion_replay(struct ctx *c, int64_t *deleted_count)
{
    struct str rest, line;
    bool is_more = true;

    *deleted_count = 0;
    TRY(log_read(c, &rest));
    while (is_more) {
        is_more = str_cut(rest, '\n', &line, &rest);
        if (line.len > 0)
            TRY(line_replay(c, line, deleted_count));
    }
    return OK;
}
