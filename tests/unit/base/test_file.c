/* test_file.c — a replaced file is the old one or the new one, never a part. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534 };

/* A directory of its own, and the path of "record" in it. */
struct place {
    char dir[PATH_MAX];
    char file[PATH_MAX + 16];
    char temporary[PATH_MAX + 24];
};

static int
place_new(void **state)
{
    static struct place place;
    (void)snprintf(place.dir, sizeof(place.dir), "/tmp/teal-test-file-XXXXXX");
    assert_non_null(mkdtemp(place.dir));
    (void)snprintf(place.file, sizeof(place.file), "%s/record", place.dir);
    (void)snprintf(place.temporary, sizeof(place.temporary), "%s.new", place.file);
    *state = &place;
    return 0;
}

static int
place_free(void **state)
{
    const struct place *place = *state;
    (void)unlink(place->file);
    (void)unlink(place->temporary);
    return rmdir(place->dir);
}

static void
assert_reads(const char *path, const char *text)
{
    struct buf out;
    struct err err;
    buf_init(&out);
    assert_true(file_read(path, 1 << 20, &out, &err));
    assert_true(slice_equal_str(buf_slice(&out), text));
    buf_fini(&out);
}

static bool
replace(const char *path, const char *text, struct err *err)
{
    err_clear(err);
    const bool ok = file_replace(path, slice_of_str(text), err);
    assert_int_equal(ok, !err_is_set(err));
    return ok;
}

/* Runs the claim in a process of its own, where it may change limits and identity. */
static void
in_child(void (*claim)(const struct place *place), const struct place *place)
{
    const pid_t child = fork();
    assert_true(child != -1);
    if (child == 0) {
        claim(place);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void
what_was_written_is_read(void **state)
{
    const struct place *place = *state;
    struct err err;
    struct stat st;
    assert_false(file_exists(place->file));
    assert_true(replace(place->file, "one\n", &err));
    assert_true(file_exists(place->file));
    assert_reads(place->file, "one\n");
    assert_true(replace(place->file, "a longer second one\n", &err));
    assert_reads(place->file, "a longer second one\n");
    assert_true(replace(place->file, "", &err));
    assert_reads(place->file, "");
    assert_false(file_exists(place->temporary));
    assert_int_equal(stat(place->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* A crash may have left it behind. */
static void
a_leftover_temporary_file_does_no_harm(void **state)
{
    const struct place *place = *state;
    struct err err;
    assert_true(replace(place->temporary, "half of an old rec", &err));
    assert_true(replace(place->file, "new", &err));
    assert_reads(place->file, "new");
    assert_false(file_exists(place->temporary));
}

static void
reading_appends_within_the_limit(void **state)
{
    const struct place *place = *state;
    struct err err;
    struct buf out;
    buf_init(&out);
    assert_true(replace(place->file, "12345", &err));
    buf_put(&out, "0", 1);
    assert_true(file_read(place->file, 5, &out, &err));
    assert_true(slice_equal_str(buf_slice(&out), "012345"));
    assert_false(file_read(place->file, 4, &out, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_IO_ERROR);
    assert_non_null(strstr(err.text, "longer than 4 bytes"));
    buf_fini(&out);
}

static void
a_long_file_is_read_whole(void **state)
{
    const struct place *place = *state;
    enum { LEN = 100000 };
    static uint8_t bytes[LEN];
    struct err err;
    struct buf out;
    buf_init(&out);
    for (size_t i = 0; i < LEN; i++) {
        bytes[i] = (uint8_t)(i * 31);
    }
    assert_true(file_replace(place->file, slice_of(bytes, LEN), &err));
    assert_true(file_read(place->file, LEN, &out, &err));
    assert_int_equal(buf_len(&out), LEN);
    assert_memory_equal(buf_slice(&out).p, bytes, LEN);
    buf_fini(&out);
    assert_false(file_read(place->file, LEN - 1, &out, &err));
    buf_fini(&out);
}

static void
what_cannot_be_read_is_named(void **state)
{
    const struct place *place = *state;
    struct err err;
    struct buf out;
    buf_init(&out);
    assert_false(file_read(place->file, 10, &out, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_IO_ERROR);
    assert_non_null(strstr(err.text, place->file));
    assert_non_null(strstr(err.text, "No such file"));
    assert_false(file_read(place->dir, 10, &out, &err)); /* a directory */
    assert_int_equal(buf_len(&out), 0);
    buf_fini(&out);
}

static void
a_place_that_is_no_directory_fails(void **state)
{
    const struct place *place = *state;
    struct err err;
    char path[PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/missing/record", place->dir);
    assert_false(replace(path, "x", &err));
    assert_string_equal(err.sqlstate, SQLSTATE_IO_ERROR);
    assert_non_null(strstr(err.text, path));
    assert_true(err.hint[0] != '\0');
    assert_true(replace(place->file, "old", &err));
    (void)snprintf(path, sizeof(path), "%s/record", place->file);
    assert_false(replace(path, "x", &err));
    assert_reads(place->file, "old");
}

/* The rename fails: what stands there stays, and nothing is left beside it. */
static void
a_directory_in_its_place_stays(void **state)
{
    const struct place *place = *state;
    struct err err;
    assert_int_equal(mkdir(place->file, 0700), 0);
    assert_false(replace(place->file, "x", &err));
    assert_false(file_exists(place->temporary));
    assert_int_equal(rmdir(place->file), 0);
}

static void
replace_as_nobody(const struct place *place)
{
    struct err err;
    if (geteuid() == 0) {
        CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
    }
    CHECK(!replace(place->file, "new", &err));
    CHECK(strstr(err.text, "Permission denied") != NULL);
}

static void
an_unwritable_directory_keeps_the_old_file(void **state)
{
    const struct place *place = *state;
    struct err err;
    assert_true(replace(place->file, "old", &err));
    assert_int_equal(chmod(place->dir, 0555), 0);
    in_child(replace_as_nobody, place);
    assert_int_equal(chmod(place->dir, 0700), 0);
    assert_reads(place->file, "old");
}

/* The limit of a file's size stands for a full disk: the write stops in the middle. */
static void
replace_on_full_disk(const struct place *place)
{
    static uint8_t bytes[10000];
    const struct rlimit limit = {4096, 4096};
    struct err err;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(!file_replace(place->file, slice_of(bytes, sizeof(bytes)), &err));
    CHECK(strstr(err.text, strerror(EFBIG)) != NULL);
    CHECK(replace(place->file, "there is room for this", &err));
    CHECK(!file_replace(place->file, slice_of(bytes, sizeof(bytes)), &err));
}

static void
a_full_disk_keeps_the_old_file(void **state)
{
    const struct place *place = *state;
    struct err err;
    assert_true(replace(place->file, "old", &err));
    in_child(replace_on_full_disk, place);
    assert_reads(place->file, "there is room for this");
    assert_false(file_exists(place->temporary));
}

int
main(void)
{
#define PLACED(claim) cmocka_unit_test_setup_teardown(claim, place_new, place_free)
    const struct CMUnitTest tests[] = {
        PLACED(what_was_written_is_read),
        PLACED(a_leftover_temporary_file_does_no_harm),
        PLACED(reading_appends_within_the_limit),
        PLACED(a_long_file_is_read_whole),
        PLACED(what_cannot_be_read_is_named),
        PLACED(a_place_that_is_no_directory_fails),
        PLACED(a_directory_in_its_place_stays),
        PLACED(an_unwritable_directory_keeps_the_old_file),
        PLACED(a_full_disk_keeps_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
