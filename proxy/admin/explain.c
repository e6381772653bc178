/* explain.c — EXPLAIN ROUTE. See explain.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/explain.h"

#include "admin/pairs.h"
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
    static const char *const columns[] = {"pair",   "side",     "class", "backend",
                                          "reason", "sentence", "why"};
    struct sql_extra *extra = read_functions(snap->conf);
    const struct sql_traits traits = sql_classify_with(sql, extra);
    struct table *t = pairs_table_new(snap, columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        const struct snapshot_pair *pair = &snap->pairs[i];
        const char *database = pair->conf->database;
        const struct route_database facts = route_database(pair->view, database, database);
        const struct route_session neutral = {.facts = &facts, .user = "", .database = database};
        const struct route_decision decision = route_decide(pair->view, &neutral, traits.class);
        pairs_table_add(t, snap, i);
        table_add(t, side_name(decision.side));
        table_add(t, sql_class_name(traits.class));
        table_add(t, decision.wait ? "waits" : decision.read_only ? "read-only" : "read-write");
        table_add(t, route_reason_name(decision.reason));
        table_add(t, route_reason_sentence(decision.reason));
        add_why(t, &traits);
    }
    sql_extra_free(extra);
    return t;
}
