/* hosts.c — the servers of a side, from the texts that the file gives. See hosts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/hosts.h"

#include "base/mem.h"

void
hosts_fini(struct conf_side *side)
{
    for (uint32_t i = 0; i < side->hosts_count; i++) {
        mem_free(side->hosts[i].name);
    }
    side->hosts_count = 0;
}

void
hosts_fill(struct conf_side *side)
{
    hosts_fini(side);
    side->hosts[0] =
        (struct conf_host){.name = xstrdup(side->host), .port = side->port, .weight = 1};
    side->hosts_count = 1;
}
