/* dialog.c — one console connection as a pure protocol machine. See dialog.h.
 *
 * Follows the PostgreSQL manual, "Message Flow". Every value is of type text, whose binary form is
 * its text form, so the result formats of a Bind need not be looked at. An Execute that asks for
 * fewer rows gets them all: reports are small, and no client that we know minds. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/dialog.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/message.h"
#include "wire/startup.h"

enum { OPTIONS_MAX = 16, NAME_SIZE = 64 };

/* psql 14 and later take this version without a warning about an unknown server. */
static const char server_version[] = "14.0 (Teal " TEAL_VERSION ")";

static void dialog_pump(struct dialog *d);

/* What must hold between two messages. */
static void
dialog_check(const struct dialog *d)
{
    CHECK(d->state != DIALOG_CLOSED || buf_len(&d->in) == 0);
    CHECK(d->state != DIALOG_STARTUP || (!d->skipping && !d->columns_sent));
    CHECK(!d->describing || d->extended);
    CHECK(d->rows == 0 || (d->columns_sent && d->columns_count > 0));
}

void
dialog_init(struct dialog *d, const struct dialog_ops *ops, uint32_t pid, const uint8_t key[4])
{
    *d = (struct dialog){.ops = *ops, .pid = pid, .state = DIALOG_STARTUP};
    memcpy(d->key, key, sizeof(d->key));
    buf_init(&d->in);
    buf_init(&d->out);
}

void
dialog_fini(struct dialog *d)
{
    dialog_names_fini(&d->names);
    buf_fini(&d->in);
    buf_fini(&d->out);
}

bool
dialog_wants(const struct dialog *d)
{
    return d->state != DIALOG_CLOSED && buf_len(&d->in) < DIALOG_FRAME_MAX;
}

void
dialog_sent(struct dialog *d)
{
    dialog_pump(d);
}

void
dialog_feed(struct dialog *d, struct slice bytes)
{
    if (d->state == DIALOG_CLOSED) {
        return;
    }
    buf_put(&d->in, bytes.p, bytes.len);
    dialog_pump(d);
}

void
dialog_fatal(struct dialog *d, const struct err *err)
{
    CHECK(err_is_set(err));
    if (d->state == DIALOG_CLOSED) {
        return;
    }
    message_put_error(&d->out, "FATAL", err);
    buf_clear(&d->in);
    d->state = DIALOG_CLOSED;
}

static void
fatal_protocol(struct dialog *d, const char *text)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_PROTOCOL, "%s", text);
    dialog_fatal(d, &err);
}

/* ---- answers ---- */

static void
dialog_begin(struct dialog *d, bool extended, bool describing)
{
    CHECK(d->state == DIALOG_READY);
    d->state = DIALOG_BUSY;
    d->extended = extended;
    d->describing = describing;
    d->columns_sent = false;
    d->columns_count = 0;
    d->rows = 0;
}

static void
dialog_end(struct dialog *d)
{
    CHECK(d->state == DIALOG_BUSY);
    CHECK(!d->describing || d->rows == 0);
    d->state = DIALOG_READY;
    if (!d->extended) {
        message_put_ready(&d->out, 'I');
    }
    dialog_pump(d);
}

void
dialog_columns(struct dialog *d, const char *const *names, size_t count)
{
    CHECK(d->state == DIALOG_BUSY && !d->columns_sent);
    d->columns_sent = true;
    d->columns_count = count;
    if (!d->extended || d->describing) {
        message_put_row_description(&d->out, names, count);
    }
    if (d->describing) {
        dialog_end(d);
    }
}

void
dialog_row(struct dialog *d, const char *const *cells, size_t count)
{
    CHECK(d->state == DIALOG_BUSY && d->columns_sent && count == d->columns_count);
    CHECK(!d->describing);
    message_put_data_row(&d->out, cells, count);
    d->rows++;
}

void
dialog_complete(struct dialog *d, const char *tag)
{
    CHECK(d->state == DIALOG_BUSY);
    if (d->describing) {
        message_put_simple(&d->out, 'n');
    } else if (tag != NULL) {
        message_put_complete(&d->out, tag);
    } else {
        char text[NAME_SIZE];
        (void)snprintf(text, sizeof(text), "SELECT %llu", (unsigned long long)d->rows);
        message_put_complete(&d->out, text);
    }
    dialog_end(d);
}

void
dialog_complete_empty(struct dialog *d)
{
    CHECK(d->state == DIALOG_BUSY);
    message_put_simple(&d->out, d->describing ? 'n' : 'I');
    dialog_end(d);
}

void
dialog_error(struct dialog *d, const struct err *err)
{
    CHECK(d->state == DIALOG_BUSY && err_is_set(err));
    message_put_error(&d->out, "ERROR", err);
    d->skipping = d->extended;
    dialog_end(d);
}

/* ---- messages ---- */

/* An error of the message itself, outside a command; in the extended protocol. */
static void
refuse(struct dialog *d, const struct err *err)
{
    message_put_error(&d->out, "ERROR", err);
    d->skipping = true;
}

static void
on_query(struct dialog *d, struct slice body)
{
    struct slice text;
    if (!message_query(body, &text)) {
        fatal_protocol(d, "invalid Query message");
        return;
    }
    d->skipping = false;
    dialog_names_close_portals(&d->names);
    dialog_begin(d, false, false);
    d->ops.execute(d->ops.ctx, text, false);
}

static void
on_parse(struct dialog *d, struct slice body)
{
    struct slice name;
    struct slice text;
    struct slice types;
    struct err err;
    if (!message_parse(body, &name, &text, &types)) {
        fatal_protocol(d, "invalid Parse message");
        return;
    }
    if (be16_at(types.p) != 0) {
        (void)err_set(&err, SQLSTATE_FEATURE_NOT_SUPPORTED, "console commands take no parameters");
        refuse(d, &err);
        return;
    }
    if (!dialog_names_put(&d->names, DIALOG_STATEMENT, name, text, &err)) {
        refuse(d, &err);
        return;
    }
    message_put_simple(&d->out, '1');
}

/* The rest of a Bind: format codes of the parameters, the parameters, format codes of the result.
 */
static bool
bind_has_no_parameters(struct slice rest, bool *well_formed)
{
    uint16_t formats;
    uint16_t parameters = 0;
    struct slice skipped;
    *well_formed = slice_take_u16(&rest, &formats) &&
                   slice_take(&rest, (size_t)formats * 2, &skipped) &&
                   slice_take_u16(&rest, &parameters);
    if (!*well_formed || parameters > 0) {
        return false;
    }
    *well_formed = slice_take_u16(&rest, &formats) && rest.len == (size_t)formats * 2;
    return *well_formed;
}

static void
on_bind(struct dialog *d, struct slice body)
{
    struct slice portal;
    struct slice name;
    struct slice rest;
    struct err err;
    bool well_formed = false;
    if (!message_bind(body, &portal, &name, &rest)) {
        fatal_protocol(d, "invalid Bind message");
        return;
    }
    const bool plain = bind_has_no_parameters(rest, &well_formed);
    if (!plain && !well_formed) {
        fatal_protocol(d, "invalid Bind message");
        return;
    }
    const char *text = dialog_names_find(&d->names, DIALOG_STATEMENT, name);
    if (text == NULL) {
        (void)err_set(&err, "26000", "prepared statement does not exist");
        refuse(d, &err);
        return;
    }
    if (!plain) {
        (void)err_set(&err, SQLSTATE_PROTOCOL, "console commands take no parameters");
        refuse(d, &err);
        return;
    }
    if (!dialog_names_put(&d->names, DIALOG_PORTAL, portal, slice_of_str(text), &err)) {
        refuse(d, &err);
        return;
    }
    message_put_simple(&d->out, '2');
}

static void
on_describe(struct dialog *d, struct slice body)
{
    uint8_t kind;
    struct slice name;
    if (!message_named(body, &kind, &name)) {
        fatal_protocol(d, "invalid Describe message");
        return;
    }
    const char *text = dialog_names_find(&d->names, (char)kind, name);
    if (text == NULL) {
        struct err err;
        (void)err_set(&err, kind == DIALOG_STATEMENT ? "26000" : "34000", "%s does not exist",
                      kind == DIALOG_STATEMENT ? "prepared statement" : "portal");
        refuse(d, &err);
        return;
    }
    if (kind == DIALOG_STATEMENT) { /* ParameterDescription: none */
        const size_t begun = message_begin(&d->out, 't');
        buf_put_u16(&d->out, 0);
        message_end(&d->out, begun);
    }
    dialog_begin(d, true, true);
    d->ops.execute(d->ops.ctx, slice_of_str(text), true);
}

static void
on_execute(struct dialog *d, struct slice body)
{
    struct slice name;
    uint32_t limit;
    if (!slice_take_cstr(&body, &name) || !slice_take_u32(&body, &limit) || body.len != 0) {
        fatal_protocol(d, "invalid Execute message");
        return;
    }
    const char *text = dialog_names_find(&d->names, DIALOG_PORTAL, name);
    if (text == NULL) {
        struct err err;
        (void)err_set(&err, "34000", "portal does not exist");
        refuse(d, &err);
        return;
    }
    dialog_begin(d, true, false);
    d->ops.execute(d->ops.ctx, slice_of_str(text), false);
}

static void
on_close(struct dialog *d, struct slice body)
{
    uint8_t kind;
    struct slice name;
    if (!message_named(body, &kind, &name)) {
        fatal_protocol(d, "invalid Close message");
        return;
    }
    dialog_names_close(&d->names, (char)kind, name);
    message_put_simple(&d->out, '3');
}

static void
on_sync(struct dialog *d, struct slice body)
{
    (void)body;
    d->skipping = false;
    dialog_names_close_portals(&d->names);
    message_put_ready(&d->out, 'I');
}

/* Flush: everything goes out at once anyway. Copy messages outside a COPY are ignored, as a server
 * does. */
static void
on_nothing(struct dialog *d, struct slice body)
{
    (void)d;
    (void)body;
}

static void
on_function(struct dialog *d, struct slice body)
{
    struct err err;
    (void)body;
    (void)err_set(&err, SQLSTATE_FEATURE_NOT_SUPPORTED, "the console has no functions");
    message_put_error(&d->out, "ERROR", &err);
    message_put_ready(&d->out, 'I');
}

static void
on_terminate(struct dialog *d, struct slice body)
{
    (void)body;
    buf_clear(&d->in);
    d->state = DIALOG_CLOSED;
}

typedef void message_fn(struct dialog *d, struct slice body);

/* A missing row is a protocol error. */
static message_fn *const on_message[256] = {
    ['Q'] = on_query,    ['P'] = on_parse,     ['B'] = on_bind,    ['D'] = on_describe,
    ['E'] = on_execute,  ['C'] = on_close,     ['S'] = on_sync,    ['H'] = on_nothing,
    ['F'] = on_function, ['X'] = on_terminate, ['d'] = on_nothing, ['c'] = on_nothing,
    ['f'] = on_nothing,
};

/* Processes one message; false when there is none that is complete. */
static bool
process_message(struct dialog *d)
{
    uint8_t type;
    uint64_t total;
    const struct slice in = buf_slice(&d->in);
    const enum wire_result result = wire_peek(in, DIALOG_FRAME_MAX, &type, &total);
    if (result == WIRE_BAD) {
        fatal_protocol(d, "invalid message length");
        return false;
    }
    if (result == WIRE_MORE || total > in.len) {
        return false;
    }
    message_fn *const fn = on_message[type];
    if (fn == NULL) {
        fatal_protocol(d, "invalid frontend message type");
        return false;
    }
    /* The handler may end the dialog or run on to the next message, so it works on a copy. */
    struct buf body;
    buf_init(&body);
    buf_put(&body, in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN);
    buf_consume(&d->in, (size_t)total);
    const bool skipped = d->skipping && type != 'S' && type != 'X' && type != 'Q';
    if (!skipped) {
        fn(d, buf_slice(&body));
    }
    buf_fini(&body);
    return true;
}

/* ---- start-up ---- */

static void
copy_param(char *out, struct slice value)
{
    const size_t len = value.len < NAME_SIZE - 1 ? value.len : NAME_SIZE - 1;
    memcpy(out, value.p, len);
    out[len] = '\0';
}

/* Protocol options ("_pq_.x") and minors that we do not speak are named back to the client. */
static void
negotiate(struct dialog *d, const struct startup_packet *packet)
{
    char *options[OPTIONS_MAX];
    size_t count = 0;
    struct slice params = packet->params;
    struct slice name;
    struct slice value;
    while (count < OPTIONS_MAX && startup_next_param(&params, &name, &value)) {
        if (name.len >= 5 && memcmp(name.p, "_pq_.", 5) == 0) {
            options[count++] = xstrndup((const char *)name.p, name.len);
        }
    }
    if (packet->minor > 0 || count > 0) {
        message_put_negotiate(&d->out, 0, (const char *const *)options, count);
    }
    for (size_t i = 0; i < count; i++) {
        mem_free(options[i]);
    }
}

static void
put_greeting(struct dialog *d)
{
    static const char *const parameters[][2] = {
        {"server_version", server_version},
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"DateStyle", "ISO, MDY"},
        {"TimeZone", "UTC"},
        {"integer_datetimes", "on"},
        {"standard_conforming_strings", "on"},
    };
    message_put_auth(&d->out, 0, SLICE_EMPTY);
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        message_put_parameter(&d->out, parameters[i][0], parameters[i][1]);
    }
    message_put_key(&d->out, d->pid, slice_of(d->key, sizeof(d->key)));
    message_put_ready(&d->out, 'I');
}

static void
start_session(struct dialog *d, const struct startup_packet *packet)
{
    char user[NAME_SIZE] = "";
    char database[NAME_SIZE] = "";
    struct slice params = packet->params;
    struct slice name;
    struct slice value;
    struct err err;
    err_clear(&err);
    while (startup_next_param(&params, &name, &value)) {
        if (slice_equal_str(name, "user")) {
            copy_param(user, value);
        } else if (slice_equal_str(name, "database")) {
            copy_param(database, value);
        }
    }
    if (!d->ops.begin(d->ops.ctx, user, database[0] == '\0' ? user : database, &err)) {
        dialog_fatal(d, &err);
        return;
    }
    negotiate(d, packet);
    put_greeting(d);
    d->state = DIALOG_READY;
}

static bool
process_startup(struct dialog *d)
{
    struct startup_packet packet;
    struct err err;
    const enum wire_result result = startup_decode(buf_slice(&d->in), &packet, &err);
    if (result == WIRE_MORE) {
        return false;
    }
    if (result == WIRE_BAD && !err_is_set(&err)) {
        on_terminate(d, SLICE_EMPTY); /* not our protocol: close without a word */
        return false;
    }
    if (result == WIRE_BAD) {
        dialog_fatal(d, &err);
        return false;
    }
    switch (packet.kind) {
    case STARTUP_SSL:
    case STARTUP_GSSENC:
        buf_put_u8(&d->out, 'N');
        break;
    case STARTUP_CANCEL:
        d->ops.cancel(d->ops.ctx, packet.cancel_pid, packet.cancel_key);
        on_terminate(d, SLICE_EMPTY);
        return false;
    case STARTUP_SESSION:
        start_session(d, &packet);
        break;
    }
    if (d->state != DIALOG_CLOSED) {
        buf_consume(&d->in, packet.total);
    }
    return d->state != DIALOG_CLOSED;
}

static bool
process_next(struct dialog *d)
{
    switch (d->state) {
    case DIALOG_STARTUP:
        return process_startup(d);
    case DIALOG_READY:
        return buf_len(&d->out) < DIALOG_OUT_HIGH && process_message(d);
    case DIALOG_BUSY:
    case DIALOG_CLOSED:
        return false;
    }
    UNREACHABLE();
}

static void
dialog_pump(struct dialog *d)
{
    if (d->pumping) {
        return;
    }
    d->pumping = true;
    while (process_next(d)) {
        dialog_check(d);
    }
    d->pumping = false;
    dialog_check(d);
    buf_shrink(&d->in);
}
