/* fuzz_conf.c — any bytes as teal.ini and as a users file: a value or mistakes, nothing else.
 *
 *     clang -fsanitize=fuzzer,address,undefined -Iproxy tests/fuzz/fuzz_conf.c \
 *         libteal_conf.a libteal_auth.a libteal_model.a libteal_base.a -linih -lcrypto
 */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>

#include "auth/users.h"
#include "base/mem.h"
#include "base/table.h"
#include "conf/change.h"
#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken can be shown, and is equal to itself. */
static void
conf_try(const char *text)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct buf out;
    buf_init(&out);
    struct conf *c = conf_load_string(text, "fuzz.ini", &mistakes);
    CHECK((c == NULL) == (mistakes.count > 0));
    conf_mistakes_print(&mistakes, &out);
    if (c != NULL) {
        struct table *t = conf_show(c);
        CHECK(table_rows(t) > 0);
        CHECK(conf_reload_check(c, c, &out));
        table_free(t);
    }
    conf_unref(c);
    conf_mistakes_fini(&mistakes);
    buf_fini(&out);
}

static void
users_try(struct slice text)
{
    static const struct scram_seed seed;
    struct buf mistakes;
    buf_init(&mistakes);
    struct users *u = users_load_slice(text, "fuzz.txt", &seed, NULL, &mistakes);
    CHECK((u == NULL) == (buf_len(&mistakes) > 0));
    users_unref(u);
    buf_fini(&mistakes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct slice text = slice_of(data + 1, size - 1);
    if (data[0] == 'u') {
        users_try(text);
        return 0;
    }
    char *copy = xstrndup((const char *)text.p, text.len);
    conf_try(copy);
    mem_free(copy);
    return 0;
}
