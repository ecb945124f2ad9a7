/* Campaigns of the demo brand: one that runs, with its budget and those who claimed, two of whom
 * somebody must look at first; and a draft. Through the routes, as colleagues would. */
#include "demo/demo_private.h"
#include "host/clock.h"
#include "kit/timer.h"
#include "manage/customer/customer.h"

#define CLAIM_COUNT 160
#define HELD_EACH 80 /* one in so many is on the blacklist */
#define ORDERS_MIN 4
#define RUN_DAYS 20

struct campaigns {
    const struct demo_maker *maker;
    const struct demo_world *world;
    int64_t running_id;
    int64_t claimer_ids[CLAIM_COUNT], claimer_count;
};

static struct str path_of(const struct campaigns *campaigns, const char *rest)
{
    return str_fmt(campaigns->maker->arena, "/api/campaigns/%" PRId64 "%s", campaigns->running_id,
                   rest);
}

/* ---- one that runs --------------------------------------------------------------------------- */

static enum err running_make(struct campaigns *campaigns)
{
    struct arena *arena = campaigns->maker->arena;
    struct str body =
        str_fmt(arena,
                "{\"kind\":\"giveaway\",\"title\":\"老客回馈：领 50 积分\",\"rules\":{"
                "\"stock_count\":500,\"day_limit_count\":1,\"total_limit_count\":1,"
                "\"points_count\":50,\"points_days\":90},\"ends_ms\":%" PRId64 "}",
                clock_now_ms() + RUN_DAYS * DAY_MS);

    TRY(demo_add(campaigns->maker, S("/api/campaigns"), body, &campaigns->running_id));
    TRY(demo_post(campaigns->maker, path_of(campaigns, "/budget"),
                  S("{\"unit\":\"points\",\"amount\":25000,\"reason\":\"本月会员预算\"}"),
                  S("demo budget"), NULL));
    TRY(demo_post(campaigns->maker, path_of(campaigns, "/move"), S("{\"to_status\":\"in_review\"}"),
                  S(""), NULL));
    TRY(demo_post(campaigns->maker, path_of(campaigns, "/move"), S("{\"to_status\":\"scheduled\"}"),
                  S(""), NULL));
    timer_await(campaigns->maker->app); /* the clock starts it */
    return OK;
}

static enum err draft_make(const struct campaigns *campaigns)
{
    int64_t id;

    return demo_add(
        campaigns->maker, S("/api/campaigns"),
        S("{\"kind\":\"giveaway\",\"title\":\"年货节签到礼\",\"rules\":{\"stock_count\":2000,"
          "\"day_limit_count\":1,\"points_count\":10,\"points_days\":30}}"),
        &id);
}

/* ---- who claimed ----------------------------------------------------------------------------- */

static enum err claimers_find(struct ctx *c, void *user)
{
    struct campaigns *campaigns = user;
    const struct demo_world *world = campaigns->world;

    for (int64_t i = 0; i < world->customer_count && campaigns->claimer_count < CLAIM_COUNT; i++) {
        struct customer_ref ref = {S("member_no"), world->customers[i].member_no};

        if (world->customers[i].order_count >= ORDERS_MIN)
            TRY(customer_find(c, ref, &campaigns->claimer_ids[campaigns->claimer_count++]));
    }
    return OK;
}

static enum err claim(const struct campaigns *campaigns, int64_t i)
{
    struct arena *arena = campaigns->maker->arena;
    int64_t id = campaigns->claimer_ids[i];

    if (i % HELD_EACH == HELD_EACH - 1)
        TRY(demo_post(campaigns->maker, str_fmt(arena, "/api/customers/%" PRId64 "/block", id),
                      S("{\"is_blocked\":true,\"reason\":\"同一地址多次异常下单\"}"), S(""), NULL));
    return demo_post(campaigns->maker,
                     str_fmt(arena, "/api/giveaways/%" PRId64 "/claims", campaigns->running_id),
                     str_fmt(arena, "{\"customer_id\":\"%" PRId64 "\"}", id),
                     str_fmt(arena, "demo claim %" PRId64, id), NULL);
}

enum err demo_campaign_make(const struct demo_maker *maker, const struct demo_world *world)
{
    struct campaigns campaigns = {.maker = maker, .world = world};

    TRY(running_make(&campaigns));
    TRY(draft_make(&campaigns));
    TRY(app_read(maker->app, maker->arena, claimers_find, &campaigns, maker->fault));
    for (int64_t i = 0; i < campaigns.claimer_count; i++)
        TRY(claim(&campaigns, i));
    return OK;
}
