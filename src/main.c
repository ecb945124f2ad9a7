/* Wires the house together and reads the command line. What a command does stands in its own
 * folder. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "demo/demo.h"
#include "insight/insight.h"
#include "kit/cli.h"
#include "manage/import/import.h"
#include "manage/staff/staff.h"
#include "product.h"

#define BOOT_ARENA_MAX (256 * 1024 * 1024)
#define LISTEN_DEFAULT "127.0.0.1:8080"
#define DATA_DEFAULT "papilio-data"
#define DEMO_DATA_DEFAULT "papilio-demo"

static struct app_config config;
static struct import_options import_options;
static struct str user_name, user_role; /* options of `user` */

/* ---- serve ----------------------------------------------------------------------------------- */

/* The console's files lie beside the program in a build, and under share/ once installed. */
static struct str pages_find(struct arena *arena)
{
    static const char *const places[] = {"../web/admin", "../share/papilio/web"};
    char self[4096];
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

static void signals_block(sigset_t *set)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static int refuse(struct str why)
{
    fprintf(stderr, "papilio: %.*s\n", STR(why));
    return 1;
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

/* Serves until SIGTERM or SIGINT, then lets what runs finish. */
static int serve_wait(struct app *app, struct arena *arena, const sigset_t *signals)
{
    struct str why = {0};
    int signal_number;

    if (app_listen(app, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    printf("http://%.*s\n", STR(app_address(app)));
    setup_link_print(app, arena);
    puts("ready");
    fflush(stdout);
    sigwait(signals, &signal_number);
    app_close(app);
    return 0;
}

static int serve(struct cli *cli)
{
    struct app *app;
    struct str why = {0};
    sigset_t signals;

    signals_block(&signals);
    if (config.listen.at == NULL)
        config.listen = S(LISTEN_DEFAULT);
    if (app_open(cli->arena, &config, &app, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    return serve_wait(app, cli->arena, &signals);
}

/* ---- demo: a generated brand, then served ---------------------------------------------------- */

static struct str demo_seed;

static void demo_print(const struct demo *demo)
{
    if (demo->customer_count > 0)
        printf("generated: %" PRId64 " customers, %" PRId64 " orders, %" PRId64 " events; %" PRId64
               " ms to generate, %" PRId64 " ms to import\n",
               demo->customer_count, demo->order_count, demo->event_count, demo->generated_ms,
               demo->imported_ms);
    printf("login: %.*s   password: %.*s\n", STR(demo->login), STR(demo->password));
}

static int demo(struct cli *cli)
{
    struct demo demo = {.seed_number = 1, .today_day = NONE};
    struct app *app;
    struct str why = {0};
    sigset_t signals;

    if (demo_seed.at != NULL && !str_to_int(demo_seed, &demo.seed_number))
        return refuse(S("--seed takes a whole number")) + 1;
    signals_block(&signals);
    if (str_is(config.data, DATA_DEFAULT))
        config.data = S(DEMO_DATA_DEFAULT);
    if (config.listen.at == NULL)
        config.listen = S(LISTEN_DEFAULT);
    if (app_open(cli->arena, &config, &app, &why) != OK ||
        demo_fill(app, cli->arena, &demo, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    demo_print(&demo);
    return serve_wait(app, cli->arena, &signals);
}

/* ---- user: accounts from the command line ---------------------------------------------------- */

#define PASSWORD_MAX 1000

struct user {
    struct staff_new staff;
    bool is_new;
};

static enum err user_step(struct ctx *c, void *user_)
{
    const struct user *user = user_;
    int64_t staff_id;

    if (!user->is_new)
        return staff_password_set(c, user->staff.login, user->staff.hash);
    return staff_add(c, &user->staff, &staff_id);
}

/* One line of standard input; on a terminal it is not shown. */
static struct str password_ask(struct arena *arena)
{
    struct termios was, quiet;
    bool is_terminal = tcgetattr(STDIN_FILENO, &was) == 0;
    char *line = arena_alloc(arena, PASSWORD_MAX);

    if (is_terminal) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "Password: ");
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    if (fgets(line, PASSWORD_MAX, stdin) == NULL)
        line[0] = '\0';
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fprintf(stderr, "\n");
    }
    line[strcspn(line, "\r\n")] = '\0';
    return str_of(line);
}

static int user_run(struct cli *cli, struct user *user)
{
    struct str why = {0}, password = password_ask(cli->arena);
    struct fault fault = {0};
    struct app *app;
    enum err err;

    if (!staff_password_is_good(password))
        return refuse(S("a password needs 10 to 200 characters"));
    user->staff.hash = password_hash(cli->arena, password);
    if (app_open(cli->arena, &config, &app, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    err = app_write(app, cli->arena, user_step, user, &fault);
    app_close(app);
    return err == OK ? 0 : refuse(fault.message);
}

static int user(struct cli *cli)
{
    struct user user = {.staff = {.role = S("admin")}};

    if (cli->count == 2 && strcmp(cli->args[0], "add") == 0)
        user.is_new = true;
    else if (cli->count != 2 || strcmp(cli->args[0], "password") != 0)
        return refuse(S("papilio user add|password LOGIN --data DIR")) + 1;
    user.staff.login = str_of(cli->args[1]);
    user.staff.name = user_name.at ? user_name : user.staff.login;
    if (user_role.at)
        user.staff.role = user_role;
    return user_run(cli, &user);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int openapi(struct cli *cli)
{
    struct buf buf;

    (void)cli;
    buf_init(&buf, 16 * 1024 * 1024);
    app_openapi(&config, &buf);
    printf("%.*s\n", STR(buf_view(&buf)));
    buf_release(&buf);
    return 0;
}

static int check(struct cli *cli)
{
    return check_command(cli, &config);
}

static int import_main(struct cli *cli)
{
    return import_command(cli, &config, &import_options);
}

static int version(struct cli *cli)
{
    (void)cli;
    puts("papilio " PAPILIO_VERSION);
    return 0;
}

static int help(struct cli *cli);

static const struct command {
    const char *name;
    int (*run)(struct cli *cli);
    const char *help;
} commands[] = {
    {"serve", serve, "serve --data DIR [--listen 127.0.0.1:8080] [--trace]   run the server"},
    {"demo", demo, "demo [--data DIR] [--listen ...] [--seed N]   a generated brand, served"},
    {"user", user,
     "user add|password LOGIN [--name N] [--role admin|operator|viewer]   (password from stdin)"},
    {"import", import_main,
     "import customers|orders|events|costs FILE --data DIR [--mapping MAP.json] [--source NAME]\n"
     "          [--rejects FILE]   take in a file; prints a summary as JSON"},
    {"check", check, "check --data DIR               every invariant of the base"},
    {"openapi", openapi, "openapi                        print the API document"},
    {"version", version, "version                        print the version"},
    {"help", help, "help                           print this"},
};

static int help(struct cli *cli)
{
    (void)cli;
    puts("papilio: a private-domain operations platform (私域运营平台)\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  papilio %s\n", commands[i].help);
    puts("\nPAPILIO_KEY_FILE names the key file (default: DIR/papilio.key).");
    return 0;
}

static int command_run(struct cli *cli, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(cli);
    fprintf(stderr, "papilio: no command \"%s\"; see papilio help\n", name);
    return 2;
}

int main(int argc, const char **argv)
{
    struct arena *arena = arena_new(BOOT_ARENA_MAX);
    struct cli cli = {.arena = arena, .count = argc - 2, .args = argv + 2};
    const struct cli_option options[] = {
        {"--data", &config.data, NULL},
        {"--listen", &config.listen, NULL},
        {"--pages", &config.pages, NULL},
        {"--key-file", &config.key_file, NULL},
        {"--trace", NULL, &config.is_trace},
        {"--mapping", &import_options.mapping, NULL},
        {"--source", &import_options.source, NULL},
        {"--rejects", &import_options.rejects, NULL},
        {"--seed", &demo_seed, NULL},
        {"--name", &user_name, NULL},
        {"--role", &user_role, NULL},
        {NULL, NULL, NULL},
    };
    int status;

    config = product_config;
    config.data = S(DATA_DEFAULT);
    config.key_file = str_of(getenv("PAPILIO_KEY_FILE"));
    config.pages = pages_find(arena);
    if (argc < 2)
        status = help(&cli);
    else if (!cli_parse(&cli, options))
        status = refuse(cli.why) + 1;
    else
        status = command_run(&cli, argv[1]);
    arena_free(arena);
    return status;
}
