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
#include "conf/databases.h"
#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each name leads to its own database, of a pair that is there. */
static void
databases_try(const struct conf *c)
{
    for (uint32_t i = 0; i < c->databases_count; i++) {
        const struct conf_database *d = &c->databases[i];
        CHECK(conf_database_find(c, d->name) == d && d->pair < c->pairs_count);
        CHECK(conf_pair_has_database(&c->pairs[d->pair], conf_database_dbname(d, d->name)));
    }
    CHECK(!c->rest_is_served || c->rest.pair < c->pairs_count);
    CHECK(conf_database_find(c, "teal") == NULL);
}

/* A value that was shown can be set, unless it must not be, and changes nothing. */
static void
set_try(const struct conf *c, const struct table *t, size_t row, struct buf *out)
{
    struct err err;
    struct conf *copy = conf_with(c, table_text(t, row, 0), table_text(t, row, 1), &err);
    const bool live = table_text(t, row, 3)[0] == 'y';
    CHECK(live == (copy != NULL));
    if (copy != NULL) {
        CHECK(conf_reload_check(c, copy, out) && copy->databases_count == c->databases_count);
    }
    conf_unref(copy);
}

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
        databases_try(c);
        set_try(c, t, slice_hash(slice_of_str(text), 0) % table_rows(t), &out);
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
