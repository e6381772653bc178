/* ident.h — user name maps, in the format of pg_ident.conf.
 *
 * A row is the name of a map, a name given by the system (of a certificate, of the operating
 * system), and the database user that it may be. Nobody changes a struct ident after it was loaded,
 * so any thread may read it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_IDENT_H
#define TEAL_AUTH_IDENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/slice.h"

struct ident;
/* As hba_load_slice and hba_load. */
MUST_CHECK struct ident *ident_load_slice(struct slice text, const char *path,
                                          struct buf *mistakes);
MUST_CHECK struct ident *ident_load(const char *path, struct buf *mistakes);
void ident_free(struct ident *i); /* NULL is fine */
/* Whether the person that the system calls system_name may log in as that user. map NULL: only
 * under the same name. i may be NULL: no map is known. */
bool ident_allows(const struct ident *i, const char *map, const char *system_name,
                  const char *user);

#endif
