/* machine.h — a machine of states that is driven by tables.
 *
 * A state is one row of a table: the script it runs, how long it may take, how long one statement
 * in it may take. What leads from state to state is another table: state, event, guard, next state,
 * and what is done on leaving the old and on entering the new. Only machine.c changes the state,
 * and it changes it in one function (enter), which asserts the invariants before and after.
 *
 * The machine knows no SQL and no flip. It is given its tables and their owner (struct cutover,
 * which it only hands on) at creation. An event comes from the owner (machine_fire), from the end
 * of a script, or from the state's deadline. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENGINE_MACHINE_H
#define TEAL_CUTOVER_ENGINE_MACHINE_H

#include "cutover/engine/calls.h"
#include "cutover/engine/report.h"
#include "cutover/engine/script.h"
#include "cutover/types/states.h"

/* How long a plain statement may take in a state. */
enum statement_limit {
    STATEMENT_SHORT, /* 2 s */
    STATEMENT_CHECK, /* 5 s: nothing waits for it */
    STATEMENT_LEFT,  /* what is left of the state's time, at most 2 s: writes are held */
    STATEMENT_WHOLE, /* all of the state's time: the statement that must not be given up early */
};

struct machine_state {
    /* What the state does: an index into the scripts, or begin when there is a choice to make; 0
     * and NULL: nothing. begin returns what machine_script returns. */
    unsigned script;
    enum cutover_event (*begin)(struct cutover *c);
    enum statement_limit statement;
    /* How long its step may take; then the event is LATE. NULL when nothing needs a limit, and
     * unlimited says why. */
    uint64_t (*limit_us)(const struct cutover *c);
    const char *unlimited;
};

struct machine_row {
    enum cutover_state state;
    enum cutover_event event;
    bool (*guard)(const struct cutover *c); /* NULL: always; the first row that fits is taken */
    enum cutover_state next;
    uint64_t wait_us; /* before the new state starts to work; 0: at once */
    /* Called once each time that the row is taken, or NULL: in the old state, before its line is
     * reported; and in the new one, before it starts to work. */
    void (*on_leave)(struct cutover *c);
    void (*on_enter)(struct cutover *c);
    const char *reason;
};

/* What the operator hears of a step. */
enum step_voice {
    STEP_SILENT, /* nothing */
    STEP_OK,     /* that it is done; a failure is told by those who know what follows */
    STEP_ALL,    /* that it is done, or why it failed */
};

struct machine_step {
    enum step_voice voice;
    const char *hint; /* what an operator can do when it fails or takes too long; may be NULL */
};

/* All borrowed for ever. Script 0 is none. */
struct machine_tables {
    const struct machine_state *states; /* by enum cutover_state */
    const struct machine_row *rows;
    size_t rows_count;
    const struct machine_step *steps; /* by enum cutover_step */
    const struct script_def *scripts;
    size_t scripts_count;
    enum side (*line_side)(const struct cutover *c, enum line_side side);
    /* Of those that move together; the name is borrowed until the list changes. */
    uint32_t (*databases)(const struct cutover *c);
    const char *(*database_name)(const struct cutover *c, uint32_t database);
    /* See struct script_env; both may be NULL where no line has a hook. */
    void (*hook_about)(const struct cutover *c, enum hook hook, struct hook_about *out);
    uint64_t (*hook_limit_us)(const struct cutover *c);
    void (*check)(const struct cutover *c); /* asserts what must hold in the state it is in */
};

struct machine {
    const struct machine_tables *tables;
    struct cutover *cutover; /* borrowed */
    struct calls *calls;     /* borrowed */
    struct report *report;   /* borrowed */
    struct script script;
    enum cutover_state state;
    uint64_t state_since_us;
    uint64_t step_since_us;
    uint64_t deadline_us; /* 0: none */
    uint32_t deadline_turn;
    struct err failure; /* why a step failed: the first since machine_clear; not set: none */
};

/* In the first state (0), without a deadline; it does nothing before the first event. */
void machine_init(struct machine *m, const struct machine_tables *tables, struct cutover *c,
                  struct calls *calls, struct report *report);
/* Whether there is a row for the event now. */
bool machine_takes(const struct machine *m, enum cutover_event event);
/* Takes the row of the event, and those of the events that follow at once. A missing row is a bug:
 * the process ends. CUT_EV_NONE does nothing. */
void machine_fire(struct machine *m, enum cutover_event event);
/* For begin and then: starts the script, and returns how it ended, or CUT_EV_NONE. */
enum cutover_event machine_script(struct machine *m, unsigned script);
/* Another deadline for the state; replaces the one that runs. */
void machine_deadline(struct machine *m, uint64_t deadline_us);
/* A new command begins: detail, error and failure of the last one are forgotten. */
void machine_clear(struct machine *m);
uint64_t machine_now(const struct machine *m);

/* The tables as a Mermaid state diagram. */
void machine_print(const struct machine_tables *tables, struct buf *out);

#endif
