/* How a file is read: from a mapping file, or guessed from the header. A guess that is not plain is
 * refused; nothing unknown in a mapping file is passed over. The JSON kept with a run says all of
 * it. */
#include "base/json.h"
#include "host/crypto.h"
#include "host/file.h"
#include "manage/import/import_private.h"
#include "manage/customer/customer.h"
#include "manage/setting/setting.h"

#define SOURCE_MAX 64
#define EXTRA_MAX 100
#define MAPPING_JSON_MAX (256 * 1024)

struct reading {
    struct ctx *c;
    const struct import_kind *kind;
    const struct import_job *job;
    const struct import_header *header;
    struct import_mapping *out;
};

/* ---- the header ----------------------------------------------------------------------------- */

int64_t import_header_find(const struct import_header *header, struct str name)
{
    int64_t found = -1;

    for (int64_t i = 0; i < header->count; i++) {
        if (!str_eq(header->names[i], name))
            continue;
        if (found >= 0)
            return -2;
        found = i;
    }
    return found;
}

bool import_header_is_ours(struct str name)
{
    return str_is(name, "reject_line") || str_is(name, "reject_code") ||
           str_is(name, "reject_reason") || str_is(name, IMPORT_PLACE_COLUMN);
}

/* "Invoice No." and "invoice_no" are "invoiceno". */
static struct str header_plain(struct arena *arena, struct str name)
{
    struct str lower = str_lower(arena, name);
    char *plain = arena_alloc(arena, lower.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < lower.len; i++) {
        if (memchr(" _-./", lower.at[i], 5) == NULL)
            plain[len++] = lower.at[i];
    }
    return (struct str){plain, len};
}

static bool words_have(const char *words, struct str word)
{
    struct str rest = str_of(words), head;

    while (rest.len > 0) {
        str_cut(rest, '|', &head, &rest);
        if (str_eq(head, word))
            return true;
    }
    return false;
}

/* ---- columns -------------------------------------------------------------------------------- */

static const struct import_column *column_find(const struct import_kind *kind, struct str name)
{
    for (int64_t i = 0; i < kind->column_count; i++) {
        if (str_is(name, kind->columns[i].name))
            return &kind->columns[i];
    }
    return NULL;
}

static enum err column_locate(struct reading *r, struct str column, struct str header, int64_t *at)
{
    *at = import_header_find(r->header, header);
    if (*at == -2)
        return fail(r->c, E_INPUT, "import.column_twice",
                    "the file has two columns \"%.*s\"; \"%.*s\" needs one", STR(header),
                    STR(column));
    if (*at < 0)
        return fail(r->c, E_INPUT, "import.column_missing",
                    "the file has no column \"%.*s\", which the mapping names for \"%.*s\"",
                    STR(header), STR(column));
    return OK;
}

static enum err extra_set(struct reading *r, struct str name, int64_t at)
{
    struct import_extra *extra = &r->out->extras[r->out->extra_count];
    const char *prefix = r->kind->extra_prefix;

    if (prefix == NULL || !str_starts(name, str_of(prefix)))
        return fail(r->c, E_INPUT, "import.mapping",
                    "the mapping names \"%.*s\", which %s have not", STR(name), r->kind->name);
    if (r->out->extra_count == EXTRA_MAX)
        return fail(r->c, E_INPUT, "import.mapping", "the mapping has more than %d further columns",
                    EXTRA_MAX);
    extra->name = str_copy(r->c->arena, str_sub(name, strlen(prefix), name.len));
    extra->at = at;
    r->out->extra_count++;
    return OK;
}

static enum err column_set(struct reading *r, struct str name, struct str header)
{
    const struct import_column *column = column_find(r->kind, name);
    int64_t at, i;

    TRY(column_locate(r, name, header, &at));
    if (column == NULL)
        return extra_set(r, name, at);
    i = column - r->kind->columns;
    r->out->columns[i] = str_copy(r->c->arena, header);
    r->out->column_at[i] = at;
    return OK;
}

static enum err columns_read(struct reading *r, const struct json *columns)
{
    if (columns->type != JSON_OBJECT)
        return fail(r->c, E_INPUT, "import.mapping", "\"columns\" is no object");
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct json_member *member = &columns->members[i];

        if (member->value.type == JSON_NULL)
            continue;
        if (member->value.type != JSON_STR)
            return fail(r->c, E_INPUT, "import.mapping", "the column of \"%.*s\" is no text",
                        STR(member->name));
        TRY(column_set(r, member->name, str_trim(member->value.text)));
    }
    return OK;
}

/* One header a column, found by the words it is known by. */
static enum err columns_guess(struct reading *r)
{
    for (int64_t i = 0; i < r->header->count; i++) {
        struct str plain = header_plain(r->c->arena, r->header->names[i]);

        for (int64_t k = 0; k < r->kind->column_count; k++) {
            const struct import_column *column = &r->kind->columns[k];

            if (column->words == NULL || !words_have(column->words, plain))
                continue;
            if (r->out->column_at[k] >= 0)
                return fail(r->c, E_INPUT, "import.column_ambiguous",
                            "\"%.*s\" and \"%.*s\" may both be \"%s\": say which in a mapping file",
                            STR(r->out->columns[k]), STR(r->header->names[i]), column->name);
            TRY(column_set(r, str_of(column->name), r->header->names[i]));
            break;
        }
    }
    return OK;
}

int64_t import_mapping_guess(struct arena *arena, const struct import_kind *kind,
                             const struct import_header *header, int64_t *column_at)
{
    int64_t found_count = 0;

    for (int64_t k = 0; k < kind->column_count; k++)
        column_at[k] = -1;
    for (int64_t i = 0; i < header->count; i++) {
        struct str plain = header_plain(arena, header->names[i]);

        for (int64_t k = 0; k < kind->column_count; k++) {
            const struct import_column *column = &kind->columns[k];

            if (column_at[k] >= 0 || (!str_eq(header->names[i], str_of(column->name)) &&
                                      (column->words == NULL || !words_have(column->words, plain))))
                continue;
            column_at[k] = i;
            found_count++;
            break;
        }
    }
    return found_count;
}

const struct import_kind *import_mapping_kind(struct arena *arena,
                                              const struct import_header *header)
{
    const struct import_kind *best = NULL;
    int64_t best_count = 0;

    for (const struct import_kind *const *kind = import_kinds; *kind != NULL; kind++) {
        int64_t *at = arena_new_array(arena, int64_t, (size_t)(*kind)->column_count);
        int64_t count = import_mapping_guess(arena, *kind, header, at);

        for (int64_t k = 0; k < (*kind)->column_count; k++) {
            if ((*kind)->columns[k].is_needed && at[k] < 0)
                count = 0;
        }
        if (count > best_count) {
            best = *kind;
            best_count = count;
        }
    }
    return best;
}

struct str import_header_hash(struct arena *arena, const struct import_header *header)
{
    uint8_t digest[HASH_BYTES];
    struct buf buf;
    struct str hash;

    buf_init(&buf, 8 * 1024 * 1024);
    for (int64_t i = 0; i < header->count; i++) {
        buf_str(&buf, header_plain(arena, header->names[i]));
        buf_char(&buf, '\n');
    }
    hash_sha256(buf_view(&buf), digest);
    hash = str_copy(arena, (struct str){(const char *)digest, HASH_BYTES});
    buf_release(&buf);
    return hash;
}

/* A mended file of refused rows brings each row's place. */
static enum err columns_place(struct reading *r)
{
    const struct import_column *column = column_find(r->kind, S("line_no"));

    if (!r->kind->has_places || column == NULL ||
        r->out->column_at[column - r->kind->columns] >= 0 ||
        import_header_find(r->header, S(IMPORT_PLACE_COLUMN)) == -1)
        return OK;
    return column_set(r, S("line_no"), S(IMPORT_PLACE_COLUMN));
}

static enum err columns_check(struct reading *r)
{
    for (int64_t k = 0; k < r->kind->column_count; k++) {
        if (r->kind->columns[k].is_needed && r->out->column_at[k] < 0)
            return fail(r->c, E_INPUT, "import.column_needed",
                        "no column of the file is \"%s\": say which in a mapping file",
                        r->kind->columns[k].name);
    }
    return OK;
}

/* ---- the other words ------------------------------------------------------------------------ */

static enum err sign_read(struct reading *r, const struct json_member *member, const char *allowed,
                          char *sign)
{
    struct str text = member->value.text;

    if (text.len == 0 && strchr(allowed, ' ') != NULL) {
        *sign = 0;
        return OK;
    }
    if (text.len != 1 || strchr(allowed, text.at[0]) == NULL)
        return fail(r->c, E_INPUT, "import.mapping", "\"%.*s\" is one of %s", STR(member->name),
                    allowed);
    *sign = text.at[0];
    return OK;
}

static enum err word_read(struct reading *r, const struct json_member *member)
{
    const struct {
        const char *name;
        struct str *to;
    } words[] = {
        {"source", &r->out->source},
        {"zone", &r->out->zone_name},
        {"currency", &r->out->currency},
        {"date_order", &r->out->date_order},
        {"customer_kind", &r->out->customer_kind},
        {"cancellation_prefix", &r->out->cancellation_prefix},
        {"channel", &r->out->channel},
        {"tag_family", &r->out->tag_family},
    };

    if (str_is(member->name, "decimal"))
        return sign_read(r, member, ".,", &r->out->decimal);
    if (str_is(member->name, "thousands"))
        return sign_read(r, member, ".,' ", &r->out->thousands);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_is(member->name, words[i].name))
            continue;
        if (member->value.text.len > 0)
            *words[i].to = str_copy(r->c->arena, member->value.text);
        return OK;
    }
    return fail(r->c, E_INPUT, "import.mapping", "the mapping knows no \"%.*s\"",
                STR(member->name));
}

static enum err member_read(struct reading *r, const struct json_member *member)
{
    if (str_is(member->name, "columns"))
        return columns_read(r, &member->value);
    if (str_is(member->name, "create_channels") && member->value.type == JSON_BOOL) {
        r->out->does_create_channels = member->value.is_true;
        return OK;
    }
    if (member->value.type != JSON_STR)
        return fail(r->c, E_INPUT, "import.mapping", "\"%.*s\" is no text", STR(member->name));
    return word_read(r, member);
}

static enum err json_read(struct reading *r)
{
    struct json json;
    struct json_fault fault;

    if (json_parse(r->c->arena, r->job->mapping, &json, &fault) != OK)
        return fail(r->c, E_INPUT, "import.mapping", "the mapping is no JSON: %s at byte %zu",
                    fault.what, fault.offset);
    if (json.type != JSON_OBJECT)
        return fail(r->c, E_INPUT, "import.mapping", "the mapping is no JSON object");
    for (uint32_t i = 0; i < json.count; i++)
        TRY(member_read(r, &json.members[i]));
    if (json_get(&json, "columns") == NULL)
        return columns_guess(r);
    return OK;
}

/* ---- what follows from them ----------------------------------------------------------------- */

static void mapping_init(struct reading *r)
{
    struct import_mapping *out = r->out;
    size_t count = (size_t)r->kind->column_count;

    *out = (struct import_mapping){.decimal = '.', .date_order = S("ymd"), .source = S("file")};
    out->columns = arena_new_array(r->c->arena, struct str, count);
    out->column_at = arena_new_array(r->c->arena, int64_t, count);
    out->extras = arena_new_array(r->c->arena, struct import_extra, EXTRA_MAX);
    for (size_t i = 0; i < count; i++)
        out->column_at[i] = -1;
}

static enum err zone_settle(struct reading *r)
{
    struct zone *zone;

    r->out->zone = ctx_zone(r->c);
    if (r->out->zone_name.at == NULL)
        return OK;
    if (zone_load(r->c->arena, r->out->zone_name, &zone) != OK)
        return fail(r->c, E_INPUT, "import.zone", "there is no zone \"%.*s\"",
                    STR(r->out->zone_name));
    r->out->zone = zone;
    return OK;
}

static enum err currency_check(struct reading *r)
{
    struct str currency;

    TRY(setting_currency(r->c, &currency, &r->out->minor_digits));
    if (r->out->currency.at != NULL && !str_eq(r->out->currency, currency))
        return fail(r->c, E_INPUT, "import.currency",
                    "the file is in %.*s, the brand in %.*s: amounts are not converted",
                    STR(r->out->currency), STR(currency));
    r->out->currency = currency;
    return OK;
}

/* Letters, digits and _ - . : a source is part of identities ("shop:SOURCE"). */
static bool source_is_good(struct str source)
{
    static const char others[] = "_-.";

    for (size_t i = 0; i < source.len; i++) {
        char at = source.at[i];

        if (!(at >= '0' && at <= '9') && !(at >= 'a' && at <= 'z') && !(at >= 'A' && at <= 'Z') &&
            memchr(others, at, sizeof(others) - 1) == NULL)
            return false;
    }
    return source.len > 0 && source.len <= SOURCE_MAX;
}

/* The kind of identity a row's customer is named by; its value is checked row by row. */
static enum err customer_kind_check(struct reading *r)
{
    struct customer_ref ref = {r->out->customer_kind, S("1")}, normal;
    enum err err = customer_ref_normal(r->c, ref, &normal);

    if (err == E_INPUT && strcmp(r->c->fault.code, "identity.kind") == 0)
        return fail(r->c, E_INPUT, "import.mapping", "\"%.*s\" is no kind of identity",
                    STR(ref.kind));
    r->c->fault = (struct fault){0};
    return err == E_INPUT ? OK : err;
}

static enum err words_check(struct reading *r)
{
    struct import_mapping *out = r->out;

    if (r->job->source.at != NULL)
        out->source = r->job->source;
    if (!source_is_good(out->source))
        return fail(r->c, E_INPUT, "import.source",
                    "a source has 1 to %d letters, digits or any of _ - .", SOURCE_MAX);
    if (!str_is(out->date_order, "ymd") && !str_is(out->date_order, "dmy") &&
        !str_is(out->date_order, "mdy"))
        return fail(r->c, E_INPUT, "import.mapping", "\"date_order\" is one of ymd dmy mdy");
    if (out->tag_family.at != NULL &&
        !words_have("channel|identity|intent|activity|spending", out->tag_family))
        return fail(r->c, E_INPUT, "import.mapping",
                    "\"tag_family\" is one of channel identity intent activity spending");
    if (out->thousands == out->decimal)
        return fail(r->c, E_INPUT, "import.mapping",
                    "\"decimal\" and \"thousands\" cannot be the same sign");
    if (out->customer_kind.at == NULL)
        out->customer_kind = str_fmt(r->c->arena, "shop:%.*s", STR(out->source));
    TRY(customer_kind_check(r));
    TRY(zone_settle(r));
    return currency_check(r);
}

static void json_word(struct json_out *json, const char *name, struct str text)
{
    if (text.at == NULL)
        return;
    json_name(json, name);
    json_str(json, text);
}

static void columns_write(struct reading *r, struct json_out *json)
{
    const struct import_mapping *out = r->out;

    json_name(json, "columns");
    json_object_begin(json);
    for (int64_t k = 0; k < r->kind->column_count; k++)
        json_word(json, r->kind->columns[k].name, out->columns[k]);
    for (int64_t k = 0; k < out->extra_count; k++) {
        struct str name =
            str_fmt(r->c->arena, "%s%.*s", r->kind->extra_prefix, STR(out->extras[k].name));

        json_word(json, str_cstr(r->c->arena, name), r->header->names[out->extras[k].at]);
    }
    json_object_end(json);
}

/* Everything that decides how the file is read, in one order: the same reading is the same text. */
static void mapping_write(struct reading *r)
{
    struct import_mapping *out = r->out;
    struct buf buf;
    struct json_out json;

    buf_init(&buf, MAPPING_JSON_MAX);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_word(&json, "source", out->source);
    json_word(&json, "zone", out->zone_name);
    json_word(&json, "currency", out->currency);
    json_word(&json, "decimal", (struct str){&out->decimal, 1});
    json_word(&json, "thousands", (struct str){&out->thousands, out->thousands == 0 ? 0 : 1});
    json_word(&json, "date_order", out->date_order);
    json_word(&json, "customer_kind", out->customer_kind);
    json_word(&json, "cancellation_prefix", out->cancellation_prefix);
    json_word(&json, "channel", out->channel);
    json_word(&json, "tag_family", out->tag_family);
    json_name(&json, "create_channels");
    json_bool(&json, out->does_create_channels);
    columns_write(r, &json);
    json_object_end(&json);
    out->json = str_copy(r->c->arena, buf_view(&buf));
    buf_release(&buf);
}

enum err import_mapping_read(struct ctx *c, const struct import_kind *kind,
                             const struct import_job *job, const struct import_header *header,
                             struct import_mapping *out)
{
    struct reading r = {.c = c, .kind = kind, .job = job, .header = header, .out = out};

    mapping_init(&r);
    TRY(job->mapping.at == NULL ? columns_guess(&r) : json_read(&r));
    TRY(columns_place(&r));
    TRY(columns_check(&r));
    TRY(words_check(&r));
    mapping_write(&r);
    return OK;
}
