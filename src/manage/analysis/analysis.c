/* Questions over HTTP. Always: they read; who asks sees members and counts of the customers within
 * reach alone, because the reach is one more condition of the question. */
#include "manage/analysis/analysis_private.h"
#include "manage/attribute/attribute.h"

#define ROWS_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* ---- cells ----------------------------------------------------------------------------------- */

static void cell_write(struct ctx *c, const struct question *question, struct json_out *json,
                       enum analysis_cell cell, int64_t value)
{
    if (value == NONE)
        json_null(json);
    else if (cell == CELL_SECOND)
        json_int(json, value * 1000);
    else if (cell == CELL_DAY)
        json_str(json, day_iso(c->arena, value));
    else if (cell == CELL_ID)
        json_id(json, value);
    else if (cell == CELL_KIND || cell == CELL_CHANNEL || cell == CELL_TEXT)
        json_str(json, analysis_text(question, cell, value));
    else
        json_int(json, value);
}

static void rows_write(struct ctx *c, const struct question *question, struct json_out *json)
{
    const struct answer *answer = &question->answer;
    struct analysis_column shown[ANALYSIS_COLUMN_MAX];
    int count = analysis_columns(question, shown);

    json_array_begin(json);
    for (int64_t i = 0; i < answer->row_count; i++) {
        json_array_begin(json);
        for (int k = 0; k < count; k++)
            cell_write(c, question, json, shown[k].cell, answer->cells[i * count + k]);
        json_array_end(json);
    }
    json_array_end(json);
}

static void columns_write(const struct question *question, struct json_out *json)
{
    struct analysis_column shown[ANALYSIS_COLUMN_MAX];
    int count = analysis_columns(question, shown);

    json_array_begin(json);
    for (int k = 0; k < count; k++)
        json_str(json, str_of(shown[k].name));
    json_array_end(json);
}

/* ---- any question ---------------------------------------------------------------------------- */

struct audience_query_in {
    struct str query;
};
struct audience_query_out {
    struct str columns, rows;
    int64_t member_count, event_count, as_of_ms, elapsed_us;
};
static const struct field audience_query_in[] = {
    IN(struct audience_query_in, query, .is_json = true, .max = QUERY_TEXT_MAX,
       .about = "the query language, version 1"),
};
static const struct field audience_query_out[] = {
    OUT(struct audience_query_out, columns, .is_json = true, .about = "names, a list of texts"),
    OUT(struct audience_query_out, rows, .is_json = true, .about = "a list of a value a column"),
    OUT(struct audience_query_out, member_count, .is_optional = true,
        .about = "of a segment: how many persons"),
    OUT(struct audience_query_out, event_count, .about = "events there are"),
    OUT(struct audience_query_out, as_of_ms, .about = "what happened from then on is not seen"),
    OUT(struct audience_query_out, elapsed_us),
};

static enum err table_write(struct ctx *c, const struct question *question,
                            struct audience_query_out *out)
{
    struct buf *buf = ctx_buf(c, ROWS_BYTES_MAX);
    struct json_out json;
    bool is_full;

    json_out_init(&json, buf);
    columns_write(question, &json);
    out->columns = str_copy(c->arena, buf_view(buf));
    buf_reset(buf);
    json_out_init(&json, buf);
    rows_write(c, question, &json);
    out->rows = str_copy(c->arena, buf_view(buf));
    is_full = buf->is_full;
    buf_release(buf);
    return is_full ? fail(c, E_TOO_LARGE, "query.large", "the answer is too large") : OK;
}

static enum err query_run(struct ctx *c, const void *in_, void *out_)
{
    const struct audience_query_in *in = in_;
    struct audience_query_out *out = out_;
    struct question question;
    enum err err = question_ask(c, in->query, &question);

    if (err == OK)
        err = table_write(c, &question, out);
    out->member_count =
        question.query.ask == QUERY_SEGMENT ? bitmap_count(&question.answer.members) : NONE;
    out->event_count = question.answer.event_count;
    out->as_of_ms = question.moment.moment.as_of * 1000;
    out->elapsed_us = question.answer.elapsed_us;
    question_end(&question);
    return err;
}

/* ---- what can be asked about ----------------------------------------------------------------- */

struct catalog_item {
    struct str name, type, title, title_zh, title_en, choices;
};
struct audience_catalog {
    struct list kinds, columns, attributes;
    struct str stages;
};
static const struct field catalog_kind_item[] = {
    OUT(struct catalog_item, name),
    OUT(struct catalog_item, title_zh),
    OUT(struct catalog_item, title_en),
};
#define TYPES "number|money|date|id|text|choices"
static const struct field catalog_column_item[] = {
    OUT(struct catalog_item, name),
    OUT(struct catalog_item, type, .one_of = TYPES),
};
static const struct field catalog_attribute_item[] = {
    OUT(struct catalog_item, name),
    OUT(struct catalog_item, type, .one_of = TYPES),
    OUT(struct catalog_item, title, .is_optional = true, .about = "of those the brand defined"),
    OUT(struct catalog_item, choices, .is_optional = true, .is_json = true),
};
static const struct field audience_catalog[] = {
    OUT(struct audience_catalog, kinds,
        .of = SHAPE_OF("catalog_kind_item", catalog_kind_item, struct catalog_item)),
    OUT(struct audience_catalog, columns,
        .of = SHAPE_OF("catalog_column_item", catalog_column_item, struct catalog_item)),
    OUT(struct audience_catalog, attributes,
        .of = SHAPE_OF("catalog_attribute_item", catalog_attribute_item, struct catalog_item)),
    OUT(struct audience_catalog, stages, .is_json = true,
        .about = "those of a flow that names none: a list of {name, who}"),
};

static struct str type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_NUMBER] = "number", [VALUE_MONEY] = "money", [VALUE_DATE] = "date",
        [VALUE_ID] = "id",         [VALUE_TEXT] = "text",   [VALUE_CHOICES] = "choices"};

    return str_of(names[type]);
}

static struct list fields_list(struct ctx *c, const struct catalog_field *fields, int count)
{
    struct catalog_item *items = arena_new_array(c->arena, struct catalog_item, (size_t)count + 1);

    for (int i = 0; i < count; i++)
        items[i] = (struct catalog_item){.name = fields[i].name, .type = type_name(fields[i].type)};
    return (struct list){items, count};
}

static struct list kinds_list(struct ctx *c, const struct catalog *catalog)
{
    struct catalog_item *items =
        arena_new_array(c->arena, struct catalog_item, (size_t)catalog->kind_count + 1);
    int64_t count = 0;

    for (int i = 0; i < catalog->kind_count; i++) {
        const struct event_kind *kind = event_kind_find(c->app, catalog->kinds[i].name);
        if (kind)
            items[count++] = (struct catalog_item){.name = catalog->kinds[i].name,
                                                   .title_zh = str_of(kind->title_zh),
                                                   .title_en = str_of(kind->title_en)};
    }
    return (struct list){items, count};
}

/* Titles and choices of the brand's own. */
static enum err attributes_title(struct ctx *c, const struct audience_moment *moment,
                                 struct list *list)
{
    struct catalog_item *items = list->at;
    const struct attribute *attribute;
    struct attributes all;

    TRY(attributes_load(c, &all));
    for (int64_t i = 0; i < list->count; i++) {
        attribute = moment->members[i].at ? attribute_find(&all, moment->members[i]) : NULL;
        if (attribute == NULL)
            continue;
        items[i].title = attribute->title;
        items[i].choices = attribute->choices;
    }
    return OK;
}

static enum err catalog_run(struct ctx *c, const void *in, void *out_)
{
    struct audience_catalog *out = out_;
    struct audience_moment moment;
    enum err err;

    (void)in;
    TRY(audience_hold(c, &moment));
    out->kinds = kinds_list(c, &moment.catalog);
    out->columns = fields_list(c, moment.catalog.columns, moment.catalog.column_count);
    out->attributes = fields_list(c, moment.catalog.attributes, moment.catalog.attribute_count);
    err = moment.catalog.stages(moment.catalog.user, &out->stages);
    if (err == OK)
        err = attributes_title(c, &moment, &out->attributes);
    audience_release(&moment);
    return err;
}

const struct route analysis_routes[] = {
    {HTTP_POST, "/api/audience/query", "customer.read", SHAPE(audience_query_in),
     SHAPE(audience_query_out), query_run, .reads = true, .is_long = question_is_long,
     .repeat = REPEAT_KEY_IGNORED, .about = "Ask about customers and what they did",
     .statement_max = 12},
    {HTTP_GET, "/api/audience/catalog", "customer.read", NULL, SHAPE(audience_catalog), catalog_run,
     .about = "What a question may name"},
    {.path = NULL},
};
