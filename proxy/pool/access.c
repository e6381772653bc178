/* access.c — who may log in, and with what either end is encrypted. See access.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/access.h"

#include <unistd.h>

#include "base/mem.h"
#include "conf/databases.h"

/* Where nobody is asked for a secret, or the rows say, the file may be missing. */
static bool
load_users(struct access *a, const struct conf *conf, const struct scram_seed *seed,
           const struct access *before, struct buf *mistakes)
{
    const bool asks = conf->auth_type != AUTH_TYPE_TRUST && conf->auth_type != AUTH_TYPE_CERT &&
                      conf->auth_type != AUTH_TYPE_PEER && conf->auth_type != AUTH_TYPE_HBA;
    if (!asks && access(conf->auth_file, F_OK) == -1) {
        return true;
    }
    a->users = users_load(conf->auth_file, seed, before == NULL ? NULL : before->users, mistakes);
    return a->users != NULL;
}

static bool
load_rules(struct access *a, const struct conf *conf, struct buf *mistakes)
{
    bool ok = true;
    if (conf->auth_ident_file[0] != '\0') {
        a->ident = ident_load(conf->auth_ident_file, mistakes);
        ok = a->ident != NULL;
    }
    if (conf->auth_type != AUTH_TYPE_HBA) {
        return ok;
    }
    if (conf->auth_hba_file[0] == '\0') {
        buf_printf(mistakes, "%s: auth_type = hba needs auth_hba_file\n", conf->path);
        return false;
    }
    a->hba = hba_load(conf->auth_hba_file, mistakes);
    return a->hba != NULL && ok;
}

static bool
add_mistake(const struct conf *conf, const struct err *err, struct buf *mistakes)
{
    buf_printf(mistakes, "%s: %s\n", conf->path, err->text);
    return false;
}

static bool
load_client_tls(struct access *a, const struct conf *conf, struct buf *mistakes)
{
    const struct tls_config config = {
        .mode = conf->client_tls_sslmode,
        .cert_file = conf->client_tls_cert_file,
        .key_file = conf->client_tls_key_file,
        .ca_file = conf->client_tls_ca_file,
        .protocols = conf->client_tls_protocols,
        .ciphers = conf->client_tls_ciphers,
        .ciphers13 = conf->client_tls13_ciphers,
    };
    struct err err;
    if (config.mode == TLS_DISABLE) {
        return true;
    }
    a->clients = tls_context_accepting(&config, &err);
    return a->clients != NULL || add_mistake(conf, &err, mistakes);
}

static bool
load_server_tls(struct access *a, const struct conf *conf, struct buf *mistakes)
{
    const struct tls_config config = {
        .mode = conf->server_tls_sslmode,
        .cert_file = conf->server_tls_cert_file,
        .key_file = conf->server_tls_key_file,
        .ca_file = conf->server_tls_ca_file,
        .protocols = conf->server_tls_protocols,
        .ciphers = conf->server_tls_ciphers,
        .ciphers13 = conf->server_tls13_ciphers,
    };
    struct err err;
    if (config.mode == TLS_DISABLE) {
        return true;
    }
    a->servers = tls_context_connecting(&config, &err);
    return a->servers != NULL || add_mistake(conf, &err, mistakes);
}

static const struct conf_database *
database_of(const struct conf *conf, uint32_t i)
{
    return i < conf->databases_count ? &conf->databases[i] : &conf->rest;
}

static bool
load_forced(struct access *a, const struct conf *conf, const struct scram_seed *seed,
            struct buf *mistakes)
{
    bool ok = true;
    a->forced_count = conf->databases_count + 1;
    a->forced = xcalloc(a->forced_count, sizeof(*a->forced));
    for (uint32_t i = 0; i < a->forced_count; i++) {
        const struct conf_database *d = database_of(conf, i);
        if (d->user != NULL && d->user[0] != '\0' && d->password[0] != '\0') {
            a->forced[i] = users_of_one(d->user, d->password, conf->path, seed, NULL, mistakes);
            ok = a->forced[i] != NULL && ok;
        }
    }
    return ok;
}

struct access *
access_load(const struct conf *conf, const struct scram_seed *seed, const struct access *before,
            struct buf *mistakes)
{
    struct access *a = xcalloc(1, sizeof(*a));
    atomic_init(&a->refs, 1);
    /* All of them, so that all mistakes are known at once. */
    bool ok = load_users(a, conf, seed, before, mistakes);
    ok = load_rules(a, conf, mistakes) && ok;
    ok = load_forced(a, conf, seed, mistakes) && ok;
    ok = load_client_tls(a, conf, mistakes) && ok;
    ok = load_server_tls(a, conf, mistakes) && ok;
    if (!ok) {
        access_unref(a);
        return NULL;
    }
    return a;
}

struct access *
access_ref(struct access *a)
{
    CHECK(atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed) > 0);
    return a;
}

void
access_unref(struct access *a)
{
    if (a == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1) {
        users_unref(a->users);
        for (uint32_t i = 0; i < a->forced_count; i++) {
            users_unref(a->forced[i]);
        }
        mem_free(a->forced);
        hba_free(a->hba);
        ident_free(a->ident);
        tls_context_unref(a->clients);
        tls_context_unref(a->servers);
        mem_free(a);
    }
}

const struct user *
access_forced(const struct access *a, const struct conf *conf, const char *alias, const char *name)
{
    const struct conf_database *d = conf_database_find(conf, alias);
    if (d == NULL || a->forced_count == 0) {
        return NULL;
    }
    const uint32_t i = d == &conf->rest ? conf->databases_count : (uint32_t)(d - conf->databases);
    CHECK(i < a->forced_count);
    return a->forced[i] == NULL ? NULL : users_find(a->forced[i], name);
}

const struct user *
access_user(const struct access *a, const char *name)
{
    return a->users == NULL ? NULL : users_find(a->users, name);
}
