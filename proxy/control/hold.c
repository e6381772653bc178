/* hold.c — HOLD and RELEASE. See hold.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hold.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct hold {
    struct hold_parts parts;
    uint64_t until_us;   /* 0: nothing is held */
    struct timer *timer; /* owned: of its end */
};

static void
on_timer(void *arg)
{
    hold_end(arg);
}

static void
hold_for(struct hold *h, uint64_t limit_us)
{
    CHECK(limit_us > 0);
    h->until_us = loop_now_us(h->parts.loop) + limit_us;
    timer_start(h->timer, limit_us);
    publisher_set_hold(h->parts.publisher, true);
    CHECK(publisher_view(h->parts.publisher)->writes_held);
}

/* The hold of before the restart. */
static void
hold_go_on(struct hold *h)
{
    const struct hold_parts *p = &h->parts;
    const struct wish_hold *wish = &keeper_pair(p->keeper, p->name)->hold;
    const uint64_t left_us = wish_hold_left_us(wish, clock_wall_us());
    if (left_us > 0) {
        hold_for(h, left_us);
        log_warn(NULL, "the operator's hold goes on", "pair=%s left_ms=%" PRIu64, p->name,
                 left_us / 1000);
    } else if (wish->until_wall_us != 0) {
        keeper_put_hold(p->keeper, p->name, &(struct wish_hold){0});
    }
}

struct hold *
hold_new(const struct hold_parts *parts)
{
    struct hold *h = xcalloc(1, sizeof(*h));
    h->parts = *parts;
    h->timer = timer_new(parts->loop, on_timer, h);
    hold_go_on(h);
    return h;
}

void
hold_free(struct hold *h)
{
    if (h == NULL) {
        return;
    }
    timer_free(h->timer);
    mem_free(h);
}

void
hold_begin(struct hold *h, uint64_t limit_us)
{
    const struct hold_parts *p = &h->parts;
    hold_for(h, limit_us);
    keeper_put_hold(
        p->keeper, p->name,
        &(struct wish_hold){.until_wall_us = clock_wall_us() + limit_us, .length_us = limit_us});
}

void
hold_end(struct hold *h)
{
    if (h->until_us == 0) {
        return;
    }
    h->until_us = 0;
    timer_stop(h->timer);
    publisher_set_hold(h->parts.publisher, false);
    keeper_put_hold(h->parts.keeper, h->parts.name, &(struct wish_hold){0});
    log_info(NULL, "the operator's hold has ended", "pair=%s waiting=%" PRIu32, h->parts.name,
             workers_waiting(h->parts.workers, h->parts.pair));
}

uint64_t
hold_until_us(const struct hold *h)
{
    return h->until_us;
}
