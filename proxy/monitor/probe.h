/* probe.h — one server: its address, the connection to it, and the question under way.
 *
 * A probe asks its server when it is told to (probe_ask), one question at a time, and puts down in
 * the server's facts what is about the server alone: whether it answers and why not, its address,
 * its incarnation. What the answer means among other servers is the owner's to say.
 *
 * A lost connection is tried again at once: somebody may have ended our process only. A server does
 * not answer when it cannot be reached, refuses the login, or is late. An error of SQL is neither:
 * then the fence has come or the schema teal has changed, and less is asked for a while. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_PROBE_H
#define TEAL_MONITOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/estate.h"
#include "monitor/node.h"
#include "monitor/question.h"
#include "net/pq.h"

struct conf;
struct loop;
struct probe;
struct resolver;

struct probe_answer {
    const struct answer *answer; /* borrowed for the call */
    /* From another process than the last one: what was measured before proves nothing now. */
    bool is_from_another;
    uint64_t asked_us; /* before the question was sent */
    uint64_t now_us;
    uint64_t generation; /* as in the wish */
};

/* Called from the loop, never from within a call of the functions below. */
struct probe_ops {
    void *ctx; /* borrowed */
    /* The server has answered; its facts say so, but for what the answer says. */
    void (*answered)(void *ctx, const struct node_id *id, const struct probe_answer *a);
    /* It does not answer, or its address has changed. */
    void (*changed)(void *ctx, const struct node_id *id);
};

/* What is wanted of a question. */
struct probe_wish {
    bool beat;      /* the heartbeat is to be moved on */
    bool nudge;     /* the server is to flush, if it was not asked to just now */
    bool is_urgent; /* a server that is down is asked again soon */
    uint64_t generation;
};

/* The facts are borrowed and outlive the probe. Looks the name up, and asks nothing yet. */
struct probe *probe_new(struct loop *loop, struct resolver *resolver, struct conf *conf,
                        const struct node_id *id, struct node_facts *facts,
                        const struct probe_ops *ops);
/* NULL is fine. */
void probe_free(struct probe *p);
/* From now on the configuration is this. True when the connection is another one. */
bool probe_set_conf(struct probe *p, struct conf *conf);

/* Asks, unless a question is under way, there is no address yet, or the server was down just now.
 * A name that is not resolved in time is put down in the facts here. */
void probe_ask(struct probe *p, const struct probe_wish *wish);
/* Since when a question has been under way; 0: none is. */
uint64_t probe_asked_since_us(const struct probe *p);
/* A server that is down is asked at the next call. */
void probe_forgive(struct probe *p);

/* Other SQL on the same connection, behind what is asked already. False when there is none; when it
 * is lost meanwhile, done may never be called. */
bool probe_run(struct probe *p, const char *sql, uint64_t timeout_us, pq_done_fn *done, void *arg);
/* The bytes that the slot to the other side has not got confirmed, as of the last answer. */
bool probe_backlog(const struct probe *p, uint64_t *bytes);

#endif
