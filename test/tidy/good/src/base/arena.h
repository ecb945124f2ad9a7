/* The arena. */
void *arena_alloc(int size);
