/* Filters: from what is asked to the conditions of filter.sql, and the ways through the base.
 * Always: every way gives the same customers; which one is taken is a matter of time alone. By
 * text, or by a few whom the engine names: the ids come from memory; with a tag or a segment:
 * whoever is in it is looked up; else the index that has all columns is walked. */
#include "manage/customer/filter.h"

#include "gen/filter.q.h"
#include "manage/audience/audience.h"
#include "manage/channel/channel.h"
#include "manage/customer/customer_private.h"
#include "manage/setting/life_stage.h"
#include "manage/setting/setting.h"

#define TIME_MIN_MS (-(INT64_C(1) << 60))
#define TIME_MAX_MS (INT64_C(1) << 60)
#define COUNT_MAX (INT64_C(1) << 60)
#define MATCH_PAGE 4000
#define BROAD_COUNT 200 /* of two thousand */
#define FEW_PART 64     /* one of so many */

/* clang-format off */
/* The same filter for every query's own struct. */
#define FILTER_VALUES(f) .who_blob = (f)->who_blob, PLAIN_VALUES(f)
#define PLAIN_VALUES(f) OPEN_VALUES(f), .segment_id = (f)->segment_id
/* A segment that leads is not asked a second time. */
#define LED_VALUES(f) \
    .who_blob = (f)->who_blob, OPEN_VALUES(f), .tag_id = (f)->tag_id, \
    .led_segment_id = (f)->segment_id, \
    .segment_id = (f)->tag_id == NONE ? NONE : (f)->segment_id
#define OPEN_VALUES(f) \
    .from_ms = (f)->from_ms, .to_ms = (f)->to_ms, .has_figures = (f)->has_figures, \
    .order_min_count = (f)->order_min_count, .order_max_count = (f)->order_max_count, \
    .paid_min_fen = (f)->paid_min_fen, .paid_max_fen = (f)->paid_max_fen, \
    .last_from_ms = (f)->last_from_ms, .last_to_ms = (f)->last_to_ms, \
    .first_from_ms = (f)->first_from_ms, .first_to_ms = (f)->first_to_ms, \
    .has_stage = (f)->has_stage, .is_added = (f)->is_added, \
    .active_from_day = (f)->active_from_day, .loyal_count = (f)->loyal_count, \
    .is_sharing = (f)->is_sharing, .is_referred = (f)->is_referred, \
    .path = (f)->path, .path_end = (f)->path_end, .has_owner = (f)->has_owner, \
    .owner_staff_id = (f)->owner_staff_id, .is_unowned = (f)->is_unowned, \
    .org_path = (f)->org_path, .org_path_end = (f)->org_path_end, \
    .has_person = (f)->has_person, .child_from_day = (f)->child_from_day, \
    .child_to_day = (f)->child_to_day, .blocked_number = (f)->blocked_number, \
    .family_number = (f)->family_number, .tag2_id = (f)->tag2_id, .tag3_id = (f)->tag3_id
/* clang-format on */

/* ---- reading --------------------------------------------------------------------------------- */

static void filter_init(struct customer_filter *f)
{
    *f = (struct customer_filter){
        .from_ms = TIME_MIN_MS,
        .to_ms = TIME_MAX_MS,
        .order_max_count = COUNT_MAX,
        .paid_min_fen = -COUNT_MAX,
        .paid_max_fen = COUNT_MAX,
        .last_from_ms = NONE,
        .last_to_ms = NONE,
        .first_from_ms = NONE,
        .first_to_ms = NONE,
        .active_from_day = NONE,
        .loyal_count = NONE,
        .owner_staff_id = NONE,
        .child_from_day = NONE,
        .child_to_day = NONE,
        .blocked_number = NONE,
        .family_number = NONE,
        .tag_id = NONE,
        .tag2_id = NONE,
        .tag3_id = NONE,
        .segment_id = NONE,
        .who_count = NONE,
    };
}

struct days {
    int64_t from_ms, to_ms;
};

static enum err days_read(struct ctx *c, struct str from, struct str to, struct days *out)
{
    int64_t from_ms, to_ms;

    if (time_parse(NULL, from, &from_ms) != OK || time_parse(NULL, to, &to_ms) != OK)
        return fail_at(c, "input.date", S("from_date"), "two days are needed, as 2011-12-09");
    out->from_ms = zone_day_start(ctx_zone(c), from_ms / DAY_MS);
    out->to_ms = zone_day_start(ctx_zone(c), to_ms / DAY_MS);
    return OK;
}

static enum err dates_read(struct ctx *c, const struct customer_ask *ask, struct customer_filter *f)
{
    struct days days = {0};

    if (ask->from_date.at || ask->to_date.at) {
        TRY(days_read(c, ask->from_date, ask->to_date, &days));
        f->from_ms = days.from_ms;
        f->to_ms = days.to_ms;
    }
    if (ask->order_from_date.at || ask->order_to_date.at) {
        TRY(days_read(c, ask->order_from_date, ask->order_to_date, &days));
        f->last_from_ms = days.from_ms;
        f->last_to_ms = days.to_ms;
    }
    return OK;
}

static enum err month_read(struct ctx *c, struct str month, struct customer_filter *f)
{
    struct civil civil;
    int64_t first_ms, number;

    if (month.at == NULL)
        return OK;
    if (time_parse(NULL, str_fmt(c->arena, "%.*s-01", STR(month)), &first_ms) != OK)
        return fail_at(c, "input.date", S("month"), "a month is needed, as 2011-12");
    zone_local(NULL, first_ms, &civil);
    number = (civil.year - 1970) * 12 + civil.month - 1;
    f->first_from_ms = zone_month_start(ctx_zone(c), number);
    f->first_to_ms = zone_month_start(ctx_zone(c), number + 1);
    return OK;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Later bounds win: of two conditions on the last order both hold. */
static void last_order_bound(struct customer_filter *f, int64_t from_ms, int64_t to_ms)
{
    if (from_ms != NONE)
        f->last_from_ms = f->last_from_ms == NONE ? from_ms : larger(f->last_from_ms, from_ms);
    if (to_ms != NONE)
        f->last_to_ms = f->last_to_ms == NONE ? to_ms : smaller(f->last_to_ms, to_ms);
}

static void state_read(struct str state, int64_t sleep_ms, int64_t lost_ms,
                       struct customer_filter *f)
{
    if (str_is(state, "never")) {
        f->order_max_count = 0;
        return;
    }
    f->order_min_count = larger(f->order_min_count, str_is(state, "repeat") ? 2 : 1);
    if (str_is(state, "once"))
        f->order_max_count = smaller(f->order_max_count, 1);
    if (str_is(state, "sleeping"))
        last_order_bound(f, lost_ms, sleep_ms);
    else if (str_is(state, "lost"))
        last_order_bound(f, NONE, lost_ms);
    else
        last_order_bound(f, sleep_ms, NONE);
}

static void stage_read(struct str stage, int64_t active_from_day, int64_t loyal_count,
                       struct customer_filter *f)
{
    f->is_added = str_is(stage, "added");
    f->is_sharing = str_is(stage, "sharing");
    f->is_referred = str_is(stage, "referred");
    if (str_is(stage, "active"))
        f->active_from_day = active_from_day;
    if (str_is(stage, "loyal"))
        f->loyal_count = loyal_count;
    if (str_is(stage, "first_order"))
        f->order_min_count = larger(f->order_min_count, 1);
    if (str_is(stage, "repurchase"))
        f->order_min_count = larger(f->order_min_count, 2);
}

static enum err rules_read(struct ctx *c, const struct customer_ask *ask, struct customer_filter *f)
{
    static const char *const names[] = {"sleep_after_days", "lost_after_days", "active_within_days",
                                        "loyal_order_count"};
    int64_t values[ARRAY_LEN(names)];

    if (ask->state.at == NULL && ask->stage.at == NULL)
        return OK;
    TRY(setting_ints(c, names, ARRAY_LEN(names), values));
    if (ask->state.at)
        state_read(ask->state, c->now_ms - values[0] * DAY_MS, c->now_ms - values[1] * DAY_MS, f);
    if (ask->stage.at)
        stage_read(ask->stage, zone_day(ctx_zone(c), c->now_ms) - values[2] + 1, values[3], f);
    return OK;
}

static enum err places_read(struct ctx *c, const struct customer_ask *ask,
                            struct customer_filter *f)
{
    struct q_filter_org_row org;
    enum err err;

    if (ask->channel_id != NONE) {
        TRY(channel_path(c, ask->channel_id, &f->path));
        f->path_end = channel_path_end(c, f->path);
    }
    if (ask->org_id == NONE)
        return OK;
    err = q_filter_org(c, ask->org_id, &org);
    if (err == E_NOT_FOUND)
        return fail(c, err, "org.unknown", "there is no such store or region");
    f->org_path = org.path;
    f->org_path_end = channel_path_end(c, org.path); /* the same kind of path */
    return err;
}

/* The rarest of several tags leads: it is looked up, the others are asked of whoever has it. */
static enum err tags_read(struct ctx *c, const struct customer_ask *ask, struct customer_filter *f)
{
    int64_t ids[] = {ask->tag_id, ask->tag2_id, ask->tag3_id}, count = 0, least = 0;
    struct q_filter_tag_count_in keys[ARRAY_LEN(ids)];
    struct q_filter_tag_count_row rows[ARRAY_LEN(ids)];

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (ids[i] != NONE)
            keys[count++].tag_id = ids[i];
    if (count > 1)
        TRY(q_filter_tag_count(c, keys, count, rows));
    for (int64_t i = 1; i < count; i++)
        if (rows[i].customer_count < rows[least].customer_count)
            least = i;
    if (count > 0)
        f->tag_id = keys[least].tag_id;
    if (count > 1)
        f->tag2_id = keys[least == 0 ? 1 : 0].tag_id;
    if (count > 2)
        f->tag3_id = keys[least == 2 ? 1 : 2].tag_id;
    return OK;
}

static enum err life_stage_read(struct ctx *c, int64_t number, struct customer_filter *f)
{
    struct life_stages stages;

    if (number == NONE)
        return OK;
    TRY(life_stages_get(c, &stages));
    if (!life_stage_days(&stages, number, &f->child_from_day, &f->child_to_day))
        return fail_at(c, "customer.life_stage", S("life_stage_number"),
                       "there is no such life stage");
    return OK;
}

/* What the engine says, and a segment there is. */
static enum err audience_read(struct ctx *c, const struct customer_ask *ask,
                              struct customer_filter *f)
{
    struct audience_set set = {0};
    struct q_filter_segment_row row;
    enum err err;

    f->segment_id = ask->segment_id;
    if (ask->segment_id != NONE) {
        err = q_filter_segment(c, ask->segment_id, &row);
        if (err == E_NOT_FOUND)
            return fail(c, err, "segment.unknown", "there is no such segment");
        TRY(err);
    }
    if (ask->who.at == NULL)
        return OK;
    TRY(audience_who(c, ask->who, &set));
    f->who_blob = set.bits;
    f->who_count = set.count;
    return OK;
}

static void figures_read(const struct customer_ask *ask, struct customer_filter *f)
{
    if (ask->order_min_count != NONE)
        f->order_min_count = ask->order_min_count;
    if (ask->order_max_count != NONE)
        f->order_max_count = ask->order_max_count;
    if (ask->paid_min_fen != NONE)
        f->paid_min_fen = ask->paid_min_fen;
    if (ask->paid_max_fen != NONE)
        f->paid_max_fen = ask->paid_max_fen;
}

static void groups_mark(struct customer_filter *f)
{
    f->has_figures = f->order_min_count > 0 || f->order_max_count < COUNT_MAX ||
                     f->paid_min_fen > -COUNT_MAX || f->paid_max_fen < COUNT_MAX ||
                     f->last_from_ms != NONE || f->last_to_ms != NONE || f->first_from_ms != NONE;
    f->has_stage = f->is_added || f->is_sharing || f->is_referred || f->active_from_day != NONE ||
                   f->loyal_count != NONE;
    f->has_owner = f->owner_staff_id != NONE || f->is_unowned || f->org_path.at;
    f->has_person =
        f->child_from_day != NONE || f->blocked_number != NONE || f->family_number != NONE;
}

enum err customer_filter_read(struct ctx *c, const struct customer_ask *ask,
                              struct customer_filter *out)
{
    filter_init(out);
    out->search = str_trim(ask->search);
    figures_read(ask, out);
    TRY(dates_read(c, ask, out));
    TRY(month_read(c, ask->month, out));
    TRY(rules_read(c, ask, out));
    TRY(places_read(c, ask, out));
    TRY(tags_read(c, ask, out));
    TRY(audience_read(c, ask, out));
    TRY(life_stage_read(c, ask->life_stage_number, out));
    out->owner_staff_id = ask->owner_id;
    out->is_unowned = ask->is_unowned;
    if (ask->has_blocked)
        out->blocked_number = ask->is_blocked;
    if (ask->has_family)
        out->family_number = ask->is_family;
    groups_mark(out);
    return OK;
}

/* ---- ways through the base ------------------------------------------------------------------- */

static bool is_led(const struct customer_filter *f)
{
    return f->tag_id != NONE || f->segment_id != NONE;
}

/* So few that they are looked up one by one. */
static bool is_few(const struct customer_filter *f)
{
    return f->who_count != NONE && f->who_count <= MATCH_PAGE &&
           f->who_count * FEW_PART <= (int64_t)f->who_blob.len * 8;
}

static bool is_named(const struct customer_filter *f)
{
    return f->search.len > 0 || is_few(f);
}

static void hits_take(struct ctx *c, const struct list *rows, struct customer_page *page)
{
    const struct q_filter_newest_row *row = rows->at;
    struct customer_hit *hit =
        arena_new_array(c->arena, struct customer_hit, (size_t)rows->count + 1);

    for (int64_t i = 0; i < rows->count; i++)
        hit[i] = (struct customer_hit){row[i].id, row[i].key_number};
    page->hits = (struct list){hit, rows->count};
}
_Static_assert(sizeof(struct q_filter_newest_row) == sizeof(struct q_filter_probe_row) &&
                   sizeof(struct q_filter_newest_row) == sizeof(struct q_filter_top_row),
               "one shape for pages that do not count");

/* With the count of all on each row. */
static void counted_take(struct ctx *c, const struct list *rows, struct customer_page *page)
{
    const struct q_filter_sorted_row *row = rows->at;
    struct customer_hit *hit =
        arena_new_array(c->arena, struct customer_hit, (size_t)rows->count + 1);

    for (int64_t i = 0; i < rows->count; i++)
        hit[i] = (struct customer_hit){row[i].id, row[i].key_number};
    page->hits = (struct list){hit, rows->count};
    page->total_count = rows->count > 0 ? row[0].total_count : 0;
}
_Static_assert(sizeof(struct q_filter_sorted_row) == sizeof(struct q_filter_led_row),
               "one shape for pages that count");

static enum err page_newest(struct ctx *c, const struct customer_filter *f,
                            struct customer_page *page)
{
    struct q_filter_newest_in in = {FILTER_VALUES(f), .key_number = page->key_number,
                                    .after_id = page->after_id, .limit_count = page->limit_count};
    struct list rows;

    TRY(q_filter_newest(c, &in, &rows));
    hits_take(c, &rows, page);
    return OK;
}

/* Nobody who passes stands above this in the order. Who never ordered paid nothing. */
static int64_t key_most(const struct customer_filter *f, int64_t sort_number)
{
    bool is_never = f->order_max_count == 0;

    if (sort_number == SORT_LAST_ORDER && is_never)
        return -1;
    if (sort_number == SORT_LAST_ORDER && f->last_to_ms != NONE)
        return f->last_to_ms;
    if (sort_number == SORT_PAID)
        return is_never ? smaller(f->paid_max_fen, 0) : f->paid_max_fen;
    return sort_number == SORT_ORDERS ? f->order_max_count : INT64_MAX;
}

/* The first two thousand of the order fill a page unless the filters are narrow. */
static enum err page_probe(struct ctx *c, const struct customer_filter *f,
                           struct customer_page *page)
{
    struct q_filter_probe_in in = {FILTER_VALUES(f),
                                   .tag_id = f->tag_id,
                                   .sort_number = page->sort_number,
                                   .key_number = page->key_number,
                                   .after_id = page->after_id,
                                   .limit_count = page->limit_count};
    int64_t most = key_most(f, page->sort_number);
    struct list rows;

    if (most < in.key_number) {
        in.key_number = most;
        in.after_id = INT64_MAX;
    }
    TRY(q_filter_probe(c, &in, &rows));
    hits_take(c, &rows, page);
    return OK;
}

/* Page and count in one walk. */
static enum err page_walk(struct ctx *c, const struct customer_filter *f,
                          struct customer_page *page)
{
    struct q_filter_sorted_in plain = {FILTER_VALUES(f), .sort_number = page->sort_number,
                                       .key_number = page->key_number, .after_id = page->after_id,
                                       .limit_count = page->limit_count};
    struct q_filter_led_in led = {LED_VALUES(f), .sort_number = page->sort_number,
                                  .key_number = page->key_number, .after_id = page->after_id,
                                  .limit_count = page->limit_count};
    struct list rows;

    if (is_led(f))
        TRY(q_filter_led(c, &led, &rows));
    else
        TRY(q_filter_sorted(c, &plain, &rows));
    counted_take(c, &rows, page);
    return OK;
}

/* Does a sample of the newest say that many pass? */
static enum err breadth_guess(struct ctx *c, const struct customer_filter *f, bool *is_broad)
{
    struct customer_page sample = {.sort_number = SORT_NEWEST,
                                   .key_number = INT64_MAX,
                                   .after_id = INT64_MAX,
                                   .limit_count = BROAD_COUNT};

    TRY(page_probe(c, f, &sample));
    *is_broad = sample.hits.count == BROAD_COUNT;
    return OK;
}

static bool is_open(const struct customer_filter *f)
{
    return !f->has_figures && !f->has_stage && !f->has_owner && !f->has_person &&
           f->path.at == NULL && f->from_ms == TIME_MIN_MS && f->to_ms == TIME_MAX_MS;
}

/* By nothing but `who`, or by nothing but sets, or by nothing: from indexes alone. */
static enum err open_count(struct ctx *c, const struct customer_filter *f, int64_t *count)
{
    struct q_filter_all_count_row all;
    struct q_filter_sets_count_in in = {.tag_id = f->tag_id,
                                        .tag2_id = f->tag2_id,
                                        .tag3_id = f->tag3_id,
                                        .led_segment_id = f->segment_id,
                                        .segment_id = f->tag_id == NONE ? NONE : f->segment_id};
    struct q_filter_sets_count_row sets;

    if (f->who_count != NONE) {
        *count = f->who_count;
        return OK;
    }
    if (!is_led(f)) {
        TRY(q_filter_all_count(c, &all));
        *count = all.total_count;
        return OK;
    }
    TRY(q_filter_sets_count(c, &in, &sets));
    *count = sets.total_count;
    return OK;
}

static enum err base_count(struct ctx *c, const struct customer_filter *f, int64_t *count)
{
    struct q_filter_led_count_in led = {LED_VALUES(f)};
    struct q_filter_count_in plain = {FILTER_VALUES(f)};
    struct q_filter_led_count_row led_row;
    struct q_filter_count_row row;

    if (is_open(f) && c->me_reach_number == REACH_ALL && (f->who_count == NONE || !is_led(f)))
        return open_count(c, f, count);
    if (is_led(f)) {
        TRY(q_filter_led_count(c, &led, &led_row));
        *count = led_row.total_count;
        return OK;
    }
    TRY(q_filter_count(c, &plain, &row));
    *count = row.total_count;
    return OK;
}

/* Page first, then the count, each a walk of its own. */
static enum err page_top(struct ctx *c, const struct customer_filter *f, struct customer_page *page)
{
    struct q_filter_top_in in = {FILTER_VALUES(f), .sort_number = page->sort_number,
                                 .key_number = page->key_number, .after_id = page->after_id,
                                 .limit_count = page->limit_count};
    struct list rows;

    TRY(q_filter_top(c, &in, &rows));
    hits_take(c, &rows, page);
    return base_count(c, f, &page->total_count);
}

/* ---- found in memory: by text, or a few whom the engine named -------------------------------- */

static bool is_among(struct str bits, int64_t number)
{
    return bits.at == NULL ||
           ((size_t)number / 8 < bits.len && bits.at[number / 8] >> number % 8 & 1);
}

/* A few thousand at a time: the keys of all would not fit a request's memory. */
static enum err match_page(struct ctx *c, const struct customer_filter *f, struct list found,
                           struct q_filter_match_in *keys, struct list *hits)
{
    struct q_filter_match_row *rows =
        arena_new_array(c->arena, struct q_filter_match_row, (size_t)found.count + 1);
    struct customer_hit *hit = hits->at;

    for (int64_t i = 0; i < found.count; i++)
        keys[i].customer_id = ((const int64_t *)found.at)[i];
    TRY(q_filter_match(c, keys, found.count, rows));
    for (int64_t i = 0; i < found.count; i++)
        if (rows[i].id != NONE && is_among(f->who_blob, rows[i].customer_number))
            hit[hits->count++] = (struct customer_hit){rows[i].id, rows[i].key_number};
    return OK;
}

/* The ids of the few. */
static enum err few_find(struct ctx *c, const struct customer_filter *f, struct list *found)
{
    struct q_filter_numbered_in keys[MATCH_PAGE];
    struct q_filter_numbered_row rows[MATCH_PAGE];
    int64_t *ids = arena_new_array(c->arena, int64_t, MATCH_PAGE), count = 0;

    for (int64_t n = 0; n < (int64_t)f->who_blob.len * 8; n++)
        if (is_among(f->who_blob, n))
            keys[count++].customer_number = n;
    *found = (struct list){ids, 0};
    if (count == 0)
        return OK;
    TRY(q_filter_numbered(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        if (rows[i].id != NONE) /* added since the snapshot of this request */
            ids[found->count++] = rows[i].id;
    return OK;
}

/* All that pass, with their keys. */
static enum err named_hits(struct ctx *c, const struct customer_filter *f, int64_t sort_number,
                           struct list *hits, bool *is_ready)
{
    struct q_filter_match_in one = {PLAIN_VALUES(f), .tag_id = f->tag_id,
                                    .sort_number = sort_number};
    struct q_filter_match_in *keys =
        arena_new_array(c->arena, struct q_filter_match_in, MATCH_PAGE);
    struct list found;

    if (f->search.len > 0)
        TRY(customer_search(c, f->search, CUSTOMER_FOUND_MAX, &found, is_ready));
    else
        TRY(few_find(c, f, &found));
    *hits =
        (struct list){arena_new_array(c->arena, struct customer_hit, (size_t)found.count + 1), 0};
    for (int64_t i = 0; i < MATCH_PAGE; i++)
        keys[i] = one;
    for (int64_t from = 0; from < found.count; from += MATCH_PAGE) {
        struct list some = {(int64_t *)found.at + from, smaller(found.count - from, MATCH_PAGE)};
        TRY(match_page(c, f, some, keys, hits));
    }
    return OK;
}

static bool is_before(struct customer_hit a, struct customer_hit b)
{
    return a.key_number > b.key_number || (a.key_number == b.key_number && a.id > b.id);
}

/* The best `limit` of those behind the cursor, by insertion: the page is small. */
static void hit_keep(struct customer_hit *hits, int64_t *count, int64_t limit_count,
                     struct customer_hit next)
{
    int64_t at;

    must(limit_count > 0);
    if (*count == limit_count && !is_before(next, hits[*count - 1]))
        return;
    at = *count < limit_count ? (*count)++ : *count - 1;
    for (; at > 0 && is_before(next, hits[at - 1]); at--)
        hits[at] = hits[at - 1];
    hits[at] = next;
}

static enum err page_named(struct ctx *c, const struct customer_filter *f,
                           struct customer_page *page)
{
    struct customer_hit from = {page->after_id, page->key_number}, *best;
    const struct customer_hit *hit;
    struct list all;

    TRY(named_hits(c, f, page->sort_number, &all, &page->is_search_ready));
    hit = all.at;
    best = arena_new_array(c->arena, struct customer_hit, (size_t)page->limit_count + 1);
    page->hits = (struct list){best, 0};
    for (int64_t i = 0; i < all.count; i++)
        if (is_before(from, hit[i]))
            hit_keep(best, &page->hits.count, page->limit_count, hit[i]);
    page->total_count = all.count;
    return OK;
}

/* ---- what callers ask ------------------------------------------------------------------------ */

/* Narrow, or in an order that the filters run against. */
static enum err page_rest(struct ctx *c, const struct customer_filter *f,
                          struct customer_page *page)
{
    bool is_broad = false;

    if (!is_led(f))
        TRY(breadth_guess(c, f, &is_broad));
    if (is_broad)
        return page_top(c, f, page);
    TRY(page_walk(c, f, page));
    if (page->hits.count > 0 || page->after_id == INT64_MAX)
        return OK;
    return base_count(c, f, &page->total_count);
}

enum err customer_filter_page(struct ctx *c, const struct customer_filter *f,
                              struct customer_page *page)
{
    bool is_along_index = !is_led(f) && page->sort_number == SORT_NEWEST;

    page->is_search_ready = customer_search_is_ready(c->app);
    if (is_named(f))
        return page_named(c, f, page);
    if (is_along_index)
        TRY(page_newest(c, f, page));
    else
        TRY(page_probe(c, f, page));
    if (page->hits.count < page->limit_count && !is_along_index)
        return page_rest(c, f, page);
    page->total_count = page->hits.count;
    if (page->hits.count < page->limit_count && page->after_id == INT64_MAX)
        return OK; /* that was all */
    return base_count(c, f, &page->total_count);
}

/* For what must be complete. */
static enum err named_hits_all(struct ctx *c, const struct customer_filter *f, struct list *hits)
{
    bool is_ready = true;

    TRY(named_hits(c, f, SORT_NEWEST, hits, &is_ready));
    if (!is_ready)
        return fail(c, E_BUSY, "customer.search", "the names are still being read; try again");
    if (hits->count >= CUSTOMER_FOUND_MAX) /* the few are fewer */
        return fail_at(c, "customer.too_many", S("search"), "the text finds too many; say more");
    return OK;
}

enum err customer_filter_count(struct ctx *c, const struct customer_filter *f, int64_t *count)
{
    struct list all;

    if (!is_named(f))
        return base_count(c, f, count);
    TRY(named_hits_all(c, f, &all));
    *count = all.count;
    return OK;
}

static enum err named_fix(struct ctx *c, const struct customer_filter *f, int64_t job_id,
                          int64_t *count)
{
    struct q_filter_fix_ids_in *items;
    const struct customer_hit *hit;
    struct list all;

    TRY(named_hits_all(c, f, &all));
    *count = all.count;
    if (all.count == 0)
        return OK;
    hit = all.at;
    items = arena_new_array(c->arena, struct q_filter_fix_ids_in, (size_t)all.count);
    for (int64_t i = 0; i < all.count; i++)
        items[i] = (struct q_filter_fix_ids_in){job_id, hit[i].id};
    return q_filter_fix_ids(c, items, all.count, NULL);
}

enum err customer_filter_fix_ids(struct ctx *c, const int64_t *ids, int64_t count, int64_t job_id,
                                 int64_t *fixed_count)
{
    size_t room = (size_t)count + 1;
    struct q_filter_match_in *keys = arena_new_array(c->arena, struct q_filter_match_in, room);
    struct q_filter_match_row *rows = arena_new_array(c->arena, struct q_filter_match_row, room);
    struct q_filter_fix_ids_in *items = arena_new_array(c->arena, struct q_filter_fix_ids_in, room);
    struct customer_filter open;

    filter_init(&open);
    *fixed_count = 0;
    for (int64_t i = 0; i < count; i++)
        keys[i] = (struct q_filter_match_in){PLAIN_VALUES(&open), .tag_id = NONE, .sort_number = 0,
                                             .customer_id = ids[i]};
    TRY(q_filter_match(c, keys, count, rows));
    for (int64_t i = 0; i < count; i++)
        if (rows[i].id != NONE)
            items[(*fixed_count)++] = (struct q_filter_fix_ids_in){job_id, rows[i].id};
    if (*fixed_count == 0 || job_id == NONE)
        return OK;
    return q_filter_fix_ids(c, items, *fixed_count, NULL);
}

enum err customer_filter_fix(struct ctx *c, const struct customer_filter *f, int64_t job_id,
                             int64_t *count)
{
    struct q_filter_fix_led_in led = {LED_VALUES(f), .job_id = job_id};
    struct q_filter_fix_in plain = {FILTER_VALUES(f), .job_id = job_id};

    if (is_named(f))
        return named_fix(c, f, job_id, count);
    if (is_led(f))
        return q_filter_fix_led(c, &led, count);
    return q_filter_fix(c, &plain, count);
}

/* ---- as text --------------------------------------------------------------------------------- */

void customer_ask_write(struct json_out *json, const struct customer_ask *ask)
{
    static const struct field fields[] = {CUSTOMER_ASK_FIELDS};

    json_object_begin(json);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *field = &fields[i];
        const char *at = (const char *)ask + field->offset;
        const struct str *text = (const struct str *)(const void *)at;
        int64_t number = field->type == F_INT ? *(const int64_t *)(const void *)at : NONE;
        bool is_given = field->type == F_BOOL &&
                        (field->given ? *((const bool *)ask + field->given) : *(const bool *)at);

        if (str_is(str_of(field->name), "search"))
            continue;
        if (!is_given && number == NONE && (field->type != F_STR || text->at == NULL))
            continue;
        json_name(json, field->name);
        if (field->type == F_BOOL)
            json_bool(json, *(const bool *)at);
        else if (field->type == F_STR)
            json_str(json, *text);
        else if (field_is_id(field))
            json_id(json, number);
        else
            json_int(json, number);
    }
    json_object_end(json);
}
