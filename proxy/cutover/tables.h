/* tables.h — the tables that drive a cutover: states, rows, scripts and all their lines. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TABLES_H
#define TEAL_CUTOVER_TABLES_H

struct machine_tables;

/* Borrowed for ever. */
const struct machine_tables *cutover_tables(void);

#endif
