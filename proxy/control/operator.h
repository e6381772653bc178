/* operator.h — what the operator may do: every command of the console that changes something, and
 * the facts that its reports show.
 *
 * Each verb checks first and changes then, so that a refusal changes nothing. Signals run the same
 * verbs. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_OPERATOR_H
#define TEAL_CONTROL_OPERATOR_H

#include "admin/console_ops.h"
#include "control/keeper.h"
#include "control/live_conf.h"
#include "control/pair_control.h"
#include "control/pause.h"
#include "control/shutdown.h"

/* What the verbs act on; all borrowed. */
struct operator_parts {
    struct loop *loop;
    struct mailbox *mailbox; /* answers of the workers */
    struct live_conf *conf;
    struct keeper *keeper;
    struct workers *workers;
    struct pair_control *pairs;
    uint32_t pairs_count;
    struct pause *pause;
    struct shutdown *shutdown;
};

struct verbs;

/* The console is opened before anything else is there, so its ops come first and the parts later:
 * nothing may be run before operator_set_parts. */
struct verbs *operator_new(void);
/* NULL is fine. */
void operator_free(struct verbs *o);
/* Their ctx is the operator. */
struct console_ops operator_console_ops(struct verbs *o);
void operator_set_parts(struct verbs *o, const struct operator_parts *parts);

/* As console_ops.perform. */
MUST_CHECK bool operator_perform(struct verbs *o, const struct command *c, struct buf *detail,
                                 struct err *err);
/* Each second: a sample of the counters for the rates. */
void operator_tick(struct verbs *o);

#endif
