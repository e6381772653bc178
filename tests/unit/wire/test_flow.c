/* test_flow.c — every reply goes to the request that is owed it, and to no other.
 *
 * Three ways of asking: a table of every kind of request against every type of reply; scripts of
 * what is sent and answered, with the trace that must come out; and random walks against a model of
 * the server, which reads what was sent message by message and knows whom it answers. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

/* A request whose tag is this number. */
static bool
push(struct flow *f, enum flow_kind kind, enum flow_action action, uint64_t id)
{
    return flow_push(f, kind, action, (struct flow_tag){.id = id});
}

static const char kind_letters[FLOW_KINDS_COUNT + 1] = "PBDECSQF";

/* ---- every kind, every reply ---- */

static const struct {
    enum flow_kind kind;
    const char *goes_on;
    const char *finishes;
} owed[] = {
    {FLOW_PARSE, "", "1"},          {FLOW_BIND, "", "2"},      {FLOW_DESCRIBE, "t", "Tn"},
    {FLOW_EXECUTE, "DGHdc", "CIs"}, {FLOW_CLOSE, "", "3"},     {FLOW_SYNC, "", "Z"},
    {FLOW_QUERY, "TDCIGHdc", "Z"},  {FLOW_FUNCTION, "V", "Z"},
};
_Static_assert(COUNT_OF(owed) == FLOW_KINDS_COUNT, "a row for each kind");

static bool
is_one_of(unsigned type, const char *types)
{
    return type != 0 && type < 128 && strchr(types, (int)type) != NULL;
}

/* What the server says ahead of such a reply, 0 for nothing. */
static uint8_t
ahead_of(unsigned type, enum flow_kind kind)
{
    if (kind == FLOW_FUNCTION) {
        return type == 'Z' ? 'V' : 0;
    }
    if (kind == FLOW_QUERY) {
        return type == 'Z' ? 'C' : type == 'D' ? 'T' : 0;
    }
    return 0;
}

static void
each_request_is_answered_by_its_own_replies_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(owed); i++) {
        for (unsigned type = 0; type < 256; type++) {
            struct flow f;
            flow_init(&f);
            assert_true(push(&f, owed[i].kind, FLOW_SWALLOW, 42));
            const uint8_t ahead = ahead_of(type, owed[i].kind);
            assert_true(ahead == 0 || !flow_reply(&f, ahead, 0, NULL, NULL).bad);
            const struct flow_verdict v = flow_reply(&f, (uint8_t)type, 'T', NULL, NULL);
            const bool goes_on = is_one_of(type, owed[i].goes_on);
            const bool finishes = is_one_of(type, owed[i].finishes);
            assert_int_equal(v.bad, !goes_on && !finishes && type != 'E');
            assert_int_equal(v.done, finishes);
            assert_int_equal(flow_empty(&f),
                             finishes || (type == 'E' && !is_one_of('Z', owed[i].finishes)));
            if (!v.bad) {
                assert_int_equal(v.action, FLOW_SWALLOW);
            }
            if (v.done) {
                assert_int_equal(v.entry.kind, owed[i].kind);
                assert_int_equal(v.entry.tag.id, 42);
            }
            flow_fini(&f);
        }
    }
}

static void
nothing_may_come_when_nothing_is_owed(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        struct flow f;
        flow_init(&f);
        const struct flow_verdict v = flow_reply(&f, (uint8_t)type, 'I', NULL, NULL);
        /* A FATAL error may come at any time, and is for the client. */
        assert_int_equal(v.bad, type != 'E');
        assert_int_equal(v.action, FLOW_FORWARD);
        assert_false(v.done);
        flow_fini(&f);
    }
}

static void
the_state_of_the_transaction_is_one_of_three(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        struct flow f;
        flow_init(&f);
        assert_int_equal(f.txn, 'I');
        assert_true(push(&f, FLOW_SYNC, FLOW_FORWARD, 0));
        const bool ok = is_one_of(first, "ITE");
        assert_int_equal(flow_reply(&f, 'Z', (uint8_t)first, NULL, NULL).bad, !ok);
        assert_int_equal(f.txn, ok ? first : 'I');
        flow_fini(&f);
    }
}

/* ---- scripts ---- */

struct trace {
    char text[1024];
    size_t len;
};

static void PRINTF_LIKE(2, 3) trace_add(struct trace *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    t->len += (size_t)vsnprintf(t->text + t->len, sizeof(t->text) - t->len, fmt, args);
    va_end(args);
    assert_true(t->len < sizeof(t->text));
}

static void
trace_dropped(void *arg, const struct flow_entry *entry)
{
    trace_add(arg, "-%c ", kind_letters[entry->kind]);
}

static void
trace_locals(struct trace *t, struct flow *f)
{
    struct flow_entry entry;
    while (flow_take_local(f, &entry)) {
        trace_add(t, "(%c) ", kind_letters[entry.kind]);
    }
}

static void
run_sent(struct flow *f, struct trace *t, const char *word)
{
    if (word[0] == 'c') {
        flow_copy_done(f);
        return;
    }
    const char *letter = strchr(kind_letters, word[0]);
    assert_non_null(letter);
    const enum flow_action action = word[1] == '~'   ? FLOW_SWALLOW
                                    : word[1] == '@' ? FLOW_LOCAL
                                                     : FLOW_FORWARD;
    assert_true(push(f, (enum flow_kind)(letter - kind_letters), action, 0));
    trace_locals(t, f);
}

static void
run_answered(struct flow *f, struct trace *t, const char *word)
{
    const struct flow_verdict v =
        flow_reply(f, (uint8_t)word[0], (uint8_t)word[1], trace_dropped, t);
    trace_add(t, "%c%s%s%s ", word[0], v.bad ? "!" : "", v.action == FLOW_SWALLOW ? "~" : "",
              v.done ? "." : "");
    if (!v.bad) {
        trace_locals(t, f);
    }
}

/* What is left at the end: the kinds that are owed, and the state. */
static void
trace_rest(struct trace *t, const struct flow *f)
{
    trace_add(t, "[");
    for (uint32_t i = 0; i < f->count; i++) {
        trace_add(t, "%c", kind_letters[f->entries[(f->head + i) & (f->size - 1)].kind]);
    }
    trace_add(t, "]%c%s%s%s", f->txn, f->skipping ? " skipping" : "", f->copy_in ? " copy" : "",
              f->doubtful ? " doubtful" : "");
}

/* Words behind > are sent (letter of the kind, ~ swallowed, @ answered here; c is a CopyDone),
 * words behind < are answered (type, and of Z the state). In the trace: a reply with . when it
 * finishes its request, ~ when it is swallowed, ! when it is not owed; (K) an answer of ours; -K
 * dropped. */
static void
run_script(const char *script, struct trace *t)
{
    struct flow f;
    bool sending = true;
    *t = (struct trace){.len = 0};
    flow_init(&f);
    for (const char *word = script; *word != '\0'; word += strcspn(word, " ")) {
        word += strspn(word, " ");
        if (word[0] == '>' || word[0] == '<') {
            sending = word[0] == '>';
        } else if (sending) {
            run_sent(&f, t, word);
        } else {
            run_answered(&f, t, word);
        }
    }
    trace_rest(t, &f);
    flow_fini(&f);
}

/* clang-format off */
static const struct {
    const char *script;
    const char *trace;
} scripts[] = {
    /* in order */
    {"", "[]I"},
    {"> Q < T D D C ZI", "T D D C Z. []I"},
    {"> Q < T D C T D C I ZT", "T D C T D C I Z. []T"},
    {"> F < V ZI", "V Z. []I"},
    {"> P B D E S < 1 2 T D C ZI", "1. 2. T. D C. Z. []I"},
    {"> P D S < 1 t n ZI", "1. t n. Z. []I"},
    {"> E E C S < s I 3 ZI", "s. I. 3. Z. []I"},
    {"> Q Q S < I ZI T C ZI ZE", "I Z. T C Z. Z. []E"},
    {"> E S < H d d c C ZI", "H d d c C. Z. []I"},
    {"> P B E", "[PBE]I"},
    /* out of order, too much, too little */
    {"> P B E S < 2", "2! [PBES]I"},
    {"> P B E S < ZI", "Z! [PBES]I"},
    {"> P B < 1 1", "1. 1! [B]I"},
    {"> Q < I ZI ZI", "I Z. Z! []I"},
    {"> Q < I ZI D", "I Z. D! []I"},
    {"> E S < C C", "C. C! [S]I"},
    {"> F < D", "D! [F]I"},
    {"> Q < V", "V! [Q]I"},
    {"> Q < 1", "1! [Q]I"},
    {"> Q < ZX", "Z! [Q]I"},
    {"> Q < W", "W! [Q]I"},
    {"> Q < R", "R! [Q]I"},
    {"< ZI", "Z! []I"},
    /* what came too late for the request before: it lacks what belongs ahead of it */
    {"> Q < ZI", "Z! [Q]I"},
    {"> F < ZI", "Z! [F]I"},
    {"> Q < D", "D! [Q]I"},
    {"> Q < T ZI", "T Z! [Q]I"},
    {"> Q < C T ZI", "C T Z! [Q]I"},
    {"> Q < T C D", "T C D! [Q]I"},
    {"> Q < T C T D C ZI", "T C T D C Z. []I"},
    {"> Q Q < T D C ZI D", "T D C Z. D! [Q]I"},
    {"> Q Q < T D C ZI ZI", "T D C Z. Z! [Q]I"},
    {"> Q F < E ZE ZE", "E Z. Z! [F]E"},
    /* an error in a simple query or a function call: its ReadyForQuery follows */
    {"> Q < E ZE", "E Z. []E"},
    {"> Q < T D E ZE", "T D E Z. []E"},
    {"> F < E ZI", "E Z. []I"},
    {"> Q P S < E ZI 1 ZI", "E Z. 1. Z. []I"},
    /* an error in the extended protocol: skips to the Sync, wherever it is */
    {"> P B E S < E ZI", "-P -B -E E Z. []I"},
    {"> P B E S < 1 E ZI", "1. -B -E E Z. []I"},
    {"> P B E S < 1 2 E ZE", "1. 2. -E E Z. []E"},
    {"> P B E S < 1 2 D D E ZE", "1. 2. D D -E E Z. []E"},
    {"> P B E S < 1 2 C E ZI", "1. 2. C. E Z. []I"}, /* the commit failed */
    {"> P B E S P B E S < E ZI 1 2 C ZI", "-P -B -E E Z. 1. 2. C. Z. []I"},
    {"> D S < t E ZI", "t -D E Z. []I"},
    {"> C S < E ZI", "-C E Z. []I"},
    {"> P Q F S < E ZI", "-P -Q -F E Z. []I"}, /* the server skips those too */
    {"> P B < E", "-P -B E []I skipping"},
    {"> P < E > B E Q F D C", "-P E []I skipping"},
    {"> P < E > B E S < ZI", "-P E Z. []I"},
    {"> P < E > B S P S < ZI 1 ZI", "-P E Z. 1. Z. []I"},
    {"> P < E 1", "-P E 1! []I skipping"},
    {"> P < E ZI", "-P E Z! []I skipping"},
    {"> P < E > B@ S", "-P E [S]I"},
    {"> P < E E", "-P E E []I skipping"}, /* FATAL behind it */
    {"< E", "E []I"},
    {"> S < E ZI", "E Z. []I"},
    /* what Teal asks is swallowed, and skipped like the rest */
    {"> Q~ Q < C ZI C ZI", "C~ Z~. C Z. []I"},
    {"> P~ B E S < 1 2 C ZI", "1~. 2. C. Z. []I"},
    {"> P~ B E S < E ZI", "-P -B -E E~ Z. []I"},
    {"> P~ C~ B E S < 1 3 2 C ZI", "1~. 3~. 2. C. Z. []I"},
    {"> Q~ P@ B S < C E ZE > < 2 ZI", "C~ E~ Z~. (P) 2. Z. []I"},
    /* what Teal answers itself comes in its place */
    {"> P@ B E S < 2 C ZI", "(P) 2. C. Z. []I"},
    {"> P B P@ B S < 1 2 2 ZI", "1. 2. (P) 2. Z. []I"},
    {"> B P@ C@ P@ S < 2 ZI", "2. (P) (C) (P) Z. []I"},
    {"> Q P@ S < C ZI ZI", "C Z. (P) Z. []I"},
    {"> P@ C@", "(P) (C) []I"},
    {"> B P@ S < E ZI", "-B -P E Z. []I"},
    {"> B E P@ B S P@ S < 2 E ZE ZE", "2. -E -P -B E Z. (P) Z. []E"},
    {"> P~ P@ B < 1", "1~. (P) [B]I"},
    /* COPY IN: the Syncs in its way are ignored */
    {"> Q < G > c < C ZI", "G C Z. []I"},
    {"> Q < G", "G [Q]I copy"},
    {"> E S < G", "G [E]T copy"},
    {"> E S < G > c S < C ZI", "G C. Z. []I"},
    {"> E S S S < G > S S c S < C ZI", "G C. Z. []I"},
    {"> E < G > S", "G [E]I copy"},
    {"> E < G > c S < C ZI", "G C. Z. []I"},
    {"> E S < G > c < C", "G C. []T"}, /* not committed until a Sync */
    {"> B E S < 2 G > c B E S < C 2 C ZI", "2. G C. 2. C. Z. []I"},
    {"> Q S < G > c < C ZI", "G C Z. []I"},
    {"> Q S < G > c S < C ZI ZI", "G C Z. Z. []I"},
    {"> E S P S < G E ZI", "G -E -P E Z. []I doubtful"}, /* the Parse ends the COPY */
    {"> E P S < G E ZI", "G -E -P E Z. []I"},
    {"> E P@ S < G > c S < C ZI", "G C. (P) Z. []I"},
    {"> E P@ S C@ S S B S < G > c < E ZI", "G -E -P -C -B E Z. []I doubtful"},
    {"> Q < G > c < C G > c < C G > c < C ZI", "G C G C G C Z. []I"},
    {"> Q < C G > c < C T D C ZI", "C G C T D C Z. []I"},
    {"> Q < G E ZI", "G E Z. []I"},
    {"> Q < G ZI", "G Z! [Q]I copy"}, /* the server reads: it has nothing to say but how it ends */
    {"> Q < G D", "G D! [Q]I copy"},
    {"> E < G s", "G s! [E]I copy"},
    {"> E < G G", "G G! [E]I copy"},
    {"> Q < G E ZI > c c Q < T C ZI", "G E Z. T C Z. []I"},
    {"> E < G E", "G -E E []I skipping"},
    {"> E < G > c < E > S < ZI", "G -E E Z. []I"},
    /* what is not of the COPY makes it fail: a CopyDone behind that is for a later one */
    {"> E < G > B S < E ZI", "G -E -B E Z. []I"},
    {"> E < G > P@ S", "G [EP]I copy"},
    {"> E S < G > B Q S E c S < E ZI G C ZI", "G -E -B -Q E Z. G C. Z. []I doubtful"},
    {"> E B S E < G > c S < E ZI G C ZI", "G -E -B E Z. G C. Z. []I"},
    /* COPY IN whose end was sent ahead */
    {"> E c S < G C ZI", "G C. Z. []I"},
    {"> P B E c S P < 1 2 G C ZI 1", "1. 2. G C. Z. 1. []I"},
    {"> E S c S < G C ZI", "G C. Z. []I"},
    {"> E S S c S S < G C ZI ZI", "G C. Z. Z. []I"},
    {"> E P@ c S < G C ZI", "G C. (P) Z. []I"},
    {"> E S P@ c S < G C ZI", "G C. (P) Z. []I"},
    {"> E c E c S < G C G C ZI", "G C. G C. Z. []I"},
    {"> E c E S < G C G > c S < C ZI", "G C. G C. Z. []I"},
    {"> Q c < G C ZI", "G C Z. []I"},
    {"> Q c c c < G C G C G C ZI", "G C G C G C Z. []I"},
    {"> Q c c S < G C G C ZI ZI", "G C G C Z. Z. []I"},
    {"> Q c S < G C G > c < C ZI", "G C G C Z. []I"},
    {"> Q S c c S < G C G C ZI ZI", "G C G C Z. Z. []I"},
    {"> E c S < C ZI", "C. Z. []I"}, /* it was no COPY */
    {"> E c S < G E ZI", "G -E E Z. []I"},
    {"> c S c Q c P c S < ZI T C ZI 1 ZI", "Z. T C Z. 1. Z. []I"},
    /* a COPY IN that failed after it had taken a Sync: read before the failure, or not? */
    {"> E S < G E > S < ZI", "G -E E Z. []I doubtful"},
    {"> E S < G E ZE", "G -E E Z. []E doubtful"},
    {"> E S < G E ZE ZE", "G -E E Z. Z! []E doubtful"},
    {"> E S < G > c S < E ZI", "G -E E Z. []I doubtful"},
    {"> E < G > S c S < E ZI", "G -E E Z. []I doubtful"},
    {"> E S < G E ZX", "G -E E Z! []T skipping doubtful"},
    {"> E S < G E 1", "G -E E 1! []T skipping doubtful"},
    {"> E S < G > c S < C ZI > E S < E ZI", "G C. Z. -E E Z. []I"},
};
/* clang-format on */

static void
each_script_gives_its_trace(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        struct trace t;
        run_script(scripts[i].script, &t);
        if (strcmp(t.text, scripts[i].trace) != 0) {
            print_error("%s\n", scripts[i].script);
        }
        assert_string_equal(t.text, scripts[i].trace);
    }
}

/* ---- errors at every place ---- */

/* A batch of n messages and a Sync, with a second batch behind: an error at message i drops i to
 * n - 1 in order, nothing else. */
static void
an_error_at_any_place_skips_to_the_next_sync(void **state)
{
    (void)state;
    static const char replies[] = "123";
    static const enum flow_kind kinds[] = {FLOW_PARSE, FLOW_BIND, FLOW_CLOSE};
    for (uint32_t n = 1; n < 24; n++) {
        for (uint32_t at = 0; at < n; at++) {
            struct trace t = {.len = 0};
            struct trace expected = {.len = 0};
            struct flow f;
            flow_init(&f);
            for (uint32_t i = 0; i < n; i++) {
                assert_true(push(&f, kinds[i % 3], FLOW_FORWARD, i));
            }
            assert_true(push(&f, FLOW_SYNC, FLOW_FORWARD, 0));
            assert_true(push(&f, FLOW_QUERY, FLOW_FORWARD, 0));
            for (uint32_t i = 0; i < at; i++) {
                assert_true(flow_reply(&f, (uint8_t)replies[i % 3], 0, NULL, NULL).done);
            }
            const struct flow_verdict v = flow_reply(&f, 'E', 'S', trace_dropped, &t);
            assert_false(v.bad || v.done);
            assert_int_equal(v.entry.tag.id, at);
            for (uint32_t i = at; i < n; i++) {
                trace_add(&expected, "-%c ", kind_letters[kinds[i % 3]]);
            }
            assert_string_equal(t.text, expected.text);
            assert_int_equal(flow_head(&f)->kind, FLOW_SYNC);
            assert_false(f.skipping);
            assert_true(flow_reply(&f, 'Z', 'E', NULL, NULL).done);
            assert_int_equal(flow_head(&f)->kind, FLOW_QUERY);
            flow_fini(&f);
        }
    }
}

/* ---- the queue ---- */

static void
entries_keep_their_order_through_growth_and_wraparound(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset < 2 * FLOW_INLINE; offset++) {
        struct flow f;
        uint64_t pushed = 0;
        uint64_t answered = 0;
        flow_init(&f);
        for (uint32_t i = 0; i < offset; i++) {
            assert_true(push(&f, FLOW_PARSE, FLOW_FORWARD, ++pushed));
            assert_int_equal(flow_reply(&f, '1', 0, NULL, NULL).entry.tag.id, ++answered);
        }
        assert_int_equal(f.size, FLOW_INLINE);
        while (pushed < 300) {
            assert_true(push(&f, FLOW_PARSE, FLOW_FORWARD, ++pushed));
            if (pushed % 5 == 0) {
                assert_int_equal(flow_head(&f)->tag.id, answered + 1);
                assert_int_equal(flow_reply(&f, '1', 0, NULL, NULL).entry.tag.id, ++answered);
            }
        }
        while (!flow_empty(&f)) {
            assert_int_equal(flow_reply(&f, '1', 0, NULL, NULL).entry.tag.id, ++answered);
        }
        assert_int_equal(answered, pushed);
        flow_fini(&f);
        assert_int_equal(f.size, FLOW_INLINE);
    }
}

static void
the_queue_has_a_limit(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f);
    for (uint32_t i = 0; i < FLOW_ENTRIES_MAX; i++) {
        assert_true(flow_has_room(&f, FLOW_ENTRIES_MAX - i));
        assert_false(flow_has_room(&f, FLOW_ENTRIES_MAX - i + 1));
        assert_true(push(&f, FLOW_CLOSE, FLOW_FORWARD, i));
    }
    assert_false(flow_has_room(&f, 1));
    assert_true(flow_has_room(&f, 0));
    assert_false(push(&f, FLOW_SYNC, FLOW_FORWARD, 0));
    assert_int_equal(f.count, FLOW_ENTRIES_MAX);
    assert_int_equal(flow_reply(&f, '3', 0, NULL, NULL).entry.tag.id, 0);
    assert_true(push(&f, FLOW_CLOSE, FLOW_FORWARD, FLOW_ENTRIES_MAX));
    assert_false(push(&f, FLOW_CLOSE, FLOW_FORWARD, 0));
    for (uint32_t i = 1; i <= FLOW_ENTRIES_MAX; i++) {
        assert_int_equal(flow_reply(&f, '3', 0, NULL, NULL).entry.tag.id, i);
    }
    assert_true(flow_empty(&f));
    flow_fini(&f);
}

static void
a_full_queue_of_syncs_goes_at_once(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f);
    assert_true(push(&f, FLOW_BIND, FLOW_FORWARD, 0));
    assert_true(push(&f, FLOW_EXECUTE, FLOW_FORWARD, 1));
    assert_true(flow_reply(&f, '2', 0, NULL, NULL).done);
    for (uint32_t i = 1; i < FLOW_ENTRIES_MAX; i++) {
        const bool ours = i % 3 == 0;
        assert_true(push(&f, ours ? FLOW_CLOSE : FLOW_SYNC, ours ? FLOW_LOCAL : FLOW_FORWARD, i));
    }
    assert_false(flow_reply(&f, 'G', 0, NULL, NULL).bad);
    assert_int_equal(f.count, 1 + (FLOW_ENTRIES_MAX - 1) / 3);
    flow_copy_done(&f);
    assert_int_equal(flow_reply(&f, 'C', 0, NULL, NULL).entry.tag.id, 1);
    struct flow_entry entry;
    for (uint32_t i = 3; i < FLOW_ENTRIES_MAX; i += 3) {
        assert_true(flow_take_local(&f, &entry));
        assert_int_equal(entry.tag.id, i);
    }
    assert_true(flow_empty(&f));
    flow_fini(&f);
}

static void
only_the_head_can_be_answered_here(void **state)
{
    (void)state;
    struct flow f;
    struct flow_entry entry = {.kind = FLOW_KINDS_COUNT};
    flow_init(&f);
    assert_false(flow_take_local(&f, &entry));
    assert_true(push(&f, FLOW_BIND, FLOW_FORWARD, 1));
    assert_true(push(&f, FLOW_PARSE, FLOW_LOCAL, 2));
    assert_false(flow_take_local(&f, &entry));
    assert_int_equal(entry.kind, FLOW_KINDS_COUNT);
    assert_true(flow_reply(&f, '2', 0, NULL, NULL).done);
    assert_true(flow_take_local(&f, &entry));
    assert_int_equal(entry.tag.id, 2);
    assert_true(flow_empty(&f));
    flow_fini(&f);
}

/* ---- random walks against a model of the server ---- */

/* What the model's server does with a message. */
enum outcome { WORKS, FAILS, COPIES_IN, COPIES_OUT, FAILS_AS_COPY_BEGINS, OUTCOMES_COUNT };

struct sent {
    char letter; /* of the kind, or 'c' CopyDone, 'f' CopyFail, 'd' CopyData */
    enum outcome outcome;
    uint64_t tag;
    enum flow_action action;
};

struct answer {
    uint8_t type;
    bool done; /* finishes its request */
    uint64_t tag;
    enum flow_action action;
};

enum { QUEUE_MAX = 512 };

struct server {
    struct sent in[QUEUE_MAX]; /* on the way to the server */
    size_t in_count, in_at;
    struct answer out[4 * QUEUE_MAX]; /* on the way back */
    size_t out_count, out_at;
    bool skips;          /* to the next Sync */
    bool copies;         /* reads CopyData for... */
    struct sent request; /* ...this one */
};

static void
server_says(struct server *s, uint8_t type, bool done, const struct sent *to)
{
    assert_true(s->out_count < COUNT_OF(s->out));
    s->out[s->out_count++] = (struct answer){type, done, to->tag, to->action};
}

/* PostgresMain: after an error in the extended protocol everything up to a Sync is skipped. */
static void
server_fails(struct server *s, const struct sent *at)
{
    server_says(s, 'E', false, at);
    s->copies = false;
    if (at->letter == 'Q' || at->letter == 'F' || at->letter == 'S') {
        server_says(s, 'Z', true, at);
        return;
    }
    s->skips = true;
}

static void
server_runs(struct server *s, const struct sent *m)
{
    if (m->outcome == COPIES_IN || m->outcome == FAILS_AS_COPY_BEGINS) {
        server_says(s, 'G', false, m);
        s->copies = true;
        s->request = *m;
    }
    if (m->outcome == FAILS || m->outcome == FAILS_AS_COPY_BEGINS) {
        server_fails(s, m);
        return;
    }
    if (m->outcome == COPIES_OUT) {
        server_says(s, 'H', false, m);
        server_says(s, 'd', false, m);
        server_says(s, 'c', false, m);
    }
    if (m->outcome == WORKS) {
        if (m->letter == 'Q') {
            server_says(s, 'T', false, m);
        }
        server_says(s, 'D', false, m);
    }
    if (!s->copies) {
        server_says(s, 'C', m->letter == 'E', m);
    }
}

/* CopyGetData: Sync and Flush are ignored, CopyDone ends, anything unexpected fails. */
static void
server_copies(struct server *s, const struct sent *m)
{
    if (m->letter == 'S' || m->letter == 'd') {
        return;
    }
    if (m->letter != 'c') {
        server_fails(s, &s->request);
        return;
    }
    s->copies = false;
    server_says(s, 'C', s->request.letter == 'E', &s->request);
    if (s->request.letter == 'Q') {
        server_says(s, 'Z', true, &s->request);
    }
}

static void
server_step(struct server *s)
{
    static const char simple[] = "PBC";
    static const char answers[] = "123";
    const struct sent *m = &s->in[s->in_at++];
    if (s->copies) {
        server_copies(s, m);
        return;
    }
    if (m->letter == 'c' || m->letter == 'f' || m->letter == 'd' ||
        (s->skips && m->letter != 'S')) {
        return;
    }
    if (m->letter == 'S') {
        s->skips = false;
    }
    if (strchr("EQ", m->letter) != NULL) {
        server_runs(s, m);
    } else if (m->outcome == FAILS) {
        server_fails(s, m);
        return;
    } else if (m->letter == 'D') {
        server_says(s, 't', false, m);
        server_says(s, 'n', true, m);
    } else if (m->letter == 'F') {
        server_says(s, 'V', false, m);
    } else if (m->letter != 'S') {
        server_says(s, (uint8_t)answers[strchr(simple, m->letter) - simple], true, m);
    }
    if (strchr("QFS", m->letter) != NULL && !s->copies && m->outcome != FAILS &&
        m->outcome != FAILS_AS_COPY_BEGINS) {
        server_says(s, 'Z', true, m);
    }
}

struct walk {
    struct dice dice;
    struct flow flow;
    struct server server;
    uint64_t tag;      /* of the last request */
    uint64_t finished; /* the highest tag that is done with: they finish in order */
    bool query_copies; /* a simple query that copies in: the client ends it before anything else */
    bool with_doubt;   /* such failures are among the outcomes */
};

static void
walk_finish(struct walk *w, uint64_t tag)
{
    assert_true(tag > w->finished && tag <= w->tag);
    w->finished = tag;
}

static void
walk_dropped(void *arg, const struct flow_entry *entry)
{
    walk_finish(arg, entry->tag.id);
}

static void
walk_locals(struct walk *w)
{
    struct flow_entry entry;
    while (flow_take_local(&w->flow, &entry)) {
        walk_finish(w, entry.tag.id);
    }
}

static void
walk_send(struct walk *w, struct sent m)
{
    struct server *s = &w->server;
    const char *letter = strchr(kind_letters, m.letter);
    if (letter != NULL) {
        m.tag = ++w->tag;
        assert_true(push(&w->flow, (enum flow_kind)(letter - kind_letters), m.action, m.tag));
        walk_locals(w);
    } else if (m.letter != 'd') {
        flow_copy_done(&w->flow);
    }
    if (m.action != FLOW_LOCAL) {
        assert_true(s->in_count < QUEUE_MAX);
        s->in[s->in_count++] = m;
    }
}

static enum outcome
walk_outcome(struct walk *w, char letter)
{
    if (dice_below(&w->dice, 8) == 0) {
        return FAILS;
    }
    if (strchr("EQ", letter) == NULL || dice_below(&w->dice, 2) == 0) {
        return WORKS;
    }
    if (w->with_doubt && dice_below(&w->dice, 4) == 0) {
        return FAILS_AS_COPY_BEGINS;
    }
    return dice_below(&w->dice, 3) == 0 ? COPIES_OUT : COPIES_IN;
}

/* One message of the client, or an answer that Teal will give. */
static void
walk_client(struct walk *w)
{
    static const char letters[] = "PBDECSQFEESSSccfdd";
    static const char in_copy[] = "dScf";
    char letter = letters[dice_below(&w->dice, sizeof(letters) - 1)];
    if (w->query_copies) {
        letter = in_copy[dice_below(&w->dice, sizeof(in_copy) - 1)];
        w->query_copies = letter != 'c' && letter != 'f';
    }
    if (letter == 'S' && w->flow.copy_in && !w->with_doubt) {
        letter = 'd'; /* the COPY may have failed already, and then the Sync counts */
    }
    struct sent m = {letter, walk_outcome(w, letter), 0, FLOW_FORWARD};
    if (strchr("PC", letter) != NULL && dice_below(&w->dice, 2) == 0) {
        m.action = FLOW_LOCAL;
    } else if (strchr("PCQ", letter) != NULL && dice_below(&w->dice, 4) == 0) {
        m.action = FLOW_SWALLOW;
    }
    walk_send(w, m);
    w->query_copies = w->query_copies || (letter == 'Q' && m.outcome == COPIES_IN);
}

/* False when the walk is over: in doubt one reply more may come, which the flow refuses or takes
 * for the next, and the backend is dropped at the first chance. */
static bool
walk_answer(struct walk *w)
{
    const struct answer a = w->server.out[w->server.out_at++];
    const struct flow_verdict v = flow_reply(&w->flow, a.type, 'I', walk_dropped, w);
    const bool in_doubt = w->with_doubt && w->flow.doubtful;
    if (in_doubt && (v.bad || flow_empty(&w->flow))) {
        return false;
    }
    assert_false(v.bad);
    if (!in_doubt) {
        assert_int_equal(v.action, a.action);
        assert_int_equal(v.done, a.done);
        assert_int_equal(v.done || a.type == 'E' ? v.entry.tag.id : a.tag, a.tag);
    }
    if (v.done) {
        walk_finish(w, v.entry.tag.id);
    }
    walk_locals(w);
    return true;
}

/* Everything that is on its way arrives; at the end a Sync, and nothing is owed. */
static bool
walk_drain(struct walk *w)
{
    struct server *s = &w->server;
    for (;;) {
        while (s->in_at < s->in_count) {
            server_step(s);
        }
        if (s->out_at == s->out_count) {
            return true;
        }
        if (!walk_answer(w)) {
            return false;
        }
    }
}

static void
walk_once(uint64_t seed, bool with_doubt)
{
    static struct walk w;
    w = (struct walk){.dice = {seed}, .with_doubt = with_doubt};
    flow_init(&w.flow);
    bool goes_on = true;
    for (size_t step = 0; goes_on && step < 400; step++) {
        struct server *s = &w.server;
        switch (dice_below(&w.dice, 3)) {
        case 0:
            walk_client(&w);
            break;
        case 1:
            if (s->in_at < s->in_count) {
                server_step(s);
            }
            break;
        default:
            goes_on = s->out_at == s->out_count || walk_answer(&w);
            break;
        }
        assert_true(w.flow.count <= w.flow.size);
        assert_false(w.flow.skipping && w.flow.count > 0);
    }
    if (goes_on && walk_drain(&w)) {
        /* End whatever COPY is open, and whatever is skipped. */
        walk_send(&w, (struct sent){'f', WORKS, 0, FLOW_FORWARD});
        walk_send(&w, (struct sent){'S', WORKS, 0, FLOW_FORWARD});
        goes_on = walk_drain(&w);
    }
    if (goes_on && !(with_doubt && w.flow.doubtful)) {
        assert_true(flow_empty(&w.flow));
        assert_false(w.flow.skipping || w.flow.copy_in || w.flow.syncs_ignored);
        assert_int_equal(w.finished, w.tag);
        assert_int_equal(w.flow.txn, 'I');
    }
    flow_fini(&w.flow);
}

static void
random_walks_agree_with_a_model_of_the_server(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        walk_once(seed, false);
    }
}

/* Where a COPY IN fails before it reads what was sent behind it, nobody can tell; the flow must
 * know that it does not know. */
static void
what_cannot_be_known_is_marked_as_doubtful(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        walk_once(seed, true);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_answered_by_its_own_replies_only),
        cmocka_unit_test(nothing_may_come_when_nothing_is_owed),
        cmocka_unit_test(the_state_of_the_transaction_is_one_of_three),
        cmocka_unit_test(each_script_gives_its_trace),
        cmocka_unit_test(an_error_at_any_place_skips_to_the_next_sync),
        cmocka_unit_test(entries_keep_their_order_through_growth_and_wraparound),
        cmocka_unit_test(the_queue_has_a_limit),
        cmocka_unit_test(a_full_queue_of_syncs_goes_at_once),
        cmocka_unit_test(only_the_head_can_be_answered_here),
        cmocka_unit_test(random_walks_agree_with_a_model_of_the_server),
        cmocka_unit_test(what_cannot_be_known_is_marked_as_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
