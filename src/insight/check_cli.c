/* `papilio check`: on the folder itself, or through the server that holds it. Prints a line an
 * invariant; exit 0 when all hold, 1 when one does not or the base cannot be read. */
#include <stdio.h>

#include "base/json.h"
#include "host/file.h"
#include "insight/insight.h"

static int refuse(struct str why)
{
    fprintf(stderr, "papilio: %.*s\n", STR(why));
    return 1;
}

static int report_print(struct str text, int64_t failed_count)
{
    printf("%.*s", STR(text));
    if (failed_count > 0)
        fprintf(stderr, "papilio: %" PRId64 " checks failed\n", failed_count);
    return failed_count > 0 ? 1 : 0;
}

/* ---- by the server that holds the folder ----------------------------------------------------- */

static int reply_print(struct arena *arena, struct str reply)
{
    struct json json;
    const struct json *text, *failed;

    if (json_parse(arena, reply, &json, NULL) != OK)
        return refuse(S("the server's answer is not understood"));
    text = json_get(&json, "text");
    failed = json_get(&json, "failed_count");
    if (text == NULL || text->type != JSON_STR || failed == NULL || failed->type != JSON_INT)
        return refuse(reply);
    return report_print(text->text, failed->integer);
}

/* ---- by this process ------------------------------------------------------------------------- */

struct checking {
    struct arena *arena;
    struct check_report report;
};

static enum err check_step(struct ctx *c, void *user)
{
    struct checking *checking = user;
    struct check_report report;

    TRY(check_run(c, &report));
    checking->report.failed_count = report.failed_count;
    checking->report.text = str_copy(checking->arena, report.text);
    return OK;
}

static int check_here(struct cli *cli, const struct app_config *config)
{
    struct checking checking = {.arena = cli->arena};
    struct app_config mine = *config;
    struct fault fault = {.err = OK};
    struct str why = {0};
    struct app *app;
    enum err err;

    if (!app_has_base(cli->arena, config))
        return refuse(str_fmt(cli->arena, "%.*s holds no base", STR(config->data)));
    mine.listen = (struct str){0};
    if (app_open(cli->arena, &mine, &app, &why) != OK) {
        app_close(app);
        return refuse(why);
    }
    err = app_read(app, cli->arena, check_step, &checking, &fault);
    app_close(app);
    return err == OK ? report_print(checking.report.text, checking.report.failed_count)
                     : refuse(fault.message.at == NULL ? str_of(err_name(err)) : fault.message);
}

int check_command(struct cli *cli, const struct app_config *config)
{
    struct str reply;
    int status;
    enum err err =
        cli_ask(cli->arena, config->data, "/local/check", (struct str){0}, &status, &reply);

    if (err == E_NOT_FOUND)
        return check_here(cli, config);
    if (err != OK)
        return refuse(S("the server that holds the folder does not answer"));
    return reply_print(cli->arena, reply);
}
