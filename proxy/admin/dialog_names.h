/* dialog_names.h — the prepared statements and portals of one connection to the console: names with
 * the text that they stand for. There are no parameters, so a portal is a copy of its statement. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_DIALOG_NAMES_H
#define TEAL_ADMIN_DIALOG_NAMES_H

#include "base/err.h"
#include "base/slice.h"

enum { DIALOG_NAMES_MAX = 32 };

/* The two kinds, as the protocol names them in Describe and Close. */
enum { DIALOG_STATEMENT = 'S', DIALOG_PORTAL = 'P' };

/* A plain value that begins as {0}. */
struct dialog_names {
    struct {
        char kind;  /* 0 marks a free place */
        char *name; /* owned */
        char *text; /* owned */
    } items[DIALOG_NAMES_MAX];
};

void dialog_names_fini(struct dialog_names *n);
/* Borrowed until the name is put again or closed; NULL for none. */
const char *dialog_names_find(const struct dialog_names *n, char kind, struct slice name);
/* Copies both. The unnamed one is replaced; another name that is in use, or too many of them, is
 * refused. */
MUST_CHECK bool dialog_names_put(struct dialog_names *n, char kind, struct slice name,
                                 struct slice text, struct err *err);
/* Harmless when there is none. */
void dialog_names_close(struct dialog_names *n, char kind, struct slice name);
/* Portals live until the transaction ends, that is until Sync. */
void dialog_names_close_portals(struct dialog_names *n);

#endif
