/* batch.c — what the messages that wait will do. See batch.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/batch.h"

#include "session/link/parameters.h"
#include "wire/message.h"

struct batch {
    enum sql_class class;
    uint32_t executes;
    bool ended;          /* Sync or Flush was seen: the class is final */
    struct slice parsed; /* the name of its last Parse */
};

static void
meet(struct batch *batch, enum sql_class class)
{
    if (class == SQL_EMPTY) {
        return;
    }
    const bool same = class == batch->class || batch->class == SQL_EMPTY;
    batch->class = same ? class : SQL_WRITE;
}

static void
add_bind(const struct session *s, struct batch *batch, struct slice body)
{
    struct slice portal;
    struct slice name;
    struct slice rest;
    if (!message_bind(body, &portal, &name, &rest)) {
        meet(batch, SQL_WRITE);
        return;
    }
    if (batch->parsed.p != NULL && slice_equal(name, batch->parsed)) {
        return; /* its Parse has been counted */
    }
    const struct statement *statement = names_get(&s->prepared.names, name);
    meet(batch, statement == NULL ? SQL_WRITE : statement->class);
}

static void
add_parse(const struct session *s, struct batch *batch, struct slice body)
{
    struct slice text;
    struct slice types;
    if (!message_parse(body, &batch->parsed, &text, &types)) {
        meet(batch, SQL_WRITE);
        return;
    }
    const struct sql_traits traits = parameters_classify(s, text);
    meet(batch, traits.pins == SQL_PIN_NONE ? traits.class : SQL_WRITE);
}

static void
add(const struct session *s, struct batch *batch, const struct frame *f)
{
    switch (f->type) {
    case 'P':
        add_parse(s, batch, frame_body(f));
        return;
    case 'B':
        add_bind(s, batch, frame_body(f));
        return;
    case 'E':
        if (++batch->executes > 1) {
            meet(batch, SQL_WRITE);
        }
        return;
    case 'D':
    case 'C':
        return;
    case 'S':
        batch->ended = true;
        return;
    default: /* Flush, a Query in the middle, anything else: not a plain read */
        meet(batch, SQL_WRITE);
        batch->ended = true;
        return;
    }
}

static bool
classify_extended(const struct session *s, struct slice in, enum sql_class *class)
{
    struct batch batch = {.class = SQL_EMPTY};
    struct slice rest = in;
    struct frame f;
    struct slice ignored;
    while (!batch.ended && frame_read(rest, UINT32_MAX, &f) == WIRE_OK && f.whole &&
           slice_take(&rest, f.seen.len, &ignored)) {
        add(s, &batch, &f);
    }
    /* A write is decided at once; so is what is too long to be waited for. */
    *class = batch.ended ? batch.class : SQL_WRITE;
    return batch.ended || batch.class == SQL_WRITE || in.len >= SESSION_QUEUE_HIGH;
}

static void
classify_query(const struct session *s, struct input *m, enum sql_class *class)
{
    struct slice text;
    if (!m->frame.whole || !message_query(frame_body(&m->frame), &text)) {
        return;
    }
    m->traits = parameters_classify(s, text);
    m->is_classified = true;
    *class = m->traits.pins == SQL_PIN_NONE ? m->traits.class : SQL_WRITE;
}

bool
batch_classify(const struct session *s, struct input *m, enum sql_class *class)
{
    const bool is_decided =
        session_is_single(s) && !session_view(s)->writes_held && !s->link.traits.reader;
    *class = SQL_WRITE;
    /* What keeps its backend for the session will write there. */
    if (s->replay.is_second || is_decided || s->database->keeps_backends || m->frame.type == 'F') {
        return true;
    }
    if (m->frame.type == 'Q') {
        classify_query(s, m, class);
        return true;
    }
    return classify_extended(s, m->all, class);
}
