/* fields.h — the fields of a configuration: struct conf, and the types of its values.
 *
 * A field belongs to a row of keys.def, which has its name in teal.ini, its meaning and its limits;
 * the few that do not say so. Durations end in _us (microseconds). Choices that other layers know
 * too (reads, side, ..) have their enums in model/.
 *
 * Made, counted and freed by the verbs of conf.h only; immutable for all others. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_FIELDS_H
#define TEAL_CONF_FIELDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/words.h"
#include "conf/list.h"
#include "model/auth_type.h"
#include "model/channel_binding.h"
#include "model/drain.h"
#include "model/estate.h"
#include "model/fence.h"
#include "model/freshness.h"
#include "model/hook.h"
#include "model/pair_kind.h"
#include "model/pool_mode.h"
#include "model/reads.h"
#include "model/side.h"
#include "model/tls_mode.h"

/* As libpq's sslnegotiation. */
#define CONF_SSLNEGOTIATION_VALUES(X)                                  \
    X(CONF_SSLNEGOTIATION_POSTGRES, "postgres") /* SSLRequest first */ \
    X(CONF_SSLNEGOTIATION_DIRECT, "direct")     /* TLS from the first byte */

enum conf_sslnegotiation { CONF_SSLNEGOTIATION_VALUES(WORDS_VALUE) };

/* One server of a side. */
struct conf_host {
    char *name; /* owned: a name, an address, or the directory of a Unix socket; never "" */
    uint16_t port;
    uint32_t weight; /* its share of the reads of its side, beside the others' */
};

/* One side of a pair. Texts are owned; "" when not set. */
struct conf_side {
    char *host; /* as the file has it; so the next two */
    struct conf_list hosts_list;
    uint16_t port;
    /* The servers, at least one; filled in by the loader from the three above. */
    struct conf_host hosts[NODES_MAX];
    uint32_t hosts_count;
    char *user;
    char *password; /* secret; from password or from password_file */
    char *password_file;
    enum tls_mode sslmode;
    /* How the other side's subscription reaches this side. The loader has filled in user and
     * password where the file says nothing. */
    char *replication_host;    /* "": the hosts */
    uint16_t replication_port; /* 0: with each host its own */
    char *replication_user;
    char *replication_password; /* secret */
    char *replication_sslrootcert;
    char *patroni; /* "": none */
};

/* One pair. Texts and lists are owned. */
struct conf_pair {
    char *name;
    bool is_named;              /* by its section, [pair NAME]; else by the key */
    char *database;             /* the home database; one of the next */
    struct conf_list databases; /* on the servers; "*" alone is all of them */
    enum side initial_writer;
    enum reads reads;
    uint32_t reads_percent; /* of PERCENT_ALL */
    enum freshness freshness;
    uint64_t lag_max_us;
    uint64_t lag_bytes_max;
    uint64_t monitor_interval_us;
    uint64_t hold_timeout_us;
    uint64_t hold_timeout_physical_us;
    uint64_t drain_timeout_us;
    enum drain_policy drain_policy;
    uint64_t fence_timeout_us;
    uint64_t catchup_timeout_us;
    uint64_t sync_timeout_us;
    uint64_t commit_timeout_us;
    uint64_t open_timeout_us;
    uint64_t start_lag_bytes;
    uint64_t start_lag_us;
    enum fence_policy fence;
    bool require_way_back;
    enum pair_kind kind;
    char *hook[HOOKS_COUNT]; /* commands, see conf/argv.h; "": none */
    uint64_t hook_timeout_us;
    uint64_t failover_hold_us;  /* 0: statements do not wait for a new writer */
    uint32_t failover_hold_max; /* of the transactions that wait */

    /* [blue] and [green] */
    struct conf_side side[SIDES_COUNT];
};

/* A database as clients name it. Texts are owned. A 0 or "" leaves the matter to [teal]. */
struct conf_database {
    char *name;     /* what clients say; "*" for the rest of struct conf */
    uint32_t pair;  /* its number */
    bool is_listed; /* in [databases]; else it is there by `databases` of its pair */
    unsigned line;  /* of the file; 0 when it is not listed */

    /* The keys of [databases]. */
    char *pair_name; /* as the file has it, or "" */
    char *dbname;    /* on the servers; "" only in the rest: the same as the client's name */
    char *user;      /* "": the client's */
    char *password;  /* secret; of user; "": that of auth_file */
    uint32_t pool_size;
    uint32_t reserve_pool_size;
    enum pool_mode pool_mode;
    uint32_t max_db_connections;
    uint32_t max_db_client_connections;
    uint64_t query_wait_timeout_us;
    uint64_t server_lifetime_us;
    char *auth_user;
    char *auth_query;
    char *auth_dbname;
    char *client_encoding; /* what a client gets that asks for none; so the next two */
    char *datestyle;
    char *timezone;
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
    uint32_t admin_socket_mode;
    struct conf_list admin_users;
    struct conf_list stats_users;
    char *state_file;
    uint32_t workers; /* 0: one for each core */
    enum auth_type auth_type;
    char *auth_file;
    char *auth_hba_file;   /* "": none */
    char *auth_ident_file; /* "": none */
    uint64_t auth_failure_delay_us;
    uint64_t auth_failure_delay_max_us;
    uint32_t auth_failures_max;
    uint64_t auth_failure_ban_us;
    char *auth_user; /* "": no auth_query */
    char *auth_query;
    char *auth_dbname; /* "": that of the pair */
    uint64_t auth_query_ttl_us;
    enum tls_mode client_tls_sslmode;
    char *client_tls_cert_file;
    char *client_tls_key_file;
    char *client_tls_ca_file;
    char *client_tls_protocols;
    char *client_tls_ciphers;
    char *client_tls13_ciphers;
    enum tls_mode server_tls_sslmode;
    enum conf_sslnegotiation server_tls_sslnegotiation;
    enum channel_binding server_channel_binding;
    char *server_tls_ca_file;
    char *server_tls_cert_file;
    char *server_tls_key_file;
    char *server_tls_protocols;
    char *server_tls_ciphers;
    char *server_tls13_ciphers;
    uint32_t max_client_conn;
    uint32_t max_user_client_connections; /* 0: no limit */
    uint32_t max_db_client_connections;   /* 0: no limit */
    uint32_t max_client_conn_per_source;  /* 0: see keys.def; so the next two */
    uint32_t max_unauthenticated;
    uint32_t max_unauthenticated_per_source;
    uint32_t default_pool_size; /* per user on each side, over all workers */
    uint32_t reserve_pool_size;
    uint64_t reserve_pool_timeout_us;
    uint32_t max_db_connections;   /* 0: no limit */
    uint32_t max_user_connections; /* 0: no limit */
    uint64_t query_wait_timeout_us;
    uint64_t client_login_timeout_us;
    uint64_t client_tls_timeout_us;
    uint64_t query_timeout_us;
    uint64_t query_wait_notify_us;
    uint64_t client_idle_timeout_us;
    uint64_t idle_transaction_timeout_us;
    uint64_t transaction_timeout_us;
    uint64_t cancel_wait_timeout_us;
    uint64_t server_connect_timeout_us;
    uint64_t server_login_retry_us;
    uint64_t server_idle_timeout_us;
    uint64_t server_lifetime_us;
    bool tcp_keepalive;
    uint64_t tcp_keepidle_us;
    uint64_t tcp_keepintvl_us;
    uint32_t tcp_keepcnt;
    uint64_t client_tcp_user_timeout_us;
    uint64_t server_tcp_user_timeout_us;
    uint64_t max_memory; /* bytes; 0: see keys.def */
    uint32_t listen_backlog;
    uint64_t max_message; /* bytes */
    uint32_t max_prepared_statements;
    uint32_t server_prepared_statements;
    bool replication;
    struct conf_list read_functions;
    struct conf_list allowed_startup_parameters;
    struct conf_list ignore_startup_parameters;
    enum log_level log_level;
    char *logfile; /* "": standard error */
    char *pidfile; /* "": none */
    uint64_t pause_timeout_us;
    uint64_t shutdown_timeout_us;

    struct conf_pair *pairs; /* owned; at least one */
    uint32_t pairs_count;

    /* Names that clients may say: those of [databases], in the order of the file, then those that
     * the pairs add. See databases.h. */
    struct conf_database *databases; /* owned; may be none */
    uint32_t databases_count;
    struct conf_database rest; /* stands for every other name */
    bool rest_is_served;       /* by its pair; else other names are refused */
};

#endif
