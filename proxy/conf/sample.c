/* sample.c — the sample teal.ini. See sample.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/sample.h"

#include <string.h>

#include "conf/keys.h"
#include "conf/wrap.h"

enum { SAMPLE_COLUMNS = 84 };

/* A comment, broken at blanks. */
static void
put_comment(struct buf *out, const char *text)
{
    while (*text != '\0') {
        const size_t len = wrap_len(text, SAMPLE_COLUMNS);
        buf_printf(out, "; %.*s\n", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

/* The default, commented out; a key without one gets an example instead. */
static void
put_key(struct buf *out, enum conf_section section, const struct conf_key *key)
{
    if (key->default_text == NULL) {
        buf_printf(out, "%s = %s.example.com\n", key->name, conf_section_name(section));
        return;
    }
    buf_printf(out, ";%s =%s%s\n", key->name, key->default_text[0] == '\0' ? "" : " ",
               key->default_text);
}

static void
put_head(struct buf *out, enum conf_section section)
{
    buf_printf(out, "\n");
    put_comment(out, conf_section_text(section));
    buf_printf(out, "[%s]\n", conf_section_name(section));
}

static void
put_section(struct buf *out, enum conf_section section)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(section, &count);
    put_head(out, section);
    for (size_t i = 0; i < count; i++) {
        if (section != CONF_SECTION_GREEN) { /* said once, at [blue] */
            buf_printf(out, "\n");
            put_comment(out, keys[i].text);
        }
        put_key(out, section, &keys[i]);
    }
}

/* The names in these lines are the reader's own. */
static void
put_databases(struct buf *out)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(CONF_SECTION_DATABASES, &count);
    put_head(out, CONF_SECTION_DATABASES);
    buf_printf(out, "\n; NAME = OPTION=VALUE ...; * stands for every name that has no line. The "
                    "options:\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, ";\n; %s=%s\n", keys[i].name, value_type_name(keys[i].type));
        put_comment(out, keys[i].text);
    }
    buf_printf(out, "\n;reports = dbname=app pool_size=5\n"
                    ";* = pool_size=10\n");
}

void
sample_print(struct buf *out)
{
    buf_printf(out,
               "; teal.ini - sample configuration of teal; see teal.ini(5).\n"
               "; SPDX-License-Identifier: PostgreSQL\n"
               ";\n"
               "; What is commented out shows the default. Times: a number of seconds, or with a\n"
               "; unit (us, ms, s, min, h, d). Sizes: bytes, or with a unit (kB, MB, GB).\n");
    for (size_t i = 0; i < CONF_SECTION_DATABASES; i++) {
        put_section(out, (enum conf_section)i);
    }
    put_databases(out);
}
