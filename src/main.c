/* Reads the command line and runs a command. What a command does stands in command/ or in the
 * folder of its noun; what the program is made of stands in papilio.c. */
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "insight/insight.h"
#include "manage/import/import.h"
#include "papilio.h"

#define BOOT_ARENA_MAX (256 * 1024 * 1024)

static struct app_config config;
static struct import_options import_options;
static struct command_options command_options;

static int serve(struct cli *cli)
{
    return command_serve(cli, &config);
}

static int demo(struct cli *cli)
{
    return command_demo(cli, &config, &command_options);
}

static int user(struct cli *cli)
{
    return command_user(cli, &config, &command_options);
}

static int import_run_command(struct cli *cli)
{
    return import_command(cli, &config, &import_options);
}

static int check(struct cli *cli)
{
    return check_command(cli, &config);
}

static int backup(struct cli *cli)
{
    return command_backup(cli, &config);
}

static int restore(struct cli *cli)
{
    return command_restore(cli, &config, &command_options);
}

static int copy(struct cli *cli)
{
    return command_copy(cli, &command_options);
}

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

static int version(struct cli *cli)
{
    (void)cli;
    puts("papilio " PAPILIO_VERSION);
    return 0;
}

static int help(struct cli *cli);

static const struct command {
    const char *name;
    int operand_max; /* `serve DIR` without --data must not serve another folder in silence */
    int (*run)(struct cli *cli);
    const char *help;
} commands[] = {
    {"serve", 0, serve,
     "serve --data DIR [--listen 127.0.0.1:8080] [--trace]\n"
     "          [--allow-private-webhooks]  run the server"},
    {"demo", 0, demo,
     "demo [--data DIR] [--listen ...] [--seed N]\n          a generated brand, served"},
    {"user", 2, user,
     "user add LOGIN --data DIR [--name N] [--role ROLE] [--org CODE]\n"
     "          a new account; the password from standard input. On an empty folder with\n"
     "          --brand NAME --zone Asia/Shanghai --currency CNY it sets the brand up\n"
     "  papilio user password LOGIN --data DIR\n          a new password, from standard input"},
    {"import", 2, import_run_command,
     "import customers|orders|events|costs FILE --data DIR [--mapping MAP.json]\n"
     "          [--source NAME] [--rejects FILE]   take in a file; prints a summary as JSON"},
    {"check", 0, check, "check --data DIR\n          every invariant of the base"},
    {"backup", 1, backup,
     "backup FILE|DIR --data DIR\n          the base and its files in one tar file; also beside a "
     "running server"},
    {"restore", 1, restore,
     "restore FILE --data DIR [--key-file FILE] [--deletions FILE] [--force]\n"
     "          a verified backup becomes a data folder again"},
    {"copy", 0, copy,
     "copy --from sqlite:DIR --to postgres://...     or back\n          a base into an empty one; "
     "the key file and the folder's files stay"},
    {"openapi", 0, openapi, "openapi\n          print the API document"},
    {"version", 0, version, "version"},
    {"help", 0, help, "help"},
};

static int help(struct cli *cli)
{
    (void)cli;
    puts("papilio: a private-domain operations platform (私域运营平台)\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  papilio %s\n", commands[i].help);
    puts("\nPAPILIO_KEY_FILE names the key file (default: DIR/papilio.key).\n"
         "--db postgres://..., or PAPILIO_DB: the base is there instead of DIR/papilio.db.");
    return 0;
}

static int command_run(struct cli *cli, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, name) == 0 && cli->count <= command->operand_max)
            return command->run(cli);
        if (strcmp(command->name, name) == 0)
            return command_refuse(str_fmt(cli->arena, "%s does not take \"%s\"; see papilio help",
                                          name, cli->args[command->operand_max])) +
                   1;
    }
    fprintf(stderr, "papilio: no command \"%s\"; see papilio help\n", name);
    return 2;
}

int main(int argc, const char **argv)
{
    struct arena *arena = arena_new(BOOT_ARENA_MAX);
    struct cli cli = {.arena = arena, .count = argc - 2, .args = argv + 2};
    const struct cli_option options[] = {
        {"--data", &config.data, NULL},
        {"--db", &config.db, NULL},
        {"--listen", &config.listen, NULL},
        {"--pages", &config.pages, NULL},
        {"--key-file", &config.key_file, NULL},
        {"--trace", NULL, &config.is_trace},
        {"--allow-private-webhooks", NULL, &config.may_call_inside},
        {"--mapping", &import_options.mapping, NULL},
        {"--source", &import_options.source, NULL},
        {"--rejects", &import_options.rejects, NULL},
        {"--seed", &command_options.seed, NULL},
        {"--name", &command_options.name, NULL},
        {"--role", &command_options.role, NULL},
        {"--org", &command_options.org, NULL},
        {"--brand", &command_options.brand, NULL},
        {"--zone", &command_options.zone, NULL},
        {"--currency", &command_options.currency, NULL},
        {"--deletions", &command_options.deletions, NULL},
        {"--from", &command_options.from, NULL},
        {"--to", &command_options.to, NULL},
        {"--force", NULL, &command_options.is_forced},
        {NULL, NULL, NULL},
    };
    int status;

    config = papilio_config;
    config.data = S(COMMAND_DATA_DEFAULT);
    config.key_file = str_of(getenv("PAPILIO_KEY_FILE"));
    config.db = str_of(getenv("PAPILIO_DB"));
    if (argc < 2)
        status = help(&cli);
    else if (!cli_parse(&cli, options))
        status = command_refuse(cli.why) + 1;
    else
        status = command_run(&cli, argv[1]);
    arena_free(arena);
    return status;
}
