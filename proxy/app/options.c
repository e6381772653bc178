/* options.c — the command line of teal. See options.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/options.h"

#include <getopt.h>

enum option_id {
    OPTION_CONFIG = 'c',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_LONG_ONLY = 256, /* from here on: no letter */
    OPTION_CHECK = OPTION_LONG_ONLY,
    OPTION_DUMP,
};

static const char letters[] = "c:hV";

static const struct option_row {
    enum option_id id;
    const char *name;
    const char *argument; /* NULL for none */
    const char *sentence;
} option_rows[] = {
    {OPTION_CONFIG, "config", "FILE", "the configuration (also as the last word)"},
    {OPTION_CHECK, "check-config", NULL, "name every mistake in the configuration and end"},
    {OPTION_DUMP, "dump", "WHAT", "print fsm:cutover, fsm:session, sample-config or manual:config"},
    {OPTION_VERSION, "version", NULL, "print the version and end"},
    {OPTION_HELP, "help", NULL, "print this and end"},
};

static bool
option_take(struct options *o, int id)
{
    switch (id) {
    case OPTION_CONFIG:
        o->config = optarg;
        return true;
    case OPTION_DUMP:
        o->dump = optarg;
        return true;
    case OPTION_CHECK:
        o->check = true;
        return true;
    case OPTION_HELP:
        o->help = true;
        return true;
    case OPTION_VERSION:
        o->version = true;
        return true;
    default:
        return false; /* getopt has said why */
    }
}

bool
options_parse(int argc, char **argv, struct options *out)
{
    struct option options[COUNT_OF(option_rows) + 1] = {{0}};
    *out = (struct options){0};
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        options[i].name = option_rows[i].name;
        options[i].has_arg = option_rows[i].argument == NULL ? no_argument : required_argument;
        options[i].val = (int)option_rows[i].id;
    }
    for (;;) {
        const int id = getopt_long(argc, argv, letters, options, NULL);
        if (id == -1) {
            break;
        }
        if (!option_take(out, id)) {
            return false;
        }
    }
    if (optind < argc && out->config == NULL) {
        out->config = argv[optind++];
    }
    if (optind < argc) {
        (void)fprintf(stderr, "teal: \"%s\" is one word too many\n", argv[optind]);
        return false;
    }
    return true;
}

void
options_print_help(FILE *to)
{
    (void)fprintf(to, "Usage: teal [options] FILE\n"
                      "The blue-green proxy for PostgreSQL. FILE is its teal.ini.\n\n");
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        char left[40];
        char letter[8] = "    ";
        if (row->id < OPTION_LONG_ONLY) {
            (void)snprintf(letter, sizeof(letter), "-%c, ", (char)row->id);
        }
        (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
                       row->argument == NULL ? "" : "=",
                       row->argument == NULL ? "" : row->argument);
        (void)fprintf(to, "  %-22s %s\n", left, row->sentence);
    }
}
