/* A base of a test's own, written with raw SQL behind the program's back: for tests that need rows no
 * route would write, such as broken ones. */
#pragma once

#include "base/base.h"

/* Runs SQL on FOLDER/papilio.db; stops the test where that fails. */
void base_sql(const char *folder, const char *sql);
