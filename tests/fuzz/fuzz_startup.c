/* fuzz_startup.c — any bytes as the first packet of a connection.
 *
 *     clang -g -O1 -std=c11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -Iproxy \
 *         tests/fuzz/fuzz_startup.c proxy/wire/startup.c proxy/pool/settings.c proxy/base/[a-z]*.c
 *
 * What is taken lies inside the bytes and is the same however the bytes arrive; the options in it
 * become settings whose SQL is ASCII and closes every quote that it opens. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pool/settings.h"
#include "wire/startup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lies_inside(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

/* Outside of its quotes the SQL has only what Teal writes there. */
static void
check_sql(struct slice sql)
{
    uint8_t quote = 0;
    bool escapes = false;
    for (size_t i = 0; i < sql.len; i++) {
        const uint8_t c = sql.p[i];
        if (quote == 0) {
            CHECK(c != '\0' && strchr("SELCT RpgcatoConfi(_,false)E;.'\"", c) != NULL);
            escapes = c == '\'';
            quote = c == '\'' || c == '"' ? c : 0;
        } else if (escapes && c == '\\') {
            CHECK(++i < sql.len);
        } else if (c == quote && i + 1 < sql.len && sql.p[i + 1] == quote) {
            i++;
        } else if (c == quote) {
            quote = 0;
        }
        CHECK(quote != '\'' || c < 0x80);
    }
    CHECK(quote == 0);
}

static void
settings_try(const struct startup_packet *packet)
{
    struct settings_table table;
    struct settings_draft draft;
    struct slice params = packet->params;
    struct slice name;
    struct slice value;
    struct err err;
    struct buf sql;
    settings_table_init(&table);
    settings_draft_init(&draft);
    buf_init(&sql);
    while (startup_next_param(&params, &name, &value)) {
        CHECK(lies_inside(name, packet->params) && lies_inside(value, packet->params));
        settings_draft_set(&draft, name, value);
        if (slice_equal_str(name, "options")) {
            err_clear(&err);
            const bool ok = settings_draft_options(&draft, value, &err);
            CHECK(ok == !err_is_set(&err));
        }
    }
    struct settings *none = settings_intern(&table, SLICE_EMPTY);
    struct settings *some = settings_intern(&table, buf_slice(&draft.text));
    settings_put_sql(&sql, none, some);
    check_sql(buf_slice(&sql));
    buf_clear(&sql);
    settings_put_sql(&sql, some, none);
    check_sql(buf_slice(&sql));
    settings_unref(&table, some);
    settings_unref(&table, none);
    settings_table_fini(&table);
    settings_draft_fini(&draft);
    buf_fini(&sql);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct startup_packet packet;
    struct startup_packet again;
    struct err err;
    const struct slice in = slice_of(data, size);
    const enum wire_result r = startup_decode(in, &packet, &err);
    CHECK(r == WIRE_BAD || !err_is_set(&err));
    if (r == WIRE_MORE) {
        CHECK(size < STARTUP_LEN_MAX);
    }
    if (r != WIRE_OK) {
        return 0;
    }
    CHECK(packet.total >= 8 && packet.total <= size && packet.total <= STARTUP_LEN_MAX);
    CHECK(lies_inside(packet.params, in) && lies_inside(packet.cancel_key, in));
    CHECK(startup_decode(slice_of(data, packet.total), &again, &err) == WIRE_OK);
    CHECK(again.kind == packet.kind && again.total == packet.total);
    CHECK(startup_decode(slice_of(data, packet.total - 1), &again, &err) == WIRE_MORE);
    if (packet.kind == STARTUP_SESSION) {
        settings_try(&packet);
    }
    return 0;
}
