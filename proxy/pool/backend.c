/* backend.c — what is known of a connection to a node. See backend.h.
 *
 * The prepared statements of a backend are a set in order of use. A statement is added when its
 * Parse is sent, not when the server has agreed, because messages pipelined behind it already count
 * on it; if the server then refuses or skips the Parse, the flow reports it and the entry goes. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "pool/context.h"
#include "wire/frame.h"

struct backend *
backend_new(struct pool_context *context, struct pool *pool, struct slice settings)
{
    struct backend *b = xcalloc(1, sizeof(*b));
    b->pool = pool;
    b->context = context;
    b->id = (uint64_t)context->config.worker << 48 | ++context->backends_made;
    b->state = BACKEND_CONNECTING;
    b->stream.fd = -1;
    flow_init(&b->flow);
    map_init(&b->prepared, rand_u64());
    outlet_init(&b->out);
    list_init(&b->prepared_lru);
    list_init(&b->node);
    b->settings = settings_intern(context->config.settings, settings);
    b->params = params_new();
    b->connected_us = pool_context_now_us(context);
    return b;
}

void
backend_free(void *arg)
{
    struct backend *b = arg;
    CHECK(b->state == BACKEND_CLOSED && !stream_is_open(&b->stream) && b->opening == NULL);
    settings_unref(b->context->config.settings, b->settings);
    params_unref(b->params);
    backend_forget_all_statements(b);
    map_fini(&b->prepared);
    flow_fini(&b->flow);
    buf_fini(&b->in);
    outlet_fini(&b->out);
    explicit_bzero(b->key, sizeof(b->key));
    mem_free(b);
}

bool
backend_is_opening(const struct backend *b)
{
    return b->state <= BACKEND_LOGIN;
}

void
backend_check(const struct backend *b)
{
    CHECK(b->pool != NULL && b->context != NULL && b->settings != NULL && b->params != NULL);
    CHECK(b->owner == NULL || b->state == BACKEND_ACTIVE);
    CHECK(!b->release_pending || (b->state == BACKEND_ACTIVE && b->cancels > 0));
    CHECK(b->cancels == 0 || b->state == BACKEND_ACTIVE || b->state == BACKEND_CLOSED);
    CHECK(b->reserved == NULL || backend_is_opening(b));
    if (b->state == BACKEND_IDLE) {
        CHECK(b->opening == NULL && flow_empty(&b->flow) && b->flow.txn == 'I');
        CHECK(buf_len(&b->in) == 0 && outlet_is_empty(&b->out));
    }
}

bool
backend_read_idle(struct backend *b)
{
    const struct pools_config *config = &b->context->config;
    size_t n;
    const enum stream_status status =
        stream_recv(&b->stream, config->scratch, config->scratch_len, &n);
    if (status != STREAM_OK) {
        return status == STREAM_AGAIN;
    }
    struct slice in = slice_of(config->scratch, n);
    bool ok = true;
    while (ok && in.len > 0) {
        uint8_t type;
        uint64_t total;
        struct slice frame;
        ok = wire_peek(in, config->scratch_len, &type, &total) == WIRE_OK &&
             slice_take(&in, (size_t)total, &frame) && (type == 'S' || type == 'N');
        if (ok && type == 'S') {
            ok = backend_take_parameter(
                b, slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN));
        }
    }
    return ok;
}

/* ---- prepared statements ---- */

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

/* ---- parameters ---- */

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
