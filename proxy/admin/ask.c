/* ask.c — questions to the workers. See ask.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/ask.h"

#include "base/mem.h"

struct ask {
    struct console_clients *all; /* borrowed: answers come by a mailbox that ends first */
    uint64_t client_id;
    ask_fn *answer;
};

static void
on_table(void *arg, struct table *t)
{
    struct ask *ask = arg;
    CHECK(t != NULL);
    struct console_client *client = console_clients_find(ask->all, ask->client_id);
    if (client != NULL && client->dialog.state == DIALOG_BUSY) {
        ask->answer(client, t);
        console_client_turn(client);
    }
    table_free(t);
    mem_free(ask);
}

void
ask_workers(struct console_client *client, enum worker_report what, ask_fn *answer)
{
    const struct console_ops *ops = client->all->ops;
    CHECK(client->dialog.state == DIALOG_BUSY);
    struct ask *ask = xcalloc(1, sizeof(*ask));
    *ask = (struct ask){client->all, client->id, answer};
    ops->report(ops->ctx, what, on_table, ask);
}
