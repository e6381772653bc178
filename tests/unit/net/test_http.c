/* test_http.c — one GET of a small document. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "net/loop.h"

enum { TIMEOUT_US = 300 * 1000, LONG_BODY = HTTP_BODY_MAX + 1000 };

/* A server of one connection, which says what it was told to, whatever it is asked. */
struct server {
    int listener;
    struct address address;
    const char *says; /* NULL: nothing, and it waits for the end */
    size_t body_len;  /* so many bytes behind it */
    char asked[1024];
    pthread_t thread;
};

static void
say(int fd, const char *bytes, size_t len)
{
    for (ssize_t n = 1; len > 0 && n > 0; len -= (size_t)n, bytes += n) {
        n = send(fd, bytes, len, MSG_NOSIGNAL);
    }
}

static void *
serve(void *arg)
{
    struct server *s = arg;
    static char body[LONG_BODY];
    const int fd = accept(s->listener, NULL, NULL);
    const ssize_t n = recv(fd, s->asked, sizeof(s->asked) - 1, 0);
    memset(body, 'x', sizeof(body));
    if (n > 0 && s->says != NULL) {
        say(fd, s->says, strlen(s->says));
        say(fd, body, s->body_len);
    } else if (n > 0) {
        char end;
        (void)recv(fd, &end, 1, 0);
    }
    (void)close(fd);
    return NULL;
}

static void
listen_somewhere(struct server *s)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)(void *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)(void *)&in, &len), 0);
    memcpy(&s->address.addr, &in, sizeof(in));
    s->address.len = sizeof(in);
}

struct asking {
    struct loop *loop;
    int calls;
    int status;
    size_t len;
    struct err err;
};

static void
done(void *arg, int status, struct slice body, const struct err *err)
{
    struct asking *a = arg;
    a->calls++;
    a->status = status;
    a->len = body.len;
    a->err = err == NULL ? (struct err){0} : *err;
    assert_int_equal(status == 0, err != NULL);
    loop_stop(a->loop);
}

static struct asking
ask(struct server *s)
{
    struct asking a = {.loop = loop_new()};
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    (void)http_get_start(
        a.loop, &(struct http_question){&s->address, "patroni.example", "/cluster", TIMEOUT_US},
        done, &a);
    assert_int_equal(a.calls, 0);
    loop_run(a.loop);
    loop_free(a.loop);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->listener);
    assert_int_equal(a.calls, 1);
    return a;
}

static void
a_document_comes_with_its_status(void **state)
{
    (void)state;
    struct server s = {.says = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", .body_len = 5};
    listen_somewhere(&s);
    const struct asking a = ask(&s);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.len, 5);
    assert_non_null(strstr(s.asked, "GET /cluster HTTP/1.1\r\n"));
    assert_non_null(strstr(s.asked, "Host: patroni.example\r\n"));
}

static void
an_error_of_the_server_is_an_answer(void **state)
{
    (void)state;
    struct server s = {.says = "HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"};
    listen_somewhere(&s);
    assert_int_equal(ask(&s).status, 503);
}

static void
what_is_no_http_is_told(void **state)
{
    (void)state;
    struct server s = {.says = "220 mail ready\r\n\r\n"};
    listen_somewhere(&s);
    const struct asking a = ask(&s);
    assert_string_equal(a.err.sqlstate, SQLSTATE_CONNECTION_FAILURE);
    assert_non_null(strstr(a.err.text, "127.0.0.1 port "));
}

static void
what_is_too_long_is_told(void **state)
{
    (void)state;
    struct server s = {.says = "HTTP/1.0 200 OK\r\n\r\n", .body_len = LONG_BODY};
    listen_somewhere(&s);
    const struct asking a = ask(&s);
    assert_true(err_is_set(&a.err));
}

static void
one_that_does_not_answer_is_late(void **state)
{
    (void)state;
    struct server s = {.says = NULL};
    listen_somewhere(&s);
    const struct asking a = ask(&s);
    assert_non_null(strstr(a.err.text, "has not answered in time"));
}

static void
one_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct server s = {.says = NULL};
    listen_somewhere(&s); /* and nobody listens */
    struct asking a = {.loop = loop_new()};
    (void)http_get_start(a.loop, &(struct http_question){&s.address, "x", "/", TIMEOUT_US}, done,
                         &a);
    assert_int_equal(a.calls, 0);
    loop_run(a.loop);
    loop_free(a.loop);
    (void)close(s.listener);
    assert_non_null(strstr(a.err.text, "cannot be reached"));
}

static void
a_cancelled_one_is_not_told(void **state)
{
    (void)state;
    struct server s = {.says = NULL};
    struct asking a = {.loop = loop_new()};
    listen_somewhere(&s);
    assert_int_equal(listen(s.listener, 1), 0);
    http_get_cancel(http_get_start(
        a.loop, &(struct http_question){&s.address, "x", "/", TIMEOUT_US}, done, &a));
    http_get_cancel(NULL);
    loop_free(a.loop);
    (void)close(s.listener);
    assert_int_equal(a.calls, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_comes_with_its_status),
        cmocka_unit_test(an_error_of_the_server_is_an_answer),
        cmocka_unit_test(what_is_no_http_is_told),
        cmocka_unit_test(what_is_too_long_is_told),
        cmocka_unit_test(one_that_does_not_answer_is_late),
        cmocka_unit_test(one_that_is_not_there_is_told),
        cmocka_unit_test(a_cancelled_one_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
