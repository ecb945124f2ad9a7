/* Accounts: what they are, opening them, their balance. Posting is ledger_post.c. */
#include "gen/ledger.q.h"
#include "kit/ledger_private.h"

const char *const ledger_unit_names[UNIT_COUNT] = {"fen",    "points",  "growth",
                                                   "pieces", "chances", "seats"};
const char *const ledger_bucket_names[BUCKET_COUNT] = {
    "available", "pending", "frozen",    "debt",       "budget",
    "issued",    "expired", "forfeited", "in_transit", "external"};

enum ledger_unit ledger_unit_of(struct str name)
{
    int unit = 0;

    while (!str_is(name, ledger_unit_names[unit]))
        must(++unit < UNIT_COUNT);
    return (enum ledger_unit)unit;
}

static struct q_ledger_begin_in begin_of(struct ctx *c, const struct account *account)
{
    bool has_floor = account->bucket != BUCKET_DEBT && account->bucket != BUCKET_EXTERNAL;

    return (struct q_ledger_begin_in){.id = ctx_id(c),
                                      .owner_kind = str_of(account->owner_kind),
                                      .owner_id = account->owner_id,
                                      .unit = str_of(ledger_unit_names[account->unit]),
                                      .bucket = str_of(ledger_bucket_names[account->bucket]),
                                      .scope_id = account->scope_id,
                                      .floor_count = has_floor ? 0 : NONE};
}

static bool is_same(const struct account *a, const struct account *b)
{
    return a->owner_id == b->owner_id && a->unit == b->unit && a->bucket == b->bucket &&
           a->scope_id == b->scope_id && strcmp(a->owner_kind, b->owner_kind) == 0;
}

/* The first of the list that is this account: itself, but where it is named twice. */
static int64_t first_of(const struct account *accounts, int64_t at)
{
    int64_t first = 0;

    while (!is_same(&accounts[first], &accounts[at]))
        first++;
    return first;
}

static enum err missing_open(struct ctx *c, const struct account *accounts, int64_t count,
                             int64_t *account_ids)
{
    struct q_ledger_begin_in *rows =
        arena_new_array(c->arena, struct q_ledger_begin_in, (size_t)count);
    int64_t row_count = 0;

    for (int64_t i = 0; i < count; i++) {
        int64_t first = account_ids[i] == NONE ? first_of(accounts, i) : i;
        if (account_ids[i] == NONE && first == i) {
            rows[row_count] = begin_of(c, &accounts[i]);
            account_ids[i] = rows[row_count++].id;
        }
        account_ids[i] = account_ids[first];
    }
    return row_count > 0 ? q_ledger_begin(c, rows, row_count, NULL) : OK;
}

enum err ledger_open(struct ctx *c, const struct account *accounts, int64_t count,
                     int64_t *account_ids)
{
    struct q_ledger_find_in *keys =
        arena_new_array(c->arena, struct q_ledger_find_in, (size_t)count);
    struct q_ledger_find_row *found =
        arena_new_array(c->arena, struct q_ledger_find_row, (size_t)count);

    for (int64_t i = 0; i < count; i++)
        keys[i] = (struct q_ledger_find_in){str_of(accounts[i].owner_kind), accounts[i].owner_id,
                                            str_of(ledger_unit_names[accounts[i].unit]),
                                            str_of(ledger_bucket_names[accounts[i].bucket]),
                                            accounts[i].scope_id};
    TRY(q_ledger_find(c, keys, count, found));
    for (int64_t i = 0; i < count; i++)
        account_ids[i] = found[i].id;
    return missing_open(c, accounts, count, account_ids);
}

enum err ledger_balance(struct ctx *c, const struct account *account, int64_t *balance_count)
{
    struct q_ledger_balance_in key = {.owner_kind = str_of(account->owner_kind),
                                      .owner_id = account->owner_id,
                                      .unit = str_of(ledger_unit_names[account->unit]),
                                      .bucket = str_of(ledger_bucket_names[account->bucket]),
                                      .scope_id = account->scope_id};
    struct q_ledger_balance_row row = {0};

    TRY(q_ledger_balance(c, &key, &row));
    *balance_count = row.balance_count;
    return OK;
}
