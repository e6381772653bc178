/* vouched.c — clients whose name another vouches for. See vouched.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/vouched.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/ident.h"
#include "net/tls.h"
#include "session/session.h"

enum { PASSWD_SIZE = 16 * 1024 };

bool
vouched_by_certificate(const struct session *s, const struct ident *ident, const char *map)
{
    struct buf name;
    buf_init(&name);
    const bool known = tls_peer_name(&s->stream, &name);
    buf_put_u8(&name, 0);
    const bool ok = known && ident_allows(ident, map, (const char *)buf_slice(&name).p, s->user);
    buf_fini(&name);
    return ok;
}

/* The kernel says who connected; the system's list of users how it is called. */
bool
vouched_by_system(const struct session *s, const struct ident *ident, const char *map)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct passwd entry;
    struct passwd *found = NULL;
    char texts[PASSWD_SIZE];
    if (!s->is_local || getsockopt(s->stream.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        return false;
    }
    return getpwuid_r(peer.uid, &entry, texts, sizeof(texts), &found) == 0 && found != NULL &&
           ident_allows(ident, map, entry.pw_name, s->user);
}
