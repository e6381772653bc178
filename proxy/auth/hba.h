/* hba.h — which clients may connect, from where, and how they authenticate: a file in the format of
 * pg_hba.conf.
 *
 *     TYPE      DATABASE  USER   ADDRESS        METHOD         [map=NAME] [clientcert=verify-full]
 *     local     all       all                   peer
 *     hostssl   app       all    10.0.0.0/8     scram-sha-256
 *     host      all       all    0.0.0.0/0      reject
 *
 * The first row that fits decides; when none does, the client is refused. Follows the manual's "The
 * pg_hba.conf File": lists with commas, quotes that take a word its special meaning, `all`,
 * `sameuser`, `replication` (which alone matches physical replication), address and mask as one or
 * as two columns. What cannot be decided here is a mistake, not a row that never fits: groups
 * (+name, samerole), regular expressions, files within files, host names, and methods that Teal
 * does not have. A zeroed question fits no row.
 *
 * Pure; nobody changes a struct hba after it was loaded, so any thread may read it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_HBA_H
#define TEAL_AUTH_HBA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/slice.h"
#include "model/auth_type.h"

enum hba_clientcert { HBA_CLIENTCERT_NONE, HBA_CLIENTCERT_VERIFY_CA, HBA_CLIENTCERT_VERIFY_FULL };

/* What a row says to those that it fits. */
struct hba_row {
    enum auth_type method; /* one of AUTH_TYPE_ROW_VALUES */
    enum hba_clientcert clientcert;
    char *map; /* owned; NULL for none */
    unsigned line;
};

struct hba_question {
    bool local; /* by a Unix socket */
    bool tls;
    bool physical;       /* a physical replication connection: it has no database */
    const char *address; /* numeric, without a port; NULL when local */
    const char *user;
    const char *database;
};

struct hba;

/* The rows in the text; path is the name that mistakes show. The caller owns them. NULL
 * when there is any mistake, with a line "FILE:LINE: TEXT\n" for each. */
MUST_CHECK struct hba *hba_load_slice(struct slice text, const char *path, struct buf *mistakes);
MUST_CHECK struct hba *hba_load(const char *path, struct buf *mistakes);
void hba_free(struct hba *h); /* NULL is fine */
/* The first row that fits; NULL when none does. Borrowed. */
const struct hba_row *hba_find(const struct hba *h, const struct hba_question *q);

#endif
