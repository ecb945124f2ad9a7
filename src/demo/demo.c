/* `papilio demo`: makes a brand in an empty folder the way a user would: set-up, staff, channels,
 * four files through the imports, and the rest through the routes. Always: a base is marked as a
 * demo before its first row, and a folder that holds somebody's own base is never touched. */
#include <stdio.h>

#include "demo/demo_private.h"
#include "gen/demo.q.h"
#include "host/clock.h"
#include "host/file.h"
#include "manage/channel/channel.h"
#include "manage/import/import.h"
#include "manage/staff/staff.h"

#define DEMO_LOGIN "demo"
#define DEMO_ARENA_MAX (256 * 1024 * 1024)

struct making {
    struct app *app;
    struct arena *arena;
    struct demo *demo;
    struct demo_world world;
    struct q_demo_is_empty_row state;
    struct fault fault;
    struct str hash; /* of the password */
};

/* ---- the state of the folder ----------------------------------------------------------------- */

static enum err state_read(struct ctx *c, void *user)
{
    struct making *making = user;
    struct q_demo_is_empty_row row;

    TRY(q_demo_is_empty(c, &row));
    making->state = row;
    making->state.mark = row.mark.at == NULL ? row.mark : str_copy(making->arena, row.mark);
    return OK;
}

static enum err mark_done(struct ctx *c, void *user)
{
    (void)user;
    return q_demo_mark(c, S("1"));
}

/* ---- the administrator and channels ---------------------------------------------------------- */

/* A random password; it is told at the end. */
static void password_make(struct making *making)
{
    making->demo->password = token_new(making->arena, 12);
    making->demo->login = S(DEMO_LOGIN);
    making->hash = password_hash(making->arena, making->demo->password);
}

static enum err admin_make(struct ctx *c, const struct making *making)
{
    struct staff_setup setup = {
        .login = S(DEMO_LOGIN),
        .name = S("演示管理员"),
        .hash = making->hash,
        .brand_name = S(DEMO_BRAND),
        .zone = S(DEMO_ZONE),
        .currency = S(DEMO_CURRENCY),
    };
    int64_t staff_id;

    return staff_setup_run(c, &setup, &staff_id);
}

static int channel_index(const char *code)
{
    int i = 0;

    while (strcmp(demo_channels[i].code, code) != 0)
        must(++i < demo_channel_count);
    return i;
}

static enum err channels_make(struct ctx *c)
{
    int64_t *ids = arena_new_array(c->arena, int64_t, (size_t)demo_channel_count);

    for (int i = 0; i < demo_channel_count; i++) {
        const struct demo_channel *from = &demo_channels[i];
        struct channel_new n = {
            .code = str_of(from->code),
            .name = str_of(from->name),
            .kind = str_of(from->kind),
            .parent_id = from->parent == NULL ? NONE : ids[channel_index(from->parent)],
        };
        TRY(channel_add(c, &n, &ids[i]));
    }
    return OK;
}

static enum err brand_make(struct ctx *c, void *user)
{
    const struct making *making = user;

    TRY(q_demo_mark(c, S("filling")));
    TRY(admin_make(c, making));
    return channels_make(c);
}

/* ---- the files and their import -------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *kind, *mapping;
} imports[] = {
    {"customers",
     "{\"source\":\"mall\",\"customer_kind\":\"member_no\",\"columns\":{"
     "\"member_no\":\"member_no\",\"name\":\"name\",\"phone\":\"phone\","
     "\"region\":\"region\",\"channel\":\"channel\","
     "\"touched_at\":\"touched_at\",\"added_at\":\"added_at\",\"invited_by\":\"invited_by\","
     "\"baby_month\":\"baby_month\"}}"},
    {"orders",
     "{\"source\":\"mall\",\"customer_kind\":\"member_no\",\"currency\":\"CNY\",\"columns\":{"
     "\"order_no\":\"order_no\",\"customer\":\"member_no\",\"placed_at\":\"time\","
     "\"product_code\":\"product_code\",\"product_name\":\"product_name\","
     "\"quantity\":\"quantity\",\"unit_price\":\"price\",\"channel\":\"channel\"}}"},
    {"costs",
     "{\"source\":\"mall\",\"currency\":\"CNY\",\"columns\":{\"cost_no\":\"cost_no\","
     "\"channel\":\"channel\",\"date\":\"date\",\"amount\":\"cost\",\"note\":\"note\"}}"},
    {"events",
     "{\"source\":\"mall\",\"customer_kind\":\"member_no\",\"columns\":{"
     "\"message_id\":\"message_id\",\"kind\":\"kind\",\"occurred_at\":\"time\","
     "\"customer\":\"member_no\",\"props.product_code\":\"props.product_code\","
     "\"props.content_code\":\"props.content_code\",\"props.title\":\"props.title\","
     "\"props.url\":\"props.url\",\"props.code\":\"props.code\","
     "\"props.done_count\":\"props.done_count\",\"props.inviter_kind\":\"props.inviter_kind\","
     "\"props.inviter_value\":\"props.inviter_value\"}}"},
};
/* clang-format on */

static enum err file_import(struct making *making, const char *kind, const char *mapping)
{
    struct str folder = app_config(making->app)->data;
    struct import_job job = {
        .kind = str_of(kind),
        .path = str_fmt(making->arena, "%.*s/demo/%s.csv", STR(folder), kind),
        .mapping = str_of(mapping),
    };
    struct import_result result;
    int64_t begin_us = clock_mono_us();

    TRY(import_run(making->app, making->arena, &job, &result, &making->fault));
    fprintf(stderr, "demo: %s: %" PRId64 " rows, %" PRId64 " refused, %" PRId64 " ms\n", kind,
            result.read_count, result.rejected_count, (clock_mono_us() - begin_us) / 1000);
    if (result.rejected_count > 0) {
        making->fault.message =
            str_fmt(making->arena, "%s: rows were refused: %.*s", kind, STR(result.reject_file));
        return E_INTERNAL;
    }
    return OK;
}

static enum err files_make(struct making *making)
{
    struct str folder = str_fmt(making->arena, "%.*s/demo", STR(app_config(making->app)->data));
    struct demo *demo = making->demo;
    int64_t begin_us = clock_mono_us();

    TRY(folder_make(folder));
    demo_world_make(making->arena, demo->seed_number, demo->today_day - DEMO_DAY_COUNT,
                    &making->world);
    TRY(demo_files_write(&making->world, folder, &demo->event_count));
    demo->customer_count = making->world.customer_count;
    demo->order_count = making->world.order_count;
    demo->generated_ms = (clock_mono_us() - begin_us) / 1000;
    return OK;
}

static enum err demo_make(struct making *making)
{
    struct demo_maker maker = {making->app, making->arena, &making->fault};
    int64_t begin_us;

    password_make(making);
    TRY(app_write(making->app, making->arena, brand_make, making, &making->fault));
    TRY(files_make(making));
    begin_us = clock_mono_us();
    for (size_t i = 0; i < ARRAY_LEN(imports); i++)
        TRY(file_import(making, imports[i].kind, imports[i].mapping));
    TRY(demo_calls_make(making->app, &making->world, &making->fault));
    TRY(demo_team_make(making->app, &making->world, &making->fault));
    TRY(demo_campaign_make(&maker, &making->world));
    TRY(demo_audience_make(&maker));
    making->demo->imported_ms = (clock_mono_us() - begin_us) / 1000;
    return OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum err today_find(struct making *making)
{
    struct zone *zone;

    if (making->demo->today_day != NONE)
        return OK;
    TRY(zone_load(making->arena, S(DEMO_ZONE), &zone));
    making->demo->today_day = zone_day(zone, clock_now_ms());
    return OK;
}

/* Login and password lie beside the generated files, for the next start. */
static struct str login_path(const struct making *making)
{
    return str_fmt(making->arena, "%.*s/demo/login", STR(app_config(making->app)->data));
}

static enum err login_recall(struct making *making)
{
    struct str text;

    TRY(file_read(making->arena, login_path(making), 1000, &text));
    str_cut(text, ' ', &making->demo->login, &making->demo->password);
    return OK;
}

static enum err login_keep(struct making *making)
{
    struct demo *demo = making->demo;

    return file_write(login_path(making),
                      str_fmt(making->arena, "%.*s %.*s", STR(demo->login), STR(demo->password)),
                      0600);
}

static enum err demo_run(struct making *making)
{
    const struct q_demo_is_empty_row *state = &making->state;

    TRY(app_read(making->app, making->arena, state_read, making, &making->fault));
    if (str_is(state->mark, "1"))
        return login_recall(making);
    if (state->mark.at != NULL) {
        making->fault.message = S("an earlier demo was not finished: delete the folder");
        return E_CONFLICT;
    }
    if (state->staff_count > 0 || state->customer_count > 0) {
        making->fault.message = S("the folder holds a base of your own; a demo needs an empty one");
        return E_CONFLICT;
    }
    TRY(today_find(making));
    TRY(demo_make(making));
    return login_keep(making);
}

enum err demo_fill(struct app *app, struct arena *arena, struct demo *demo, struct str *why)
{
    struct arena *own = arena_new(DEMO_ARENA_MAX);
    struct making making = {.app = app, .arena = own, .demo = demo};
    enum err err = demo_run(&making);

    *why = str_copy(arena,
                    making.fault.message.at == NULL ? str_of(err_name(err)) : making.fault.message);
    demo->login = str_copy(arena, demo->login);
    demo->password = str_copy(arena, demo->password);
    arena_free(own);
    return err;
}

enum err demo_finish(struct app *app, struct arena *arena)
{
    return app_write(app, arena, mark_done, NULL, NULL);
}
