/* grants.c — fills the lines of grants.def in. See grants.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/grants.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"

enum whom { EVERYBODY, BY_SYSTEM, BY_DATABASE, STRICT, OTHER };

static const struct grant_line {
    enum whom whom;
    const char *text;
} lines[] = {
#define GRANT_LINE(whom, text) {whom, text},
#include "admin/grants.def"
};

static bool
has_other(const struct conf_node *node)
{
    return node->replication_user != NULL && strcmp(node->replication_user, node->user) != 0;
}

static bool
is_for(enum whom whom, const struct conf *conf, const struct conf_node *node)
{
    switch (whom) {
    case EVERYBODY:
        return true;
    case BY_SYSTEM:
        return conf->fence != FENCE_DATABASE;
    case BY_DATABASE:
        return conf->fence == FENCE_DATABASE;
    case STRICT:
        return conf->fence == FENCE_STRICT;
    case OTHER:
        return has_other(node);
    }
    UNREACHABLE();
}

/* Doubles the quote. A backslash is one in both, for standard_conforming_strings is on. */
static void
put_quoted(struct buf *b, const char *text, char quote)
{
    buf_put_u8(b, (uint8_t)quote);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == quote) {
            buf_put_u8(b, (uint8_t)quote);
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, (uint8_t)quote);
}

static const char *
name_of(char token, const struct conf *conf, const struct conf_node *node)
{
    CHECK(token == 'r' || token == 'p' || token == 'd');
    if (token == 'd') {
        return conf->database;
    }
    return token == 'r' ? node->user : node->replication_user;
}

/* What stands behind the $; the rest of the text behind it. */
static const char *
put_token(struct buf *b, const char *token, const struct conf *conf, enum side side)
{
    const struct conf_node *node = &conf->node[side];
    switch (token[0]) {
    case '$':
        buf_put_u8(b, '$');
        return token + 1;
    case 's':
        buf_printf(b, "%s", side_name(side));
        return token + 1;
    case 'a':
        buf_printf(b, "%s:%u", node->host, node->port);
        return token + 1;
    case '\'':
        put_quoted(b, name_of(token[1], conf, node), '\'');
        return token + 2;
    default:
        put_quoted(b, name_of(token[0], conf, node), '"');
        return token + 1;
    }
}

static void
add_line(struct table *t, const char *text, const struct conf *conf, enum side side)
{
    struct buf line;
    buf_init(&line);
    while (*text != '\0') {
        if (*text != '$') {
            buf_put_u8(&line, (uint8_t)*text++);
        } else {
            text = put_token(&line, text + 1, conf, side);
        }
    }
    buf_put_u8(&line, '\0');
    table_add(t, (const char *)buf_slice(&line).p);
    buf_fini(&line);
}

static void
add_side(struct table *t, const struct conf *conf, enum side side)
{
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (is_for(lines[i].whom, conf, &conf->node[side])) {
            add_line(t, lines[i].text, conf, side);
        }
    }
}

struct table *
report_grants(const struct command *c, const struct conf *conf)
{
    static const char *const columns[] = {"sql"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (int s = 0; s < SIDES_COUNT; s++) {
        if (!c->side_set || (int)c->side == s) {
            add_side(t, conf, (enum side)s);
        }
    }
    return t;
}
