/* Shared inside kit/. */
int run_one(void (*back)(int a, int b, int c, int d, int e, int f));
