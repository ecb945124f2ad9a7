/* The world: who comes through which channel, who adds, who buys, how often, and who brings whom.
 * The repurchase model is BG/NBD (Fader, Hardie, Lee 2005): while alive a customer buys at a rate
 * of their own, drawn from a gamma distribution, and leaves after any purchase with a probability
 * of their own, drawn from a beta distribution. */
#include "demo/demo_private.h"

#include <stdlib.h>

#define ORDER_CAP 120000
#define CHANNEL_CAP 64
#define PRODUCT_CAP 64

#define MOVED_IN 0.34   /* share of seeds who were there before and join in the first weeks */
#define RATE_SHAPE 2.5  /* gamma: how unlike the customers' rhythms are */
#define RATE_MEAN 0.036 /* purchases a busy day */
#define LEAVE_A 0.50    /* beta: most leave seldom, some at once */
#define LEAVE_B 1.3
#define INVITES_BUYER 0.315 /* customers brought by one who buys, on average */
#define INVITES_OTHER 0.08
#define INVITE_DELAY_DAYS 24 /* generation time */
#define REFUND 0.030
#define CANCEL 0.012

enum { STREAM_PEOPLE = 1, STREAM_ORDERS = 2 };

struct maker {
    struct demo_world *world;
    struct random random;
    double channels[CHANNEL_CAP]; /* running sums of the shares */
};

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

/* ---- people ---------------------------------------------------------------------------------- */

static int seed_arrival(struct maker *maker)
{
    struct random *random = &maker->random;
    const struct demo_season *season = &maker->world->season;
    double total = season->until[DEMO_DAY_COUNT - 1], at;

    if (random_chance(random, MOVED_IN))
        at = random_exponential(random, total * 0.045);
    else /* grows through the year: density 0.7 + 0.6 x */
        at = total * (random_chance(random, 0.7) ? random_unit(random)
                                                 : (random_unit(random) + random_unit(random)) / 2);
    if (at >= total * 0.999)
        at = total * random_unit(random) * 0.999;
    return demo_season_at(season, at, random);
}

static void customer_fill(struct maker *maker, struct demo_customer *customer, int64_t number)
{
    struct random *random = &maker->random;
    struct arena *arena = maker->world->arena;
    const struct demo_channel *channel = &demo_channels[customer->channel];
    int64_t touched_month = maker->world->first_day / 30 + customer->touched_s / (30 * DAY_S);
    bool is_invited = customer->inviter != NOBODY;

    customer->added_s = NOT_EVER;
    if (random_chance(random, channel->added)) {
        double delay = random_exponential(random, is_invited ? 0.3 : 1.6) * DAY_S;
        customer->added_s = min_of(customer->touched_s + 40 + (int)delay, YEAR_S - 1);
    }
    customer->is_buyer =
        random_chance(random, customer->added_s == NOT_EVER ? channel->buys * 0.45 : channel->buys);
    customer->activity = random_gamma(random, 0.8, customer->is_buyer ? 0.62 : 0.24);
    /* counted from 1970 in months of 30 days and turned into calendar months when written */
    customer->baby_month = touched_month + 6 - random_below(random, 26);
    customer->region = demo_region(random);
    customer->name = demo_name(arena, random);
    customer->member_no = str_fmt(arena, "M%07" PRId64, number);
    /* 100 ...: no mobile number of China begins so, and none ever rang */
    customer->phone = str_fmt(arena, "100%08" PRId64, number * 7919 % 100000000);
}

static void invite(struct maker *maker, int index)
{
    struct demo_world *world = maker->world;
    const struct demo_customer *inviter = &world->customers[index];
    int64_t count =
        random_poisson(&maker->random, inviter->is_buyer ? INVITES_BUYER : INVITES_OTHER);

    for (int64_t i = 0; i < count && world->customer_count < DEMO_CUSTOMER_COUNT; i++) {
        double days = 0.5 + random_exponential(&maker->random, INVITE_DELAY_DAYS);
        int touched_s = inviter->touched_s + (int)(days * DAY_S);
        struct demo_customer *guest = &world->customers[world->customer_count];
        if (touched_s >= YEAR_S - 60)
            continue;
        guest->touched_s = touched_s;
        guest->channel = demo_referral_channel;
        guest->inviter = index;
        customer_fill(maker, guest, world->customer_count++);
    }
}

/* One tree of invitations after the other, until the brand is full. */
static void people_make(struct maker *maker)
{
    struct demo_world *world = maker->world;

    for (int i = 0; i < DEMO_CUSTOMER_COUNT; i++) {
        if (i == world->customer_count) {
            struct demo_customer *seed = &world->customers[world->customer_count];
            seed->touched_s = seed_arrival(maker);
            seed->channel = (int)random_pick(&maker->random, maker->channels, demo_channel_count);
            seed->inviter = NOBODY;
            customer_fill(maker, seed, world->customer_count++);
        }
        invite(maker, i);
    }
}

/* By first touch, as a shop's list of customers would be. */
static int customer_compare(const void *a_, const void *b_)
{
    const struct demo_customer *a = a_, *b = b_;

    if (a->touched_s != b->touched_s)
        return a->touched_s < b->touched_s ? -1 : 1;
    return str_cmp(a->member_no, b->member_no);
}

/* Sorts and turns inviters from old places into new ones: the member number holds the old place. */
static void people_sort(struct demo_world *world)
{
    int *place = arena_new_array(world->arena, int, (size_t)world->customer_count);

    qsort(world->customers, (size_t)world->customer_count, sizeof(world->customers[0]),
          customer_compare);
    for (int i = 0; i < world->customer_count; i++) {
        int64_t old = 0;
        must(str_to_int(str_sub(world->customers[i].member_no, 1, 7), &old));
        place[old] = i;
    }
    for (int64_t i = 0; i < world->customer_count; i++)
        if (world->customers[i].inviter != NOBODY)
            world->customers[i].inviter = place[world->customers[i].inviter];
}

/* ---- orders ---------------------------------------------------------------------------------- */

static int product_pick(struct random *random, int64_t age_months)
{
    double sums[PRODUCT_CAP], sum = 0.0;

    must(demo_product_count <= PRODUCT_CAP);
    for (int i = 0; i < demo_product_count; i++) {
        const struct demo_product *p = &demo_products[i];
        bool fits = age_months >= p->from_month && age_months <= p->to_month;
        sum += fits ? p->weight : 0.0;
        sums[i] = sum;
    }
    return (int)random_pick(random, sums, demo_product_count);
}

static int64_t quantity_pick(struct random *random, bool is_sale)
{
    double u = random_unit(random);

    if (is_sale)
        return u < 0.52 ? 1 : u < 0.82 ? 2 : u < 0.94 ? 3 : 4;
    return u < 0.76 ? 1 : u < 0.95 ? 2 : 3;
}

static void order_lines(struct maker *maker, struct demo_order *order, int64_t age_months)
{
    struct random *random = &maker->random;
    bool is_sale = demo_season_is_sale(&maker->world->season, order->placed_s / DAY_S);

    order->line_count = min_of(1 + (int)random_poisson(random, is_sale ? 1.5 : 0.9), DEMO_LINE_MAX);
    for (int64_t i = 0; i < order->line_count; i++) {
        struct demo_line *line = &order->lines[i];
        int product = product_pick(random, age_months);
        line->product = product;
        line->price_fen = demo_products[product].price_fen;
        if (is_sale)
            line->price_fen = line->price_fen * 82 / 1000 * 10;
        line->quantity_count = line->price_fen > 50000 ? 1 : quantity_pick(random, is_sale);
        order->paid_fen += line->price_fen * line->quantity_count;
    }
}

static void order_fate(struct maker *maker, struct demo_order *order)
{
    struct random *random = &maker->random;
    int refund_s = order->placed_s + (2 + (int)random_below(random, 8)) * DAY_S;
    const struct demo_line *line = &order->lines[random_below(random, order->line_count)];

    order->is_cancelled = random_chance(random, CANCEL);
    if (!random_chance(random, REFUND) || order->is_cancelled || refund_s >= YEAR_S)
        return;
    order->refund_s = refund_s;
    order->refund_fen =
        random_chance(random, 0.55) ? order->paid_fen : line->price_fen * line->quantity_count;
}

static void order_add(struct maker *maker, int index, int placed_s)
{
    struct demo_world *world = maker->world;
    struct demo_customer *customer = &world->customers[index];
    struct demo_order *order;
    int64_t month = world->first_day / 30 + placed_s / (30 * DAY_S);

    must(world->order_count < ORDER_CAP);
    order = &world->orders[world->order_count++];
    order->customer = index;
    order->placed_s = placed_s;
    order_lines(maker, order, month - customer->baby_month);
    order_fate(maker, order);
    if (order->is_cancelled)
        return;
    customer->order_count++;
    if (!demo_season_is_sale(&world->season, placed_s / DAY_S))
        customer->has_paid_full = true;
    customer->paid_fen += order->paid_fen;
    customer->last_order_s = placed_s;
}

/* First order some days after adding, then the model's rhythm in busy time until they leave. */
static void purchases_make(struct maker *maker, int index)
{
    struct demo_world *world = maker->world;
    const struct demo_customer *customer = &world->customers[index];
    struct random *random = &maker->random;
    double rate = random_gamma(random, RATE_SHAPE, RATE_MEAN);
    double leave = random_beta(random, LEAVE_A, LEAVE_B);
    int from_s = customer->added_s == NOT_EVER ? customer->touched_s : customer->added_s;
    double at = demo_season_busy(&world->season, from_s) + random_exponential(random, 7.0);
    int before_s = from_s + 300;

    for (int i = 0; i < DEMO_DAY_COUNT; i++) {
        int placed_s = demo_season_at(&world->season, at, random);
        if (placed_s < 0)
            return;
        if (placed_s < before_s) /* the same day, but later */
            placed_s = before_s + (int)random_below(random, 5400);
        if (placed_s >= YEAR_S)
            return;
        order_add(maker, index, placed_s);
        if (random_chance(random, leave))
            return;
        before_s = placed_s + 600;
        at += random_exponential(random, 1.0 / (rate + 1e-9));
    }
}

static int order_compare(const void *a_, const void *b_)
{
    const struct demo_order *a = a_, *b = b_;

    if (a->placed_s != b->placed_s)
        return a->placed_s < b->placed_s ? -1 : 1;
    return a->customer < b->customer ? -1 : a->customer > b->customer;
}

static void orders_make(struct maker *maker)
{
    struct demo_world *world = maker->world;

    for (int i = 0; i < world->customer_count; i++)
        if (world->customers[i].is_buyer)
            purchases_make(maker, i);
    qsort(world->orders, (size_t)world->order_count, sizeof(world->orders[0]), order_compare);
    for (int64_t i = 0; i < world->customer_count; i++) {
        struct demo_customer *customer = &world->customers[i];
        customer->is_family = customer->order_count >= 8 && random_chance(&maker->random, 0.25);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

void demo_world_make(struct arena *arena, int64_t seed_number, int64_t first_day,
                     struct demo_world *world)
{
    struct maker maker = {.world = world};
    double sum = 0.0;

    *world =
        (struct demo_world){.arena = arena, .seed_number = seed_number, .first_day = first_day};
    world->customers = arena_new_array(arena, struct demo_customer, DEMO_CUSTOMER_COUNT);
    world->orders = arena_new_array(arena, struct demo_order, ORDER_CAP);
    demo_season_init(&world->season, first_day);
    must(demo_channel_count <= CHANNEL_CAP);
    for (int i = 0; i < demo_channel_count; i++)
        maker.channels[i] = sum += demo_channels[i].share;
    random_init(&maker.random, seed_number, STREAM_PEOPLE);
    people_make(&maker);
    people_sort(world);
    random_init(&maker.random, seed_number, STREAM_ORDERS);
    orders_make(&maker);
}

struct str demo_order_no(struct arena *arena, const struct demo_world *world, int64_t order)
{
    int64_t day = world->first_day + world->orders[order].placed_s / DAY_S;
    int year, month, date;

    day_to_date(day, &year, &month, &date);
    return str_fmt(arena, "M%04d%02d%02d%06" PRId64, year, month, date, order + 1);
}
