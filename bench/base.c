/* json-read, csv-read: what every request and every import pays first. JSON beside jansson on an
 * event of about 1 KB with Chinese text; CSV of a customer list beside memcpy of the same bytes.
 * CPU time, rounds interleaved, best of each. */
#include "base/csv.h"
#include "base/json.h"
#include "bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 7
#define EVENTS 20000
#define CSV_BYTES ((size_t)32 << 20)
#define JSON_BAR 0.2  /* of jansson's time */
#define CSV_BAR 0.015 /* of memcpy's bytes a second */

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double least(double a, double b)
{
    return a < b ? a : b;
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

/* jansson is loaded, not linked: it too has a json_null(). */
struct jansson {
    void *(*loadb)(const char *at, size_t len, size_t flags, void *error);
    void (*delete)(void *value);
};

static bool jansson_open(struct jansson *jansson)
{
    void *library = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return false;
    *(void **)&jansson->loadb = dlsym(library, "json_loadb");
    *(void **)&jansson->delete = dlsym(library, "json_delete");
    return jansson->loadb && jansson->delete;
}

static double read_ours(struct arena *arena, struct str text)
{
    double start_us = now_us();
    struct json value;

    for (int i = 0; i < EVENTS; i++) {
        arena_reset(arena);
        must(json_parse(arena, text, &value, NULL) == OK);
    }
    return (now_us() - start_us) / EVENTS;
}

static double read_jansson(const struct jansson *jansson, struct str text)
{
    double start_us = now_us();
    char error[1024]; /* json_error_t is smaller */

    for (int i = 0; i < EVENTS; i++) {
        void *value = jansson->loadb(text.at, text.len, 1, error); /* JSON_REJECT_DUPLICATES */
        must(value != NULL);
        jansson->delete (value);
    }
    return (now_us() - start_us) / EVENTS;
}

static double write_ours(struct buf *buf)
{
    double start_us = now_us();

    for (int i = 0; i < EVENTS; i++) {
        buf_reset(buf);
        event_write(buf);
    }
    return (now_us() - start_us) / EVENTS;
}

static void bench_json(void)
{
    struct arena *arena = arena_new(1 << 20);
    struct bench_row row = {.name = "json-read", .unit = "us", .peer = "jansson", .bar = JSON_BAR};
    struct jansson jansson;
    struct buf buf;
    double write_us = 1e9;
    bool has_peer = jansson_open(&jansson);

    buf_init(&buf, 1 << 20);
    event_write(&buf);
    row.value = row.peer_value = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        row.value = least(row.value, read_ours(arena, buf_view(&buf)));
        if (has_peer)
            row.peer_value = least(row.peer_value, read_jansson(&jansson, buf_view(&buf)));
        write_us = least(write_us, write_ours(&buf));
    }
    printf("event of %zu bytes: read %.2f us, written %.2f us\n", buf.len, row.value, write_us);
    row.ratio = row.value / row.peer_value;
    if (has_peer)
        bench_row_print(&row);
    buf_release(&buf);
    arena_free(arena);
}

static double csv_run(struct str file)
{
    double start_us = now_us();
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
    return now_us() - start_us;
}

static void bench_csv(const char *name, const char *row_text)
{
    struct bench_row row = {
        .name = name, .unit = "MB/s", .peer = "memcpy", .bar = CSV_BAR, .is_at_least = true};
    struct buf buf, copy;
    double our_us = 1e12, copy_us = 1e12;

    if (!bench_wants(name))
        return;
    buf_init(&buf, CSV_BYTES * 2);
    buf_init(&copy, CSV_BYTES * 2);
    while (buf.len < CSV_BYTES)
        buf_str(&buf, str_of(row_text));
    for (int round = 0; round < ROUNDS; round++) {
        double start_us;
        our_us = least(our_us, csv_run(buf_view(&buf)));
        start_us = now_us();
        buf_reset(&copy);
        buf_str(&copy, buf_view(&buf));
        copy_us = least(copy_us, now_us() - start_us);
    }
    row.value = (double)buf.len / our_us;
    row.peer_value = (double)buf.len / copy_us;
    row.ratio = row.value / row.peer_value;
    bench_row_print(&row);
    buf_release(&buf);
    buf_release(&copy);
}

int main(void)
{
    if (bench_wants("json-read"))
        bench_json();
    bench_csv(
        "csv-read-ascii",
        "1000123,Ana Example,+8613800000000,ana@example.com,2026-11-22 12:00:00,199.00,gold\n");
    bench_csv("csv-read-chinese",
              "1000123,\xE8\x9D\xB4\xE8\x9D\xB6\xE7\x8E\xAB,13800000000,\xE4\xB8\x8A\xE6\xB5\xB7"
              "\xE5\xB8\x82\xE6\xB5\xA6\xE4\xB8\x9C\xE6\x96\xB0\xE5\x8C\xBA,2026-11-22,199.00\n");
    bench_csv("csv-read-quoted", "\"1000123\",\"Ana \"\"A\"\" Example\",\"x, y\",\"199.00\"\r\n");
    bench_csv("csv-read-gb18030", "1000123,\xC9\xCF\xBA\xA3\xCA\xD0,13800000000,"
                                  "\xC9\xCF\xBA\xA3\xCA\xD0,2026-11-22,199.00\n");
    return 0;
}
