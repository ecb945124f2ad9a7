/* What operators of the demo brand keep of its audience: segments that are live, one with a tag of
 * its own, and questions they come back to. Through the routes; members are there at the start. */
#include "demo/demo_private.h"
#include "manage/audience/audience.h"

static const struct {
    const char *name, *about, *who;
    bool is_tagged;
} segments[] = {
    {"新加还没下单", "30 天内加上、还没下过单：发一张首单券",
     "{\"all\":[{\"did\":{\"kind\":\"customer_added\",\"within\":{\"last\":{\"days\":30}}}}"
     ",{\"purchase\":\"never\",\"kind\":\"order_paid\"}]}",
     true},
    {"首单后等复购", "只买过一次，最近 30 天没再买",
     "{\"all\":[{\"purchase\":\"first\",\"kind\":\"order_paid\"}"
     ",{\"not\":{\"did\":{\"kind\":\"order_paid\",\"within\":{\"last\":{\"days\":30}}}}}]}",
     false},
    {"快要走的老客", "买过两次以上，60 天没买，也没再来看",
     "{\"all\":[{\"purchase\":\"repeat\",\"kind\":\"order_paid\"}"
     ",{\"not\":{\"did\":{\"kind\":\"order_paid\",\"within\":{\"last\":{\"days\":60}}}}}"
     ",{\"not\":{\"did\":{\"kind\":\"product_viewed\",\"within\":{\"last\":{\"days\":30}}}}}]}",
     false},
    {"高价值活跃客", "买得多、最近也买的前两档",
     "{\"rfm\":{\"kind\":\"order_paid\"},\"of\":\"amount\",\"r\":[4,5],\"m\":[4,5]}", false},
    {"带来过新客", "至少邀请过一位朋友", "{\"attribute\":\"invited_count\",\"at_least\":1}", false},
};

static const struct {
    const char *name, *query;
} reports[] = {
    {"从看商品到下单",
     "{\"version\":1,\"ask\":\"funnel\",\"funnel\":{\"steps\":[{\"kind\":\"product_viewed\"},"
     "{\"kind\":\"added_to_cart\"},{\"kind\":\"order_paid\"}],\"within_seconds\":604800}}"},
    {"首购之后每月回来多少",
     "{\"version\":1,\"ask\":\"retention\",\"start\":{\"kind\":\"order_paid\"},"
     "\"back\":{\"kind\":\"order_paid\"},\"units\":\"month\",\"count\":6,\"cohort\":\"first\"}"},
};

static enum err segments_make(const struct demo_maker *maker, int64_t tag_id)
{
    struct str tag = str_fmt(maker->arena, ",\"tag_id\":\"%" PRId64 "\"", tag_id);
    int64_t id;

    for (size_t i = 0; i < ARRAY_LEN(segments); i++) {
        struct str body = str_fmt(maker->arena,
                                  "{\"name\":\"%s\",\"about\":\"%s\",\"definition\":{\"version\":1,"
                                  "\"ask\":\"segment\",\"who\":%s}%.*s}",
                                  segments[i].name, segments[i].about, segments[i].who,
                                  STR(segments[i].is_tagged ? tag : S("")));
        TRY(demo_add(maker, S("/api/segments"), body, &id));
    }
    return OK;
}

static enum err reports_make(const struct demo_maker *maker)
{
    int64_t id;

    for (size_t i = 0; i < ARRAY_LEN(reports); i++)
        TRY(demo_add(maker, S("/api/reports"),
                     str_fmt(maker->arena, "{\"name\":\"%s\",\"query\":%s}", reports[i].name,
                             reports[i].query),
                     &id));
    return OK;
}

enum err demo_audience_make(const struct demo_maker *maker)
{
    int64_t tag_id;

    audience_await(maker->app); /* definitions may name what the engine knows */
    TRY(demo_add(maker, S("/api/tags"),
                 S("{\"family\":\"intent\",\"name\":\"待首单\",\"color\":\"#b7791f\"}"), &tag_id));
    TRY(segments_make(maker, tag_id));
    TRY(reports_make(maker));
    audience_await(maker->app);
    return OK;
}
