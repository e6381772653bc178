/* settings.h — what a client set when it connected, to be so on every backend that serves it.
 *
 * The start-up packet's parameters (application_name, client_encoding, "options" -c name=value,
 * ...) are kept as one canonical list. Equal lists are one object within a worker, so that "is this
 * backend set up for this session" is a comparison of two pointers. A backend set up otherwise gets
 * one statement ahead of the session's first message, in the same send: no extra round trip. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_SETTINGS_H
#define TEAL_POOL_SETTINGS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

struct settings {
    uint32_t refs;
    char *text; /* owned: name NUL value NUL ...; the key of the table */
    size_t text_len;
};

/* All settings of a worker. */
struct settings_table {
    struct map by_text; /* text -> struct settings, borrowed: each holds its own references */
};

/* Collects settings while a start-up packet is read. */
struct settings_draft {
    struct buf text; /* owned */
};

void settings_table_init(struct settings_table *t);
void settings_table_fini(struct settings_table *t);

void settings_draft_init(struct settings_draft *d);
void settings_draft_fini(struct settings_draft *d);
/* One parameter; a later value of the same name replaces the earlier one. */
void settings_draft_set(struct settings_draft *d, struct slice name, struct slice value);
/* The "options" parameter: "-c name=value" and "--name=value", blanks escaped by a backslash, as
 * the server splits it. False when it holds anything else. */
MUST_CHECK bool settings_draft_options(struct settings_draft *d, struct slice options,
                                       struct err *err);
/* Whether the draft sets the name; *value is borrowed from the draft. */
bool settings_draft_get(const struct settings_draft *d, const char *name, struct slice *value);
void settings_draft_remove(struct settings_draft *d, const char *name);

/* The settings with this text, with one reference for the caller. */
struct settings *settings_intern(struct settings_table *t, struct slice text);
void settings_unref(struct settings_table *t, struct settings *s);
/* name NUL value NUL ..., as a start-up packet has them; borrowed. */
struct slice settings_text(const struct settings *s);
/* Appends the SQL that takes a backend from one to the other; both may be the empty settings. */
void settings_put_sql(struct buf *sql, const struct settings *from, const struct settings *to);

#endif
