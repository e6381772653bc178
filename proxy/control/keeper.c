/* keeper.c — keeps what the operator has said in a file. See keeper.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/keeper.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

struct keeper {
    char *path; /* owned */
    struct wishes wishes;
    struct buf written; /* what the file holds, as far as is known */
    bool exists;        /* the file, or may */
    bool unwritten;     /* the last attempt failed */
};

static void
keeper_read(struct keeper *k)
{
    struct err err;
    err_clear(&err);
    k->exists = file_exists(k->path);
    if (!k->exists || (file_read(k->path, WISHES_SIZE_MAX, &k->written, &err) &&
                       wishes_decode(buf_slice(&k->written), &k->wishes, &err))) {
        return;
    }
    buf_clear(&k->written); /* the next change replaces it */
    log_warn(NULL, "what the operator had said is lost, the configuration applies",
             "path=\"%s\" error=\"%s\"", k->path, err.text);
}

static bool
is_one_of(const char *name, const char *const *pairs, uint32_t pairs_count)
{
    for (uint32_t i = 0; i < pairs_count; i++) {
        if (strcmp(pairs[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* So there is always room for those that the configuration has. */
static void
drop_other_pairs(struct keeper *k, const char *const *pairs, uint32_t pairs_count)
{
    for (uint32_t i = k->wishes.pairs_count; i-- > 0;) {
        const struct wishes_pair *pair = &k->wishes.pairs[i];
        if (!is_one_of(pair->name, pairs, pairs_count)) {
            log_warn(NULL, "what the operator had said of a pair is dropped, there is none",
                     "pair=\"%s\" path=\"%s\"", pair->name, k->path);
            wishes_forget(&k->wishes, pair);
        }
    }
}

struct keeper *
keeper_new(const char *state_file, const char *const *pairs, uint32_t pairs_count)
{
    CHECK(pairs_count <= PAIRS_MAX);
    struct keeper *k = xcalloc(1, sizeof(*k));
    k->path = xasprintf("%s.operator", state_file);
    buf_init(&k->written);
    keeper_read(k);
    drop_other_pairs(k, pairs, pairs_count);
    return k;
}

void
keeper_free(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    wishes_fini(&k->wishes);
    buf_fini(&k->written);
    mem_free(k->path);
    mem_free(k);
}

const struct wishes *
keeper_wishes(const struct keeper *k)
{
    return &k->wishes;
}

const struct wishes_pair *
keeper_pair(const struct keeper *k, const char *pair)
{
    static const struct wishes_pair nothing = {0};
    const struct wishes_pair *found = wishes_find(&k->wishes, pair);
    return found == NULL ? &nothing : found;
}

/* ---- the file ---- */

static void
keeper_write(struct keeper *k)
{
    struct buf text;
    struct err err;
    buf_init(&text);
    wishes_encode(&k->wishes, &text);
    const bool same = k->exists ? slice_equal(buf_slice(&text), buf_slice(&k->written))
                                : wishes_are_empty(&k->wishes);
    k->exists = k->exists || !same;
    if (same) {
        k->unwritten = false;
    } else if (file_replace(k->path, buf_slice(&text), &err)) {
        k->unwritten = false;
        buf_clear(&k->written);
        buf_put_slice(&k->written, buf_slice(&text));
    } else {
        if (!k->unwritten) {
            log_error(NULL, "what the operator says is not kept", "error=\"%s\"", err.text);
        }
        k->unwritten = true;
        buf_clear(&k->written); /* either the old bytes or the new ones */
    }
    buf_fini(&text);
}

const char *
keeper_unwritten(const struct keeper *k)
{
    return k->unwritten ? k->path : NULL;
}

void
keeper_tick(struct keeper *k)
{
    if (k->unwritten) {
        keeper_write(k);
    }
}

/* ---- what is put ---- */

static struct wishes_pair *
pair_to_change(struct keeper *k, const char *name)
{
    struct wishes_pair *pair = wishes_pair(&k->wishes, name);
    CHECK(pair != NULL);
    return pair;
}

void
keeper_put_reads(struct keeper *k, const char *pair, const struct wish_reads *reads)
{
    wish_reads_put(&pair_to_change(k, pair)->reads, reads);
    keeper_write(k);
}

void
keeper_put_hold(struct keeper *k, const char *pair, const struct wish_hold *hold)
{
    pair_to_change(k, pair)->hold = *hold;
    keeper_write(k);
}

void
keeper_put_paused(struct keeper *k, bool paused)
{
    k->wishes.paused = paused;
    keeper_write(k);
}

bool
keeper_put_stop(struct keeper *k, const struct view_stop *stop, struct err *err)
{
    if (!wish_stop_put(&k->wishes, stop)) {
        return err_set(err, "54000", "more than %d databases are paused or disabled",
                       WISHES_STOPS_MAX);
    }
    keeper_write(k);
    return true;
}

void
keeper_put_sets(struct keeper *k, const struct wish_set *sets, uint32_t count)
{
    wish_sets_clear(&k->wishes);
    for (uint32_t i = 0; i < count && i < WISHES_SETS_MAX; i++) {
        wish_set_put(&k->wishes, sets[i].key, sets[i].value);
    }
    keeper_write(k);
}
