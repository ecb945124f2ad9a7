/* Templates: for each kind a file with the header we know, and a row to go by.
 */
#include "base/csv.h"
#include "manage/import/import_private.h"

#define TEMPLATE_MAX (64 * 1024)

struct import_template_in {
    struct str kind, lang;
};
static const struct field import_template_in[] = {
    IN(struct import_template_in, kind, .min = 1, .max = 40),
    IN(struct import_template_in, lang, .is_optional = true, .one_of = "zh|en"),
};

/* In Chinese the first Chinese word by which a column is guessed, in English its name. */
static struct str column_title(const struct import_column *column, bool is_zh)
{
    struct str rest = str_of(column->words), head;

    while (is_zh && rest.len > 0) {
        str_cut(rest, '|', &head, &rest);
        if (head.len > 0 && (unsigned char)head.at[0] >= 0x80)
            return head;
    }
    return str_of(column->name);
}

static void row_write(struct buf *buf, const struct import_kind *kind, bool is_zh, bool is_header)
{
    for (int64_t k = 0; k < kind->column_count; k++) {
        const struct import_column *column = &kind->columns[k];
        struct str cell = is_header ? column_title(column, is_zh) : str_of(column->example);

        csv_write(buf, cell.at == NULL ? S("") : cell, k + 1 == kind->column_count);
    }
}

static enum err template_run(struct ctx *c, const void *in_, void *out)
{
    const struct import_template_in *in = in_;
    const struct import_kind *kind = import_kind_find(in->kind);
    bool is_zh = !str_is(in->lang, "en");
    struct buf buf;

    (void)out;
    if (kind == NULL)
        return fail_at(c, "import.kind", S("kind"), "there is no such import");
    buf_init(&buf, TEMPLATE_MAX);
    buf_str(&buf, S("\xEF\xBB\xBF")); /* for spreadsheets, which take CSV for something else */
    row_write(&buf, kind, is_zh, true);
    row_write(&buf, kind, is_zh, false);
    must(!buf.is_full);
    c->file_body = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
    c->file_name = str_fmt(c->arena, "papilio-%s.csv", kind->name);
    c->file_type = "text/csv; charset=utf-8";
    return OK;
}

const struct route import_template_routes[] = {
    {HTTP_GET, "/api/imports/template", "import.read", SHAPE(import_template_in), NULL,
     template_run, .about = "A CSV file to fill in, with a row to go by", .kind = ROUTE_DOWNLOAD},
    {.path = NULL},
};
