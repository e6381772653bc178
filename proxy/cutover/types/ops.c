/* ops.c — the names of results, and what an operator connection runs first. See ops.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/ops.h"

#include "base/check.h"

static const char *const result_names[] = {
    [CUTOVER_OK] = "ok",     [CUTOVER_WARN] = "warn", [CUTOVER_FAIL] = "fail",
    [CUTOVER_SKIP] = "skip", [CUTOVER_INFO] = "info", [CUTOVER_SUMMARY] = "info",
};

const char *
cutover_result_name(enum cutover_result result)
{
    CHECK((unsigned)result < COUNT_OF(result_names));
    return result_names[result];
}

void
cutover_ops_point(const struct cutover_ops *ops, const char *name, const char *when)
{
    if (ops->point != NULL) {
        ops->point(ops->ctx, name, when);
    }
}

const char *
cutover_connection_setup(void)
{
    /* One statement each, so that a server that refuses one refuses it alone. */
    return "SELECT pg_catalog.set_config('" CUTOVER_SETTING_BORN "', source, false) FROM "
           "pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'; "
           "SET default_transaction_read_only = off; SET lock_timeout = '500ms'; "
           "SET synchronous_commit = on; SET client_min_messages = error; "
           "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
           "SET search_path = pg_catalog";
}
