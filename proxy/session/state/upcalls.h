/* upcalls.h — what passes between the workers and the control thread besides orders: progress and
 * reports. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_UPCALLS_H
#define TEAL_SESSION_STATE_UPCALLS_H

/* Told to the control thread (called on the worker's thread; the implementation posts to a
 * mailbox). */
struct workers_ops {
    void *ctx; /* borrowed for as long as the workers live */
    /* A worker has taken over a view, or has just become without work on the writer while writes
     * are held. */
    void (*progress)(void *ctx);
};

/* The tables of SHOW that workers can tell. */
enum worker_report {
    WORKER_REPORT_CLIENTS,
    WORKER_REPORT_SERVERS,
    WORKER_REPORT_SOCKETS,
    WORKER_REPORT_ACTIVE_SOCKETS,
    WORKER_REPORT_POOLS,
    WORKER_REPORT_USERS,
    WORKER_REPORT_ERRORS,
};

#endif
