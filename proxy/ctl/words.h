/* words.h — the command line of tealctl: subcommands and options from one table, to one console
 * statement. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CTL_WORDS_H
#define TEAL_CTL_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "ctl/output.h"

/* A subcommand. */
struct ctl_command {
    const char *name;
    const char *shown; /* its arguments, for the help */
    const char *sql;   /* the statement begins with this; the arguments follow */
    enum output_layout layout;
    int words_min, words_max; /* of the arguments that are no options; -1: no limit */
    const char *options;      /* letters of the options that it takes, besides the general ones */
    const char *question;     /* asked first unless --yes; NULL for none */
    bool watches;             /* once a second until Ctrl-C */
    bool ends_server;         /* the connection may be lost at its end */
    const char *sentence;
};

/* All strings but sql are borrowed from argv, the environment or tables. */
struct words {
    const struct ctl_command *command;
    char *host; /* owned */
    char *port; /* owned */
    bool json;
    bool yes;
    char *sql; /* owned: the statement */
};

enum words_result { WORDS_OK, WORDS_HELP, WORDS_VERSION, WORDS_BAD /* said on standard error */ };

/* Always follow with words_fini. */
enum words_result words_parse(int argc, char **argv, struct words *out);
void words_fini(struct words *w);
void words_print_help(FILE *to);

#endif
