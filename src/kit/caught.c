/* Catching a false must(). Always: only mistakes of layers that hold no locks and no memory of
 * their own are caught, and a full arena, which is the excess of the work that filled it. */
#include "kit/caught.h"

#include <setjmp.h>

#include "kit/kit_private.h"

struct catcher {
    jmp_buf jump;
    struct app *app;
};

static bool is_caught(const char *file)
{
    static const char *const places[] = {"manage/", "play/", "flow/", "insight/", "arena.c"};

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (strstr(file, places[i]))
            return true;
    return false;
}

static void on_must(void *user, const char *what, const char *file, int line)
{
    struct catcher *catcher = user;

    must_catch(NULL, NULL);
    if (!is_caught(file))
        must_fail(what, file, line);
    atomic_fetch_add(&catcher->app->metrics.must_count, 1);
    app_log(catcher->app, "error", "must", "%s:%d: %s", file, line, what);
    longjmp(catcher->jump, 1);
}

bool caught_run(struct app *app, void (*step)(void *user), void *user)
{
    struct catcher catcher = {.app = app};

    if (setjmp(catcher.jump) != 0)
        return false;
    must_catch(on_must, &catcher);
    step(user);
    must_catch(NULL, NULL);
    return true;
}
