/* Parsing options by a table, and asking a running server. */
#include "kit/cli.h"

#include "host/client.h"

static const struct cli_option *option_find(const struct cli_option *options, struct str name)
{
    for (; options->name; options++)
        if (str_is(name, options->name))
            return options;
    return NULL;
}

/* "--name value" or "--name=value". */
static bool option_take(struct cli *cli, const struct cli_option *options, int *at)
{
    struct str name, value;
    bool has_value = str_cut(str_of(cli->args[*at]), '=', &name, &value);
    const struct cli_option *option = option_find(options, name);

    if (option == NULL || (option->flag && has_value)) {
        cli->why = str_fmt(cli->arena, "unknown option %s", cli->args[*at]);
        return false;
    }
    if (option->flag) {
        *option->flag = true;
        return true;
    }
    if (!has_value && *at + 1 >= cli->count) {
        cli->why = str_fmt(cli->arena, "%s needs a value", option->name);
        return false;
    }
    *option->text = has_value ? value : str_of(cli->args[++*at]);
    return true;
}

bool cli_parse(struct cli *cli, const struct cli_option *options)
{
    int operands = 0;

    for (int i = 0; i < cli->count; i++) {
        if (strncmp(cli->args[i], "--", 2) != 0)
            cli->args[operands++] = cli->args[i];
        else if (!option_take(cli, options, &i))
            return false;
    }
    cli->count = operands;
    return true;
}

#define ASK_MS 600000

/* tidy: where to ask and what, then the two halves of the answer */
enum err cli_ask(struct arena *arena, struct str data, const char *path, struct str body,
                 int *status, struct str *reply)
{
    struct client_call call = {
        .unix_path = str_fmt(arena, "%.*s/papilio.sock", STR(data)),
        .url = str_fmt(arena, "http://localhost%s", path),
        .body = body,
        .timeout_ms = ASK_MS,
    };

    TRY(client_run(arena, &call));
    *status = call.status;
    *reply = call.reply;
    return OK;
}
