/* messages.c — what a client may send. See messages.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/client/messages.h"

#include "session/client/client.h"

enum { SMALL_MAX = 10000, LONG_NAMES_MAX = 1024 };

static const struct message_row {
    bool known;
    bool whole;        /* wait until all of it is there (up to SESSION_WHOLE_MAX) */
    uint32_t body_max; /* 0: max_message of the configuration */
} rows[MESSAGE_TYPES] = {
    /* clang-format off */
    ['Q'] = {.known = true, .whole = true},                         /* Query */
    ['P'] = {.known = true, .whole = true},                         /* Parse */
    ['B'] = {.known = true, .whole = true},                         /* Bind */
    ['D'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Describe */
    ['C'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Close */
    ['E'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Execute */
    ['S'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Sync */
    ['H'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Flush */
    ['F'] = {.known = true},                                        /* FunctionCall */
    ['d'] = {.known = true},                                        /* CopyData */
    ['c'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* CopyDone */
    ['f'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* CopyFail */
    ['X'] = {.known = true, .whole = true, .body_max = SMALL_MAX},  /* Terminate */
    /* clang-format on */
};

static bool
is_known(uint8_t type)
{
    return type < MESSAGE_TYPES && rows[type].known;
}

enum wire_result
message_read(const struct session *s, struct slice in, struct frame *f)
{
    const enum wire_result r = frame_read(in, s->worker->conf->max_message, f);
    if (r == WIRE_MORE) {
        return WIRE_MORE;
    }
    if (r == WIRE_BAD || !is_known(f->type)) {
        return WIRE_BAD;
    }
    const uint32_t body_max = rows[f->type].body_max;
    return body_max == 0 || f->total - WIRE_HEADER_LEN <= body_max ? WIRE_OK : WIRE_BAD;
}

void
message_refuse(struct session *s, struct slice in)
{
    if (is_known(in.p[0])) {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid message length");
    } else {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid frontend message type %u", in.p[0]);
    }
}

bool
message_suffices(struct session *s, const struct frame *f)
{
    if (f->whole || !rows[f->type].whole) {
        return true;
    }
    if (f->total > SESSION_WHOLE_MAX) {
        return f->type == 'Q' || f->seen.len >= LONG_NAMES_MAX;
    }
    client_await(s, f->total);
    return false;
}
