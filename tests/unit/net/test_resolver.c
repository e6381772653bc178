/* test_resolver.c — where host names lead: questions, shared lookups, bounds. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "net/loop.h"

/* The resolver of this program: what begins with "held" is not answered while the gate is shut,
 * "gone" leads nowhere, everything else is this machine. Prototype as in netdb.h. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int held;      /* lookups that wait */
    int held_most; /* at one time */
    int asked;     /* of any name */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
gate_wait(const char *name)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.asked++;
    gate.held += strncmp(name, "held", 4) == 0;
    gate.held_most = gate.held > gate.held_most ? gate.held : gate.held_most;
    (void)pthread_cond_broadcast(&gate.changed);
    while (!gate.open && strncmp(name, "held", 4) == 0) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
    gate.held -= strncmp(name, "held", 4) == 0;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void
gate_await_held(int wanted)
{
    (void)pthread_mutex_lock(&gate.lock);
    while (gate.held != wanted) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
    (void)pthread_mutex_unlock(&gate.lock);
}

static void
gate_open(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.open = true;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static struct sockaddr_in here = {.sin_family = AF_INET};
static struct addrinfo answer = {.ai_family = AF_INET};

int
getaddrinfo(const char *restrict name, const char *restrict service,
            const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    (void)service;
    (void)hints;
    gate_wait(name);
    if (strcmp(name, "gone") == 0) {
        return EAI_NONAME;
    }
    *out = &answer;
    return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
    assert_ptr_equal(list, &answer);
}

/* The name server of this program: the records of "ttl-N" live N seconds, nothing else has any.
 * Prototype as in resolv.h. */
int
res_nsearch(res_state state, const char *name, int class, int type, unsigned char *out, int size)
{
    unsigned char message[] = {0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0,   0, 0, 0, 0,
                               1, 0, 1,    0,    0, 0, 0, 0, 4, 127, 0, 0, 1};
    (void)state;
    (void)class;
    (void)type;
    if (strncmp(name, "ttl-", 4) != 0) {
        return -1;
    }
    const unsigned long ttl = strtoul(name + 4, NULL, 10);
    message[19] = (unsigned char)(ttl >> 8);
    message[20] = (unsigned char)ttl;
    assert_true(size > (int)sizeof(message));
    memcpy(out, message, sizeof(message));
    return sizeof(message);
}

struct fixture {
    struct loop *loop; /* owned */
    struct resolver *resolver;
    int found;
    int failed;
    int wanted; /* the loop stops at so many */
    struct err err;
    const char *then;                 /* asked when the first is answered; NULL: nothing */
    int chain;                        /* with each answer another name is asked, so many times */
    struct resolver_question *victim; /* cancelled when the first is answered */
};

static void
done(void *arg, const struct address_list *found, const struct err *err)
{
    struct fixture *f = arg;
    assert_true((found != NULL) != (err != NULL));
    f->found += found != NULL;
    f->failed += err != NULL;
    if (err != NULL) {
        f->err = *err;
    }
    if (f->victim != NULL) {
        resolver_cancel(f->victim);
        f->victim = NULL;
    }
    if (f->then != NULL) {
        const char *then = f->then;
        f->then = NULL;
        (void)resolver_ask(f->resolver, then, 5432, done, f);
    }
    if (f->chain > 0) {
        char host[32];
        (void)snprintf(host, sizeof(host), "db-%d", f->chain--);
        (void)resolver_ask(f->resolver, host, 5432, done, f);
    }
    if (f->found + f->failed == f->wanted) {
        loop_stop(f->loop);
    }
}

static struct fixture
a_fixture(int wanted)
{
    gate.open = false;
    gate.held = gate.held_most = gate.asked = 0;
    struct fixture f = {.loop = loop_new(), .wanted = wanted};
    f.resolver = resolver_new(f.loop);
    return f;
}

static void
end(struct fixture *f)
{
    resolver_free(f->resolver);
    loop_free(f->loop);
    gate_open(); /* threads come back to nobody */
    gate_await_held(0);
}

static struct resolver_question *
ask(struct fixture *f, const char *host)
{
    return resolver_ask(f->resolver, host, 5432, done, f);
}

static void
a_question_is_answered_in_the_loop(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    (void)ask(&f, "db");
    assert_int_equal(f.found, 0);
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    end(&f);
}

static void
a_name_that_leads_nowhere_is_told(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    (void)ask(&f, "gone");
    loop_run(f.loop);
    assert_int_equal(f.failed, 1);
    assert_string_equal(f.err.sqlstate, SQLSTATE_CONNECTION_FAILURE);
    assert_non_null(strstr(f.err.text, "\"gone\""));
    end(&f);
}

static void
questions_about_one_name_are_one_lookup(void **state)
{
    (void)state;
    struct fixture f = a_fixture(3);
    (void)ask(&f, "held");
    gate_await_held(1);
    (void)ask(&f, "held");
    (void)ask(&f, "held");
    gate_open();
    loop_run(f.loop);
    assert_int_equal(f.found, 3);
    assert_int_equal(gate.asked, 1);
    end(&f);
}

static void
a_name_at_another_port_is_another_question(void **state)
{
    (void)state;
    struct fixture f = a_fixture(2);
    (void)ask(&f, "db");
    (void)resolver_ask(f.resolver, "db", 5433, done, &f);
    loop_run(f.loop);
    assert_int_equal(gate.asked, 2);
    end(&f);
}

static void
one_that_asks_again_gets_a_new_answer(void **state)
{
    (void)state;
    struct fixture f = a_fixture(2);
    f.then = "db";
    (void)ask(&f, "db");
    loop_run(f.loop);
    assert_int_equal(f.found, 2);
    assert_int_equal(gate.asked, 2);
    end(&f);
}

static void
one_answer_may_cancel_the_next(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    (void)ask(&f, "db");
    f.victim = ask(&f, "db");
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    end(&f);
}

static void
a_cancelled_question_is_not_answered(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    struct resolver_question *held = ask(&f, "held");
    gate_await_held(1);
    resolver_cancel(held);
    (void)ask(&f, "db");
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    resolver_cancel(NULL);
    end(&f);
}

/* Also of those that were given up: their threads are still there. */
static void
threads_are_bounded_and_all_are_answered(void **state)
{
    (void)state;
    enum { ASKED = RESOLVER_THREADS_MAX * 2, CANCELLED = 10 };
    struct fixture f = a_fixture(ASKED - CANCELLED);
    struct resolver_question *questions[ASKED];
    for (int i = 0; i < ASKED; i++) {
        char host[32];
        (void)snprintf(host, sizeof(host), "held-%d", i);
        questions[i] = ask(&f, host);
    }
    gate_await_held(RESOLVER_THREADS_MAX);
    for (int i = 0; i < CANCELLED; i++) {
        resolver_cancel(questions[i * (ASKED / CANCELLED)]);
    }
    gate_open();
    loop_run(f.loop);
    assert_int_equal(f.found, ASKED - CANCELLED);
    assert_int_equal(gate.held_most, RESOLVER_THREADS_MAX);
    end(&f);
}

static void
names_are_bounded(void **state)
{
    (void)state;
    struct fixture f = a_fixture(RESOLVER_NAMES_MAX * 2 + 1);
    f.chain = RESOLVER_NAMES_MAX * 2;
    (void)ask(&f, "ttl-30");
    loop_run(f.loop);
    assert_int_equal(f.found, RESOLVER_NAMES_MAX * 2 + 1);
    assert_int_equal(resolver_ttl_us(f.resolver, "ttl-30", 5432), 15 * 1000000); /* forgotten */
    end(&f);
}

static uint64_t
ttl_told(const char *host)
{
    struct fixture f = a_fixture(1);
    f.then = host; /* its second lookup begins when the first is over */
    f.wanted = 2;
    (void)ask(&f, host);
    loop_run(f.loop);
    const uint64_t ttl_us = resolver_ttl_us(f.resolver, host, 5432);
    end(&f);
    return ttl_us;
}

static void
the_time_to_live_is_remembered_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(ttl_told("ttl-30"), 30 * 1000000);
    assert_int_equal(ttl_told("ttl-0"), 1000000);
    assert_int_equal(ttl_told("ttl-3600"), 60 * 1000000);
    assert_int_equal(ttl_told("in-a-file"), 15 * 1000000);
}

int
main(void)
{
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    answer.ai_addr = (struct sockaddr *)(void *)&here;
    answer.ai_addrlen = sizeof(here);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_in_the_loop),
        cmocka_unit_test(a_name_that_leads_nowhere_is_told),
        cmocka_unit_test(questions_about_one_name_are_one_lookup),
        cmocka_unit_test(a_name_at_another_port_is_another_question),
        cmocka_unit_test(one_that_asks_again_gets_a_new_answer),
        cmocka_unit_test(one_answer_may_cancel_the_next),
        cmocka_unit_test(a_cancelled_question_is_not_answered),
        cmocka_unit_test(threads_are_bounded_and_all_are_answered),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(the_time_to_live_is_remembered_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
