/* journal.c — reads and writes the record, publishes the route. See journal.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/journal.h"

#include "base/log.h"
#include "cutover/flip/parts.h"

void
journal_init(struct cutover *c)
{
    c->journal.record = (struct record){.writer = c->config.initial_writer};
    c->journal.route =
        (struct cutover_route){.writer = c->config.initial_writer, .writes_held = true};
}

void
journal_read(struct cutover *c, struct slice bytes)
{
    CHECK(!c->journal.route.writes_known);
    struct record *r = &c->journal.record;
    const enum record_result result = record_decode(bytes, r);
    if (result == RECORD_CORRUPT) {
        log_error(NULL, "the state file is corrupt: asking the databases", "bytes=%zu", bytes.len);
    }
    if (result != RECORD_OK) {
        /* Epoch 0 says that there is none; the first decision gives it one. */
        *r = (struct record){.writer = c->config.initial_writer};
    }
    c->journal.route.epoch = r->epoch > 0 ? r->epoch : 1;
    c->journal.route.writer = r->writer;
}

void
journal_writer(struct cutover *c, enum side writer, uint64_t epoch)
{
    CHECK(epoch > 0);
    c->journal.record.writer = writer;
    c->journal.record.epoch = epoch;
    c->journal.route.writer = writer;
    c->journal.route.epoch = epoch;
}

void
journal_flip(struct cutover *c)
{
    CHECK(c->flip.known);
    struct record *r = &c->journal.record;
    r->flip_id = c->flip.id;
    r->from = c->flip.from;
    r->to = c->flip.to;
    r->kind = c->flip.kind;
    r->fence_strict = c->flip.strict;
}

void
journal_ha_paused(struct cutover *c, bool paused)
{
    c->journal.record.ha_paused = paused;
}

bool
journal_write(struct cutover *c, enum record_phase phase, struct err *err)
{
    err_clear(err);
    c->journal.record.phase = phase;
    CHECK(c->journal.record.epoch > 0);
    struct buf text;
    buf_init(&text);
    record_encode(&c->journal.record, &text);
    const bool ok = c->ops.record_write(c->ops.ctx, buf_slice(&text), err);
    buf_fini(&text);
    if (!ok && !err_is_set(err)) {
        (void)err_set(err, SQLSTATE_IO_ERROR, "the state file could not be written");
    }
    return ok;
}

void
journal_write_late(struct cutover *c, enum record_phase phase)
{
    struct err err;
    if (!journal_write(c, phase, &err)) {
        log_error(NULL, "the state file could not be written", "error=\"%s\"", err.text);
    }
}

void
journal_publish(struct cutover *c, bool held)
{
    struct cutover_route *route = &c->journal.route;
    CHECK(route->epoch > 0);
    route->writes_known = route->writes_known || !held;
    route->writes_held = held;
    c->ops.publish(c->ops.ctx, route);
}
