/* external_auth.c — clients whose name is known from elsewhere. See external_auth.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/external_auth.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/ident.h"
#include "net/tls.h"
#include "session/state/session.h"

enum { PASSWD_SIZE = 16 * 1024 };

bool
external_by_certificate(const struct session *s, const struct ident *ident, const char *map)
{
    struct buf name;
    CHECK(s->identity.user != NULL);
    buf_init(&name);
    const bool known = tls_peer_name(&s->client.stream, &name);
    buf_put_u8(&name, 0);
    const bool ok =
        known && ident_allows(ident, map, (const char *)buf_slice(&name).p, s->identity.user);
    buf_fini(&name);
    return ok;
}

/* The kernel says who connected; the system's list of users how it is called. */
bool
external_by_system(const struct session *s, const struct ident *ident, const char *map)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct passwd entry;
    struct passwd *found = NULL;
    char texts[PASSWD_SIZE];
    CHECK(s->identity.user != NULL);
    if (!s->client.is_local ||
        getsockopt(s->client.stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        return false;
    }
    return getpwuid_r(peer.uid, &entry, texts, sizeof(texts), &found) == 0 && found != NULL &&
           ident_allows(ident, map, entry.pw_name, s->identity.user);
}
