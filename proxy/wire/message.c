/* message.c — the bodies that Teal looks into. See message.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/message.h"

#include <string.h>

bool
message_query(struct slice body, struct slice *text)
{
    return slice_take_cstr(&body, text) && body.len == 0;
}

bool
message_parse(struct slice body, struct slice *name, struct slice *text, struct slice *types)
{
    uint16_t count;
    if (!slice_take_cstr(&body, name) || !slice_take_cstr(&body, text)) {
        return false;
    }
    *types = body;
    return slice_take_u16(&body, &count) && body.len == (size_t)count * 4;
}

bool
message_bind(struct slice body, struct slice *portal, struct slice *statement, struct slice *rest)
{
    if (!slice_take_cstr(&body, portal) || !slice_take_cstr(&body, statement)) {
        return false;
    }
    *rest = body;
    return true;
}

bool
message_named(struct slice body, uint8_t *kind, struct slice *name)
{
    return slice_take_u8(&body, kind) && (*kind == 'S' || *kind == 'P') &&
           slice_take_cstr(&body, name) && body.len == 0;
}

void
message_error(struct slice body, struct message_error *out)
{
    struct slice localized = SLICE_EMPTY;
    struct slice value;
    uint8_t field;
    *out = (struct message_error){SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
    while (slice_take_u8(&body, &field) && field != 0 && slice_take_cstr(&body, &value)) {
        switch (field) {
        case 'S':
            localized = value;
            break;
        case 'V':
            out->severity = value;
            break;
        case 'C':
            out->sqlstate = value;
            break;
        case 'M':
            out->text = value;
            break;
        default:
            break;
        }
    }
    if (out->severity.len == 0) {
        out->severity = localized;
    }
}

size_t
message_begin(struct buf *b, uint8_t type)
{
    const size_t begun = buf_len(b);
    buf_put_u8(b, type);
    buf_put_u32(b, 0);
    return begun;
}

void
message_end(struct buf *b, size_t begun)
{
    if (b->failed) {
        return;
    }
    const size_t len = buf_len(b) - begun - 1;
    CHECK(len >= 4 && len <= UINT32_MAX);
    be32_put(b->data + b->head + begun + 1, (uint32_t)len);
}

static void
put_slice_cstr(struct buf *b, struct slice s)
{
    buf_put_slice(b, s);
    buf_put_u8(b, 0);
}

void
message_put_simple(struct buf *b, uint8_t type)
{
    message_end(b, message_begin(b, type));
}

void
message_put_query(struct buf *b, const char *sql)
{
    const size_t begun = message_begin(b, 'Q');
    buf_put_cstr(b, sql);
    message_end(b, begun);
}

void
message_put_auth(struct buf *b, uint32_t code, struct slice data)
{
    const size_t begun = message_begin(b, 'R');
    buf_put_u32(b, code);
    buf_put_slice(b, data);
    message_end(b, begun);
}

void
message_put_password(struct buf *b, struct slice data)
{
    const size_t begun = message_begin(b, 'p');
    buf_put_slice(b, data);
    message_end(b, begun);
}

void
message_put_parameter(struct buf *b, const char *name, const char *value)
{
    const size_t begun = message_begin(b, 'S');
    buf_put_cstr(b, name);
    buf_put_cstr(b, value);
    message_end(b, begun);
}

void
message_put_key(struct buf *b, uint32_t pid, struct slice key)
{
    const size_t begun = message_begin(b, 'K');
    buf_put_u32(b, pid);
    buf_put_slice(b, key);
    message_end(b, begun);
}

void
message_put_ready(struct buf *b, uint8_t txn)
{
    CHECK(txn == 'I' || txn == 'T' || txn == 'E');
    const size_t begun = message_begin(b, 'Z');
    buf_put_u8(b, txn);
    message_end(b, begun);
}

void
message_put_complete(struct buf *b, const char *tag)
{
    const size_t begun = message_begin(b, 'C');
    buf_put_cstr(b, tag);
    message_end(b, begun);
}

void
message_put_negotiate(struct buf *b, uint32_t minor, const char *const *options,
                      size_t options_count)
{
    const size_t begun = message_begin(b, 'v');
    buf_put_u32(b, 3U << 16 | minor);
    buf_put_u32(b, (uint32_t)options_count);
    for (size_t i = 0; i < options_count; i++) {
        buf_put_cstr(b, options[i]);
    }
    message_end(b, begun);
}

static void
put_error_field(struct buf *b, uint8_t field, const char *value)
{
    if (value[0] != '\0') {
        buf_put_u8(b, field);
        buf_put_cstr(b, value);
    }
}

void
message_put_error(struct buf *b, const char *severity, const struct err *err)
{
    const bool is_error = strcmp(severity, "ERROR") == 0 || strcmp(severity, "FATAL") == 0;
    const size_t begun = message_begin(b, is_error ? 'E' : 'N');
    CHECK(err_is_set(err));
    put_error_field(b, 'S', severity);
    put_error_field(b, 'V', severity);
    put_error_field(b, 'C', err->sqlstate);
    put_error_field(b, 'M', err->text);
    put_error_field(b, 'D', err->detail);
    put_error_field(b, 'H', err->hint);
    buf_put_u8(b, 0);
    message_end(b, begun);
}

void
message_put_parse(struct buf *b, const char *name, struct slice text, struct slice types)
{
    const size_t begun = message_begin(b, 'P');
    buf_put_cstr(b, name);
    put_slice_cstr(b, text);
    buf_put_slice(b, types);
    message_end(b, begun);
}

void
message_put_bind(struct buf *b, struct slice portal, const char *statement, struct slice rest)
{
    const size_t begun = message_begin(b, 'B');
    put_slice_cstr(b, portal);
    buf_put_cstr(b, statement);
    buf_put_slice(b, rest);
    message_end(b, begun);
}

void
message_put_named(struct buf *b, uint8_t type, uint8_t kind, const char *name)
{
    CHECK(kind == 'S' || kind == 'P');
    const size_t begun = message_begin(b, type);
    buf_put_u8(b, kind);
    buf_put_cstr(b, name);
    message_end(b, begun);
}

/* An untyped packet: as message_begin and message_end, without the type byte. */
static void
packet_end(struct buf *b, size_t begun)
{
    if (!b->failed) {
        be32_put(b->data + b->head + begun, (uint32_t)(buf_len(b) - begun));
    }
}

void
message_put_startup_text(struct buf *b, struct slice params)
{
    const size_t begun = buf_len(b);
    buf_put_u32(b, 0);
    buf_put_u32(b, 3U << 16);
    buf_put_slice(b, params);
    buf_put_u8(b, 0);
    packet_end(b, begun);
}

void
message_put_startup(struct buf *b, const char *const *pairs, size_t pairs_count)
{
    struct buf params;
    buf_init(&params);
    for (size_t i = 0; i < 2 * pairs_count; i++) {
        buf_put_cstr(&params, pairs[i]);
    }
    message_put_startup_text(b, buf_slice(&params));
    buf_fini(&params);
}

void
message_put_ssl_request(struct buf *b)
{
    buf_put_u32(b, 8);
    buf_put_u32(b, 1234U << 16 | 5679U);
}

void
message_put_cancel(struct buf *b, uint32_t pid, struct slice key)
{
    const size_t begun = buf_len(b);
    buf_put_u32(b, 0);
    buf_put_u32(b, 1234U << 16 | 5678U);
    buf_put_u32(b, pid);
    buf_put_slice(b, key);
    packet_end(b, begun);
}

enum { TYPE_TEXT_OID = 25 };

void
message_put_row_description(struct buf *b, const char *const *names, size_t count)
{
    CHECK(count <= INT16_MAX);
    const size_t begun = message_begin(b, 'T');
    buf_put_u16(b, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        buf_put_cstr(b, names[i]);
        buf_put_u32(b, 0); /* no table */
        buf_put_u16(b, 0);
        buf_put_u32(b, TYPE_TEXT_OID);
        buf_put_u16(b, UINT16_MAX); /* variable size */
        buf_put_u32(b, UINT32_MAX); /* no modifier */
        buf_put_u16(b, 0);          /* text format */
    }
    message_end(b, begun);
}

void
message_put_data_row(struct buf *b, const char *const *cells, size_t count)
{
    CHECK(count <= INT16_MAX);
    const size_t begun = message_begin(b, 'D');
    buf_put_u16(b, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        if (cells[i] == NULL) {
            buf_put_u32(b, UINT32_MAX);
            continue;
        }
        const size_t len = strlen(cells[i]);
        buf_put_u32(b, (uint32_t)len);
        buf_put(b, cells[i], len);
    }
    message_end(b, begun);
}
