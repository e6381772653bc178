/* map.c — a hash table from bytes to a pointer. See map.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/map.h"

#include <string.h>

#include "base/mem.h"

enum { MAP_SIZE_MIN = 8 };

void
map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void
map_fini(struct map *m)
{
    for (size_t i = 0; i < m->size; i++) {
        mem_free(m->entries[i].key);
    }
    mem_free(m->entries);
    map_init(m, m->seed);
}

size_t
map_count(const struct map *m)
{
    return m->count;
}

/* The place of the key, or the free place where it would stand. The table is never full. */
static size_t
map_find(const struct map *m, struct slice key, uint64_t hash)
{
    const size_t mask = m->size - 1;
    size_t i = hash & mask;
    while (m->entries[i].key != NULL) {
        const struct map_entry *e = &m->entries[i];
        if (e->hash == hash && slice_equal(slice_of(e->key, e->key_len), key)) {
            break;
        }
        i = (i + 1) & mask;
    }
    return i;
}

void *
map_get(const struct map *m, struct slice key)
{
    if (m->count == 0) {
        return NULL;
    }
    return m->entries[map_find(m, key, slice_hash(key, m->seed))].value;
}

static void
map_grow(struct map *m)
{
    struct map_entry *old = m->entries;
    const size_t old_size = m->size;
    m->size = old_size == 0 ? MAP_SIZE_MIN : old_size * 2;
    m->entries = xcalloc(m->size, sizeof(*m->entries));
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].key != NULL) {
            m->entries[map_find(m, slice_of(old[i].key, old[i].key_len), old[i].hash)] = old[i];
        }
    }
    mem_free(old);
}

void *
map_put(struct map *m, struct slice key, void *value)
{
    CHECK(value != NULL);
    if (4 * (m->count + 1) > 3 * m->size) {
        map_grow(m);
    }
    const uint64_t hash = slice_hash(key, m->seed);
    struct map_entry *e = &m->entries[map_find(m, key, hash)];
    void *before = e->value;
    if (e->key == NULL) {
        e->key = (uint8_t *)xstrndup((const char *)key.p, key.len);
        e->key_len = key.len;
        e->hash = hash;
        m->count++;
    }
    e->value = value;
    return before;
}

/* Closes the gap at i: every entry of the run behind it that may move forward does. */
static void
map_close_gap(struct map *m, size_t i)
{
    const size_t mask = m->size - 1;
    for (size_t j = (i + 1) & mask; m->entries[j].key != NULL; j = (j + 1) & mask) {
        const size_t home = m->entries[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            m->entries[i] = m->entries[j];
            i = j;
        }
    }
    m->entries[i] = (struct map_entry){0, NULL, 0, NULL};
}

void *
map_remove(struct map *m, struct slice key)
{
    if (m->count == 0) {
        return NULL;
    }
    const size_t i = map_find(m, key, slice_hash(key, m->seed));
    struct map_entry *e = &m->entries[i];
    if (e->key == NULL) {
        return NULL;
    }
    void *value = e->value;
    CHECK(value != NULL);
    mem_free(e->key);
    m->count--;
    map_close_gap(m, i);
    return value;
}

const struct map_entry *
map_next_entry(const struct map *m, size_t *at)
{
    while (*at < m->size) {
        const struct map_entry *e = &m->entries[(*at)++];
        if (e->key != NULL) {
            return e;
        }
    }
    return NULL;
}

void *
map_next(const struct map *m, size_t *at)
{
    const struct map_entry *e = map_next_entry(m, at);
    return e == NULL ? NULL : e->value;
}
