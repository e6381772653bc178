/* read_policy.h — READS: which sessions read from which side.
 *
 * A plain value, written by the functions here only; the publisher puts it into the routing view.
 * Until the operator says something the configuration does; what he has said outlives a restart. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_READ_POLICY_H
#define TEAL_CONTROL_READ_POLICY_H

#include "admin/grammar.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "control/wishes.h"
#include "monitor/monitor.h"
#include "topo/view.h"

struct read_policy {
    bool set; /* by READS; else the configuration says */
    enum reads to;
    uint32_t percent;        /* hundredths of the sessions; PERCENT_ALL is all */
    struct view_rule *rules; /* owned, texts included */
    uint32_t rules_count;
};

/* As the configuration says, unless the operator has said something. */
void read_policy_from_conf(struct read_policy *r, const struct conf_pair *conf);
/* As before a restart, in the place of nothing. */
void read_policy_restore(struct read_policy *r, const struct wish_reads *wish);
void read_policy_fini(struct read_policy *r);
/* READS default: what the operator has said is forgotten, rules included. */
void read_policy_reset(struct read_policy *r, const struct conf_pair *conf, struct buf *detail);
/* What the operator has said of it; borrowed until the next change. */
struct wish_reads read_policy_wish(const struct read_policy *r);

/* The command READS, checked against the view and the facts of now; detail tells what came of it.
 * False with err, and nothing has changed. */
MUST_CHECK bool read_policy_apply(struct read_policy *r, const struct command *c,
                                  const struct view *view, const struct monitor_facts *facts,
                                  struct buf *detail, struct err *err);

#endif
