/* Each invariant is damaged by hand in a sound base; exactly that check must fail, name the row,
 * and hold again when the damage is undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours, of kit/ctx.h */
#include <stdio.h>
#include <stdlib.h>

#include "base_sql.h"
#include "insight/insight.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"

static const struct route *const routes[] = {check_routes, NULL};
static const struct role roles[] = {{"admin", "*", "all", "管理员"}, {.name = NULL}};
static const struct event_kind kinds[] = {
    {"customer_added", EVENT_FACT}, {"order_paid", EVENT_FACT},      {"order_changed", EVENT_FACT},
    {"order_removed", EVENT_FACT},  {"order_cancelled", EVENT_FACT}, {.name = NULL},
};
static const struct reaction reactions[] = {{NULL, NULL}};

static char folder[] = "/tmp/papilio-check-XXXXXX";
static struct arena *arena;
static struct app *app;
static int64_t customers[2];

/* ---- a sound base ---------------------------------------------------------------------------- */

static enum err customers_make(struct ctx *c, void *user)
{
    (void)user;
    for (int i = 0; i < 2; i++) {
        struct customer_new n;
        customer_new_init(&n);
        n.name = i == 0 ? S("安娜") : S("波");
        n.phone = i == 0 ? S("10000000001") : S("10000000002");
        n.email = i == 0 ? S("ana@example.org") : S("bo@example.org");
        TRY(customer_add(c, &n, &customers[i]));
    }
    return OK;
}

/* $1 and $2 stand for the two customers' ids. */
static struct str with_ids(const char *text)
{
    struct buf buf;
    struct str out;

    buf_init(&buf, 16 * 1024);
    for (; *text != 0; text++) {
        if (text[0] == '$')
            buf_int(&buf, customers[*++text - '1']);
        else
            buf_char(&buf, text[0]);
    }
    out = str_copy(arena, buf_view(&buf));
    buf_release(&buf);
    return out;
}

static void run(const char *sql)
{
    base_sql(folder, str_cstr(arena, with_ids(sql)));
}

static const char *const sound[] = {
    "INSERT INTO channel VALUES (1, NULL, 'a', 'A', 'ad', '/1/', 0, 0),"
    " (2, 1, 'b', 'B', 'ad', '/1/2/', 0, 0);",
    "INSERT INTO tag VALUES (1, 'intent', 'T', '#000', 0, NULL);"
    "INSERT INTO customer_tag VALUES ($1, 1, NULL, 0);",
    "INSERT INTO product VALUES (1, 'p', 'P', 0);",
    "INSERT INTO shop_order VALUES"
    " (11, 's', '11', 'sale', 'paid', $1, 1, 1000, 1, 1005, 905, 100, 3, 2, 0, 0, NULL),"
    " (12, 's', '12', 'sale', 'refunded', $1, 1, 2000, 1, 300, 300, 300, 1, 1, 0, 0, NULL),"
    " (13, 's', '13', 'sale', 'cancelled', $2, 1, 3000, 0, 300, 300, 0, 1, 1, 0, 0, NULL),"
    " (14, 's', '14', 'cancellation', 'paid', $2, 1, 4000, 0, 0, -300, 0, 1, 0, 0, 0, NULL);",
    "INSERT INTO order_line VALUES (11, 1, 1, 1, 10000000, 1000, 0, NULL), (11, 2, 1, 1, 45000, 5, "
    "0, NULL),"
    " (11, 3, 1, -1, 1000000, -100, 0, NULL), (12, 1, 1, 3, 1000000, 300, 0, NULL), (13, 1, 1, 1, "
    "3000000, 300, 0, NULL),"
    " (14, 1, 1, -1, 3000000, -300, 0, NULL);",
    "INSERT INTO refund VALUES (1, 11, 's', '1', 0, 60, '', 0), (2, 11, 's', '2', 0, 40, '', 0),"
    " (3, 12, 's', '3', 0, 300, '', 0);",
    "UPDATE customer SET order_count = 2, paid_fen = 1305, refunded_fen = 400, first_order_ms = "
    "1000,"
    " second_order_ms = 2000, last_order_ms = 2000, invited_count = 1 WHERE id = $1;"
    "UPDATE customer SET invited_by_customer_id = $1 WHERE id = $2;",
    "INSERT INTO journal VALUES (1, 'order_paid', 0, 0, $1, 1, 11, 1000, NULL),"
    " (2, 'order_changed', 0, 0, $1, 1, 11, 5, '{\"a\":1}'),"
    " (3, 'order_paid', 0, 0, $1, 2, 12, 300, NULL), (4, 'order_paid', 0, 0, $2, 1, 13, 300, NULL),"
    " (5, 'order_cancelled', 0, 0, $2, 1, 14, -300, NULL);",
    "INSERT INTO import_run VALUES (1, 'orders', 'f', x'00', '{}', 'done', 7, 5, 2, 4, 0, 0, NULL, "
    "0, NULL, NULL, NULL, NULL, NULL, NULL);"
    "INSERT INTO import_reject VALUES (1, 3, 'c', 'r', x'01'), (1, 4, 'c', 'r', x'01');",
    "INSERT INTO account VALUES"
    " (1, 'system', 0, 'points', 'external', 0, -100, NULL, 1, 21, 0, 0),"
    " (2, 'customer', $1, 'points', 'available', 0, 70, 0, 2, 22, 1, 0),"
    " (3, 'customer', $1, 'points', 'frozen', 0, 30, 0, 1, 22, 0, 0);"
    "INSERT INTO transfer VALUES"
    " (21, 'in', 1, 0, 1, 2, 100, -100, 100, 1, 1, NULL, NULL, NULL, 0, NULL, NULL, 0),"
    " (22, 'hold', 31, 0, 2, 3, 30, 70, 30, 2, 1, 21, NULL, NULL, 0, NULL, NULL, 0);"
    "INSERT INTO lot VALUES (2, 9999999999999, 21, 100, 70);"
    "INSERT INTO lot_use VALUES (22, 2, 9999999999999, 21, 30, 0);"
    "INSERT INTO hold VALUES (31, 'h', 1, 0, 2, 3, 1, 30, 0, 'held', 9999999999999, 0, 0);"
    "INSERT INTO counter VALUES ('draw', 0, $1, 0, 1, 2, NULL);"
    "INSERT INTO counter_hold VALUES ('s', 1, 'draw', 0, $1, 0, 1, 'held', 9999999999999);",
    "INSERT INTO campaign VALUES (41, 'giveaway', 'G', 'running', 1, 'Asia/Shanghai', 0, NULL, 9, "
    "1,"
    " NULL, 0, 0);"
    "INSERT INTO campaign_version VALUES (41, 1, 'G', NULL, 9, '{}', NULL, NULL, 0);"
    "INSERT INTO participant VALUES (41, $1, 1, 0);"
    "INSERT INTO timer VALUES (49, 'campaign_clock', 41, 9999999999999, 'waiting', 0, NULL, NULL,"
    " NULL, 0, 0);",
    "CREATE TABLE kept_customer AS SELECT * FROM customer;"
    "CREATE TABLE kept_identity AS SELECT * FROM identity;",
};

static const struct timer_kind ledger_hold_over = {.name = "ledger_hold_over"};
static const struct timer_kind campaign_clock_kind = {.name = "campaign_clock"};
static const struct timer_kind *const timer_kinds[] = {&ledger_hold_over, &campaign_clock_kind,
                                                       NULL};

static int setup(void **state)
{
    struct app_config config = {
        .routes = routes,
        .roles = roles,
        .kinds = kinds,
        .reactions = reactions,
        .timer_kinds = timer_kinds,
    };
    struct str why = {0};

    (void)state;
    must(mkdtemp(folder) != NULL);
    config.data = str_of(folder);
    arena = arena_new(256 * 1024 * 1024);
    config.db = base_db(arena);
    if (app_open(arena, &config, &app, &why) != OK) {
        print_error("%.*s\n", STR(why));
        return -1;
    }
    must(app_write(app, arena, customers_make, NULL, NULL) == OK);
    base_sql(folder, "INSERT INTO meta VALUES ('currency', 'CNY')"
                     " ON CONFLICT (name) DO UPDATE SET value = 'CNY';");
    for (size_t i = 0; i < ARRAY_LEN(sound); i++)
        run(sound[i]);
    return 0;
}

static int teardown(void **state)
{
    char command[100];

    (void)state;
    app_close(app);
    base_leave();
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* ---- damages --------------------------------------------------------------------------------- */

static enum err check(struct ctx *c, void *user)
{
    struct check_report *report = user, here;

    TRY(check_run(c, &here));
    report->failed_count = here.failed_count;
    report->text = str_copy(arena, here.text);
    return OK;
}

static struct check_report report_now(void)
{
    struct check_report report = {.failed_count = -1};

    must(app_read(app, arena, check, &report, NULL) == OK);
    return report;
}

static void test_sound(void **state)
{
    struct check_report report = report_now();

    (void)state;
    if (report.failed_count != 0)
        print_error("%.*s\n", STR(report.text));
    assert_int_equal(report.failed_count, 0);
    assert_true(str_starts(report.text, S("ok      database\n")));
    assert_int_equal(str_find(report.text, S("FAILED")), -1);
}

#define NAMES_BACK                                                                                 \
    "UPDATE customer SET name_enc = (SELECT k.name_enc FROM kept_customer AS k"                    \
    " WHERE k.id = customer.id);"
#define IDENTITIES_BACK "DELETE FROM identity; INSERT INTO identity SELECT * FROM kept_identity;"

#define DATABASE "database: 1 found:"

static const struct damage {
    const char *name; /* of the check, with what it must say */
    const char *sql, *undo;
} damages[] = {
    {DATABASE, "INSERT INTO customer_tag VALUES ($1, 77, NULL, 0);",
     "DELETE FROM customer_tag WHERE tag_id = 77;"},
    {"order_totals: 1 found: order 11", "UPDATE shop_order SET line_count = 2 WHERE id = 11;",
     "UPDATE shop_order SET line_count = 3 WHERE id = 11;"},
    {"order_totals: 1 found: order 11", "UPDATE shop_order SET sale_line_count = 3 WHERE id = 11;",
     "UPDATE shop_order SET sale_line_count = 2 WHERE id = 11;"},
    {"order_totals: 1 found: order 11", "UPDATE shop_order SET net_fen = 906 WHERE id = 11;",
     "UPDATE shop_order SET net_fen = 905 WHERE id = 11;"},
    {"line_amounts: 1 found: order 11",
     "UPDATE order_line SET unit_price_micro = 44999 WHERE order_id = 11 AND line_seq = 2;",
     "UPDATE order_line SET unit_price_micro = 45000 WHERE order_id = 11 AND line_seq = 2;"},
    {"line_amounts: 1 found: order 11",
     "UPDATE order_line SET unit_price_micro = 1005000 WHERE order_id = 11 AND line_seq = 3;",
     "UPDATE order_line SET unit_price_micro = 1000000 WHERE order_id = 11 AND line_seq = 3;"},
    {"order_counted: 1 found: order 14", "UPDATE shop_order SET is_counted = 2 WHERE id = 14;",
     "UPDATE shop_order SET is_counted = 0 WHERE id = 14;"},
    {"order_words: 1 found: order 11", "UPDATE shop_order SET status = 'lost' WHERE id = 11;",
     "UPDATE shop_order SET status = 'paid' WHERE id = 11;"},
    {"order_refunds: 1 found: order 11", "UPDATE refund SET amount_fen = 41 WHERE id = 2;",
     "UPDATE refund SET amount_fen = 40 WHERE id = 2;"},
    {"order_refunds: 1 found: order 11", "UPDATE shop_order SET status = 'refunded' WHERE id = 11;",
     "UPDATE shop_order SET status = 'paid' WHERE id = 11;"},
    {"order_journal: 1 found: order 11", "UPDATE journal SET amount_fen = 6 WHERE id = 2;",
     "UPDATE journal SET amount_fen = 5 WHERE id = 2;"},
    {"order_journal: 1 found: order 13",
     "UPDATE journal SET kind = 'order_cancelled' WHERE id = 4;",
     "UPDATE journal SET kind = 'order_paid' WHERE id = 4;"},
    {"journal_links: 1 found: event 8",
     "INSERT INTO journal VALUES (8, 'order_changed', 0, 0, NULL, NULL, 77, 0, NULL);",
     "DELETE FROM journal WHERE id = 8;"},
    {"orders_removed: 1 found: order 77",
     "INSERT INTO journal VALUES (8, 'order_paid', 0, 0, NULL, NULL, 77, 5, NULL),"
     " (9, 'order_removed', 0, 0, NULL, NULL, 77, NULL, NULL);",
     "DELETE FROM journal WHERE id IN (8, 9);"},
    {"customer_figures: 1 found: customer $1", "UPDATE customer SET order_count = 3 WHERE id = $1;",
     "UPDATE customer SET order_count = 2 WHERE id = $1;"},
    {"customer_figures: 1 found: customer $1", "UPDATE customer SET paid_fen = 1304 WHERE id = $1;",
     "UPDATE customer SET paid_fen = 1305 WHERE id = $1;"},
    {"customer_figures: 1 found: customer $2",
     "UPDATE customer SET last_order_ms = 3000 WHERE id = $2;",
     "UPDATE customer SET last_order_ms = NULL WHERE id = $2;"},
    {"customer_figures: 1 found: customer $1",
     "UPDATE customer SET first_order_ms = NULL WHERE id = $1;",
     "UPDATE customer SET first_order_ms = 1000 WHERE id = $1;"},
    {"customer_second: 1 found: customer $1",
     "UPDATE customer SET second_order_ms = 1000 WHERE id = $1;",
     "UPDATE customer SET second_order_ms = 2000 WHERE id = $1;"},
    {"customer_refunded: 1 found: customer $1",
     "UPDATE customer SET refunded_fen = 0 WHERE id = $1;",
     "UPDATE customer SET refunded_fen = 400 WHERE id = $1;"},
    {"customer_invited: 1 found: customer $1",
     "UPDATE customer SET invited_count = 2 WHERE id = $1;",
     "UPDATE customer SET invited_count = 1 WHERE id = $1;"},
    {"merge_links: 1 found: customer $2",
     "UPDATE customer SET merged_into_id = $1 WHERE id = $2;"
     "UPDATE customer SET invited_count = 0 WHERE id = $1;",
     "UPDATE customer SET merged_into_id = NULL WHERE id = $2;"
     "UPDATE customer SET invited_count = 1 WHERE id = $1;"},
    {"merge_rows: 1 found: merge 9",
     "INSERT INTO customer_merge VALUES (9, $1, $2, 'hand', x'01', NULL, 5, NULL, NULL);",
     "DELETE FROM customer_merge WHERE id = 9;"},
    {"customer_journal: 1 found: customer $2",
     "UPDATE journal SET kind = 'order_changed', subject_id = 14, amount_fen = 0"
     " WHERE kind = 'customer_added' AND customer_id = $2;",
     "UPDATE journal SET kind = 'customer_added', subject_id = NULL, amount_fen = NULL"
     " WHERE kind = 'order_changed' AND customer_id = $2;"},
    {"customer_journal: 1 found: customer $1",
     "INSERT INTO journal VALUES (9, 'customer_added', 0, 0, $1, NULL, NULL, NULL, NULL);",
     "DELETE FROM journal WHERE id = 9;"},
    {"customer_seals: 1 found: customer $1",
     "UPDATE customer SET name_enc = x'0102' WHERE id = $1;", NAMES_BACK},
    {"customer_seals: 1 found: customer $2",
     "UPDATE customer SET name_enc = (SELECT name_enc FROM kept_customer WHERE id = $1)"
     " WHERE id = $2;",
     NAMES_BACK},
    {"identity_seals: 1 found: customer $1",
     "UPDATE identity SET value_hash = zeroblob(32) WHERE kind = 'phone' AND customer_id = $1;",
     IDENTITIES_BACK},
    {"identity_seals: 1 found: customer $2",
     "UPDATE identity SET value_enc = (SELECT value_enc FROM kept_identity WHERE kind = 'email'"
     " AND customer_id = $2) WHERE kind = 'phone' AND customer_id = $2;",
     IDENTITIES_BACK},
    {"journal_known: 1 found: event 9",
     "INSERT INTO journal VALUES (9, 'moon_rose', 0, 0, $1, NULL, NULL, NULL, NULL);",
     "DELETE FROM journal WHERE id = 9;"},
    {"journal_known: 1 found: event 2", "UPDATE journal SET properties = '[1]' WHERE id = 2;",
     "UPDATE journal SET properties = NULL WHERE id = 2;"},
    {"journal_links: 1 found: event 5", "UPDATE journal SET customer_id = 5 WHERE id = 5;",
     "UPDATE journal SET customer_id = $2 WHERE id = 5;"},
    {"journal_links: 1 found: event 5", "UPDATE journal SET channel_id = 5 WHERE id = 5;",
     "UPDATE journal SET channel_id = 1 WHERE id = 5;"},
    {"journal_links: 1 found: event 5", "UPDATE journal SET subject_id = 5 WHERE id = 5;",
     "UPDATE journal SET subject_id = 14 WHERE id = 5;"},
    {"channel_paths: 1 found: channel 2", "UPDATE channel SET path = '/2/' WHERE id = 2;",
     "UPDATE channel SET path = '/1/2/' WHERE id = 2;"},
    {"tag_families: 1 found: tag 1", "UPDATE tag SET family = 'colour' WHERE id = 1;",
     "UPDATE tag SET family = 'intent' WHERE id = 1;"},
    {"import_runs: 1 found: import 1", "UPDATE import_run SET accepted_count = 6 WHERE id = 1;",
     "UPDATE import_run SET accepted_count = 5 WHERE id = 1;"},
    {"import_runs: 1 found: import 1", "INSERT INTO import_reject VALUES (1, 5, 'c', 'r', x'01');",
     "DELETE FROM import_reject WHERE line_seq = 5;"},
    {"ledger_sums: 2 found: account 1 3", "UPDATE account SET unit = 'fen' WHERE id = 3;",
     "UPDATE account SET unit = 'points' WHERE id = 3;"},
    {"ledger_balances: 2 found: account 1 2", /* chained, but into the air */
     "INSERT INTO transfer VALUES"
     " (23, 'in', 2, 0, 1, 2, 5, -105, 105, 2, 2, 21, 21, NULL, 0, NULL, NULL, 0);",
     "DELETE FROM transfer WHERE id = 23;"},
    {"ledger_chain: 1 found: transfer 22",
     "UPDATE transfer SET from_previous_id = NULL WHERE id = 22;",
     "UPDATE transfer SET from_previous_id = 21 WHERE id = 22;"},
    {"ledger_chain: 1 found: transfer 3", "UPDATE account SET last_transfer_id = 21 WHERE id = 3;",
     "UPDATE account SET last_transfer_id = 22 WHERE id = 3;"},
    {"ledger_floors: 1 found: account 3", "UPDATE account SET floor_count = NULL WHERE id = 3;",
     "UPDATE account SET floor_count = 0 WHERE id = 3;"},
    {"ledger_debts: 1 found: account 1",
     "UPDATE account SET bucket = 'debt', owner_kind = 'customer', owner_id = $1 WHERE id = 1;",
     "UPDATE account SET bucket = 'external', owner_kind = 'system', owner_id = 0 WHERE id = 1;"},
    {"ledger_holds: 1 found: hold 31", "UPDATE hold SET until_ms = 5000 WHERE id = 31;",
     "UPDATE hold SET until_ms = 9999999999999 WHERE id = 31;"},
    {"ledger_holds: 1 found: hold 3", "UPDATE hold SET amount_count = 31 WHERE id = 31;",
     "UPDATE hold SET amount_count = 30 WHERE id = 31;"},
    {"ledger_lots: 1 found: account 2", "UPDATE account SET has_lots = 0 WHERE id = 2;",
     "UPDATE account SET has_lots = 1 WHERE id = 2;"},
    {"lot_uses: 1 found: account 2", "UPDATE lot SET amount_count = 101;",
     "UPDATE lot SET amount_count = 100;"},
    {"ledger_reversed: 1 found: transfer 21",
     "UPDATE transfer SET reversed_count = 1 WHERE id = 21;",
     "UPDATE transfer SET reversed_count = 0 WHERE id = 21;"},
    {"timer_kinds: 1 found: timer 41",
     "INSERT INTO timer VALUES"
     " (41, 'of tomorrow', 1, 9999999999999, 'waiting', 0, NULL, NULL, NULL, 0, 0);",
     "DELETE FROM timer WHERE id <> 49;"},
    {"counters: 1 found: subject $1", "UPDATE counter SET reserved_count = 2;",
     "UPDATE counter SET reserved_count = 1;"},
    {"counters: 1 found: subject 1", /* a hold of nothing */
     "INSERT INTO counter_hold VALUES ('s', 2, 'draw', 0, 1, 0, 1, 'held', 9999999999999);",
     "DELETE FROM counter_hold WHERE key_id = 2;"},
    {"campaigns: 1 found: campaign 41", "UPDATE campaign SET participant_count = 2;",
     "UPDATE campaign SET participant_count = 1;"},
    {"campaigns: 1 found: campaign 41", "UPDATE campaign SET version_number = 2;",
     "UPDATE campaign SET version_number = 1;"},
    {"campaigns: 1 found: campaign 41", "UPDATE timer SET key_id = 42 WHERE id = 49;",
     "UPDATE timer SET key_id = 41 WHERE id = 49;"},
    {"rewards: 1 found: reward 51", /* nothing was posted */
     "INSERT INTO reward_grant VALUES (51, 41, $1, 'points', 'k', 1, 5, 0, 'granted', NULL, NULL,"
     " NULL, NULL, 0, 0);",
     "DELETE FROM reward_grant;"},
};

static void test_damages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct str wanted = with_ids(damages[i].name);
        struct check_report report;
        if (base_is_shared() && strcmp(damages[i].name, DATABASE) == 0)
            continue; /* PostgreSQL cannot be asked to look for rows that point nowhere */
        run(damages[i].sql);
        report = report_now();
        if (report.failed_count != 1 || str_find(report.text, wanted) < 0)
            print_error("wanted %.*s, got\n%.*s\n", STR(wanted), STR(report.text));
        assert_int_equal(report.failed_count, 1);
        assert_true(str_find(report.text, wanted) >= 0);
        run(damages[i].undo);
        assert_int_equal(report_now().failed_count, 0);
    }
}

/* For somebody to look at: nothing is broken. */
static void test_notes(void **state)
{
    struct check_report report;

    (void)state;
    base_sql(folder,
             "INSERT INTO timer VALUES"
             " (41, 'ledger_hold_over', 1, 5, 'waiting', 0, NULL, NULL, NULL, 0, 0),"
             " (42, 'ledger_hold_over', 2, 9999999999999, 'waiting', 0, NULL, NULL, NULL, 0, 0),"
             " (43, 'ledger_hold_over', 3, 5, 'dead', 12, NULL, 'a.b', 'words', 0, 0);");
    report = report_now();
    base_sql(folder, "DELETE FROM timer WHERE id <> 49;");
    assert_int_equal(report.failed_count, 0);
    assert_true(str_find(report.text, S("note    timers_late: 1 found: timer 41\n")) >= 0);
    assert_true(str_find(report.text, S("note    timers_dead: 1 found: timer 43\n")) >= 0);
}

static void test_many_offenders(void **state)
{
    struct check_report report;

    (void)state;
    base_sql(folder,
             "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 129)"
             " INSERT INTO channel SELECT i, NULL, 'c' || i, 'C', 'ad', '/', 0, 0 FROM n;");
    report = report_now();
    base_sql(folder, "DELETE FROM channel WHERE id >= 100;");
    assert_int_equal(report.failed_count, 1);
    assert_true(str_find(report.text, S("channel_paths: 30 found: channel 100 101 ")) >= 0);
    assert_true(str_find(report.text, S(" 118 119 ...\n")) >= 0);
}

static void test_over_the_socket(void **state)
{
    struct app_call call = {.method = HTTP_GET, .path = S("/local/check"), .is_local = true};

    (void)state;
    app_request(app, arena, &call);
    assert_int_equal(call.status, 200);
    assert_true(str_find(call.reply, S("\"failed_count\":0}")) >= 0);
    call = (struct app_call){.method = HTTP_GET, .path = S("/local/check")};
    app_request(app, arena, &call);
    assert_int_equal(call.status, 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),           cmocka_unit_test(test_damages),
        cmocka_unit_test(test_notes),           cmocka_unit_test(test_many_offenders),
        cmocka_unit_test(test_over_the_socket),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
