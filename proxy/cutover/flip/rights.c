/* rights.c — asks what the operator's role may do, and chooses the fence. See rights.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/rights.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cutover/flip/parts.h"
#include "cutover/flip/roles.h"

enum { VERSION_15 = 150000 };

/* ---- the question ---- */

/* SET for the role a, and LOGIN: before 16 CREATEROLE was enough, but for roles with REPLICATION.
 */
static const char *
alters_role(int version)
{
    return version >= VERSION_16
               ? "(me.rolsuper OR a.oid = me.oid OR (me.rolcreaterole AND NOT a.rolsuper AND "
                 "pg_has_role(me.oid, a.oid, 'MEMBER WITH ADMIN OPTION')))"
               : "(me.rolsuper OR a.oid = me.oid OR (me.rolcreaterole AND NOT a.rolsuper AND NOT "
                 "a.rolreplication))";
}

static const char *
alters_system(int version)
{
    return version >= VERSION_15
               ? "has_parameter_privilege('default_transaction_read_only', 'ALTER SYSTEM') AND "
                 "has_function_privilege('pg_reload_conf()', 'EXECUTE')"
               : "me.rolsuper";
}

static void
put_rights(const struct cutover *c, enum side side, struct buf *sql)
{
    const int version = c->looks.of[side].version_num;
    const char *names = "(SELECT string_agg(DISTINCT quote_ident(a.rolname), ', ') ";
    buf_printf(sql,
               "SELECT me.rolsuper, %s, (SELECT bool_and(pg_has_role(d.datdba, 'USAGE')) FROM "
               "pg_database d WHERE d.datname IN (",
               alters_system(version));
    put_database_names(sql, c);
    buf_printf(sql,
               ")), EXISTS (SELECT FROM pg_attribute WHERE attrelid = "
               "to_regclass('teal.local_state') AND attname = 'kept' AND NOT "
               "attisdropped), " FENCE_SYSTEM_DEFAULT " = 'on', me.rolsuper OR "
               "(has_database_privilege(current_database(), 'CREATE') AND EXISTS (SELECT FROM "
               "pg_roles s WHERE s.rolname = 'pg_create_subscription' AND pg_has_role(s.oid, "
               "'USAGE'))), %s",
               names);
    put_overrides(c, sql);
    buf_printf(sql, "), %s", names);
    put_overrides(c, sql);
    buf_printf(sql, " AND NOT %s), %s", alters_role(version), names);
    put_applications(c, sql);
    buf_printf(sql, " AND NOT %s) FROM pg_roles me WHERE me.rolname = current_user",
               alters_role(version));
}

void
rights_write(const struct cutover *c, struct place at, struct buf *sql)
{
    put_rights(c, at.side, sql);
}

/* ---- the answer ---- */

static void
take_names(char out[RIGHTS_NAMES_SIZE], const struct cutover_rows *rows, int column)
{
    (void)snprintf(out, RIGHTS_NAMES_SIZE, "%s", rows_text(rows, 0, column));
}

/* A side that could not say has no rights: then no fence is chosen. */
enum cutover_event
rights_judge(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct rights_side *r = &c->rights.of[at.side];
    *r = (struct rights_side){.known = rows->ok && rows->rows == 1};
    if (!r->known) {
        return CUT_EV_OK;
    }
    r->superuser = rows_bool(rows, 0, 0);
    r->alters_system = rows_bool(rows, 0, 1);
    r->owns = rows_bool(rows, 0, 2);
    r->keeps = rows_bool(rows, 0, 3);
    r->system_on = rows_bool(rows, 0, 4);
    r->streams = rows_bool(rows, 0, 5);
    take_names(r->overrides, rows, 6);
    take_names(r->overrides_stuck, rows, 7);
    take_names(r->logins_stuck, rows, 8);
    return CUT_EV_OK;
}

bool
rights_may_stream(const struct cutover *c)
{
    bool may = true;
    for (int s = 0; s < SIDES_COUNT; s++) {
        may = may && (!c->rights.of[s].known || c->rights.of[s].streams);
    }
    return may;
}

bool
rights_has_overrides(const struct cutover *c, enum side side)
{
    return c->rights.of[side].overrides[0] != '\0';
}

/* ---- the choice ---- */

struct fence_wish
rights_wish(const struct cutover *c)
{
    return (struct fence_wish){.fence = c->config.fence,
                               .partial = databases_is_part(c),
                               .from = c->flip.from,
                               .to = c->flip.to};
}

static struct fence_choice impossible(const char *fmt, ...) PRINTF_LIKE(1, 2);

static struct fence_choice
impossible(const char *fmt, ...)
{
    struct fence_choice choice = {0};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(choice.why, sizeof(choice.why), fmt, args);
    va_end(args);
    return choice;
}

/* Both sides: what is fenced now is to be opened by the way back. */
static bool
may_both(const struct rights *r, bool database)
{
    bool may = true;
    for (int s = 0; s < SIDES_COUNT; s++) {
        may = may && (database ? r->of[s].owns : r->of[s].alters_system);
    }
    return may;
}

static enum side
who_may_not(const struct rights *r, bool database)
{
    const struct rights_side *blue = &r->of[SIDE_BLUE];
    return (database ? blue->owns : blue->alters_system) ? SIDE_GREEN : SIDE_BLUE;
}

static bool
wants_database(const struct rights *r, const struct fence_wish *wish)
{
    const bool either = wish->fence == FENCE_AUTO || wish->fence == FENCE_STRICT;
    return wish->fence == FENCE_DATABASE || (either && (wish->partial || !may_both(r, false)));
}

/* The means, or why those that are wanted cannot be used. */
static struct fence_choice
choose_means(const struct rights *r, const struct fence_wish *wish)
{
    const bool database = wants_database(r, wish);
    if (!database && wish->partial) {
        return impossible("ALTER SYSTEM would fence databases that are not of this pair. Set fence "
                          "= auto or database");
    }
    if (!may_both(r, database)) {
        const char *side = side_name(who_may_not(r, database));
        return database
                   ? impossible("the operator's role is no owner of the databases of %s, and may "
                                "not ALTER SYSTEM. Run what tealctl grants prints",
                                side)
                   : impossible("the operator's role may not ALTER SYSTEM on %s. Set fence = auto, "
                                "or run what tealctl grants prints",
                                side);
    }
    return (struct fence_choice){.possible = true, .database = database};
}

static struct fence_choice
choose_strict(const struct rights *r, const struct fence_wish *wish, struct fence_choice choice)
{
    const struct rights_side *from = &r->of[wish->from];
    choice.strict = wish->fence == FENCE_STRICT && !wish->guard;
    if (choice.strict && !from->superuser && from->logins_stuck[0] != '\0') {
        return impossible(
            "strict takes LOGIN from the applications, and the operator's role may "
            "not alter %s on %s. It needs CREATEROLE and ADMIN OPTION on them, or set "
            "fence = auto",
            from->logins_stuck, side_name(wish->from));
    }
    return choice;
}

struct fence_choice
rights_choose(const struct rights *rights, const struct fence_wish *wish)
{
    const struct rights_side *from = &rights->of[wish->from];
    const struct rights_side *to = &rights->of[wish->to];
    if (!from->known || !to->known) {
        return impossible("what the operator's role may do is not known");
    }
    if (to->system_on && !to->alters_system) {
        return impossible("the configuration of %s makes it read-only, and the operator's role may "
                          "not ALTER SYSTEM: have default_transaction_read_only reset there",
                          side_name(wish->to));
    }
    struct fence_choice choice = choose_means(rights, wish);
    if (!choice.possible) {
        return choice;
    }
    if (from->overrides_stuck[0] != '\0') {
        return impossible("sessions of %s on %s begin read-write whatever the fence says, and the "
                          "operator's role may not alter them: ALTER ROLE ... RESET "
                          "default_transaction_read_only",
                          from->overrides_stuck, side_name(wish->from));
    }
    choice = choose_strict(rights, wish, choice);
    const bool keeps =
        !wish->guard && (choice.database || choice.strict || from->overrides[0] != '\0');
    if (choice.possible && keeps && !from->keeps) {
        return impossible("teal.local_state of %s is an older Teal's: run PREPARE",
                          side_name(wish->from));
    }
    if (choice.possible) {
        (void)snprintf(choice.why, sizeof(choice.why), "by %s%s%s",
                       choice.database ? "ALTER DATABASE" : "ALTER SYSTEM",
                       !choice.strict    ? ""
                       : from->superuser ? ", and a connection limit of 0"
                                         : ", and NOLOGIN for the applications",
                       wish->fence == FENCE_DATABASE || !choice.database ? ""
                       : wish->partial ? "; ALTER SYSTEM would fence more than the pair"
                                       : "; the operator's role may not ALTER SYSTEM");
    }
    return choice;
}
