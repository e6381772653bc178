/* http.c — one GET of a small document, by a loop. See http.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/loop.h"

enum { HEADERS_MAX = 16 * 1024 };

struct http_get {
    struct loop *loop;                    /* borrowed */
    struct evhttp_connection *connection; /* owned */
    struct timer *timer; /* owned: the whole time; libevent has one for each step */
    http_done_fn *done;
    void *arg; /* borrowed */
    bool is_starting;
    bool is_told; /* or nobody is to be told any more */
    bool is_late; /* the timer is for that */
    char where[NI_MAXHOST + NI_MAXSERV];
};

static const char unreachable[] = "cannot be reached, or its answer is no HTTP of a fair length";

static void
get_free(void *arg)
{
    struct http_get *get = arg;
    evhttp_connection_free(get->connection);
    mem_free(get);
}

/* The connection is still in its callback: it goes at the end of the turn. */
static void
get_end(struct http_get *get, int status, struct slice body, const struct err *err)
{
    get->is_told = true;
    timer_free(get->timer);
    loop_dispose(get->loop, get_free, get);
    get->done(get->arg, status, body, err);
}

static void
get_fail(struct http_get *get, const char *what)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s %s", get->where, what);
    get_end(get, 0, SLICE_EMPTY, &err);
}

/* Without a request, or with one of status 0, there is no answer; libevent does not say why. */
static void
on_answer(struct evhttp_request *request, void *arg)
{
    struct http_get *get = arg;
    const int status = request == NULL ? 0 : evhttp_request_get_response_code(request);
    if (get->is_told) {
        return;
    }
    if (get->is_starting) { /* a refusal may come at once */
        get->is_late = false;
        timer_start(get->timer, 0);
        return;
    }
    if (status == 0) {
        get_fail(get, unreachable);
        return;
    }
    struct evbuffer *buffer = evhttp_request_get_input_buffer(request);
    const size_t len = evbuffer_get_length(buffer);
    get_end(get, status, slice_of(evbuffer_pullup(buffer, -1), len), NULL);
}

static void
on_late(void *arg)
{
    struct http_get *get = arg;
    get_fail(get, get->is_late ? "has not answered in time" : unreachable);
}

static void
put_where(struct http_get *get, const struct address *address, char *number, size_t size)
{
    char port[8];
    const int rc =
        getnameinfo((const struct sockaddr *)(const void *)&address->addr, address->len, number,
                    (socklen_t)size, port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    CHECK(rc == 0); /* numbers need no resolver */
    (void)snprintf(get->where, sizeof(get->where), "%s port %s", number, port);
}

static uint16_t
port_of(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address->addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address->addr;
    CHECK(address->addr.ss_family == AF_INET || address->addr.ss_family == AF_INET6);
    return ntohs(address->addr.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

static struct evhttp_request *
request_new(struct http_get *get, const char *name)
{
    struct evhttp_request *request = evhttp_request_new(on_answer, get);
    CHECK(request != NULL);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    CHECK(evhttp_add_header(headers, "Host", name) == 0);
    CHECK(evhttp_add_header(headers, "Connection", "close") == 0);
    return request;
}

struct http_get *
http_get_start(struct loop *loop, const struct http_question *question, http_done_fn *done,
               void *arg)
{
    char number[NI_MAXHOST];
    struct http_get *get = xcalloc(1, sizeof(*get));
    get->loop = loop;
    get->done = done;
    get->arg = arg;
    put_where(get, question->address, number, sizeof(number));
    get->connection =
        evhttp_connection_base_new(loop_event_base(loop), NULL, number, port_of(question->address));
    CHECK(get->connection != NULL);
    evhttp_connection_set_max_body_size(get->connection, HTTP_BODY_MAX);
    evhttp_connection_set_max_headers_size(get->connection, HEADERS_MAX);
    struct evhttp_request *request = request_new(get, question->name);
    get->timer = timer_new(loop, on_late, get);
    timer_start(get->timer, question->timeout_us);
    get->is_starting = get->is_late = true;
    if (evhttp_make_request(get->connection, request, EVHTTP_REQ_GET, question->path) != 0) {
        get->is_late = false;
        timer_start(get->timer, 0);
    }
    get->is_starting = false;
    return get;
}

void
http_get_cancel(struct http_get *get)
{
    if (get == NULL) {
        return;
    }
    get->is_told = true;
    timer_free(get->timer);
    loop_dispose(get->loop, get_free, get);
}
