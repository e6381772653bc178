/* traits.h — what can be known of a statement: its class, what it leaves behind in the session, and
 * what else the caller must do.
 *
 * Plain values: the classifier (classify.h) fills them in, the router and the session read them,
 * and the table of functions uses the same pins. Nothing here owns memory: the slices borrow from
 * the text that was classified, and the texts are static. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_TRAITS_H
#define TEAL_SQL_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/words.h"

#define SQL_CLASS_VALUES(X)                                                          \
    X(SQL_EMPTY, "empty")           /* nothing but space and comments */             \
    X(SQL_READ, "read")             /* provably a read */                            \
    X(SQL_WRITE, "write")           /* anything else */                              \
    X(SQL_BEGIN, "begin")           /* BEGIN / START TRANSACTION, not read only */   \
    X(SQL_BEGIN_READ, "begin-read") /* BEGIN ... READ ONLY (and not SERIALIZABLE) */ \
    X(SQL_END, "end")               /* COMMIT, ROLLBACK, END, ABORT: ends the transaction */

enum sql_class { SQL_CLASS_VALUES(WORDS_VALUE) SQL_CLASS_COUNT };

/* Session state that the statement leaves behind: why the session must keep its backend. Bits, so
 * that a multi-statement text can have several. */
enum sql_pin {
    SQL_PIN_NONE = 0,
    SQL_PIN_SET = 1 << 0, /* SET, RESET, set_config(.., false): not SET LOCAL, SET TRANSACTION */
    SQL_PIN_PREPARE = 1 << 1,       /* SQL-level PREPARE */
    SQL_PIN_LISTEN = 1 << 2,        /* LISTEN */
    SQL_PIN_TEMP = 1 << 3,          /* CREATE TEMP ..., SELECT INTO TEMP, pg_temp */
    SQL_PIN_HOLD_CURSOR = 1 << 4,   /* DECLARE ... WITH HOLD */
    SQL_PIN_ADVISORY_LOCK = 1 << 5, /* pg_advisory_lock and friends that outlive the transaction */
    SQL_PIN_SEQUENCE = 1 << 6,      /* currval, lastval */
    SQL_PIN_LOAD = 1 << 7,          /* LOAD */
    SQL_PIN_UNKNOWN = 1 << 8,       /* a text that could not be read; DO and CALL do not pin */
    SQL_PIN_REPLICATION = 1 << 9,   /* no statement: the connection itself is a walsender's */
};
enum { SQL_PIN_BITS = 10 };

/* What the caller must do besides forwarding it. */
enum sql_special {
    SQL_SPECIAL_NONE,
    SQL_SPECIAL_DISCARD_ALL,    /* DISCARD ALL, alone: forgets prepared statements */
    SQL_SPECIAL_DEALLOCATE_ALL, /* DEALLOCATE [PREPARE] ALL, alone */
    SQL_SPECIAL_DEALLOCATE,     /* DEALLOCATE [PREPARE] name, alone: see name */
    SQL_SPECIAL_RESET_ALL, /* RESET ALL, the last of several that change no setting themselves */
};

/* A hint in a leading comment: / * teal: write * / or / * teal: read * /. It can only send a read
 * to the writer, or declare a statement that calls unknown functions to be a read. */
enum sql_hint { SQL_HINT_NONE, SQL_HINT_READ, SQL_HINT_WRITE };

struct sql_traits {
    enum sql_class class;
    uint32_t pins; /* enum sql_pin */
    enum sql_special special;
    enum sql_hint hint;
    struct slice name;   /* of DEALLOCATE: as written, still quoted; borrowed from the text */
    uint32_t statements; /* not counting empty ones */
    const char *why;     /* what decided, for EXPLAIN ROUTE: "changes data"; static */
    struct slice where;  /* the word that decided, borrowed from the text; may be empty */
    /* It may end what makes a backend read-only (SET TRANSACTION READ WRITE, set_config, RESET ALL,
     * ..): a backend of a read route must not run it, not even inside BEGIN READ ONLY. */
    bool lifts_read_only;
    bool controls; /* The text has a BEGIN or COMMIT: it is not one transaction. */
    /* The text holds a backslash: the reading is right only with standard_conforming_strings on. A
     * session that has it off must take SQL_WRITE and SQL_PIN_UNKNOWN instead. */
    bool backslash;
};

/* "read", "write", ... for console and logs. */
const char *sql_class_name(enum sql_class class);
/* "SET", "LISTEN", ...: the name of the lowest bit set; "" for none. */
const char *sql_pin_name(uint32_t pins);

#endif
