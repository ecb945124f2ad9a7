/* See cell.h. What each column is, is said here once more. */
#include "cell.h"

#define I64 "%" PRId64
#define PUT(...) buf_fmt(out, __VA_ARGS__)

static void put_text(struct buf *out, const char *text)
{
    PUT("\"");
    for (; *text != '\0'; text++)
        PUT(*text == '\\' ? "\\\\" : "%c", *text);
    PUT("\"");
}

static const char *text_of(const struct cell *cell, int64_t value)
{
    const struct query_field *by = &cell->query->by;

    if (by->kind == QUERY_COLUMN)
        return world_texts[value];
    for (int i = 0; i < WORLD_TEXTS; i++) {
        if (cell->codes[by->number][i] == value)
            return world_texts[i];
    }
    must_fail("a text of the world", __FILE__, __LINE__);
}

static void put_kind(struct buf *out, int64_t number)
{
    for (int i = 0; i < WORLD_KINDS; i++) {
        if (world_kinds[i].number == number)
            PUT("\"%.*s\"", STR(world_kinds[i].name));
    }
}

static void put_day(struct buf *out, int64_t day)
{
    struct arena *arena = arena_new(4096);

    PUT("\"%.*s\"", STR(day_iso(arena, day)));
    arena_free(arena);
}

static void put_by(struct buf *out, const struct cell *cell, int64_t value)
{
    const struct query_field *by = &cell->query->by;

    if (value == NONE)
        PUT("null");
    else if (by->kind == QUERY_KIND)
        put_kind(out, value);
    else if (by->kind == QUERY_CHANNEL && value == 0)
        PUT("\"\"");
    else if (by->type == VALUE_DATE)
        put_day(out, value);
    else if (by->type == VALUE_ID)
        PUT("\"" I64 "\"", value);
    else if (by->type == VALUE_TEXT)
        put_text(out, text_of(cell, value));
    else
        PUT(I64, value);
}

/* Of each question its columns from the left: g is a value of `by`, t a second; + is the count that
 * a cell's people have, - one that they do not pass, . what is no key. */
static const struct {
    const char *form, *names[3];
} forms[] = {
    [QUERY_FUNNEL] = {"gn+", {"group", "level"}},
    [QUERY_RETENTION] = {"t.n+", {"cohort_ms", "unit"}},
    [QUERY_PATHS] = {"nvv-", {"position", "from", "to"}},
    [QUERY_BREAKDOWN] = {"v+", {"group"}},
    [QUERY_TREND] = {"tg+", {"from_ms", "group"}},
    [QUERY_RFM] = {"nnn+", {"r", "f", "m"}},
    [QUERY_INTERVAL] = {"n-", {"days"}},
    [QUERY_FLOW] = {"gnn+", {"group", "from", "to"}},
};

void cell_make(struct buf *out, struct cell *cell, const int64_t *row)
{
    const char *form = forms[cell->query->ask].form;
    const char *const *name = forms[cell->query->ask].names;
    const char *between = "";

    cell->is_most = cell->query->ask == QUERY_BREAKDOWN && row[0] == NONE;
    PUT("{\"answer\": %.*s, \"cell\": {", STR(cell->text));
    for (; *form != '+' && *form != '-'; form++) {
        if (*form == '.') {
            row++;
            continue;
        }
        if (*form == 'g' && !cell->query->has_by) {
            name++;
            continue;
        }
        PUT("%s\"%s\": ", between, *name++);
        between = ", ";
        if (*form == 'g' || *form == 'v')
            put_by(out, cell, *row++);
        else
            PUT(I64, *form == 't' ? *row++ * 1000 : *row++);
    }
    PUT("}}");
    cell->is_most = cell->is_most || *form == '-';
    cell->people_count = *row;
}
