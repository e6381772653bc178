/* external_auth.h — clients whose name is known from elsewhere: from the operating system (peer),
 * or from the certificate that they have shown (cert). For the files of the session layer only.
 *
 * Nothing is asked. The name must be that of the user, or be allowed to be it by the user name map
 * (auth_ident_file). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_EXTERNAL_AUTH_H
#define TEAL_SESSION_LOGIN_EXTERNAL_AUTH_H

#include <stdbool.h>

#include "base/check.h"

struct ident;
struct session;

/* Both ident and map may be NULL. */
MUST_CHECK bool external_by_certificate(const struct session *s, const struct ident *ident,
                                        const char *map);
MUST_CHECK bool external_by_system(const struct session *s, const struct ident *ident,
                                   const char *map);

#endif
