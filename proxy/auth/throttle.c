/* throttle.c — bad passwords are answered late. See throttle.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/throttle.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/slice.h"

/* A name is looked for in one row of places: so few are searched, and an attacker that
 * fills the table with names displaces only the entries of the same row. */
enum { ROWS = 512, PLACES = 8, WINDOW_US = 60 * 1000 * 1000 };

struct count {
    uint64_t key;      /* 0: free */
    uint64_t since_us; /* when the count began; of a guess, the last failure */
    uint64_t until_us; /* of a source: when its ban ends; 0 for none */
    uint32_t failures;
};

struct throttle {
    pthread_mutex_t lock; /* guards what follows */
    uint64_t seed;
    struct count guesses[ROWS][PLACES]; /* by source and user */
    struct count sources[ROWS][PLACES];
};

struct throttle *
throttle_new(void)
{
    struct throttle *t = xcalloc(1, sizeof(*t));
    CHECK(pthread_mutex_init(&t->lock, NULL) == 0);
    t->seed = rand_u64();
    return t;
}

void
throttle_free(struct throttle *t)
{
    if (t != NULL) {
        CHECK(pthread_mutex_destroy(&t->lock) == 0);
        mem_free(t);
    }
}

static uint64_t
key_of(const struct throttle *t, const char *source, const char *user)
{
    uint64_t key = slice_hash(slice_of_str(source), t->seed);
    if (user != NULL) {
        key = slice_hash(slice_of_str(user), key);
    }
    return key == 0 ? 1 : key;
}

static struct count *
find(struct count row[PLACES], uint64_t key)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (row[i].key == key) {
            return &row[i];
        }
    }
    return NULL;
}

/* Its place, or that of the oldest, emptied. A source that is banned stays while others are there.
 */
static struct count *
find_or_make(struct count row[PLACES], uint64_t key)
{
    struct count *oldest = &row[0];
    struct count *found = find(row, key);
    if (found != NULL) {
        return found;
    }
    for (size_t i = 1; i < PLACES; i++) {
        const uint64_t age = row[i].until_us > row[i].since_us ? row[i].until_us : row[i].since_us;
        const uint64_t least =
            oldest->until_us > oldest->since_us ? oldest->until_us : oldest->since_us;
        oldest = age < least ? &row[i] : oldest;
    }
    *oldest = (struct count){.key = key};
    return oldest;
}

bool
throttle_bans(struct throttle *t, const char *source, uint64_t now_us)
{
    const uint64_t key = key_of(t, source, NULL);
    CHECK(pthread_mutex_lock(&t->lock) == 0);
    const struct count *c = find(t->sources[key % ROWS], key);
    const bool banned = c != NULL && now_us < c->until_us;
    CHECK(pthread_mutex_unlock(&t->lock) == 0);
    return banned;
}

static uint64_t
count_guess(struct count *c, const struct throttle_limits *limits, uint64_t now_us)
{
    if (now_us - c->since_us > WINDOW_US) {
        c->failures = 0;
    }
    c->since_us = now_us;
    uint64_t delay_us = limits->delay_us;
    for (uint32_t i = 0; i < c->failures && delay_us < limits->delay_max_us; i++) {
        delay_us *= 2;
    }
    c->failures++;
    return delay_us < limits->delay_max_us ? delay_us : limits->delay_max_us;
}

static void
count_source(struct count *c, const struct throttle_limits *limits, uint64_t now_us)
{
    if (c->failures == 0 || now_us - c->since_us > WINDOW_US) {
        c->since_us = now_us;
        c->failures = 0;
    }
    c->failures++;
    if (limits->failures_max > 0 && c->failures >= limits->failures_max) {
        c->until_us = now_us + limits->ban_us;
        c->failures = 0;
    }
}

uint64_t
throttle_fail(struct throttle *t, const char *source, const char *user,
              const struct throttle_limits *limits, uint64_t now_us)
{
    const uint64_t guess = key_of(t, source, user);
    const uint64_t from = key_of(t, source, NULL);
    CHECK(pthread_mutex_lock(&t->lock) == 0);
    const uint64_t delay_us =
        count_guess(find_or_make(t->guesses[guess % ROWS], guess), limits, now_us);
    count_source(find_or_make(t->sources[from % ROWS], from), limits, now_us);
    CHECK(pthread_mutex_unlock(&t->lock) == 0);
    return delay_us;
}

void
throttle_pass(struct throttle *t, const char *source, const char *user)
{
    const uint64_t key = key_of(t, source, user);
    CHECK(pthread_mutex_lock(&t->lock) == 0);
    struct count *c = find(t->guesses[key % ROWS], key);
    if (c != NULL) {
        *c = (struct count){.key = 0};
    }
    CHECK(pthread_mutex_unlock(&t->lock) == 0);
}
