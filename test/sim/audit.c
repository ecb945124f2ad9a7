/* The auditor: journal against state against ledger against what the world outside knows. It reads
 * the base with SQL of its own and shares nothing with the program, `papilio check` apart, which it
 * runs too. A rule is a query for what must not be; its first column says where. */
#include "sim.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define PRINT_MAX 5
#define DAY_OF(ms, minutes)                                                                        \
    "((" ms ") + 28800000 - (" minutes ") * 60000) / 86400000" /* Shanghai */

struct sim_base {
    sqlite3 *db;
};

struct sim_base *sim_base_open(const char *folder)
{
    struct sim_base *base = calloc(1, sizeof(*base));
    char path[200];

    must(base != NULL);
    snprintf(path, sizeof(path), "%s/papilio.db", folder);
    must(sqlite3_open(path, &base->db) == SQLITE_OK);
    sqlite3_busy_timeout(base->db, 10000);
    return base;
}

void sim_base_close(struct sim_base *base)
{
    sqlite3_close(base->db);
    free(base);
}

static sqlite3_stmt *prepared(struct sim_base *base, const char *sql)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(base->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(base->db));
        abort();
    }
    return stmt;
}

int64_t sim_base_number(struct sim_base *base, const char *sql)
{
    sqlite3_stmt *stmt = prepared(base, sql);
    int64_t number = NONE;

    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return number;
}

void sim_base_run(struct sim_base *base, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(base->db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, why);
        abort();
    }
}

/* ---- the rules ------------------------------------------------------------------------------- */

/* ?1 is now. */
static const struct rule {
    const char *name, *sql;
} rules[] = {
    {"a balance is the sum of its transfers",
     "SELECT a.id, a.balance_count FROM account a LEFT JOIN (SELECT id, sum(n) AS n FROM ("
     "SELECT to_account_id AS id, amount_count AS n FROM transfer UNION ALL "
     "SELECT from_account_id, -amount_count FROM transfer) GROUP BY id) t ON t.id = a.id"
     " WHERE a.balance_count <> coalesce(t.n, 0)"},
    {"the balances of a unit sum to 0",
     "SELECT unit FROM account GROUP BY unit HAVING sum(balance_count) <> 0"},
    {"no balance is below its floor", "SELECT id FROM account WHERE balance_count < floor_count OR "
                                      "(bucket NOT IN ('debt', 'external') "
                                      "AND balance_count < 0)"},
    {"a reward that was given has one posting of its amount, one that was not has none",
     "SELECT g.id, g.status FROM reward_grant g LEFT JOIN transfer t ON t.kind = 'reward' AND "
     "t.key_id = g.id "
     "WHERE CASE WHEN g.status = 'granted' OR (g.status = 'revoked' AND g.risk_reason IS NULL) "
     "THEN t.id IS NULL OR t.amount_count > g.amount_count OR (g.risk_reason IS NULL AND "
     "t.amount_count <> g.amount_count) OR t.leg_number <> 0 "
     "WHEN g.status IN ('held', 'forfeited') THEN t.id IS NOT NULL ELSE 0 END"},
    {"a held reward left its budget once",
     "SELECT g.id FROM reward_grant g LEFT JOIN transfer t ON t.kind = 'reward_held' AND t.key_id "
     "= g.id "
     "AND t.leg_number = 0 WHERE (g.risk_reason IS NOT NULL) <> (t.id IS NOT NULL) "
     "OR t.amount_count <> g.amount_count"},
    {"a reward's posting has its reward",
     "SELECT t.id FROM transfer t LEFT JOIN reward_grant g ON g.id = t.key_id "
     "WHERE t.kind IN ('reward', 'reward_held') AND g.id IS NULL"},
    {"the journal knows once of each reward given",
     "SELECT g.id FROM reward_grant g LEFT JOIN transfer t ON t.kind = 'reward' AND t.key_id = "
     "g.id "
     "LEFT JOIN (SELECT subject_id, count(*) AS n FROM journal WHERE kind = 'reward_granted' GROUP "
     "BY 1) j "
     "ON j.subject_id = g.id WHERE coalesce(j.n, 0) <> (t.id IS NOT NULL)"},
    {"the journal knows once of each reward held",
     "SELECT g.id FROM reward_grant g LEFT JOIN (SELECT subject_id, count(*) AS n FROM journal "
     "WHERE kind = 'reward_held' GROUP BY 1) j ON j.subject_id = g.id "
     "WHERE coalesce(j.n, 0) <> (g.risk_reason IS NOT NULL)"},
    {"the journal knows of no other reward",
     "SELECT j.id FROM journal j LEFT JOIN reward_grant g ON g.id = j.subject_id "
     "WHERE j.kind IN ('reward_granted', 'reward_held') AND g.id IS NULL"},
    {"never more is taken back than was given",
     "SELECT id FROM reward_grant WHERE revoked_count < 0 OR revoked_count > amount_count "
     "OR (status = 'revoked') <> (revoked_count = amount_count)"},
    {"stock left and stock claimed are what the rules promise",
     "SELECT k.id, k.status FROM campaign k JOIN campaign_version v ON v.campaign_id = k.id AND "
     "v.version_number = k.version_number WHERE k.status IN ('running', 'paused', 'ended', "
     "'settling') AND "
     "json_extract(v.rules, '$.stock_count') <> (SELECT sum(a.balance_count) FROM account a "
     "WHERE a.owner_kind = 'campaign' AND a.owner_id = k.id AND a.unit = 'pieces')"},
    {"a piece for each reward",
     "SELECT k.id FROM campaign k WHERE (SELECT count(*) FROM reward_grant g WHERE g.campaign_id = "
     "k.id) <> "
     "(SELECT coalesce(sum(a.balance_count), 0) FROM account a WHERE a.owner_kind = 'campaign' "
     "AND a.owner_id = k.id AND a.unit = 'pieces' AND a.bucket = 'issued')"},
    {"what left a budget are its rewards, what they gave back, and the rest",
     "SELECT a.id FROM account a WHERE a.owner_kind = 'campaign' AND a.unit = 'points' AND "
     "a.bucket = 'budget' "
     "AND EXISTS (SELECT 1 FROM transfer t LEFT JOIN reward_grant g ON g.id = t.key_id AND "
     "g.campaign_id = "
     "a.owner_id WHERE t.from_account_id = a.id AND t.kind <> 'campaign_budget_rest' AND "
     "(g.id IS NULL OR t.kind NOT IN ('reward', 'reward_held')))"},
    {"nobody has more than the day's limit of the rules at entry",
     "SELECT g.campaign_id, g.customer_id FROM reward_grant g JOIN campaign k ON k.id = "
     "g.campaign_id "
     "JOIN participant p ON p.campaign_id = g.campaign_id AND p.customer_id = g.customer_id "
     "JOIN campaign_version v ON v.campaign_id = p.campaign_id AND v.version_number = "
     "p.version_number "
     "GROUP BY g.campaign_id, g.customer_id, " DAY_OF(
         "g.created_ms", "k.day_start_minutes_count") " HAVING count(*) > json_extract(v.rules, "
                                                      "'$.day_limit_count')"},
    {"nobody has more than the whole limit of the rules at entry",
     "SELECT g.campaign_id, g.customer_id FROM reward_grant g "
     "JOIN participant p ON p.campaign_id = g.campaign_id AND p.customer_id = g.customer_id "
     "JOIN campaign_version v ON v.campaign_id = p.campaign_id AND v.version_number = "
     "p.version_number "
     "GROUP BY g.campaign_id, g.customer_id HAVING count(*) > json_extract(v.rules, "
     "'$.total_limit_count')"},
    {"the day's counter is the day's rewards",
     "SELECT c.scope_id, c.subject_id FROM counter c JOIN campaign k ON k.id = c.scope_id "
     "WHERE c.name = 'giveaway_day' AND (c.reserved_count <> 0 OR c.used_count <> (SELECT count(*) "
     "FROM "
     "reward_grant g WHERE g.campaign_id = c.scope_id AND g.customer_id = c.subject_id AND " DAY_OF(
         "g.created_ms", "k.day_start_minutes_count") " = c.window_seq))"},
    {"whoever has a reward is in the campaign",
     "SELECT g.id FROM reward_grant g LEFT JOIN participant p ON p.campaign_id = g.campaign_id AND "
     "p.customer_id = g.customer_id LEFT JOIN customer c ON c.id = g.customer_id WHERE "
     "p.customer_id IS NULL "
     "AND NOT EXISTS (SELECT 1 FROM participant o JOIN customer r ON r.id = o.customer_id "
     "WHERE o.campaign_id = g.campaign_id AND (r.merged_into_id = g.customer_id OR "
     "r.id = c.merged_into_id OR r.merged_into_id = c.merged_into_id))"},
    {"participants are counted",
     "SELECT k.id FROM campaign k WHERE k.participant_count <> (SELECT count(*) FROM participant p "
     "WHERE p.campaign_id = k.id)"},
    {"no campaign is behind its time",
     "SELECT id, status FROM campaign WHERE (status = 'scheduled' AND coalesce(starts_ms, 0) <= "
     "?1) OR "
     "(status IN ('running', 'paused') AND ends_ms <= ?1) OR status = 'ended'"},
    {"what is settled has nothing left but what came back since, and nothing waits in it",
     "SELECT k.id, k.status FROM campaign k WHERE k.status IN ('settled', 'archived', 'cancelled') "
     "AND "
     "(EXISTS (SELECT 1 FROM account a WHERE a.owner_kind = 'campaign' AND a.owner_id = k.id AND "
     "a.bucket = 'budget' AND a.balance_count <> (SELECT coalesce(sum(t.amount_count), 0) FROM "
     "transfer t "
     "WHERE t.to_account_id = a.id AND t.id > (SELECT min(s.id) FROM campaign_step s WHERE "
     "s.campaign_id = "
     "k.id AND s.to_status IN ('settled', 'archived', 'cancelled')) AND t.id > coalesce((SELECT "
     "max(r.id) FROM "
     "transfer r WHERE r.from_account_id = a.id AND r.kind = 'campaign_budget_rest'), 0))) OR "
     "EXISTS "
     "(SELECT 1 FROM reward_grant g WHERE g.campaign_id = k.id AND g.status = 'held'))"},
    {"a step leads from one status to the next",
     "SELECT id FROM (SELECT id, from_status, lag(to_status) OVER (PARTITION BY campaign_id ORDER "
     "BY id) AS was "
     "FROM campaign_step) WHERE from_status <> coalesce(was, 'draft')"},
    {"the last step is the status", "SELECT k.id FROM campaign k WHERE k.status <> "
                                    "coalesce((SELECT to_status FROM campaign_step s WHERE "
                                    "s.campaign_id = k.id ORDER BY id DESC LIMIT 1), 'draft')"},
    {"no lot has outlived the minute of its end",
     "SELECT account_id FROM lot WHERE left_count > 0 AND expires_ms <= ?1 - 60000"},
    {"no hold is past its time", "SELECT id FROM hold WHERE status = 'held' AND until_ms <= ?1"},
    {"no timer is overdue or dead", "SELECT kind, key_id FROM timer WHERE status = 'dead' OR "
                                    "(due_ms <= ?1 AND kind <> 'campaign_clock') "
                                    "OR attempt_count > 0"},
    {"thanks once a reward, or still to come",
     "SELECT j.subject_id FROM journal j LEFT JOIN counter c ON c.name = 'sim_thanks' AND "
     "c.scope_id = 0 AND c.subject_id = j.subject_id LEFT JOIN timer t ON t.kind = 'sim_thanks' "
     "AND t.key_id = j.subject_id "
     "WHERE j.kind = 'reward_granted' AND coalesce(c.used_count, 0) + (t.id IS NOT NULL) <> 1"},
    {"a notice for each reward",
     "SELECT j.subject_id FROM journal j LEFT JOIN outbox o ON o.kind "
     "= 'sim_notice' AND o.key_id = j.subject_id "
     "WHERE j.kind = 'reward_granted' AND o.id IS NULL AND j.arrived_ms > ?1 - 1728000000"},
    {"no notice is overdue or dead",
     "SELECT id, status || ' ' || attempt_count || ' ' || coalesce(error_message, '') FROM outbox "
     "o WHERE status = 'dead' OR (status = 'cancelled' AND NOT EXISTS (SELECT 1 "
     "FROM reward_grant g JOIN customer c ON c.id = g.customer_id WHERE g.id = o.key_id AND "
     "c.deleted_ms IS NOT NULL)) OR (status = 'waiting' AND due_ms <= ?1 "
     "AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = o.order_id AND b.status = "
     "'waiting' "
     "AND b.id < o.id))"},
    {"no callback waits or is dead",
     "SELECT id, status FROM inbox WHERE status = 'dead' OR (status = 'new' AND due_ms <= ?1)"},
    {"a payment is over or looked at again, and within ten days",
     "SELECT id, status FROM saga WHERE (status IN ('succeeded', 'failed')) <> (due_ms IS NULL) OR "
     "due_ms <= ?1 "
     "OR (due_ms IS NOT NULL AND created_ms < ?1 - 864000000)"},
    {"money that went back took its reward back as its policy says, once",
     "SELECT s.id, s.status FROM saga s JOIN reward_grant g ON g.id = s.key_id WHERE "
     "CASE WHEN s.status = 'succeeded' THEN g.id % 3 = 2 AND g.status NOT IN ('revoked', "
     "'forfeited') "
     "AND coalesce(g.expires_ms > s.changed_ms, 1) "
     "ELSE EXISTS (SELECT 1 FROM transfer t WHERE t.kind = 'sim_refund' AND t.key_id = s.id) END"},
    {"no difference with the payee's bill but the lies about amounts",
     "SELECT kind, saga_id FROM bill_difference WHERE kind <> 'amount'"},
    {"who was deleted is not known any more",
     "SELECT c.id FROM customer c JOIN identity i ON i.customer_id = c.id WHERE c.deleted_ms IS "
     "NOT NULL"},
};

struct auditor {
    struct sim_base *base;
    const struct sim_known *known;
    int64_t finding_count;
};

static void find(struct auditor *auditor, const char *rule, const char *where)
{
    if (auditor->finding_count++ < PRINT_MAX)
        printf("# audit: not so: %s: %s\n", rule, where);
}

static void rule_check(struct auditor *auditor, const struct rule *rule)
{
    sqlite3_stmt *stmt = prepared(auditor->base, rule->sql);
    char where[120];

    if (sqlite3_bind_parameter_count(stmt) > 0)
        sqlite3_bind_int64(stmt, 1, auditor->known->now_ms);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *more =
            sqlite3_column_count(stmt) > 1 ? (const char *)sqlite3_column_text(stmt, 1) : "";
        snprintf(where, sizeof(where), "%s %s", (const char *)sqlite3_column_text(stmt, 0),
                 more ? more : "");
        find(auditor, rule->name, where);
    }
    sqlite3_finalize(stmt);
}

/* ---- what the outside knows ------------------------------------------------------------------ */

static void number_check(struct auditor *auditor, const char *rule, int64_t known, const char *sql)
{
    int64_t here = sim_base_number(auditor->base, sql);
    char where[80];

    if (here == known)
        return;
    snprintf(where, sizeof(where), "%" PRId64 " here, %" PRId64 " known", here, known);
    find(auditor, rule, where);
}

/* Our books and the payee's: money moved once under each number that succeeded, and under no other
 * but those we have not heard about yet. */
static void payee_check(struct auditor *auditor)
{
    sqlite3_stmt *stmt =
        prepared(auditor->base, "SELECT id, status, amount_fen FROM saga ORDER BY id");
    int64_t moved_count = 0;
    char where[80];

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *status = (const char *)sqlite3_column_text(stmt, 1);
        int64_t amount_fen, count = sim_payee_moved(sqlite3_column_int64(stmt, 0), &amount_fen);
        bool is_good = strcmp(status, "succeeded") == 0 ? count == 1
                       : strcmp(status, "failed") == 0  ? count == 0
                                                        : count <= 1;
        snprintf(where, sizeof(where), "%lld %s, moved %" PRId64 " times",
                 sqlite3_column_int64(stmt, 0), status, count);
        if (!is_good || (count > 0 && amount_fen != sqlite3_column_int64(stmt, 2)))
            find(auditor, "money moved once where we say so", where);
        moved_count += count > 0;
    }
    sqlite3_finalize(stmt);
    if (moved_count != sim_payee_count())
        find(auditor, "money moved once where we say so", "under a number we do not have");
}

/* What counts as sent has arrived; what has arrived was ours. */
static void notices_check(struct auditor *auditor)
{
    const struct sim_known *known = auditor->known;
    sqlite3_stmt *stmt = prepared(
        auditor->base, "SELECT g.id, coalesce(o.status, '') FROM reward_grant g LEFT JOIN outbox o "
                       "ON o.kind = 'sim_notice' AND o.key_id = g.id ORDER BY g.id");
    int64_t at = 0;
    char where[80];

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(stmt, 0);
        bool is_sent = strcmp((const char *)sqlite3_column_text(stmt, 1), "sent") == 0;
        bool has_arrived = at < known->arrived_count && known->arrived_ids[at] == id;
        snprintf(where, sizeof(where), "%" PRId64, id);
        if (is_sent && !has_arrived)
            find(auditor, "what was sent has arrived", where);
        if (has_arrived)
            at++;
    }
    sqlite3_finalize(stmt);
    if (at != known->arrived_count)
        find(auditor, "what arrived is ours", "a notice of no reward");
}

static void own_check(struct auditor *auditor, struct app *app)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct app_call call = {.method = HTTP_GET, .path = S("/local/check"), .is_local = true};

    app_request(app, arena, &call);
    if (str_find(call.reply, S("\"failed_count\":0")) < 0)
        find(auditor, "papilio check", str_cstr(arena, call.reply));
    arena_free(arena);
}

int64_t sim_audit(struct sim_base *base, struct app *app, const struct sim_known *known)
{
    struct auditor auditor = {.base = base, .known = known};

    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        rule_check(&auditor, &rules[i]);
    number_check(&auditor, "every reward that was acknowledged is there, and no other",
                 known->reward_count, "SELECT count(*) FROM reward_grant");
    number_check(&auditor, "every order that was acknowledged is there, and no other",
                 known->order_count, "SELECT count(*) FROM shop_order");
    number_check(&auditor, "every refund that was acknowledged is there, and no other",
                 known->refund_count, "SELECT count(*) FROM saga");
    payee_check(&auditor);
    if (known->arrived_ids)
        notices_check(&auditor);
    own_check(&auditor, app);
    if (auditor.finding_count > PRINT_MAX)
        printf("# audit: and %" PRId64 " more\n", auditor.finding_count - PRINT_MAX);
    return auditor.finding_count;
}
