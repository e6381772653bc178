/* grammar.h — what an operator may say: the console's grammar as one table.
 *
 * Text in, command out; nothing is run here. The rows of commands.def are parser, help and rights
 * at once. Words compare without case; a name may be a plain word, 'quoted' or "quoted"; comments
 * and a last semicolon are fine; a second command is not. The text is hostile until it is parsed.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_GRAMMAR_H
#define TEAL_ADMIN_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "cutover/cutover.h"
#include "model/estate.h"
#include "topo/view.h"

enum command_id {
    CMD_EMPTY, /* nothing but space, comments and semicolons */
    CMD_STATUS,
    CMD_STATE,
    CMD_PAIR,
    CMD_SOCKETS,
    CMD_ACTIVE_SOCKETS,
    CMD_USERS,
    CMD_ERRORS,
    CMD_TOTALS,
    CMD_MEM,
    CMD_DNS_HOSTS,
    CMD_DNS_ZONES,
    CMD_PEERS,
    CMD_PEER_POOLS,
    CMD_FDS,
    CMD_PING,
    CMD_LAG,
    CMD_NODES,
    CMD_CUTOVER_SHOW,
    CMD_POOLS,
    CMD_CLIENTS,
    CMD_SESSIONS,
    CMD_SERVERS,
    CMD_STATS,
    CMD_STATS_TOTALS,
    CMD_STATS_AVERAGES,
    CMD_DATABASES,
    CMD_LISTS,
    CMD_CONFIG,
    CMD_VERSION,
    CMD_HELP,
    CMD_EXPLAIN,
    CMD_GRANTS,
    CMD_CHECK,
    CMD_PREPARE,
    CMD_READS,
    CMD_WRITES,
    CMD_CUTOVER,
    CMD_ROLLBACK,
    CMD_FINISH,
    CMD_HOLD,
    CMD_RELEASE,
    CMD_PAUSE,
    CMD_RESUME,
    CMD_KILL_ALL,
    CMD_RECONNECT,
    CMD_WAIT_CLOSE,
    CMD_DISABLE,
    CMD_ENABLE,
    CMD_SUSPEND,
    CMD_KILL,
    CMD_RELOAD,
    CMD_SHUTDOWN,
    CMD_SETTING,
    CMD_SET,
    CMD_SET_IGNORED, /* what drivers set when they connect: taken without an effect */
    COMMANDS_COUNT,
};

enum command_needs { NEEDS_VIEW, NEEDS_OPERATE };

/* Whether PAIR name may follow. */
enum command_names {
    NAMES_NO_PAIR,  /* it is about no pair, or about all */
    NAMES_ANY_PAIR, /* one, or without it all */
    NAMES_ONE_PAIR, /* one; where there are several it must be named */
};

enum command_reply {
    REPLY_NONE,    /* a tag, no rows */
    REPLY_TABLE,   /* a table made at once */
    REPLY_WORKERS, /* a table that the workers are asked for */
    REPLY_STEPS,   /* rows result, step, detail, took; over at once, or after a short wait */
    REPLY_LONG,    /* the same rows, as they happen: a job of the cutover machine */
};

struct command_row {
    enum command_id id;
    const char *words; /* upper case, one space between two */
    const char *shown; /* what follows, for the help; "" for nothing */
    enum command_names pair;
    enum command_needs needs;
    enum command_reply reply;
    const char *sentence; /* "" for what the help leaves out */
};

enum shutdown_mode { SHUTDOWN_NOW, SHUTDOWN_WAIT_FOR_CLIENTS, SHUTDOWN_WAIT_FOR_SERVERS };

enum {
    COMMAND_LEN_MAX = 4096, /* but for EXPLAIN ROUTE, which the longest frame bounds */
    COMMAND_NAME_SIZE = 64,
    COMMAND_VALUE_SIZE = 1024,
    COMMAND_HOLD_MAX_S = 600,
};

enum { PAIR_ALL = PAIRS_MAX }; /* instead of the number of a pair */

/* A plain value; sql alone points into the text. Fields that the command does not take are zero. */
struct command {
    enum command_id id;
    const struct command_row *row;    /* borrowed for ever; NULL for CMD_EMPTY */
    char pair[COMMAND_NAME_SIZE];     /* "" for none */
    uint32_t pair_number;             /* of it, or PAIR_ALL; set by the console */
    enum reads reads;                 /* READS */
    bool reads_default;               /* READS: as the configuration says; none of the others */
    bool percent_set;                 /* READS */
    uint32_t percent;                 /* READS: hundredths of a percent */
    char user[COMMAND_NAME_SIZE];     /* READS; "" for any */
    char database[COMMAND_NAME_SIZE]; /* also of PAUSE and its kin */
    char application[COMMAND_NAME_SIZE];
    bool side_set;                  /* GRANTS: one side; else both */
    enum side side;                 /* WRITES, GRANTS */
    bool timeout_set;               /* HOLD, PAUSE, WAIT_CLOSE */
    uint64_t timeout_us;            /* of those */
    struct cutover_options options; /* CUTOVER, ROLLBACK; the side to is not set here */
    uint64_t number;                /* KILL_CLIENT */
    bool pinned;                    /* SHOW SESSIONS */
    enum shutdown_mode shutdown;    /* SHUTDOWN */
    char key[COMMAND_NAME_SIZE];    /* SET */
    char value[COMMAND_VALUE_SIZE];
    struct slice sql; /* EXPLAIN ROUTE; borrowed from the text */
};

/* False with err (42601, 22023, 54000) and a hint when it is no command of the console. */
MUST_CHECK bool command_parse(struct slice text, struct command *out, struct err *err);

/* The rows of the table, for the help. */
size_t command_rows_count(void);
const struct command_row *command_row_at(size_t at);

#endif
