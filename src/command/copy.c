/* papilio copy: a whole base into an empty one, of the same or the other kind. Always: one snapshot
 * of the source and one transaction of the target, so the copy is whole or not there; each table
 * is counted. The key file and the files of a data folder are not of the base. */
#include "command/command.h"

#include <stdio.h>

#include "host/db.h"
#include "host/file.h"

struct copying {
    struct arena *arena;
    struct db *from, *to;
    struct str why;
    int from_lock, to_lock;
};

static enum err refuse(struct copying *c, enum err err, const char *what, struct db *db)
{
    c->why = str_fmt(c->arena, "%s: %s", what, db ? db_error(db) : err_name(err));
    return err;
}

/* ---- where ----------------------------------------------------------------------------------- */

/* "sqlite:DIR" or "postgres://..."; a folder is taken for itself, so no server works on it. */
static enum err end_open(struct copying *c, struct str end, bool is_to, struct db **db)
{
    struct str folder, path = end;
    enum err err = OK;

    if (!db_is_url(end)) {
        if (!str_starts(end, S("sqlite:")) || end.len == 7) {
            c->why = S("--from and --to take sqlite:DIR or postgres://...");
            return E_INPUT;
        }
        folder = str_sub(end, 7, end.len);
        path = str_fmt(c->arena, "%.*s/papilio.db", STR(folder));
        if (is_to)
            err = folder_make(folder);
        if (err == OK)
            err = file_lock(str_fmt(c->arena, "%.*s/lock", STR(folder)),
                            is_to ? &c->to_lock : &c->from_lock);
        if (err != OK)
            return refuse(c, err, is_to ? "the target's folder" : "the source's folder", NULL);
    }
    err = db_open(c->arena, path, is_to ? DB_WRITE : DB_READ, db);
    return err == OK ? OK : refuse(c, err, is_to ? "the target" : "the source", *db);
}

static enum err versions_meet(struct copying *c)
{
    int version = 0;
    enum err err = db_version(c->from, &version);

    if (err != OK)
        return refuse(c, err, "the source", c->from);
    if (version != db_migration_count) {
        c->why = S("the source is of another version: open it with this program first");
        return E_CONFLICT;
    }
    err = db_migrate(c->to, &version);
    return err == OK ? OK : refuse(c, err, "the target", c->to);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void row_bind(struct db_stmt *read, struct db_stmt *write, const char *columns)
{
    for (int i = 0; columns[i] != '\0'; i++) {
        if (columns[i] == 'i')
            db_bind_int(write, i + 1, db_int(read, i));
        else if (columns[i] == 't')
            db_bind_text(write, i + 1, db_text(read, i, NULL));
        else
            db_bind_blob(write, i + 1, db_blob(read, i, NULL));
    }
}

static enum err page_end(struct db_stmt *write, int64_t *sent_count, int64_t *row_count)
{
    bool has_row;
    enum err err = OK;

    for (; *sent_count > 0 && err == OK; --*sent_count) {
        err = db_step(write, &has_row);
        *row_count += db_rewind(write);
    }
    return err;
}

#define PAGE 100

static enum err rows_copy(struct db_stmt *read, struct db_stmt *write, const char *columns,
                          int64_t *row_count)
{
    int64_t sent_count = 0;
    bool has_row = true;

    for (;;) {
        TRY(db_step(read, &has_row));
        if (!has_row)
            return page_end(write, &sent_count, row_count);
        row_bind(read, write, columns);
        db_send(write);
        if (++sent_count == db_page(write, PAGE))
            TRY(page_end(write, &sent_count, row_count));
    }
}

static enum err table_copy(struct copying *c, const struct db_table *table, int64_t *row_count)
{
    struct db_stmt *read, *write;
    enum err err = db_start(c->from, table->read_query, &read);

    *row_count = 0;
    if (err != OK)
        return refuse(c, err, table->name, c->from);
    err = db_start(c->to, table->write_query, &write);
    if (err == OK) {
        err = rows_copy(read, write, table->columns, row_count);
        db_end(write);
    }
    db_end(read);
    return err == OK ? OK : refuse(c, err, table->name, c->to);
}

static enum err is_empty(struct copying *c, const struct db_table *table)
{
    struct db_stmt *stmt;
    bool has_row = false;
    enum err err = db_start(c->to, table->read_query, &stmt);

    if (err == OK) {
        err = db_step(stmt, &has_row);
        db_end(stmt);
    }
    if (err != OK)
        return refuse(c, err, table->name, c->to);
    if (!has_row)
        return OK;
    c->why = str_fmt(c->arena, "the target is not empty: %s", table->name);
    return E_CONFLICT;
}

static enum err tables_copy(struct copying *c)
{
    int64_t row_count, total_count = 0;

    for (const struct db_table *table = db_tables; table->name; table++)
        TRY(is_empty(c, table));
    for (const struct db_table *table = db_tables; table->name; table++) {
        TRY(table_copy(c, table, &row_count));
        if (row_count > 0)
            printf("%-20s %" PRId64 "\n", table->name, row_count);
        total_count += row_count;
    }
    printf("copied: %" PRId64 " rows\n", total_count);
    return OK;
}

static enum err base_copy(struct copying *c)
{
    enum err err = db_begin(c->from);

    if (err != OK)
        return refuse(c, err, "the source", c->from);
    err = db_begin(c->to);
    if (err != OK)
        return refuse(c, err, "the target", c->to);
    err = db_defer(c->to);
    if (err != OK)
        return refuse(c, err, "the target", c->to);
    TRY(tables_copy(c));
    db_rollback(c->from);
    err = db_analyze(c->to);
    if (err == OK)
        err = db_commit(c->to);
    return err == OK ? OK : refuse(c, err, "the target's commit", c->to);
}

int command_copy(struct cli *cli, const struct command_options *options)
{
    struct copying c = {.arena = cli->arena, .from_lock = -1, .to_lock = -1};
    enum err err = E_INPUT;

    if (options->from.at == NULL || options->to.at == NULL)
        return command_refuse(S("papilio copy --from sqlite:DIR --to postgres://..., or back")) + 1;
    err = end_open(&c, options->from, false, &c.from);
    if (err == OK)
        err = end_open(&c, options->to, true, &c.to);
    if (err == OK)
        err = versions_meet(&c);
    if (err == OK)
        err = base_copy(&c);
    for (int i = 0; i < 2; i++) {
        struct db *db = i == 0 ? c.from : c.to;
        if (db != NULL)
            db_rollback(db);
        db_close(db);
    }
    if (c.from_lock >= 0)
        file_unlock(c.from_lock);
    if (c.to_lock >= 0)
        file_unlock(c.to_lock);
    return err == OK ? 0 : command_refuse(c.why);
}
