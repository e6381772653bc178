/* test_opening.c — the login of a backend as a machine: every message in every state, whole and
 * byte by byte. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/opening.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conf/load.h"
#include "pool/backend.h"
#include "pool/context.h"
#include "pool/pools.h"
#include "pool/registry.h"

#define AUTH_OK "R\0\0\0\10\0\0\0\0"
#define AUTH_PASSWORD "R\0\0\0\10\0\0\0\3"
#define AUTH_SASL "R\0\0\0\27\0\0\0\12SCRAM-SHA-256\0\0"
#define PARAMETER "S\0\0\0\12a\0bcd\0"
#define KEY "K\0\0\0\14\0\0\0\7\1\2\3\4"
#define NOTICE "N\0\0\0\5\0"
#define READY "Z\0\0\0\5I"
#define REFUSAL(sqlstate) "E\0\0\0\31SFATAL\0C" sqlstate "\0Mfull\0\0"

/* A server that says what the test says, at the other end of a Unix socket. */
struct rig {
    struct loop *loop;
    struct pool_registry *registry;
    struct settings_table settings;
    struct access access;
    struct pools *pools;
    uint8_t scratch[65536];
    struct pool_context context;
    struct pool_key key;
    int listener;
    int server; /* its end of the connection */
    struct backend *backend;
    struct opening_failure failure;
    unsigned woken;
};

static struct rig rig;

static void
on_ready(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
    fail_msg("the loop does not run");
}

static void
on_wake(struct backend *b)
{
    (void)b;
    rig.woken++;
}

static int
setup(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {NULL, 0};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    rig = (struct rig){.loop = loop_new(), .registry = pool_registry_new(1)};
    rig.key =
        (struct pool_key){.node.side = SIDE_BLUE, .alias = "app", .database = "app", .user = "app"};
    settings_table_init(&rig.settings);
    pool_context_init(&rig.context,
                      &(struct pools_config){.loop = rig.loop,
                                             .registry = rig.registry,
                                             .settings = &rig.settings,
                                             .scratch = rig.scratch,
                                             .scratch_len = sizeof(rig.scratch)},
                      NULL);
    atomic_init(&rig.access.refs, 2);
    rig.context.access = &rig.access;
    rig.context.conf =
        conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    assert_non_null(rig.context.conf);
    (void)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "teal-test-opening-%d", getpid());
    rig.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rig.listener, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(rig.listener, 8), 0);
    memcpy(&rig.context.nodes[0][SIDE_BLUE][0].addr, &a, sizeof(a));
    rig.context.nodes[0][SIDE_BLUE][0].addr_len = sizeof(a);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    (void)close(rig.listener);
    pool_context_fini(&rig.context);
    pool_registry_free(rig.registry);
    settings_table_fini(&rig.settings);
    loop_free(rig.loop);
    return 0;
}

/* ---- what a test does ---- */

static void
begin(bool tls)
{
    const struct opening_plan plan = {
        .key = &rig.key, .tls = tls, .ready = on_ready, .wake = on_wake};
    rig.backend = backend_new(&rig.context, (struct pool *)&rig, SLICE_EMPTY);
    assert_int_equal(opening_begin(rig.backend, &plan, &rig.failure), OPENING_GOES_ON);
    rig.server = accept(rig.listener, NULL, NULL);
    assert_true(rig.server >= 0);
}

static void
end(void)
{
    opening_free(rig.backend->opening);
    rig.backend->opening = NULL;
    stream_close(&rig.backend->stream);
    rig.backend->state = BACKEND_CLOSED;
    backend_free(rig.backend);
    if (rig.server != -1) {
        (void)close(rig.server);
    }
}

static enum opening_step
step(unsigned ready)
{
    return opening_ready(rig.backend->opening, ready, &rig.failure);
}

/* What Teal has sent: read, and its first bytes kept. */
static size_t
received(uint8_t *out, size_t size)
{
    const ssize_t n = recv(rig.server, out, size, MSG_DONTWAIT);
    return n < 0 ? 0 : (size_t)n;
}

static void
go_to(enum backend_state state)
{
    uint8_t sent[512];
    begin(state == BACKEND_NEGOTIATING);
    if (state != BACKEND_CONNECTING) {
        assert_int_equal(step(WATCH_WRITE), OPENING_GOES_ON);
        assert_true(received(sent, sizeof(sent)) > 0);
    }
    assert_int_equal(rig.backend->state, state);
}

static enum opening_step
say(struct slice bytes, size_t at_once)
{
    enum opening_step result = OPENING_GOES_ON;
    for (size_t at = 0; at < bytes.len && result == OPENING_GOES_ON; at += at_once) {
        const size_t len = bytes.len - at < at_once ? bytes.len - at : at_once;
        assert_int_equal(send(rig.server, bytes.p + at, len, MSG_NOSIGNAL), len);
        result = step(WATCH_READ);
    }
    return result;
}

static enum opening_step
hang_up(void)
{
    (void)close(rig.server);
    rig.server = -1;
    return step(WATCH_READ);
}

/* ---- the table ---- */

#define SAYS(text) (text), sizeof(text) - 1

static const struct {
    enum backend_state state;
    const char *said;
    size_t said_len;
    enum opening_step step;
    enum opening_failure_kind kind; /* with FAILED, as is what follows */
    const char *sqlstate;
    const char *text;
} rows[] = {
    {BACKEND_NEGOTIATING, SAYS("N"), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_NEGOTIATING, SAYS("E"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03",
     "request for TLS"},
    {BACKEND_NEGOTIATING, SAYS("\0"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "for TLS"},
    {BACKEND_NEGOTIATING, SAYS(""), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "it closed"},
    {BACKEND_LOGIN, SAYS(""), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "it closed"},
    {BACKEND_LOGIN, SAYS(AUTH_OK), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(PARAMETER), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(KEY), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(NOTICE), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(AUTH_SASL), OPENING_GOES_ON, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(READY), OPENING_DONE, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS(AUTH_OK PARAMETER NOTICE KEY READY), OPENING_DONE, 0, NULL, NULL},
    {BACKEND_LOGIN, SAYS("Z\0\0\0\5T"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03",
     "malformed R"},
    {BACKEND_LOGIN, SAYS("Z\0\0\0\4"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "malformed R"},
    {BACKEND_LOGIN, SAYS("K\0\0\0\6\0\0"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "KeyData"},
    {BACKEND_LOGIN, SAYS("S\0\0\0\6ab"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "Parameter"},
    {BACKEND_LOGIN, SAYS("R\0\0\0\3"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "length"},
    {BACKEND_LOGIN, SAYS("R\177\0\0\0"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "length"},
    {BACKEND_LOGIN, SAYS("R\0\0\0\6\0\0"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "a code"},
    {BACKEND_LOGIN, SAYS("R\0\0\0\10\0\0\0\7"), OPENING_FAILED, OPENING_IMPOSSIBLE, "0A000", "7"},
    {BACKEND_LOGIN, SAYS(AUTH_PASSWORD), OPENING_FAILED, OPENING_IMPOSSIBLE, "28P01", "password"},
    {BACKEND_LOGIN, SAYS(AUTH_SASL AUTH_OK), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "proof"},
    {BACKEND_LOGIN, SAYS(REFUSAL("53300")), OPENING_FAILED, OPENING_REFUSED, "53300", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("53200")), OPENING_FAILED, OPENING_REFUSED, "53200", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("XX000")), OPENING_FAILED, OPENING_REFUSED, "XX000", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("58030")), OPENING_FAILED, OPENING_REFUSED, "58030", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("57P03")), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("57P01")), OPENING_FAILED, OPENING_UNREACHABLE, "57P01", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("08P01")), OPENING_FAILED, OPENING_UNREACHABLE, "08P01", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("28P01")), OPENING_FAILED, OPENING_IMPOSSIBLE, "28P01", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("3D000")), OPENING_FAILED, OPENING_IMPOSSIBLE, "3D000", "full"},
    {BACKEND_LOGIN, SAYS(REFUSAL("42501")), OPENING_FAILED, OPENING_IMPOSSIBLE, "42501", "full"},
    {BACKEND_LOGIN, SAYS("E\0\0\0\5\0"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "SQLSTATE"},
    {BACKEND_LOGIN, SAYS("E\0\0\0\4"), OPENING_FAILED, OPENING_UNREACHABLE, "57P03", "SQLSTATE"},
};

static void
each_message_moves_it_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct slice said = slice_of(rows[i].said, rows[i].said_len);
        for (size_t at_once = 1; at_once <= said.len + 1; at_once += said.len == 0 ? 2 : said.len) {
            go_to(rows[i].state);
            const enum opening_step got = said.len == 0 ? hang_up() : say(said, at_once);
            assert_int_equal(got, rows[i].step);
            if (got == OPENING_FAILED) {
                assert_int_equal(rig.failure.kind, rows[i].kind);
                assert_string_equal(rig.failure.err.sqlstate, rows[i].sqlstate);
                assert_non_null(strstr(rig.failure.err.text, rows[i].text));
            }
            end();
        }
    }
}

static void
a_type_that_no_login_has_breaks_the_protocol(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        if (type != 0 && strchr("RSKNEZ", (int)type) != NULL) {
            continue;
        }
        const uint8_t message[] = {(uint8_t)type, 0, 0, 0, 5, 'I'};
        go_to(BACKEND_LOGIN);
        assert_int_equal(say(slice_of(message, sizeof(message)), sizeof(message)), OPENING_FAILED);
        assert_int_equal(rig.failure.kind, OPENING_UNREACHABLE);
        assert_non_null(strstr(rig.failure.err.text, "unexpected message type"));
        end();
    }
}

static void
bytes_behind_the_end_are_refused(void **state)
{
    (void)state;
    go_to(BACKEND_LOGIN);
    assert_int_equal(say(slice_of(SAYS(READY NOTICE)), sizeof(READY NOTICE)), OPENING_FAILED);
    assert_non_null(strstr(rig.failure.err.text, "bytes after ReadyForQuery"));
    end();
}

static void
what_the_server_tells_is_the_backends(void **state)
{
    (void)state;
    go_to(BACKEND_LOGIN);
    assert_int_equal(say(slice_of(SAYS(AUTH_OK PARAMETER KEY READY)), 1000), OPENING_DONE);
    assert_string_equal(params_get(rig.backend->params, "a"), "bcd");
    assert_int_equal(rig.backend->pid, 7);
    assert_int_equal(rig.backend->key_len, 4);
    assert_memory_equal(rig.backend->key, "\1\2\3\4", 4);
    end();
}

static void
a_refusal_names_the_side_beside_the_servers_words(void **state)
{
    (void)state;
    go_to(BACKEND_LOGIN);
    assert_int_equal(say(slice_of(SAYS(REFUSAL("53300"))), 1000), OPENING_FAILED);
    assert_string_equal(rig.failure.err.text, "full");
    assert_string_equal(rig.failure.err.detail, "The server blue refused a login as user \"app\".");
    end();
}

static void
the_startup_packet_says_what_the_pool_is_for(void **state)
{
    (void)state;
    static const char plain[] = "user\0app\0database\0app\0";
    static const char reader[] =
        "user\0app\0database\0app\0options\0-c default_transaction_read_only=on\0";
    static const char physical[] = "user\0app\0database\0app\0replication\0true\0";
    static const char logical[] = "user\0app\0database\0app\0replication\0database\0";
    static const struct {
        bool read_only;
        enum pool_use use;
        const char *body;
        size_t len;
    } cases[] = {
        {false, POOL_SESSIONS, plain, sizeof(plain)},
        {true, POOL_SESSIONS, reader, sizeof(reader)},
        {false, POOL_WALSENDERS, physical, sizeof(physical)},
        {false, POOL_WALSENDERS_LOGICAL, logical, sizeof(logical)},
    };
    uint8_t sent[512];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig.key.read_only = cases[i].read_only;
        rig.key.use = cases[i].use;
        begin(false);
        assert_int_equal(step(WATCH_WRITE), OPENING_GOES_ON);
        assert_int_equal(received(sent, sizeof(sent)), cases[i].len + 8);
        assert_memory_equal(sent + 8, cases[i].body, cases[i].len);
        end();
    }
    rig.key.read_only = false;
    rig.key.use = POOL_SESSIONS;
}

static void
nobody_listens(void **state)
{
    (void)state;
    const struct opening_plan plan = {.key = &rig.key, .ready = on_ready, .wake = on_wake};
    const struct view_node known = rig.context.nodes[0][SIDE_BLUE][0];
    const char *const wanted[] = {"its address is not known", "Connection refused"};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (i == 0) {
            rig.context.nodes[0][SIDE_BLUE][0].addr_len = 0;
        } else {
            rig.context.nodes[0][SIDE_BLUE][0] = known;
            (void)close(rig.listener);
        }
        rig.server = -1;
        rig.backend = backend_new(&rig.context, (struct pool *)&rig, SLICE_EMPTY);
        assert_int_equal(opening_begin(rig.backend, &plan, &rig.failure), OPENING_FAILED);
        assert_int_equal(rig.failure.kind, OPENING_UNREACHABLE);
        assert_string_equal(rig.failure.err.sqlstate, "57P03");
        assert_non_null(strstr(rig.failure.err.text, wanted[i]));
        end();
    }
    rig.listener = -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_moves_it_as_the_table_says),
        cmocka_unit_test(a_type_that_no_login_has_breaks_the_protocol),
        cmocka_unit_test(bytes_behind_the_end_are_refused),
        cmocka_unit_test(what_the_server_tells_is_the_backends),
        cmocka_unit_test(a_refusal_names_the_side_beside_the_servers_words),
        cmocka_unit_test(the_startup_packet_says_what_the_pool_is_for),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
