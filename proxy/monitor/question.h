/* question.h — the one statement that the monitor asks a side, and its answer taken apart.
 *
 * Three levels, because the objects of the schema teal may be named only where they exist: PLAIN
 * names none and tells whether they do; SCHEMA reads the side's row of local_state and the other
 * side's heartbeat; BEAT also moves this side's heartbeat on. All of a level is one statement, so
 * that all facts are of one moment.
 *
 * With the nudge the statement also makes an empty commit, so that the server flushes what was
 * inserted before. It is asynchronous, hence the WAL writer's next round does the flushing and
 * nobody waits; a server in recovery makes none. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_QUESTION_H
#define TEAL_MONITOR_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/side.h"
#include "monitor/node.h"
#include "net/pq.h"

enum { UPSTREAM_HOST_SIZE = 256 };

enum question_level { QUESTION_PLAIN, QUESTION_SCHEMA, QUESTION_BEAT };

struct answer {
    bool in_recovery;
    uint64_t started_us; /* of the postmaster, its own wall clock: for comparing only */
    uint64_t system_identifier;
    int server_version_num;
    char version[NODE_VERSION_SIZE];
    bool read_only;
    bool stale;       /* the session has a default that new ones would not get: renew it */
    bool closed;      /* no application may connect to the database */
    uint64_t lsn;     /* insert position without a lone page header, or replayed */
    uint64_t flushed; /* at most lsn; the same for a standby */
    uint32_t timeline;
    /* What a standby is connected to, as its primary_conninfo says; "" and 0 when it is not. */
    char upstream_host[UPSTREAM_HOST_SIZE];
    uint16_t upstream_port;
    bool subscription_enabled;
    bool has_gap; /* its side has failed over since that stream began */
    bool subscription_ready;
    bool slot_known; /* the slot of the stream to the other side is here and has a position */
    uint64_t slot_lsn;
    bool schema_exists;
    bool local_state_known; /* it was asked for */
    struct node_local_state local_state;
    bool heard_known; /* the other side's heartbeat as it has arrived here */
    uint64_t heard;
    bool beat_known; /* this side's heartbeat, just moved on */
    uint64_t beat;
};

/* What each connection sets up first. */
const char *question_setup(void);
/* The SQL for a side; the caller frees it. */
char *question_sql(enum side side, enum question_level level, bool nudge);
/* About one database beside the home one; the caller frees it. Asked of the writer, it moves the
 * heartbeat of that database on: the number, and the bytes that no slot to the other side has got
 * confirmed. Asked of the follower: the number that has arrived, and whether the subscription is
 * enabled and past its initial copy. Both name objects of the schema teal. */
char *question_sql_of_database(enum side side, bool is_writer);
/* Whether that database has them: one boolean. */
const char *question_schema_sql(void);
/* False when the result has not the form that was asked for. */
MUST_CHECK bool answer_read(const struct pq_result *result, struct answer *out, struct err *err);

#endif
