/* Members without a unit. */
struct member {
    int64_t price;
    int64_t left_count, right;
    struct {
        int64_t old;
    } inner;
};
