/* The product's tables in one place: routes, roles, event kinds, reactions, what happens at start
 * and once a minute. main.c, tests and benchmarks open their app with a copy of it. */
#pragma once

#include "kit/app.h"

extern const struct app_config papilio_config;
