/* report.h — the tables of SHOW that workers can tell. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_REPORT_H
#define TEAL_SESSION_REPORT_H

#include "session/state/worker.h"

struct table *report_of_worker(const struct worker *w, enum worker_report what);
/* Takes from: the rows of another worker. A pool that both have becomes one row. */
void report_merge(struct table *t, struct table *from, enum worker_report what);

#endif
