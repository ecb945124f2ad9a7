/* `papilio check`: every invariant of a base, each by a query that names what breaks it. Reads
 * only, one pass after another in bounded memory; the figures it compares are computed anew here,
 * from the rows they are sums of, not by the code that keeps them. */
#include "gen/check.q.h"

#include "insight/check_private.h"
#include "manage/audience/audience.h"
#include "manage/setting/setting.h"

#define MICRO INT64_C(1000000)

void check_found(struct finding *finding, int64_t id)
{
    if (finding->count < OFFENDER_MAX)
        finding->ids[finding->count] = id;
    finding->count++;
}

/* ---- the checks that are one query ----------------------------------------------------------- */

/* clang-format off */
#define CHECK_QUERY(name, ...)                                                                     \
    static enum err name##_row(void *user, const struct q_check_##name##_row *row)                 \
    {                                                                                              \
        check_found(user, row->offender_id);                                                       \
        return OK;                                                                                 \
    }                                                                                              \
    static enum err name##_run(struct ctx *c, struct finding *finding)                             \
    {                                                                                              \
        return q_check_##name(c, __VA_ARGS__ name##_row, finding);                                 \
    }
/* clang-format on */

CHECK_QUERY(order_totals)
CHECK_QUERY(order_counted)
CHECK_QUERY(order_words)
CHECK_QUERY(order_refunds)
CHECK_QUERY(customer_figures)
CHECK_QUERY(customer_second)
CHECK_QUERY(customer_refunded)
CHECK_QUERY(customer_invited)
CHECK_QUERY(merge_links)
CHECK_QUERY(merge_rows)
CHECK_QUERY(customer_journal)
CHECK_QUERY(order_journal)
CHECK_QUERY(journal_links)
CHECK_QUERY(orders_removed)
CHECK_QUERY(channel_paths)
CHECK_QUERY(tag_families)
CHECK_QUERY(import_runs)
CHECK_QUERY(ledger_sums)
CHECK_QUERY(ledger_balances)
CHECK_QUERY(ledger_chain)
CHECK_QUERY(ledger_floors)
CHECK_QUERY(ledger_debts)
CHECK_QUERY(ledger_holds)
CHECK_QUERY(ledger_lots)
CHECK_QUERY(lot_uses)
CHECK_QUERY(ledger_gathered)
CHECK_QUERY(ledger_reversed)
CHECK_QUERY(counters)
CHECK_QUERY(timers_late)
CHECK_QUERY(timers_dead)
CHECK_QUERY(campaigns)
CHECK_QUERY(rewards)
CHECK_QUERY(outbox_bodies)
CHECK_QUERY(sagas)
CHECK_QUERY(differences)

static enum err line_amounts_row(void *user, const struct q_check_line_amounts_row *row)
{
    check_found(user, row->offender_id);
    return OK;
}

static enum err line_amounts_run(struct ctx *c, struct finding *finding)
{
    struct str currency;
    int64_t digits, fen_micro = MICRO;

    TRY(setting_currency(c, &currency, &digits));
    for (int64_t i = 0; i < digits; i++)
        fen_micro /= 10;
    return q_check_line_amounts(c, fen_micro, line_amounts_row, finding);
}

/* Pages, indexes and foreign keys, in the database's own words. */
static enum err database_run(struct ctx *c, struct finding *finding)
{
    TRY(db_verify(c->db, c->arena, &finding->text));
    for (size_t i = 0; i < finding->text.len; i++)
        finding->count += finding->text.at[i] == '\n' ? 1 : 0;
    if (finding->count == 0 && finding->text.len > 0)
        finding->count = 1;
    return OK;
}

/* The engine's own words, a line a difference. */
static enum err audience_run(struct ctx *c, struct finding *finding)
{
    struct buf text;
    enum err err;

    buf_init(&text, 64 * 1024);
    err = audience_check(c, &text);
    finding->text = str_copy(c->arena, buf_view(&text));
    buf_release(&text);
    for (size_t i = 0; i < finding->text.len; i++)
        finding->count += finding->text.at[i] == '\n' ? 1 : 0;
    return err;
}

/* ---- the table ------------------------------------------------------------------------------- */

const struct check checks[] = {
    {"database", database_run, ""},
    {"order_totals", order_totals_run, "order"},
    {"line_amounts", line_amounts_run, "order"},
    {"order_counted", order_counted_run, "order"},
    {"order_words", order_words_run, "order"},
    {"order_refunds", order_refunds_run, "order"},
    {"order_journal", order_journal_run, "order"},
    {"customer_figures", customer_figures_run, "customer"},
    {"customer_second", customer_second_run, "customer"},
    {"customer_refunded", customer_refunded_run, "customer"},
    {"customer_invited", customer_invited_run, "customer"},
    {"merge_links", merge_links_run, "customer"},
    {"merge_rows", merge_rows_run, "merge"},
    {"customer_journal", customer_journal_run, "customer"},
    {"customer_seals", check_personal_seals, "customer"},
    {"identity_seals", check_identity_seals, "customer"},
    {"keys_current", check_keys_current, "key"},
    {"journal_known", check_journal_known, "event"},
    {"behaviours", check_behaviours, "event"},
    {"journal_links", journal_links_run, "event"},
    {"orders_removed", orders_removed_run, "order"},
    {"channel_paths", channel_paths_run, "channel"},
    {"tag_families", tag_families_run, "tag"},
    {"import_runs", import_runs_run, "import"},
    {"ledger_sums", ledger_sums_run, "account"},
    {"ledger_balances", ledger_balances_run, "account"},
    {"ledger_chain", ledger_chain_run, "transfer"},
    {"ledger_floors", ledger_floors_run, "account"},
    {"ledger_debts", ledger_debts_run, "account"},
    {"ledger_holds", ledger_holds_run, "hold"},
    {"ledger_lots", ledger_lots_run, "account"},
    {"lot_uses", lot_uses_run, "account"},
    {"ledger_gathered", ledger_gathered_run, "account"},
    {"ledger_reversed", ledger_reversed_run, "transfer"},
    {"counters", counters_run, "subject"},
    {"timer_kinds", check_timer_kinds, "timer"},
    {"timers_late", timers_late_run, "timer", .is_note = true},
    {"timers_dead", timers_dead_run, "timer", .is_note = true},
    {"campaigns", campaigns_run, "campaign"},
    {"rewards", rewards_run, "reward"},
    {"outbox_kinds", check_outbox_kinds, "message"},
    {"outbox_bodies", outbox_bodies_run, "message"},
    {"sagas", sagas_run, "payment"},
    {"bill_differences", differences_run, "difference", .is_note = true},
    {"audience", audience_run, ""},
    {"audit_chain", check_audit_chain, "audit row"},
    {.name = NULL},
};

static void report_add(struct buf *report, const struct check *check, const struct finding *f)
{
    if (f->count == 0) {
        buf_fmt(report, "ok      %s\n", check->name);
        return;
    }
    buf_fmt(report, "%s  %s: %" PRId64 " found:", check->is_note ? "note  " : "FAILED", check->name,
            f->count);
    if (f->text.len > 0) {
        buf_fmt(report, "\n%.*s\n", STR(str_trim(f->text)));
        return;
    }
    buf_fmt(report, " %s", check->offender);
    for (int64_t i = 0; i < f->count && i < OFFENDER_MAX; i++)
        buf_fmt(report, " %" PRId64, f->ids[i]);
    buf_str(report, f->count > OFFENDER_MAX ? S(" ...\n") : S("\n"));
}

enum err check_run(struct ctx *c, struct check_report *report)
{
    struct buf text;
    enum err err = OK;

    *report = (struct check_report){.failed_count = 0};
    TRY(db_analyze(c->db));
    buf_init(&text, 1024 * 1024);
    for (const struct check *check = checks; check->name && err == OK; check++) {
        struct finding finding = {.c = c};
        err = check->run(c, &finding);
        if (err == OK)
            report_add(&text, check, &finding);
        report->failed_count += finding.count > 0 && !check->is_note ? 1 : 0;
    }
    report->text = str_copy(c->arena, buf_view(&text));
    buf_release(&text);
    return err;
}

/* ---- over the socket while the server runs --------------------------------------------------- */

static const struct field check_report[] = {
    OUT(struct check_report, text, .about = "a line an invariant"),
    OUT(struct check_report, failed_count),
};

static enum err check_get(struct ctx *c, const void *in, void *out)
{
    (void)in;
    return check_run(c, out);
}

const struct route check_routes[] = {
    {HTTP_GET, "/local/check", "local", NULL, SHAPE(check_report), check_get,
     .about = "Every invariant of the base", .statement_max = 100},
    {.path = NULL},
};
