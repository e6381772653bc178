/* loop.h — one event loop, one thread.
 *
 * Everything in net/ belongs to the loop it was made on and is used from that loop's thread only;
 * the one exception is mailbox_post. A callback is short: it collects the event and lets its owner
 * act. An object must not be freed under its own callback: loop_dispose frees it at the end of the
 * turn. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_LOOP_H
#define TEAL_NET_LOOP_H

#include <stdint.h>

struct loop;
struct event_base;

typedef void loop_fn(void *arg);

/* Timers to the millisecond, at no cost per turn. */
struct loop *loop_new(void);
/* Timers to the microsecond: one more system call in each turn that has a timer. */
struct loop *loop_new_precise(void);
void loop_free(struct loop *loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* For what libevent itself offers on top of it; borrowed. */
struct event_base *loop_event_base(const struct loop *loop);
/* Calls fn(arg) once, after the callbacks of this turn. */
void loop_dispose(struct loop *loop, loop_fn *fn, void *arg);
/* The time of this turn, monotonic microseconds: one clock reading a turn. */
uint64_t loop_now_us(const struct loop *loop);

/* A one-shot timer; starting it again moves it. */
struct timer;
struct timer *timer_new(struct loop *loop, loop_fn *fn, void *arg);
void timer_free(struct timer *timer);
void timer_start(struct timer *timer, uint64_t delay_us);
void timer_stop(struct timer *timer);

/* Interest in a descriptor that somebody else owns (libpq's, for example). */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void watch_fn(void *arg, unsigned ready); /* WATCH_READ | WATCH_WRITE */
struct watch;
struct watch *watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg);
/* Free it before the descriptor is closed. */
void watch_free(struct watch *watch);
/* Level-triggered, stays until changed; 0 for no interest. No system call when nothing changes. */
void watch_set(struct watch *watch, unsigned interest);
/* Calls fn with WATCH_READ once more in this turn, whatever the descriptor says. */
void watch_kick(struct watch *watch);

/* Signals, delivered in the loop. */
struct signal_watch;
typedef void signal_fn(void *arg, int signo);
struct signal_watch *signal_watch_new(struct loop *loop, int signo, signal_fn *fn, void *arg);
void signal_watch_free(struct signal_watch *watch);

/* Messages to the loop's thread from any thread: fn(arg) runs there, in order of posting. */
struct mailbox;
struct mailbox *mailbox_new(struct loop *loop);
/* Messages that were not delivered are dropped. */
void mailbox_free(struct mailbox *mailbox);
void mailbox_post(struct mailbox *mailbox, loop_fn *fn, void *arg);

#endif
