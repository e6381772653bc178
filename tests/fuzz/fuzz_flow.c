/* fuzz_flow.c — any order of messages that are sent and answered.
 *
 *     clang -g -O1 -std=c11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -Iproxy \
 *         tests/fuzz/fuzz_flow.c proxy/wire/flow.c proxy/base/[a-z]*.c
 *
 * Two bytes are one step. Requests are done with in the order in which they were sent, each once; a
 * reply that is not owed changes nothing; a transaction ends only with a ReadyForQuery. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    struct flow flow;
    uint64_t sent;     /* the tag of the last request; 0 is nobody's */
    uint64_t finished; /* the highest tag that was answered, answered here, or dropped */
    bool failing;      /* an error is being handled: only then may entries be dropped */
};

static void
check_flow(const struct flow *f)
{
    CHECK(f->count <= f->size && f->head < f->size);
    CHECK(f->size >= FLOW_INLINE && (f->size & (f->size - 1)) == 0);
    CHECK((f->entries == f->inline_entries) == (f->size == FLOW_INLINE));
    CHECK(!f->skipping || (f->count == 0 && !f->copy_in));
    CHECK(!f->copy_in || f->count > 0);
    CHECK(f->txn == 'I' || f->txn == 'T' || f->txn == 'E');
    CHECK(f->count == 0 || flow_head(f)->action != FLOW_LOCAL);
    CHECK(flow_empty(f) == (f->count == 0));
    uint64_t tag = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct flow_entry *e = &f->entries[(f->head + i) & (f->size - 1)];
        CHECK(e->kind < FLOW_KINDS_COUNT && e->action <= FLOW_LOCAL && e->tag.id > tag);
        tag = e->tag.id;
    }
}

static void
finish(struct walk *w, uint64_t tag)
{
    CHECK(tag > w->finished && tag <= w->sent);
    w->finished = tag;
}

static void
dropped(void *arg, const struct flow_entry *entry)
{
    struct walk *w = arg;
    CHECK(w->failing && entry->kind != FLOW_SYNC);
    finish(w, entry->tag.id);
}

static void
take_locals(struct walk *w)
{
    struct flow_entry entry;
    while (flow_take_local(&w->flow, &entry)) {
        CHECK(entry.action == FLOW_LOCAL);
        finish(w, entry.tag.id);
    }
}

static void
send(struct walk *w, uint8_t what)
{
    const struct flow before = w->flow;
    const enum flow_kind kind = what % FLOW_KINDS_COUNT;
    const enum flow_action action = kind == FLOW_SYNC ? FLOW_FORWARD : what / 8 % 3;
    const bool pushed = flow_push(&w->flow, kind, action, (struct flow_tag){.id = ++w->sent});
    CHECK(pushed == (before.count < FLOW_ENTRIES_MAX || before.skipping ||
                     (before.copy_in && kind == FLOW_SYNC)));
    CHECK(w->flow.count <= before.count + 1);
    take_locals(w);
}

static void
answer(struct walk *w, uint8_t type, uint8_t first)
{
    struct flow *f = &w->flow;
    const struct flow before = *f;
    const struct flow_entry head = flow_empty(f) ? (struct flow_entry){0} : *flow_head(f);
    w->failing = type == 'E';
    const struct flow_verdict v = flow_reply(f, type, first, dropped, w);
    w->failing = false;
    if (v.bad) {
        CHECK(f->count == before.count && f->head == before.head && f->txn == before.txn);
        CHECK(f->copy_in == before.copy_in && f->skipping == before.skipping && !v.done);
        return;
    }
    CHECK(v.action != FLOW_LOCAL);
    CHECK(f->txn == before.txn || type == 'Z' || (type == 'G' && f->txn == 'T'));
    CHECK(type != 'Z' || f->txn == first);
    if (before.count == 0) {
        CHECK(type == 'E' || (before.doubtful && before.skipping && type == 'Z'));
    } else {
        CHECK(v.action == head.action &&
              v.done == (f->count < before.count && type != 'E' && type != 'G'));
        CHECK(!v.done || memcmp(&v.entry.tag.id, &head.tag.id, sizeof(head.tag.id)) == 0);
    }
    if (v.done && v.entry.tag.id != 0) {
        finish(w, v.entry.tag.id);
    }
    take_locals(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk w = {.sent = 0};
    flow_init(&w.flow);
    for (size_t i = 0; i + 1 < size; i += 2) {
        switch (data[i] % 4) {
        case 0:
        case 1:
            send(&w, data[i + 1]);
            break;
        case 2:
            /* The first byte of the answer is a state of a transaction, mostly. */
            answer(&w, data[i + 1], (uint8_t) "ITEI"[data[i] / 4 % 4]);
            break;
        default:
            flow_copy_done(&w.flow);
            answer(&w, data[i + 1], data[i]);
            break;
        }
        check_flow(&w.flow);
    }
    flow_fini(&w.flow);
    return 0;
}
