/* serve and demo: the server, until SIGTERM or SIGINT. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/command.h"
#include "demo/demo.h"
#include "host/file.h"
#include "manage/staff/staff.h"

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define DEMO_DATA_DEFAULT "papilio-demo"

int command_refuse(struct str why)
{
    fprintf(stderr, "papilio: %.*s\n", STR(why));
    return 1;
}

/* Without pages of its own: the console's files lie beside the program in a build, and under share/
 * once installed. */
static struct str pages_find(struct arena *arena)
{
    static const char *const places[] = {"../web/admin", "../share/papilio/web"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct str folder = {self, length > 0 ? (size_t)length : 0};

    while (folder.len > 0 && folder.at[folder.len - 1] != '/')
        folder.len--;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct str place = str_fmt(arena, "%.*s%s", STR(folder), places[i]);
        char *real = realpath(str_cstr(arena, place), arena_alloc(arena, PATH_MAX));
        if (real && access(str_cstr(arena, str_fmt(arena, "%s/index.html", real)), R_OK) == 0)
            return str_of(real);
    }
    return (struct str){0};
}

/* Before any thread begins, so that all of them leave these signals to serve_wait. */
static void signals_block(sigset_t *set)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static enum err setup_token_step(struct ctx *c, void *user)
{
    struct str *token = user;

    return staff_setup_token(c, token);
}

/* While nobody is there, the way in. */
static void setup_link_print(struct app *app, struct arena *arena)
{
    struct str token = {0};

    if (app_write(app, arena, setup_token_step, &token, NULL) != OK || token.at == NULL)
        return;
    printf("set up within 24 hours: http://%.*s/setup?token=%.*s\n", STR(app_address(app)),
           STR(token));
}

static int serve_wait(struct app *app, struct arena *arena, const sigset_t *signals)
{
    struct str why = {0};
    int signal_number;

    if (app_listen(app, &why) != OK) {
        app_close(app);
        return command_refuse(why);
    }
    printf("http://%.*s\n", STR(app_address(app)));
    setup_link_print(app, arena);
    puts("ready");
    fflush(stdout);
    sigwait(signals, &signal_number);
    app_close(app);
    return 0;
}

static void serve_defaults(struct cli *cli, struct app_config *config)
{
    if (config->listen.at == NULL)
        config->listen = S(LISTEN_DEFAULT);
    config->page_table = command_pages;
    config->page_count = command_page_count;
    if (config->pages.at == NULL && config->page_count == 0)
        config->pages = pages_find(cli->arena);
}

int command_serve(struct cli *cli, struct app_config *config)
{
    struct app *app;
    struct str why = {0};
    sigset_t signals;

    signals_block(&signals);
    serve_defaults(cli, config);
    if (app_open(cli->arena, config, &app, &why) != OK) {
        app_close(app);
        return command_refuse(why);
    }
    return serve_wait(app, cli->arena, &signals);
}

static void demo_print(const struct demo *demo)
{
    if (demo->customer_count > 0)
        printf("generated: %" PRId64 " customers, %" PRId64 " orders, %" PRId64 " events; %" PRId64
               " ms to generate, %" PRId64 " ms to import\n",
               demo->customer_count, demo->order_count, demo->event_count, demo->generated_ms,
               demo->imported_ms);
    printf("login: %.*s   password: %.*s\n", STR(demo->login), STR(demo->password));
}

/* A new folder is filled without waiting for the disk: whatever stops that, the folder is to be
 * deleted. It is a demo once all of it is on the disk. */
static enum err demo_open(struct cli *cli, const struct app_config *config, struct demo *demo,
                          struct app **app, struct str *why)
{
    struct str path = str_fmt(cli->arena, "%.*s/papilio.db", STR(config->data));
    struct app_config filling = *config;
    bool is_new = !file_exists(path);

    filling.listen = (struct str){0};
    filling.is_filling = true;
    if (is_new) {
        TRY(app_open(cli->arena, &filling, app, why));
        TRY(demo_fill(*app, cli->arena, demo, why));
        app_close(*app);
        *app = NULL;
    }
    if (file_exists(path))
        TRY(file_sync(path));
    TRY(app_open(cli->arena, config, app, why));
    if (!is_new)
        TRY(demo_fill(*app, cli->arena, demo, why));
    return demo_finish(*app, cli->arena);
}

int command_demo(struct cli *cli, struct app_config *config, const struct command_options *options)
{
    struct demo demo = {.seed_number = 1, .today_day = NONE};
    struct app *app = NULL;
    struct str why = S("the folder cannot be written");
    sigset_t signals;

    if (options->seed.at != NULL && !str_to_int(options->seed, &demo.seed_number))
        return command_refuse(S("--seed takes a whole number")) + 1;
    signals_block(&signals);
    serve_defaults(cli, config);
    if (str_is(config->data, COMMAND_DATA_DEFAULT))
        config->data = S(DEMO_DATA_DEFAULT);
    if (demo_open(cli, config, &demo, &app, &why) != OK) {
        if (app != NULL)
            app_close(app);
        return command_refuse(why);
    }
    demo_print(&demo);
    return serve_wait(app, cli->arena, &signals);
}
