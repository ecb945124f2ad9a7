/* The people of the demo brand: its organisation, who works where, and whose customers are whose. A
 * customer who came through a guide's code belongs to that guide and to the store. */
#include "demo/demo_private.h"
#include "gen/demo.q.h"
#include "manage/customer/customer.h"
#include "manage/staff/staff.h"

static const struct {
    const char *code, *parent, *name, *kind;
} orgs[] = {
    {"hq", NULL, "蝶宝亲子", "company"},
    {"east", "hq", "华东大区", "region"},
    {"west", "hq", "西南大区", "region"},
    {"south", "hq", "华南经销商", "dealer"},
    {"store-sh", "east", "上海静安店", "store"},
    {"store-hz", "east", "杭州西湖店", "store"},
    {"store-cd", "west", "成都锦江店", "store"},
    {"store-gz", "south", "广州天河店", "store"},
    {"content", "hq", "内容与活动部", "department"},
    {"service", "hq", "客服部", "department"},
};

/* A guide's login is the code of the guide's channel. */
static const struct {
    const char *login, *name, *role, *org_code;
} staff[] = {
    {"ops.lin", "林运营", "operator", "hq"},
    {"ops.zhou", "周运营", "operator", "hq"},
    {"view.chen", "陈老板", "viewer", "hq"},
    {"content.su", "苏晓", "content", "content"},
    {"event.he", "何杰", "activity", "content"},
    {"group.tang", "唐宁", "community", "content"},
    {"service.qin", "秦悦", "service", "service"},
    {"store-sh-g1", "静安店导购 01", "guide", "store-sh"},
    {"store-sh-g2", "静安店导购 02", "guide", "store-sh"},
    {"store-hz-g1", "西湖店导购 01", "guide", "store-hz"},
    {"store-hz-g2", "西湖店导购 02", "guide", "store-hz"},
    {"store-cd-g1", "锦江店导购 01", "guide", "store-cd"},
    {"store-gz-g1", "天河店导购 01", "guide", "store-gz"},
};

struct team {
    struct app *app;
    const struct demo_world *world;
    struct str hash; /* of a random password that nobody is told */
    int64_t org_ids[ARRAY_LEN(orgs)], staff_ids[ARRAY_LEN(staff)];
    struct fault *fault;
    size_t guide; /* whose customers are assigned */
    int from;     /* of the world's customers: where a page begins */
};

static size_t org_index(const char *code)
{
    size_t i = 0;

    while (strcmp(orgs[i].code, code) != 0)
        must(++i < ARRAY_LEN(orgs));
    return i;
}

static enum err org_make(struct team *team, size_t i)
{
    struct demo_maker maker = {team->app, team->world->arena, team->fault};
    struct str parent = orgs[i].parent ? str_fmt(maker.arena, ",\"parent_id\":\"%" PRId64 "\"",
                                                 team->org_ids[org_index(orgs[i].parent)])
                                       : S("");
    struct str body = str_fmt(maker.arena, "{\"code\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\"%.*s}",
                              orgs[i].code, orgs[i].name, orgs[i].kind, STR(parent));

    return demo_add(&maker, S("/api/orgs"), body, &team->org_ids[i]);
}

static enum err staff_step(struct ctx *c, void *user)
{
    struct team *team = user;

    for (size_t i = 0; i < ARRAY_LEN(staff); i++) {
        struct staff_new n = {str_of(staff[i].login), str_of(staff[i].name), str_of(staff[i].role),
                              team->hash, str_of(staff[i].org_code)};
        TRY(staff_add(c, &n, &team->staff_ids[i]));
    }
    return OK;
}

/* One page of one guide's customers. */
static enum err owner_step(struct ctx *c, void *user)
{
    struct team *team = user;
    const struct demo_world *world = team->world;
    int64_t *ids = arena_new_array(c->arena, int64_t, CUSTOMER_BATCH_MAX);
    struct owner_change change = {.ids = ids,
                                  .staff_id = team->staff_ids[team->guide],
                                  .org_id = team->org_ids[org_index(staff[team->guide].org_code)],
                                  .reason = S("扫导购活码添加")};

    for (; team->from < world->customer_count && change.count < CUSTOMER_BATCH_MAX; team->from++) {
        const struct demo_customer *customer = &world->customers[team->from];
        struct customer_ref ref = {S("member_no"), customer->member_no};
        if (customer->added_s == NOT_EVER ||
            strcmp(demo_channels[customer->channel].code, staff[team->guide].login) != 0)
            continue;
        TRY(customer_find(c, ref, &ids[change.count++]));
    }
    return change.count > 0 ? owner_assign(c, &change) : OK;
}

enum err demo_team_make(struct app *app, const struct demo_world *world, struct fault *fault)
{
    struct team team = {.app = app, .world = world, .fault = fault};

    team.hash = password_hash(world->arena, token_new(world->arena, 12));
    for (size_t i = 0; i < ARRAY_LEN(orgs); i++)
        TRY(org_make(&team, i));
    TRY(app_write(app, world->arena, staff_step, &team, fault));
    for (team.guide = 0; team.guide < ARRAY_LEN(staff); team.guide++)
        for (team.from = 0;
             strcmp(staff[team.guide].role, "guide") == 0 && team.from < world->customer_count;)
            TRY(app_write(app, world->arena, owner_step, &team, fault));
    return OK;
}
