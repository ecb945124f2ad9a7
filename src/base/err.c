/* Error names, and what happens when something that cannot be false is false.
 * Always: must_fail does not return; a catcher that returns is itself a bug and stops the process.
 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local must_catcher *thread_catcher;
static _Thread_local void *thread_catcher_user;

const char *err_name(enum err err)
{
    static const char *const names[ERR_COUNT] = {
        [OK] = "ok",
        [E_INPUT] = "input",
        [E_SIGN_IN] = "sign_in",
        [E_FORBIDDEN] = "forbidden",
        [E_NOT_FOUND] = "not_found",
        [E_CONFLICT] = "conflict",
        [E_TOO_LARGE] = "too_large",
        [E_MISMATCH] = "mismatch",
        [E_RATE] = "rate",
        [E_BUSY] = "busy",
        [E_IO] = "io",
        [E_CORRUPT] = "corrupt",
        [E_INTERNAL] = "internal",
    };

    if ((unsigned)err >= ERR_COUNT)
        return "unknown";
    return names[err];
}

void must_catch(must_catcher *catcher, void *user)
{
    thread_catcher = catcher;
    thread_catcher_user = user;
}

_Noreturn void must_fail(const char *what, const char *file, int line)
{
    if (thread_catcher)
        thread_catcher(thread_catcher_user, what, file, line);
    fprintf(stderr, "%s:%d: must: %s\n", file, line, what);
    fflush(stderr);
    abort();
}
