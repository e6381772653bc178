/* hold.c — HOLD and RELEASE. See hold.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hold.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"

struct hold {
    struct loop *loop;             /* borrowed */
    struct publisher *publisher;   /* borrowed */
    const struct workers *workers; /* borrowed */
    uint64_t until_us;             /* 0: nothing is held */
    struct timer *timer;           /* owned: of its end */
};

static void
on_timer(void *arg)
{
    hold_end(arg);
}

struct hold *
hold_new(struct loop *loop, struct publisher *publisher, const struct workers *workers)
{
    struct hold *h = xcalloc(1, sizeof(*h));
    h->loop = loop;
    h->publisher = publisher;
    h->workers = workers;
    h->timer = timer_new(loop, on_timer, h);
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
    CHECK(limit_us > 0);
    h->until_us = loop_now_us(h->loop) + limit_us;
    timer_start(h->timer, limit_us);
    publisher_set_hold(h->publisher, true);
    CHECK(publisher_view(h->publisher)->writes_held);
}

void
hold_end(struct hold *h)
{
    if (h->until_us == 0) {
        return;
    }
    h->until_us = 0;
    timer_stop(h->timer);
    publisher_set_hold(h->publisher, false);
    log_info(NULL, "the operator's hold has ended", "waiting=%" PRIu32,
             workers_waiting(h->workers, 0));
}

uint64_t
hold_until_us(const struct hold *h)
{
    return h->until_us;
}
