/* main.c — the daemon: options, the configuration, signals, the pidfile, and the control loop.
 *
 * It stays in the foreground and logs to standard error or a file: systemd, runit and containers
 * want that, and everything else can add an ampersand. Signals are PgBouncer's: SIGHUP reloads and
 * reopens the log; SIGTERM ends when the clients have gone, SIGINT when open transactions have
 * ended, both within shutdown_timeout and a second one at once; SIGQUIT ends at once; SIGUSR1 is
 * PAUSE, SIGUSR2 is RESUME. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/checks.h"
#include "base/buf.h"
#include "base/log.h"
#include "conf/conf.h"
#include "control/control.h"
#include "control/notify.h"
#include "cutover/cutover.h"
#include "net/loop.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum option_id {
    OPTION_CONFIG = 'c',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_CHECK = 256,
    OPTION_DUMP,
};

/* One row an option: parser and help. */
static const struct option_row {
    enum option_id id;
    const char *name;
    const char *argument; /* NULL for none */
    const char *sentence;
} option_rows[] = {
    {OPTION_CONFIG, "config", "FILE", "the configuration (also as the last word)"},
    {OPTION_CHECK, "check-config", NULL, "name every mistake in the configuration and end"},
    {OPTION_DUMP, "dump", "WHAT", "print fsm:cutover, sample-config or manual:config and end"},
    {OPTION_VERSION, "version", NULL, "print the version and end"},
    {OPTION_HELP, "help", NULL, "print this and end"},
};

struct arguments {
    const char *config; /* borrowed from argv; NULL when not given */
    const char *dump;
    bool check;
    bool help;
    bool version;
};

static void
print_help(FILE *to)
{
    (void)fprintf(to, "Usage: teal [options] FILE\n"
                      "The blue-green proxy for PostgreSQL. FILE is its teal.ini.\n\n");
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        char left[40];
        const char letter[] = {(char)row->id, '\0'};
        const bool has_letter = (int)row->id < 256;
        (void)snprintf(left, sizeof(left), "%s%s%s--%s%s%s", has_letter ? "-" : "    ",
                       has_letter ? letter : "", has_letter ? ", " : "", row->name,
                       row->argument == NULL ? "" : "=",
                       row->argument == NULL ? "" : row->argument);
        (void)fprintf(to, "  %-22s %s\n", left, row->sentence);
    }
}

static bool
take_option(struct arguments *a, int id)
{
    switch (id) {
    case OPTION_CONFIG:
        a->config = optarg;
        return true;
    case OPTION_DUMP:
        a->dump = optarg;
        return true;
    case OPTION_CHECK:
        a->check = true;
        return true;
    case OPTION_HELP:
        a->help = true;
        return true;
    case OPTION_VERSION:
        a->version = true;
        return true;
    default:
        return false; /* getopt has said why */
    }
}

static bool
parse_arguments(int argc, char **argv, struct arguments *out)
{
    struct option options[COUNT_OF(option_rows) + 1] = {{0}};
    *out = (struct arguments){0};
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        options[i].name = option_rows[i].name;
        options[i].has_arg = option_rows[i].argument == NULL ? no_argument : required_argument;
        options[i].val = (int)option_rows[i].id;
    }
    for (;;) {
        const int id = getopt_long(argc, argv, "c:hV", options, NULL);
        if (id == -1) {
            break;
        }
        if (!take_option(out, id)) {
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

/* ---- what only prints ---- */

static const struct {
    const char *name;
    void (*print)(struct buf *out);
} dumps[] = {
    {"fsm:cutover", cutover_print_fsm},
    {"sample-config", conf_print_sample},
    {"manual:config", conf_print_manual},
};

static void
print_buf(FILE *to, const struct buf *b)
{
    const struct slice s = buf_slice(b);
    if (s.len > 0) {
        (void)fwrite(s.p, 1, s.len, to); /* standard output: nobody is left to tell */
    }
}

static int
run_dump(const char *what)
{
    for (size_t i = 0; i < COUNT_OF(dumps); i++) {
        if (strcmp(what, dumps[i].name) == 0) {
            struct buf out;
            buf_init(&out);
            dumps[i].print(&out);
            print_buf(stdout, &out);
            buf_fini(&out);
            return EXIT_OK;
        }
    }
    (void)fprintf(stderr, "teal: there is no dump \"%s\"\n", what);
    return EXIT_USAGE;
}

static struct conf *
load_config(const char *path)
{
    struct conf_mistakes mistakes = {0};
    struct conf *conf = conf_load(path, &mistakes);
    struct buf out;
    buf_init(&out);
    conf_mistakes_print(&mistakes, &out);
    print_buf(stderr, &out);
    buf_fini(&out);
    conf_mistakes_fini(&mistakes);
    return conf;
}

static int
run_check(const char *path)
{
    struct conf *conf = load_config(path);
    if (conf == NULL) {
        return EXIT_FAILED;
    }
    /* Mistakes of the files that it names are found here, not when the first client logs in. */
    struct buf mistakes;
    buf_init(&mistakes);
    const bool ok = access_check(conf, &mistakes);
    print_buf(stderr, &mistakes);
    buf_fini(&mistakes);
    conf_unref(conf);
    if (ok) {
        (void)printf("%s: no mistakes\n", path);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- the daemon ---- */

struct daemon {
    struct loop *loop;       /* owned */
    struct control *control; /* owned */
};

static void
on_signal(void *arg, int signo)
{
    const struct daemon *d = arg;
    log_info(NULL, "signal", "name=%s", strsignal(signo));
    switch (signo) {
    case SIGHUP:
        control_reload(d->control);
        break;
    case SIGQUIT:
        control_shutdown(d->control, SHUTDOWN_NOW);
        break;
    case SIGUSR1:
        control_signal_pause(d->control);
        break;
    case SIGUSR2:
        control_signal_resume(d->control);
        break;
    case SIGINT:
        control_shutdown(d->control, SHUTDOWN_WAIT_FOR_SERVERS);
        break;
    default:
        control_shutdown(d->control, SHUTDOWN_WAIT_FOR_CLIENTS);
        break;
    }
}

/* A descriptor for each client and each backend: as many as the system gives. */
static void
raise_descriptors(const struct conf *conf)
{
    enum { RESERVE = 128 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
        log_warn(NULL, "could not raise the number of open files", "error=\"%s\"", strerror(errno));
        return;
    }
    const uint64_t wanted = (uint64_t)conf->max_client_conn * 2 + RESERVE;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        log_warn(NULL, "the limit of open files is low for max_client_conn",
                 "limit=%llu wanted=%llu", (unsigned long long)limit.rlim_cur,
                 (unsigned long long)wanted);
    }
}

static bool
write_pidfile(const char *path)
{
    if (path[0] == '\0') {
        return true;
    }
    char text[32];
    const int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const bool ok = fd != -1 && write(fd, text, (size_t)len) == len;
    if (!ok) {
        log_error(NULL, "could not write the pidfile", "path=\"%s\" error=\"%s\"", path,
                  strerror(errno));
    }
    if (fd != -1) {
        (void)close(fd); /* the write is what counts */
    }
    return ok;
}

static int
run_loop(struct daemon *d, struct conf *conf)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    struct signal_watch *watches[COUNT_OF(signals)];
    if (!write_pidfile(conf->pidfile)) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        watches[i] = signal_watch_new(d->loop, signals[i], on_signal, d);
    }
    log_info(NULL, "teal runs", "version=%s pid=%ld pair=%s", TEAL_VERSION, (long)getpid(),
             conf->name);
    notify_ready();
    loop_run(d->loop);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        signal_watch_free(watches[i]);
    }
    if (conf->pidfile[0] != '\0') {
        (void)unlink(conf->pidfile); /* a leftover is overwritten at the next start */
    }
    return EXIT_OK;
}

static int
run_daemon(struct conf *conf)
{
    struct daemon d = {.loop = loop_new_precise()};
    struct err err;
    int status = EXIT_FAILED;
    err_clear(&err);
    d.control = control_new(d.loop, conf, &err);
    if (d.control == NULL) {
        log_error(NULL, "teal cannot start", "error=\"%s\" hint=\"%s\"", err.text, err.hint);
    } else {
        status = run_loop(&d, conf);
    }
    control_free(d.control);
    loop_free(d.loop);
    log_info(NULL, "teal has ended", "status=%d", status);
    return status;
}

static int
run_with(const char *path)
{
    struct conf *conf = load_config(path);
    if (conf == NULL) {
        return EXIT_FAILED;
    }
    /* A peer that is gone and a file at its limit are errors of one call, not of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    log_set_level(conf->log_level);
    int status = EXIT_FAILED;
    if (log_open(conf->logfile)) {
        if (geteuid() == 0) {
            log_warn(NULL, "teal runs as root and needs none of its rights", "uid=%u",
                     (unsigned)geteuid());
        }
        raise_descriptors(conf);
        status = run_daemon(conf);
    } else {
        (void)fprintf(stderr, "teal: could not open the log file \"%s\": %s\n", conf->logfile,
                      strerror(errno));
    }
    conf_unref(conf);
    return status;
}

int
main(int argc, char **argv)
{
    struct arguments a;
    if (!parse_arguments(argc, argv, &a)) {
        (void)fprintf(stderr, "Try: teal --help\n");
        return EXIT_USAGE;
    }
    if (a.help) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (a.version) {
        (void)printf("teal %s\n", TEAL_VERSION);
        return EXIT_OK;
    }
    if (a.dump != NULL) {
        return run_dump(a.dump);
    }
    if (a.config == NULL) {
        (void)fprintf(stderr, "teal: no configuration file given\nTry: teal --help\n");
        return EXIT_USAGE;
    }
    return a.check ? run_check(a.config) : run_with(a.config);
}
