#include "ledger_model.h"

#include <stdlib.h>

#define NEVER_MS (INT64_C(1) << 60)
#define TRANSFERS 600000
#define LOTS 400000
#define USES 800000
#define HOLDS 100000
#define LEGS 20000

struct use {
    int lot;
    int64_t amount_count, returned_count;
};
static struct {
    int64_t balance[ACCOUNTS], order;
    bool has_lots[ACCOUNTS];
    int open[ACCOUNTS][LOTS / 40], open_count[ACCOUNTS]; /* lots with something left */
    struct model_transfer transfers[TRANSFERS];
    struct model_lot lots[LOTS], sorted[LOTS];
    struct use uses[USES];
    struct model_hold holds[HOLDS];
    int transfer_count, lot_count, use_count, hold_count;
    int parent[PEOPLE]; /* from 1; 0: a person of its own */
    /* of the call being made */
    struct model_leg legs[LEGS];
    struct take {
        int account, transfer, first_transfer;
        int64_t amount_count;
        int only_lot;
    } takes[2 * LEGS];
    struct refill {
        int use;
        int64_t amount_count;
        bool is_alive;
    } refills[LEGS];
    int leg_count, take_count, refill_count;
    int first[ACCOUNTS];                /* the transfer whose lot is taken first there; -1: none */
    int added_count;                    /* legs before those that were asked for */
    int gathered[LEGS], gathered_count; /* lots it began with them */
} m;

void model_reset(void)
{
    memset(&m, 0, sizeof(m));
}

/* ---- accounts -------------------------------------------------------------------------------- */

int model_account(int unit, int owner, int role)
{
    int at = role < ROLE_OUTSIDE ? owner * 4 + role : (PEOPLE + 1) * 4 + role - ROLE_OUTSIDE;

    return unit * UNIT_ACCOUNTS + at;
}

int model_role(int account)
{
    int at = account % UNIT_ACCOUNTS;

    return at < (PEOPLE + 1) * 4 ? at % 4 : ROLE_OUTSIDE + at - (PEOPLE + 1) * 4;
}

int model_owner(int account)
{
    int at = account % UNIT_ACCOUNTS;

    return at < (PEOPLE + 1) * 4 ? at / 4 : SYSTEM;
}

int model_unit(int account)
{
    return account / UNIT_ACCOUNTS;
}

static int beside(int account, int role)
{
    return model_account(model_unit(account), model_owner(account), role);
}

static bool has_floor(int account)
{
    return model_role(account) != ROLE_DEBT && model_role(account) != ROLE_OUTSIDE;
}

int64_t model_balance(int account)
{
    return m.balance[account];
}

bool model_has_lots(int account)
{
    return m.has_lots[account];
}

struct model_transfer *model_transfer(int transfer)
{
    return &m.transfers[transfer];
}

int model_transfer_count(void)
{
    return m.transfer_count;
}

struct model_hold *model_hold_at(int hold)
{
    return &m.holds[hold];
}

int model_hold_count(void)
{
    return m.hold_count;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- records that are one person ------------------------------------------------------------- */

int model_root(int owner)
{
    while (model_is_merged(owner))
        owner = m.parent[owner] - 1;
    return owner;
}

bool model_is_merged(int owner)
{
    return owner != SYSTEM && m.parent[owner] != 0;
}

void model_merge(int kept, int other)
{
    m.parent[other] = kept + 1;
}

void model_undo(int other)
{
    m.parent[other] = 0;
}

static bool is_one(int owner, int other)
{
    return owner != SYSTEM && other != SYSTEM && model_root(owner) == model_root(other);
}

int64_t model_person_balance(int account)
{
    int64_t balance_count = model_owner(account) == SYSTEM ? m.balance[account] : 0;

    for (int who = 0; who < PEOPLE; who++)
        if (is_one(who, model_owner(account)))
            balance_count +=
                m.balance[model_account(model_unit(account), who, model_role(account))];
    return balance_count;
}

/* ---- lots ------------------------------------------------------------------------------------ */

static void lot_add(int account, int transfer, int64_t end_ms, int64_t amount_count)
{
    if (amount_count == 0)
        return;
    must(m.lot_count < LOTS && m.open_count[account] < LOTS / 40);
    m.lots[m.lot_count] = (struct model_lot){
        account,      transfer,    end_ms == NONE ? NEVER_MS : end_ms, transfer < 0 ? 0 : ++m.order,
        amount_count, amount_count};
    m.open[account][m.open_count[account]++] = m.lot_count++;
}

static bool is_before(const struct model_lot *a, const struct model_lot *b)
{
    return a->end_ms != b->end_ms ? a->end_ms < b->end_ms : a->order < b->order;
}

static int next_lot(int account, int first_transfer)
{
    int best = -1;

    for (int i = 0; i < m.open_count[account]; i++) {
        int lot = m.open[account][i];
        if (first_transfer >= 0 && m.lots[lot].transfer == first_transfer)
            return lot;
        if (best < 0 || is_before(&m.lots[lot], &m.lots[best]))
            best = lot;
    }
    must(best >= 0);
    return best;
}

static void lot_close(int lot)
{
    int account = m.lots[lot].account, at = 0;

    while (m.open[account][at] != lot)
        at++;
    m.open[account][at] = m.open[account][--m.open_count[account]];
}

static void take_do(const struct take *take)
{
    int64_t rest_count = take->amount_count;

    m.transfers[take->transfer].first_use = m.use_count;
    while (rest_count > 0) {
        int lot =
            take->only_lot > 0 ? take->only_lot - 1 : next_lot(take->account, take->first_transfer);
        int64_t part_count = least(rest_count, m.lots[lot].left_count);
        must(m.use_count < USES);
        m.uses[m.use_count++] = (struct use){lot, part_count, 0};
        m.transfers[take->transfer].use_count++;
        m.lots[lot].left_count -= part_count;
        if (m.lots[lot].left_count == 0)
            lot_close(lot);
        rest_count -= part_count;
    }
}

static void refill_do(const struct refill *refill)
{
    struct use *use = &m.uses[refill->use];
    struct model_lot *lot = &m.lots[use->lot];

    use->returned_count += refill->amount_count;
    if (!refill->is_alive)
        return;
    if (lot->left_count == 0)
        m.open[lot->account][m.open_count[lot->account]++] = use->lot;
    lot->left_count += refill->amount_count;
}

static int lot_order(const void *a, const void *b)
{
    const struct model_lot *left = a, *right = b;

    if (left->account != right->account)
        return left->account < right->account ? -1 : 1;
    return is_before(left, right) ? -1 : 1;
}

int model_lots(const struct model_lot **lots)
{
    int count = 0;

    for (int account = 0; account < ACCOUNTS; account++)
        for (int i = 0; i < m.open_count[account]; i++)
            m.sorted[count++] = m.lots[m.open[account][i]];
    qsort(m.sorted, (size_t)count, sizeof(m.sorted[0]), lot_order);
    *lots = m.sorted;
    return count;
}

/* ---- posting --------------------------------------------------------------------------------- */

static bool may_move(int64_t *balance, int from, int to, int64_t amount_count)
{
    if (has_floor(from) && balance[from] < amount_count)
        return false;
    balance[from] -= amount_count;
    balance[to] += amount_count;
    return true;
}

static int64_t debt_of(const int64_t *balance, int to)
{
    if (model_role(to) != ROLE_AVAILABLE)
        return 0;
    return least(-balance[beside(to, ROLE_DEBT)], balance[to]);
}

static bool may_post(void)
{
    int64_t balance[ACCOUNTS];

    memcpy(balance, m.balance, sizeof(balance));
    for (int i = 0; i < m.leg_count; i++) {
        const struct model_leg *leg = &m.legs[i];
        int64_t debt_count;
        if (!may_move(balance, leg->from, leg->to, leg->amount_count))
            return false;
        debt_count = debt_of(balance, leg->to);
        if (debt_count > 0)
            must(may_move(balance, leg->to, beside(leg->to, ROLE_DEBT), debt_count));
    }
    return true;
}

static int transfer_do(const struct model_leg *leg)
{
    int transfer = m.transfer_count++;

    must(m.transfer_count < TRANSFERS && m.take_count < 2 * LEGS);
    m.transfers[transfer] = (struct model_transfer){.id = NONE,
                                                    .amount_count = leg->amount_count,
                                                    .from = leg->from,
                                                    .to = leg->to,
                                                    .hold = -1,
                                                    .expired = -1,
                                                    .is_gathered = leg->is_gathered};
    if (m.has_lots[leg->from])
        m.takes[m.take_count++] =
            (struct take){leg->from, transfer,
                          leg->first_transfer >= 0 ? leg->first_transfer : m.first[leg->from],
                          leg->amount_count, leg->only_lot};
    if (leg->end_ms != NONE && !m.has_lots[leg->to]) {
        m.has_lots[leg->to] = true;
        lot_add(leg->to, -1, NONE, m.balance[leg->to]);
    }
    if (m.has_lots[leg->to])
        lot_add(leg->to, transfer, leg->end_ms, leg->amount_count - leg->refilled_count);
    must(may_move(m.balance, leg->from, leg->to, leg->amount_count));
    return transfer;
}

/* ---- gathering ------------------------------------------------------------------------------- */

/* The most by which the legs leave the account below where it was. */
static int64_t needed(int account)
{
    int64_t need_count = 0, most_count = 0;

    for (int i = m.added_count; i < m.leg_count; i++) {
        need_count += m.legs[i].from == account ? m.legs[i].amount_count : 0;
        most_count = need_count > most_count ? need_count : most_count;
        need_count -= m.legs[i].to == account ? m.legs[i].amount_count : 0;
    }
    return most_count;
}

/* What the person has in the order in which it is spent from this account. */
struct piece {
    struct model_lot lot;
    int only_lot;
};
static int pieces_sort(int account, bool is_own_first, struct piece *pieces)
{
    int count = 0;

    for (int who = 0; who < PEOPLE; who++) {
        int of = model_account(model_unit(account), who, ROLE_AVAILABLE);
        if (!is_one(who, model_owner(account)))
            continue;
        if (!m.has_lots[of] && m.balance[of] > 0)
            pieces[count++] = (struct piece){{of, -1, NEVER_MS, 0, 0, m.balance[of]}, 0};
        for (int i = 0; i < m.open_count[of]; i++)
            pieces[count++] = (struct piece){m.lots[m.open[of][i]], m.open[of][i] + 1};
    }
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0; j--) {
            const struct model_lot *a = &pieces[j - 1].lot, *b = &pieces[j].lot;
            struct piece swap = pieces[j - 1];
            bool is_a = a->account == account, is_b = b->account == account;
            if (is_own_first && is_a != is_b ? is_a
                : a->end_ms != b->end_ms     ? a->end_ms < b->end_ms
                : is_a != is_b               ? is_a
                : a->order != b->order       ? a->order < b->order
                                             : a->account < b->account)
                break;
            pieces[j - 1] = pieces[j];
            pieces[j] = swap;
        }
    return count;
}

static void gather_add(int from, int to, int64_t amount_count, int64_t end_ms, int only_lot)
{
    must(m.leg_count < LEGS);
    memmove(&m.legs[m.added_count + 1], &m.legs[m.added_count],
            (size_t)(m.leg_count - m.added_count) * sizeof(m.legs[0]));
    m.legs[m.added_count++] = (struct model_leg){from, to, amount_count, end_ms,         -1,
                                                 0,    -1, true,         end_ms != NONE, only_lot};
    m.leg_count++;
}

static void gather(int account, bool is_own_first)
{
    static struct piece pieces[LOTS];
    int count = pieces_sort(account, is_own_first, pieces), unit = model_unit(account);
    int64_t rest_count = needed(account);

    for (int who = 0; who < PEOPLE; who++)
        if (is_one(who, model_owner(account)))
            rest_count -= m.balance[model_account(unit, who, ROLE_DEBT)];
    for (int i = 0; i < count && rest_count > 0; i++) {
        int64_t part_count = least(pieces[i].lot.left_count, rest_count);
        if (pieces[i].lot.account != account)
            gather_add(pieces[i].lot.account, account, part_count, pieces[i].lot.end_ms,
                       pieces[i].only_lot);
        rest_count -= part_count;
    }
    for (int who = 0; who < PEOPLE; who++) {
        int debt = model_account(unit, who, ROLE_DEBT);
        if (who != model_owner(account) && is_one(who, model_owner(account)) && m.balance[debt] < 0)
            gather_add(account, debt, -m.balance[debt], NONE, 0);
    }
}

/* Whoever has other records, or too little; of one person one record. */
static void gather_all(void)
{
    bool is_done[ACCOUNTS] = {false}, has_gathered[UNITS][PEOPLE] = {{false}};

    for (int i = 0; i < m.leg_count; i++) {
        struct model_leg leg = m.legs[i];
        int owner = model_owner(leg.from), before = m.added_count;
        bool is_joined = false;
        if (leg.is_own || model_role(leg.from) != ROLE_AVAILABLE || is_done[leg.from])
            continue;
        for (int who = 0; who < PEOPLE; who++)
            is_joined |= !model_is_merged(owner) && who != owner && is_one(who, owner);
        is_done[leg.from] = true;
        if (owner == SYSTEM || has_gathered[model_unit(leg.from)][model_root(owner)])
            continue;
        if (needed(leg.from) <= m.balance[leg.from] && (!is_joined || leg.first_transfer >= 0))
            continue;
        has_gathered[model_unit(leg.from)][model_root(owner)] = true;
        gather(leg.from, leg.first_transfer >= 0);
        i += m.added_count - before;
    }
}

/* ---- a call ---------------------------------------------------------------------------------- */

static const char *call_do(void)
{
    m.added_count = 0;
    for (int i = 0; i < ACCOUNTS; i++)
        m.first[i] = -1;
    for (int i = 0; i < m.leg_count; i++)
        if (!m.legs[i].is_own && m.legs[i].first_transfer >= 0)
            m.first[m.legs[i].from] = m.legs[i].first_transfer;
    gather_all();
    if (!may_post())
        return "ledger.floor";
    m.take_count = 0;
    for (int i = 0; i < m.leg_count; i++) {
        struct model_leg *leg = &m.legs[i], pay;
        int64_t debt_count;
        leg->transfer = transfer_do(leg);
        if (leg->is_gathered)
            m.gathered[m.gathered_count++] = m.lot_count - 1;
        debt_count = debt_of(m.balance, leg->to);
        pay = (struct model_leg){.from = leg->to,
                                 .to = beside(leg->to, ROLE_DEBT),
                                 .amount_count = debt_count,
                                 .end_ms = NONE,
                                 .first_transfer = -1};
        if (debt_count > 0)
            transfer_do(&pay);
    }
    for (int i = 0; i < m.refill_count; i++)
        refill_do(&m.refills[i]);
    for (int i = 0; i < m.take_count; i++)
        if (m.takes[i].only_lot > 0)
            take_do(&m.takes[i]);
    for (int i = 0; i < m.take_count; i++)
        if (m.takes[i].only_lot == 0)
            take_do(&m.takes[i]);
    return "";
}

static void call_begin(void)
{
    m.leg_count = m.refill_count = m.gathered_count = 0;
}

static struct model_leg *leg_add(int from, int to, int64_t amount_count);

/* What lies in lots that were gathered goes home: it was not spent, or has come back. */
static void home_do(int64_t now_ms)
{
    static int lots[2 * LEGS];
    int count = 0;

    for (int i = 0; i < m.gathered_count; i++)
        lots[count++] = m.gathered[i];
    for (int i = 0; i < m.refill_count; i++)
        lots[count++] = m.uses[m.refills[i].use].lot;
    call_begin();
    for (int i = 0; i < count; i++) {
        struct model_lot *lot = &m.lots[lots[i]];
        struct model_transfer *of = lot->transfer < 0 ? NULL : &m.transfers[lot->transfer];
        struct model_leg *leg;
        bool is_again = false;
        for (int j = 0; j < i; j++)
            is_again |= lots[j] == lots[i];
        if (of == NULL || !of->is_gathered || lot->left_count == 0 || is_again)
            continue;
        leg = leg_add(lot->account, of->from, lot->left_count);
        leg->only_lot = lots[i] + 1;
        leg->is_own = true;
        of->reversed_count += lot->left_count;
        if (of->use_count == 0 || m.lots[m.uses[of->first_use].lot].end_ms <= now_ms) {
            leg->end_ms = lot->end_ms == NEVER_MS ? NONE : lot->end_ms;
            continue;
        }
        leg->refilled_count = lot->left_count;
        m.refills[m.refill_count++] = (struct refill){of->first_use, lot->left_count, true};
    }
    must(call_do()[0] == '\0');
}

static struct model_leg *leg_add(int from, int to, int64_t amount_count)
{
    must(m.leg_count < LEGS);
    m.legs[m.leg_count] =
        (struct model_leg){from, to, amount_count, NONE, -1, 0, -1, false, false, 0};
    return &m.legs[m.leg_count++];
}

const char *model_post(struct model_leg *legs, int count, int64_t now_ms)
{
    const char *code;

    call_begin();
    for (int i = 0; i < count; i++)
        m.legs[m.leg_count++] = legs[i];
    code = call_do();
    for (int i = 0; i < count; i++)
        legs[i].transfer = m.legs[m.added_count + i].transfer;
    if (code[0] == '\0')
        home_do(now_ms);
    return code;
}

/* ---- going home ------------------------------------------------------------------------------ */

struct home {
    int64_t alive_count, ended_count, refilled_count;
};

/* What was used last comes back first. */
static struct home home_plan(int transfer, int64_t amount_count, int64_t now_ms)
{
    struct home home = {0};
    const struct model_transfer *of = &m.transfers[transfer];
    int begun = m.refill_count;

    while (amount_count > 0) {
        int last = -1;
        struct refill *refill = &m.refills[m.refill_count];
        for (int use = of->first_use; use < of->first_use + of->use_count; use++) {
            bool is_done = m.uses[use].returned_count == m.uses[use].amount_count;
            for (int i = begun; i < m.refill_count; i++)
                is_done |= m.refills[i].use == use;
            if (!is_done &&
                (last < 0 || is_before(&m.lots[m.uses[last].lot], &m.lots[m.uses[use].lot])))
                last = use;
        }
        if (last < 0)
            break;
        must(m.refill_count < LEGS);
        refill->use = last;
        refill->amount_count =
            least(amount_count, m.uses[last].amount_count - m.uses[last].returned_count);
        refill->is_alive = m.lots[m.uses[last].lot].end_ms > now_ms;
        if (refill->is_alive)
            home.refilled_count += refill->amount_count;
        else
            home.ended_count += refill->amount_count;
        amount_count -= refill->amount_count;
        m.refill_count++;
    }
    home.alive_count = home.refilled_count + amount_count;
    return home;
}

/* ---- holds ----------------------------------------------------------------------------------- */

const char *model_hold(struct model_hold hold, int *at, int64_t now_ms)
{
    const char *code;

    call_begin();
    leg_add(hold.from, beside(hold.from, ROLE_FROZEN), hold.amount_count);
    code = call_do();
    if (code[0] != '\0')
        return code;
    hold.transfer = m.legs[m.added_count].transfer;
    hold.status = 'h';
    must(m.hold_count < HOLDS);
    *at = m.hold_count++;
    m.holds[*at] = hold;
    home_do(now_ms);
    return "";
}

/* Its legs; the post is the first. */
static void hold_legs(int at, int64_t posted_count, int64_t now_ms)
{
    struct model_hold *hold = &m.holds[at];
    int frozen = beside(hold->from, ROLE_FROZEN);
    struct home home = home_plan(hold->transfer, hold->amount_count - posted_count, now_ms);

    if (posted_count > 0)
        leg_add(frozen, hold->to, posted_count);
    if (home.alive_count > 0)
        leg_add(frozen, hold->from, home.alive_count)->refilled_count = home.refilled_count;
    if (home.ended_count > 0)
        leg_add(frozen, model_account(model_unit(frozen), SYSTEM, ROLE_EXPIRED), home.ended_count);
    m.transfers[hold->transfer].reversed_count += hold->amount_count - posted_count;
    hold->posted_count = posted_count;
}

const char *model_hold_post(int at, int64_t amount_count, int64_t now_ms)
{
    struct model_hold *hold = &m.holds[at];

    if (hold->status == 'p' && hold->posted_count == amount_count)
        return "";
    if (hold->status != 'h' || hold->until_ms <= now_ms)
        return "ledger.hold_over";
    if (amount_count < 1 || amount_count > hold->amount_count)
        return "ledger.range";
    call_begin();
    hold_legs(at, amount_count, now_ms);
    must(call_do()[0] == '\0');
    hold->status = 'p';
    m.transfers[m.legs[0].transfer].hold = at;
    home_do(now_ms);
    return "";
}

const char *model_hold_void(int at, int64_t now_ms)
{
    struct model_hold *hold = &m.holds[at];

    if (hold->status != 'h')
        return hold->status == 'p' ? "ledger.hold_over" : "";
    call_begin();
    hold_legs(at, 0, now_ms);
    must(call_do()[0] == '\0');
    hold->status = 'v';
    home_do(now_ms);
    return "";
}

int64_t model_holds_over(int64_t row_max_count, int64_t now_ms)
{
    int64_t over_count = 0;

    call_begin();
    while (over_count < row_max_count) {
        int next = -1;
        for (int i = 0; i < m.hold_count; i++) {
            const struct model_hold *hold = &m.holds[i];
            if (hold->status == 'h' && hold->until_ms <= now_ms &&
                (next < 0 || hold->until_ms < m.holds[next].until_ms))
                next = i;
        }
        if (next < 0)
            break;
        hold_legs(next, 0, now_ms);
        m.holds[next].status = 'e';
        over_count++;
    }
    must(call_do()[0] == '\0');
    home_do(now_ms);
    return over_count;
}

/* ---- ends ------------------------------------------------------------------------------------ */

int64_t model_expire(int64_t row_max_count, int64_t now_ms)
{
    static struct model_lot ended[LEGS];
    int64_t count = 0;

    for (int account = 0; account < ACCOUNTS; account++)
        for (int i = 0; i < m.open_count[account]; i++)
            if (m.lots[m.open[account][i]].end_ms <= now_ms)
                ended[count++] = m.lots[m.open[account][i]];
    /* by end, account, order: sorted by account and then, one by one, by end */
    qsort(ended, (size_t)count, sizeof(ended[0]), lot_order);
    for (int64_t i = 1; i < count; i++)
        for (int64_t j = i; j > 0 && ended[j].end_ms < ended[j - 1].end_ms; j--) {
            struct model_lot swap = ended[j];
            ended[j] = ended[j - 1];
            ended[j - 1] = swap;
        }
    count = least(count, row_max_count);
    call_begin();
    for (int64_t i = 0; i < count; i++) {
        struct model_leg *leg = leg_add(
            ended[i].account, model_account(model_unit(ended[i].account), SYSTEM, ROLE_EXPIRED),
            ended[i].left_count);
        leg->first_transfer = ended[i].transfer; /* exactly that lot */
        leg->is_own = true;
    }
    must(call_do()[0] == '\0');
    for (int64_t i = 0; i < count; i++)
        m.transfers[ended[i].transfer].expired = m.legs[i].transfer;
    return count;
}

/* ---- taking back ----------------------------------------------------------------------------- */

struct source {
    int account;
    int64_t amount_count;
};

/* From the debt, from where it ended, from the account. */
static void sources_plan(const struct model_transfer *of, int64_t amount_count,
                         enum model_policy policy, struct source sources[3])
{
    const struct model_transfer *expired = of->expired < 0 ? NULL : &m.transfers[of->expired];
    int64_t has_count = has_floor(of->to) ? m.balance[of->to] : amount_count, person_count;

    memset(sources, 0, 3 * sizeof(struct source));
    if (policy == MODEL_ONLY_PENDING && model_role(of->to) != ROLE_PENDING)
        return;
    sources[1].account = model_account(model_unit(of->to), SYSTEM, ROLE_EXPIRED);
    if (expired)
        sources[1].amount_count =
            least(amount_count, expired->amount_count - expired->reversed_count);
    amount_count -= sources[1].amount_count;
    person_count =
        model_role(of->to) == ROLE_AVAILABLE
            ? model_person_balance(of->to) + model_person_balance(beside(of->to, ROLE_DEBT))
            : 0;
    if (person_count > has_count)
        has_count = person_count;
    sources[2] = (struct source){of->to, least(amount_count, has_count)};
    amount_count -= sources[2].amount_count;
    sources[0] =
        (struct source){beside(of->to, ROLE_DEBT), policy == MODEL_CREATE_DEBT ? amount_count : 0};
}

/* What stays, as it has ended at both ends. */
static int64_t legs_plan(int transfer, const struct source sources[3], int to, struct home home)
{
    int expired = model_account(model_unit(to), SYSTEM, ROLE_EXPIRED);
    int64_t stays_count = 0;

    for (int i = 0; i < 3; i++) {
        int64_t home_count = least(sources[i].amount_count, home.alive_count);
        int64_t ended_count = sources[i].amount_count - home_count;
        home.alive_count -= home_count;
        if (home_count > 0) {
            struct model_leg *leg = leg_add(sources[i].account, to, home_count);
            leg->refilled_count = least(home_count, home.refilled_count);
            leg->first_transfer = i == 2 ? transfer : -1;
            home.refilled_count -= leg->refilled_count;
        }
        if (ended_count > 0 && sources[i].account == expired)
            stays_count += ended_count;
        else if (ended_count > 0)
            leg_add(sources[i].account, expired, ended_count)->first_transfer =
                i == 2 ? transfer : -1;
    }
    return stays_count;
}

/* What stays has not come back: of those lots it can still. The list ends with what has ended. */
static void stays_keep(int64_t stays_count)
{
    while (stays_count > 0) {
        struct refill *last = &m.refills[m.refill_count - 1];
        int64_t part_count = least(last->amount_count, stays_count);
        last->amount_count -= part_count;
        stays_count -= part_count;
        m.refill_count -= last->amount_count == 0;
    }
}

const char *model_reverse(int transfer, int64_t amount_count, enum model_policy policy,
                          int64_t now_ms, int64_t counts[2])
{
    struct model_transfer *of = &m.transfers[transfer];
    int to = of->hold < 0 ? of->from : m.holds[of->hold].from;
    int uses_of = of->hold < 0 ? transfer : m.holds[of->hold].transfer;
    int available = beside(of->to, ROLE_AVAILABLE);
    struct source sources[3];
    int64_t all_count, stays_count, pay_count;

    counts[0] = counts[1] = 0;
    if (amount_count > of->amount_count - of->reversed_count)
        return "ledger.reversed";
    sources_plan(of, amount_count, policy, sources);
    all_count = sources[0].amount_count + sources[1].amount_count + sources[2].amount_count;
    call_begin();
    stays_count = legs_plan(transfer, sources, to, home_plan(uses_of, all_count, now_ms));
    stays_keep(stays_count);
    pay_count = least(m.balance[available], sources[0].amount_count);
    if (pay_count > 0 && of->to != available && to != available)
        leg_add(available, sources[0].account, pay_count)->is_own = true;
    must(call_do()[0] == '\0');
    of->reversed_count += all_count - stays_count;
    if (of->expired >= 0)
        m.transfers[of->expired].reversed_count += sources[1].amount_count - stays_count;
    counts[1] = sources[0].amount_count;
    counts[0] = all_count - stays_count - counts[1];
    home_do(now_ms);
    return "";
}
