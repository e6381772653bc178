/* map.h — a hash table from bytes to a pointer.
 *
 * Open addressing with linear probing and backward-shift deletion. Keys are copied in; values are
 * the caller's. One owner, no locks. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_MAP_H
#define TEAL_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct map_entry {
    uint64_t hash;
    uint8_t *key; /* owned; NULL marks a free place */
    size_t key_len;
    void *value; /* borrowed */
};

struct map {
    struct map_entry *entries; /* owned; NULL while nothing was put in */
    size_t size;               /* a power of two, or 0 */
    size_t count;
    uint64_t seed; /* against keys chosen to collide */
};

void map_init(struct map *m, uint64_t seed);
/* Frees the keys and the table, not the values. */
void map_fini(struct map *m);
size_t map_count(const struct map *m);
/* NULL when there is none. */
void *map_get(const struct map *m, struct slice key);
/* Sets the value of the key; gives back the value that stood there, or NULL. value is not NULL. */
void *map_put(struct map *m, struct slice key, void *value);
/* Takes the key out; gives back its value, or NULL. */
void *map_remove(struct map *m, struct slice key);
/* Walks all values: start with *at = 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at);

#endif
