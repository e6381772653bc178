/* pair_control.c — what the control thread has of one pair. See pair_control.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/pair_control.h"

#include "base/file.h"
#include "base/mem.h"

/* A missing record is no mistake; one that cannot be read is: it may say what the databases do not.
 */
bool
pair_control_init(struct pair_control *p, const struct conf *conf, uint32_t number, struct err *err)
{
    *p = (struct pair_control){.number = number, .name = conf->pairs[number].name};
    buf_init(&p->record);
    char *path = cutover_record_path(conf, number);
    const bool ok = !file_exists(path) || file_read(path, CUTOVER_RECORD_SIZE_MAX, &p->record, err);
    mem_free(path);
    return ok;
}

void
pair_control_fini(struct pair_control *p)
{
    used_databases_free(p->used);
    hold_free(p->hold);
    cutover_host_free(p->cutover);
    monitor_free(p->monitor);
    publisher_free(p->publisher);
    read_policy_fini(&p->reads);
    buf_fini(&p->record);
}

static void
on_monitor_changed(void *ctx)
{
    const struct pair_control *p = ctx;
    publisher_refresh(p->publisher);
}

void
pair_control_begin(struct pair_control *p, struct conf *conf, const struct pair_parts *parts)
{
    const struct monitor_ops ops = {.ctx = p, .changed = on_monitor_changed};
    const struct wishes_pair *wish = keeper_pair(parts->keeper, p->name);
    CHECK(p->number < conf->pairs_count && p->monitor == NULL);
    read_policy_from_conf(&p->reads, &conf->pairs[p->number]);
    read_policy_restore(&p->reads, &wish->reads);
    p->monitor = monitor_new(parts->loop, parts->resolver, conf, p->number, &ops);
    p->publisher = publisher_new(conf, p->number, p->monitor, &p->reads);
    const struct wishes *wishes = keeper_wishes(parts->keeper);
    publisher_set_paused(p->publisher, wishes->paused);
    publisher_set_stops(p->publisher, wishes->stops, wishes->stops_count);
}

void
pair_control_start(struct pair_control *p, const struct conf *conf, const struct pair_parts *parts)
{
    publisher_set_workers(p->publisher, parts->workers);
    p->workers = parts->workers;
    p->used = used_databases_new(p->number, p->monitor);
    p->cutover = cutover_host_new(conf, p->number,
                                  &(struct cutover_host_parts){.loop = parts->loop,
                                                               .monitor = p->monitor,
                                                               .publisher = p->publisher,
                                                               .workers = parts->workers,
                                                               .console = parts->console});
    p->hold = hold_new(&(struct hold_parts){.loop = parts->loop,
                                            .publisher = p->publisher,
                                            .workers = parts->workers,
                                            .keeper = parts->keeper,
                                            .pair = p->number,
                                            .name = p->name});
}

void
pair_control_recover(struct pair_control *p)
{
    cutover_recover(pair_control_machine(p), buf_slice(&p->record));
    buf_fini(&p->record);
    buf_init(&p->record);
}

struct cutover *
pair_control_machine(const struct pair_control *p)
{
    CHECK(p->cutover != NULL);
    return cutover_host_machine(p->cutover);
}

bool
pair_control_reconfigure(struct pair_control *p, struct conf *conf)
{
    read_policy_from_conf(&p->reads, &conf->pairs[p->number]);
    monitor_reconfigure(p->monitor, conf);
    p->conf_pending = !cutover_host_reconfigure(p->cutover, conf);
    publisher_set_conf(p->publisher, conf);
    return p->conf_pending;
}

void
pair_control_tick(struct pair_control *p, const struct conf *conf, bool machine_may_begin)
{
    used_databases_tick(p->used, &conf->pairs[p->number], p->workers);
    if (p->conf_pending) {
        p->conf_pending = !cutover_host_reconfigure(p->cutover, conf);
    }
    if (machine_may_begin) {
        cutover_host_tick(p->cutover);
    }
}
