/* test_loop.c — timers, watches, signals, disposal and the mailbox. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

enum { EVENTS_MAX = 64 };

/* What happened, as letters in their order. */
struct story {
    struct loop *loop;
    struct timer *timer;
    struct watch *watch;
    char events[EVENTS_MAX];
    size_t count;
    size_t stop_at; /* stops the loop when so many have happened */
};

static void
story_add(struct story *s, char event)
{
    assert_true(s->count < EVENTS_MAX - 1);
    s->events[s->count++] = event;
    s->events[s->count] = '\0';
    if (s->count == s->stop_at) {
        loop_stop(s->loop);
    }
}

/* One event of a story, as a callback's argument. */
struct chapter {
    struct story *story;
    char event;
};

static void
chapter_happens(void *arg)
{
    const struct chapter *c = arg;
    story_add(c->story, c->event);
}

static void
timers_fire_in_the_order_of_their_time(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 3};
    struct chapter chapters[] = {{&s, 'c'}, {&s, 'a'}, {&s, 'b'}};
    static const uint64_t delays_us[] = {9000, 0, 4000};
    struct timer *timers[3];
    for (int i = 0; i < 3; i++) {
        timers[i] = timer_new(s.loop, chapter_happens, &chapters[i]);
        timer_start(timers[i], delays_us[i]);
    }
    loop_run(s.loop);
    assert_string_equal(s.events, "abc");
    for (int i = 0; i < 3; i++) {
        timer_free(timers[i]);
    }
    loop_free(s.loop);
}

static void
a_timer_that_is_stopped_or_moved_fires_once_at_most(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 2};
    struct chapter chapters[] = {{&s, 'x'}, {&s, 'm'}, {&s, 'e'}};
    struct timer *stopped = timer_new(s.loop, chapter_happens, &chapters[0]);
    struct timer *moved = timer_new(s.loop, chapter_happens, &chapters[1]);
    struct timer *end = timer_new(s.loop, chapter_happens, &chapters[2]);
    timer_start(stopped, 1000);
    timer_stop(stopped);
    timer_stop(stopped);
    timer_start(moved, 60000000);
    timer_start(moved, 1000);
    timer_start(end, 8000);
    loop_run(s.loop);
    assert_string_equal(s.events, "me");
    timer_free(stopped);
    timer_free(moved);
    timer_free(end);
    timer_free(NULL);
    loop_free(s.loop);
}

static void
now_is_one_reading_a_turn(void *arg)
{
    struct story *s = arg;
    const uint64_t now_us = loop_now_us(s->loop);
    while (clock_now_us() < now_us + 2000) {
    }
    assert_int_equal(loop_now_us(s->loop), now_us);
    loop_stop(s->loop);
}

static void
the_time_stands_still_within_a_turn(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new()};
    const uint64_t before_us = loop_now_us(s.loop);
    struct timer *timer = timer_new(s.loop, now_is_one_reading_a_turn, &s);
    timer_start(timer, 3000);
    loop_run(s.loop);
    assert_true(loop_now_us(s.loop) >= before_us + 3000);
    timer_free(timer);
    loop_free(s.loop);
}

static void
story_ends(void *arg)
{
    story_add(arg, 'd');
}

static void
dispose_then_tell(void *arg)
{
    struct story *s = arg;
    loop_dispose(s->loop, story_ends, s);
    story_add(s, 't');
    timer_free(s->timer); /* under its own callback */
    s->timer = NULL;
}

static void
disposal_comes_after_the_callback(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 2};
    s.timer = timer_new(s.loop, dispose_then_tell, &s);
    timer_start(s.timer, 0);
    loop_run(s.loop);
    assert_string_equal(s.events, "td");
    loop_free(s.loop);
}

static void
what_is_left_is_disposed_with_the_loop(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new()};
    struct chapter c = {&s, 'd'};
    loop_dispose(s.loop, chapter_happens, &c);
    assert_int_equal(s.count, 0);
    loop_free(s.loop);
    assert_string_equal(s.events, "d");
}

/* Reads one byte a time: 'r'; then asks for writing only: 'w'; then for nothing. */
static void
pipe_ready(void *arg, unsigned ready)
{
    struct story *s = arg;
    if ((ready & WATCH_READ) != 0) {
        story_add(s, 'r');
        if (s->count == 3) {
            watch_set(s->watch, WATCH_WRITE);
        }
        return;
    }
    assert_int_equal(ready, WATCH_WRITE);
    story_add(s, 'w');
    if (s->count == 5) {
        watch_set(s->watch, 0);
        timer_start(s->timer, 3000);
    }
}

static void
a_watch_is_level_triggered_and_follows_the_interest(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 6};
    struct chapter end = {&s, 'e'};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1); /* never read: stays readable */
    s.timer = timer_new(s.loop, chapter_happens, &end);
    s.watch = watch_new(s.loop, ends[0], pipe_ready, &s);
    watch_set(s.watch, WATCH_READ);
    watch_set(s.watch, WATCH_READ);
    loop_run(s.loop);
    assert_string_equal(s.events, "rrrwwe");
    watch_free(s.watch);
    watch_free(NULL);
    timer_free(s.timer);
    (void)close(ends[0]);
    (void)close(ends[1]);
    loop_free(s.loop);
}

static void
signal_came(void *arg, int signo)
{
    struct story *s = arg;
    assert_int_equal(signo, SIGUSR1);
    story_add(s, 's');
}

static void
a_signal_is_delivered_in_the_loop(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 1};
    struct signal_watch *watch = signal_watch_new(s.loop, SIGUSR1, signal_came, &s);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(s.count, 0);
    loop_run(s.loop);
    assert_string_equal(s.events, "s");
    signal_watch_free(watch);
    loop_free(s.loop);
}

enum { THREADS = 3, LETTERS = 20000 };

struct letter {
    struct post *post; /* borrowed */
    int from;
    int number;
};

struct post {
    struct loop *loop;
    struct mailbox *mailbox;
    pthread_t owner;
    int next[THREADS]; /* the number that each thread's next letter must have */
    int received;
};

struct sender {
    struct post *post; /* borrowed */
    int from;
};

static void
letter_read(void *arg)
{
    struct letter *letter = arg;
    struct post *post = letter->post;
    assert_true(pthread_equal(pthread_self(), post->owner) != 0);
    assert_int_equal(letter->number, post->next[letter->from]);
    post->next[letter->from]++;
    mem_free(letter);
    if (++post->received == THREADS * LETTERS) {
        loop_stop(post->loop);
    }
}

static void *
send_letters(void *arg)
{
    const struct sender *sender = arg;
    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = xcalloc(1, sizeof(*letter));
        *letter = (struct letter){sender->post, sender->from, i};
        mailbox_post(sender->post->mailbox, letter_read, letter);
    }
    return NULL;
}

static void
letters_of_each_thread_arrive_in_order(void **state)
{
    (void)state;
    struct post post = {.loop = loop_new(), .owner = pthread_self()};
    post.mailbox = mailbox_new(post.loop);
    struct sender senders[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){&post, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    loop_run(post.loop);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(post.next[i], LETTERS);
    }
    mailbox_free(post.mailbox);
    loop_free(post.loop);
}

/* A letter that posts another. */
struct chain {
    struct story *story;
    struct mailbox *mailbox;
    struct chapter second;
};

static void
post_the_second(void *arg)
{
    struct chain *chain = arg;
    mailbox_post(chain->mailbox, chapter_happens, &chain->second);
    story_add(chain->story, '1');
}

static void
a_letter_may_post_another(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new(), .stop_at = 2};
    struct chain chain = {&s, mailbox_new(s.loop), {&s, '2'}};
    mailbox_post(chain.mailbox, post_the_second, &chain);
    loop_run(s.loop);
    assert_string_equal(s.events, "12");
    mailbox_free(chain.mailbox);
    loop_free(s.loop);
}

static void
letters_not_delivered_are_dropped(void **state)
{
    (void)state;
    struct story s = {.loop = loop_new()};
    struct chapter c = {&s, 'x'};
    struct mailbox *mailbox = mailbox_new(s.loop);
    mailbox_post(mailbox, chapter_happens, &c);
    mailbox_free(mailbox);
    mailbox_free(NULL);
    loop_free(s.loop);
    assert_int_equal(s.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_time),
        cmocka_unit_test(a_timer_that_is_stopped_or_moved_fires_once_at_most),
        cmocka_unit_test(the_time_stands_still_within_a_turn),
        cmocka_unit_test(disposal_comes_after_the_callback),
        cmocka_unit_test(what_is_left_is_disposed_with_the_loop),
        cmocka_unit_test(a_watch_is_level_triggered_and_follows_the_interest),
        cmocka_unit_test(a_signal_is_delivered_in_the_loop),
        cmocka_unit_test(letters_of_each_thread_arrive_in_order),
        cmocka_unit_test(a_letter_may_post_another),
        cmocka_unit_test(letters_not_delivered_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
