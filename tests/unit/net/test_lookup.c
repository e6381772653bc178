/* test_lookup.c — a name asked of the system's resolver in a thread of its own. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "net/loop.h"

/* The resolver of this program: "held" is not answered before the gate is opened, "gone" leads
 * nowhere, everything else is this machine. Prototype as in netdb.h. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int held;     /* lookups that wait */
    int answered; /* and those that do no longer */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
gate_wait(void)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.held++;
    (void)pthread_cond_broadcast(&gate.changed);
    while (!gate.open) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
    gate.answered++;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void
gate_set(bool open)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.open = open;
    gate.held = gate.answered = 0;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void
gate_await(const int *count, int wanted)
{
    (void)pthread_mutex_lock(&gate.lock);
    while (*count < wanted) {
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    }
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
    if (strcmp(name, "held") == 0) {
        gate_wait();
    }
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

/* The name server of this program: an A record of 7 s for everything, but the records of "filed"
 * are held. Prototype as in resolv.h. */
int
res_nsearch(res_state state, const char *name, int class, int type, unsigned char *out, int size)
{
    static const unsigned char message[] = {0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0,   0, 0, 0, 0,
                                            1, 0, 1,    0,    0, 0, 7, 0, 4, 127, 0, 0, 1};
    (void)state;
    (void)class;
    (void)type;
    if (strcmp(name, "filed") == 0) {
        gate_wait();
        return -1;
    }
    assert_true(size > (int)sizeof(message));
    memcpy(out, message, sizeof(message));
    return sizeof(message);
}

struct fixture {
    struct loop *loop; /* owned */
    int found;
    int failed;
    int over;
    int wanted;       /* the loop stops when so many are over */
    int wanted_found; /* or found */
    uint64_t ttl_us;
    struct err err;
};

static void
on_found(void *arg, const struct address_list *found, const struct err *err)
{
    struct fixture *f = arg;
    assert_true((found != NULL) != (err != NULL));
    if (found != NULL) {
        assert_int_equal(found->count, 1);
        f->found++;
    } else {
        f->err = *err;
        f->failed++;
    }
    if (f->wanted_found > 0 && f->found == f->wanted_found) {
        loop_stop(f->loop);
    }
}

static void
on_over(void *arg, uint64_t ttl_us)
{
    struct fixture *f = arg;
    f->over++;
    f->ttl_us = ttl_us;
    assert_true(f->found + f->failed >= f->over);
    if (f->over == f->wanted) {
        loop_stop(f->loop);
    }
}

static const struct lookup_ops ops = {.found = on_found, .over = on_over};

static struct fixture
a_fixture(int wanted)
{
    gate_set(false);
    return (struct fixture){.loop = loop_new(), .wanted = wanted};
}

static void
a_name_is_found_in_the_loop(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    (void)lookup_start(f.loop, "db", 5432, &ops, &f);
    assert_int_equal(f.found, 0);
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    assert_int_equal(f.over, 1);
    assert_int_equal(f.ttl_us, 7 * 1000000);
    loop_free(f.loop);
}

static void
addresses_do_not_wait_for_their_time_to_live(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    f.wanted_found = 1;
    struct lookup *filed = lookup_start(f.loop, "filed", 5432, &ops, &f);
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    assert_int_equal(f.over, 0);
    lookup_cancel(filed); /* between the two */
    loop_free(f.loop);
    gate_await(&gate.held, 1);
    gate_set(true);
    gate_await(&gate.answered, 1);
}

static void
a_name_that_leads_nowhere_is_told(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    (void)lookup_start(f.loop, "gone", 5432, &ops, &f);
    loop_run(f.loop);
    assert_int_equal(f.failed, 1);
    assert_int_equal(f.ttl_us, 0);
    assert_non_null(strstr(f.err.text, "\"gone\""));
    loop_free(f.loop);
}

static void
a_resolver_that_does_not_answer_stops_nothing(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    struct lookup *held = lookup_start(f.loop, "held", 5432, &ops, &f);
    gate_await(&gate.held, 1);
    (void)lookup_start(f.loop, "db", 5432, &ops, &f);
    loop_run(f.loop);
    assert_int_equal(f.found, 1);
    lookup_cancel(held);
    loop_free(f.loop);
    gate_set(true); /* the thread comes back to nobody */
    gate_await(&gate.answered, 1);
}

static void
what_was_found_and_is_not_wanted_goes(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) { /* whoever comes first */
        struct fixture f = a_fixture(1);
        gate_set(true);
        struct lookup *lookup = lookup_start(f.loop, "held", 5432, &ops, &f);
        gate_await(&gate.answered, i % 2);
        lookup_cancel(lookup);
        loop_free(f.loop);
        assert_int_equal(f.found + f.failed, 0);
        gate_await(&gate.answered, 1);
    }
    lookup_cancel(NULL);
}

/* Whatever the thread does at the moment: before its answer, while it posts, after it. */
static void
cancelled_at_any_moment_it_is_freed_once(void **state)
{
    (void)state;
    struct fixture f = a_fixture(1);
    for (unsigned pause = 0; pause < 2000; pause++) {
        struct lookup *l = lookup_start(f.loop, "db", 5432, &ops, &f);
        for (volatile unsigned spin = 0; spin < pause * 20; spin++) {
        }
        lookup_cancel(l);
    }
    assert_int_equal(f.found + f.failed, 0);
    loop_free(f.loop);
}

int
main(void)
{
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    answer.ai_addr = (struct sockaddr *)(void *)&here;
    answer.ai_addrlen = sizeof(here);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_found_in_the_loop),
        cmocka_unit_test(addresses_do_not_wait_for_their_time_to_live),
        cmocka_unit_test(a_name_that_leads_nowhere_is_told),
        cmocka_unit_test(a_resolver_that_does_not_answer_stops_nothing),
        cmocka_unit_test(what_was_found_and_is_not_wanted_goes),
        cmocka_unit_test(cancelled_at_any_moment_it_is_freed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
