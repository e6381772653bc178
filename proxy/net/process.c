/* process.c — spawns a program, reads its pipes, sees its end. See process.h.
 *
 * The end is seen by looking: waitid without waiting, soon after the pipes are closed and each few
 * milliseconds otherwise. A handler of SIGCHLD would be shared with everybody in the process, and a
 * pidfd is refused in some containers. The program stays a zombie until its group is killed, so
 * that nobody else can have its number by then. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    KILL_AFTER_US = 2 * 1000 * 1000,
    LOOK_FIRST_US = 1000,
    LOOK_LAST_US = 20 * 1000,
    LINE_MAX_LEN = 240,     /* of standard error */
    LOGGED_MAX = 16 * 1024, /* bytes of it in the log */
    READ_SIZE = 4096,
    DRAIN_MAX = 64, /* reads behind its end: somebody else may write on */
};

struct process {
    struct loop *loop; /* borrowed */
    char *name;        /* owned */
    process_done_fn *done;
    void *arg; /* borrowed */
    pid_t pid;
    int out;                 /* owned; -1 when closed */
    int err;                 /* owned; -1 when closed */
    struct watch *out_watch; /* owned */
    struct watch *err_watch; /* owned */
    struct timer *look;      /* owned */
    struct timer *deadline;  /* owned: its time, then the time until SIGKILL */
    uint64_t look_us;
    bool ending; /* it was told to end, for the reason why */
    enum process_end why;
    struct buf text; /* owned: its standard output */
    char line[LINE_MAX_LEN + 1];
    size_t line_len;
    char last_words[LINE_MAX_LEN + 1];
    size_t logged;
};

/* ---- ending it ---- */

/* To the whole group: a script's children too. */
static void
signal_group(const struct process *p, int signo)
{
    CHECK(p->pid > 1);
    (void)kill(-p->pid, signo); /* fails when all have ended: fine */
}

static void
tell_to_end(struct process *p, enum process_end why)
{
    if (p->ending) {
        return;
    }
    p->ending = true;
    p->why = why;
    signal_group(p, SIGTERM);
    timer_start(p->deadline, KILL_AFTER_US);
}

static void
on_deadline(void *arg)
{
    struct process *p = arg;
    if (p->ending) {
        signal_group(p, SIGKILL);
        return;
    }
    tell_to_end(p, PROCESS_TIMED_OUT);
}

/* ---- its standard error ---- */

static void
line_end(struct process *p)
{
    if (p->line_len == 0) {
        return;
    }
    p->line[p->line_len] = '\0';
    memcpy(p->last_words, p->line, p->line_len + 1);
    if (p->logged < LOGGED_MAX) {
        log_info(NULL, "a program says", "program=%s pid=%d text=\"%s\"", p->name, (int)p->pid,
                 p->line);
        p->logged += p->line_len;
        if (p->logged >= LOGGED_MAX) {
            log_warn(NULL, "a program says too much: the rest is left out", "program=%s pid=%d",
                     p->name, (int)p->pid);
        }
    }
    p->line_len = 0;
}

/* Plain text of one line: what a terminal or a log would take for more than that becomes '?'. */
static void
take_err(struct process *p, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n' || p->line_len == LINE_MAX_LEN) {
            line_end(p);
        }
        if (bytes[i] != '\n' && bytes[i] != '\r') {
            const bool plain = bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"';
            p->line[p->line_len++] = plain ? (char)bytes[i] : bytes[i] == '"' ? '\'' : '?';
        }
    }
}

/* ---- its standard output ---- */

static void
take_out(struct process *p, const uint8_t *bytes, size_t len)
{
    const size_t room = PROCESS_OUT_MAX - buf_len(&p->text);
    buf_put(&p->text, bytes, len < room ? len : room);
    if (len > room) {
        tell_to_end(p, PROCESS_TOO_LOUD);
    }
}

/* ---- the pipes ---- */

/* Not under the watch's own callback: it is freed with the process. */
static void
pipe_close(int *fd, struct watch *watch)
{
    if (*fd != -1) {
        watch_set(watch, 0);
        (void)close(*fd); /* it was only read */
        *fd = -1;
    }
}

/* Reads once; false when there is nothing now, or never more. */
static bool
pipe_read(struct process *p, int *fd, struct watch *watch)
{
    uint8_t bytes[READ_SIZE];
    if (*fd == -1) {
        return false;
    }
    const ssize_t n = read(*fd, bytes, sizeof(bytes));
    if (n > 0) {
        (fd == &p->out ? take_out : take_err)(p, bytes, (size_t)n);
        return true;
    }
    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    pipe_close(fd, watch);
    return false;
}

static void
on_readable(struct process *p, int *fd, struct watch *watch)
{
    (void)pipe_read(p, fd, watch);
    if (p->out == -1 && p->err == -1) {
        p->look_us = LOOK_FIRST_US;
        timer_start(p->look, 0);
    }
}

static void
on_out(void *arg, unsigned ready)
{
    struct process *p = arg;
    (void)ready;
    on_readable(p, &p->out, p->out_watch);
}

static void
on_err(void *arg, unsigned ready)
{
    struct process *p = arg;
    (void)ready;
    on_readable(p, &p->err, p->err_watch);
}

/* What is in the pipes when the program has ended; what comes later is nobody's. */
static void
drain(struct process *p)
{
    for (int i = 0; i < DRAIN_MAX && pipe_read(p, &p->out, p->out_watch); i++) {
    }
    for (int i = 0; i < DRAIN_MAX && pipe_read(p, &p->err, p->err_watch); i++) {
    }
    line_end(p);
}

/* ---- its end ---- */

static void
process_dispose(void *arg)
{
    struct process *p = arg;
    pipe_close(&p->out, p->out_watch);
    pipe_close(&p->err, p->err_watch);
    watch_free(p->out_watch);
    watch_free(p->err_watch);
    timer_free(p->look);
    timer_free(p->deadline);
    buf_fini(&p->text);
    mem_free(p->name);
    mem_free(p);
}

static void
ended(struct process *p, const siginfo_t *info)
{
    timer_stop(p->deadline);
    drain(p);
    if (info->si_pid != 0) {
        signal_group(p, SIGKILL);
        (void)waitpid(p->pid, NULL, 0); /* a zombie already: does not wait */
    }
    const struct process_result result = {
        .end = p->ending                     ? p->why
               : info->si_code == CLD_EXITED ? PROCESS_EXITED
                                             : PROCESS_SIGNALED,
        .status = info->si_status,
        .out = buf_slice(&p->text),
        .last_words = p->last_words,
    };
    loop_dispose(p->loop, process_dispose, p);
    p->done(p->arg, &result);
}

static void
on_look(void *arg)
{
    struct process *p = arg;
    siginfo_t info = {.si_pid = 0};
    const int rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (rc == 0 && info.si_pid == 0) {
        p->look_us = p->look_us * 2 < LOOK_LAST_US ? p->look_us * 2 : LOOK_LAST_US;
        timer_start(p->look, p->look_us);
        return;
    }
    if (rc == -1) {
        /* Somebody else has reaped it: how it ended is not known, and its number is another's. */
        info = (siginfo_t){.si_code = CLD_KILLED};
    }
    ended(p, &info);
}

/* ---- its start ---- */

/* A pipe whose ends are none of the three standard descriptors, and closed in other children. */
static bool
pipe_make(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) == -1) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (ends[i] > STDERR_FILENO) {
            continue;
        }
        const int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        (void)close(ends[i]); /* replaced */
        ends[i] = moved;
    }
    if (ends[0] == -1 || ends[1] == -1) {
        return false;
    }
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0; /* the reader's end only */
}

static void
ends_close(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] != -1) {
            (void)close(ends[i]);
            ends[i] = -1;
        }
    }
}

/* Returns an errno, as posix_spawn does. */
static int
spawn(const struct process_spec *spec, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&actions);
    CHECK(rc == 0);
    rc = posix_spawnattr_init(&attributes);
    CHECK(rc == 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    char *const *argv = NULL;
    char *const *env = NULL;
    memcpy(&argv, &spec->argv, sizeof(argv)); /* the system does not change them */
    memcpy(&env, &spec->env, sizeof(env));
    rc = posix_spawn(pid, spec->argv[0], &actions, &attributes, argv, env);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

static struct process *
process_new(struct loop *loop, const struct process_spec *spec, int out, int err)
{
    struct process *p = xcalloc(1, sizeof(*p));
    p->loop = loop;
    p->name = xstrdup(spec->name);
    p->out = out;
    p->err = err;
    p->out_watch = watch_new(loop, out, on_out, p);
    p->err_watch = watch_new(loop, err, on_err, p);
    p->look = timer_new(loop, on_look, p);
    p->deadline = timer_new(loop, on_deadline, p);
    p->look_us = LOOK_FIRST_US;
    buf_init(&p->text);
    return p;
}

static void
process_begin(struct process *p, uint64_t timeout_us)
{
    watch_set(p->out_watch, WATCH_READ);
    watch_set(p->err_watch, WATCH_READ);
    timer_start(p->look, p->look_us);
    timer_start(p->deadline, timeout_us);
}

struct process *
process_start(struct loop *loop, const struct process_spec *spec, process_done_fn *done, void *arg,
              struct err *err)
{
    CHECK(spec->argv[0] != NULL && spec->timeout_us > 0 && done != NULL);
    int out[2] = {-1, -1};
    int errors[2] = {-1, -1};
    pid_t pid = 0;
    int rc = 0;
    if (!pipe_make(out) || !pipe_make(errors)) {
        rc = errno;
    } else {
        rc = spawn(spec, out[1], errors[1], &pid);
    }
    if (rc != 0) {
        ends_close(out);
        ends_close(errors);
        errno = rc;
        (void)err_set_errno(err, SQLSTATE_IO_ERROR, "\"%.200s\" cannot be run", spec->argv[0]);
        return NULL;
    }
    (void)close(out[1]); /* the program's */
    (void)close(errors[1]);
    struct process *p = process_new(loop, spec, out[0], errors[0]);
    p->done = done;
    p->arg = arg;
    p->pid = pid;
    process_begin(p, spec->timeout_us);
    return p;
}

void
process_stop(struct process *p)
{
    tell_to_end(p, PROCESS_STOPPED);
}

void
process_free(struct process *p)
{
    if (p == NULL) {
        return;
    }
    signal_group(p, SIGKILL);
    (void)waitpid(p->pid, NULL, WNOHANG); /* who is not reaped is init's soon */
    timer_stop(p->look);
    timer_stop(p->deadline);
    process_dispose(p);
}
