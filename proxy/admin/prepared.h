/* prepared.h — the prepared statements and portals of one connection to the console: names with the
 * text that they stand for. There are no parameters, so a portal is a copy of its statement. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_PREPARED_H
#define TEAL_ADMIN_PREPARED_H

#include "base/err.h"
#include "base/slice.h"

enum { PREPARED_MAX = 32 };

/* The two kinds, as the protocol names them in Describe and Close. */
enum { PREPARED_STATEMENT = 'S', PREPARED_PORTAL = 'P' };

/* A plain value that begins as {0}. */
struct prepared {
    struct {
        char kind;  /* 0 marks a free place */
        char *name; /* owned */
        char *text; /* owned */
    } items[PREPARED_MAX];
};

void prepared_fini(struct prepared *p);
/* Borrowed until the name is put again or closed; NULL for none. */
const char *prepared_find(const struct prepared *p, char kind, struct slice name);
/* Copies both. The unnamed one is replaced; another name that is in use, or too many of them, is
 * refused. */
MUST_CHECK bool prepared_put(struct prepared *p, char kind, struct slice name, struct slice text,
                             struct err *err);
/* Harmless when there is none. */
void prepared_close(struct prepared *p, char kind, struct slice name);
/* Portals live until the transaction ends, that is until Sync. */
void prepared_close_portals(struct prepared *p);

#endif
