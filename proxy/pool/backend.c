/* backend.c — what is known of a connection to a node. See backend.h.
 *
 * The prepared statements of a backend are a set in order of use. A statement is added when its
 * Parse is sent, not when the server has agreed, because messages pipelined behind it already count
 * on it; if the server then refuses or skips the Parse, the flow reports it and the entry goes. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/backend.h"

#include <stdio.h>

#include "base/mem.h"

static struct slice
id_key(const uint64_t *id)
{
    return slice_of(id, sizeof(*id));
}

bool
backend_has_statement(struct backend *b, uint64_t id)
{
    struct backend_statement *s = map_get(&b->prepared, id_key(&id));
    if (s == NULL) {
        return false;
    }
    list_remove(&s->node);
    list_push_back(&b->prepared_lru, &s->node);
    return true;
}

void
backend_add_statement(struct backend *b, uint64_t id)
{
    CHECK(id != 0);
    if (backend_has_statement(b, id)) {
        return;
    }
    struct backend_statement *s = xcalloc(1, sizeof(*s));
    s->id = id;
    list_init(&s->node);
    list_push_back(&b->prepared_lru, &s->node);
    (void)map_put(&b->prepared, id_key(&id), s); /* there was none */
}

void
backend_forget_statement(struct backend *b, uint64_t id)
{
    struct backend_statement *s = map_remove(&b->prepared, id_key(&id));
    if (s != NULL) {
        list_remove(&s->node);
        mem_free(s);
    }
}

void
backend_forget_all_statements(struct backend *b)
{
    LIST_EACH(node, &b->prepared_lru)
    {
        backend_forget_statement(b, LIST_OBJECT(node, struct backend_statement, node)->id);
    }
    CHECK(map_count(&b->prepared) == 0);
    b->unnamed = 0;
}

uint64_t
backend_statement_to_evict(const struct backend *b, size_t max)
{
    if (map_count(&b->prepared) <= max) {
        return 0;
    }
    return LIST_OBJECT(list_first(&b->prepared_lru), struct backend_statement, node)->id;
}

void
backend_statement_name(uint64_t id, char out[STATEMENT_NAME_SIZE])
{
    (void)snprintf(out, STATEMENT_NAME_SIZE, "teal_%llx", (unsigned long long)id);
}

bool
backend_take_parameter(struct backend *b, struct slice body)
{
    struct slice name;
    struct slice value;
    if (!slice_take_cstr(&body, &name) || !slice_take_cstr(&body, &value) || body.len != 0) {
        return false;
    }
    if (param_is_node_role(name)) {
        return true;
    }
    struct params *with = params_with(b->params, name, value);
    params_unref(b->params);
    b->params = with;
    return true;
}
