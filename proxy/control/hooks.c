/* hooks.c — runs hooks, one at a time. See hooks.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/argv.h"
#include "control/hook_answer.h"
#include "net/process.h"

/* What a hook is told of the configuration. */
struct settings {
    char *command[HOOKS_COUNT]; /* owned; "": none */
    char *pair;                 /* owned */
    char *database;             /* owned */
    struct servers {
        struct server {
            char *host; /* owned */
            uint16_t port;
        } of[NODES_MAX];
        uint32_t count;
        char *user; /* owned */
    } side[SIDES_COUNT];
};

/* One that was asked for: it waits, runs, or could not be started. */
struct run {
    struct list node;
    struct hooks *hooks; /* borrowed */
    struct hook_about about;
    uint32_t lead[SIDES_COUNT];
    uint64_t timeout_us;
    cutover_hook_fn *done;
    void *arg;               /* borrowed */
    struct process *process; /* owned while it runs; NULL otherwise */
    struct hook_answer answer;
};

struct hooks {
    struct loop *loop; /* borrowed */
    uint32_t pair;
    struct settings settings;
    struct list runs;   /* struct run, owned: the first runs, the others wait */
    struct timer *next; /* owned: starts what waits, from the loop */
};

/* ---- settings ---- */

static void
servers_take(struct servers *s, const struct conf_side *side)
{
    s->count = side->hosts_count;
    for (uint32_t i = 0; i < s->count; i++) {
        s->of[i] = (struct server){xstrdup(side->hosts[i].name), side->hosts[i].port};
    }
    s->user = xstrdup(side->user);
}

static void
servers_fini(struct servers *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        mem_free(s->of[i].host);
    }
    mem_free(s->user);
}

static void
settings_take(struct settings *s, const struct conf_pair *pair)
{
    for (int hook = 0; hook < HOOKS_COUNT; hook++) {
        s->command[hook] = xstrdup(pair->hook[hook]);
    }
    s->pair = xstrdup(pair->name);
    s->database = xstrdup(pair->database);
    for (int side = 0; side < SIDES_COUNT; side++) {
        servers_take(&s->side[side], &pair->side[side]);
    }
}

static void
settings_fini(struct settings *s)
{
    for (int hook = 0; hook < HOOKS_COUNT; hook++) {
        mem_free(s->command[hook]);
    }
    mem_free(s->pair);
    mem_free(s->database);
    for (int side = 0; side < SIDES_COUNT; side++) {
        servers_fini(&s->side[side]);
    }
    *s = (struct settings){0};
}

unsigned
hooks_known(const struct conf_pair *pair)
{
    unsigned known = 0;
    for (int hook = 0; hook < HOOKS_COUNT; hook++) {
        known |= pair->hook[hook][0] != '\0' ? 1u << hook : 0;
    }
    return known;
}

/* ---- the environment ---- */

/* "NAME=value" one after the other, each with its NUL. */
static void
put_variable(struct buf *texts, const char *name, const char *value)
{
    buf_printf(texts, "TEAL_%s=%s", name, value);
    buf_put_u8(texts, '\0');
}

static void
put_number(struct buf *texts, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    put_variable(texts, name, text);
}

static void
put_side(struct buf *texts, const char *prefix, const struct run *run, enum side side)
{
    const struct servers *s = &run->hooks->settings.side[side];
    const uint32_t lead = run->lead[side];
    char name[32];
    CHECK(lead < s->count);
    (void)snprintf(name, sizeof(name), "%s_HOST", prefix);
    put_variable(texts, name, s->of[lead].host);
    (void)snprintf(name, sizeof(name), "%s_PORT", prefix);
    put_number(texts, name, s->of[lead].port);
    (void)snprintf(name, sizeof(name), "%s_USER", prefix);
    put_variable(texts, name, s->user);
    buf_printf(texts, "TEAL_%s_HOSTS=", prefix);
    for (uint32_t i = 0; i < s->count; i++) {
        const bool bare = strchr(s->of[i].host, ':') != NULL; /* an IPv6 address */
        buf_printf(texts, "%s%s%s%s:%u", i == 0 ? "" : ",", bare ? "[" : "", s->of[i].host,
                   bare ? "]" : "", s->of[i].port);
    }
    buf_put_u8(texts, '\0');
}

static void
put_environment(struct buf *texts, const struct run *run)
{
    const struct settings *s = &run->hooks->settings;
    const struct hook_about *a = &run->about;
    for (char **entry = environ; *entry != NULL; entry++) {
        if (strncmp(*entry, "TEAL_", strlen("TEAL_")) != 0) {
            buf_put_cstr(texts, *entry);
        }
    }
    put_variable(texts, "HOOK", hook_name(a->hook));
    put_variable(texts, "PAIR", s->pair);
    put_variable(texts, "DATABASE", s->database);
    put_variable(texts, "FROM", side_name(a->from));
    put_variable(texts, "TO", side_name(a->to));
    put_number(texts, "EPOCH", a->epoch);
    put_number(texts, "FLIP_ID", a->flip_id);
    put_number(texts, "TIMEOUT_MS", run->timeout_us / 1000);
    put_variable(texts, "LSN", a->position);
    put_side(texts, "BLUE", run, SIDE_BLUE);
    put_side(texts, "GREEN", run, SIDE_GREEN);
    put_side(texts, "FROM", run, a->from);
    put_side(texts, "TO", run, a->to);
}

/* Pointers into the texts, with NULL behind the last; to be freed. */
static const char **
texts_list(const struct buf *texts)
{
    const struct slice s = buf_slice(texts);
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += s.p[i] == '\0' ? 1 : 0;
    }
    const char **list = xcalloc(count + 1, sizeof(*list));
    const char *p = (const char *)s.p;
    for (size_t i = 0; i < count; i++) {
        list[i] = p;
        p += strlen(p) + 1;
    }
    return list;
}

/* ---- a run ---- */

static struct run *
first_of(const struct hooks *h)
{
    struct list *node = list_first(&h->runs);
    return node == NULL ? NULL : LIST_OBJECT(node, struct run, node);
}

static bool
is_alone(const struct run *run)
{
    return run->node.next == run->node.prev;
}

static void
run_free(struct run *run)
{
    list_remove(&run->node);
    mem_free(run);
}

/* The next one starts from the loop: the answer may ask for another. */
static void
run_end(struct run *run)
{
    const struct run ended = *run;
    struct hooks *h = run->hooks;
    run_free(run);
    timer_start(h->next, 0);
    log_info(NULL, "hook has ended", "hook=%s ok=%s%s%s%s", hook_name(ended.about.hook),
             ended.answer.ok        ? "yes"
             : ended.answer.unknown ? "unknown"
                                    : "no",
             ended.answer.ok ? "" : " error=\"", ended.answer.ok ? "" : ended.answer.err.text,
             ended.answer.ok ? "" : "\"");
    ended.done(ended.arg, &ended.answer);
}

static void
on_ended(void *arg, const struct process_result *result)
{
    struct run *run = arg;
    run->process = NULL;
    hook_answer_read(run->about.hook, run->timeout_us, result, &run->answer);
    run_end(run);
}

static bool
run_start(struct run *run)
{
    struct hooks *h = run->hooks;
    const char *name = hook_name(run->about.hook);
    const char *command = h->settings.command[run->about.hook];
    struct err *err = &run->answer.err;
    struct argv argv = {0};
    if (command[0] == '\0') {
        return err_set(err, SQLSTATE_CONFIG_FILE, "hook_%s is not configured", name);
    }
    if (!argv_split(&argv, command, err)) {
        return false;
    }
    struct buf texts;
    buf_init(&texts);
    put_environment(&texts, run);
    const char **env = texts_list(&texts);
    const char *words[ARGV_WORDS_MAX + 1] = {NULL};
    for (size_t i = 0; i < argv.count; i++) {
        words[i] = argv.words[i];
    }
    const struct process_spec spec = {
        .name = name, .argv = words, .env = env, .timeout_us = run->timeout_us};
    run->process = process_start(h->loop, &spec, on_ended, run, err);
    mem_free(env);
    buf_fini(&texts);
    argv_fini(&argv);
    return run->process != NULL;
}

/* Never ran: then it is known to have done nothing. */
static void
run_not(struct run *run, const char *why)
{
    if (!err_is_set(&run->answer.err)) {
        (void)err_set(&run->answer.err, SQLSTATE_QUERY_CANCELED, "hook_%s %s",
                      hook_name(run->about.hook), why);
    }
    run_end(run);
}

/* Starts the first, when it does not run yet. One that another waits behind was left meanwhile. */
static void
on_next(void *arg)
{
    struct hooks *h = arg;
    struct run *run = first_of(h);
    if (run == NULL || run->process != NULL) {
        return;
    }
    if (!is_alone(run)) {
        run_not(run, "was given up before it ran");
        return;
    }
    log_info(NULL, "hook is run", "hook=%s from=%s to=%s epoch=%" PRIu64 " timeout_ms=%" PRIu64,
             hook_name(run->about.hook), side_name(run->about.from), side_name(run->about.to),
             run->about.epoch, run->timeout_us / 1000);
    if (!run_start(run)) {
        run_not(run, "cannot be run");
    }
}

void
hooks_run(struct hooks *h, const struct hook_about *about, const uint32_t lead[SIDES_COUNT],
          uint64_t timeout_us, cutover_hook_fn *done, void *arg)
{
    struct run *first = first_of(h);
    if (first != NULL && first->process != NULL) {
        process_stop(first->process);
    }
    struct run *run = xcalloc(1, sizeof(*run));
    run->hooks = h;
    run->about = *about;
    memcpy(run->lead, lead, sizeof(run->lead));
    run->timeout_us = timeout_us;
    run->done = done;
    run->arg = arg;
    list_init(&run->node);
    list_push_back(&h->runs, &run->node);
    timer_start(h->next, 0);
}

/* ---- life ---- */

struct hooks *
hooks_new(struct loop *loop, const struct conf *conf, uint32_t pair)
{
    struct hooks *h = xcalloc(1, sizeof(*h));
    CHECK(pair < conf->pairs_count);
    h->loop = loop;
    h->pair = pair;
    settings_take(&h->settings, &conf->pairs[pair]);
    list_init(&h->runs);
    h->next = timer_new(loop, on_next, h);
    return h;
}

void
hooks_free(struct hooks *h)
{
    if (h == NULL) {
        return;
    }
    LIST_EACH(node, &h->runs)
    {
        struct run *run = LIST_OBJECT(node, struct run, node);
        process_free(run->process);
        run_free(run);
    }
    timer_free(h->next);
    settings_fini(&h->settings);
    mem_free(h);
}

void
hooks_reconfigure(struct hooks *h, const struct conf *conf)
{
    settings_fini(&h->settings);
    settings_take(&h->settings, &conf->pairs[h->pair]);
}
