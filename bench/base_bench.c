/* base: JSON and CSV against what the machine can do. Prints ns and MB/s, best of several rounds.
 * json: a 1 KB event with Chinese text. csv: a customer list; memcpy of the same bytes is the
 * floor. */
#include "base/csv.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS 7

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show(const char *name, double seconds, double bytes)
{
    printf("%-24s %10.1f ns %10.0f MB/s\n", name, seconds * 1e9, bytes / seconds / 1e6);
}

static void event_write(struct buf *buf)
{
    struct json_out out;

    json_out_init(&out, buf);
    json_object_begin(&out);
    json_name(&out, "event");
    json_str(&out, S("order_paid"));
    json_name(&out, "customer_id");
    json_id(&out, INT64_C(7301234567890123456));
    json_name(&out, "occurred_ms");
    json_int(&out, INT64_C(1763781234567));
    json_name(&out, "channel");
    json_str(&out, S("\xE4\xBC\x81\xE4\xB8\x9A\xE5\xBE\xAE\xE4\xBF\xA1"));
    json_name(&out, "weight");
    json_num(&out, 12.375);
    json_name(&out, "items");
    json_array_begin(&out);
    for (int i = 0; i < 6; i++) {
        json_object_begin(&out);
        json_name(&out, "sku");
        json_str(&out, S("SKU-2026-000123"));
        json_name(&out, "name");
        json_str(&out, S("\xE8\x9D\xB4\xE8\x9D\xB6\xE7\x8E\xAB\xE7\x91\xB0\xE7\xB2\xBE\xE5\x8D\x8E"
                         "\xE9\x9C\xB2"));
        json_name(&out, "price_fen");
        json_int(&out, 19900 + i);
        json_name(&out, "count");
        json_int(&out, i);
        json_name(&out, "is_gift");
        json_bool(&out, i == 5);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_name(&out, "note");
    json_str(&out, S("first line\nsecond \"line\" with text that goes on for a while, as notes do, "
                     "and ends here"));
    json_object_end(&out);
}

static void bench_json(void)
{
    struct arena *arena = arena_new(1 << 20);
    struct buf buf;
    double best_read = 1e9, best_write = 1e9;
    int count = 50000;

    buf_init(&buf, 1 << 20);
    event_write(&buf);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        struct json value;
        for (int i = 0; i < count; i++) {
            arena_reset(arena);
            must(json_parse(arena, buf_view(&buf), &value, NULL) == OK);
        }
        start = (now_s() - start) / count;
        best_read = start < best_read ? start : best_read;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        for (int i = 0; i < count; i++) {
            buf_reset(&buf);
            event_write(&buf);
        }
        start = (now_s() - start) / count;
        best_write = start < best_write ? start : best_write;
    }
    printf("event of %zu bytes\n", buf.len);
    show("json read", best_read, (double)buf.len);
    show("json write", best_write, (double)buf.len);
    buf_release(&buf);
    arena_free(arena);
}

static double csv_run(struct str file)
{
    double start = now_s();
    struct csv *csv = csv_new();
    struct csv_record record;
    size_t at = 0;

    while ((record = csv_next(csv)).kind != CSV_END) {
        size_t len = file.len - at < 65536 ? file.len - at : 65536;
        must(record.kind != CSV_FAULT);
        if (record.kind != CSV_MORE)
            continue;
        csv_feed(csv, file.at + at, len);
        at += len;
    }
    csv_free(csv);
    return now_s() - start;
}

static void bench_csv(const char *name, const char *row)
{
    struct buf buf, copy;
    double best = 1e9, best_copy = 1e9;

    buf_init(&buf, 64 << 20);
    buf_init(&copy, 64 << 20);
    while (buf.len < 32 << 20)
        buf_str(&buf, str_of(row));
    for (int round = 0; round < ROUNDS; round++) {
        double taken = csv_run(buf_view(&buf)), start = now_s();
        buf_reset(&copy);
        buf_str(&copy, buf_view(&buf));
        start = now_s() - start;
        best = taken < best ? taken : best;
        best_copy = start < best_copy ? start : best_copy;
    }
    show(name, best, (double)buf.len);
    show("  memcpy of the same", best_copy, (double)buf.len);
    buf_release(&buf);
    buf_release(&copy);
}

int main(void)
{
    bench_json();
    bench_csv(
        "csv ascii",
        "1000123,Ana Example,+8613800000000,ana@example.com,2026-11-22 12:00:00,199.00,gold\n");
    bench_csv("csv chinese",
              "1000123,\xE8\x9D\xB4\xE8\x9D\xB6\xE7\x8E\xAB,13800000000,"
              "\xE4\xB8\x8A\xE6\xB5\xB7\xE5\xB8\x82"
              "\xE6\xB5\xA6\xE4\xB8\x9C\xE6\x96\xB0\xE5\x8C\xBA,2026-11-22,199.00\n");
    bench_csv("csv quoted", "\"1000123\",\"Ana \"\"A\"\" Example\",\"x, y\",\"199.00\"\r\n");
    bench_csv("csv gb18030", "1000123,\xC9\xCF\xBA\xA3\xCA\xD0,13800000000,"
                             "\xC9\xCF\xBA\xA3\xCA\xD0,2026-11-22,199.00\n");
    return 0;
}
