/* catalog.c — which databases a side has. See catalog.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/catalog.h"

#include <string.h>

#include "base/mem.h"

/* One more than there may be, so that it shows. */
const char *
catalog_sql(void)
{
    _Static_assert(DATABASES_MAX == 1000, "the limit of the statement");
    return "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
           " ORDER BY datname COLLATE \"C\" LIMIT 1001";
}

static bool
is_same(const struct side_databases *d, const struct pq_result *result, uint32_t count)
{
    if (d->generation == 0 || d->count != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(d->names[i], pq_cell(result, (int)i, 0)) != 0) {
            return false;
        }
    }
    return true;
}

/* In order and without NULL, as the others rely on it. */
static bool
is_well_formed(const struct pq_result *result)
{
    if (!result->ok || pq_columns(result) != 1) {
        return false;
    }
    for (int i = 0; i < pq_rows(result); i++) {
        const char *name = pq_cell(result, i, 0);
        if (name == NULL || (i > 0 && strcmp(pq_cell(result, i - 1, 0), name) >= 0)) {
            return false;
        }
    }
    return true;
}

bool
catalog_take(struct side_databases *d, const struct pq_result *result)
{
    if (!is_well_formed(result)) {
        return false;
    }
    const uint32_t rows = (uint32_t)pq_rows(result);
    const uint32_t count = rows > DATABASES_MAX ? (uint32_t)DATABASES_MAX : rows;
    if (is_same(d, result, count) && d->is_cut == (rows > count)) {
        return false;
    }
    const uint64_t generation = d->generation + 1;
    catalog_fini(d);
    *d = (struct side_databases){.generation = generation,
                                 .names = xcalloc(count, sizeof(*d->names)),
                                 .count = count,
                                 .is_cut = rows > count};
    for (uint32_t i = 0; i < count; i++) {
        d->names[i] = xstrdup(pq_cell(result, (int)i, 0));
    }
    return true;
}

bool
catalog_has(const struct side_databases *d, const char *name)
{
    uint32_t from = 0;
    uint32_t to = d->count;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const int order = strcmp(d->names[middle], name);
        if (order == 0) {
            return true;
        }
        from = order < 0 ? middle + 1 : from;
        to = order < 0 ? to : middle;
    }
    return false;
}

void
catalog_fini(struct side_databases *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        mem_free(d->names[i]);
    }
    mem_free(d->names);
    *d = (struct side_databases){0};
}
