/* A zip of one sheet that is packed while it grows, and of the small parts every workbook has.
 * Always: nothing waits but a few rows, whatever the sheet's length; what went wrong is kept and
 * said when the file is closed. */
#include "host/xlsx.h"

#include <zlib.h>

#include "host/file.h"

#define TEXT_BYTES_MAX 32767 /* Excel's cell */
#define DECIMALS_MAX 3
#define WAITING_BYTES (64 * 1024)      /* so much is packed at a time */
#define WAITING_MAX (16 * 1024 * 1024) /* one row of the longest texts */
#define LEVEL 1 /* packing is half of an export's work, and level 6 saves little more */

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define SHEETS "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/"
#define TYPE "application/vnd.openxmlformats-"

#define STYLE_DECIMALS 2 /* as xl/styles.xml numbers them: 1 is bold, then 0 to 3 decimals */

struct part {
    const char *path, *text; /* text NULL: packed as it comes */
};

static const struct part parts[] = {
    {"xl/worksheets/sheet1.xml", NULL},
    {"[Content_Types].xml",
     HEAD "<Types xmlns=\"" PACKAGE "content-types\">"
          "<Default Extension=\"rels\" ContentType=\"" TYPE "package.relationships+xml\"/>"
          "<Default Extension=\"xml\" ContentType=\"application/xml\"/>"
          "<Override PartName=\"/xl/workbook.xml\" ContentType=\"" TYPE
          "officedocument.spreadsheetml.sheet.main+xml\"/>"
          "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"" TYPE
          "officedocument.spreadsheetml.worksheet+xml\"/>"
          "<Override PartName=\"/xl/styles.xml\" ContentType=\"" TYPE
          "officedocument.spreadsheetml.styles+xml\"/></Types>"},
    {"_rels/.rels", HEAD "<Relationships xmlns=\"" PACKAGE "relationships\">"
                         "<Relationship Id=\"rId1\" Type=\"" RELATIONS "/officeDocument\""
                         " Target=\"xl/workbook.xml\"/></Relationships>"},
    {"xl/workbook.xml", HEAD "<workbook xmlns=\"" SHEETS "\" xmlns:r=\"" RELATIONS "\"><sheets>"
                             "<sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets>"
                             "</workbook>"},
    {"xl/_rels/workbook.xml.rels",
     HEAD "<Relationships xmlns=\"" PACKAGE "relationships\">"
          "<Relationship Id=\"rId1\" Type=\"" RELATIONS "/worksheet\""
          " Target=\"worksheets/sheet1.xml\"/>"
          "<Relationship Id=\"rId2\" Type=\"" RELATIONS "/styles\" Target=\"styles.xml\"/>"
          "</Relationships>"},
    {"xl/styles.xml", HEAD
     "<styleSheet xmlns=\"" SHEETS "\"><numFmts count=\"2\">"
     "<numFmt numFmtId=\"164\" formatCode=\"0.0\"/>"
     "<numFmt numFmtId=\"165\" formatCode=\"0.000\"/></numFmts>"
     "<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font>"
     "<font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>"
     "<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>"
     "<fill><patternFill patternType=\"gray125\"/></fill></fills>"
     "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
     "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/>"
     "</cellStyleXfs><cellXfs count=\"6\">"
     "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>"
     "<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/>"
#define FORMAT(id)                                                                                 \
    "<xf numFmtId=\"" id "\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\""                  \
    " applyNumberFormat=\"1\"/>"
     FORMAT("1") FORMAT("164") FORMAT("2")
         FORMAT("165") "</cellXfs><cellStyles count=\"1\">"
                       "<cellStyle name=\"Normal\" xfId=\"0\" "
                       "builtinId=\"0\"/></cellStyles></styleSheet>"},
};

/* What the zip's directory says of a part. */
struct entry {
    uint32_t crc, packed_bytes, plain_bytes, offset;
};

struct xlsx {
    struct file_writer *file;
    uint64_t offset; /* in the file */
    struct entry entries[ARRAY_LEN(parts)];
    z_stream pack;
    uint64_t plain_bytes;
    uLong crc;
    struct buf waiting;
    int64_t row, column;
    bool is_in_row;
    enum err err;
    unsigned char packed[WAITING_BYTES];
};

/* ---- the zip --------------------------------------------------------------------------------- */

static void bytes_put(struct xlsx *xlsx, const void *at, size_t len)
{
    if (xlsx->err == OK)
        xlsx->err = file_append(xlsx->file, (struct str){at, len});
    xlsx->offset += len;
}

/* Numbers of a zip's records, lowest byte first: `widths` is how many bytes each has. */
static void record_put(struct xlsx *xlsx, const char *widths, const uint32_t *values)
{
    unsigned char record[64];
    size_t len = 0;

    for (size_t i = 0; widths[i] != '\0'; i++)
        for (int byte = 0; byte < widths[i] - '0'; byte++)
            record[len++] = (unsigned char)(values[i] >> (8 * byte));
    bytes_put(xlsx, record, len);
}

#define DAY_ONE 0x21 /* 1980-01-01: a file says nothing of when it was made but what is in it */
#define SIZES_BEHIND 8
#define METHOD_PLAIN 0
#define METHOD_PACKED 8
#define ZIP_VERSION 20

static void part_begin(struct xlsx *xlsx, size_t i)
{
    struct entry *entry = &xlsx->entries[i];
    size_t len = strlen(parts[i].path);
    bool is_packed = parts[i].text == NULL;

    entry->offset = (uint32_t)xlsx->offset;
    if (!is_packed) {
        entry->plain_bytes = entry->packed_bytes = (uint32_t)strlen(parts[i].text);
        entry->crc = (uint32_t)crc32(0, (const Bytef *)parts[i].text, entry->plain_bytes);
    }
    record_put(xlsx,
               "422222444"
               "22",
               (const uint32_t[]){0x04034b50, ZIP_VERSION, is_packed ? SIZES_BEHIND : 0,
                                  is_packed ? METHOD_PACKED : METHOD_PLAIN, 0, DAY_ONE, entry->crc,
                                  entry->packed_bytes, entry->plain_bytes, (uint32_t)len, 0});
    bytes_put(xlsx, parts[i].path, len);
}

static void directory_put(struct xlsx *xlsx)
{
    uint64_t start = xlsx->offset;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct entry *entry = &xlsx->entries[i];
        size_t len = strlen(parts[i].path);
        bool is_packed = parts[i].text == NULL;
        record_put(xlsx,
                   "4222222444"
                   "2222244",
                   (const uint32_t[]){0x02014b50, ZIP_VERSION, ZIP_VERSION,
                                      is_packed ? SIZES_BEHIND : 0,
                                      is_packed ? METHOD_PACKED : METHOD_PLAIN, 0, DAY_ONE,
                                      entry->crc, entry->packed_bytes, entry->plain_bytes,
                                      (uint32_t)len, 0, 0, 0, 0, 0, entry->offset});
        bytes_put(xlsx, parts[i].path, len);
    }
    record_put(xlsx, "42222442",
               (const uint32_t[]){0x06054b50, 0, 0, ARRAY_LEN(parts), ARRAY_LEN(parts),
                                  (uint32_t)(xlsx->offset - start), (uint32_t)start, 0});
}

/* ---- the sheet's part ------------------------------------------------------------------------ */

static void waiting_pack(struct xlsx *xlsx, int flush)
{
    struct str plain = buf_view(&xlsx->waiting);

    if (xlsx->waiting.is_full && xlsx->err == OK)
        xlsx->err = E_TOO_LARGE;
    xlsx->crc = crc32_z(xlsx->crc, (const Bytef *)plain.at, plain.len);
    xlsx->plain_bytes += plain.len;
    xlsx->pack.next_in = (z_const Bytef *)(uintptr_t)plain.at;
    xlsx->pack.avail_in = (uInt)plain.len;
    do {
        xlsx->pack.next_out = xlsx->packed;
        xlsx->pack.avail_out = sizeof(xlsx->packed);
        must(deflate(&xlsx->pack, flush) != Z_STREAM_ERROR);
        bytes_put(xlsx, xlsx->packed, sizeof(xlsx->packed) - xlsx->pack.avail_out);
    } while (xlsx->pack.avail_out == 0);
    buf_reset(&xlsx->waiting);
}

static void sheet_end(struct xlsx *xlsx)
{
    struct entry *entry = &xlsx->entries[0];

    if (xlsx->is_in_row)
        xlsx_row_end(xlsx);
    buf_str(&xlsx->waiting, S("</sheetData></worksheet>"));
    waiting_pack(xlsx, Z_FINISH);
    if (xlsx->err == OK && (xlsx->plain_bytes > UINT32_MAX || xlsx->offset > UINT32_MAX / 2))
        xlsx->err = E_TOO_LARGE; /* a zip without its 64-bit records */
    entry->crc = (uint32_t)xlsx->crc;
    entry->packed_bytes = (uint32_t)xlsx->pack.total_out;
    entry->plain_bytes = (uint32_t)xlsx->plain_bytes;
    record_put(xlsx, "4444",
               (const uint32_t[]){0x08074b50, entry->crc, entry->packed_bytes, entry->plain_bytes});
}

static void sheet_begin(struct xlsx *xlsx, const int *widths, int count)
{
    buf_str(&xlsx->waiting,
            S(HEAD "<worksheet xmlns=\"" SHEETS "\"><sheetViews><sheetView workbookViewId=\"0\">"
                   "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\""
                   " state=\"frozen\"/></sheetView></sheetViews><cols>"));
    for (int i = 0; i < count; i++)
        buf_fmt(&xlsx->waiting, "<col min=\"%d\" max=\"%d\" width=\"%d\" customWidth=\"1\"/>",
                i + 1, i + 1, widths[i]);
    buf_str(&xlsx->waiting, S("</cols><sheetData>"));
}

enum err xlsx_create(struct arena *arena, struct str path, const int *widths, int count,
                     struct xlsx **out)
{
    struct xlsx *xlsx = arena_new_one(arena, struct xlsx);

    must(count > 0 && count <= XLSX_COLUMNS_MAX);
    *out = NULL;
    TRY(file_create(arena, path, &xlsx->file));
    must(deflateInit2(&xlsx->pack, LEVEL, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                      Z_DEFAULT_STRATEGY) == Z_OK);
    buf_init(&xlsx->waiting, WAITING_MAX);
    part_begin(xlsx, 0);
    sheet_begin(xlsx, widths, count);
    *out = xlsx;
    return OK;
}

enum err xlsx_close(struct xlsx *xlsx)
{
    enum err err;

    sheet_end(xlsx);
    for (size_t i = 1; i < ARRAY_LEN(parts); i++) {
        part_begin(xlsx, i);
        bytes_put(xlsx, parts[i].text, strlen(parts[i].text));
    }
    directory_put(xlsx);
    deflateEnd(&xlsx->pack);
    buf_release(&xlsx->waiting);
    err = file_finish(xlsx->file);
    return xlsx->err != OK ? xlsx->err : err;
}

/* ---- rows and cells -------------------------------------------------------------------------- */

void xlsx_row_end(struct xlsx *xlsx)
{
    xlsx->row++;
    xlsx->column = 0;
    if (xlsx->is_in_row)
        buf_str(&xlsx->waiting, S("</row>"));
    xlsx->is_in_row = false;
    if (xlsx->row > XLSX_ROWS_MAX && xlsx->err == OK)
        xlsx->err = E_TOO_LARGE;
    if (xlsx->waiting.len >= WAITING_BYTES)
        waiting_pack(xlsx, Z_NO_FLUSH);
}

/* <c r="AB12" */
static void cell_begin(struct xlsx *xlsx)
{
    int64_t column = xlsx->column++;

    must(column < XLSX_COLUMNS_MAX);
    if (!xlsx->is_in_row) {
        buf_str(&xlsx->waiting, S("<row r=\""));
        buf_int(&xlsx->waiting, xlsx->row + 1);
        buf_str(&xlsx->waiting, S("\">"));
        xlsx->is_in_row = true;
    }
    buf_str(&xlsx->waiting, S("<c r=\""));
    if (column >= 26)
        buf_char(&xlsx->waiting, (char)('A' + column / 26 - 1));
    buf_char(&xlsx->waiting, (char)('A' + column % 26));
    buf_int(&xlsx->waiting, xlsx->row + 1);
    buf_char(&xlsx->waiting, '"');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "_x000D_" is how a sheet writes what XML cannot hold; a text that looks like it is no such. */
static bool is_like_code(const char *at, size_t len)
{
    return len >= 7 && at[1] == 'x' && is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) &&
           is_hex(at[5]) && at[6] == '_';
}

/* How what is at the start of the text is written, if not as it is; `taken` bytes of it. */
static struct str escape_of(const char *at, size_t len, char code[8], size_t *taken)
{
    static const char hex[] = "0123456789ABCDEF";
    unsigned char c = (unsigned char)at[0];

    *taken = 1;
    if (c == '&')
        return S("&amp;");
    if (c == '<')
        return S("&lt;");
    if (c == '>')
        return S("&gt;");
    if (c == '_' && is_like_code(at, len))
        return S("_x005F_");
    if (c == 0xEF && len >= 3 && (unsigned char)at[1] == 0xBF && (unsigned char)at[2] >= 0xBE) {
        *taken = 3;
        return S("\xEF\xBF\xBD"); /* XML knows neither, nor a code for them */
    }
    if (c >= 0x20 || c == '\t' || c == '\n')
        return (struct str){0};
    memcpy(code, "_x00  _", 7);
    code[4] = hex[c >> 4];
    code[5] = hex[c & 15];
    return (struct str){code, 7};
}

static void text_add(struct buf *buf, struct str text)
{
    size_t from = 0, at = 0, taken;

    while (at < text.len) {
        char code[8];
        struct str escape = escape_of(text.at + at, text.len - at, code, &taken);
        if (escape.at != NULL) {
            buf_add(buf, text.at + from, at - from);
            buf_str(buf, escape);
            from = at + taken;
        }
        at += taken;
    }
    buf_add(buf, text.at + from, text.len - from);
}

/* Not within a sign. */
static struct str text_head(struct str text)
{
    size_t len = TEXT_BYTES_MAX;

    if (text.len <= len)
        return text;
    while (((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return str_sub(text, 0, len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void text_put(struct xlsx *xlsx, struct str whole, struct str style)
{
    struct str text = text_head(whole);

    if (text.at == NULL || text.len == 0) {
        xlsx->column++;
        return;
    }
    cell_begin(xlsx);
    buf_str(&xlsx->waiting, style);
    buf_str(&xlsx->waiting, S(" t=\"inlineStr\"><is><t"));
    if (is_blank(text.at[0]) || is_blank(text.at[text.len - 1]))
        buf_str(&xlsx->waiting, S(" xml:space=\"preserve\""));
    buf_char(&xlsx->waiting, '>');
    text_add(&xlsx->waiting, text);
    buf_str(&xlsx->waiting, S("</t></is></c>"));
}

void xlsx_head(struct xlsx *xlsx, struct str text)
{
    text_put(xlsx, text, S(" s=\"1\""));
}

void xlsx_text(struct xlsx *xlsx, struct str text)
{
    text_put(xlsx, text, S(""));
}

void xlsx_number(struct xlsx *xlsx, int64_t value, int64_t decimals)
{
    static const int64_t powers[] = {1, 10, 100, 1000};
    int64_t places = decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
    int64_t whole = value < 0 ? -(value / powers[places]) : value / powers[places];
    int64_t rest = value < 0 ? -(value % powers[places]) : value % powers[places];

    if (value == NONE) {
        xlsx->column++;
        return;
    }
    cell_begin(xlsx);
    buf_str(&xlsx->waiting, S(" s=\""));
    buf_int(&xlsx->waiting, STYLE_DECIMALS + places);
    buf_str(&xlsx->waiting, value < 0 ? S("\"><v>-") : S("\"><v>"));
    buf_int(&xlsx->waiting, whole);
    for (int64_t i = places; i > 0; i--) {
        if (i == places)
            buf_char(&xlsx->waiting, '.');
        buf_char(&xlsx->waiting, (char)('0' + rest / powers[i - 1] % 10));
    }
    buf_str(&xlsx->waiting, S("</v></c>"));
}
