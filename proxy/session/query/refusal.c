/* refusal.c — what may not run on a backend. See refusal.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/refusal.h"

#include "session/link/link.h"
#include "session/query/cycle.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "wire/message.h"

static const struct refusal_row {
    const char *sqlstate;
    const char *text;
    const char *hint;
} refusals[REFUSALS_COUNT] = {
    [REFUSAL_TOO_MANY_STATEMENTS] = {"54000", "too many prepared statements in one session",
                                     "Close statements, or raise max_prepared_statements."},
    [REFUSAL_LIFTS_READ_ONLY] =
        {SQLSTATE_READ_ONLY, "a read-only session or transaction cannot be made read-write here",
         "Begin the transaction without READ ONLY."},
    [REFUSAL_STATE_OF_READER] = {SQLSTATE_READ_ONLY,
                                 "state of the session cannot be changed in a read-only "
                                 "transaction that runs on a follower",
                                 "Do it before the transaction, or begin without READ ONLY."},
    [REFUSAL_SEQUENCE_STATE] = {SQLSTATE_OBJECT_NOT_IN_STATE,
                                "currval and lastval are not defined: another session has used the "
                                "backend since",
                                "Use RETURNING, or call them in the transaction of nextval."},
};

/* What the server is asked for: it has no such statement, and no such command. */
static const char refused[] = "teal_refused";

enum refusal
refusal_of(const struct session *s, uint32_t pins, bool lifts_read_only)
{
    const struct link *l = &s->link;
    const bool outside = s->cycle.is_alone && l->backend->flow.txn == 'I';
    if (l->decision.read_only && lifts_read_only) {
        return REFUSAL_LIFTS_READ_ONLY;
    }
    if (l->decision.read_only && pins != SQL_PIN_NONE && !l->traits.reader) {
        return REFUSAL_STATE_OF_READER;
    }
    if ((pins & SQL_PIN_SEQUENCE) != 0 && outside && s->pins == SQL_PIN_NONE &&
        !link_has_sequence_state(s)) {
        return REFUSAL_SEQUENCE_STATE;
    }
    return REFUSAL_NONE;
}

void
refusal_in_batch(struct session *s, enum refusal why)
{
    CHECK(why != REFUSAL_NONE);
    message_put_named(server_queue(s), 'D', 'S', refused);
    server_owe(s, FLOW_DESCRIBE, FLOW_FORWARD, TAG(ABOUT_REFUSAL, 0, why));
}

void
refusal_of_query(struct session *s, enum refusal why)
{
    CHECK(why != REFUSAL_NONE);
    message_put_query(server_queue(s), refused);
    server_owe(s, FLOW_QUERY, FLOW_FORWARD, TAG(ABOUT_REFUSAL, 0, why));
    replay_disarm(s);
    cycle_sent(s);
}

void
refusal_tell(enum refusal why, struct err *err)
{
    CHECK(why > REFUSAL_NONE && why < REFUSALS_COUNT);
    (void)err_set(err, refusals[why].sqlstate, "%s", refusals[why].text);
    (void)err_hint(err, "%s", refusals[why].hint);
}
