/* A test may own memory and names. */
int helper(void)
{
    free(malloc(1));
    return 0;
}
