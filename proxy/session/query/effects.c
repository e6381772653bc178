/* effects.c — what a statement leaves behind in the session. See effects.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/effects.h"

#include "session/link/link.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/prepared.h"

/* While reads and writes go to one side nobody tells reads apart, so all counts; and a read that
 * was sent again to the writer has turned out to write. */
void
effects_note_class(struct session *s, enum sql_class class)
{
    const bool is_read = class == SQL_READ || class == SQL_EMPTY || class == SQL_BEGIN_READ;
    if (!is_read) {
        link_note_write(s);
    }
    const bool may_write = !is_read || s->replay.is_second || session_is_single(s);
    if (may_write && !s->link.decision.read_only) {
        cycle_wrote(s);
    }
}

void
effects_note(struct session *s, uint32_t pins, enum sql_special special, struct slice text)
{
    switch (special) {
    case SQL_SPECIAL_DISCARD_ALL: /* its answer tells of the settings: relay.c */
    case SQL_SPECIAL_DEALLOCATE_ALL:
        prepared_note_forget(s);
        break;
    case SQL_SPECIAL_RESET_ALL:
        if (pins == SQL_PIN_SET && tracked_note_reset(s)) {
            return;
        }
        break;
    case SQL_SPECIAL_NONE:
    case SQL_SPECIAL_DEALLOCATE:
        break;
    }
    if (pins != SQL_PIN_SET || !tracked_note(s, text)) {
        session_pin(s, pins);
    }
}

void
effects_note_unread(struct session *s)
{
    session_pin(s, SQL_PIN_UNKNOWN);
    prepared_note_forget(s);
    effects_note_class(s, SQL_WRITE);
}
