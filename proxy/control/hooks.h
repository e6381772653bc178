/* hooks.h — runs the hooks of one pair for the cutover machine.
 *
 * One at a time: one that is asked for while another runs ends that one first, and starts when it
 * is gone, so that hook_unfence never races with a hook_fence that takes too long. A hook gets
 * Teal's own environment, but for what begins with TEAL_, and of Teal:
 *
 *     TEAL_HOOK        promote, fence, ..             TEAL_PAIR        the name of the pair
 *     TEAL_FROM        blue or green: the old side    TEAL_TO          the target
 *     TEAL_EPOCH       the epoch that the flip makes  TEAL_FLIP_ID     a number, new for each flip
 *     TEAL_DATABASE    the home database of the pair  TEAL_TIMEOUT_MS  how long it may take
 *     TEAL_LSN         where the old side's WAL ended behind the fence; empty before
 *     TEAL_BLUE_HOST, TEAL_BLUE_PORT  the server of the side that takes its writes, as configured
 *     TEAL_BLUE_HOSTS                 all of its servers: HOST:PORT,HOST:PORT
 *     TEAL_BLUE_USER                  the role that Teal has there
 *                      also for GREEN, and by their parts in the flip for FROM and TO
 *
 * No password: a hook that needs one has it from elsewhere (PGPASSFILE of Teal's environment). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_HOOKS_H
#define TEAL_CONTROL_HOOKS_H

#include "conf/conf.h"
#include "cutover/cutover.h"
#include "net/loop.h"

struct hooks;

/* loop is borrowed; what it needs of conf is copied. */
struct hooks *hooks_new(struct loop *loop, const struct conf *conf, uint32_t pair);
/* Kills what runs, and calls nobody. NULL is fine. */
void hooks_free(struct hooks *h);
/* For what is run from now on. */
void hooks_reconfigure(struct hooks *h, const struct conf *conf);

/* Which there are, by the bits of struct cutover_config. */
unsigned hooks_known(const struct conf_pair *pair);

/* As cutover_ops.hook. lead: of each side the number of the server that it is told of as HOST. */
void hooks_run(struct hooks *h, const struct hook_about *about, const uint32_t lead[SIDES_COUNT],
               uint64_t timeout_us, cutover_hook_fn *done, void *arg);

#endif
