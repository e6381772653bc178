/* explain.c — EXPLAIN ROUTE. See explain.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/explain.h"

#include "base/buf.h"
#include "route/route.h"
#include "sql/functions.h"

static struct sql_extra *
read_functions(const struct conf *conf)
{
    struct buf list;
    buf_init(&list);
    for (size_t i = 0; i < conf->read_functions.count; i++) {
        buf_printf(&list, "%s%s", i == 0 ? "" : ",", conf->read_functions.items[i]);
    }
    buf_put_u8(&list, 0);
    struct sql_extra *extra = sql_extra_new((const char *)buf_slice(&list).p);
    buf_fini(&list);
    return extra;
}

/* What the classifier saw, and why the session would keep its backend afterwards. */
static void
add_why(struct table *t, const struct sql_traits *traits)
{
    enum { WHERE_MAX = 64 };
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "%s", traits->why == NULL ? "" : traits->why);
    if (traits->where.len > 0) {
        const size_t shown = traits->where.len < WHERE_MAX ? traits->where.len : WHERE_MAX;
        buf_printf(&text, ": %.*s", (int)shown, (const char *)traits->where.p);
    }
    if (traits->pins != SQL_PIN_NONE) {
        buf_printf(&text, "%skeeps its backend: %s", buf_len(&text) > 0 ? "; " : "",
                   sql_pin_name(traits->pins));
    }
    buf_put_u8(&text, 0);
    table_add(t, (const char *)buf_slice(&text).p);
    buf_fini(&text);
}

struct table *
report_route(struct slice sql, const struct snapshot *snap)
{
    static const char *const columns[] = {"side", "class", "backend", "reason", "sentence", "why"};
    const struct route_database facts = {.paused = false};
    const struct route_session neutral = {
        .facts = &facts, .user = "", .database = snap->conf->pairs[0].database};
    struct sql_extra *extra = read_functions(snap->conf);
    const struct sql_traits traits = sql_classify_with(sql, extra);
    const struct route_decision decision = route_decide(snap->view, &neutral, traits.class);
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add(t, side_name(decision.side));
    table_add(t, sql_class_name(traits.class));
    table_add(t, decision.wait ? "waits" : decision.read_only ? "read-only" : "read-write");
    table_add(t, route_reason_name(decision.reason));
    table_add(t, route_reason_sentence(decision.reason));
    add_why(t, &traits);
    sql_extra_free(extra);
    return t;
}
