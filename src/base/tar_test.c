/* Headers come back as written, other tar programs read them, broken ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/tar.h"

static void comes_back(void **state)
{
    static const int64_t sizes[] = {0, 1, 511, 512, 513, 0x1ffffffff, 0x200000000, INT64_MAX / 2};
    char block[TAR_BLOCK_BYTES];
    struct tar_entry entry;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct tar_entry wanted = {S("imports/17-rejects.csv"), sizes[i], 1780000000};
        tar_head_write(&wanted, block);
        assert_int_equal(tar_head_read(block, &entry), OK);
        assert_true(str_eq(entry.name, wanted.name));
        assert_int_equal(entry.size_bytes, sizes[i]);
        assert_int_equal(entry.changed_s, 1780000000);
        assert_int_equal((sizes[i] + tar_fill(sizes[i])) % TAR_BLOCK_BYTES, 0);
        assert_true(tar_fill(sizes[i]) < TAR_BLOCK_BYTES);
    }
}

static void broken_ones_are_refused(void **state)
{
    struct tar_entry wanted = {S("papilio.db"), 77, 5}, entry;
    char block[TAR_BLOCK_BYTES];

    (void)state;
    for (int i = 0; i < TAR_BLOCK_BYTES; i++) {
        tar_head_write(&wanted, block);
        block[i] = (char)(block[i] + 1);
        if (tar_head_read(block, &entry) == OK) /* the blank behind the sum is nobody's */
            assert_true(i == 155);
    }
    memset(block, 0, sizeof(block));
    assert_int_equal(tar_head_read(block, &entry), E_NOT_FOUND);
    memset(block, 'x', sizeof(block));
    assert_int_equal(tar_head_read(block, &entry), E_CORRUPT);
}

static void other_programs_read_it(void **state)
{
    struct tar_entry wanted = {S("a file.txt"), 5, 1780000000};
    char block[TAR_BLOCK_BYTES], line[256], path[] = "/tmp/papilio-tar-XXXXXX";
    int fd = mkstemp(path);
    FILE *tar;

    (void)state;
    tar_head_write(&wanted, block);
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    memset(block, 0, sizeof(block));
    memcpy(block, "hello", 5);
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    memset(block, 0, sizeof(block));
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    close(fd);
    snprintf(line, sizeof(line), "tar tf %s && tar xOf %s", path, path);
    tar = popen(line, "r");
    assert_non_null(fgets(line, sizeof(line), tar));
    assert_string_equal(line, "a file.txt\n");
    assert_non_null(fgets(line, sizeof(line), tar));
    assert_string_equal(line, "hello");
    assert_int_equal(pclose(tar), 0);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(broken_ones_are_refused),
        cmocka_unit_test(other_programs_read_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
