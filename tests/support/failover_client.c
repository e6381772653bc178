/* failover_client.c — clients of libpq that write all the time and say of each attempt how it
 * ended. */
/* SPDX-License-Identifier: PostgreSQL */
/* The load of scripts/failover: the same program against servers, PgBouncer and Teal, which differ
 * in the connection string alone. Each client has a thread and a connection, and does one thing
 * after the other: an insert by itself, an insert in a transaction, a look at its last insert.
 * An insert has an id of its own. It is tried again, with the same id, when it is certain that it
 * did not run, and only then; so a row that is there twice was told a lie.
 *
 * Each attempt is a line, its parts divided by tabs:
 *     begin end client number kind outcome sqlstate message
 * with the times in seconds of CLOCK_MONOTONIC, the kind insert, transaction, read or connect, and
 * the outcome ok, stale, not-run or unknown. SIGTERM ends it. */
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum outcome { OK, STALE, NOT_RUN, UNKNOWN };

static const char *const outcome_names[] = {"ok", "stale", "not-run", "unknown"};

struct options {
    const char *conninfo;
    const char *name; /* begins each id */
    long retry_ms;    /* before the next attempt, also to connect */
    long pause_ms;    /* between two things, in the mean */
    bool takes_word;  /* 08006 is certain unless its text says that it is not, which is what Teal
                         promises */
};

struct client {
    const struct options *options;
    pthread_t thread;
    int number;
    unsigned dice;
    PGconn *conn; /* NULL while there is none */
    long seq;
    char id[64];
    char last[64]; /* the last insert that was acknowledged */
    double began;
};

static volatile sig_atomic_t is_over;

static void
on_sigterm(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
wait_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&t,
                    NULL); /* the subject: a client that thinks, and one that comes back later */
}

static void
tell(const struct client *c, const char *kind, enum outcome outcome, const char *sqlstate,
     const char *message)
{
    char text[200];
    size_t len = 0;

    for (; message[len] != '\0' && message[len] != '\n' && len + 1 < sizeof(text); len++) {
        text[len] = message[len] == '\t' ? ' ' : message[len];
    }
    text[len] = '\0';
    (void)printf("%.6f\t%.6f\t%d\t%ld\t%s\t%s\t%s\t%s\n", c->began, now(), c->number, c->seq, kind,
                 outcome_names[outcome], sqlstate, text);
}

/* ---- what an error says ---- */

static bool
is_certain(const struct options *o, const char *sqlstate, const char *message)
{
    /* libpq's own errors have no state: the connection broke with the statement on its way. */
    if (sqlstate[0] == '\0') {
        return false;
    }
    if (strcmp(sqlstate, "08006") == 0 && o->takes_word) {
        return strstr(message, "unknown") == NULL;
    }
    return strncmp(sqlstate, "08", 2) != 0 && strncmp(sqlstate, "57P0", 4) != 0 &&
           strcmp(sqlstate, "40003") != 0;
}

static void
disconnect(struct client *c)
{
    PQfinish(c->conn);
    c->conn = NULL;
}

/* Tells it, and drops a connection that is of no more use. */
static enum outcome
failed(struct client *c, const char *kind, PGresult *result, bool may_have_run)
{
    const char *const field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char sqlstate[6] = "";
    const char *const message = PQresultErrorMessage(result);

    if (field != NULL) {
        (void)snprintf(sqlstate, sizeof(sqlstate), "%s", field);
    }
    const bool is_known = !may_have_run || is_certain(c->options, sqlstate, message);
    tell(c, kind, is_known ? NOT_RUN : UNKNOWN, sqlstate[0] == '\0' ? "lost" : sqlstate, message);
    PQclear(result);
    /* 25006: this server is a standby. Whatever else is in the way, a new connection begins afresh.
     */
    if (PQstatus(c->conn) != CONNECTION_OK || PQtransactionStatus(c->conn) != PQTRANS_IDLE ||
        strcmp(sqlstate, "25006") == 0) {
        disconnect(c);
    }
    return is_known ? NOT_RUN : UNKNOWN;
}

/* ---- what a client does ---- */

static bool
is_good(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

/* The first error is what the server said; libpq puts its own behind it when the connection ends.
 */
static PGresult *
ask(struct client *c, const char *sql, const char *value)
{
    PGresult *best = NULL;
    PGresult *next = NULL;

    if (PQsendQueryParams(c->conn, sql, value == NULL ? 0 : 1, NULL, &value, NULL, NULL, 0) == 0) {
        return PQmakeEmptyPGresult(c->conn, PGRES_FATAL_ERROR);
    }
    while ((next = PQgetResult(c->conn)) != NULL) {
        if (best == NULL || is_good(best)) {
            PQclear(best);
            best = next;
        } else {
            PQclear(next);
        }
    }
    return best == NULL ? PQmakeEmptyPGresult(c->conn, PGRES_FATAL_ERROR) : best;
}

static PGresult *
insert(struct client *c)
{
    return ask(c, "INSERT INTO failover.op (id) VALUES ($1)", c->id);
}

static enum outcome
acknowledged(struct client *c, const char *kind, PGresult *result)
{
    PQclear(result);
    (void)snprintf(c->last, sizeof(c->last), "%s", c->id);
    tell(c, kind, OK, "", "");
    return OK;
}

static enum outcome
do_insert(struct client *c)
{
    PGresult *const result = insert(c);

    return is_good(result) ? acknowledged(c, "insert", result) : failed(c, "insert", result, true);
}

/* Nothing has happened before the COMMIT was sent, whatever broke. */
static enum outcome
do_transaction(struct client *c)
{
    PGresult *result = ask(c, "BEGIN", NULL);

    if (!is_good(result)) {
        return failed(c, "transaction", result, false);
    }
    PQclear(result);
    result = insert(c);
    if (!is_good(result)) {
        return failed(c, "transaction", result, false);
    }
    PQclear(result);
    result = ask(c, "COMMIT", NULL);
    if (!is_good(result)) {
        return failed(c, "transaction", result, true);
    }
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        return failed(c, "transaction", result, false);
    }
    return acknowledged(c, "transaction", result);
}

static enum outcome
do_read(struct client *c)
{
    PGresult *const result = ask(c, "SELECT 1 FROM failover.op WHERE id = $1", c->last);

    if (!is_good(result)) {
        return failed(c, "read", result, false);
    }
    const enum outcome outcome = PQntuples(result) > 0 || c->last[0] == '\0' ? OK : STALE;
    PQclear(result);
    tell(c, "read", outcome, "", outcome == OK ? "" : c->last);
    return outcome;
}

static void
ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static enum outcome
do_connect(struct client *c)
{
    c->conn = PQconnectdb(c->options->conninfo);
    (void)PQsetNoticeProcessor(c->conn, ignore_notice, NULL);
    if (PQstatus(c->conn) == CONNECTION_OK) {
        return OK;
    }
    tell(c, "connect", NOT_RUN, "", PQerrorMessage(c->conn));
    disconnect(c);
    return NOT_RUN;
}

typedef enum outcome do_fn(struct client *c);

static do_fn *const turns[] = {do_insert, do_insert, do_transaction, do_read};

static void *
run_client(void *arg)
{
    struct client *const c = arg;
    const struct options *const o = c->options;

    while (!is_over) {
        do_fn *const turn = turns[rand_r(&c->dice) % 4];
        enum outcome outcome = NOT_RUN;

        c->seq++;
        (void)snprintf(c->id, sizeof(c->id), "%s:%d:%ld", o->name, c->number, c->seq);
        while (outcome == NOT_RUN && !is_over) {
            c->began = now();
            outcome = c->conn == NULL ? do_connect(c) : OK;
            outcome = outcome == OK ? turn(c) : outcome;
            if (outcome == NOT_RUN) {
                wait_ms(o->retry_ms);
            }
        }
        wait_ms(rand_r(&c->dice) % (2 * o->pause_ms + 1));
    }
    disconnect(c);
    return NULL;
}

int
main(int argc, char **argv)
{
    if (argc != 7) {
        (void)fprintf(stderr,
                      "failover_client CONNINFO NAME CLIENTS RETRY_MS PAUSE_MS TAKES_WORD\n");
        return 2;
    }
    const struct options options = {argv[1], argv[2], strtol(argv[4], NULL, 10),
                                    strtol(argv[5], NULL, 10), strtol(argv[6], NULL, 10) != 0};
    const long count = strtol(argv[3], NULL, 10);
    struct client *const clients = calloc((size_t)count, sizeof(*clients));
    struct sigaction action = {.sa_handler = on_sigterm};

    (void)sigaction(SIGTERM, &action, NULL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int n = 0; n < count; n++) {
        clients[n] = (struct client){.options = &options, .number = n, .dice = (unsigned)n + 1};
        if (pthread_create(&clients[n].thread, NULL, run_client, &clients[n]) != 0) {
            return 1;
        }
    }
    for (int n = 0; n < count; n++) {
        (void)pthread_join(clients[n].thread, NULL);
    }
    free(clients);
    return 0;
}
