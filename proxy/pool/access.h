/* access.h — who may log in, and with what either end is encrypted: what the configuration
 * keeps in files of its own.
 *
 * An immutable, reference-counted value, made of the files as they were when it was loaded. A
 * reload makes a new one; if any of the files has a mistake, the old one stays. Any thread may use
 * it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_ACCESS_H
#define TEAL_POOL_ACCESS_H

#include <stdatomic.h>

#include "auth/hba.h"
#include "auth/ident.h"
#include "auth/users.h"
#include "conf/conf.h"
#include "net/tls.h"

struct access {
    atomic_uint refs;
    struct users *users; /* shared (ref); NULL without an auth_file */
    /* Shared (ref), one for each database of the configuration and the last for the rest: the user
     * that its backends log in as, with its password; NULL where there is none. */
    struct users **forced;
    uint32_t forced_count;
    struct hba *hba;             /* owned; NULL unless auth_type is hba */
    struct ident *ident;         /* owned; NULL without an auth_ident_file */
    struct tls_context *clients; /* shared (ref); NULL: clients are told that there is no TLS */
    struct tls_context *servers; /* shared (ref); NULL: backends are plain */
};

/* Reads the files. The caller owns the one reference. NULL when there is any mistake, with a line
 * "FILE:LINE: TEXT\n" for each. before (may be NULL) is what it is to replace: users keep their
 * keys. */
MUST_CHECK struct access *access_load(const struct conf *conf, const struct scram_seed *seed,
                                      const struct access *before, struct buf *mistakes);
struct access *access_ref(struct access *a);
void access_unref(struct access *a); /* NULL is fine */

/* The user of that name whose password the configuration has for the database; conf is that of the
 * access. NULL for none. */
const struct user *access_forced(const struct access *a, const struct conf *conf, const char *alias,
                                 const char *name);
/* NULL when nothing is known of the user. Borrowed for as long as the access is. */
const struct user *access_user(const struct access *a, const char *name);

#endif
