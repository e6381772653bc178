/* pressure.c — memory. See pressure.h.
 *
 * Idle backends are not closed when memory is tight: they own no buffers here, and the next
 * transaction would have to wait for a new login. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/pressure.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digits.h"
#include "session/link/link.h"
#include "session/login/cached_params.h"
#include "session/turn.h"

enum { SHED_PER_TICK = 16, TRIM_EVERY_TICKS = 4, FILE_TEXT_SIZE = 256 };

enum pressure
pressure_of(uint64_t used, uint64_t max)
{
    const uint64_t percent = max == 0 ? 0 : used / (max / 100 + 1);
    return percent >= 95   ? PRESSURE_OVER
           : percent >= 85 ? PRESSURE_FULL
           : percent >= 70 ? PRESSURE_TIGHT
                           : PRESSURE_NONE;
}

static uint64_t
lesser(uint64_t most, const char *text)
{
    uint64_t n;
    if (text == NULL || !digits_take(&text, 10, &n)) {
        return most;
    }
    return n > 0 && n < most ? n : most;
}

uint64_t
pressure_ceiling(uint64_t ram, const char *cgroup_v2, const char *cgroup_v1)
{
    return lesser(lesser(ram, cgroup_v2), cgroup_v1);
}

static const char *
read_text(const char *path, char out[FILE_TEXT_SIZE])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }
    const ssize_t n = read(fd, out, FILE_TEXT_SIZE - 1);
    (void)close(fd); /* only read */
    out[n < 0 ? 0 : n] = 0;
    return n <= 0 ? NULL : out;
}

/* Of version 2 the group's own file: "0::/path" in /proc/self/cgroup. In a container the path is
 * often not the one that is seen from within: then the root is ours. */
static const char *
read_group_limit(char out[FILE_TEXT_SIZE])
{
    char list[FILE_TEXT_SIZE * 4];
    char path[FILE_TEXT_SIZE * 4];
    const int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd == -1 ? -1 : read(fd, list, sizeof(list) - 1);
    if (fd != -1) {
        (void)close(fd); /* only read */
    }
    list[n < 0 ? 0 : n] = 0;
    char *own = strncmp(list, "0::", 3) == 0 ? list : strstr(list, "\n0::");
    if (own != NULL) {
        own = strchr(own, '/');
        if (own != NULL) {
            own[strcspn(own, "\n")] = 0;
            (void)snprintf(path, sizeof(path), "/sys/fs/cgroup%.900s/memory.max", own);
            const char *text = read_text(path, out);
            if (text != NULL) {
                return text;
            }
        }
    }
    return read_text("/sys/fs/cgroup/memory.max", out);
}

uint64_t
pressure_max(const struct conf *conf)
{
    if (conf->max_memory > 0) {
        return conf->max_memory;
    }
    char v2[FILE_TEXT_SIZE];
    char v1[FILE_TEXT_SIZE];
    const uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return pressure_ceiling(ram, read_group_limit(v2),
                            read_text("/sys/fs/cgroup/memory/memory.limit_in_bytes", v1)) /
           100 * 80;
}

uint64_t
pressure_resident(const char *statm, uint64_t page_size)
{
    uint64_t size;
    uint64_t resident;
    if (statm == NULL || !digits_take(&statm, 10, &size) || *statm++ != ' ' ||
        !digits_take(&statm, 10, &resident)) {
        return 0;
    }
    return resident * page_size;
}

static void
measure(struct worker *w)
{
    static const char *const words[] = {"fine", "tight: what can be given back is",
                                        "full: no new clients", "over: those that wait are ended"};
    char text[FILE_TEXT_SIZE];
    const uint64_t used =
        pressure_resident(read_text("/proc/self/statm", text), (uint64_t)sysconf(_SC_PAGESIZE));
    const enum pressure now = pressure_of(used, w->memory_max);
    CHECK((size_t)now < COUNT_OF(words));
    const int before = atomic_exchange(&w->workers->pressure, (int)now);
    if ((int)now != before) {
        log_warn(NULL, "memory", "state=\"%s\" used=%llu max_memory=%llu", words[now],
                 (unsigned long long)used, (unsigned long long)w->memory_max);
    }
    if (now >= PRESSURE_TIGHT && w->ticks_to_trim-- == 0) {
        w->ticks_to_trim = TRIM_EVERY_TICKS;
        (void)malloc_trim(0); /* whether it released anything shows at the next measurement */
    }
}

/* The one that waits since last, or holds back a large input: it costs the least to begin again. */
static struct session *
newest_waiting(struct worker *w)
{
    struct session *newest = NULL;
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const bool waits = link_waits(s);
        const bool hoards = s->link.backend == NULL && buf_len(&s->client.in) >= SESSION_QUEUE_HIGH;
        if ((waits || hoards) &&
            (newest == NULL || s->link.wait_since_us >= newest->link.wait_since_us)) {
            newest = s;
        }
    }
    return newest;
}

static void
shed(struct worker *w)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_OUT_OF_MEMORY, "the proxy is short of memory (max_memory)");
    (void)err_hint(&err, "The statement was not begun; it can be sent again.");
    for (int i = 0; i < SHED_PER_TICK; i++) {
        struct session *s = newest_waiting(w);
        if (s == NULL) {
            return;
        }
        session_close(s, &err);
    }
}

void
pressure_tick(struct worker *w)
{
    if (w->index == 0) {
        measure(w);
    }
    const int now = atomic_load_explicit(&w->workers->pressure, memory_order_relaxed);
    if (now >= PRESSURE_TIGHT) {
        cached_params_forget(w);
    }
    if (now == PRESSURE_OVER) {
        shed(w);
    }
}
