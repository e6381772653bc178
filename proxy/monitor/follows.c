/* follows.c — how far a logical follower is in each database that is in use. See follows.h.
 *
 *     one database, each in its turn:   look for the schema at the writer
 *                                       the writer's heartbeat    a sample
 *                                       one tick later: the follower   compared with the samples
 *
 * An error of SQL (a fence, a lock, the schema is gone) makes it begin anew with the schema. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/follows.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "monitor/measure.h"
#include "monitor/question.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/pq.h"
#include "topo/conninfo.h"

enum { DATABASE_TIMEOUT_US = 5 * 1000 * 1000, AGAIN_US = 5 * 1000 * 1000 };

/* One of the two connections of a database. */
struct end {
    struct pq *pq; /* owned; NULL when not needed */
    struct node_id id;
    struct address address;
    bool asked;
    uint64_t asked_us;
    uint64_t generation;
};

struct follow {
    struct follows *owner; /* borrowed */
    char *name;            /* owned */
    struct end writer;
    struct end follower;
    struct measure measure;
    bool has_schema;
    bool is_follower_next;
    uint64_t next_us; /* not asked before */
    bool backlog_known;
    uint64_t backlog;
    bool is_ready; /* the subscription, as the follower said last */
};

struct follows {
    struct loop *loop; /* borrowed */
    void (*changed)(void *ctx);
    void *ctx;                    /* borrowed */
    struct follow **all;          /* owned, each too; sorted by name */
    struct database_facts *facts; /* owned: one for each, in the same order */
    uint32_t count;
    uint64_t generation; /* that the measures are of */
    bool is_on;
    uint64_t interval_us; /* of one database */
    uint64_t news_age_max_us;
    struct lag_limits limits;
};

/* ---- facts ---- */

static struct database_facts *
facts_of(const struct follow *d)
{
    struct follows *f = d->owner;
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->all[i] == d) {
            return &f->facts[i];
        }
    }
    CHECK(false);
    return NULL;
}

static void
facts_set(struct database_facts *facts, const struct measure_verdict *v, struct lag_limits limits)
{
    facts->fresh_until_us = v->fresh_until_us;
    facts->lag_known = v->known;
    facts->lag_us = v->known ? v->us : 0;
    facts->lag_ok = v->known && v->us <= limits.us && v->bytes <= limits.bytes;
}

static void
facts_show(struct follow *d, const struct measure_verdict *v)
{
    struct database_facts *facts = facts_of(d);
    const struct database_facts before = *facts;
    facts_set(facts, v, d->owner->limits);
    if (before.fresh_until_us != facts->fresh_until_us || before.lag_ok != facts->lag_ok ||
        before.lag_known != facts->lag_known) {
        d->owner->changed(d->owner->ctx);
    }
}

static void
facts_forget(struct follow *d, bool freshness)
{
    struct database_facts *facts = facts_of(d);
    facts->lag_known = facts->lag_ok = false;
    facts->lag_us = 0;
    facts->fresh_until_us = freshness ? 0 : facts->fresh_until_us;
}

/* ---- life ---- */

static void
end_close(struct end *e)
{
    pq_free(e->pq);
    *e = (struct end){0};
}

static void
follow_rest(struct follow *d)
{
    end_close(&d->writer);
    end_close(&d->follower);
    d->has_schema = d->is_follower_next = d->is_ready = false;
    d->next_us = 0;
}

static void
follow_free(struct follow *d)
{
    follow_rest(d);
    measure_fini(&d->measure);
    mem_free(d->name);
    mem_free(d);
}

struct follows *
follows_new(struct loop *loop, void (*changed)(void *ctx), void *ctx)
{
    struct follows *f = xcalloc(1, sizeof(*f));
    f->loop = loop;
    f->changed = changed;
    f->ctx = ctx;
    return f;
}

void
follows_free(struct follows *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        follow_free(f->all[i]);
    }
    mem_free(f->all);
    mem_free(f->facts);
    mem_free(f);
}

/* ---- what is wanted ---- */

static int
compare_names(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* The one of that name, taken out of the old ones; NULL when there is none. */
static struct follow *
take_old(struct follows *f, const char *name, struct database_facts *facts)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->all[i] != NULL && strcmp(f->all[i]->name, name) == 0) {
            struct follow *d = f->all[i];
            *facts = f->facts[i];
            f->all[i] = NULL;
            return d;
        }
    }
    return NULL;
}

static struct follow *
follow_new(struct follows *f, const char *name, struct database_facts *facts)
{
    struct follow *d = xcalloc(1, sizeof(*d));
    d->owner = f;
    d->name = xstrdup(name);
    *facts = (struct database_facts){.name = d->name};
    return d;
}

/* Sorted and without doubles; the caller frees the array, not the names. */
static const char **
sorted_names(const char *const *names, uint32_t *count)
{
    const char **sorted = xcalloc(*count, sizeof(*sorted));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        sorted[i] = names[i];
    }
    qsort(sorted, *count, sizeof(*sorted), compare_names);
    for (uint32_t i = 0; i < *count; i++) {
        if (kept == 0 || strcmp(sorted[kept - 1], sorted[i]) != 0) {
            sorted[kept++] = sorted[i];
        }
    }
    *count = kept < DATABASES_MAX ? kept : (uint32_t)DATABASES_MAX;
    return sorted;
}

static bool
are_wanted(const struct follows *f, const char *const *sorted, uint32_t count)
{
    bool same = f->count == count;
    for (uint32_t i = 0; same && i < count; i++) {
        same = strcmp(f->all[i]->name, sorted[i]) == 0;
    }
    return same;
}

static void
replace(struct follows *f, const char *const *sorted, uint32_t count)
{
    struct follow **all = xcalloc(count, sizeof(struct follow *));
    struct database_facts *facts = xcalloc(count, sizeof(*facts));
    for (uint32_t i = 0; i < count; i++) {
        all[i] = take_old(f, sorted[i], &facts[i]);
        all[i] = all[i] != NULL ? all[i] : follow_new(f, sorted[i], &facts[i]);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->all[i] != NULL) {
            follow_free(f->all[i]);
        }
    }
    mem_free(f->all);
    mem_free(f->facts);
    f->all = all;
    f->facts = facts;
    f->count = count;
}

void
follows_want(struct follows *f, const char *const *names, uint32_t count)
{
    const char **sorted = sorted_names(names, &count);
    if (!are_wanted(f, sorted, count)) {
        replace(f, sorted, count);
    }
    mem_free(sorted);
}

struct database_facts *
follows_facts(struct follows *f, uint32_t *count)
{
    *count = f->is_on ? f->count : 0;
    return f->facts;
}

/* ---- answers ---- */

static void
on_error(struct follow *d)
{
    d->has_schema = false;
    d->is_follower_next = false;
    d->next_us = clock_now_us() + AGAIN_US;
    const struct measure_verdict unknown = {.fresh_until_us = d->measure.lag.fresh_until_us};
    facts_show(d, &unknown);
}

static void
on_schema(void *arg, const struct pq_result *r)
{
    struct follow *d = arg;
    d->writer.asked = false;
    const char *text = r->ok && pq_rows(r) == 1 ? pq_cell(r, 0, 0) : NULL;
    d->has_schema = text != NULL && text[0] == 't';
    if (!d->has_schema) {
        on_error(d);
    }
}

static void
on_writer(void *arg, const struct pq_result *r)
{
    struct follow *d = arg;
    struct answer answer = {0};
    d->writer.asked = false;
    if (!r->ok || pq_rows(r) != 1 || pq_columns(r) != 2 || !pq_cell_u64(r, 0, 0, &answer.beat)) {
        on_error(d);
        return;
    }
    answer.beat_known = true;
    d->backlog_known = pq_cell_u64(r, 0, 1, &d->backlog);
    measure_sample(&d->measure, &(struct measure_answer){.answer = &answer,
                                                         .asked_us = d->writer.asked_us,
                                                         .now_us = clock_now_us(),
                                                         .generation = d->writer.generation});
    d->is_follower_next = true;
}

static void
on_follower(void *arg, const struct pq_result *r)
{
    struct follow *d = arg;
    struct answer answer = {0};
    d->follower.asked = false;
    if (!r->ok || pq_rows(r) != 1 || pq_columns(r) != 2) {
        on_error(d);
        return;
    }
    answer.heard_known = pq_cell_u64(r, 0, 0, &answer.heard);
    const char *ready = pq_cell(r, 0, 1);
    d->is_ready = ready != NULL && ready[0] == 't';
    const struct measure_answer a = {.answer = &answer,
                                     .asked_us = d->follower.asked_us,
                                     .now_us = clock_now_us(),
                                     .generation = d->follower.generation};
    const struct measure_terms terms = {.news_age_max_us = d->owner->news_age_max_us,
                                        .backlog_known = d->backlog_known,
                                        .backlog = d->backlog};
    struct measure_verdict verdict;
    measure_judge(&d->measure, d->is_ready ? STREAM_LOGICAL : STREAM_NONE, &a, &terms, &verdict);
    facts_show(d, &verdict);
}

/* ---- questions ---- */

/* The connection to where the server is now. */
static void
end_open(struct follow *d, struct end *e, const struct follows_terms *t, bool is_writer)
{
    const struct node_id *id = is_writer ? &t->writer : &t->follower;
    const struct node_facts *facts = is_writer ? t->writer_facts : t->follower_facts;
    const struct address address = {facts->addr, facts->addr_len};
    if (e->pq != NULL && node_id_equal(&e->id, id) && address_equal(&e->address, &address)) {
        return;
    }
    end_close(e);
    const struct conf *conf = t->conf;
    const struct address_list list = {.items = {address}, .count = 1};
    char *conninfo =
        conninfo_of(conf, id, d->name, "teal monitor", conf->server_connect_timeout_us);
    char *with_address = address_conninfo(
        conninfo, conf->pairs[id->pair].side[id->side].hosts[id->node].name, &list);
    e->id = *id;
    e->address = address;
    e->pq = pq_new(d->owner->loop, side_name(id->side), with_address, question_setup());
    conninfo_free(with_address);
    conninfo_free(conninfo);
}

static void
end_ask(struct follow *d, struct end *e, const char *sql, pq_done_fn *done)
{
    e->asked = true;
    e->asked_us = clock_now_us();
    e->generation = d->owner->generation;
    pq_query(e->pq, sql, DATABASE_TIMEOUT_US, done, d);
}

static void
ask_writer(struct follow *d, const struct follows_terms *t)
{
    end_open(d, &d->writer, t, true);
    if (!d->has_schema) {
        end_ask(d, &d->writer, question_schema_sql(), on_schema);
        return;
    }
    char *sql = question_sql_of_database(t->writer.side, true);
    end_ask(d, &d->writer, sql, on_writer);
    mem_free(sql);
    d->next_us = d->writer.asked_us + d->owner->interval_us;
}

static void
ask_follower(struct follow *d, const struct follows_terms *t)
{
    d->is_follower_next = false;
    end_open(d, &d->follower, t, false);
    char *sql = question_sql_of_database(t->follower.side, false);
    end_ask(d, &d->follower, sql, on_follower);
    mem_free(sql);
}

/* What is late makes the lag unknown; what was proven stays. */
static void
await(struct follow *d, uint64_t now_us)
{
    const struct follows *f = d->owner;
    const uint64_t newest_us = lag_newest_us(&d->measure.lag);
    if (newest_us + f->news_age_max_us + f->interval_us < now_us) {
        facts_forget(d, false);
    }
}

static void
follow_tick(struct follow *d, const struct follows_terms *t, uint64_t now_us)
{
    await(d, now_us);
    if (d->writer.asked || d->follower.asked) {
        return;
    }
    if (d->is_follower_next) {
        ask_follower(d, t);
    } else if (t->may_beat && now_us >= d->next_us) {
        ask_writer(d, t);
    }
}

static void
take_terms(struct follows *f, const struct follows_terms *t)
{
    const uint64_t fair_us = (uint64_t)f->count * 2 * 1000 * 1000 / FOLLOWS_PER_SECOND;
    const uint64_t least_us = t->interval_us * 2;
    f->interval_us = fair_us > least_us ? fair_us : least_us;
    f->news_age_max_us = t->news_age_max_us;
    f->news_age_max_us =
        f->news_age_max_us > 3 * f->interval_us ? f->news_age_max_us : 3 * f->interval_us;
    f->limits = t->limits;
}

void
follows_tick(struct follows *f, const struct follows_terms *terms)
{
    const uint64_t now_us = clock_now_us();
    const bool anew = terms->generation != f->generation;
    take_terms(f, terms);
    f->generation = terms->generation;
    f->is_on = terms->is_on;
    for (uint32_t i = 0; i < f->count; i++) {
        struct follow *d = f->all[i];
        if (anew || d->measure.generation == 0) {
            measure_forget(&d->measure, f->generation);
            (void)measure_see_stream(&d->measure, STREAM_LOGICAL, f->generation);
            facts_forget(d, true);
        }
        if (terms->is_on) {
            follow_tick(d, terms, now_us);
        } else {
            follow_rest(d);
            facts_forget(d, false);
        }
    }
}
