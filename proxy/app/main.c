/* main.c — the daemon: the configuration, signals, the pidfile, and the control loop.
 *
 * It stays in the foreground and logs to standard error or a file: systemd, runit and containers
 * want that, and everything else can add an ampersand. Signals are PgBouncer's: SIGHUP reloads and
 * reopens the log; SIGTERM ends when the clients have gone, SIGINT when open transactions have
 * ended, both within shutdown_timeout and a second one at once; SIGQUIT ends at once; SIGUSR1 is
 * PAUSE, SIGUSR2 is RESUME. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/check_hosts.h"
#include "app/check_places.h"
#include "app/options.h"
#include "base/buf.h"
#include "base/log.h"
#include "conf/load.h"
#include "conf/manual.h"
#include "conf/sample.h"
#include "control/control.h"
#include "control/notify.h"
#include "cutover/cutover.h"
#include "net/loop.h"
#include "pool/access.h"
#include "session/state/phases.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct daemon {
    struct loop *loop;       /* owned */
    struct control *control; /* owned */
};

static int run_file(const char *path);
static int run_check(const char *path);
static int run_dump(const char *what);

int
main(int argc, char **argv)
{
    struct options o;
    if (!options_parse(argc, argv, &o)) {
        (void)fprintf(stderr, "Try: teal --help\n");
        return EXIT_USAGE;
    }
    if (o.help) {
        options_print_help(stdout);
        return EXIT_OK;
    }
    if (o.version) {
        (void)printf("teal %s\n", TEAL_VERSION);
        return EXIT_OK;
    }
    if (o.dump != NULL) {
        return run_dump(o.dump);
    }
    if (o.config == NULL) {
        (void)fprintf(stderr, "teal: no configuration file given\nTry: teal --help\n");
        return EXIT_USAGE;
    }
    return o.check ? run_check(o.config) : run_file(o.config);
}

/* ---- the daemon ---- */

static struct conf *load_config(const char *path);
static void raise_descriptors(const struct conf *conf);
static int run_daemon(struct conf *conf);
static int run_loop(struct daemon *d, const struct conf *conf);
static bool write_pidfile(const char *path);

static int
run_file(const char *path)
{
    struct conf *conf = load_config(path);
    if (conf == NULL) {
        return EXIT_FAILED;
    }
    /* A peer that is gone and a file at its limit are errors of one call, not of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, no hook's end could be seen */
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
        CHECK(signo == SIGTERM);
        control_shutdown(d->control, SHUTDOWN_WAIT_FOR_CLIENTS);
        break;
    }
}

static int
run_loop(struct daemon *d, const struct conf *conf)
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
             conf->pairs[0].name);
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
    CHECK(len > 0 && (size_t)len < sizeof(text));
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

/* ---- what only prints ---- */

static void
print_buf(FILE *to, const struct buf *b)
{
    const struct slice s = buf_slice(b);
    if (s.len > 0) {
        (void)fwrite(s.p, 1, s.len, to); /* standard output: nobody is left to tell */
    }
}

/* Mistakes and warnings to standard error. */
static void
print_mistakes(const struct conf_mistakes *mistakes)
{
    struct buf out;
    buf_init(&out);
    conf_mistakes_print(mistakes, &out);
    print_buf(stderr, &out);
    buf_fini(&out);
}

/* NULL when there are mistakes; standard error has them. */
static struct conf *
load_config(const char *path)
{
    struct conf_mistakes mistakes = {0};
    struct conf *conf = conf_load(path, &mistakes);
    print_mistakes(&mistakes);
    conf_mistakes_fini(&mistakes);
    return conf;
}

/* Whether the files that the configuration names, users and certificates among them, can be used:
 * found here, not when the first client logs in. */
static bool
check_access(const struct conf *conf)
{
    struct scram_seed seed;
    struct buf mistakes;
    scram_seed_init(&seed);
    buf_init(&mistakes);
    struct access *access = access_load(conf, &seed, NULL, &mistakes);
    const bool ok = access != NULL;
    print_buf(stderr, &mistakes);
    buf_fini(&mistakes);
    access_unref(access);
    return ok;
}

/* What a file may say and still not be usable here and now. */
static bool
check_surroundings(const struct conf *conf)
{
    struct conf_mistakes mistakes = {0};
    struct conf_mistakes warnings = {0};
    check_places(conf, &mistakes);
    check_hosts(conf, &mistakes, &warnings);
    print_mistakes(&mistakes);
    print_mistakes(&warnings);
    const bool ok = mistakes.count == 0;
    conf_mistakes_fini(&mistakes);
    conf_mistakes_fini(&warnings);
    return ok;
}

static int
run_check(const char *path)
{
    struct conf *conf = load_config(path);
    if (conf == NULL) {
        return EXIT_FAILED;
    }
    const bool access_ok = check_access(conf);
    const bool ok = check_surroundings(conf) && access_ok;
    conf_unref(conf);
    if (ok) {
        (void)printf("%s: no mistakes\n", path);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

static const struct {
    const char *name;
    void (*print)(struct buf *out);
} dumps[] = {
    {"fsm:cutover", cutover_print_fsm},
    {"fsm:session", session_print_phases},
    {"sample-config", sample_print},
    {"manual:config", manual_print},
};

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
