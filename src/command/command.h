/* The commands of the command line that open the folder themselves. Each gets its operands and the
 * program's tables, and returns the exit status: 0 done, 1 refused (said on stderr), 2 called
 * wrongly. */
#pragma once

#include "kit/cli.h"

#define COMMAND_DATA_DEFAULT "papilio-data"

/* The console's files in the program itself; none in a development build. */
extern const struct http_page command_pages[];
extern const int command_page_count;

/* Says why on stderr; returns 1. */
int command_refuse(struct str why);

/* What the options of `demo`, `user` and `restore` set; no value: not given. */
struct command_options {
    struct str seed;       /* demo */
    struct str name, role, org; /* user */
    struct str brand, zone,
        currency; /* user add: with these the first account sets the brand up too */
    struct str deletions; /* restore */
    bool is_forced;       /* restore */
    struct str from, to;  /* copy */
};

int command_serve(struct cli *cli, struct app_config *config);
int command_demo(struct cli *cli, struct app_config *config, const struct command_options *options);
int command_backup(struct cli *cli, const struct app_config *config);
int command_restore(struct cli *cli, const struct app_config *config,
                    const struct command_options *options);
int command_copy(struct cli *cli, const struct command_options *options);
int command_user(struct cli *cli, struct app_config *config, const struct command_options *options);
