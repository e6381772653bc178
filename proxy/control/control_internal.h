/* control_internal.h — what the files of the control thread share. Not for others. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_CONTROL_INTERNAL_H
#define TEAL_CONTROL_CONTROL_INTERNAL_H

#include <stdatomic.h>

#include "admin/console.h"
#include "admin/rates.h"
#include "base/list.h"
#include "control/control.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "net/pq.h"
#include "session/workers.h"
#include "topo/view.h"

/* PAUSE: while WAITING, what is under way ends; when it is DONE, no server connection is left. */
enum control_pause { CONTROL_RUNS, CONTROL_PAUSE_WAITING, CONTROL_PAUSED };

struct control {
    struct loop *loop;       /* borrowed */
    struct conf *conf;       /* shared (ref) */
    struct mailbox *mailbox; /* owned: answers of the workers */
    struct console *console; /* owned */
    struct monitor *monitor; /* owned */
    struct cutover *cutover; /* owned */
    struct workers *workers; /* owned; NULL before they run and after they have ended */
    int lock_fd;             /* owned: keeps a second Teal off the state file; -1 for none */

    /* What the cutover runs on. */
    struct pq *pq[SIDES_COUNT];  /* owned */
    char *conninfo[SIDES_COUNT]; /* owned, secret */
    struct list calls;           /* struct sql_call, owned: not answered yet */
    struct list delays;          /* struct delay, owned: not over yet */
    const char
        *crash_at; /* borrowed from the environment: a fault point of the tests; NULL for none */

    /* The view, and what it is made of besides the monitor's facts. */
    struct view *view; /* owned: as published last, or as the workers will start with */
    struct cutover_route route;
    bool reads_set; /* by READS; else the configuration says */
    enum view_reads reads;
    uint32_t reads_percent;
    struct view_rule *rules; /* owned, texts included */
    uint32_t rules_count;
    uint64_t hold_until_us;   /* of HOLD; 0 for none */
    struct timer *hold_timer; /* owned */

    enum control_pause pause;
    bool disabled;
    uint64_t pause_version;     /* of the view that pauses */
    uint64_t pause_deadline_us; /* of the wait for the servers' release */
    struct err pause_err;       /* why the last PAUSE was given up */
    struct timer *pause_timer;  /* owned */

    struct timer *tick; /* owned: once a second */
    struct rates rates;
    struct workers_stats stats;  /* as of the last look */
    atomic_bool progress_posted; /* set by any worker, cleared here */
    bool cutover_conf_pending;   /* a reload came in the middle of a flip */

    bool ending;
    uint64_t end_deadline_us;
    struct timer *end_timer; /* owned */
};

/* publish.c */
void control_publish(struct control *c);
void control_reads_from_conf(struct control *c);
void control_rules_free(struct control *c);

/* pause.c: PAUSE and its kin; see admin/console.h for the ops. */
bool control_op_pause(void *ctx, const struct command *s, struct buf *detail, struct err *err);
bool control_op_resume(void *ctx, const struct command *s, struct buf *detail, struct err *err);
enum console_wait control_op_paused(void *ctx, struct buf *detail, struct err *err);
bool control_op_kill_all(void *ctx, const struct command *s, struct buf *detail, struct err *err);
bool control_op_reconnect(void *ctx, const struct command *s, struct buf *detail, struct err *err);
bool control_op_disable(void *ctx, const struct command *s, struct buf *detail, struct err *err);
bool control_op_enable(void *ctx, const struct command *s, struct buf *detail, struct err *err);
bool control_op_wait_close(void *ctx, const struct command *s, struct buf *detail, struct err *err);
void control_pause_end(struct control *c);
void control_on_pause_timer(void *control);

/* cutover_ops.c */
void control_machine_new(struct control *c);
void control_machine_recover(struct control *c, struct slice record);
bool control_machine_reconfigure(struct control *c);
void control_machine_free(struct control *c);

/* operator.c */
struct console_ops control_console_ops(struct control *c);
bool control_refuses_when_ending(const struct control *c, struct err *err);
bool control_reload_into(struct control *c, struct buf *detail, struct err *err);
void control_hold_end(void *control);

#endif
