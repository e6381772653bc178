/* pairs.h — how the console names a pair: which one a command means, and where its answers must
 * tell one from another. With one pair nobody has to name it, and nothing does. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_PAIRS_H
#define TEAL_ADMIN_PAIRS_H

#include "admin/grammar.h"
#include "admin/snapshot.h"
#include "base/table.h"

/* The number of the pair that the command means, or PAIR_ALL. False with err when there is none of
 * that name (42704), and when it must name one of several and does not (22023). */
MUST_CHECK bool pair_of_command(const struct command *c, const struct snapshot *snap, uint32_t *out,
                                struct err *err);
/* The reports of the snapshot are about that pair, or all. */
void snapshot_select(struct snapshot *snap, uint32_t pair);

/* A table whose first column is "pair": left out unless rows of several pairs stand in it. */
struct table *pairs_table_new(const struct snapshot *snap, const char *const *columns,
                              size_t columns_count);
/* The first cell of a row of such a table, if it has that column. */
void pairs_table_add(struct table *t, const struct snapshot *snap, uint32_t pair);

/* A view has what is said of the databases of all pairs. */
bool stop_is_of_pair(const struct snapshot *snap, const struct view_stop *stop, uint32_t pair);

/* What is done in all databases of one pair. Clients are those that have logged in. */
struct pair_traffic {
    uint64_t clients, xacts_per_s, client_errors;
};
void pair_traffic(const struct snapshot *snap, uint32_t pair, struct pair_traffic *out);
/* Transactions that wait, of all pairs. */
uint32_t pairs_waiting(const struct snapshot *snap);

/* What tealctl needs in front of a command to mean the pair: "--pair shop ", or "" when there is no
 * other. */
struct pair_option {
    char s[COMMAND_NAME_SIZE + 16];
};
struct pair_option pair_option(const struct snapshot *snap, uint32_t pair);

#endif
