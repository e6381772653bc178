/* fuzz_classify.c — the classifier on any bytes.
 *
 *     clang -g -O1 -std=c11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -Iproxy \
 *         tests/fuzz/fuzz_classify.c proxy/sql/[a-z]*.c proxy/base/{buf,check,mem,slice}.c
 *
 * Beside memory errors it looks for answers that contradict themselves. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sql/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_read(const char *head, const uint8_t *data, size_t size, const char *tail)
{
    const size_t head_len = strlen(head);
    const size_t tail_len = strlen(tail);
    uint8_t *text = xcalloc(1, head_len + size + tail_len + 1);
    memcpy(text, head, head_len);
    if (size > 0) {
        memcpy(text + head_len, data, size);
    }
    memcpy(text + head_len + size, tail, tail_len);
    const struct sql_traits t = sql_classify_with(slice_of(text, head_len + size + tail_len), NULL);
    mem_free(text);
    return t.class == SQL_READ;
}

static bool
lies_inside(struct slice part, const uint8_t *data, size_t size)
{
    return part.p == NULL || (part.p >= data && part.p + part.len <= data + size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sql_traits t = sql_classify_with(slice_of(data, size), NULL);
    CHECK(t.class < SQL_CLASS_COUNT);
    CHECK(t.why != NULL);
    CHECK(t.pins >> SQL_PIN_BITS == 0);
    CHECK(lies_inside(t.where, data, size) && lies_inside(t.name, data, size));
    CHECK(t.class != SQL_READ || (t.pins == 0 && t.special == SQL_SPECIAL_NONE));
    CHECK(t.class != SQL_READ || !t.lifts_read_only);
    /* Space in front changes nothing; a write behind a complete text makes it a write, whatever it
     * was. */
    CHECK(is_read(" \n", data, size, "") == (t.class == SQL_READ));
    CHECK(!is_read("", data, size, "\n;DELETE FROM t"));
    CHECK(!is_read("DELETE FROM t;", data, size, ""));
    return 0;
}
