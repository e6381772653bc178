/* command_line.c — the command line of tealctl. See words.h.
 *
 * Options may stand anywhere. What is a name in the statement is quoted, so that no word of the
 * command line can become anything else than that name; what is not (a side, a time, a number) must
 * consist of harmless characters. */
/* SPDX-License-Identifier: PostgreSQL */
#include "ctl/command_line.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

#define DEFAULT_HOST "/run/teal"
#define DEFAULT_PORT "5432"

/* What a row leaves out is none or false; the layout, OUTPUT_STEPS. */
/* clang-format off */
static const struct ctl_command commands[] = {
    {.name = "status", .sql = "SHOW STATUS", .layout = OUTPUT_LINES, .options = "N",
     .sentence = "the pairs, their sides and the traffic"},
    {.name = "watch", .sql = "SHOW STATUS", .layout = OUTPUT_LINES, .options = "N", .watches = true,
     .sentence = "the same, once a second"},
    {.name = "grants", .shown = "[blue|green]", .sql = "GRANTS", .layout = OUTPUT_LINES,
     .words_max = 1, .options = "N", .sentence = "print the SQL that makes a role Teal's operator, for psql"},
    {.name = "prepare", .sql = "PREPARE", .options = "N",
     .sentence = "set up what a cutover needs on both sides"},
    {.name = "check", .sql = "CHECK", .options = "N",
     .sentence = "the preflight: every finding, with value, limit and how to mend it"},
    {.name = "reads", .shown = "blue|green|follow|default [n%]", .sql = "READS", .words_min = 1,
     .words_max = 2, .options = "uadN",
     .sentence = "send reads to a side: all, a share, or the sessions that match"},
    {.name = "writes", .shown = "blue|green", .sql = "WRITES", .words_min = 1, .words_max = 1, .options = "N",
     .sentence = "move the writes to that side"},
    {.name = "cutover", .sql = "CUTOVER", .options = "nDrN",
     .sentence = "move the writes from blue to green"},
    {.name = "rollback", .sql = "ROLLBACK", .options = "nDrN",
     .sentence = "move the writes back from green to blue"},
    {.name = "finish", .sql = "FINISH", .options = "N",
     .question = "Drop the replication of the pair? There is no way back afterwards.",
     .sentence = "drop the way back, after asking"},
    {.name = "hold", .shown = "[time]", .sql = "HOLD", .words_max = 1, .options = "N",
     .sentence = "let writes wait in Teal for a while"},
    {.name = "release", .sql = "RELEASE", .options = "N", .sentence = "end hold"},
    {.name = "pause", .shown = "[database] [time]", .sql = "PAUSE", .words_max = 2, .options = "N",
     .sentence = "let everything wait, and the server connections go"},
    {.name = "resume", .shown = "[database]", .sql = "RESUME", .words_max = 1, .options = "N",
     .sentence = "end pause or kill-all"},
    {.name = "kill-all", .shown = "[database]", .sql = "KILL", .words_max = 1, .options = "N",
     .question = "End all clients and server connections at once?",
     .sentence = "end all clients and server connections; then as paused"},
    {.name = "reconnect", .shown = "[database]", .sql = "RECONNECT", .words_max = 1, .options = "N",
     .sentence = "close server connections as they become free"},
    {.name = "wait-close", .shown = "[database] [time]", .sql = "WAIT_CLOSE", .words_max = 2,
     .sentence = "wait until those are closed"},
    {.name = "disable", .shown = "database", .sql = "DISABLE", .words_min = 1, .words_max = 1,
     .sentence = "refuse new clients"},
    {.name = "enable", .shown = "database", .sql = "ENABLE", .words_min = 1, .words_max = 1,
     .sentence = "end disable"},
    {.name = "sessions", .sql = "SHOW SESSIONS", .layout = OUTPUT_TABLE, .options = "P",
     .sentence = "the sessions; with --pinned those that cannot move"},
    {.name = "show", .shown = "WHAT", .sql = "SHOW", .layout = OUTPUT_TABLE, .words_min = 1,
     .words_max = 3, .options = "N",
     .sentence = "a report: pools, clients, servers, stats, lag, config, help, ..."},
    {.name = "explain", .shown = "STATEMENT", .sql = "EXPLAIN ROUTE", .layout = OUTPUT_RECORD,
     .words_min = 1, .words_max = -1, .options = "N",
     .sentence = "where an SQL statement would go, and why"},
    {.name = "kill", .shown = "ID", .sql = "KILL_CLIENT", .words_min = 1, .words_max = 1,
     .sentence = "end a session"},
    {.name = "reload", .sql = "RELOAD", .sentence = "read the configuration again"},
    {.name = "shutdown", .sql = "SHUTDOWN", .options = "w", .ends_server = true,
     .sentence = "end Teal"},
};
/* clang-format on */

enum {
    OPTION_HOST = 'h',
    OPTION_PORT = 'p',
    OPTION_JSON = 'j',
    OPTION_YES = 'y',
    OPTION_VERSION = 'V',
    OPTION_HELP = 255, /* above: those that not every command takes */
};

/* letter: how commands[] names the option; 0 for the general ones. value: what it adds to the
 * statement. */
static const struct option_row {
    int id;
    char letter;
    const char *name;
    const char *argument; /* NULL for none */
    const char *sql;      /* NULL: it adds nothing */
    const char *sentence;
} option_rows[] = {
    {OPTION_HOST, 0, "host", "DIR", NULL,
     "directory of the admin socket (TEAL_ADMIN, " DEFAULT_HOST ")"},
    {OPTION_PORT, 0, "port", "PORT", NULL, "its number (TEAL_ADMIN=DIR:PORT, " DEFAULT_PORT ")"},
    {OPTION_JSON, 0, "json", NULL, NULL, "rows as a JSON array"},
    {OPTION_YES, 0, "yes", NULL, NULL, "do not ask"},
    {OPTION_VERSION, 0, "version", NULL, NULL, "print the version and end"},
    {OPTION_HELP, 0, "help", NULL, NULL, "print this and end"},
    {265, 'N', "pair", "NAME", "PAIR", "which of several pairs; without it, reports are of all"},
    {256, 'u', "user", "NAME", "USER", "reads: sessions of this user"},
    {257, 'a', "application", "NAME", "APPLICATION", "reads: sessions with this application_name"},
    {258, 'd', "database", "NAME", "DATABASE", "reads: sessions of this database"},
    {259, 'n', "no-rollback", NULL, "NO ROLLBACK", "cutover, rollback: go even without a way back"},
    {260, 'D', "drain", "POLICY", "DRAIN", "cutover, rollback: abort, cancel or terminate"},
    {261, 'r', "dry-run", NULL, "DRY RUN", "cutover, rollback: check, hold and drain only"},
    {262, 'P', "pinned", NULL, "PINNED", "sessions: those that cannot move"},
    {263, 'w', "wait-for-clients", NULL, "WAIT_FOR_CLIENTS", "shutdown: when they have gone"},
    {264, 'w', "wait-for-servers", NULL, "WAIT_FOR_SERVERS",
     "shutdown: when open transactions have ended"},
};

static const char *
shown_of(const struct ctl_command *command)
{
    return command->shown == NULL ? "" : command->shown;
}

void
command_line_print_help(FILE *to)
{
    char left[64];
    (void)fprintf(to, "Usage: tealctl [options] COMMAND [arguments]\n\nCommands:\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        (void)snprintf(left, sizeof(left), "%s %s", commands[i].name, shown_of(&commands[i]));
        (void)fprintf(to, "  %-30s %s\n", left, commands[i].sentence);
    }
    (void)fprintf(to, "\nOptions:\n");
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        char letter[8] = "    ";
        if (row->id < OPTION_HELP) {
            (void)snprintf(letter, sizeof(letter), "-%c, ", row->id);
        }
        (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
                       row->argument == NULL ? "" : "=",
                       row->argument == NULL ? "" : row->argument);
        (void)fprintf(to, "  %-30s %s\n", left, row->sentence);
    }
    (void)fprintf(to, "\nExit status: 0 done, 1 refused or failed, 2 usage, 3 no console there,\n"
                      "4 the flip was undone and writes go on at the old side,\n"
                      "5 the flip is decided but not finished: a person must look.\n");
}

static enum command_line_result
usage_error(const char *text, const char *word)
{
    const char *quote = word == NULL ? "" : "\"";
    (void)fprintf(stderr, "tealctl: %s%s%s%s%s\nTry: tealctl --help\n", text,
                  word == NULL ? "" : " ", quote, word == NULL ? "" : word, quote);
    return COMMAND_LINE_BAD;
}

static const struct ctl_command *
command_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static const struct option_row *
option_find(int id)
{
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        if (option_rows[i].id == id) {
            return &option_rows[i];
        }
    }
    return NULL;
}

/* ---- the statement ---- */

static void
put_quoted(struct buf *b, const char *text)
{
    buf_put_u8(b, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_put_u8(b, '\'');
        }
        buf_put_u8(b, (uint8_t)*text);
    }
    buf_put_u8(b, '\'');
}

static bool
is_plain(const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.%-";
    return word[0] != '\0' && strspn(word, plain) == strlen(word);
}

/* The clauses of options are collected here and go behind the arguments, if these are no SQL. */
static enum command_line_result
put_clause(struct buf *clauses, const struct option_row *row, const char *value)
{
    CHECK(row->sql != NULL && (row->argument == NULL) == (value == NULL));
    buf_printf(clauses, " %s", row->sql);
    if (row->argument == NULL) {
        return COMMAND_LINE_OK;
    }
    buf_put_u8(clauses, ' ');
    if (row->letter != 'D') {
        put_quoted(clauses, value);
        return COMMAND_LINE_OK;
    }
    if (!is_plain(value)) {
        return usage_error("not a drain policy:", value);
    }
    buf_printf(clauses, "%s", value);
    return COMMAND_LINE_OK;
}

static enum command_line_result
put_arguments(struct buf *sql, const struct ctl_command *command, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const bool is_sql = command->words_max == -1;
        if (!is_sql && !is_plain(argv[i])) {
            return usage_error("not understood:", argv[i]);
        }
        buf_printf(sql, " %s", argv[i]);
    }
    return COMMAND_LINE_OK;
}

/* ---- options ---- */

struct parse {
    struct command_line *out;
    struct buf clauses;
    char letters[COUNT_OF(option_rows)]; /* of the options given that not every command takes */
    size_t letters_count;
};

static void
replace(char **place, const char *text)
{
    mem_free(*place);
    *place = xstrdup(text);
}

static enum command_line_result
take_option(struct parse *p, int id)
{
    const struct option_row *row = option_find(id);
    if (row == NULL) { /* getopt has said why */
        return usage_error("that is no option of mine", NULL);
    }
    switch (id) {
    case OPTION_HOST:
        replace(&p->out->host, optarg);
        return COMMAND_LINE_OK;
    case OPTION_PORT:
        replace(&p->out->port, optarg);
        return COMMAND_LINE_OK;
    case OPTION_JSON:
        p->out->json = true;
        return COMMAND_LINE_OK;
    case OPTION_YES:
        p->out->yes = true;
        return COMMAND_LINE_OK;
    case OPTION_VERSION:
        return COMMAND_LINE_VERSION;
    case OPTION_HELP:
        return COMMAND_LINE_HELP;
    default:
        CHECK(row->letter != 0);
        if (p->letters_count == sizeof(p->letters)) {
            return usage_error("too many options", NULL);
        }
        p->letters[p->letters_count++] = row->letter;
        return put_clause(&p->clauses, row, optarg);
    }
}

static enum command_line_result
take_options(struct parse *p, int argc, char **argv)
{
    struct option options[COUNT_OF(option_rows) + 1] = {{0}};
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        options[i].name = option_rows[i].name;
        options[i].has_arg = option_rows[i].argument == NULL ? no_argument : required_argument;
        options[i].val = option_rows[i].id;
    }
    for (;;) {
        const int id = getopt_long(argc, argv, "h:p:jyV", options, NULL);
        if (id == -1) {
            return COMMAND_LINE_OK;
        }
        const enum command_line_result result = take_option(p, id);
        if (result != COMMAND_LINE_OK) {
            return result;
        }
    }
}

/* TEAL_ADMIN=DIR:PORT, or DIR alone. */
static void
take_environment(struct command_line *out)
{
    const char *admin = getenv("TEAL_ADMIN");
    out->host = xstrdup(DEFAULT_HOST);
    out->port = xstrdup(DEFAULT_PORT);
    if (admin == NULL || admin[0] == '\0') {
        return;
    }
    const char *colon = strrchr(admin, ':');
    const size_t len = colon == NULL ? strlen(admin) : (size_t)(colon - admin);
    mem_free(out->host);
    out->host = xstrndup(admin, len);
    if (colon != NULL) {
        replace(&out->port, colon + 1);
    }
}

static enum command_line_result
make_statement(struct parse *p, int argc, char **argv)
{
    const struct ctl_command *command = p->out->command;
    CHECK(command->words_max == -1 || command->words_min <= command->words_max);
    if (argc < command->words_min || (command->words_max >= 0 && argc > command->words_max)) {
        (void)fprintf(stderr, "Usage: tealctl %s %s\n", command->name, shown_of(command));
        return COMMAND_LINE_BAD;
    }
    for (size_t i = 0; i < p->letters_count; i++) {
        if (command->options == NULL || strchr(command->options, p->letters[i]) == NULL) {
            return usage_error("an option does not belong to", command->name);
        }
    }
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "%s", command->sql);
    const struct slice clauses = buf_slice(&p->clauses);
    const bool ends_in_sql = command->words_max == -1; /* nothing can follow that */
    buf_put(&sql, clauses.p, ends_in_sql ? clauses.len : 0);
    const enum command_line_result result = put_arguments(&sql, command, argc, argv);
    buf_put(&sql, clauses.p, ends_in_sql ? 0 : clauses.len);
    const struct slice all = buf_slice(&sql);
    p->out->sql = xstrndup((const char *)all.p, all.len);
    buf_fini(&sql);
    return result;
}

enum command_line_result
command_line_parse(int argc, char **argv, struct command_line *out)
{
    *out = (struct command_line){0};
    take_environment(out);
    struct parse p = {.out = out};
    buf_init(&p.clauses);
    enum command_line_result result = take_options(&p, argc, argv);
    if (result == COMMAND_LINE_OK && optind == argc) {
        command_line_print_help(stderr);
        result = COMMAND_LINE_BAD;
    } else if (result == COMMAND_LINE_OK) {
        out->command = command_find(argv[optind]);
        result = out->command == NULL ? usage_error("unknown command", argv[optind])
                                      : make_statement(&p, argc - optind - 1, argv + optind + 1);
    }
    buf_fini(&p.clauses);
    CHECK(result != COMMAND_LINE_OK || (out->command != NULL && out->sql != NULL));
    return result;
}

void
command_line_fini(struct command_line *line)
{
    mem_free(line->host);
    mem_free(line->port);
    mem_free(line->sql);
}
