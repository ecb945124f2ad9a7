/* Data insight (数据洞察): what the base says about the butterfly, repurchase and cohorts, and whether the base agrees with
 * itself. Reads only. Every figure's definition stands in GLOSSARY.md; money is whole minor units, rates are parts per
 * million with their numerator and denominator beside them. */
#pragma once

#include "kit/app.h"
#include "kit/cli.h"

extern const struct route
    overview_routes[]; /* /api/overview, /api/overview/cohort, /api/overview/raw */
extern const struct route layer_routes[]; /* /api/rfm, /api/layers/... */
extern const struct route thickness_routes[]; /* /api/tags/thickness */
extern const struct route
    check_routes[]; /* /local/check: the same report over the socket of the command line */

/* File of the data folder: when the last backup was made, in milliseconds. `papilio backup` writes it. */
#define HEALTH_BACKUP_MARK "backed-up"
extern const struct route health_routes[]; /* how the parts of the house are, and one check at a time */

/* What `papilio check` found: a line an invariant, "ok NAME" or "FAILED NAME: COUNT: first offenders". In the arena. */
struct check_report {
    struct str text;
    int64_t failed_count;
};
enum err check_run(struct ctx *c, struct check_report *report) MUST_USE;

/* `papilio check --data DIR`. The exit status. */
int check_command(struct cli *cli, const struct app_config *config);
