/* test_pq.c — the control connection against a small server of the test's own.
 *
 * The server speaks just enough of the protocol. How it behaves at the login is chosen by the
 * user's name, how it answers a query by the query's text, so that each test reads as what it does.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/pq.h"

#include <arpa/inet.h>
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

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

/* ---- the server ---- */

struct server {
    int listener;
    uint16_t port;
    pthread_t thread;
    int logins; /* read after the thread has ended */
};

static void
put_frame(struct buf *out, char type, const void *body, size_t len)
{
    buf_put_u8(out, (uint8_t)type);
    buf_put_u32(out, (uint32_t)len + 4);
    buf_put(out, body, len);
}

static void
put_error(struct buf *out, const char *severity, const char *sqlstate, const char *text)
{
    struct buf body;
    buf_init(&body);
    buf_printf(&body, "S%s%cV%s%cC%s%cM%s%cFauth.c%cL33%cRauth_failed%c%c", severity, 0, severity,
               0, sqlstate, 0, text, 0, 0, 0, 0, 0);
    put_frame(out, 'E', buf_slice(&body).p, buf_len(&body));
    buf_fini(&body);
}

/* One row of one column; NULL for SQL's NULL. */
static void
put_row(struct buf *out, const char *text)
{
    /* one column "c" of no table, type text, length and modifier -1, as text */
    static const uint8_t description[] = "\0\1c\0\0\0\0\0\0\0\0\0\0\31"
                                         "\377\377\377\377\377\377\0";
    put_frame(out, 'T', description, sizeof(description));
    struct buf body;
    buf_init(&body);
    buf_put_u16(&body, 1);
    buf_put_u32(&body, text == NULL ? UINT32_MAX : (uint32_t)strlen(text));
    if (text != NULL) {
        buf_put(&body, text, strlen(text));
    }
    put_frame(out, 'D', buf_slice(&body).p, buf_len(&body));
    buf_fini(&body);
    put_frame(out, 'C', "SELECT 1", 9);
}

static bool
flush(int fd, struct buf *out)
{
    const struct slice s = buf_slice(out);
    const ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);
    buf_clear(out);
    return n == (ssize_t)s.len;
}

static bool
receive(int fd, void *p, size_t len)
{
    return len == 0 || recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

/* Until the client goes. */
static void
wait_for_end(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
}

static bool
begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* False when the server ends the connection. */
static bool
answer(int fd, const char *sql, struct buf *out)
{
    if (begins(sql, "hang")) {
        wait_for_end(fd);
        return false;
    }
    if (begins(sql, "close")) {
        return false;
    }
    if (begins(sql, "die")) {
        put_error(out, "FATAL", "57P01", "terminating connection due to administrator command");
        (void)flush(fd, out);
        return false;
    }
    if (begins(sql, "error")) {
        put_error(out, "ERROR", "42P01", "relation \"x\" does not exist");
    } else if (begins(sql, "half")) {
        put_row(out, "1");
        put_error(out, "ERROR", "22012", "division by zero");
    } else if (begins(sql, "two")) {
        put_row(out, "1");
        put_row(out, "2");
    } else if (begins(sql, "copy")) {
        put_frame(out, 'H', "\0\0\0", 3);
    } else if (begins(sql, "null")) {
        put_row(out, NULL);
    } else {
        put_row(out, sql);
    }
    put_frame(out, 'Z', "I", 1);
    return flush(fd, out);
}

static void
serve_queries(int fd, struct buf *out)
{
    uint8_t head[5];
    char sql[256];
    while (receive(fd, head, sizeof(head)) && head[0] == 'Q') {
        const uint32_t len = be32_at(head + 1) - 4;
        if (len > sizeof(sql) || !receive(fd, sql, len) || !answer(fd, sql, out)) {
            return;
        }
    }
}

/* A query may ask for a login of another kind: by the name of the user. */
static void
serve_client(struct server *server, int fd, struct buf *out)
{
    uint8_t head[4];
    char startup[512];
    if (!receive(fd, head, sizeof(head)) || be32_at(head) > sizeof(startup) ||
        !receive(fd, startup, be32_at(head) - 4)) {
        return;
    }
    server->logins++;
    const char *user = startup + 4 + sizeof("user");
    if (begins(user, "mute")) {
        wait_for_end(fd);
        return;
    }
    if (begins(user, "refused")) {
        put_error(out, "FATAL", "28P01", "password authentication failed for user \"refused\"");
        (void)flush(fd, out);
        return;
    }
    put_frame(out, 'R', "\0\0\0\0", 4);
    put_frame(out, 'S', "server_version\00015.8", 20);
    put_frame(out, 'K', "\0\0\0\7\0\0\0\0", 8);
    put_frame(out, 'Z', "I", 1);
    if (flush(fd, out)) {
        serve_queries(fd, out);
    }
}

static void *
serve(void *arg)
{
    struct server *server = arg;
    struct buf out;
    buf_init(&out);
    for (;;) {
        const int fd = accept(server->listener, NULL, NULL);
        if (fd == -1) {
            break;
        }
        serve_client(server, fd, &out);
        buf_clear(&out);
        (void)close(fd);
    }
    buf_fini(&out);
    return NULL;
}

static void
server_start(struct server *server)
{
    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&addr, &len), 0);
    server->port = ntohs(addr.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Clients are gone by now, so the thread stands in accept. */
static void
server_stop(struct server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listener);
}

/* ---- the client ---- */

enum { ANSWERS_MAX = 8 };

struct answer {
    bool ok;
    bool unknown;
    char sqlstate[6];
    char text[ERR_TEXT_MAX]; /* of the error, or the first cell */
};

struct client {
    struct server server;
    struct loop *loop;
    struct pq *pq;
    struct timer *end; /* a test that hangs fails */
    struct answer answers[ANSWERS_MAX];
    int count;
    int awaited;
    const char *ask_next; /* asked by the next callback */
    bool free_next;       /* the next callback frees the pq */
};

static void
too_late(void *arg)
{
    (void)arg;
    fail_msg("the callback never came");
}

static struct client *
client_new(const char *user, const char *setup)
{
    struct client *c = xcalloc(1, sizeof(*c));
    server_start(&c->server);
    c->loop = loop_new();
    c->end = timer_new(c->loop, too_late, c);
    timer_start(c->end, 10000000);
    char *conninfo = xasprintf("host=127.0.0.1 port=%u user=%s dbname=d sslmode=disable"
                               " gssencmode=disable",
                               c->server.port, user);
    c->pq = pq_new(c->loop, "blue", conninfo, setup);
    mem_free(conninfo);
    return c;
}

static void
client_free(struct client *c)
{
    pq_free(c->pq);
    timer_free(c->end);
    loop_free(c->loop);
    server_stop(&c->server);
    mem_free(c);
}

static void answered(void *arg, const struct pq_result *r);

static void
ask_for(struct client *c, const char *sql, uint64_t timeout_us)
{
    const int before = c->count;
    pq_query(c->pq, sql, timeout_us, answered, c);
    assert_int_equal(c->count, before); /* never from within the call */
}

static void
answered(void *arg, const struct pq_result *r)
{
    struct client *c = arg;
    assert_true(c->count < ANSWERS_MAX);
    struct answer *a = &c->answers[c->count++];
    a->ok = r->ok;
    a->unknown = r->unknown;
    assert_int_equal(r->ok, !err_is_set(&r->err));
    const char *cell = pq_cell(r, 0, 0);
    (void)snprintf(a->sqlstate, sizeof(a->sqlstate), "%s", r->err.sqlstate);
    (void)snprintf(a->text, sizeof(a->text), "%s",
                   !r->ok         ? r->err.text
                   : cell == NULL ? "-"
                                  : cell);
    if (c->free_next) {
        pq_free(c->pq);
        c->pq = NULL;
    } else if (c->ask_next != NULL) {
        const char *sql = c->ask_next;
        c->ask_next = NULL;
        ask_for(c, sql, 5000000);
    }
    if (c->count == c->awaited) {
        loop_stop(c->loop);
    }
}

static void
ask(struct client *c, const char *sql)
{
    ask_for(c, sql, 5000000);
}

/* loop_stop is for good, so each client runs its loop once. */
static void
await(struct client *c, int count)
{
    c->awaited = count;
    loop_run(c->loop);
    assert_int_equal(c->count, count);
}

static void
assert_answer(const struct client *c, int at, bool ok, const char *sqlstate, const char *text)
{
    const struct answer *a = &c->answers[at];
    assert_int_equal(a->ok, ok);
    assert_string_equal(a->sqlstate, sqlstate);
    if (strstr(a->text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, a->text);
    }
}

/* ---- tests ---- */

static void
queries_are_answered_in_order_on_one_connection(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    c->ask_next = "third";
    ask(c, "first");
    ask(c, "second");
    await(c, 3);
    assert_answer(c, 0, true, "", "first");
    assert_answer(c, 1, true, "", "second");
    assert_answer(c, 2, true, "", "third");
    assert_true(pq_is_connected(c->pq));
    assert_int_equal(pq_backend_pid(c->pq), 7);
    assert_string_equal(pq_host_address(c->pq), "127.0.0.1");
    assert_int_equal(c->server.logins, 1);
    client_free(c);
}

static void
of_several_statements_the_last_result_counts_or_the_first_error(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask(c, "two");
    ask(c, "half");
    ask(c, "error");
    ask(c, "null");
    await(c, 4);
    assert_answer(c, 0, true, "", "2");
    assert_answer(c, 1, false, "22012", "division by zero");
    assert_answer(c, 2, false, "42P01", "relation \"x\" does not exist");
    assert_answer(c, 3, true, "", "-");
    assert_false(c->answers[2].unknown);
    assert_int_equal(c->server.logins, 1);
    client_free(c);
}

static void
the_setup_runs_first_on_each_connection(void **state)
{
    (void)state;
    struct client *c = client_new("ok", "set it up");
    ask(c, "close");
    ask(c, "after");
    await(c, 2);
    assert_false(c->answers[0].ok);
    assert_answer(c, 1, true, "", "after");
    assert_int_equal(c->server.logins, 2);
    client_free(c);
}

static void
a_failed_setup_fails_the_query_unsent(void **state)
{
    (void)state;
    struct client *c = client_new("ok", "error");
    ask(c, "x");
    await(c, 1);
    assert_answer(c, 0, false, "42P01", "relation");
    assert_false(c->answers[0].unknown);
    assert_false(pq_is_connected(c->pq));
    client_free(c);
}

static void
a_refused_connection_is_an_error_that_is_known(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    pq_free(c->pq);
    const int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening */
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    char *conninfo = xasprintf("host=127.0.0.1 port=%u user=u", ntohs(addr.sin_port));
    c->pq = pq_new(c->loop, "blue", conninfo, NULL);
    mem_free(conninfo);
    ask(c, "x");
    ask(c, "y");
    await(c, 2);
    assert_answer(c, 0, false, SQLSTATE_CONNECTION_FAILURE, "refused");
    assert_answer(c, 1, false, SQLSTATE_CONNECTION_FAILURE, "refused");
    assert_false(c->answers[0].unknown);
    assert_null(strchr(c->answers[0].text, '\n'));
    (void)close(fd);
    client_free(c);
}

static void
a_refused_login_tells_the_state_of_the_server(void **state)
{
    (void)state;
    struct client *c = client_new("refused", NULL);
    ask(c, "x");
    await(c, 1);
    assert_answer(c, 0, false, "28P01", "FATAL: password authentication failed for user");
    assert_null(strstr(c->answers[0].text, "auth.c"));
    assert_null(strstr(c->answers[0].text, "28P01"));
    assert_false(c->answers[0].unknown);
    client_free(c);
}

static void
nonsense_in_the_conninfo_is_an_error(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    pq_free(c->pq);
    c->pq = pq_new(c->loop, "blue", "no such key = 1", NULL);
    ask(c, "x");
    await(c, 1);
    assert_answer(c, 0, false, SQLSTATE_CONNECTION_FAILURE, "cannot connect");
    client_free(c);
}

static void
the_deadline_covers_the_login(void **state)
{
    (void)state;
    struct client *c = client_new("mute", NULL);
    const uint64_t began_us = clock_now_us();
    ask_for(c, "x", 40000);
    await(c, 1);
    assert_answer(c, 0, false, SQLSTATE_QUERY_CANCELED, "not made in time");
    assert_false(c->answers[0].unknown);
    assert_true(clock_now_us() - began_us >= 40000);
    client_free(c);
}

static void
a_query_that_is_late_has_an_unknown_outcome(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask_for(c, "hang", 40000);
    ask(c, "after");
    await(c, 2);
    assert_answer(c, 0, false, SQLSTATE_QUERY_CANCELED, "did not answer");
    assert_true(c->answers[0].unknown);
    assert_answer(c, 1, true, "", "after");
    assert_int_equal(c->server.logins, 2);
    client_free(c);
}

static void
one_that_waits_too_long_is_given_up_alone(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask_for(c, "hang", 90000);
    ask_for(c, "never sent", 30000);
    await(c, 2);
    assert_answer(c, 0, false, SQLSTATE_QUERY_CANCELED, "no time was left");
    assert_false(c->answers[0].unknown);
    assert_answer(c, 1, false, SQLSTATE_QUERY_CANCELED, "did not answer");
    assert_true(c->answers[1].unknown);
    client_free(c);
}

static void
a_connection_lost_in_a_query_leaves_it_unknown(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask(c, "close");
    ask(c, "die");
    ask(c, "after");
    await(c, 3);
    assert_answer(c, 0, false, SQLSTATE_CONNECTION_FAILURE, "");
    assert_true(c->answers[0].unknown);
    /* Before version 15 libpq tells of the loss alone; what matters is that the outcome is unknown.
     */
    assert_false(c->answers[1].ok);
    assert_true(strcmp(c->answers[1].sqlstate, "57P01") == 0 ||
                strcmp(c->answers[1].sqlstate, SQLSTATE_CONNECTION_FAILURE) == 0);
    assert_true(c->answers[1].unknown);
    assert_answer(c, 2, true, "", "after");
    assert_int_equal(c->server.logins, 3);
    client_free(c);
}

static void
copy_is_refused(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask(c, "copy");
    ask(c, "after");
    await(c, 2);
    assert_false(c->answers[0].ok);
    assert_non_null(strstr(c->answers[0].text, "COPY"));
    assert_answer(c, 1, true, "", "after");
    client_free(c);
}

static void
a_callback_may_free_the_connection(void **state)
{
    (void)state;
    static const char *const first[] = {"row", "error", "close", "die"};
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        struct client *c = client_new("ok", NULL);
        c->free_next = true;
        ask(c, first[i]);
        ask(c, "dropped");
        await(c, 1);
        client_free(c);
    }
}

static void
freeing_drops_queries_without_a_callback(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    ask(c, "one");
    ask(c, "two");
    pq_free(c->pq);
    c->pq = NULL;
    assert_int_equal(c->count, 0);
    client_free(c);
}

struct cell_case {
    const char *text;
    bool is_u64;
    uint64_t u64;
    bool is_lsn;
    uint64_t lsn;
};

static const struct cell_case cell_cases[] = {
    {"0", true, 0, false, 0},
    {"18446744073709551615", true, UINT64_MAX, false, 0},
    {"18446744073709551616", false, 0, false, 0},
    {"-1", false, 0, false, 0},
    {" 1", false, 0, false, 0},
    {"1 ", false, 0, false, 0},
    {"0/3A001F20", false, 0, true, 0x3A001F20},
    {"16/B374D848", false, 0, true, 0x16B374D848},
    {"FFFFFFFF/FFFFFFFF", false, 0, true, UINT64_MAX},
    {"100000000/0", false, 0, false, 0},
    {"1/", false, 0, false, 0},
    {"/1", false, 0, false, 0},
    {"1/-1", false, 0, false, 0},
    {"null", false, 0, false, 0},
};

static void
cell_read(void *arg, const struct pq_result *r)
{
    struct client *c = arg;
    const struct cell_case *expected = &cell_cases[c->count++];
    uint64_t value;
    assert_int_equal(pq_rows(r), 1);
    assert_int_equal(pq_columns(r), 1);
    assert_int_equal(pq_cell_u64(r, 0, 0, &value), expected->is_u64);
    assert_int_equal(value, expected->u64);
    assert_int_equal(pq_cell_lsn(r, 0, 0, &value), expected->is_lsn);
    assert_int_equal(value, expected->lsn);
    assert_null(pq_cell(r, 1, 0));
    assert_null(pq_cell(r, 0, 1));
    assert_null(pq_cell(r, -1, 0));
    if (c->count == c->awaited) {
        loop_stop(c->loop);
    }
}

static void
cells_are_read_strictly(void **state)
{
    (void)state;
    struct client *c = client_new("ok", NULL);
    for (size_t i = 0; i < COUNT_OF(cell_cases); i++) {
        pq_query(c->pq, cell_cases[i].text, 5000000, cell_read, c);
    }
    await(c, (int)COUNT_OF(cell_cases));
    client_free(c);
}

static void
an_error_has_no_cells(void **state)
{
    (void)state;
    const struct pq_result r = {.ok = false};
    uint64_t value;
    assert_int_equal(pq_rows(&r), 0);
    assert_int_equal(pq_columns(&r), 0);
    assert_null(pq_cell(&r, 0, 0));
    assert_false(pq_cell_u64(&r, 0, 0, &value));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_answered_in_order_on_one_connection),
        cmocka_unit_test(of_several_statements_the_last_result_counts_or_the_first_error),
        cmocka_unit_test(the_setup_runs_first_on_each_connection),
        cmocka_unit_test(a_failed_setup_fails_the_query_unsent),
        cmocka_unit_test(a_refused_connection_is_an_error_that_is_known),
        cmocka_unit_test(a_refused_login_tells_the_state_of_the_server),
        cmocka_unit_test(nonsense_in_the_conninfo_is_an_error),
        cmocka_unit_test(the_deadline_covers_the_login),
        cmocka_unit_test(a_query_that_is_late_has_an_unknown_outcome),
        cmocka_unit_test(one_that_waits_too_long_is_given_up_alone),
        cmocka_unit_test(a_connection_lost_in_a_query_leaves_it_unknown),
        cmocka_unit_test(copy_is_refused),
        cmocka_unit_test(a_callback_may_free_the_connection),
        cmocka_unit_test(freeing_drops_queries_without_a_callback),
        cmocka_unit_test(cells_are_read_strictly),
        cmocka_unit_test(an_error_has_no_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
