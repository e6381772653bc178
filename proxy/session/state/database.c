/* database.c — a database as clients name it, at one worker. See database.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/database.h"

#include <string.h>

#include "base/mem.h"
#include "conf/databases.h"
#include "session/state/worker.h"

const char *const database_settings[DATABASE_SETTINGS] = {"client_encoding", "datestyle",
                                                          "timezone"};

/* ---- where a name leads ---- */

/* What the configuration says of a name. */
struct place {
    uint32_t pair;
    const char *name; /* on the servers; borrowed */
    const char *user; /* NULL: the client's */
    bool keeps_backends;
    uint32_t clients_max;
    const char *settings[DATABASE_SETTINGS]; /* NULL: none */
};

static const char *
text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* A physical walsender serves all of a cluster: where there is one pair the name does not matter.
 */
static bool
place_find(const struct conf *conf, const char *alias, bool has_none, struct place *out)
{
    const struct conf_database *d = conf_database_find(conf, alias);
    if (d == NULL) {
        *out = (struct place){.pair = 0, .name = alias};
        return has_none && conf->pairs_count == 1;
    }
    *out = (struct place){
        .pair = d->pair,
        .name = conf_database_dbname(d, alias),
        .user = text_or_null(d->user),
        .keeps_backends = d->pool_mode == POOL_MODE_SESSION,
        .clients_max = d->max_db_client_connections != 0 ? d->max_db_client_connections
                                                         : conf->max_db_client_connections,
        .settings = {text_or_null(d->client_encoding), text_or_null(d->datestyle),
                     text_or_null(d->timezone)},
    };
    return true;
}

/* So many names that the monitor does not know are tried at a server: a database may be as new as
 * that. Each that is none leaves empty pools behind, and so there must be an end to it; after that
 * a new database has to be seen by the monitor first. */
enum { UNSEEN_MAX = 200 };

static bool
is_unseen(const struct worker *w, const struct place *place)
{
    const struct view *view = w->pairs[place->pair].view;
    return view->databases_known && view_database(view, place->name) == NULL;
}

/* ---- one database ---- */

static void
replace(char **text, const char *with)
{
    mem_free(*text);
    *text = with == NULL ? NULL : xstrdup(with);
}

static void
take_place(struct database *d, const struct place *place)
{
    replace(&d->user, place->user);
    for (size_t i = 0; i < DATABASE_SETTINGS; i++) {
        replace(&d->settings[i], place->settings[i]);
    }
    d->keeps_backends = place->keeps_backends;
    d->clients_max = place->clients_max;
}

static void
take_view(const struct worker *w, struct database *d)
{
    d->facts = route_database(w->pairs[d->pair].view, d->alias, d->name);
}

static struct database *
database_new(struct worker *w, const char *alias, const struct place *place)
{
    struct database *d = xcalloc(1, sizeof(*d));
    d->alias = xstrdup(alias);
    d->name = xstrdup(place->name);
    d->pair = place->pair;
    d->is_current = true;
    take_place(d, place);
    take_view(w, d);
    list_init(&d->node);
    list_push_back(&w->known, &d->node);
    CHECK(map_put(&w->databases, slice_of_str(d->alias), d) == NULL);
    return d;
}

static void
database_free(struct database *d)
{
    CHECK(d->sessions == 0);
    list_remove(&d->node);
    mem_free(d->alias);
    mem_free(d->name);
    mem_free(d->user);
    for (size_t i = 0; i < DATABASE_SETTINGS; i++) {
        mem_free(d->settings[i]);
    }
    mem_free(d);
}

/* The name does not lead to it any more. */
static void
retire(struct worker *w, struct database *d)
{
    CHECK(d->is_current);
    d->is_current = false;
    CHECK(map_remove(&w->databases, slice_of_str(d->alias)) == d);
    if (d->sessions == 0 && !d->is_served) {
        database_free(d);
    }
}

static bool
is_at(const struct database *d, const struct place *place)
{
    const bool same_user = d->user == NULL || place->user == NULL
                               ? d->user == place->user
                               : strcmp(d->user, place->user) == 0;
    return d->pair == place->pair && strcmp(d->name, place->name) == 0 && same_user;
}

struct database *
database_enter(struct worker *w, const char *alias, bool has_none, struct err *err)
{
    struct place place;
    const bool is_known = place_find(w->conf, alias, has_none, &place);
    struct database *d = map_get(&w->databases, slice_of_str(alias));
    const bool unseen = is_known && d == NULL && !has_none && is_unseen(w, &place);
    if (!is_known || (unseen && w->unseen >= UNSEEN_MAX)) {
        (void)err_set(err, SQLSTATE_INVALID_DATABASE, "database \"%s\" does not exist", alias);
        return NULL;
    }
    CHECK(place.pair < w->pairs_count);
    w->unseen += unseen ? 1 : 0;
    if (d == NULL) {
        d = database_new(w, alias, &place);
    }
    d->sessions++;
    return d;
}

void
database_leave(struct worker *w, struct database *d)
{
    if (d == NULL) {
        return;
    }
    CHECK(d->sessions > 0);
    d->sessions--;
    if (d->sessions > 0 || d->is_served) {
        return;
    }
    if (d->is_current) {
        retire(w, d);
    } else {
        database_free(d);
    }
}

void
database_serve(struct worker *w, struct database *d)
{
    if (!d->is_served) {
        d->is_served = true;
        d->next = atomic_load_explicit(&w->served, memory_order_relaxed);
        atomic_store_explicit(&w->served, d, memory_order_release);
    }
}

/* ---- all of them ---- */

void
databases_take_view(struct worker *w, uint32_t pair)
{
    LIST_EACH(node, &w->known)
    {
        struct database *d = LIST_OBJECT(node, struct database, node);
        if (d->pair == pair) {
            take_view(w, d);
        }
    }
}

void
databases_take_conf(struct worker *w)
{
    LIST_EACH(node, &w->known)
    {
        struct database *d = LIST_OBJECT(node, struct database, node);
        struct place place;
        if (!d->is_current) {
            continue;
        }
        if (place_find(w->conf, d->alias, false, &place) && is_at(d, &place)) {
            take_place(d, &place);
        } else {
            retire(w, d);
        }
    }
}

void
databases_free(struct worker *w)
{
    LIST_EACH(node, &w->known)
    {
        database_free(LIST_OBJECT(node, struct database, node));
    }
    map_fini(&w->databases);
}
