/* cached_params.c — what logins were told. See cached_params.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/cached_params.h"

enum { CACHED_MAX = 1000 };

static struct buf
key_of(const struct session *s)
{
    struct buf key;
    CHECK(s->identity.user != NULL && s->settings.at_login != NULL);
    buf_init(&key);
    buf_put_cstr(&key, s->identity.user);
    buf_put_cstr(&key, s->identity.database);
    buf_put(&key, s->settings.at_login->text, s->settings.at_login->text_len);
    return key;
}

struct params *
cached_params_find(const struct session *s)
{
    struct buf key = key_of(s);
    struct params *found = map_get(&s->worker->cached_params, buf_slice(&key));
    buf_fini(&key);
    return found;
}

void
cached_params_remember(struct session *s)
{
    struct map *cached = &s->worker->cached_params;
    struct buf key = key_of(s);
    if (map_count(cached) >= CACHED_MAX) {
        cached_params_forget(s->worker); /* logins that are never alike: do not keep them all */
    }
    params_unref(map_put(cached, buf_slice(&key), params_ref(s->params.told)));
    buf_fini(&key);
}

void
cached_params_forget(struct worker *w)
{
    size_t at = 0;
    for (void *v = map_next(&w->cached_params, &at); v != NULL;
         v = map_next(&w->cached_params, &at)) {
        params_unref(v);
    }
    map_fini(&w->cached_params);
    CHECK(map_count(&w->cached_params) == 0); /* and ready for the next login */
}
