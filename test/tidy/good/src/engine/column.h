/* The engine's columns have types of their own. */
struct column {
    int64_t anything;
};
