/* arguments.h — what follows the words of a command: one parser for each kind of argument that a
 * row of commands.def may name. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_ARGUMENTS_H
#define TEAL_ADMIN_ARGUMENTS_H

#include "admin/grammar.h"
#include "admin/token.h"
#include "base/err.h"

enum argument {
    ARG_NONE,
    ARG_PINNED,
    ARG_PAIR, /* its name alone */
    ARG_READS,
    ARG_SIDE,
    ARG_SIDE_OR_BOTH,
    ARG_CUTOVER,
    ARG_DURATION,
    ARG_DATABASE,
    ARG_DATABASE_NEEDED,
    ARG_DATABASE_TIME,
    ARG_NUMBER,
    ARG_SHUTDOWN,
    ARG_SQL, /* the rest of the text as it is */
    ARG_SET,
    ARG_REST, /* whatever it is */
    ARGS_COUNT,
};

/* Fills the fields of c, whose row is set, PAIR name among them where the row takes one. False with
 * err when something else stands there; what follows the argument is the caller's. */
MUST_CHECK bool argument_parse(enum argument argument, struct command_tokens *in, struct command *c,
                               struct err *err);
/* A syntax error at the next token, with the form of the command as the hint. Always false. */
bool argument_refuse(const struct command_tokens *in, const struct command *c, struct err *err);

#endif
