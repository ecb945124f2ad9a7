/* Calls that are not for kit. */
#include "host/store_private.h"

void call_all(char *a, char *b)
{
    a = malloc(10);
    strcpy (a, b);
    x = y->ok ? atoi(a) : (int)time(0);
    if (rand())
        goto out;
out:
    sqlite3_step(a);
}
