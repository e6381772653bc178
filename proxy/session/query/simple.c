/* simple.c — the simple query protocol. See simple.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/simple.h"

#include "session/link/parameters.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/effects.h"
#include "session/query/input.h"
#include "session/query/prepared.h"
#include "session/query/refusal.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "wire/message.h"

/* What is known of the text. One that the server will refuse as no message has no effect. */
static struct sql_traits
read_text(const struct session *s, const struct input *m, struct slice *text)
{
    if (!message_query(frame_body(&m->frame), text)) {
        *text = SLICE_EMPTY;
        return (struct sql_traits){.class = SQL_WRITE, .pins = SQL_PIN_NONE};
    }
    return m->is_classified ? m->traits : parameters_classify(s, *text);
}

/* A text that is too long to be read as a whole. */
static size_t
send_unread(struct session *s, const struct input *m)
{
    const bool had_unnamed = prepared_note_query(s);
    effects_note_unread(s);
    server_owe(s, FLOW_QUERY, FLOW_FORWARD, had_unnamed ? TAG(ABOUT_UNNAMED, 1, 0) : FLOW_UNTAGGED);
    cycle_sent(s);
    return input_pass(s, m);
}

static size_t
send_query(struct session *s, const struct input *m, const struct sql_traits *traits)
{
    const bool had_unnamed = prepared_note_query(s);
    const bool deallocates =
        traits->special == SQL_SPECIAL_DEALLOCATE && prepared_deallocate(s, traits->name);
    if (deallocates) {
        message_put_query(server_queue(s), PREPARED_DEALLOCATE_DUMMY);
    } else {
        server_pass(s, m->frame.seen);
    }
    const unsigned changes = (had_unnamed ? 1U : 0U) + (deallocates ? 1U : 0U);
    server_owe(s, FLOW_QUERY, FLOW_FORWARD,
               TAG(had_unnamed ? ABOUT_UNNAMED : ABOUT_NOTHING, (uint8_t)changes, 0));
    cycle_sent(s);
    return m->frame.seen.len;
}

size_t
simple_query(struct session *s, const struct input *m)
{
    struct slice text;
    stat_add(&s->stats->queries, 1);
    if (server_skips(s)) {
        return input_discard(s, m);
    }
    tracked_disturb(s);
    prepared_end_batch(s);
    cycle_end_batch(s); /* its ReadyForQuery ends the batch as a Sync would */
    if (!m->frame.whole) {
        return send_unread(s, m);
    }
    const struct sql_traits traits = read_text(s, m, &text);
    /* A text with its own BEGIN has the nextval of its currval in the same transaction. */
    const uint32_t refused =
        traits.controls ? traits.pins & ~(uint32_t)SQL_PIN_SEQUENCE : traits.pins;
    const enum refusal why = refusal_of(s, refused, traits.lifts_read_only);
    if (why != REFUSAL_NONE) {
        refusal_of_query(s, why);
        return m->frame.seen.len;
    }
    effects_note(s, traits.pins, traits.special, text);
    tracked_execute(s);
    effects_note_class(s, traits.class);
    if (traits.statements > 1) {
        prepared_note_forget(s); /* one of them may be DEALLOCATE ALL */
    }
    replay_remember(s, m->frame.seen);
    return send_query(s, m, &traits);
}

size_t
simple_function(struct session *s, const struct input *m)
{
    if (server_skips(s)) {
        return input_discard(s, m);
    }
    tracked_disturb(s);
    prepared_end_batch(s);
    cycle_end_batch(s);
    effects_note_class(s, SQL_WRITE);
    server_owe(s, FLOW_FUNCTION, FLOW_FORWARD, FLOW_UNTAGGED);
    cycle_sent(s);
    return input_pass(s, m);
}
