/* parameters.c — what a client is told of its server. See parameters.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/parameters.h"

#include <string.h>

#include "sql/classify.h"
#include "sql/encoding.h"
#include "wire/message.h"

void
parameters_take(struct session *s, struct params *params)
{
    struct parameters *p = &s->params;
    struct params *before = p->told;
    p->told = params_ref(params);
    params_unref(before);
    const char *encoding = params_get(params, "client_encoding");
    const char *conforming = params_get(params, "standard_conforming_strings");
    p->encoding_is_safe = encoding != NULL && sql_encoding_is_safe(encoding);
    p->backslash_escapes = conforming != NULL && strcmp(conforming, "off") == 0;
}

void
parameters_sync(struct session *s)
{
    const struct params *told = s->params.told;
    struct params *now = s->link.backend->params;
    if (told == NULL || told->hash == now->hash) {
        return;
    }
    for (uint32_t i = 0; i < now->count; i++) {
        const char *before = params_get(told, now->items[i].name);
        if (before == NULL || strcmp(before, now->items[i].value) != 0) {
            message_put_parameter(outlet_queue(&s->client.out), now->items[i].name,
                                  now->items[i].value);
        }
    }
    parameters_take(s, now);
}

void
parameters_fini(struct session *s)
{
    params_unref(s->params.told);
    s->params.told = NULL;
}

static bool
has_high_byte(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

struct sql_traits
parameters_classify(const struct session *s, struct slice text)
{
    if (!s->params.encoding_is_safe && has_high_byte(text)) {
        return (struct sql_traits){.class = SQL_WRITE,
                                   .pins = SQL_PIN_UNKNOWN,
                                   .statements = 1,
                                   .why = "its encoding may hide quotes within characters"};
    }
    struct sql_traits traits = sql_classify_with(text, s->worker->extra);
    if (s->params.backslash_escapes && traits.backslash) {
        traits.class = SQL_WRITE;
        traits.pins |= SQL_PIN_UNKNOWN;
        traits.why = "standard_conforming_strings is off";
    }
    return traits;
}
