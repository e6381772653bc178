/* users.h — who may log in and with what secret: the users file, in PgBouncer's format.
 *
 *     ; a comment, # another
 *     "app" "SCRAM-SHA-256$4096:...$...:..."
 *     "old" "md55f4dcc3b5aa765d61d8327deb882cf99"
 *     "me"  "a ""plain"" password"
 *
 * One user a line: the name, blanks, the secret; "" stands for a quote. The same secrets serve both
 * ends: the clients prove themselves with them, and Teal logs in to the servers with them.
 *
 * A struct users does not change after it was loaded, but for the key caches, which have their own
 * locks; any thread may read it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_USERS_H
#define TEAL_AUTH_USERS_H

#include <stddef.h>

#include "auth/scram.h"
#include "base/buf.h"

enum user_kind {
    USER_NO_SECRET, /* "": may log in where no secret is asked for */
    USER_PASSWORD,
    USER_SCRAM, /* a verifier */
    USER_MD5, /* md5 of password and name: serves servers, and clients, only where md5 is asked for
               */
};

struct user {
    char *name;   /* owned */
    char *secret; /* owned, secret; as in the file */
    enum user_kind kind;
    struct scram_verifier *verifier; /* owned; NULL unless kind is USER_SCRAM */
    struct scram_cache *keys;        /* shared (ref) with the same user of a later load */
};

struct scram_server;
struct users;

/* Reads the file. The caller owns the one reference. NULL when there is any mistake: each is then
 * appended to mistakes as a line "FILE:LINE: TEXT". before (may be NULL) is what a reload replaces:
 * users whose secret is the same keep their cached keys. */
MUST_CHECK struct users *users_load(const char *path, const struct scram_seed *seed,
                                    const struct users *before, struct buf *mistakes);
/* The same from the bytes of a file; path is the name that mistakes show. */
MUST_CHECK struct users *users_load_slice(struct slice text, const char *path,
                                          const struct scram_seed *seed, const struct users *before,
                                          struct buf *mistakes);
/* The same from the name and the secret of one user; from is what mistakes show. */
MUST_CHECK struct users *users_of_one(const char *name, const char *secret, const char *from,
                                      const struct scram_seed *seed, const struct users *before,
                                      struct buf *mistakes);
struct users *users_ref(struct users *u);
void users_unref(struct users *u); /* NULL is fine */

size_t users_count(const struct users *u);
/* NULL when there is no such user. Borrowed for as long as the users are. u may be NULL: nobody is
 * known. */
const struct user *users_find(const struct users *u, const char *name);

/* What the user has for SCRAM, to either end; user may be NULL (unknown). Borrowed from the user.
 */
struct scram_secret user_scram_secret(const struct user *user);
/* Begins a SCRAM exchange with a client that says to be name, known or not; u may be
 * NULL. For scram_server_final: user_scram_secret(users_find(u, name)). */
void users_scram_begin(const struct users *u, const char *name, struct scram_server *s);

#endif
