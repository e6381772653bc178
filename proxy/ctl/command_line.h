/* command_line.h — the command line of tealctl: subcommands and options from one table, to one
 * console statement. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CTL_COMMAND_LINE_H
#define TEAL_CTL_COMMAND_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl/output.h"

/* A subcommand. */
struct ctl_command {
    const char *name;
    const char *shown; /* its arguments, for the help; NULL for none */
    const char *sql;   /* the statement begins with this; the arguments follow */
    enum output_layout layout;
    int words_min, words_max; /* of the arguments that are no options; -1: no limit */
    const char *options;      /* letters of those that it takes besides the general ones, or NULL */
    const char *question;     /* asked first unless --yes; NULL for none */
    bool watches;             /* once a second until Ctrl-C */
    bool ends_server;         /* the connection may be lost at its end */
    const char *sentence;
};

struct command_line {
    const struct ctl_command *command; /* borrowed for ever */
    char *host;                        /* owned */
    char *port;                        /* owned */
    bool json;
    bool yes;
    char *sql; /* owned: the statement */
};

enum command_line_result {
    COMMAND_LINE_OK,
    COMMAND_LINE_HELP,
    COMMAND_LINE_VERSION,
    COMMAND_LINE_BAD, /* standard error says why */
};

/* Always follow with command_line_fini. */
enum command_line_result command_line_parse(int argc, char **argv, struct command_line *out);
void command_line_fini(struct command_line *line);
void command_line_print_help(FILE *to);

#endif
