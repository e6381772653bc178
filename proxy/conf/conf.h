/* conf.h — the configuration: one immutable value, read from teal.ini.
 *
 * Every key is a row of keys.def: the row gives the section, the name, the kind of value, the field
 * below, the default, the limits, whether a reload may change it, and the sentence that documents
 * it. Parsing, defaults, SHOW CONFIG, the sample teal.ini and the manual page all come from that
 * table.
 *
 * A file is taken whole or not at all: conf_load gives NULL when there is any mistake, and the list
 * of mistakes holds all of them, each with its file and line. Whoever reloads keeps the value it
 * had.
 *
 * Invariant: nobody changes a struct conf after conf_load has returned it, so any thread may read
 * it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_CONF_H
#define TEAL_CONF_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/table.h"

enum conf_auth_type {
    CONF_AUTH_TRUST,
    CONF_AUTH_SCRAM_SHA_256,
};

enum conf_reads {
    CONF_READS_FOLLOW, /* reads go where writes go */
    CONF_READS_BLUE,
    CONF_READS_GREEN,
};

enum conf_freshness {
    CONF_FRESHNESS_OWN_WRITES,
    CONF_FRESHNESS_EVENTUAL,
};

enum conf_drain_policy {
    CONF_DRAIN_ABORT,     /* give the cutover up, writes go on at the old side */
    CONF_DRAIN_CANCEL,    /* cancel what still runs */
    CONF_DRAIN_TERMINATE, /* end the sessions that still write */
};

enum conf_fence {
    CONF_FENCE_SOFT,   /* the old side defaults to read only */
    CONF_FENCE_STRICT, /* and its application roles may not log in */
};

enum {
    CONF_BLUE,
    CONF_GREEN,
    CONF_NODES_COUNT
}; /* indexes of node[] and values of initial_writer */

/* A list of words, split at commas, without the blanks around them. */
struct conf_list {
    char **items; /* owned, and so is each item */
    size_t count;
};

/* One side. Texts are owned; "" when not set. */
struct conf_node {
    char *host; /* never "" */
    uint16_t port;
    char *user;
    char *password; /* secret; from password or from password_file */
    char *password_file;
    char *sslmode; /* a word of libpq's sslmode */
    /* How the other side's subscription reaches this node. The loader has filled in host, port,
     * user and password where the file says nothing. */
    char *replication_host;
    uint16_t replication_port;
    char *replication_user;
    char *replication_password; /* secret */
};

/* Texts and lists are owned; a text that is not set is "", never NULL. */
struct conf {
    atomic_uint refs;
    char *path; /* of the file it was read from */

    /* [teal] */
    struct conf_list listen_addr; /* empty: no TCP */
    uint16_t listen_port;
    char *unix_socket_dir; /* "": no Unix socket for clients */
    uint32_t unix_socket_mode;
    char *admin_socket_dir;
    uint16_t admin_socket_port;
    char *state_file;
    uint32_t workers; /* 0: one for each core */
    enum conf_auth_type auth_type;
    char *auth_file;
    uint32_t max_client_conn;
    uint32_t default_pool_size; /* per user on each side, over all workers */
    uint64_t query_wait_timeout_us;
    uint64_t client_login_timeout_us;
    uint64_t server_connect_timeout_us;
    uint64_t server_login_retry_us;
    uint64_t server_idle_timeout_us;
    uint64_t server_lifetime_us;
    bool tcp_keepalive;
    uint32_t listen_backlog;
    uint64_t max_message; /* bytes */
    uint32_t max_prepared_statements;
    uint32_t server_prepared_statements;
    struct conf_list read_functions;
    enum log_level log_level;
    char *logfile; /* "": standard error */
    char *pidfile; /* "": none */
    uint64_t shutdown_timeout_us;

    /* [pair] */
    char *name;
    char *database;
    int initial_writer; /* CONF_BLUE or CONF_GREEN */
    enum conf_reads reads;
    uint32_t reads_percent; /* 0 to 100 */
    enum conf_freshness freshness;
    uint64_t lag_max_us;
    uint64_t lag_bytes_max;
    uint64_t monitor_interval_us;
    uint64_t hold_timeout_us;
    uint64_t hold_timeout_physical_us;
    uint64_t drain_timeout_us;
    enum conf_drain_policy drain_policy;
    uint64_t fence_timeout_us;
    uint64_t catchup_timeout_us;
    uint64_t sync_timeout_us;
    uint64_t commit_timeout_us;
    uint64_t open_timeout_us;
    uint64_t start_lag_bytes;
    uint64_t start_lag_us;
    enum conf_fence fence;
    bool require_way_back;

    /* [blue] and [green] */
    struct conf_node node[CONF_NODES_COUNT];
};

struct conf_mistake {
    char *file;    /* owned */
    unsigned line; /* from 1; 0 when the mistake is about the file as a whole */
    char *text;    /* owned; one sentence without the place */
};

/* In the order of the lines, those about the whole file last. Begin with = {0}. */
struct conf_mistakes {
    struct conf_mistake *items; /* owned */
    size_t count;
};

void conf_mistakes_fini(struct conf_mistakes *m);
/* Also for those who read a file that belongs to the configuration. */
void conf_mistake_add(struct conf_mistakes *m, const char *file, unsigned line, const char *fmt,
                      ...) PRINTF_LIKE(4, 5);
/* "FILE:LINE: TEXT\n" for each. */
void conf_mistakes_print(const struct conf_mistakes *m, struct buf *out);

/* Reads the file, with the password files it names. The caller owns the one reference; NULL when
 * there is any mistake, and then at least one was added. */
MUST_CHECK struct conf *conf_load(const char *path, struct conf_mistakes *mistakes);
/* The same from text; path is the name that mistakes show. */
MUST_CHECK struct conf *conf_load_string(const char *text, const char *path,
                                         struct conf_mistakes *mistakes);

/* References may be taken and given back by any thread; the last one wipes the secrets and frees.
 */
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine */

/* Puts the names of the keys that differ but cannot change while Teal runs, as SHOW CONFIG has them
 * and with commas between; true when there is none, that is when new_conf may take the place of
 * old_conf. */
MUST_CHECK bool conf_reload_check(const struct conf *old_conf, const struct conf *new_conf,
                                  struct buf *names);

/* SHOW CONFIG: key, value, default, changeable. Keys of a side are "blue.host" and so on. Secrets
 * are shown as stars, or as nothing when they are not set. */
struct table *conf_show(const struct conf *c);

/* The sample teal.ini and the manual page teal.ini(5), in mdoc; the files in the tree equal this
 * output. */
void conf_print_sample(struct buf *out);
void conf_print_manual(struct buf *out);

#endif
