/* tealctl.c — the operator's command: words in, one statement on the admin socket, rows out.
 *
 * A thin client: every subcommand is one statement of the console (commands[] says which), so that
 * psql and any driver can do the same. It knows no state of its own. Rows are printed as they
 * arrive, because a cutover is watched while it happens. */
/* SPDX-License-Identifier: PostgreSQL */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/command_line.h"
#include "ctl/output.h"

/* What a script can rely on. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_COMMAND = 1, /* the console refused, or the command failed */
    EXIT_USAGE = 2,
    EXIT_CONNECT = 3, /* no console there, or it was lost */
    EXIT_UNDONE = 4,  /* the flip was undone: writes go on at the old side */
    EXIT_BLOCKED = 5, /* the flip is decided but not finished: a person must look */
};

enum { WATCH_SECONDS = 1 };

/* SQLSTATEs of the console (admin/runner.h) that have a status of their own. */
static const struct {
    const char *sqlstate;
    enum exit_status status;
} exit_states[] = {{"TL001", EXIT_UNDONE}, {"TL002", EXIT_BLOCKED}};

static bool is_agreed(const struct command_line *line);
static enum exit_status run_once(const struct command_line *line);
static enum exit_status run_watch(const struct command_line *line);

int
main(int argc, char **argv)
{
    struct command_line line;
    int status = EXIT_USAGE;
    switch (command_line_parse(argc, argv, &line)) {
    case COMMAND_LINE_HELP:
        command_line_print_help(stdout);
        status = EXIT_OK;
        break;
    case COMMAND_LINE_VERSION:
        (void)printf("tealctl %s\n", TEAL_VERSION);
        status = EXIT_OK;
        break;
    case COMMAND_LINE_BAD:
        break;
    case COMMAND_LINE_OK:
        status = !is_agreed(&line)
                     ? EXIT_COMMAND
                     : (int)(line.command->watches ? run_watch(&line) : run_once(&line));
        break;
    }
    command_line_fini(&line);
    return status;
}

/* True when the command needs no confirmation, or the operator has given it. */
static bool
is_agreed(const struct command_line *line)
{
    if (line->command->question == NULL || line->yes) {
        return true;
    }
    char answer[16] = "";
    (void)printf("%s [y/N] ", line->command->question);
    (void)fflush(stdout);
    const bool read = fgets(answer, sizeof(answer), stdin) != NULL;
    if (!read || (answer[0] != 'y' && answer[0] != 'Y')) {
        (void)fprintf(stderr, "tealctl: nothing was done%s\n", read ? "" : " (scripts: use --yes)");
        return false;
    }
    return true;
}

/* ---- one statement ---- */

static PGconn *console_connect(const struct command_line *line);
static void catch_interrupt(PGconn *conn);
static enum exit_status run_statement(PGconn *conn, const struct command_line *line,
                                      struct output *out);
static enum exit_status print_error(const PGconn *conn, const PGresult *result);

static enum exit_status
run_once(const struct command_line *line)
{
    PGconn *conn = console_connect(line);
    if (conn == NULL) {
        return EXIT_CONNECT;
    }
    struct output out;
    output_init(&out, stdout, line->command->layout, line->json);
    catch_interrupt(conn);
    const enum exit_status status = run_statement(conn, line, &out);
    output_fini(&out);
    PQfinish(conn);
    return status;
}

static enum exit_status
watch_once(PGconn *conn, const struct command_line *line, bool is_terminal)
{
    struct output out;
    output_init(&out, stdout, line->command->layout, line->json);
    if (is_terminal) {
        (void)printf("\033[H\033[J"); /* home, clear: plain text below */
    }
    const enum exit_status status = run_statement(conn, line, &out);
    output_fini(&out);
    (void)printf(is_terminal ? "" : "\n");
    (void)fflush(stdout);
    return status;
}

/* STATUS once a second until Ctrl-C; a console that is gone for a while does not end it. */
static enum exit_status
run_watch(const struct command_line *line)
{
    const bool is_terminal = isatty(STDOUT_FILENO) == 1;
    const struct timespec pause = {.tv_sec = WATCH_SECONDS};
    for (;;) {
        PGconn *conn = console_connect(line);
        if (conn == NULL && !is_terminal) {
            return EXIT_CONNECT;
        }
        while (conn != NULL && watch_once(conn, line, is_terminal) == EXIT_OK) {
            (void)nanosleep(&pause, NULL);
        }
        PQfinish(conn);
        (void)nanosleep(&pause, NULL);
    }
}

static enum exit_status
print_results(PGconn *conn, const struct command_line *line, struct output *out)
{
    enum exit_status status = EXIT_OK;
    for (;;) {
        PGresult *result = PQgetResult(conn);
        if (result == NULL) {
            return PQstatus(conn) == CONNECTION_OK || line->command->ends_server ? status
                                                                                 : EXIT_CONNECT;
        }
        const ExecStatusType kind = PQresultStatus(result);
        if (kind == PGRES_SINGLE_TUPLE || kind == PGRES_TUPLES_OK) {
            output_rows(out, result);
        } else if (kind != PGRES_COMMAND_OK && kind != PGRES_EMPTY_QUERY) {
            output_end(out);
            status = print_error(conn, result);
        }
        PQclear(result);
    }
}

static enum exit_status
run_statement(PGconn *conn, const struct command_line *line, struct output *out)
{
    CHECK(line->command != NULL && line->sql != NULL);
    if (PQsendQuery(conn, line->sql) != 1 || PQsetSingleRowMode(conn) != 1) {
        (void)fprintf(stderr, "tealctl: %s", PQerrorMessage(conn));
        return EXIT_CONNECT;
    }
    const enum exit_status status = print_results(conn, line, out);
    output_end(out);
    return status;
}

/* ---- the connection ---- */

static PGconn *
console_connect(const struct command_line *line)
{
    const char *const keys[] = {"host",    "port",       "dbname",           "user",
                                "sslmode", "gssencmode", "application_name", "connect_timeout",
                                NULL};
    const char *const values[] = {line->host, line->port, "teal", "teal", "disable",
                                  "disable",  "tealctl",  "10",   NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 0);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "tealctl: %s", PQerrorMessage(conn));
        PQfinish(conn);
        return NULL;
    }
    return conn;
}

static enum exit_status
status_of_error(const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; sqlstate != NULL && i < COUNT_OF(exit_states); i++) {
        if (strcmp(sqlstate, exit_states[i].sqlstate) == 0) {
            return exit_states[i].status;
        }
    }
    return EXIT_COMMAND;
}

static enum exit_status
print_error(const PGconn *conn, const PGresult *result)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (text == NULL) { /* libpq's own: the connection was lost */
        (void)fprintf(stderr, "tealctl: %s", PQerrorMessage(conn));
        return EXIT_CONNECT;
    }
    (void)fprintf(stderr, "tealctl: %s\n", text);
    if (hint != NULL) {
        (void)fprintf(stderr, "  hint: %s\n", hint);
    }
    return status_of_error(result);
}

/* ---- Ctrl-C ---- */

/* The first Ctrl-C asks the console to call the command off, and the answer is still waited for;
 * the second one ends tealctl. Signal handlers have no argument, so this is the one variable of the
 * file. */
static PGcancel *volatile cancel_handle;

static void
on_interrupt(int signo)
{
    PGcancel *cancel = cancel_handle;
    char error[128];
    (void)signo;
    cancel_handle = NULL;
    if (cancel == NULL) {
        _exit(128 + SIGINT);
    }
    (void)PQcancel(cancel, error, sizeof(error)); /* safe in a handler, says libpq's manual */
}

static void
catch_interrupt(PGconn *conn)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = on_interrupt;
    cancel_handle = PQgetCancel(conn);
    (void)sigaction(SIGINT, &action, NULL); /* fails only for a bad signal number */
}
