/* The table of an answer: which columns it has and what a cell of each is, for pages and for files.
 */
#include "engine/dictionary.h"
#include "manage/analysis/analysis_private.h"

/* CELL_BY: whatever the question is `by`. Where a column is there only `by` something, it comes
 * first in this order all the same. CELL_SUM: money, where the sum is of it. */
enum { CELL_BY = CELL_COUNT_OF_CELLS, CELL_SUM };
struct column {
    const char *name;
    int cell;
};
static const struct column columns[][ANALYSIS_COLUMN_MAX] = {
    [QUERY_SEGMENT] = {{NULL}},
    [QUERY_FUNNEL] =
        {{"group", CELL_BY}, {"level"}, {"people"}, {"median_seconds"}, {"mean_seconds"}},
    [QUERY_RETENTION] =
        {{"cohort_ms", CELL_SECOND}, {"size"}, {"unit"}, {"people"}, {"is_over", CELL_FLAG}},
    [QUERY_PATHS] = {{"position"}, {"from", CELL_BY}, {"to", CELL_BY}, {"count"}},
    [QUERY_BREAKDOWN] = {{"group", CELL_BY}, {"people"}, {"events"}, {"sum", CELL_SUM}},
    [QUERY_TREND] =
        {{"from_ms", CELL_SECOND}, {"group", CELL_BY}, {"people"}, {"events"}, {"sum", CELL_SUM}},
    [QUERY_RFM] = {{"r"}, {"f"}, {"m"}, {"people"}, {"sum", CELL_SUM}},
    [QUERY_INTERVAL] = {{"days"}, {"pairs"}},
    [QUERY_TIMELINE] = {{"at_ms", CELL_SECOND},
                        {"kind", CELL_KIND},
                        {"channel_id", CELL_CHANNEL},
                        {"amount", CELL_MONEY}},
    [QUERY_FLOW] = {{"group", CELL_BY}, {"from"}, {"to"}, {"people"}},
};

static enum analysis_cell by_cell(const struct query_field *by)
{
    static const enum analysis_cell cells[] = {
        [VALUE_NUMBER] = CELL_COUNT, [VALUE_MONEY] = CELL_MONEY, [VALUE_DATE] = CELL_DAY,
        [VALUE_ID] = CELL_ID,        [VALUE_TEXT] = CELL_TEXT,   [VALUE_CHOICES] = CELL_TEXT};

    if (by->kind == QUERY_KIND)
        return CELL_KIND;
    if (by->kind == QUERY_CHANNEL)
        return CELL_CHANNEL;
    return by->kind == QUERY_DAY ? CELL_DAY : cells[by->type];
}

static enum analysis_cell cell_of(const struct query *query, int cell)
{
    if (cell == CELL_BY)
        return by_cell(&query->by);
    if (cell == CELL_SUM)
        return query->has_field && query->field.type == VALUE_MONEY ? CELL_MONEY : CELL_COUNT;
    return (enum analysis_cell)cell;
}

static bool is_there(const struct query *query, const struct column *column)
{
    bool is_optional =
        query->ask == QUERY_FUNNEL || query->ask == QUERY_TREND || query->ask == QUERY_FLOW;

    return column->name && (column->cell != CELL_BY || !is_optional || query->has_by);
}

int analysis_columns(const struct question *question, struct analysis_column *out)
{
    const struct query *query = &question->query;
    const struct column *column = columns[query->ask];
    int count = 0;

    for (int i = 0; i < ANALYSIS_COLUMN_MAX; i++)
        if (is_there(query, &column[i]))
            out[count++] = (struct analysis_column){column[i].name, cell_of(query, column[i].cell)};
    must(count == question->answer.column_count);
    return count;
}

static struct str by_text(const struct question *question, int64_t value)
{
    const struct query_field *by = &question->query.by;
    const struct people_column *column;

    if (by->kind == QUERY_COLUMN)
        return dictionary_text(question->moment.moment.dictionaries[by->number], value);
    column = people_column(question->moment.moment.people, by->number);
    return column && value >= 0 && value < column->text_count ? column->texts[value]
                                                              : (struct str){0};
}

struct str analysis_text(const struct question *question, enum analysis_cell cell, int64_t value)
{
    if (cell == CELL_KIND)
        return dictionary_text(question->moment.kinds, value - 1);
    if (cell == CELL_TEXT)
        return by_text(question, value);
    must(cell == CELL_CHANNEL);
    if (value == 0 && question->query.ask != QUERY_TIMELINE) /* a group, too; none is the rest */
        return S("");
    return dictionary_text(question->moment.channels, value - 1);
}
