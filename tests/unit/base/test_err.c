/* test_err.c — an error says what failed, and a place without one is fine. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_set_error_has_state_and_text(void **state)
{
    (void)state;
    struct err err;
    err_clear(&err);
    assert_false(err_is_set(&err));
    assert_false(err_set(&err, SQLSTATE_PROTOCOL, "message %d of \"%s\"", 7, "blue"));
    assert_true(err_is_set(&err));
    assert_string_equal(err.sqlstate, "08P01");
    assert_string_equal(err.text, "message 7 of \"blue\"");
    assert_string_equal(err.hint, "");
    assert_false(err_hint(&err, "Try %s.", "again"));
    assert_string_equal(err.hint, "Try again.");
    assert_false(err_detail(&err, "It was %s.", "open"));
    assert_string_equal(err.detail, "It was open.");
    err_clear(&err);
    assert_false(err_is_set(&err));
    assert_string_equal(err.text, "");
    assert_string_equal(err.detail, "");
    assert_string_equal(err.hint, "");
}

static void
a_new_error_forgets_detail_and_hint_of_the_old_one(void **state)
{
    (void)state;
    struct err err;
    (void)err_set(&err, SQLSTATE_INTERNAL, "one");
    (void)err_detail(&err, "more");
    (void)err_hint(&err, "advice");
    (void)err_set(&err, SQLSTATE_IO_ERROR, "two");
    assert_string_equal(err.detail, "");
    assert_string_equal(err.hint, "");
}

static void
errno_comes_behind_the_text(void **state)
{
    (void)state;
    struct err err;
    errno = ENOSPC;
    assert_false(err_set_errno(&err, SQLSTATE_IO_ERROR, "could not write \"%s\"", "x"));
    assert_string_equal(err.text, "could not write \"x\": No space left on device");
}

static void
nobody_need_be_told(void **state)
{
    (void)state;
    assert_false(err_set(NULL, SQLSTATE_INTERNAL, "x"));
    assert_false(err_hint(NULL, "x"));
    assert_false(err_detail(NULL, "x"));
    assert_false(err_set_errno(NULL, SQLSTATE_INTERNAL, "x"));
}

static void
long_texts_are_cut(void **state)
{
    (void)state;
    struct err err;
    memset(&err, 'x', sizeof(err));
    errno = ENOENT;
    (void)err_set(&err, SQLSTATE_INTERNAL, "%600d", 1);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    (void)err_hint(&err, "%600d", 1);
    assert_int_equal(strlen(err.hint), ERR_HINT_MAX - 1);
    (void)err_set_errno(&err, SQLSTATE_INTERNAL, "%600d", 1);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    (void)err_set_errno(&err, SQLSTATE_INTERNAL, "%505d", 1);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + 505, ": No s");
}

/* A client that decodes strictly must be able to read what it is told. */
static void
a_cut_leaves_no_half_of_a_letter(void **state)
{
    (void)state;
    static const char *const letters[] = {"\xc3\xb6", "\xe2\x82\xac", "\xf0\x9f\x90\x98"};
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        const size_t len = strlen(letters[i]);
        for (int before = 505; before < 513; before++) {
            struct err err;
            (void)err_set(&err, SQLSTATE_INTERNAL, "%*d%s", before, 1, letters[i]);
            const bool fits = (size_t)before + len < ERR_TEXT_MAX;
            const size_t shown = before < ERR_TEXT_MAX ? (size_t)before : ERR_TEXT_MAX - 1;
            assert_int_equal(strlen(err.text), fits ? shown + len : shown);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_error_has_state_and_text),
        cmocka_unit_test(a_new_error_forgets_detail_and_hint_of_the_old_one),
        cmocka_unit_test(errno_comes_behind_the_text),
        cmocka_unit_test(nobody_need_be_told),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(a_cut_leaves_no_half_of_a_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
