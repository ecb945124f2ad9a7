/* Files on a real file system, in a folder of the test's own. */
#include "host/file.h"

#include "host/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena *arena;
static char folder[64];

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(32 * 1024 * 1024);
    snprintf(folder, sizeof(folder), "/tmp/file_test_XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct str in_folder(const char *name)
{
    return str_fmt(arena, "%s/%s", folder, name);
}

static void whole_files(void **state)
{
    struct str path = in_folder("a"), got;
    struct stat info;

    (void)state;
    assert_int_equal(file_read(arena, path, 100, &got), E_NOT_FOUND);
    assert_false(file_exists(path));
    assert_int_equal(file_write(path, S("one"), 0600), OK);
    assert_int_equal(file_write(path, S("second"), 0600), OK);
    assert_true(file_exists(path));
    assert_int_equal(stat(str_cstr(arena, path), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(file_read(arena, path, 6, &got), OK);
    assert_true(str_is(got, "second"));
    assert_int_equal(file_read(arena, path, 5, &got), E_TOO_LARGE);
    assert_int_equal(file_write(path, S(""), 0600), OK);
    assert_int_equal(file_read(arena, path, 5, &got), OK);
    assert_int_equal(got.len, 0);
    assert_int_equal(file_write(in_folder("no/such/a"), S("x"), 0600), E_NOT_FOUND);
    assert_int_equal(file_read(arena, str_of(folder), 1000000, &got), E_IO);
    assert_int_equal(file_read(arena, (struct str){"/dev/zero", 9}, 1000, &got), E_TOO_LARGE);
}

static int entries_count(void)
{
    DIR *dir = opendir(folder);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* After a write that failed the old content stands and no passing file is left. */
static void a_failed_write_changes_nothing(void **state)
{
    struct str path = in_folder("old"), got;
    int status, entry_count;
    pid_t child;

    (void)state;
    assert_int_equal(file_write(path, S("old"), 0600), OK);
    entry_count = entries_count();
    child = fork();
    if (child == 0) {
        char *big = calloc(1, 100000);
        struct str bytes = {big, 100000};
        struct rlimit limit = {50000, 50000}; /* like a disk that is full after so many bytes */
        signal(SIGXFSZ, SIG_IGN);
        if (big == NULL || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(9);
        _exit(file_write(path, bytes, 0600) == E_IO ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(file_read(arena, path, 100, &got), OK);
    assert_true(str_is(got, "old"));
    assert_int_equal(entries_count(), entry_count);
}

static void folders(void **state)
{
    (void)state;
    assert_int_equal(folder_make(in_folder("x/y/z")), OK);
    assert_int_equal(folder_make(in_folder("x/y/z")), OK);
    assert_int_equal(folder_make(in_folder("x/y/w/")), OK);
    assert_true(file_exists(in_folder("x/y/w")));
    assert_int_equal(file_write(in_folder("x/file"), S("1"), 0600), OK);
    assert_int_equal(folder_make(in_folder("x/file")), E_IO);
    assert_int_equal(folder_make(in_folder("x/file/y")), E_IO);
}

static void what_lies_in_a_folder(void **state)
{
    struct list names;

    (void)state;
    assert_int_equal(folder_make(in_folder("list/deep")), OK);
    assert_int_equal(file_write(in_folder("list/b"), S("x"), 0600), OK);
    assert_int_equal(file_write(in_folder("list/a"), S("x"), 0600), OK);
    assert_int_equal(file_write(in_folder("list/deep/c"), S("x"), 0600), OK);
    assert_int_equal(folder_list(arena, in_folder("list"), 3, &names), OK);
    assert_int_equal(names.count, 3);
    assert_true(str_is(((struct str *)names.at)[0], "a"));
    assert_true(str_is(((struct str *)names.at)[1], "b"));
    assert_true(str_is(((struct str *)names.at)[2], "deep"));
    assert_int_equal(folder_list(arena, in_folder("list"), 2, &names), E_TOO_LARGE);
    assert_int_equal(folder_list(arena, in_folder("none"), 2, &names), E_NOT_FOUND);
    assert_true(folder_is(in_folder("list")));
    assert_false(folder_is(in_folder("list/a")));
    assert_true(folder_is_mine(in_folder("list")));
    assert_false(folder_is_mine(in_folder("none")));
    assert_int_equal(folder_remove(in_folder("list")), OK);
    assert_false(file_exists(in_folder("list")));
    assert_int_equal(folder_remove(in_folder("list")), OK);
}

static void moving_overwrites_nothing(void **state)
{
    struct str got;

    (void)state;
    assert_int_equal(file_write(in_folder("from"), S("new"), 0600), OK);
    assert_int_equal(file_write(in_folder("taken"), S("old"), 0600), OK);
    assert_int_equal(file_move(in_folder("from"), in_folder("taken")), E_CONFLICT);
    assert_int_equal(file_read(arena, in_folder("taken"), 10, &got), OK);
    assert_true(str_is(got, "old"));
    assert_int_equal(file_move(in_folder("from"), in_folder("to")), OK);
    assert_false(file_exists(in_folder("from")));
    assert_int_equal(file_read(arena, in_folder("to"), 10, &got), OK);
    assert_true(str_is(got, "new"));
    assert_int_equal(file_move(in_folder("from"), in_folder("to")), E_NOT_FOUND);
}

static void one_process_has_the_lock(void **state)
{
    struct str path = in_folder("lock");
    int fd, again, status;
    pid_t child;

    (void)state;
    assert_int_equal(file_lock(path, &fd), OK);
    child = fork();
    if (child == 0)
        _exit(file_lock(path, &again) == E_CONFLICT ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(file_lock(path, &again), E_CONFLICT);
    file_unlock(fd);
    assert_int_equal(file_lock(path, &again), OK);
    file_unlock(again);
}

static void pieces(void **state)
{
    struct file_writer *writer;
    struct file_reader *reader;
    struct str path = in_folder("pieces"), chunk;
    size_t total = 0, want = 0;
    char line[2048];

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(file_create(arena, path, &writer), OK);
    for (size_t i = 0; i < 1000; i++, want += i % sizeof(line))
        assert_int_equal(file_append(writer, (struct str){line, (i + 1) % sizeof(line)}), OK);
    assert_int_equal(file_append(writer, (struct str){arena_alloc(arena, 300000), 300000}), OK);
    want += 300000;
    assert_int_equal(file_finish(writer), OK);
    assert_int_equal(file_open(arena, path, &reader), OK);
    assert_int_equal(file_size(reader), want);
    do {
        assert_int_equal(file_next(reader, &chunk), OK);
        assert_true(chunk.len <= 256 * 1024);
        total += chunk.len;
    } while (chunk.len > 0);
    assert_int_equal(total, want);
    file_close(reader);
    assert_int_equal(file_open(arena, in_folder("none"), &reader), E_NOT_FOUND);
    assert_int_equal(file_open(arena, str_of(folder), &reader), E_IO);
    assert_int_equal(file_create(arena, str_of("/dev/full"), &writer), OK);
    assert_int_equal(file_append(writer, S("x")), OK); /* still in the buffer */
    assert_int_equal(file_finish(writer), E_IO);
}

static void the_clock_can_be_set(void **state)
{
    int64_t before_us = clock_mono_us();

    (void)state;
    assert_true(clock_now_ms() > INT64_C(1700000000000));
    clock_simulate(42);
    assert_int_equal(clock_now_ms(), 42);
    clock_simulate(NONE);
    assert_true(clock_now_ms() > INT64_C(1700000000000));
    assert_true(clock_mono_us() >= before_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files),
        cmocka_unit_test(a_failed_write_changes_nothing),
        cmocka_unit_test(folders),
        cmocka_unit_test(what_lies_in_a_folder),
        cmocka_unit_test(moving_overwrites_nothing),
        cmocka_unit_test(one_process_has_the_lock),
        cmocka_unit_test(pieces),
        cmocka_unit_test(the_clock_can_be_set),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
