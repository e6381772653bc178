/* pairs.c — how the console names a pair. See pairs.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/pairs.h"

#include <stdio.h>
#include <string.h>

#include "conf/databases.h"

/* "The pairs are app, shop." */
static bool
hint_pairs(const struct snapshot *snap, const char *before, struct err *err)
{
    struct buf names;
    buf_init(&names);
    for (uint32_t i = 0; i < snap->pairs_count; i++) {
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", snap->pairs[i].conf->name);
    }
    const int len = (int)buf_len(&names);
    (void)err_hint(err, "%sThe pairs are %.*s.", before, len, (const char *)buf_slice(&names).p);
    buf_fini(&names);
    return false;
}

bool
pair_of_command(const struct command *c, const struct snapshot *snap, uint32_t *out,
                struct err *err)
{
    CHECK(snap->pairs_count > 0);
    *out = snap->pairs_count == 1 ? 0 : PAIR_ALL;
    if (c->row->pair == NAMES_NO_PAIR) {
        *out = PAIR_ALL;
        return true;
    }
    for (uint32_t i = 0; i < snap->pairs_count && c->pair[0] != '\0'; i++) {
        if (strcmp(snap->pairs[i].conf->name, c->pair) == 0) {
            *out = i;
            return true;
        }
    }
    if (c->pair[0] != '\0') {
        (void)err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no pair \"%s\"", c->pair);
        return hint_pairs(snap, "", err);
    }
    if (*out == PAIR_ALL && c->row->pair == NAMES_ONE_PAIR) {
        char before[COMMAND_NAME_SIZE * 2];
        (void)snprintf(before, sizeof(before), "For instance: %s PAIR %s. ", c->row->words,
                       snap->pairs[0].conf->name);
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "%s must name one of the pairs",
                      c->row->words);
        return hint_pairs(snap, before, err);
    }
    return true;
}

void
snapshot_select(struct snapshot *snap, uint32_t pair)
{
    CHECK(pair == PAIR_ALL || pair < snap->pairs_count);
    snap->first = pair == PAIR_ALL ? 0 : pair;
    snap->end = pair == PAIR_ALL ? snap->pairs_count : pair + 1;
}

static bool
is_mixed(const struct snapshot *snap)
{
    CHECK(snap->first < snap->end && snap->end <= snap->pairs_count);
    return snap->end - snap->first > 1;
}

struct table *
pairs_table_new(const struct snapshot *snap, const char *const *columns, size_t columns_count)
{
    const size_t left_out = is_mixed(snap) ? 0 : 1;
    return table_new(columns + left_out, columns_count - left_out);
}

void
pairs_table_add(struct table *t, const struct snapshot *snap, uint32_t pair)
{
    if (is_mixed(snap)) {
        table_add(t, snap->pairs[pair].conf->name);
    }
}

bool
stop_is_of_pair(const struct snapshot *snap, const struct view_stop *stop, uint32_t pair)
{
    const struct conf_database *d = conf_database_find(snap->conf, stop->alias);
    return (d == NULL ? 0 : d->pair) == pair;
}

void
pair_traffic(const struct snapshot *snap, uint32_t pair, struct pair_traffic *out)
{
    *out = (struct pair_traffic){0};
    for (size_t i = 0; i < snap->served_count; i++) {
        if (snap->served[i].pair == pair) {
            struct database_use use;
            snap->use_of(snap->ctx, snap->served[i].alias, &use);
            out->clients += use.clients;
            out->xacts_per_s += use.rates.xacts_per_s;
            out->client_errors += snap->served[i].stats.client_errors;
        }
    }
}

struct pair_option
pair_option(const struct snapshot *snap, uint32_t pair)
{
    struct pair_option option = {""};
    if (snap->pairs_count > 1) {
        (void)snprintf(option.s, sizeof(option.s), "--pair %s ", snap->pairs[pair].conf->name);
    }
    return option;
}

uint32_t
pairs_waiting(const struct snapshot *snap)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < snap->pairs_count; i++) {
        waiting += snap->pairs[i].waiting;
    }
    return waiting;
}
