/* process.h — one program that runs beside the loop: started, read, limited, ended and reaped.
 *
 * The program is given as a list of words and run as it is, without a shell. It is in a process
 * group of its own, reads from /dev/null, has the environment that it is given and no descriptor of
 * Teal's. What it writes to its standard output is kept, at most PROCESS_OUT_MAX bytes; what it
 * writes to its standard error goes to the log, line by line and bounded, and the last line is
 * kept.
 *
 * It ends when the program itself ends, whoever else still holds its pipes; whatever it has left
 * behind in its group is killed then. One that takes too long, says too much or is stopped gets
 * SIGTERM, with its group, and SIGKILL two seconds later. Nothing here blocks the loop. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_PROCESS_H
#define TEAL_NET_PROCESS_H

#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/loop.h"

enum { PROCESS_OUT_MAX = 64 * 1024 };

struct process_spec {
    const char *name;        /* for the log; copied */
    const char *const *argv; /* NULL behind the last; the first is the path */
    const char *const *env;  /* the same, "NAME=value" */
    uint64_t timeout_us;
};

enum process_end {
    PROCESS_EXITED,    /* status is its exit status */
    PROCESS_SIGNALED,  /* status is the signal, which was not ours */
    PROCESS_TIMED_OUT, /* it was ended because its time was over */
    PROCESS_TOO_LOUD,  /* .. because of what it wrote to its standard output */
    PROCESS_STOPPED,   /* .. because of process_stop */
};

/* All borrowed during the callback. */
struct process_result {
    enum process_end end;
    int status;
    struct slice out;
    const char *last_words; /* of its standard error, one clean line; "" for none */
};

struct process;
typedef void process_done_fn(void *arg, const struct process_result *result);

/* NULL with err when the program cannot be run: it is not there, may not be executed, or the system
 * has no room for it. Otherwise done is called once, from the loop, when it has ended and is
 * reaped; the process is gone after that. */
MUST_CHECK struct process *process_start(struct loop *loop, const struct process_spec *spec,
                                         process_done_fn *done, void *arg, struct err *err);
/* Asks it to end: done comes soon. */
void process_stop(struct process *p);
/* Kills it without calling done; for the end of Teal. NULL is fine. */
void process_free(struct process *p);

#endif
