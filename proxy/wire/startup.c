/* startup.c — the packets that open a connection. See startup.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/startup.h"

enum {
    CODE_MAJOR = 1234, /* the "version" of requests that are no session */
    CODE_CANCEL = 5678,
    CODE_SSL = 5679,
    CODE_GSSENC = 5680,
    PREFIX_LEN = 8, /* length and code */
};

static enum wire_result
decode_cancel(struct slice body, struct startup_packet *out)
{
    out->kind = STARTUP_CANCEL;
    if (!slice_take_u32(&body, &out->cancel_pid) || body.len < 4 ||
        body.len > STARTUP_CANCEL_KEY_MAX) {
        return WIRE_BAD;
    }
    out->cancel_key = body;
    return WIRE_OK;
}

/* name NUL value NUL ... NUL, nothing behind. */
static bool
params_are_well_formed(struct slice params)
{
    for (;;) {
        struct slice name;
        struct slice value;
        if (!slice_take_cstr(&params, &name)) {
            return false;
        }
        if (name.len == 0) {
            return params.len == 0;
        }
        if (!slice_take_cstr(&params, &value)) {
            return false;
        }
    }
}

static enum wire_result
decode_session(struct slice body, struct startup_packet *out, struct err *err)
{
    out->kind = STARTUP_SESSION;
    if (out->major != 3) {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "unsupported frontend protocol %u.%u: server supports 3.0 to 3.2", out->major,
                      out->minor);
        return WIRE_BAD;
    }
    if (!params_are_well_formed(body)) {
        (void)err_set(err, SQLSTATE_PROTOCOL,
                      "invalid startup packet layout: expected terminator as last byte");
        return WIRE_BAD;
    }
    out->params = body;
    return WIRE_OK;
}

static enum wire_result
decode_request(struct slice body, struct startup_packet *out)
{
    switch (out->minor) {
    case CODE_CANCEL:
        return decode_cancel(body, out);
    case CODE_SSL:
        out->kind = STARTUP_SSL;
        return body.len == 0 ? WIRE_OK : WIRE_BAD;
    case CODE_GSSENC:
        out->kind = STARTUP_GSSENC;
        return body.len == 0 ? WIRE_OK : WIRE_BAD;
    default:
        return WIRE_BAD;
    }
}

enum wire_result
startup_decode(struct slice in, struct startup_packet *out, struct err *err)
{
    err_clear(err);
    /* The high byte of an honest length is 0: HTTP, TLS and noise are refused by their first byte.
     */
    if (in.len > 0 && in.p[0] != 0) {
        return WIRE_BAD;
    }
    if (in.len < 4) {
        return WIRE_MORE;
    }
    const uint32_t total = be32_at(in.p);
    if (total < PREFIX_LEN || total > STARTUP_LEN_MAX) {
        return WIRE_BAD;
    }
    if (in.len < total) {
        return WIRE_MORE;
    }
    *out = (struct startup_packet){.total = total};
    out->major = be16_at(in.p + 4);
    out->minor = be16_at(in.p + 6);
    const struct slice body = slice_of(in.p + PREFIX_LEN, total - PREFIX_LEN);
    if (out->major != CODE_MAJOR) {
        return decode_session(body, out, err);
    }
    const enum wire_result result = decode_request(body, out);
    if (result == WIRE_BAD && out->minor != CODE_CANCEL && out->minor != CODE_SSL &&
        out->minor != CODE_GSSENC) {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "unsupported frontend protocol %u.%u: server supports 3.0 to 3.2", out->major,
                      out->minor);
    }
    return result;
}

bool
startup_next_param(struct slice *params, struct slice *name, struct slice *value)
{
    return slice_take_cstr(params, name) && name->len > 0 && slice_take_cstr(params, value);
}
