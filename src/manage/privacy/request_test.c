/* One person goes: data in every table that knows customers, in files and in memory; afterwards
 * neither the texts nor their seals and hashes are anywhere, and the list outside the base deletes
 * again what a restore brings back. */
#include "scenario.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_sql.h"
#include "host/file.h"
#include "kit/behaviour.h"
#include "manage/privacy/privacy.h"

#define ANA "/api/customers/$ana"
#define NEEDLE_MAX 200

static const struct scenario person_cases[] = {
    {"somebody else", AS_OPERATOR, POST, "/api/customers",
     "{'name':'Someone Else','phone':'13600136000'}", 200, "'id'", NULL, .keep = "else"},
    {"the person", AS_OPERATOR, POST, "/api/customers",
     "{'name':'Wanda Quarz','phone':'13812345678','email':'wanda@quarz.cn','region':'Quarzland',"
     "'identities':[{'kind':'unionid','value':'oQuarzUnion77'}]}",
     200, "'id'", NULL, .keep = "ana"},
    {"under another record", AS_OPERATOR, POST, "/api/customers",
     "{'name':'Wandachen Q','phone':'13712345679'}", 200, "'id'", NULL, .keep = "too"},
    {"a tag", AS_OPERATOR, POST, "/api/tags", "{'family':'intent','name':'hot','color':'#ff0000'}",
     200, "'id'", NULL, .keep = "hot"},
    {"tagged", AS_OPERATOR, POST, ANA "/tags", "{'tag_id':'$hot','is_on':true}", 200, "", NULL},
    {"a text", AS_ADMIN, POST, "/api/consent-texts",
     "{'purpose':'marketing','title':'x','body':'y'}", 200, "'id'", NULL, .keep = "text"},
    {"a consent", AS_OPERATOR, POST, ANA "/consents", "{'consent_text_id':'$text','source':'h5'}",
     200, "'id'", NULL},
    {"an order", AS_OPERATOR, POST, "/api/orders",
     "{'source':'shop','order_no':'7','placed_ms':1772330000000,'customer_id':'$ana','lines':"
     "[{'product_code':'p','product_name':'P','quantity_count':1,'unit_price_micro':1000000}]}",
     200, "'id'", NULL},
    {"shown", AS_OPERATOR, POST, ANA "/reveal", "{}", 200, "Quarz", NULL, .is_plain = true},
};

static struct str data_folder(void)
{
    return app_config(scenario_app)->data;
}

static const char *filled(const char *sql)
{
    struct str text = str_of(sql);
    static const char *const names[] = {"ana", "too", "else", "child", "note", "merge", "import"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str mark = str_fmt(scenario_arena, "$%s", names[i]);
        int64_t at;
        while ((at = str_find(text, mark)) >= 0)
            text = str_fmt(scenario_arena, "%.*s%s%.*s", (int)at, text.at, scenario_get(names[i]),
                           STR(str_sub(text, (size_t)at + mark.len, text.len)));
    }
    return str_cstr(scenario_arena, text);
}

static void sql(const char *text)
{
    base_sql(str_cstr(scenario_arena, data_folder()), filled(text));
}

/* ---- what no route of this folder writes ----------------------------------------------------- */

struct sealing {
    const char *text, *noun, *id;
    struct str hex;
};

static enum err seal_step(struct ctx *c, void *user)
{
    struct sealing *sealing = user;
    int64_t id;

    must(str_to_int(str_of(sealing->id), &id));
    sealing->hex = str_hex(scenario_arena, ctx_seal(c, str_of(sealing->text), sealing->noun, id));
    return OK;
}

static const char *sealed(const char *text, const char *noun, const char *id)
{
    struct sealing sealing = {text, noun, id, {0}};

    scenario_write(seal_step, &sealing);
    return str_cstr(scenario_arena, sealing.hex);
}

static void sql_sealed(const char *text, const char *hex)
{
    int64_t at = str_find(str_of(text), S("@"));

    sql(str_cstr(scenario_arena,
                 str_fmt(scenario_arena, "%.*s'%s'%s", (int)at, text, hex, text + at + 1)));
}

static void person_fill(void)
{
    scenario_set("child", "901");
    scenario_set("note", "902");
    scenario_set("merge", "903");
    scenario_set("import", "904");
    sql("UPDATE customer SET merged_into_id = $ana WHERE id = $too;"
        "UPDATE customer SET attributes = '{\"size\":\"quarzsize\"}', birth_day = 9000, "
        "child_birth_day = 19000, blocked_ms = 5,"
        " owner_staff_id = (SELECT min(id) FROM staff) WHERE id = $ana;");
    sql_sealed("UPDATE customer SET address_enc = x@ WHERE id = $ana;",
               sealed("Quarz Road 1", "customer", scenario_get("ana")));
    sql_sealed("INSERT INTO child VALUES ($child, $ana, 19000, x@, 1);",
               sealed("Quarzkid", "child", "901"));
    sql_sealed("INSERT INTO customer_note VALUES ($note, $too, NULL, x@, 1, 1);",
               sealed("likes quarz", "customer_note", "902"));
    sql_sealed("INSERT INTO relation VALUES ($ana, (SELECT min(id) FROM staff), 'scan', x@, 1,"
               " NULL, 1);",
               sealed("Quarzi", "relation", scenario_get("ana")));
    sql_sealed("INSERT INTO customer_merge VALUES ($merge, $ana, $too, 'hand', x@, NULL, 1, NULL,"
               " NULL);",
               sealed("{\"name\":\"Quarz\"}", "customer_merge", "903"));
    sql("INSERT INTO customer_owner (id, customer_id, from_ms, reason)"
        " VALUES (905, $ana, 1, 'quarz asked');"
        "INSERT INTO customer_block VALUES ($ana, NULL, 'rude quarz', 5);"
        "INSERT INTO duplicate VALUES (min($ana, $else), max($ana, $else), 'name_phone', 1, 'open',"
        " 1);"
        "INSERT INTO job (id, kind, title, status, input, result, done_count, changed_count,"
        " failed_count, last_id, is_cancelled, created_ms, changed_ms, file_name) VALUES (906, 'x',"
        " 'x', 'done', '{}', '{}', 0, 0, 0, 0, 0, 1, 1, 'customers-906.csv');"
        "INSERT INTO job_item VALUES (906, $ana, '{\"was\":\"quarz\"}', 1);"
        "INSERT INTO import_run (id, kind, file_name, content_hash, mapping, status, line_count,"
        " accepted_count, rejected_count, changed_count, started_ms, changed_ms) VALUES ($import,"
        " 'customers', 'x.csv', x'00', '{}', 'done', 2, 0, 2, 0, 1, 1);"
        "UPDATE import_run SET upload_bytes = 5 WHERE id = $import;");
    sql("INSERT INTO outbox (id, kind, key_id, customer_id, destination, status, due_ms,"
        " attempt_count, error_message, created_ms, changed_ms) VALUES (907, 'x', 1, $ana, 'x',"
        " 'waiting', 1, 0, 'no quarz', 1, 1);"
        "INSERT INTO saga (id, kind, key_id, customer_id, amount_fen, status, attempt_count,"
        " created_ms, changed_ms) VALUES (908, 'x', 1, $ana, 5, 'succeeded', 0, 1, 1);"
        "INSERT INTO campaign VALUES (909, 'x', 'x', 'draft', 1, 'UTC', 0, NULL, NULL, 1, NULL, 1,"
        " 1);"
        "INSERT INTO participant VALUES (909, $ana, 1, 1);"
        "INSERT INTO reward_grant (id, campaign_id, customer_id, kind, key_kind, key_id,"
        " amount_count, revoked_count, status, created_ms, changed_ms) VALUES (910, 909, $ana, "
        "'points', 'x', 1,"
        " 5, 0, 'granted', 1, 1);"
        "INSERT INTO risk_sign VALUES ('device', x'51A2B3C4D5E6F708', 909, $ana, 1);"
        "INSERT INTO segment (id, name, about, kind, state, version_number, member_count, "
        "created_ms, changed_ms) "
        "VALUES (912, 'list', '', 'static', 'live', 1, 1, 1, 1);"
        "INSERT INTO segment_member VALUES (912, $ana, 1);");
    sql_sealed("INSERT INTO outbox_body VALUES (907, x@);", sealed("Dear Quarz", "outbox", "907"));
    sql_sealed("INSERT INTO inbox VALUES (911, 'x', x'0A', 'x', x@, 'dead', 9, 1, 'x', 1);",
               sealed("{\"phone\":\"138 1234 5678\"}", "inbox", "911"));
    sql_sealed("INSERT INTO import_effect VALUES ($import, 1, 'customer', $ana, x@);",
               sealed("{\"name\":\"Quarz before\"}", "import_effect", "904"));
    sql_sealed("INSERT INTO import_reject VALUES ($import, 1, 'x', 'x', x@);",
               sealed("Wanda Quarz,+86 138-1234 5678,x", "import_reject", "904"));
    sql_sealed("INSERT INTO import_reject VALUES ($import, 2, 'x', 'x', x@);",
               sealed("Someone Else,13600136000,x", "import_reject", "904"));
}

static void file_fill(const char *folder, const char *name)
{
    struct str path = str_fmt(scenario_arena, "%.*s/%s", STR(data_folder()), folder);

    assert_int_equal(folder_make(path), OK);
    assert_int_equal(file_write(str_fmt(scenario_arena, "%.*s/%s", STR(path), name),
                                S("Wanda Quarz,13812345678\n"), 0600),
                     OK);
}

/* ---- looking for what must be gone ----------------------------------------------------------- */

static struct str needles[NEEDLE_MAX];
static size_t needle_count;

static void needle_add(const void *at, size_t len)
{
    assert_true(needle_count < NEEDLE_MAX);
    needles[needle_count++] = str_copy(scenario_arena, (struct str){at, len});
}

/* Every seal and hash of the base that is not somebody else's. */
static void seals_gather(void)
{
    static const char *const queries[] = {
        "SELECT group_concat(hex(name_enc)) FROM customer WHERE id IN ($ana, $too)",
        "SELECT group_concat(hex(phone_enc)) FROM customer WHERE id IN ($ana, $too)",
        "SELECT group_concat(hex(email_enc)) FROM customer WHERE id IN ($ana, $too)",
        "SELECT group_concat(hex(address_enc)) FROM customer WHERE id IN ($ana, $too)",
        "SELECT group_concat(hex(value_enc)) FROM identity WHERE customer_id IN ($ana, $too)",
        "SELECT group_concat(hex(value_hash)) FROM identity WHERE customer_id IN ($ana, $too)",
        "SELECT group_concat(hex(name_enc)) FROM child",
        "SELECT group_concat(hex(text_enc)) FROM customer_note",
        "SELECT group_concat(hex(remark_enc)) FROM relation",
        "SELECT group_concat(hex(fields_enc)) FROM customer_merge",
        "SELECT group_concat(hex(before_enc)) FROM import_effect",
        "SELECT group_concat(hex(raw_enc)) FROM import_reject WHERE line_seq = 1",
        "SELECT group_concat(hex(body_enc)) FROM outbox_body",
        "SELECT group_concat(hex(body_enc)) FROM inbox",
        "SELECT group_concat(hex(sign_hash)) FROM risk_sign",
    };

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        const char *found = scenario_text(filled(queries[i]));
        struct str rest, hex, bytes;
        bool is_more = found != NULL;
        assert_non_null(found);
        for (rest = str_of(found); is_more;) {
            is_more = str_cut(rest, ',', &hex, &rest);
            assert_true(str_unhex(scenario_arena, str_lower(scenario_arena, hex), &bytes));
            if (bytes.len > 0)
                needle_add(bytes.at, bytes.len);
        }
    }
}

static int64_t file_search(struct str path, bool is_said)
{
    int64_t found_count = 0;
    struct str text;

    assert_int_equal(file_read(scenario_arena, path, (size_t)64 * 1024 * 1024, &text), OK);
    for (size_t i = 0; i < needle_count; i++)
        if (memmem(text.at, text.len, needles[i].at, needles[i].len) != NULL) {
            found_count++;
            if (is_said)
                print_error("%.*s holds needle %zu (%zu bytes: %.*s)\n", STR(path), i,
                            needles[i].len, STR(str_hex(scenario_arena, needles[i])));
        }
    return found_count;
}

/* Finds in all files below; a folder of folders is as deep as it gets. */
static int64_t folder_search(struct str folder, bool is_said)
{
    DIR *dir = opendir(str_cstr(scenario_arena, folder));
    struct dirent *entry;
    int64_t found_count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct str path = str_fmt(scenario_arena, "%.*s/%s", STR(folder), entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        if (entry->d_type == DT_DIR)
            found_count += folder_search(path, is_said);
        else if (entry->d_type == DT_REG)
            found_count += file_search(path, is_said);
    }
    closedir(dir);
    return found_count;
}

static bool cell_holds(struct str cell, struct str needle)
{
    if (cell.at == NULL)
        return false;
    return memmem(cell.at, cell.len, needle.at, needle.len) != NULL ||
           str_find(cell, str_hex(scenario_arena, needle)) >= 0; /* bytes of a shared base */
}

/* Finds in the rows of the base, wherever its files are. */
static int64_t rows_search(bool is_said)
{
    const char *folder = str_cstr(scenario_arena, data_folder());
    struct rows tables = base_tables(folder, scenario_arena);
    int64_t found_count = 0;

    for (int t = 0; t < tables.row_count; t++) {
        const char *query = str_cstr(
            scenario_arena, str_fmt(scenario_arena, "SELECT * FROM %.*s", STR(tables.cells[t])));
        struct rows rows = base_rows(folder, scenario_arena, query);
        for (size_t i = 0; i < needle_count; i++)
            for (int cell = 0; cell < rows.row_count * rows.column_count; cell++) {
                if (!cell_holds(rows.cells[cell], needles[i]))
                    continue;
                found_count++;
                if (is_said)
                    print_error("%s: a row holds needle %zu (%.*s)\n", query, i,
                                STR(str_hex(scenario_arena, needles[i])));
            }
    }
    return found_count;
}

/* What SQLite has written beside its file goes into it. */
static void base_flush(void)
{
    if (!base_is_shared())
        sql("PRAGMA wal_checkpoint(TRUNCATE);");
}

static const char *const clear_texts[] = {
    "Quarz", "quarz", "13812345678", "13712345679", "Wandachen", "wanda@",
};

/* ---- the tests ------------------------------------------------------------------------------- */

static const struct scenario refused_cases[] = {
    {"another number", AS_ADMIN, POST, ANA "/privacy/delete",
     "{'reason':'asked','confirm_number':1}", 400, "privacy.confirm", ""},
    {"no number", AS_ADMIN, POST, ANA "/privacy/delete", "{'reason':'asked'}", 400,
     "input.required", ""},
    {"no reason", AS_ADMIN, POST, ANA "/privacy/delete", "{'reason':'','confirm_number':2}", 400,
     "input.length", ""},
    {"no such", AS_ADMIN, POST, "/api/customers/5/privacy/delete",
     "{'reason':'asked','confirm_number':2}", 404, "customer.unknown", ""},
    {"operator", AS_OPERATOR, POST, ANA "/privacy/delete", "{'reason':'x','confirm_number':2}", 403,
     "gate.permission", ""},
    {"nobody", AS_NOBODY, POST, ANA "/privacy/delete", "{'reason':'x','confirm_number':2}", 401, "",
     ""},
    {"export without reason", AS_OPERATOR, POST, ANA "/privacy/export", "{}", 400, "input.required",
     ""},
    {"export of nobody", AS_OPERATOR, POST, "/api/customers/5/privacy/export", "{'reason':'x'}",
     404, "customer.unknown", ""},
    {"export by the viewer", AS_VIEWER, POST, ANA "/privacy/export", "{'reason':'x'}", 403, "", ""},
    {"requests by the viewer", AS_VIEWER, GET, "/api/privacy/requests", NULL, 403, "", ""},
    {"no such receipt", AS_ADMIN, GET, "/api/privacy/requests/5/receipt", NULL, 404,
     "privacy.unknown", ""},
};
static const struct scenario export_case[] = {
    {"exports", AS_OPERATOR, POST, ANA "/privacy/export", "{'reason':'asked by letter'}", 200,
     "'job_id'", "", .keep = "export"},
};
static const struct scenario delete_case[] = {
    {"deletes", AS_ADMIN, POST, ANA "/privacy/delete", "{'reason':'asked','confirm_number':2}", 200,
     "'job_id'", "customer_deleted customer_deleted", .keep = "deletion"},
};
static const struct scenario gone_cases[] = {
    {"is gone", AS_ADMIN, GET, ANA, NULL, 404, "customer.unknown", ""},
    {"under both", AS_ADMIN, GET, "/api/customers/$too", NULL, 404, "customer.unknown", ""},
    {"cannot be shown", AS_ADMIN, POST, ANA "/reveal", "{}", 404, "customer.unknown", ""},
    {"not twice", AS_ADMIN, POST, ANA "/privacy/delete", "{'reason':'asked','confirm_number':2}",
     404, "customer.unknown", ""},
    {"not found by name", AS_ADMIN, GET, "/api/customers?search=quarz", NULL, 200,
     "'total_count':0", ""},
    {"not found by phone", AS_ADMIN, GET, "/api/customers?search=13812345678", NULL, 200,
     "'total_count':0", ""},
    {"others are", AS_ADMIN, GET, "/api/customers?search=someone", NULL, 200, "'total_count':1",
     ""},
    {"listed", AS_ADMIN, GET, "/api/privacy/requests", NULL, 200,
     "'kind':'delete','customer_number':2,'reason':'asked','status':'done'", ""},
    {"receipt", AS_ADMIN, GET, "/api/privacy/requests/$deletion/receipt", NULL, 200,
     "身份标识 / identities: 4", "", .lacks = "Quarz"},
    {"comes back as a new one", AS_OPERATOR, POST, "/api/customers",
     "{'name':'Back Again','phone':'13812345678'}", 200, "'id'", "customer_added", .keep = "back"},
};

/* Every table that points at a customer is on the receipt, and in this test has lost or kept rows.
 */
static void receipt_check(void)
{
    const char *receipt =
        scenario_text("SELECT receipt FROM privacy_request WHERE kind = 'delete'");
    struct rows columns =
        base_columns(str_cstr(scenario_arena, data_folder()), scenario_arena, "%customer\\_id");
    struct json json;

    assert_int_equal(json_parse(scenario_arena, str_of(receipt), &json, NULL), OK);
    for (int i = 0; i < columns.row_count; i++) {
        struct str name = columns.cells[2 * i];
        const struct json *count;
        if (str_is(name, "privacy_request"))
            continue;
        count = json_get(json_get(&json, "erased"), str_cstr(scenario_arena, name));
        if (count == NULL)
            count = json_get(json_get(&json, "kept"), str_cstr(scenario_arena, name));
        if (count == NULL || count->integer == 0)
            fail_msg("nothing of table %.*s: %s", STR(name), receipt);
    }
    for (uint32_t i = 0; i < json_get(&json, "erased")->count; i++)
        if (json_get(&json, "erased")->members[i].value.integer == 0)
            fail_msg("nothing erased: %s", receipt);
}

#define VIEWS 2500

/* Of the person, by the page: more than the export takes at once. */
static enum err views_step(struct ctx *c, void *user)
{
    static struct behaviour events[BEHAVIOUR_PAGE_MAX];
    static const char messages[BEHAVIOUR_PAGE_MAX * 8];
    const int64_t *ana = user;

    for (int64_t i = 0; i < VIEWS; i += BEHAVIOUR_PAGE_MAX / 2) {
        for (int64_t j = 0; j < BEHAVIOUR_PAGE_MAX / 2; j++)
            events[j] = (struct behaviour){.occurred_ms = c->now_ms,
                                           .customer_id = ana[0],
                                           .customer_number = ana[1],
                                           .channel_id = NONE,
                                           .kind = S("page_viewed"),
                                           .properties = S("{}")};
        TRY(behaviour_add(c, events, BEHAVIOUR_PAGE_MAX / 2,
                          (struct str){messages, sizeof(messages) / 2}));
    }
    return OK;
}

static void views_add(void)
{
    int64_t ana[2] = {strtoll(scenario_get("ana"), NULL, 10)};

    ana[1] =
        scenario_number(str_cstr(scenario_arena, str_fmt(scenario_arena,
                                                         "SELECT customer_number FROM customer "
                                                         "WHERE id = %" PRId64,
                                                         ana[0])));
    scenario_write(views_step, ana);
}

static int64_t told_count(struct str text, struct str what)
{
    int64_t count = 0;

    for (ssize_t at; (at = str_find(text, what)) >= 0; count++)
        text = str_sub(text, (size_t)at + what.len, text.len);
    return count;
}

static void export_check(void)
{
    static const char *const told[] = {
        "Wanda Quarz",    "Wandachen Q",      "13812345678",   "wanda@quarz.cn",
        "Quarz Road 1",   "Quarzkid",         "likes quarz",   "Quarzi",
        "quarz asked",    "rude quarz",       "marketing",     "order_paid",
        "\"hot\"",        "quarzsize",        "oQuarzUnion77", "\"order_no\":\"7\"",
        "customer_added", "\"rule\":\"hand\""};
    struct str text, path = str_fmt(scenario_arena, "%.*s/exports/person-%s.json",
                                    STR(data_folder()), scenario_get("export"));
    struct json json;

    job_await(scenario_app);
    assert_int_equal(file_read(scenario_arena, path, 1024 * 1024, &text), OK);
    assert_int_equal(json_parse(scenario_arena, text, &json, NULL), OK);
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (str_find(text, str_of(told[i])) < 0)
            fail_msg("the export lacks %s: %.*s", told[i], STR(text));
    assert_int_equal(told_count(text, S("page_viewed")), VIEWS);
    assert_int_equal(scenario_number("SELECT done_count FROM job WHERE kind = 'privacy_export'"),
                     3 + VIEWS / 1000 + 1); /* by steps */
    assert_int_equal(str_find(text, S("Someone")), -1);
}

static void test_delete(void **state)
{
    (void)state;
    scenario_run(person_cases);
    person_fill();
    views_add();
    scenario_run(refused_cases);
    scenario_run(export_case);
    export_check();
    file_fill("imports", "904-rejects.csv");
    file_fill("exports", "customers-906.csv");
    file_fill("uploads", "904");
    for (size_t i = 0; i < ARRAY_LEN(clear_texts); i++)
        needle_add(clear_texts[i], strlen(clear_texts[i]));
    seals_gather();
    base_flush();
    assert_true(rows_search(false) > 20);
    assert_true(folder_search(data_folder(), false) > (base_is_shared() ? 3 : 20));
    assert_int_equal(scenario_ask(AS_ADMIN, GET, "/api/customers?search=quarz", NULL).status, 200);

    scenario_run(delete_case);
    job_await(scenario_app);
    base_flush();
    assert_int_equal(rows_search(true), 0);
    assert_int_equal(folder_search(data_folder(), true), 0);
    receipt_check();
    scenario_run(gone_cases);
    assert_int_equal(scenario_number(filled("SELECT count(*) FROM shop_order WHERE customer_id ="
                                            " $ana")),
                     1);
    assert_int_equal(scenario_number("SELECT count(*) FROM import_reject"), 1);
}

/* ---- after a restore ------------------------------------------------------------------------- */

static enum err replay_step(struct ctx *c, void *user)
{
    return deletion_replay(c, user);
}

static void test_replay(void **state)
{
    int64_t deleted_count = NONE;

    (void)state;
    scenario_write(replay_step, &deleted_count);
    assert_int_equal(deleted_count, 0);
    sql("UPDATE customer SET deleted_ms = NULL WHERE id IN ($ana, $too);");
    sql_sealed("UPDATE customer SET name_enc = x@ WHERE id = $ana;",
               sealed("Wanda Quarz", "customer", scenario_get("ana")));
    scenario_write(replay_step, &deleted_count);
    assert_int_equal(deleted_count, 1); /* one person, both records */
    assert_int_equal(scenario_number(filled("SELECT count(*) FROM customer WHERE id IN ($ana, $too)"
                                            " AND deleted_ms IS NOT NULL AND name_enc IS NULL")),
                     2);
    sql("UPDATE customer SET deleted_ms = NULL, created_ms = 4000000000000 WHERE id = $ana;");
    scenario_write(replay_step, &deleted_count);
    assert_int_equal(deleted_count, 0); /* the number is somebody else's, who came later */
    sql("UPDATE customer SET deleted_ms = 5 WHERE id = $ana;");
}

/* Between asking and its turn a customer may move to another store. */
static enum err far_export_ask(struct ctx *c, void *user)
{
    struct job_new n = {.kind = "privacy_export", .title = S("far")};
    int64_t job_id;

    n.input = str_fmt(c->arena, "{\"request_id\":\"1\",\"person_id\":\"%s\"}", (const char *)user);
    TRY(ctx_become(c, scenario_number("SELECT id FROM staff WHERE login = 'operator'")));
    return job_add(c, &n, &job_id);
}

static void test_export_within_reach(void **state)
{
    (void)state;
    scenario_sql("UPDATE role SET scope = 'own' WHERE name = 'operator'");
    scenario_write(far_export_ask, (void *)(uintptr_t)scenario_get("back"));
    job_await(scenario_app);
    scenario_sql("UPDATE role SET scope = 'all' WHERE name = 'operator'");
    assert_string_equal(scenario_text("SELECT status || ' ' || coalesce(error_code, '') FROM job"
                                      " WHERE title = 'far'"),
                        "failed customer.unknown");
}

/* A deletion whose job was cancelled is brought to its end all the same. */
static enum err minute_step(struct ctx *c, void *user)
{
    (void)user;
    return app_config(c->app)->on_minute(c);
}

static void test_retry(void **state)
{
    (void)state;
    sql("UPDATE privacy_request SET status = 'running', receipt = '{\"kept\":{}}', done_ms = NULL"
        " WHERE kind = 'delete' AND job_id IS NOT NULL;"
        "UPDATE job SET status = 'cancelled' WHERE kind = 'privacy_delete';");
    scenario_write(minute_step, NULL);
    job_await(scenario_app);
    assert_string_equal(scenario_text("SELECT status FROM privacy_request WHERE kind = 'delete' AND"
                                      " job_id IS NOT NULL"),
                        "done");
    assert_int_equal(scenario_number("SELECT count(*) FROM job WHERE kind = 'privacy_delete'"), 2);
    scenario_write(minute_step, NULL);
    assert_int_equal(scenario_number("SELECT count(*) FROM job WHERE kind = 'privacy_delete'"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_export_within_reach),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_retry),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
