/* Parameters and names. */
static struct str wide(struct ctx *c, int (*back)(int, int), int a, int b,
                       int d, int e)
{
    return c;
}

void sigh_deep(void)
{
}

/* tidy: no */
void signal_all(void) MUST_USE PRINTF_LIKE(1, 2)
{
}
