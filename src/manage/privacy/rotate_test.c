/* Rotation of both keys: every column sealed anew, identities found by either hash meanwhile, the
 * old key gone at the end. Kills: test/api/kill_rotate.test.mjs. */
#include "scenario.h"

#include "base_sql.h"
#include "host/file.h"
#include "kit/key.h"
#include "link/mail/mail.h"
#include "manage/customer/customer.h"
#include "manage/privacy/privacy_private.h"
#include "manage/setting/setting.h"

#define ROTATE POST, "/api/privacy/keys/rotate"
#define KEYS GET, "/api/privacy/keys"
#define MANY 1203 /* more than two pages */

/* ---- a base with something in every column --------------------------------------------------- */

static struct str hexed(struct ctx *c, const char *text, const char *noun, int64_t id)
{
    return str_hex(c->arena, ctx_seal(c, str_of(text), noun, id));
}

static enum err many_step(struct ctx *c, void *user)
{
    struct str *sql = user;
    int64_t id = NONE;

    for (int64_t i = 0; i < MANY; i++) {
        struct customer_ref ref = {S("member_no"), str_fmt(c->arena, "M%" PRId64, i)};
        struct customer_new n;
        customer_new_init(&n);
        n.refs = &ref;
        n.ref_count = 1;
        n.name = str_fmt(c->arena, "Name %" PRId64, i);
        n.phone = str_fmt(c->arena, "1380000%04" PRId64, i);
        n.email = str_fmt(c->arena, "m%" PRId64 "@x.cn", i);
        TRY(customer_add(c, &n, &id));
    }
    *sql = str_fmt(
        scenario_arena,
        "UPDATE customer SET address_enc = x'%.*s' WHERE id = %" PRId64 ";"
        "INSERT INTO child VALUES (901, %" PRId64 ", 1, x'%.*s', 1);"
        "INSERT INTO customer_note VALUES (902, %" PRId64 ", NULL, x'%.*s', 1, 1);"
        "INSERT INTO relation SELECT %" PRId64 ", id, 'scan', x'%.*s', 1, NULL, 1 FROM staff;"
        "INSERT INTO customer_merge VALUES (903, %" PRId64 ", %" PRId64
        ", 'hand', x'%.*s', NULL, 1, 1, NULL);",
        STR(hexed(c, "Road", "customer", id)), id, id, STR(hexed(c, "Kid", "child", 901)), id,
        STR(hexed(c, "text", "customer_note", 902)), id, STR(hexed(c, "Ann", "relation", id)), id,
        id, STR(hexed(c, "{}", "customer_merge", 903)));
    *sql = str_fmt(
        scenario_arena,
        "%.*sINSERT INTO import_run (id, kind, file_name, content_hash, mapping, status,"
        " line_count, accepted_count, rejected_count, changed_count, started_ms, changed_ms) VALUES"
        " (904, 'customers', 'x.csv', x'00', '{}', 'done', 1, 0, 1, 0, 1, 1);"
        "INSERT INTO import_effect VALUES (904, 1, 'customer', %" PRId64 ", x'%.*s'),"
        " (904, 2, 'customer', %" PRId64 ", NULL);"
        "INSERT INTO import_reject VALUES (904, 1, 'x', 'x', x'%.*s');"
        "INSERT INTO inbox VALUES (905, 'x', x'01', 'x', x'%.*s', 'new', 0, 1, NULL, 1);"
        "INSERT INTO outbox_body VALUES (906, x'%.*s');"
        "INSERT INTO webhook VALUES (907, 'x', 'x', '*', x'%.*s', 0, 1, 1, 0, x'%.*s', 1);"
        "UPDATE staff SET totp_enc = x'%.*s' WHERE id = (SELECT min(id) FROM staff);",
        STR(*sql), id, STR(hexed(c, "{}", "import_effect", 904)), id,
        STR(hexed(c, "a,b", "import_reject", 904)), STR(hexed(c, "told", "inbox", 905)),
        STR(hexed(c, "to tell", "outbox", 906)), STR(hexed(c, "key", "webhook", 907)),
        STR(hexed(c, "old key", "webhook", 907)),
        STR(hexed(c, "secret", "staff", scenario_number("SELECT min(id) FROM staff"))));
    return OK;
}

static struct str data_folder(void)
{
    return app_config(scenario_app)->data;
}

static void base_fill(void)
{
    struct str sql;

    scenario_write(many_step, &sql);
    base_sql(str_cstr(scenario_arena, data_folder()), str_cstr(scenario_arena, sql));
}

/* ---- looking --------------------------------------------------------------------------------- */

static enum err find_step(struct ctx *c, void *user)
{
    for (int64_t i = 0; i < MANY; i += 100) {
        int64_t customer_id;
        if (customer_find(c,
                          (struct customer_ref){S("member_no"), str_fmt(c->arena, "M%" PRId64, i)},
                          &customer_id) != OK)
            fail_msg("M%" PRId64 " is not found", i);
    }
    *(bool *)user = true;
    return OK;
}

static void all_found(void)
{
    bool is_done = false;

    scenario_write(find_step, &is_done);
    assert_true(is_done);
}

static enum err left_step(struct ctx *c, void *user)
{
    return rotate_left(c, user);
}

static int64_t left(void)
{
    int64_t count = NONE;

    scenario_write(left_step, &count);
    return count;
}

static enum err turn_step(struct ctx *c, void *user)
{
    return key_turn(c, *(enum key_kind *)user);
}

static enum err mail_step(struct ctx *c, void *user)
{
    struct mail_server server;

    (void)user;
    TRY(setting_mail_server(c, &server));
    must(str_is(server.password, "a secret"));
    return OK;
}

static int64_t key_line_count(void)
{
    struct str text;
    int64_t count = 0;

    assert_int_equal(file_read(scenario_arena,
                               str_fmt(scenario_arena, "%.*s/papilio.key", STR(data_folder())),
                               4096, &text),
                     OK);
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '\n';
    return count;
}

/* ---- the tests ------------------------------------------------------------------------------- */

/* No column is forgotten, none is listed that is not there. */
static void test_columns(void **state)
{
    struct rows wanted =
        base_columns(str_cstr(scenario_arena, data_folder()), scenario_arena, "%\\_enc");
    int64_t listed_count = 0;

    (void)state;
    for (int i = 0; i < wanted.row_count; i++) {
        struct str name = str_fmt(scenario_arena, "%.*s.%.*s", STR(wanted.cells[2 * i]),
                                  STR(wanted.cells[2 * i + 1]));
        bool is_listed = false;
        for (const struct rotate_column *column = rotate_columns; column->names; column++)
            is_listed |= str_find(str_of(column->names), name) >= 0;
        if (!is_listed)
            fail_msg("no rotation seals %.*s anew", STR(name));
    }
    for (const struct rotate_column *column = rotate_columns; column->names; column++)
        for (const char *at = column->names; (at = strstr(at, "_enc")) != NULL; at++)
            listed_count++;
    assert_int_equal(listed_count, wanted.row_count);
}

static const struct scenario route_cases[] = {
    {"the first keys", AS_ADMIN, KEYS, NULL, 200,
     "'seal_number':1,'hash_number':1,'is_seal_turning':false,'is_hash_turning':false,'job_id':"
     "null",
     ""},
    {"operator", AS_OPERATOR, KEYS, NULL, 403, "gate.permission", ""},
    {"nobody", AS_NOBODY, KEYS, NULL, 401, "", ""},
    {"rotates as the operator", AS_OPERATOR, ROTATE, "{'which':'seal'}", 403, "", ""},
    {"rotates what", AS_ADMIN, ROTATE, "{'which':'all'}", 400, "input.choice", ""},
};
static const struct scenario seal_case[] = {
    {"seals anew", AS_ADMIN, ROTATE, "{'which':'seal'}", 200, "'job_id'", "", .is_plain = true},
};
static const struct scenario hash_case[] = {
    {"hashes anew", AS_ADMIN, ROTATE, "{'which':'hash'}", 200, "'job_id'", "", .is_plain = true},
};
static const struct scenario secret_cases[] = {
    {"a mail server", AS_ADMIN, POST, "/api/settings",
     "{'name':'smtp_host','value':'mail.example.com','version_count':0,'reason':'x'}", 200, "",
     NULL},
    {"its password", AS_ADMIN, POST, "/api/settings",
     "{'name':'smtp_password','value':'a secret','version_count':0,'reason':'x'}", 200, "", NULL},
};
static const struct scenario sealed_cases[] = {
    {"the second seal", AS_ADMIN, KEYS, NULL, 200,
     "'seal_number':2,'hash_number':1,'is_seal_turning':false", ""},
    {"is readable", AS_OPERATOR, GET, "/api/customers?search=13800000042", NULL, 200, "Name 42",
     ""},
};

static void test_seal(void **state)
{
    (void)state;
    scenario_run(route_cases);
    base_fill();
    scenario_run(secret_cases);
    assert_int_equal(left(), 0);
    scenario_run(seal_case);
    job_await(scenario_app);
    assert_string_equal(scenario_text("SELECT status FROM job ORDER BY id DESC LIMIT 1"), "done");
    assert_true(scenario_number("SELECT done_count = total_count FROM job ORDER BY id DESC") == 1);
    assert_int_equal(
        scenario_number("SELECT count(*) FROM customer WHERE hex(substr(name_enc, 1, 1))"
                        " <> '02'"),
        0);
    assert_int_equal(scenario_number("SELECT count(*) FROM relation WHERE hex(substr(remark_enc, 1,"
                                     " 1)) = '02'"),
                     3);
    assert_int_equal(left(), 0);
    assert_int_equal(scenario_number("SELECT count(*) FROM setting WHERE name = 'smtp_password'"
                                     " AND value LIKE '\"02%'"),
                     1);
    scenario_write(mail_step, NULL);
    assert_int_equal(key_line_count(), 2);
    scenario_run(sealed_cases);
    all_found();
}

/* While both keys are there: found by either, nobody twice, an edit takes the old hash along. */
static void test_turning(void **state)
{
    static const struct scenario turning_cases[] = {
        {"is known by the old hash", AS_OPERATOR, POST, "/api/customers", "{'phone':'13800000042'}",
         409, "customer.exists", ""},
        {"a new one", AS_OPERATOR, POST, "/api/customers", "{'name':'New','phone':'13911110000'}",
         200, "'id'", "customer_added", .keep = "new"},
        {"is known by the new hash", AS_OPERATOR, POST, "/api/customers", "{'phone':'13911110000'}",
         409, "customer.exists", ""},
        {"another phone", AS_OPERATOR, POST, "/api/customers/$old/edit", "{'phone':'13911112222'}",
         200, "{}", "customer_edited"},
        {"the old phone is free", AS_OPERATOR, POST, "/api/customers",
         "{'name':'Next','phone':'13800000007'}", 200, "'id'", "customer_added"},
        {"an order by the old hash", AS_OPERATOR, POST, "/api/orders",
         "{'source':'s','order_no':'1','placed_ms':1772330000000,'customer':{'kind':'member_no',"
         "'value':'M9'},'lines':[{'product_code':'p','product_name':'P','quantity_count':1,"
         "'unit_price_micro':1000000}]}",
         200, "'is_new':true", NULL},
        {"an event by the old hash", AS_KEY, POST, "/api/v1/events",
         "{'events':[{'message_id':'1','kind':'page_viewed','customer':{'kind':'member_no',"
         "'value':'M11'}}]}",
         200, "'accepted_count':1", NULL},
    };
    enum key_kind kind = KEY_HASH;
    int64_t customer_count;

    (void)state;
    scenario_set("old", scenario_text("SELECT CAST(min(customer_id) + 0 AS TEXT) FROM identity"
                                      " WHERE customer_id = (SELECT id FROM customer ORDER BY id"
                                      " LIMIT 1 OFFSET 7)"));
    scenario_write(turn_step, &kind);
    assert_int_equal(key_line_count(), 3);
    all_found();
    customer_count = scenario_number("SELECT count(*) FROM customer");
    scenario_run(turning_cases);
    assert_int_equal(scenario_number("SELECT count(*) FROM customer"), customer_count + 2);

    scenario_run(hash_case); /* goes on with the key that is turned already */
    job_await(scenario_app);
    assert_string_equal(scenario_text("SELECT status FROM job ORDER BY id DESC LIMIT 1"), "done");
    assert_int_equal(key_line_count(), 2);
    assert_false(key_is_turning(scenario_app, KEY_HASH));
    assert_int_equal(key_number(scenario_app, KEY_HASH), 2);
    all_found();
    assert_int_equal(scenario_number("SELECT count(*) - count(DISTINCT value_hash) FROM identity"),
                     0);
}

/* What the check of a base says, and that it would say so. */
static void test_check(void **state)
{
    static const struct scenario good[] = {
        {"all by the keys in use", AS_LOCAL, GET, "/local/check", NULL, 200, "ok      keys_current",
         "", .lacks = "FAILED  identity_seals"},
    };
    static const struct scenario bad[] = {
        {"not all", AS_LOCAL, GET, "/local/check", NULL, 200, "FAILED  keys_current: 1 found", ""},
    };

    (void)state;
    scenario_run(good);
    base_sql(str_cstr(scenario_arena, data_folder()), "UPDATE child SET name_enc = x'01'"
                                                      " WHERE id = 901;");
    scenario_run(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_turning),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, scenario_open, scenario_close);
}
