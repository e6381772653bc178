/* options.h — the command line of teal: one table for the parser and the help. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_APP_OPTIONS_H
#define TEAL_APP_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"

/* All strings are borrowed from argv. */
struct options {
    const char *config; /* NULL when not given */
    const char *dump;   /* NULL when not given */
    bool check;
    bool help;
    bool version;
};

/* False when the command line is wrong; standard error says why. */
MUST_CHECK bool options_parse(int argc, char **argv, struct options *out);
void options_print_help(FILE *to);

#endif
