/* parameters.h — what a client is told of its server by ParameterStatus.
 *
 * A client that is linked to another backend hears of the values that differ there, so that it
 * always knows those of the backend that serves it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_PARAMETERS_H
#define TEAL_SESSION_LINK_PARAMETERS_H

#include "session/state/session.h"

/* These are what the client knows from now on; shared by reference. */
void parameters_take(struct session *s, struct params *params);
/* Tells the client what is different on its backend; nothing before its login told it anything. */
void parameters_sync(struct session *s);
void parameters_fini(struct session *s);

/* What the classifier says of a text of this client: its encoding and its way to escape decide
 * whether the text can be read at all. */
struct sql_traits parameters_classify(const struct session *s, struct slice text);

#endif
