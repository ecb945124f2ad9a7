/* Tests, too. */
static void test(void)
{
    free(malloc(1));
    sprintf(0, "%d", 1);
}
