/* dialog.h — one console connection as a pure protocol machine: bytes in, commands and bytes out.
 *
 * Speaks protocol 3 as a server does to psql, libpq and any driver: start-up with negotiation of
 * newer minors, simple queries, and the extended protocol without parameters. It touches no socket
 * and runs no command:
 *
 *     bytes --> dialog_feed --> ops->execute(text)
 *     bytes <-- dialog_columns, dialog_row ..., dialog_complete or dialog_error
 *
 * Between execute and its end the dialog is busy: it processes no further message, so the answers
 * come in the order of the questions. Input is hostile: what breaks the protocol is answered with a
 * FATAL and the dialog is closed. Memory is bounded: one frame of DIALOG_FRAME_MAX,
 * DIALOG_NAMES_MAX names, and what the owner leaves in out. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_DIALOG_H
#define TEAL_ADMIN_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/dialog_names.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    DIALOG_FRAME_MAX = 64 * 1024, /* type and length included; longer is FATAL 08P01 */
    DIALOG_OUT_HIGH = 256 * 1024, /* while more waits to be sent, no further message is processed */
};

enum dialog_state {
    DIALOG_STARTUP, /* waits for the first packet */
    DIALOG_READY,   /* processes messages */
    DIALOG_BUSY,    /* a command runs */
    DIALOG_CLOSED,  /* send what out holds, then close the socket */
};

struct dialog;

struct dialog_ops {
    void *ctx; /* borrowed as long as the dialog lives */
    /* A session asks to begin. False with err refuses it (FATAL). user and database are as given,
     * "" when missing. */
    bool (*begin)(void *ctx, const char *user, const char *database, struct err *err);
    /* Run the text, or say which columns it would give (describe: dialog_columns or dialog_complete
     * with NULL, or dialog_error). May answer at once or later. The text ends with the call. */
    void (*execute)(void *ctx, struct slice text, bool describe);
    /* A CancelRequest came in instead of a session. */
    void (*cancel)(void *ctx, uint32_t pid, struct slice key);
};

struct dialog {
    struct dialog_ops ops;
    enum dialog_state state;
    struct buf in;  /* not processed yet */
    struct buf out; /* to be sent; the owner consumes it */
    uint32_t pid;   /* for BackendKeyData */
    uint8_t key[4]; /* secret */
    bool pumping;   /* dialog_pump is on the stack: no recursion on input */
    bool extended;  /* what runs came by Execute or Describe: no RowDescription, no ReadyForQuery */
    bool describing;   /* what runs is asked for its columns only */
    bool skipping;     /* an error in the extended protocol: everything up to Sync is skipped */
    bool columns_sent; /* of what runs */
    size_t columns_count;
    uint64_t rows; /* of what runs */
    struct dialog_names names;
};

/* pid and key are what a CancelRequest must give. */
void dialog_init(struct dialog *d, const struct dialog_ops *ops, uint32_t pid,
                 const uint8_t key[4]);
void dialog_fini(struct dialog *d);

/* Whether it can take more bytes now; if not, leave them in the socket. */
bool dialog_wants(const struct dialog *d);
void dialog_feed(struct dialog *d, struct slice bytes);
/* The owner has sent some of out: messages that waited for it are processed. */
void dialog_sent(struct dialog *d);
/* The client may not connect, Teal ends, ...: FATAL and closed. Harmless when it is closed. */
void dialog_fatal(struct dialog *d, const struct err *err);

/* Answers to execute; only while busy. After complete or error the next message is processed, which
 * may call execute again before these return. */
void dialog_columns(struct dialog *d, const char *const *names, size_t count);
void dialog_row(struct dialog *d, const char *const *cells, size_t count);
/* tag is the command's; NULL for "SELECT n". */
void dialog_complete(struct dialog *d, const char *tag);
/* There was no command in the text. */
void dialog_complete_empty(struct dialog *d);
void dialog_error(struct dialog *d, const struct err *err);

#endif
