/* prepared.h — the client's prepared statements on whatever backend serves it.
 *
 * Each distinct text and parameter types has a number (statement.h) and is prepared as teal_NUMBER
 * on whatever backend needs it, ahead of what needs it. The client's names mean something in the
 * session only; the server's words about a statement are given the client's name (server_error.h).
 *
 * What the server is asked to do may be skipped because of an error before it. So:
 *   - each change of a name is undone when its message is skipped (names.h);
 *   - a cycle that changes names or uses named statements is answered before the next is sent
 *     (is_changing), and one that uses the unnamed statement of a cycle before waits for it;
 *   - behind DEALLOCATE ALL and DISCARD ALL nothing is known of any statement until they are
 *     answered: what comes next waits, also within the batch (prepared_must_wait). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_PREPARED_H
#define TEAL_SESSION_QUERY_PREPARED_H

#include "session/state/session.h"
#include "wire/frame.h"

void prepared_init(struct session *s);
void prepared_fini(struct session *s);

/* Names that the server knows, or does not, so that it says about them what the client shall hear
 * about its own (server_error.h). */
#define PREPARED_TWICE "teal_twice"
#define PREPARED_UNKNOWN "teal_unknown"

/* ---- before a message that is about statements ---- */

/* Whether it must wait because a statement before it in the cycle forgets all statements, or
 * because too many changes of names are not answered. Then the server has been asked to answer what
 * it has, and the session goes on when it has. */
MUST_CHECK bool prepared_must_wait(struct session *s);
/* Whether the unnamed statement may still be skipped, with the batch before: then what uses it
 * waits. */
bool prepared_unnamed_is_unsure(const struct session *s);
/* Whether an unanswered cycle may leave other statements than are known: the next one waits. */
bool prepared_is_changing(const struct session *s);

/* ---- Parse and Close ---- */

/* The statement is prepared without a name; frame is the client's own message. */
void prepared_parse_unnamed(struct session *s, struct slice frame, struct statement *statement);
/* The same under a name that the session does not have yet; the reference is taken over. */
void prepared_parse_named(struct session *s, struct slice name, struct statement *statement);
/* The Parse of a statement too long to be kept goes on as it arrives: rest is what stands behind
 * the name, of a body of this length. Only this backend will have it, so the session is pinned. */
void prepared_parse_opaque(struct session *s, struct slice name, struct slice rest,
                           uint64_t body_len);
/* A name that the session has already: the server says so. */
void prepared_parse_duplicate(struct session *s, struct slice name, struct slice text,
                              struct slice types);
/* Its own Parse is sent again (replay.h): the name is there already. The reference is taken over.
 */
void prepared_parse_again(struct session *s, struct statement *statement);
void prepared_close(struct session *s, struct slice name);
void prepared_close_unnamed(struct session *s, struct slice frame);

/* ---- using them ---- */

/* A statement as the server knows it. */
struct prepared_use {
    char name[STATEMENT_NAME_SIZE]; /* when it has one of ours */
    struct slice at_server;         /* with a NUL behind it; in name, or the client's own */
    struct flow_tag tag;            /* for what uses it */
};

/* Has the server prepare the named statement if it must, and says how the server calls it. A name
 * that the session does not have is unknown to the server too. out must not move. */
void prepared_use(struct session *s, struct slice name, struct prepared_use *out);
/* The same for the unnamed statement, which another session may have replaced on this backend. */
void prepared_use_unnamed(struct session *s);

/* ---- statements of SQL ---- */

/* A simple Query destroys the unnamed statement. True when the session had one: one change, the
 * first of its tag, which is ABOUT_UNNAMED. */
bool prepared_note_query(struct session *s);
/* DEALLOCATE ALL or DISCARD ALL was sent, or a text that may hold one. */
void prepared_note_forget(struct session *s);
/* The same was bound: its portal may be executed until the end of the transaction. */
void prepared_note_forgetting_portal(struct session *s);
/* Has the server answer what it has, although no Sync has been sent. */
void prepared_ask_for_answers(struct session *s);
/* The end of a batch: what follows is another one. */
void prepared_end_batch(struct session *s);

/* DEALLOCATE of a statement that was prepared by the protocol, which the server knows by another
 * name: it deallocates an empty one in its place (teal_gone), so that the answer and its place
 * in the transaction are the server's own. True with one change, when the name (as it stands in the
 * text) is one of the session's. */
bool prepared_deallocate(struct session *s, struct slice written);
#define PREPARED_DEALLOCATE_DUMMY "DEALLOCATE teal_gone"
/* Has the server prepare a statement of Teal's under this name, whatever it was before. */
void prepared_put_ours(struct session *s, const char *name, const char *sql);

/* ---- answers ---- */

/* The request is answered. */
void prepared_answered(struct session *s, const struct flow_entry *entry);
/* The request failed by itself, or was skipped because of an error before it. */
void prepared_failed(struct session *s, const struct flow_entry *entry);
void prepared_skipped(struct session *s, const struct flow_entry *entry);
/* The server has forgotten all statements. */
void prepared_forget_all(struct session *s);
/* The server owes nothing more. */
void prepared_settle(struct session *s);
/* The backend is gone. */
void prepared_lost(struct session *s);

#endif
