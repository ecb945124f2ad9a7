/* The app: a header whose functions may stand in any file of the folder. Columns beyond 100 but not beyond 140 are fine here. */
struct app {
    int64_t started_ms, request_count;
    int64_t id;
    int64_t *any; /* a pointer has no unit */
    bool is_on;
    struct {
        int64_t left_fen;
    } inner;
};
