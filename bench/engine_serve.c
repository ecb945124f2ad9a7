/* The engine's side of engine.bench.mjs: `bench_engine_serve FOLDER` makes the generated events,
 * keeps them in a store there, writes the same as events.csv and tags.csv for the peers, then
 * answers a line at a time on stdin: ask NAME summed|columns   the answer's rows and the CPU time
 * of one thread cpu PID                   that process's CPU time so far Without a folder it does
 * nothing: it is no benchmark of its own. */
#include "engine_questions.h"

#include "host/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEAN 100
#define LINE_BYTES 256

static struct data data;
static struct asker asker = {.data = &data};

/* ---- files for the peers --------------------------------------------------------------------- */

static FILE *file_in(const char *folder, const char *name)
{
    char path[LINE_BYTES];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    must(file != NULL);
    return file;
}

/* Numbers with commas between and the line's end behind; printf takes minutes for so many. */
static void line_write(FILE *file, const uint32_t *numbers, int count)
{
    char text[LINE_BYTES], *at = text + sizeof(text);

    *--at = '\n';
    for (int i = count - 1; i >= 0; i--) {
        uint32_t left = numbers[i];

        do
            *--at = (char)('0' + left % 10);
        while ((left /= 10) > 0);
        if (i > 0)
            *--at = ',';
    }
    must(fwrite(at, 1, (size_t)(text + sizeof(text) - at), file) > 0);
}

static void events_write(const char *folder)
{
    FILE *file = file_in(folder, "events.csv");

    for (size_t i = 0; i < data.count; i++) {
        const struct data_event *event = &data.events[i];
        uint32_t numbers[] = {event->customer, event->second, event->kind, event->channel,
                              event->amount};

        line_write(file, numbers, ARRAY_LEN(numbers));
    }
    must(fclose(file) == 0);
}

static void tags_write(const char *folder)
{
    FILE *file = file_in(folder, "tags.csv");

    for (uint32_t tag = 0; tag < DATA_TAGS; tag++) {
        uint32_t found[4096], from = 0;
        size_t count = ARRAY_LEN(found);

        for (; count == ARRAY_LEN(found); from = found[count - 1] + 1) {
            count = bitmap_read(&data.tags[tag], from, found, ARRAY_LEN(found));
            for (size_t i = 0; i < count; i++) {
                uint32_t numbers[] = {found[i], tag};

                line_write(file, numbers, ARRAY_LEN(numbers));
            }
            if (count == 0)
                break;
        }
    }
    must(fclose(file) == 0);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void ask(const char *name, const char *way)
{
    static int64_t answer[ANSWER_MAX];

    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        if (strcmp(questions[i].name, name) != 0)
            continue;
        asker.scan.is_columns_only = strcmp(way, "columns") == 0;
        printf("{\"us\":%.1f,\"rows\":", question_us(&asker, &questions[i], true, answer));
        answer_print(&questions[i], answer);
        puts("}");
        return;
    }
    puts("{}");
}

/* Of all its threads, also those that have ended. */
static void cpu(long pid)
{
    struct timespec spent = {0};
    clockid_t clock;

    must(clock_getcpuclockid((pid_t)pid, &clock) == 0 && clock_gettime(clock, &spent) == 0);
    printf("{\"us\":%.1f}\n", (double)spent.tv_sec * 1e6 + (double)spent.tv_nsec / 1e3);
}

static void serve(void)
{
    char line[LINE_BYTES], name[64], way[16];
    long pid;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "ask %63s %15s", name, way) == 2)
            ask(name, way);
        else if (sscanf(line, "cpu %ld", &pid) == 1)
            cpu(pid);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct store_options options = {
        .schema = data_schema, .merge_ppm = 1000000, .unmerged_max = 1 << 25};
    char folder[LINE_BYTES];
    struct store *store;

    if (argc < 2)
        return 0;
    data_make(&data, data_customers(), MEAN);
    events_write(argv[1]);
    tags_write(argv[1]);
    snprintf(folder, sizeof(folder), "%s/store", argv[1]);
    must(store_open(str_of(folder), &options, &store) == OK);
    data_append(&data, store, 0, data.count);
    must(store_merge(store) == OK);
    free(data.events);
    asker.scan.snapshot = store_snapshot(store);
    printf("{\"events\":%zu,\"customers\":%u}\n", data.count, data.customer_count);
    fflush(stdout);
    serve();
    store_release(store, asker.scan.snapshot);
    store_close(store);
    must(folder_remove(str_of(folder)) == OK);
    return 0;
}
