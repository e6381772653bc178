/* identity.h — who a client says it is, and what it sets: the parameters of its start-up packet.
 *
 * Three kinds of parameters: those that say who it is (user, database, replication), options of the
 * protocol (_pq_.*, negotiated), and settings, in `options` or by their own name. Settings pass an
 * allow list (allowed_startup_parameters, ignore_startup_parameters); what the server thinks of
 * them is asked at the end of the login (login.c). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_IDENTITY_H
#define TEAL_SESSION_LOGIN_IDENTITY_H

#include "session/state/session.h"
#include "wire/startup.h"

/* A new connection: what will find it again for a CancelRequest. */
void identity_init(struct session *s);
void identity_fini(struct session *s);

/* Takes over the names, the kind of the session and its settings, and answers a version or options
 * that are not spoken here. False when the session was refused, and has ended. */
MUST_CHECK bool identity_take(struct session *s, const struct startup_packet *packet);
/* Its database, of those that are served. False when there is none of that name: the session was
 * refused, and has ended. */
MUST_CHECK bool identity_find_database(struct session *s);
/* It may come in as far as its names go: the settings become shared, the router knows it. */
void identity_settle(struct session *s);

#endif
