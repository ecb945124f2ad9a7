/* What the parts of the demo share: the brand's tables, the world generated from them, its files. */
#pragma once

#include "base/json.h"
#include "base/time.h"
#include "demo/demo.h"
#include "demo/random.h"

#define DEMO_ZONE "Asia/Shanghai"
#define DEMO_CURRENCY "CNY"
#define DEMO_BRAND "蝶宝亲子（演示）"
#define DEMO_SOURCE "mall"
#define DEMO_CUSTOMER_COUNT 20000
#define DEMO_DAY_COUNT 365
#define DEMO_LINE_MAX 6 /* lines of one order */
#define DAY_S 86400
#define YEAR_S (DEMO_DAY_COUNT * DAY_S)
#define NOT_EVER (-1)
#define NOBODY (-1)

/* ---- the brand: demo_brand.c ----------------------------------------------------------------- */

struct demo_channel {
    const char *code, *parent, *name, *kind;
    double share;    /* of customers who were not invited; 0: a folder of others */
    double added;    /* of those touched, how many add, follow or register */
    double buys;     /* of those added, how many ever buy */
    double cac_yuan;   /* spent for each customer touched */
    double month_yuan; /* fixed cost a month */
};
extern const struct demo_channel demo_channels[];
extern const int demo_channel_count, demo_referral_channel;

struct demo_product {
    const char *code, *name;
    int64_t price_fen;
    int64_t from_month, to_month; /* baby's age in months at which it is bought */
    double weight;
};
extern const struct demo_product demo_products[];
extern const int demo_product_count;

struct demo_tag {
    const char *family, *name, *color;
};
extern const struct demo_tag demo_tags[];
extern const int demo_tag_count;

struct str demo_name(struct arena *arena, struct random *random);
const char *demo_region(struct random *random);

/* ---- the calendar: demo_season.c ------------------------------------------------------------- */

/* How busy each day is against a plain one, and the running sum: busy time passes faster. */
struct demo_season {
    int64_t first_day; /* local day number */
    double weight[DEMO_DAY_COUNT];
    double until[DEMO_DAY_COUNT]; /* sum of the weights up to and with this day */
};
void demo_season_init(struct demo_season *season, int64_t first_day);
/* The second of the year at which so much busy time has passed; NOT_EVER if that lies behind it. */
int demo_season_at(const struct demo_season *season, double busy, struct random *random);
double demo_season_busy(const struct demo_season *season, int second); /* and back */
bool demo_season_is_sale(const struct demo_season *season, int day);

/* ---- the world: demo_world.c ----------------------------------------------------------------- */

struct demo_customer {
    int touched_s, added_s, last_order_s; /* seconds since the year's start; NOT_EVER */
    int channel, inviter;                 /* indexes; inviter NOBODY */
    int64_t baby_month;                   /* of birth, in months of 30 days since 1970 */
    int64_t order_count, paid_fen;
    double activity; /* visits a week while interested */
    struct str name, phone, member_no;
    const char *region;
    bool is_buyer, is_family;
    bool has_paid_full; /* bought outside of sales too */
};
struct demo_line {
    int product;
    int64_t quantity_count;
    int64_t price_fen;
};
struct demo_order {
    int customer, placed_s, refund_s;
    int64_t paid_fen, refund_fen; /* refund 0: none */
    int64_t line_count;
    struct demo_line lines[DEMO_LINE_MAX];
    bool is_cancelled;
};
struct demo_world {
    struct arena *arena;
    int64_t seed_number, first_day;
    struct demo_season season;
    struct demo_customer *customers;
    int64_t customer_count;
    struct demo_order *orders; /* by time */
    int64_t order_count;
};
void demo_world_make(struct arena *arena, int64_t seed_number, int64_t first_day, struct demo_world *world);
/* An order's number, from its place in time. */
struct str demo_order_no(struct arena *arena, const struct demo_world *world, int64_t order);

/* ---- the files: demo_files.c, demo_events.c -------------------------------------------------- */

enum err demo_files_write(struct demo_world *world, struct str folder, int64_t *event_count) MUST_USE;
enum err demo_events_write(struct demo_world *world, struct str path, int64_t *event_count) MUST_USE;
/* POST to the product's own route, as an operator's click; *id: the "id" of its answer. demo_calls.c */
struct demo_maker {
    struct app *app;
    struct arena *arena;
    struct fault *fault;
};
enum err demo_add(const struct demo_maker *maker, struct str path, struct str body, int64_t *id) MUST_USE;
/* The same with an Idempotency-Key, if it is not empty; *reply (may be NULL): the answer. */
enum err demo_post(const struct demo_maker *maker, struct str path, struct str body, struct str key,
                   struct json *reply) MUST_USE;
/* Refunds, cancellations, tags and family, through the routes: demo_calls.c. */
enum err demo_calls_make(struct app *app, struct demo_world *world, struct fault *fault) MUST_USE;
/* The organisation, its people, and whose customers are whose: demo_team.c. */
enum err demo_team_make(struct app *app, const struct demo_world *world, struct fault *fault) MUST_USE;
/* A campaign that runs, with those who claimed, and a draft: demo_campaign.c. */
enum err demo_campaign_make(const struct demo_maker *maker, const struct demo_world *world) MUST_USE;
/* Segments and saved questions: demo_audience.c. Behind all else, as members are found at once. */
enum err demo_audience_make(const struct demo_maker *maker) MUST_USE;
/* "2025-11-08 20:15:03" of a second of the year. */
struct str demo_time(struct arena *arena, const struct demo_world *world, int second);
