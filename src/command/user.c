/* user: accounts from the command line. On an empty folder the first one can set the brand up as
 * well, as the set-up page does. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "command/command.h"
#include "host/file.h"
#include "manage/staff/staff.h"

#define PASSWORD_MAX 1000

struct user {
    struct staff_new staff;
    const struct command_options *options;
    bool is_new;
};

static enum err user_setup(struct ctx *c, const struct user *user)
{
    const struct command_options *options = user->options;
    struct staff_setup setup = {.login = user->staff.login,
                                .name = user->staff.name,
                                .hash = user->staff.hash,
                                .brand_name = options->brand,
                                .zone = options->zone,
                                .currency = options->currency};
    int64_t staff_id;

    if (options->zone.at == NULL || options->currency.at == NULL || options->brand.at == NULL)
        return fail(c, E_INPUT, "user.setup", "--brand, --zone and --currency go together");
    return staff_setup_run(c, &setup, &staff_id);
}

static enum err user_step(struct ctx *c, void *user_)
{
    const struct user *user = user_;
    const struct command_options *options = user->options;
    int64_t staff_id;

    if (!user->is_new)
        return staff_password_set(c, user->staff.login, user->staff.hash);
    if (options->brand.at || options->zone.at || options->currency.at)
        return user_setup(c, user);
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

static int user_run(struct cli *cli, const struct app_config *config, struct user *user)
{
    struct str why = {0}, password = password_ask(cli->arena);
    struct fault fault = {0};
    struct app *app;
    enum err err;

    if (!staff_password_is_good(password))
        return command_refuse(S("a password needs 10 to 200 characters"));
    if (!user->is_new && !app_has_base(cli->arena, config))
        return command_refuse(str_fmt(cli->arena, "%.*s holds no base", STR(config->data)));
    user->staff.hash = password_hash(cli->arena, password);
    if (app_open(cli->arena, config, &app, &why) != OK) {
        app_close(app);
        return command_refuse(why);
    }
    err = app_write(app, cli->arena, user_step, user, &fault);
    app_close(app);
    return err == OK ? 0 : command_refuse(fault.message);
}

int command_user(struct cli *cli, struct app_config *config, const struct command_options *options)
{
    struct user user = {.staff = {.role = S("admin")}, .options = options};

    if (cli->count == 2 && strcmp(cli->args[0], "add") == 0)
        user.is_new = true;
    else if (cli->count != 2 || strcmp(cli->args[0], "password") != 0)
        return command_refuse(S("papilio user add|password LOGIN --data DIR")) + 1;
    user.staff.login = str_of(cli->args[1]);
    user.staff.name = options->name.at ? options->name : user.staff.login;
    if (options->role.at)
        user.staff.role = options->role;
    user.staff.org_code = options->org;
    return user_run(cli, config, &user);
}
