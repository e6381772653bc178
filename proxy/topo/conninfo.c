/* conninfo.c — connection strings for libpq. See conninfo.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "topo/conninfo.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "conf/conf.h"

enum { CONNECT_TIMEOUT_SECONDS_MIN = 2 }; /* libpq makes 2 of 1 anyway, and takes 0 for no limit */

/* The value in quotes, with \ before ' and \; one that is not set is left to libpq's default. */
static void
put_pair(struct buf *b, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    buf_printf(b, "%s%s='", buf_len(b) == 0 ? "" : " ", key);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            buf_put_u8(b, '\\');
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, '\'');
}

static void
put_number(struct buf *b, const char *key, uint64_t value)
{
    buf_printf(b, "%s%s=%llu", buf_len(b) == 0 ? "" : " ", key, (unsigned long long)value);
}

/* The text as a string of its own; the buffer is wiped. */
static char *
take_text(struct buf *b)
{
    const struct slice s = buf_slice(b);
    char *text = xstrndup((const char *)s.p, s.len);
    mem_wipe_free(b->data, b->size);
    buf_init(b);
    return text;
}

/* As whom. */
static void
put_user(struct buf *b, const char *user, const char *password, const char *database)
{
    put_pair(b, "user", user);
    put_pair(b, "password", password);
    put_pair(b, "dbname", database);
}

/* Where, and as whom. */
static void
put_login(struct buf *b, const char *host, uint16_t port, const char *user, const char *password,
          const char *database)
{
    CHECK(host != NULL && host[0] != '\0');
    put_pair(b, "host", host);
    put_number(b, "port", port);
    put_user(b, user, password, database);
}

static void
put_tls(struct buf *b, const struct conf *conf, enum tls_mode mode)
{
    put_pair(b, "sslmode", tls_mode_name(mode));
    put_pair(b, "sslrootcert", conf->server_tls_ca_file);
    put_pair(b, "sslcert", conf->server_tls_cert_file);
    put_pair(b, "sslkey", conf->server_tls_key_file);
}

static const struct conf_side *
side_of(const struct conf *conf, uint32_t pair, enum side side)
{
    CHECK(pair < conf->pairs_count && (size_t)side < SIDES_COUNT);
    return &conf->pairs[pair].side[side];
}

static const struct conf_host *
host_of(const struct conf *conf, const struct node_id *id)
{
    const struct conf_side *side = side_of(conf, id->pair, id->side);
    CHECK(id->node < side->hosts_count);
    return &side->hosts[id->node];
}

char *
conninfo_of(const struct conf *conf, const struct node_id *id, const char *database,
            const char *application_name, uint64_t connect_timeout_us)
{
    const struct conf_side *side = side_of(conf, id->pair, id->side);
    const struct conf_host *host = host_of(conf, id);
    const uint64_t seconds = (connect_timeout_us + 999999) / 1000000;
    struct buf b;
    buf_init(&b);
    put_login(&b, host->name, host->port, side->user, side->password, database);
    put_tls(&b, conf, side->sslmode);
    put_pair(&b, "application_name", application_name);
    put_pair(&b, "client_encoding", "UTF8");
    put_pair(&b, "gssencmode", "disable");
    put_number(&b, "connect_timeout",
               seconds < CONNECT_TIMEOUT_SECONDS_MIN ? CONNECT_TIMEOUT_SECONDS_MIN : seconds);
    /* A server that vanished without closing is noticed within half a minute, also while idle. */
    put_number(&b, "keepalives_idle", 10);
    put_number(&b, "keepalives_interval", 5);
    put_number(&b, "keepalives_count", 4);
    return take_text(&b);
}

char *
conninfo_with_database(const char *conninfo, const char *database)
{
    struct buf b;
    buf_init(&b);
    buf_put_text(&b, conninfo);
    put_pair(&b, "dbname", database);
    return take_text(&b);
}

char *
conninfo_of_user(const struct conf *conf, const struct node_id *id, const char *database,
                 const char *user, const char *password)
{
    const struct conf_host *host = host_of(conf, id);
    struct buf b;
    buf_init(&b);
    put_login(&b, host->name, host->port, user, password, database);
    put_tls(&b, conf, conf->server_tls_sslmode);
    put_pair(&b, "application_name", "teal auth_query");
    put_pair(&b, "gssencmode", "disable");
    put_number(&b, "connect_timeout", CONNECT_TIMEOUT_SECONDS_MIN);
    return take_text(&b);
}

/* The servers of the side as libpq's lists. */
static void
put_hosts(struct buf *b, const struct conf_side *side)
{
    struct buf hosts;
    struct buf ports;
    buf_init(&hosts);
    buf_init(&ports);
    for (uint32_t i = 0; i < side->hosts_count; i++) {
        const char *comma = i == 0 ? "" : ",";
        const uint16_t port =
            side->replication_port != 0 ? side->replication_port : side->hosts[i].port;
        buf_printf(&hosts, "%s%s", comma, side->hosts[i].name);
        buf_printf(&ports, "%s%u", comma, (unsigned)port);
    }
    buf_put_u8(&hosts, 0);
    buf_put_u8(&ports, 0);
    put_pair(b, "host", (const char *)buf_slice(&hosts).p);
    put_pair(b, "port", (const char *)buf_slice(&ports).p);
    buf_fini(&hosts);
    buf_fini(&ports);
}

/* Which server of several a subscription takes. read-write would leave out a writer that is fenced,
 * which is when it must be read to the end. */
static void
put_primary(struct buf *b, bool several)
{
    put_pair(b, "target_session_attrs", several ? "primary" : "");
}

char *
conninfo_for_replication(const struct conf *conf, uint32_t pair, enum side side,
                         const char *database)
{
    const struct conf_side *node = side_of(conf, pair, side);
    struct buf b;
    buf_init(&b);
    if (node->replication_host[0] == '\0') {
        put_hosts(&b, node);
        put_primary(&b, node->hosts_count > 1);
    } else {
        put_pair(&b, "host", node->replication_host);
        put_number(&b, "port", node->replication_port == 0 ? node->port : node->replication_port);
        put_primary(&b, strchr(node->replication_host, ',') != NULL);
    }
    put_user(&b, node->replication_user, node->replication_password, database);
    put_pair(&b, "sslmode", tls_mode_name(node->sslmode));
    put_pair(&b, "sslrootcert", node->replication_sslrootcert);
    put_number(&b, "connect_timeout", 10);
    return take_text(&b);
}

void
conninfo_free(char *conninfo)
{
    if (conninfo != NULL) {
        mem_wipe_free(conninfo, strlen(conninfo));
    }
}
