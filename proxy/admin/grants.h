/* grants.h — GRANTS: the SQL that gives a role the rights of Teal's operator, for psql. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_GRANTS_H
#define TEAL_ADMIN_GRANTS_H

#include "admin/grammar.h"
#include "base/table.h"
#include "conf/conf.h"

/* A row a line: of the side that the command names, or of both. */
struct table *report_grants(const struct command *c, const struct conf *conf);

#endif
