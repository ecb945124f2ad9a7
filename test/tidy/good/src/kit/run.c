/* run.c: every name that is allowed. malloc() and strcpy() in a comment are words. */
#include "base/arena.h"
#include "kit/app.h"
#include "kit/run_private.h"

static int anything(int a, int b, int c, int d, int e)
{
    const char *text = "strcpy(a, b); goto } {";
    return a + b + c + d + e + (int)text[0] + '{';
}

int run_one(void (*back)(int a, int b, int c, int d, int e, int f))
{
    return anything(1, 2, 3, 4, 5);
}

int runs_all(struct app *app)
{
    app->time(0); /* a member, not time() */
    app.free(1);
    return 0;
}

int app_run(int a, const char *fmt, ...) PRINTF_LIKE(2, 3)
{
    return a;
}

int kit_run(int a, int b, int c, int d, ...)
{
    return a;
}

/* tidy: the oldest name of all, kept for those who know it */
int begin(void)
{
    free(0); /* tidy: it was not ours to begin with */
    return 0;
}

const struct row rows[] = {
    {1, 2, 3},
};
