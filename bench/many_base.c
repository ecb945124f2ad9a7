/* See many_base.h. */
#include "many_base.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "manage/customer/customer.h"
#include "manage/staff/staff.h"
#include "papilio.h"

#define VERSION 2 /* of what is made here */
#define BATCH 1000

struct str many_session, many_csrf;
const char *many_folder;

static const char *folder(void)
{
    static char path[128];

    if (many_folder != NULL)
        return many_folder;
    snprintf(path, sizeof(path), "build/many-%d-%d", db_migration_count, VERSION);
    return path;
}

const char *many_path(void)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/papilio.db", folder());
    return path;
}

/* ---- people ---------------------------------------------------------------------------------- */

static uint64_t dice(uint64_t *seed, uint64_t sides)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % sides;
}

/* One in ten is called Zhang; given names are one or two of sixty-four signs. */
static struct str name_of(struct arena *arena, uint64_t *seed)
{
    static const char *const families[] = {"张", "王", "李", "刘", "陈",
                                           "杨", "赵", "黄", "周", "吴"};
    char given[8] = {0};

    for (uint64_t i = 0, signs = 1 + dice(seed, 2); i < signs; i++) {
        unsigned sign = 0x5A00 + (unsigned)dice(seed, 64) * 7;
        given[i * 3] = (char)(0xE0 | (sign >> 12));
        given[i * 3 + 1] = (char)(0x80 | ((sign >> 6) & 0x3f));
        given[i * 3 + 2] = (char)(0x80 | (sign & 0x3f));
    }
    return str_fmt(arena, "%s%s", families[dice(seed, ARRAY_LEN(families))], given);
}

static enum err batch_step(struct ctx *c, void *user)
{
    int64_t from = *(int64_t *)user;
    struct customer_new *n = arena_new_array(c->arena, struct customer_new, BATCH);
    struct customer_ref *refs = arena_new_array(c->arena, struct customer_ref, BATCH);
    struct fault *faults = arena_new_array(c->arena, struct fault, BATCH);
    int64_t *ids = arena_new_array(c->arena, int64_t, BATCH);
    uint64_t seed = (uint64_t)from + 7;

    for (int64_t i = 0; i < BATCH; i++) {
        customer_new_init(&n[i]);
        refs[i] =
            (struct customer_ref){S("member_no"), str_fmt(c->arena, "M%07d", (int)(from + i))};
        n[i].refs = &refs[i];
        n[i].ref_count = 1;
        n[i].name = name_of(c->arena, &seed);
        n[i].phone = str_fmt(c->arena, "1%010" PRId64, INT64_C(3900000000) + from + i);
        n[i].region = S("上海");
        n[i].touched_ms = c->now_ms - (int64_t)dice(&seed, 730 * 86400) * 1000;
    }
    TRY(customer_import_batch(
        c, &(struct customer_import){.n = n, .count = BATCH, .ids = ids, .faults = faults}));
    for (int64_t i = 0; i < BATCH; i++)
        must(faults[i].err == OK);
    return OK;
}

static enum err staff_step(struct ctx *c, void *user)
{
    struct staff_setup setup = {S("admin"), S("Admin"),         password_hash(c->arena, S("-")),
                                S("Bench"), S("Asia/Shanghai"), S("CNY")};
    int64_t staff_id;

    (void)user;
    return staff_setup_run(c, &setup, &staff_id);
}

static enum err session_step(struct ctx *c, void *user)
{
    TRY(session_begin(c, *(int64_t *)user, &many_csrf));
    many_session = c->session_token;
    return OK;
}

static void run(struct app *app, app_command *step, void *user)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct fault fault = {0};

    if (app_write(app, arena, step, user, &fault) != OK) {
        fprintf(stderr, "%s %.*s\n", fault.code, STR(fault.message));
        abort();
    }
    if (step == session_step) {
        many_session = str_of(strndup(many_session.at, many_session.len));
        many_csrf = str_of(strndup(many_csrf.at, many_csrf.len));
    }
    arena_free(arena);
}

/* ---- what they did --------------------------------------------------------------------------- */

/* r(k, n): one of n, another for each row and k. */
static void dice_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
    uint64_t seed = (uint64_t)sqlite3_value_int64(values[0]) * 31 + (uint64_t)count;

    seed ^= (uint64_t)sqlite3_value_int64(values[1]) * UINT64_C(0x9E3779B97F4A7C15);
    dice(&seed, 2);
    sqlite3_result_int64(context, (int64_t)dice(&seed, (uint64_t)sqlite3_value_int64(values[2])));
}

static const char figures_sql[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;"
    "BEGIN;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO channel (id, parent_id, code, name, kind, path, is_archived, created_ms)"
    " SELECT i, CASE WHEN i > 8 THEN i % 8 + 1 END, 'c' || i, '渠道 ' || i, 'store',"
    " CASE WHEN i > 8 THEN '/' || (i % 8 + 1) || '/' || i || '/' ELSE '/' || i || '/' END, 0, 0 "
    "FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
    " INSERT INTO org (id, kind, code, name, path, is_active, created_ms)"
    " SELECT i, 'store', 's' || i, '门店 ' || i, '/' || i || '/', 1, 0 FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
    " INSERT INTO staff (id, login, name, role, password, is_active, created_ms, password_ms, "
    "org_id)"
    " SELECT i, 'g' || i, '导购 ' || i, 'guide', '-', 1, 0, 0, i % 50 + 1 FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)"
    " INSERT INTO tag (id, family, name, color, created_ms)"
    " SELECT i, 'intent', '标签 ' || i, '#2563eb', 0 FROM n;"
    "UPDATE customer SET order_count = max(0, r(customer_number, 1, 12) - 6),"
    " channel_id = 1 + r(customer_number, 2, 40), owner_staff_id = 1 + r(customer_number, 3, 200),"
    " org_id = 1 + r(customer_number, 4, 50),"
    " added_ms = CASE WHEN r(customer_number, 5, 3) > 0 THEN touched_ms + 1000 END,"
    " action_day = 20000 + r(customer_number, 6, 790), is_family = r(customer_number, 7, 50) = 0,"
    " invited_count = max(0, r(customer_number, 8, 20) - 18),"
    " birth_day = 5000 + r(customer_number, 9, 9000),"
    " child_birth_day = CASE WHEN r(customer_number, 10, 4) = 0 THEN 18000 + r(customer_number, "
    "11, 2500) END,"
    " blocked_ms = CASE WHEN r(customer_number, 12, 500) = 0 THEN touched_ms END;"
    "UPDATE customer SET paid_fen = order_count * (5000 + r(customer_number, 13, 90000)),"
    " first_order_ms = touched_ms + r(customer_number, 14, 86400) * 1000,"
    " second_order_ms = CASE WHEN order_count > 1 THEN touched_ms + 90000000 END,"
    " last_order_ms = touched_ms + 90000000 + r(customer_number, 15, 8640000) * 1000 WHERE "
    "order_count > 0;"
    "INSERT INTO customer_tag (customer_id, tag_id, created_ms)"
    " SELECT c.id, t.id, 0 FROM tag t JOIN customer c"
    " WHERE r(c.customer_number, 20 + t.id, 1 + 2 * t.id) = 0 ORDER BY 1, 2;"
    "INSERT INTO segment (id, name, about, kind, state, version_number, member_count, created_ms,"
    " changed_ms, filled_ms) VALUES (1, 'a third', '', 'static', 'live', 1, 0, 0, 0, 1),"
    " (2, 'a fiftieth', '', 'static', 'live', 1, 0, 0, 0, 1);"
    "INSERT INTO segment_member (segment_id, customer_id, since_ms)"
    " SELECT 1, id, 0 FROM customer WHERE r(customer_number, 40, 3) = 0 ORDER BY id;"
    "INSERT INTO segment_member (segment_id, customer_id, since_ms)"
    " SELECT 2, id, 0 FROM customer WHERE r(customer_number, 41, 50) = 0 ORDER BY id;"
    "COMMIT; ANALYZE;";

static void figures_make(void)
{
    char *why = NULL;
    sqlite3 *db;

    must(sqlite3_open(many_path(), &db) == SQLITE_OK);
    sqlite3_create_function(db, "r", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, dice_sql, NULL,
                            NULL);
    if (sqlite3_exec(db, figures_sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    sqlite3_close(db);
}

const struct app_part *many_part;

/* ---- opening --------------------------------------------------------------------------------- */

static struct app *base_open(struct str listen)
{
    static const struct app_part *parts[APP_PART_MAX + 2];
    struct app_config config = papilio_config;
    struct str why = {0};
    struct app *app;

    config.data = str_of(folder());
    config.listen = listen;
    for (int i = 0; i < APP_PART_MAX && papilio_config.parts[i] != NULL; i++) {
        parts[i] = papilio_config.parts[i];
        parts[i + 1] = many_part;
    }
    config.parts = parts;
    if (app_open(arena_new((size_t)256 * 1024 * 1024), &config, &app, &why) != OK) {
        fprintf(stderr, "%.*s\n", STR(why));
        abort();
    }
    return app;
}

static void base_make(void)
{
    char command[200];
    struct app *app;

    printf("making %d customers in %s (once)\n", MANY_COUNT, folder());
    fflush(stdout);
    if (many_folder == NULL)
        must(system("rm -rf build/many-*") == 0);
    snprintf(command, sizeof(command), "mkdir -p %s", folder());
    must(system(command) == 0);
    app = base_open((struct str){0});
    run(app, staff_step, NULL);
    for (int64_t from = 0; from < MANY_COUNT; from += BATCH)
        run(app, batch_step, &from);
    app_close(app);
    figures_make();
    snprintf(command, sizeof(command), "touch %s/whole", folder());
    must(system(command) == 0);
}

struct app *many_open(struct str listen)
{
    char whole[160];
    struct stat info;
    struct app *app;
    sqlite3_stmt *stmt;
    sqlite3 *db;
    int64_t staff_id;

    snprintf(whole, sizeof(whole), "%s/whole", folder());
    if (stat(whole, &info) != 0)
        base_make();
    must(sqlite3_open(many_path(), &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db, "SELECT id FROM staff WHERE login = 'admin'", -1, &stmt, NULL) ==
         SQLITE_OK);
    must(sqlite3_step(stmt) == SQLITE_ROW);
    staff_id = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    app = base_open(listen);
    run(app, session_step, &staff_id);
    return app;
}
