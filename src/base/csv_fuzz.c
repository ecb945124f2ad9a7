/* Any bytes, fed at once and cut by the bytes' own values, give the same; fields are UTF-8. */
#include "base/csv.h"

#include "base/utf8.h"

static uint64_t run(const uint8_t *at, size_t len, size_t step_max)
{
    struct csv *csv = csv_new();
    struct csv_record record;
    uint64_t hash = 0;
    size_t done = 0;

    while ((record = csv_next(csv)).kind != CSV_END) {
        if (record.kind == CSV_MORE) {
            size_t left = len - done;
            size_t step = left ? 1 + at[done] % step_max : 0;
            step = step < left && step_max > 1 ? step : left;
            csv_feed(csv, at + done, step);
            done += step;
            continue;
        }
        hash = str_hash(record.raw, hash + (uint64_t)record.line * 31 + (uint64_t)record.offset);
        must(record.count <= CSV_FIELD_MAX);
        for (size_t i = 0; i < record.count; i++) {
            must(utf8_is_valid(record.fields[i]));
            hash = str_hash(record.fields[i], hash);
        }
    }
    must(done == len);
    csv_free(csv);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    must(run(at, len, 1) == run(at, len, 50));
    return 0;
}
