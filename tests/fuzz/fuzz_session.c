/* fuzz_session.c — a worker of the data path between a client and a server that may say anything.
 *
 * The worker is the real one, with its thread, its pools and its sockets; client and server are
 * this program. The input is a list of records, each some bytes of the client or of the server:
 *
 *     op        bit 0: of the server, else of the client
 *               bit 1: a message: the next byte is its type, its length is put in front of the body
 *               bits 2..7: how many bytes follow
 *
 * The server logs backends in properly and then answers each thing that it receives with its next
 * record; when it has none left it hangs up, which ends the session. After each input a
 * well-behaved client asks a well-behaved server and must get its own answer: whatever was said
 * before, the worker lives, its pool is usable, and no answer is left over for somebody else. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "conf/load.h"
#include "session/workers.h"
#include "wire/message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    SERVERS_MAX = 64,
    RECV_SIZE = 16 * 1024,
    QUIET_MS = 20,
    PATIENCE_MS = 200,
    ANSWER_MS = 8000,
    OP_SERVER = 1,
    OP_FRAMED = 2
};

/* What the server says next; well-behaved when there is no script. */
struct script {
    pthread_mutex_t lock;
    bool active;
    struct slice rest; /* borrowed from the input: its records, from the next one on */
};

struct server_connection {
    int fd;
    bool logged_in;
    bool scripted; /* it has said something of an input */
    struct buf in;
};

static struct {
    char dir[64];
    int listener;
    int wake[2]; /* a byte for the server's thread: hang up; and a byte when it has */
    struct workers *workers;
    struct script script;
} rig = {.script.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- records ---- */

/* Takes the next record of the side; its bytes are put behind out. False when there is none. */
static bool
record_take(struct slice *rest, bool of_server, struct buf *out)
{
    while (rest->len > 0) {
        const uint8_t op = rest->p[0];
        const bool framed = (op & OP_FRAMED) != 0;
        const size_t head = framed ? 2 : 1;
        struct slice bytes;
        struct slice ignored;
        if (rest->len < head) {
            break;
        }
        const uint8_t type = rest->p[head - 1];
        const size_t len = op / 4U < rest->len - head ? op / 4U : rest->len - head;
        if (!slice_take(rest, head, &ignored) || !slice_take(rest, len, &bytes)) {
            break;
        }
        if (((op & OP_SERVER) != 0) != of_server) {
            continue;
        }
        const size_t begun = framed ? message_begin(out, type) : 0;
        buf_put(out, bytes.p, bytes.len);
        if (framed) {
            message_end(out, begun);
        }
        return true;
    }
    return false;
}

/* ---- the server ---- */

static void
send_all(int fd, const struct buf *b)
{
    /* Who does not take it any more has hung up, which is an answer too. */
    (void)send(fd, buf_slice(b).p, buf_len(b), MSG_NOSIGNAL);
}

static void
server_welcome(struct server_connection *c)
{
    struct buf out;
    buf_init(&out);
    message_put_auth(&out, 0, SLICE_EMPTY);
    message_put_parameter(&out, "client_encoding", "UTF8");
    message_put_parameter(&out, "standard_conforming_strings", "on");
    message_put_key(&out, 1, slice_of_str("key!"));
    message_put_ready(&out, 'I');
    send_all(c->fd, &out);
    buf_fini(&out);
    c->logged_in = true;
}

/* Each Query is answered with its own text as the tag; anything else is too much to ask. */
static bool
server_behave(struct server_connection *c)
{
    struct buf out;
    buf_init(&out);
    bool ok = true;
    for (;;) {
        const struct slice in = buf_slice(&c->in);
        uint8_t type;
        uint64_t total;
        struct slice text;
        const enum wire_result r = wire_peek(in, 1 << 20, &type, &total);
        if (r == WIRE_MORE || (r == WIRE_OK && in.len < total)) {
            break;
        }
        ok =
            r == WIRE_OK && type == 'Q' &&
            message_query(slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN), &text);
        if (!ok) {
            break;
        }
        message_put_complete(&out, (const char *)text.p);
        message_put_ready(&out, 'I');
        buf_consume(&c->in, (size_t)total);
    }
    send_all(c->fd, &out);
    buf_fini(&out);
    return ok;
}

static bool
server_follow_script(struct server_connection *c)
{
    struct buf out;
    buf_init(&out);
    buf_clear(&c->in);
    const bool ok = record_take(&rig.script.rest, true, &out);
    c->scripted = true;
    send_all(c->fd, &out);
    buf_fini(&out);
    return ok;
}

/* False when the connection is over. */
static bool
server_turn(struct server_connection *c)
{
    uint8_t bytes[RECV_SIZE];
    const ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    if (n <= 0) {
        return false;
    }
    if (!c->logged_in) {
        server_welcome(c);
        return true;
    }
    buf_put(&c->in, bytes, (size_t)n);
    (void)pthread_mutex_lock(&rig.script.lock);
    const bool ok = rig.script.active ? server_follow_script(c) : server_behave(c);
    (void)pthread_mutex_unlock(&rig.script.lock);
    return ok;
}

struct server {
    struct server_connection all[SERVERS_MAX];
    size_t count;
};

static void
server_hang_up(struct server *server, size_t i)
{
    (void)close(server->all[i].fd);
    buf_fini(&server->all[i].in);
    server->all[i] = server->all[--server->count];
}

/* Who was left in the middle of an answer would wait for ever for the rest of it. */
static void
server_hang_up_scripted(struct server *server)
{
    uint8_t byte;
    CHECK(read(rig.wake[1], &byte, 1) == 1);
    for (size_t i = server->count; i-- > 0;) {
        if (server->all[i].scripted) {
            server_hang_up(server, i);
        }
    }
    CHECK(write(rig.wake[1], &byte, 1) == 1);
}

static void
server_accept(struct server *server)
{
    const int fd = accept(rig.listener, NULL, NULL);
    if (fd != -1) {
        server->all[server->count] = (struct server_connection){.fd = fd};
        buf_init(&server->all[server->count++].in);
    }
}

static void *
server_main(void *arg)
{
    struct server *server = arg;
    struct pollfd polls[SERVERS_MAX + 2];
    for (;;) {
        const size_t seen = server->count;
        polls[0] = (struct pollfd){.fd = rig.wake[1], .events = POLLIN};
        polls[1] = (struct pollfd){.fd = rig.listener, .events = seen < SERVERS_MAX ? POLLIN : 0};
        for (size_t i = 0; i < seen; i++) {
            polls[i + 2] = (struct pollfd){.fd = server->all[i].fd, .events = POLLIN};
        }
        if (poll(polls, seen + 2, -1) <= 0) {
            continue;
        }
        for (size_t i = seen; i-- > 0;) {
            if (polls[i + 2].revents != 0 && !server_turn(&server->all[i])) {
                server_hang_up(server, i);
            }
        }
        if ((polls[0].revents & POLLIN) != 0) {
            server_hang_up_scripted(server);
        }
        if ((polls[1].revents & POLLIN) != 0) {
            server_accept(server);
        }
    }
    return NULL;
}

/* ---- the client ---- */

static struct sockaddr_un
socket_address(unsigned port)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%.60s/.s.PGSQL.%u", rig.dir, port);
    return a;
}

static int
client_connect(void)
{
    const struct sockaddr_un a = socket_address(6432);
    const char *const pairs[] = {"user", "app", "database", "app"};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd != -1 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0);
    struct buf out;
    buf_init(&out);
    message_put_startup(&out, pairs, 2);
    send_all(fd, &out);
    buf_fini(&out);
    return fd;
}

/* Whether there is something to read within that time; the fuzzer's own alarms do not count. */
static bool
is_readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do {
        n = poll(&p, 1, timeout_ms);
    } while (n == -1 && errno == EINTR);
    return n > 0;
}

/* Reads until the other end has nothing more to say for so long, or hangs up. */
static void
client_drain(int fd, int quiet_ms)
{
    uint8_t bytes[RECV_SIZE];
    while (is_readable(fd, quiet_ms) && recv(fd, bytes, sizeof(bytes), 0) > 0) {
    }
}

static void
client_follow(struct slice input)
{
    struct buf out;
    const int fd = client_connect();
    buf_init(&out);
    for (; record_take(&input, false, &out); buf_clear(&out)) {
        send_all(fd, &out);
        client_drain(fd, 0);
    }
    buf_fini(&out);
    (void)shutdown(fd, SHUT_WR);
    client_drain(fd, QUIET_MS);
    (void)close(fd);
}

/* Answers may keep a well-behaved client waiting that a server has left half said, but no longer
 * than that server stays. */
static void
await_answer(int fd)
{
    if (is_readable(fd, PATIENCE_MS)) {
        return;
    }
    uint8_t byte = 0;
    ssize_t n;
    CHECK(write(rig.wake[0], &byte, 1) == 1);
    do {
        n = read(rig.wake[0], &byte, 1);
    } while (n == -1 && errno == EINTR);
    CHECK(n == 1 && is_readable(fd, ANSWER_MS));
}

/* Reads whole messages until ReadyForQuery; the last CommandComplete's tag goes to tag. False when
 * the connection ended. */
static bool
client_await_ready(int fd, char *tag, size_t tag_size)
{
    struct buf in;
    bool ready = false;
    buf_init(&in);
    while (!ready) {
        uint8_t bytes[RECV_SIZE];
        uint8_t type;
        uint64_t total;
        const struct slice all = buf_slice(&in);
        if (wire_peek(all, 1 << 20, &type, &total) == WIRE_OK && all.len >= total) {
            if (type == 'C') {
                (void)snprintf(tag, tag_size, "%s", (const char *)all.p + WIRE_HEADER_LEN);
            }
            ready = type == 'Z';
            buf_consume(&in, (size_t)total);
            continue;
        }
        await_answer(fd);
        const ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0) {
            break;
        }
        buf_put(&in, bytes, (size_t)n);
    }
    buf_fini(&in);
    return ready;
}

/* Asks a question of its own and must get its own answer. The first try may meet a backend on which
 * the server hangs up just now: then the connection breaks, which is no wrong answer. */
static void
check_service(void)
{
    static unsigned long asked;
    for (int tries = 0; tries < 5; tries++) {
        char question[32];
        char answer[64] = "";
        struct buf out;
        const int fd = client_connect();
        bool ok = client_await_ready(fd, answer, sizeof(answer));
        (void)snprintf(question, sizeof(question), "ask %lu", ++asked);
        buf_init(&out);
        message_put_query(&out, question);
        send_all(fd, &out);
        buf_fini(&out);
        ok = ok && client_await_ready(fd, answer, sizeof(answer));
        (void)close(fd);
        if (ok) {
            CHECK(strcmp(question, answer) == 0);
            return;
        }
    }
    CHECK(false && "no service");
}

/* ---- set-up ---- */

static void
ignore_progress(void *ctx)
{
    (void)ctx;
}

static void
start_server(void)
{
    static struct server server;
    const struct sockaddr_un a = socket_address(5432);
    pthread_t thread;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rig.wake) == 0);
    rig.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(rig.listener != -1 && bind(rig.listener, (const struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(listen(rig.listener, SERVERS_MAX) == 0);
    CHECK(pthread_create(&thread, NULL, server_main, &server) == 0);
}

static void
start_worker(void)
{
    char *text =
        xasprintf("[teal]\nlisten_addr =\nunix_socket_dir = %s\nauth_type = trust\n"
                  "auth_file = /nonexistent\nworkers = 1\ndefault_pool_size = 4\n"
                  "server_login_retry = 10ms\n[blue]\nhost = %s\n[green]\nhost = %s\nport = 5433\n",
                  rig.dir, rig.dir, rig.dir);
    struct conf_mistakes mistakes = {0};
    struct conf *conf = conf_load_string(text, "fuzz.ini", &mistakes);
    struct buf complaints;
    buf_init(&complaints);
    conf_mistakes_print(&mistakes, &complaints);
    (void)fwrite(buf_slice(&complaints).p, 1, buf_len(&complaints), stderr);
    buf_fini(&complaints);
    conf_mistakes_fini(&mistakes);
    CHECK(conf != NULL);
    const struct sockaddr_un a = socket_address(5432);
    struct view view = {.version = 1, .epoch = 1, .writes_known = true};
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct view_node *node = &view.side[side].node[0];
        view.side[side].nodes_count = 1;
        memcpy(&node->addr, &a, sizeof(a));
        node->addr_len = sizeof(a);
        node->up = node->lag_ok = true;
    }
    const struct workers_ops ops = {.progress = ignore_progress};
    const struct view *const views[] = {&view};
    rig.workers = workers_start(conf, views, COUNT_OF(views), &ops);
    CHECK(rig.workers != NULL);
    conf_unref(conf);
    mem_free(text);
}

static void
clean_up(void)
{
    workers_stop(rig.workers);
    for (unsigned port = 5432; port <= 6432; port += 1000) {
        (void)unlink(socket_address(port).sun_path);
    }
    (void)rmdir(rig.dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)snprintf(rig.dir, sizeof(rig.dir), "/tmp/teal-fuzz-XXXXXX");
    CHECK(mkdtemp(rig.dir) != NULL);
    log_set_level(LOG_LEVEL_ERROR);
    start_server();
    start_worker();
    CHECK(atexit(clean_up) == 0);
    return 0;
}

static void
script_set(struct slice records, bool active)
{
    (void)pthread_mutex_lock(&rig.script.lock);
    rig.script.active = active;
    rig.script.rest = records;
    (void)pthread_mutex_unlock(&rig.script.lock);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    script_set(slice_of(data, size), true);
    client_follow(slice_of(data, size));
    script_set(SLICE_EMPTY, false);
    check_service();
    return 0;
}
