/* The command line: options of one command, and the two ways a command reaches a base: it opens the
 * folder itself, or, while a server holds it, asks that server over its socket. */
#pragma once

#include "kit/app.h"

struct cli_option {
    const char *name; /* "--data" */
    struct str *text; /* takes a value */
    bool *flag;       /* takes none */
};

/* Options may stand anywhere; what is left are the operands. false: *why says what is wrong.
 * Options end with name NULL. */
struct cli {
    struct arena *arena;
    int count;         /* arguments behind the command's name; then operands */
    const char **args; /* rewritten: the operands */
    struct str why;
};
bool cli_parse(struct cli *cli, const struct cli_option *options);

/* Asks the server that holds the folder: E_NOT_FOUND if none does. body no value: GET. */
enum err cli_ask(struct arena *arena, struct str data, const char *path, struct str body,
                 int *status, struct str *reply) MUST_USE;
