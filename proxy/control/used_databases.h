/* used_databases.h — tells the monitor which databases of a pair are in use.
 *
 * The monitor looks at a database of a logical pair only while somebody works in it (follows.h), so
 * that idle ones cost nothing. In use is one in which something was done within the last minute. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_USED_DATABASES_H
#define TEAL_CONTROL_USED_DATABASES_H

#include <stdint.h>

struct conf_pair;
struct monitor;
struct used_databases;
struct workers;

/* Of the pair of that number; its monitor is borrowed. */
struct used_databases *used_databases_new(uint32_t pair, struct monitor *monitor);
/* NULL is fine. */
void used_databases_free(struct used_databases *u);
/* Once a second. */
void used_databases_tick(struct used_databases *u, const struct conf_pair *conf,
                         const struct workers *workers);

#endif
