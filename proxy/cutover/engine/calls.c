/* calls.c — the open questions, as a list that is freed when the machine is. See calls.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/engine/calls.h"

#include "base/check.h"
#include "base/mem.h"

void
calls_init(struct calls *calls, const struct cutover_ops *ops)
{
    CHECK(ops->now_us != NULL && ops->timer != NULL);
    CHECK(ops->sql != NULL && ops->sql_fresh != NULL);
    calls->ops = ops;
    list_init(&calls->open);
}

static void
call_free(struct call *call)
{
    list_remove(&call->node);
    mem_free(call);
}

void
calls_fini(struct calls *calls)
{
    LIST_EACH(node, &calls->open)
    {
        call_free(LIST_OBJECT(node, struct call, node));
    }
}

static struct call *
call_new(struct calls *calls, const struct call *from)
{
    struct call *call = xcalloc(1, sizeof(*call));
    *call = *from;
    list_init(&call->node);
    list_push_back(&calls->open, &call->node);
    return call;
}

static void
on_time(void *arg)
{
    struct call *call = arg;
    const struct call copy = *call;
    call_free(call);
    copy.on_time(&copy);
}

void
calls_timer(struct calls *calls, const struct call *call, uint64_t delay_us)
{
    CHECK(call->on_time != NULL && call->on_rows == NULL);
    calls->ops->timer(calls->ops->ctx, delay_us, on_time, call_new(calls, call));
}

static void
on_rows(void *arg, const struct cutover_rows *rows)
{
    struct call *call = arg;
    const struct call copy = *call;
    call_free(call);
    copy.on_rows(&copy, rows);
}

void
calls_sql(struct calls *calls, const struct call *call, const char *database, const char *sql,
          uint64_t timeout_us, bool fresh)
{
    CHECK(call->on_rows != NULL && call->on_time == NULL && timeout_us > 0);
    const struct cutover_ops *ops = calls->ops;
    const struct cutover_where where = {.side = call->at.side, .database = database};
    (fresh ? ops->sql_fresh : ops->sql)(ops->ctx, &where, sql, timeout_us, on_rows,
                                        call_new(calls, call));
}

static void
on_hook(void *arg, const struct hook_answer *answer)
{
    struct call *call = arg;
    const struct call copy = *call;
    call_free(call);
    copy.on_hook(&copy, answer);
}

void
calls_hook(struct calls *calls, const struct call *call, const struct hook_about *about,
           uint64_t timeout_us)
{
    CHECK(call->on_hook != NULL && call->on_rows == NULL && timeout_us > 0);
    CHECK(calls->ops->hook != NULL);
    calls->ops->hook(calls->ops->ctx, about, timeout_us, on_hook, call_new(calls, call));
}
