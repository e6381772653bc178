/* status.h — the text of STATUS: the pairs at a glance. Facts in, lines out. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_STATUS_H
#define TEAL_ADMIN_STATUS_H

#include <stddef.h>

#include "admin/snapshot.h"
#include "base/buf.h"

/* Appends the lines, with their ends. */
void status_print(const struct snapshot *snap, struct buf *out);
/* How far the side is behind the writer: "12 kB, 40 ms behind", "lag unknown". */
void status_print_lag(const struct node_facts *node, char *out, size_t size);

#endif
