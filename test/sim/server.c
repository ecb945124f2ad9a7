/* The simulated program as a real server, to be killed: `sim_server serve --data DIR --listen
 * ADDRESS`, with --db URL and --key-file FILE. SIM_PAYEE: the payee's file. SIM_NOTICE: the port
 * that notices go to. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"

int main(int argc, const char **argv)
{
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct cli cli = {.arena = arena, .count = argc - 2, .args = argv + 2};
    const char *port = getenv("SIM_NOTICE");
    const struct cli_option options[] = {
        {"--data", &sim_config.data, NULL},
        {"--listen", &sim_config.listen, NULL},
        {"--db", &sim_config.db, NULL},
        {"--key-file", &sim_config.key_file, NULL},
        {NULL, NULL, NULL},
    };
    int64_t number;

    sim_config_make();
    sim_config.is_filling = false; /* what is acknowledged is on the disk */
    if (argc < 2 || getenv("SIM_PAYEE") == NULL || port == NULL ||
        !str_to_int(str_of(port), &number) || !cli_parse(&cli, options)) {
        fputs("SIM_PAYEE=FILE SIM_NOTICE=PORT sim_server serve --data DIR --listen ADDRESS\n",
              stderr);
        return 2;
    }
    sim_notice_port_set((int)number);
    return command_serve(&cli, &sim_config);
}
