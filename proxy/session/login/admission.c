/* admission.c — which clients may come in. See admission.h.
 *
 * The limits by user and database are looked at when the client has proved who it is: before that
 * anybody could use up a user's places. max_client_conn is looked at when the start-up packet is
 * there, as PostgreSQL does, so that a CancelRequest gets through when all places are taken; what
 * has not said yet what it wants is bounded by max_unauthenticated. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/admission.h"

#include <string.h>

#include "session/login/client_limits.h"
#include "session/state/session.h"

_Static_assert((int)SESSION_CLIENT_LIMITS == (int)CLIENT_LIMITS_COUNT,
               "a session has a place for each");

enum { ARRIVING_MAX = 200, ARRIVING_SOURCE_MAX = 20 };

static bool
admission_enter(struct session *s, enum client_limit kind, const char *name, uint32_t max)
{
    CHECK(s->counted[kind] == NULL);
    s->counted[kind] = client_limits_enter(s->worker->workers->limits, kind, name, max);
    return s->counted[kind] != NULL;
}

static bool
is_loopback(const char *source)
{
    return strncmp(source, "127.", 4) == 0 || strcmp(source, "::1") == 0;
}

static uint32_t
quota(uint32_t set, uint32_t otherwise)
{
    return set > 0 ? set : otherwise > 0 ? otherwise : 1;
}

bool
admission_arrive(struct session *s)
{
    if (atomic_load_explicit(&s->worker->workers->pressure, memory_order_relaxed) >=
        PRESSURE_FULL) {
        session_refuse(s, SQLSTATE_OUT_OF_MEMORY,
                       "the proxy is short of memory and takes no new clients (max_memory)");
        return false;
    }
    if (s->client.is_local) {
        return true;
    }
    const struct conf *conf = s->worker->conf;
    const uint32_t all = conf->max_client_conn / 5;
    char source[CLIENT_SOURCE_SIZE];
    client_source(s->client.peer, source);
    const bool near = is_loopback(source);
    /* A limit that nobody has set is against strangers. */
    if ((!near || conf->max_client_conn_per_source > 0) &&
        !admission_enter(s, CLIENT_LIMIT_SOURCE, source,
                         quota(conf->max_client_conn_per_source, conf->max_client_conn / 4))) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections from %s", source);
        return false;
    }
    if ((!near || conf->max_unauthenticated_per_source > 0) &&
        !admission_enter(s, CLIENT_LIMIT_ARRIVING_SOURCE, source,
                         quota(conf->max_unauthenticated_per_source, ARRIVING_SOURCE_MAX))) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS,
                       "too many connections from %s are logging in", source);
        return false;
    }
    if ((!near || conf->max_unauthenticated > 0) &&
        !admission_enter(
            s, CLIENT_LIMIT_ARRIVING, "",
            quota(conf->max_unauthenticated, all < ARRIVING_MAX ? all : ARRIVING_MAX))) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections are logging in");
        return false;
    }
    return true;
}

static void
admission_leave_kind(struct session *s, enum client_limit kind)
{
    client_limits_leave(s->worker->workers->limits, s->counted[kind]);
    s->counted[kind] = NULL;
}

bool
admission_login(struct session *s)
{
    const struct conf *conf = s->worker->conf;
    admission_leave_kind(s, CLIENT_LIMIT_ARRIVING);
    admission_leave_kind(s, CLIENT_LIMIT_ARRIVING_SOURCE);
    if (!admission_enter(s, CLIENT_LIMIT_USER, s->identity.user,
                         conf->max_user_client_connections)) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections for role \"%s\"",
                       s->identity.user);
        return false;
    }
    if (!admission_enter(s, CLIENT_LIMIT_DATABASE, s->identity.database,
                         s->database->clients_max)) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections for database \"%s\"",
                       s->identity.database);
        return false;
    }
    return true;
}

void
admission_leave(struct session *s)
{
    for (int i = 0; i < CLIENT_LIMITS_COUNT; i++) {
        admission_leave_kind(s, (enum client_limit)i);
    }
}
