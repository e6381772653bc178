/* operator.c — what the operator may do: the console's ops. See admin/console.h.
 *
 * Each act checks first and changes then, so that a refusal changes nothing. */
/* SPDX-License-Identifier: PostgreSQL */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/text.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/control_internal.h"

enum { RULES_MAX = 256 };

/* /proc/self/statm: the second number is the pages in memory; 0 when it cannot be read. */
static uint64_t
pages_resident(void)
{
    char text[128] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd); /* it was only read */
    const char *blank = n > 0 ? strchr(text, ' ') : NULL;
    return blank == NULL ? 0 : strtoull(blank + 1, NULL, 10);
}

static void
op_snapshot(void *ctx, struct snapshot *out)
{
    struct control *c = ctx;
    workers_stats(c->workers, &c->stats);
    out->now_us = loop_now_us(c->loop);
    out->conf = c->conf;
    out->view = c->view;
    out->facts = monitor_facts(c->monitor);
    out->stats = &c->stats;
    cutover_status(c->cutover, &out->cutover);
    rates_get(&c->rates, &out->rates);
    out->sessions = workers_sessions(c->workers);
    out->waiting = workers_waiting(c->workers);
    out->hold_until_us = c->hold_until_us;
    out->servers = workers_servers(c->workers);
    workers_lists(c->workers, &out->users, &out->pools);
    out->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    out->pages_resident = pages_resident();
    for (int side = 0; side < SIDES_COUNT; side++) {
        out->busy += workers_busy(c->workers, (enum side)side);
    }
}

static void
op_report(void *ctx, enum worker_report what, workers_report_fn *done, void *arg)
{
    const struct control *c = ctx;
    workers_report(c->workers, what, c->mailbox, done, arg);
}

bool
control_refuses_when_ending(const struct control *c, struct err *err)
{
    return c->ending && !err_set(err, SQLSTATE_ADMIN_SHUTDOWN, "teal is shutting down");
}

static bool
op_start(void *ctx, enum cutover_job job, const struct cutover_options *options, struct err *err)
{
    struct control *c = ctx;
    if (control_refuses_when_ending(c, err)) {
        return false;
    }
    if (job == CUTOVER_JOB_FLIP && c->hold_until_us != 0) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are held by HOLD");
        return err_hint(err, "RELEASE them first; a flip holds them by itself.");
    }
    if (job == CUTOVER_JOB_FLIP && c->pause != CONTROL_RUNS) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is paused");
        return err_hint(err, "RESUME it first; a flip holds the writes by itself.");
    }
    return cutover_start(c->cutover, job, options, err);
}

static bool
op_abort(void *ctx)
{
    const struct control *c = ctx;
    return cutover_abort(c->cutover);
}

/* ---- READS ---- */

/* Whether reads may go there: it is the writer, or a follower whose lag is known. */
static bool
side_may_read(const struct control *c, enum side side, struct err *err)
{
    const struct node_facts *node = &monitor_facts(c->monitor)->node[side];
    if (c->route.writes_known && c->route.writer == side) {
        return true;
    }
    if (!c->route.writes_known) {
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known yet");
    }
    if (!node->up) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is down: %s", side_name(side),
                       err_is_set(&node->error) ? node->error.text : "it has not answered yet");
    }
    if (node->role != NODE_STANDBY && node->role != NODE_LOGICAL_FOLLOWER) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s does not follow %s", side_name(side),
                      side_name(c->route.writer));
        return err_hint(err, "PREPARE sets the replication up.");
    }
    if (node->role == NODE_LOGICAL_FOLLOWER && !node->subscription_ready) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE,
                       "%s has not finished the initial copy of all tables", side_name(side));
    }
    if (!node->lag_known) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the lag of %s is not known",
                      side_name(side));
        return err_hint(err, "SHOW LAG tells what the monitor sees.");
    }
    return true;
}

static char *
text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : xstrdup(text);
}

static bool
field_matches(const char *field, const char *text)
{
    return field == NULL ? text[0] == '\0' : strcmp(field, text) == 0;
}

/* The place of the rule with exactly these conditions; rules_count when there is none. */
static uint32_t
rule_find(const struct control *c, const struct command *s)
{
    for (uint32_t i = 0; i < c->rules_count; i++) {
        const struct view_rule *rule = &c->rules[i];
        if (field_matches(rule->user, s->user) && field_matches(rule->database, s->database) &&
            field_matches(rule->application, s->application)) {
            return i;
        }
    }
    return c->rules_count;
}

static void
rule_remove(struct control *c, uint32_t at)
{
    CHECK(at < c->rules_count);
    mem_free(c->rules[at].user);
    mem_free(c->rules[at].database);
    mem_free(c->rules[at].application);
    memmove(&c->rules[at], &c->rules[at + 1], (c->rules_count - at - 1) * sizeof(*c->rules));
    c->rules_count--;
}

static bool
reads_by_rule(struct control *c, const struct command *s, struct buf *detail, struct err *err)
{
    const uint32_t at = rule_find(c, s);
    if (s->reads == VIEW_READS_FOLLOW && at == c->rules_count) {
        return err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no such rule");
    }
    if (s->reads == VIEW_READS_FOLLOW) {
        rule_remove(c, at);
        buf_printf(detail, "the rule is gone, %" PRIu32 " left", c->rules_count);
        return true;
    }
    if (at == RULES_MAX) {
        return err_set(err, "54000", "more than %d read rules", RULES_MAX);
    }
    const enum side side = s->reads == VIEW_READS_BLUE ? SIDE_BLUE : SIDE_GREEN;
    if (at == c->rules_count) {
        c->rules = xrealloc(c->rules, (c->rules_count + 1) * sizeof(*c->rules));
        c->rules[c->rules_count++] = (struct view_rule){
            .user = text_or_null(s->user),
            .database = text_or_null(s->database),
            .application = text_or_null(s->application),
        };
    }
    c->rules[at].side = side;
    buf_printf(detail, "sessions that match read from %s, %" PRIu32 " %s", side_name(side),
               c->rules_count, c->rules_count == 1 ? "rule" : "rules");
    return true;
}

/* For all sessions: the rules go as well, so that nobody stays behind on a side that is to be left.
 */
static void
reads_for_all(struct control *c, const struct command *s, struct buf *detail)
{
    const uint32_t dropped = c->rules_count;
    control_rules_free(c);
    c->reads_set = true;
    c->reads = s->reads;
    c->reads_percent = s->percent_set ? s->percent : PERCENT_ALL;
    if (s->reads == VIEW_READS_FOLLOW) {
        buf_printf(detail, "reads follow the writer, %s", side_name(c->route.writer));
    } else {
        const enum side side = s->reads == VIEW_READS_BLUE ? SIDE_BLUE : SIDE_GREEN;
        buf_printf(detail, "reads -> %s, %s of the sessions", side_name(side),
                   text_percent(c->reads_percent).s);
        const struct node_facts *node = &monitor_facts(c->monitor)->node[side];
        if (side != c->route.writer && !node->lag_ok) {
            buf_printf(detail, "; it is beyond the lag limit now, so they stay at the writer");
        }
    }
    if (dropped > 0) {
        buf_printf(detail, "; %" PRIu32 " %s dropped", dropped, dropped == 1 ? "rule" : "rules");
    }
}

static bool
op_reads(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    const bool by_rule = s->user[0] != '\0' || s->database[0] != '\0' || s->application[0] != '\0';
    if (control_refuses_when_ending(c, err)) {
        return false;
    }
    if (s->reads != VIEW_READS_FOLLOW &&
        !side_may_read(c, s->reads == VIEW_READS_BLUE ? SIDE_BLUE : SIDE_GREEN, err)) {
        return false;
    }
    if (by_rule) {
        if (!reads_by_rule(c, s, detail, err)) {
            return false;
        }
    } else {
        reads_for_all(c, s, detail);
    }
    control_publish(c);
    return true;
}

/* ---- HOLD ---- */

void
control_hold_end(void *control)
{
    struct control *c = control;
    if (c->hold_until_us == 0) {
        return;
    }
    c->hold_until_us = 0;
    timer_stop(c->hold_timer);
    control_publish(c);
    log_info(NULL, "the operator's hold has ended", "waiting=%" PRIu32,
             workers_waiting(c->workers));
}

static bool
op_hold(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    if (control_refuses_when_ending(c, err)) {
        return false;
    }
    if (!c->route.writes_known) {
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                       "the writer is not known yet, so writes are held anyway");
    }
    struct cutover_status status;
    cutover_status(c->cutover, &status);
    if (!cutover_is_idle(c->cutover)) {
        return err_set(err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", status.job_name,
                       status.state_name);
    }
    const uint64_t limit_us = s->timeout_set ? s->timeout_us : c->conf->hold_timeout_us;
    c->hold_until_us = loop_now_us(c->loop) + limit_us;
    timer_start(c->hold_timer, limit_us);
    control_publish(c);
    buf_printf(detail, "writes of %" PRIu32 " sessions wait, for %s at most",
               workers_sessions(c->workers), text_duration(limit_us).s);
    return true;
}

static bool
op_release(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    (void)s;
    if (c->hold_until_us == 0) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are not held by HOLD");
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on", workers_waiting(c->workers));
    control_hold_end(c);
    return true;
}

/* ---- the rest ---- */

static bool
op_kill(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    const struct control *c = ctx;
    (void)err;
    workers_kill_session(c->workers, s->number);
    buf_printf(detail, "session %" PRIu64 " is told to end", s->number);
    return true;
}

/* All mistakes go to the log, the first one and their number to whoever asked. */
static struct conf *
load_again(const struct control *c, struct err *err)
{
    struct conf_mistakes mistakes = {0};
    struct conf *conf = conf_load(c->conf->path, &mistakes);
    for (size_t i = 0; i < mistakes.count; i++) {
        log_error(NULL, "mistake in the configuration", "file=\"%s\" line=%u text=\"%s\"",
                  mistakes.items[i].file, mistakes.items[i].line, mistakes.items[i].text);
    }
    if (conf == NULL) {
        CHECK(mistakes.count > 0);
        (void)err_set(err, SQLSTATE_CONFIG_FILE, "%s:%u: %s (%zu %s in all); nothing was changed",
                      mistakes.items[0].file, mistakes.items[0].line, mistakes.items[0].text,
                      mistakes.count, mistakes.count == 1 ? "mistake" : "mistakes");
        (void)err_hint(err, "teal --check-config names all of them.");
    }
    conf_mistakes_fini(&mistakes);
    return conf;
}

static bool
may_replace(const struct control *c, const struct conf *conf, struct err *err)
{
    struct buf names;
    buf_init(&names);
    const bool ok = conf_reload_check(c->conf, conf, &names);
    if (!ok) {
        buf_put_u8(&names, 0);
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "these keys cannot change while teal runs: %s; nothing was changed",
                      (const char *)buf_slice(&names).p);
        (void)err_hint(err, "Restart teal, or put the values back.");
    }
    buf_fini(&names);
    return ok;
}

static bool
reload_log(const struct conf *conf, struct err *err)
{
    if (log_open(conf->logfile)) {
        return true;
    }
    return err_set_errno(err, SQLSTATE_IO_ERROR,
                         "could not open the log file \"%s\"; nothing was changed", conf->logfile);
}

/* Takes the reference, whatever comes of it: all of the new configuration is in force, or none. */
static bool
adopt(struct control *c, struct conf *conf, struct err *err)
{
    if (!may_replace(c, conf, err) || !reload_log(conf, err)) {
        conf_unref(conf);
        return false;
    }
    if (!workers_reconfigure(c->workers, conf, err)) {
        if (!log_open(c->conf->logfile)) {
            log_warn(NULL, "the log goes on in the new file", "path=\"%s\"", conf->logfile);
        }
        conf_unref(conf);
        return false;
    }
    conf_unref(c->conf);
    c->conf = conf;
    log_set_level(conf->log_level);
    if (!c->reads_set) {
        control_reads_from_conf(c);
    }
    monitor_reconfigure(c->monitor, conf);
    c->cutover_conf_pending = !control_machine_reconfigure(c);
    control_publish(c);
    return true;
}

bool
control_reload_into(struct control *c, struct buf *detail, struct err *err)
{
    struct conf *conf = load_again(c, err);
    if (conf == NULL || !adopt(c, conf, err)) {
        return false;
    }
    buf_printf(detail, "%s is in force%s", c->conf->path,
               c->cutover_conf_pending ? "; the limits of the flip under way stay" : "");
    return true;
}

/* Until the next RELOAD, as in PgBouncer: the file is not touched. */
static bool
op_set(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    struct conf *conf = conf_with(c->conf, s->key, s->value, err);
    if (conf == NULL || !adopt(c, conf, err)) {
        return false;
    }
    buf_printf(detail, "%s is in force until RELOAD%s", s->key,
               c->cutover_conf_pending ? ", but not for the flip under way" : "");
    return true;
}

static bool
op_reload(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    (void)s;
    return control_reload_into(ctx, detail, err);
}

static bool
op_shutdown(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    static const char *const details[] = {
        [SHUTDOWN_NOW] = "ending now",
        [SHUTDOWN_WAIT_FOR_CLIENTS] = "ending when the clients have gone",
        [SHUTDOWN_WAIT_FOR_SERVERS] = "ending when open transactions have ended",
    };
    struct control *c = ctx;
    (void)err;
    CHECK((size_t)s->shutdown < COUNT_OF(details));
    buf_printf(detail, "%s", details[s->shutdown]);
    if (s->shutdown != SHUTDOWN_NOW) {
        buf_printf(detail, ", after %s at most", text_duration(c->conf->shutdown_timeout_us).s);
    }
    control_shutdown(c, s->shutdown);
    return true;
}

struct console_ops
control_console_ops(struct control *c)
{
    return (struct console_ops){
        .ctx = c,
        .snapshot = op_snapshot,
        .report = op_report,
        .start = op_start,
        .abort = op_abort,
        .reads = op_reads,
        .hold = op_hold,
        .release = op_release,
        .kill = op_kill,
        .pause = control_op_pause,
        .paused = control_op_paused,
        .resume = control_op_resume,
        .kill_all = control_op_kill_all,
        .reconnect = control_op_reconnect,
        .wait_close = control_op_wait_close,
        .disable = control_op_disable,
        .enable = control_op_enable,
        .set = op_set,
        .reload = op_reload,
        .shutdown = op_shutdown,
    };
}
