/* config.c — a copy of the configuration that owns its strings. See config.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/config.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

bool
cutover_config_has_hook(const struct cutover_config *config, enum hook hook)
{
    return (config->hooks & (1u << hook)) != 0;
}

static const char *const *
names_copy(const char *const *names, uint32_t count)
{
    const char **copy = xcalloc(count, sizeof(*copy));
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = xstrdup(names[i]);
    }
    return copy;
}

void
cutover_config_copy(struct cutover_config *to, const struct cutover_config *from)
{
    CHECK(from->databases_count > 0 && from->databases_count <= DATABASES_MAX);
    *to = *from;
    to->databases = names_copy(from->databases, from->databases_count);
    for (int s = 0; s < SIDES_COUNT; s++) {
        to->replication_conninfo[s] = xstrdup(from->replication_conninfo[s]);
        to->address[s] = xstrdup(from->address[s]);
    }
}

/* The copies are ours; const is for the readers of the struct. */
static void
free_const(const void *owned)
{
    void *p = NULL;
    memcpy(&p, &owned, sizeof(p));
    mem_free(p);
}

static void
free_secret(const char *owned)
{
    void *p = NULL;
    memcpy(&p, &owned, sizeof(p));
    mem_wipe_free(p, strlen(owned));
}

void
cutover_config_fini(struct cutover_config *config)
{
    for (uint32_t i = 0; i < config->databases_count; i++) {
        free_const(config->databases[i]);
    }
    free_const(config->databases);
    for (int s = 0; s < SIDES_COUNT; s++) {
        free_secret(config->replication_conninfo[s]);
        free_const(config->address[s]);
    }
}
