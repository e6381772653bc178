/* config.c — a copy of the configuration that owns its strings. See config.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/config.h"

#include <string.h>

#include "base/mem.h"

bool
cutover_config_has_hook(const struct cutover_config *config, enum hook hook)
{
    return (config->hooks & (1u << hook)) != 0;
}

void
cutover_config_copy(struct cutover_config *to, const struct cutover_config *from)
{
    *to = *from;
    to->database = xstrdup(from->database);
    for (int s = 0; s < SIDES_COUNT; s++) {
        to->replication_conninfo[s] = xstrdup(from->replication_conninfo[s]);
        to->address[s] = xstrdup(from->address[s]);
    }
}

/* The copies are ours; const is for the readers of the struct. */
static void
text_free(const char *text)
{
    void *p = NULL;
    memcpy(&p, &text, sizeof(p));
    mem_free(p);
}

void
cutover_config_fini(struct cutover_config *config)
{
    text_free(config->database);
    for (int s = 0; s < SIDES_COUNT; s++) {
        text_free(config->replication_conninfo[s]);
        text_free(config->address[s]);
    }
}
