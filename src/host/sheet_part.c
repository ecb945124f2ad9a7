/* One part of a spreadsheet: unpacked and parsed piece by piece.
 * Always: what a zip says of its sizes is never believed, only what comes out is counted; no entity
 * is ever declared, for a DOCTYPE ends the reading. */
#include "host/sheet_private.h"

#include <stdlib.h>

#define FREE_BYTES (16 * 1024 * 1024) /* so much may come out whatever the ratio */

bool sheet_fail(struct sheet *sheet, const char *code, const char *why)
{
    if (sheet->fault.code == NULL)
        sheet->fault = (struct sheet_fault){code, why};
    return false;
}

/* ---- texts ---------------------------------------------------------------------------------- */

void sheet_text_add(struct sheet_text *text, const char *at, size_t len)
{
    size_t cap = text->cap ? text->cap : 256;

    if (text->is_full || len > text->max - text->len) {
        text->is_full = true;
        return;
    }
    while (cap < text->len + len)
        cap *= 2;
    if (cap > text->cap) {
        char *grown = realloc(text->at, cap);

        if (grown == NULL)
            must_fail("out of memory", __FILE__, __LINE__);
        text->at = grown;
        text->cap = cap;
    }
    if (len > 0)
        memcpy(text->at + text->len, at, len);
    text->len += len;
}

void sheet_text_release(struct sheet_text *text)
{
    free(text->at);
    *text = (struct sheet_text){.max = text->max};
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code of "_xHHHH_", or -1. */
static long escape_at(const char *at, size_t len)
{
    long code = 0;

    if (len < 7 || at[0] != '_' || at[1] != 'x' || at[6] != '_')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (hex_of(at[i]) < 0)
            return -1;
        code = code * 16 + hex_of(at[i]);
    }
    return code > 0 && code < 0x80 ? code : -1;
}

size_t sheet_unescape(char *at, size_t len)
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        long code = at[i] == '_' ? escape_at(at + i, len - i) : -1;

        at[used++] = code < 0 ? at[i] : (char)code;
        if (code >= 0)
            i += 6;
    }
    return used;
}

/* ---- XML ------------------------------------------------------------------------------------ */

const char *sheet_local(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon == NULL ? name : colon + 1;
}

const char *sheet_attribute(const char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0 || strcmp(sheet_local(attributes[0]), name) == 0)
            return attributes[1];
    }
    return NULL;
}

static void on_doctype(void *user, const char *name, const char *system, const char *public,
                       int has_internal)
{
    struct sheet *sheet = user;

    (void)name;
    (void)system;
    (void)public;
    (void)has_internal;
    sheet_fail(sheet, "sheet.doctype", "the spreadsheet declares a DOCTYPE");
    XML_StopParser(sheet->reading->parser, XML_FALSE);
}

/* ---- parts ---------------------------------------------------------------------------------- */

static bool stat_check(struct sheet *sheet, const zip_stat_t *stat)
{
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) && stat->encryption_method != ZIP_EM_NONE)
        return sheet_fail(sheet, "sheet.locked", "the spreadsheet is locked by a password");
    if (!(stat->valid & ZIP_STAT_COMP_METHOD) || !(stat->valid & ZIP_STAT_COMP_SIZE) ||
        !(stat->valid & ZIP_STAT_SIZE))
        return sheet_fail(sheet, "sheet.broken", "a part of the spreadsheet cannot be read");
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
        return sheet_fail(sheet, "sheet.broken",
                          "a part of the spreadsheet is packed in a way "
                          "spreadsheets do not use");
    return true;
}

bool sheet_part_open(struct sheet *sheet, const char *path, const struct sheet_handlers *handlers,
                     struct sheet_part *part)
{
    zip_int64_t at = zip_name_locate(sheet->zip, path, ZIP_FL_NOCASE);
    zip_stat_t stat;

    *part = (struct sheet_part){.sheet = sheet, .max_bytes = SHEET_PART_MAX};
    if (at < 0)
        return false;
    if (zip_stat_index(sheet->zip, (zip_uint64_t)at, 0, &stat) != 0)
        return sheet_fail(sheet, "sheet.broken", "a part of the spreadsheet cannot be read");
    if (!stat_check(sheet, &stat))
        return false;
    part->packed_bytes = stat.comp_size > INT64_MAX ? INT64_MAX : (int64_t)stat.comp_size;
    part->total_bytes = stat.size > INT64_MAX ? INT64_MAX : (int64_t)stat.size;
    part->file = zip_fopen_index(sheet->zip, (zip_uint64_t)at, 0);
    if (part->file == NULL)
        return sheet_fail(sheet, "sheet.broken", "a part of the spreadsheet cannot be read");
    part->parser = XML_ParserCreate(NULL);
    if (part->parser == NULL)
        must_fail("out of memory", __FILE__, __LINE__);
    XML_SetUserData(part->parser, sheet);
    XML_SetElementHandler(part->parser, handlers->begin, handlers->end);
    XML_SetCharacterDataHandler(part->parser, handlers->text);
    XML_SetStartDoctypeDeclHandler(part->parser, on_doctype);
    return true;
}

void sheet_part_close(struct sheet_part *part)
{
    if (part->parser != NULL)
        XML_ParserFree(part->parser);
    if (part->file != NULL)
        zip_fclose(part->file);
    part->parser = NULL;
    part->file = NULL;
}

static bool size_check(const struct sheet_part *part)
{
    if (part->done_bytes > part->max_bytes)
        return sheet_fail(part->sheet, "sheet.bomb", "the spreadsheet unpacks to too much");
    if (part->done_bytes > FREE_BYTES && part->done_bytes / SHEET_RATIO_MAX > part->packed_bytes)
        return sheet_fail(part->sheet, "sheet.bomb",
                          "the spreadsheet unpacks to far more than a spreadsheet does");
    if (part->done_bytes - XML_GetCurrentByteIndex(part->parser) > SHEET_TOKEN_MAX + SHEET_CHUNK)
        return sheet_fail(part->sheet, "sheet.broken", "the spreadsheet holds an endless tag");
    return true;
}

static bool status_check(struct sheet_part *part, enum XML_Status status)
{
    if (status == XML_STATUS_ERROR)
        return sheet_fail(part->sheet, "sheet.broken", "a part of the spreadsheet is no good XML");
    return part->sheet->fault.code == NULL;
}

static bool part_feed(struct sheet_part *part, enum XML_Status *status)
{
    void *room = XML_GetBuffer(part->parser, SHEET_CHUNK);
    zip_int64_t got;

    if (room == NULL)
        return sheet_fail(part->sheet, "sheet.broken", "a part of the spreadsheet is no good XML");
    got = zip_fread(part->file, room, SHEET_CHUNK);
    if (got < 0)
        return sheet_fail(part->sheet, "sheet.broken", "a part of the spreadsheet is damaged");
    part->done_bytes += got;
    part->is_ended = got == 0;
    *status = XML_ParseBuffer(part->parser, (int)got, got == 0);
    return status_check(part, *status) && size_check(part);
}

bool sheet_part_go(struct sheet_part *part, bool *is_ended)
{
    XML_ParsingStatus parsing;
    enum XML_Status status = XML_STATUS_OK;

    part->sheet->reading = part;
    XML_GetParsingStatus(part->parser, &parsing);
    if (parsing.parsing == XML_SUSPENDED)
        status = XML_ResumeParser(part->parser);
    if (!status_check(part, status))
        return false;
    while (status == XML_STATUS_OK && !part->is_ended) {
        if (!part_feed(part, &status))
            return false;
    }
    XML_GetParsingStatus(part->parser, &parsing);
    *is_ended = parsing.parsing == XML_FINISHED;
    return true;
}

bool sheet_part_read(struct sheet *sheet, const char *path, const struct sheet_handlers *handlers)
{
    struct sheet_part part;
    bool is_ended = false, is_good;

    if (!sheet_part_open(sheet, path, handlers, &part)) {
        sheet_part_close(&part);
        return sheet->fault.code == NULL;
    }
    is_good = sheet_part_go(&part, &is_ended);
    sheet_part_close(&part);
    return is_good;
}
