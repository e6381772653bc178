/* caps.h — how many backends a pool may have, and which has had its time. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_CAPS_H
#define TEAL_POOL_CAPS_H

#include "pool/share.h"

struct backend;
struct pool;

/* The limits of the pool, as the configuration in force has them for its database. */
void caps_configure(struct pool *pool);
/* The caps in force; the reserve is part of them when somebody has waited too long. */
struct pool_caps caps_of(const struct pool *pool);
/* Whether the backend is to be closed rather than given to somebody: it is too old, its server is
 * another one or was restarted, it is one too many, or somebody has said so. */
bool caps_backend_is_over(const struct backend *b);

#endif
