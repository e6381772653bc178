/* print.c — the sample teal.ini and teal.ini(5), from the table of keys. See conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "conf/conf.h"
#include "conf/keys.h"

enum { SAMPLE_COLUMNS = 84, MANUAL_COLUMNS = 78 };

/* What each section is about; one sentence, for both documents. */
static const char *const section_docs[CONF_SECTIONS_COUNT] = {
    [CONF_SECTION_TEAL] = "The proxy itself: where it listens, who may log in, its limits.",
    [CONF_SECTION_PAIR] = "The pair of servers, and how a cutover between them goes.",
    [CONF_SECTION_BLUE] = "The server that is the writer at the beginning.",
    [CONF_SECTION_GREEN] = "The server that becomes the writer; the keys are those of [blue].",
};

/* How much of the text goes into one line, broken at a blank. */
static size_t
line_len(const char *text, size_t columns)
{
    size_t len = strlen(text);
    if (len <= columns) {
        return len;
    }
    len = columns;
    while (len > 0 && text[len] != ' ') {
        len--;
    }
    CHECK(len > 0); /* no word of ours is so long */
    return len;
}

/* ---- the sample ---- */

/* A comment, broken at blanks. */
static void
put_comment(struct buf *out, const char *text)
{
    while (*text != '\0') {
        const size_t len = line_len(text, SAMPLE_COLUMNS);
        buf_printf(out, "; %.*s\n", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

/* A key as it stands in the sample: its default, switched off; where there is none, something to
 * change. */
static void
put_sample_key(struct buf *out, enum conf_section section, const struct conf_key *key)
{
    if (key->default_text == NULL) {
        buf_printf(out, "%s = %s.example.com\n", key->name, conf_section_name(section));
        return;
    }
    buf_printf(out, ";%s =%s%s\n", key->name, key->default_text[0] == '\0' ? "" : " ",
               key->default_text);
}

static void
put_sample_section(struct buf *out, enum conf_section section)
{
    buf_printf(out, "\n");
    put_comment(out, section_docs[section]);
    buf_printf(out, "[%s]\n", conf_section_name(section));
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        if (!conf_key_in(key, section)) {
            continue;
        }
        if (section != CONF_SECTION_GREEN) { /* said once, at [blue] */
            buf_printf(out, "\n");
            put_comment(out, key->doc);
        }
        put_sample_key(out, section, key);
    }
}

void
conf_print_sample(struct buf *out)
{
    buf_printf(out,
               "; teal.ini - sample configuration of teal; see teal.ini(5).\n"
               "; SPDX-License-Identifier: PostgreSQL\n"
               ";\n"
               "; What is commented out shows the default. Times: a number of seconds, or with a\n"
               "; unit (us, ms, s, min, h, d). Sizes: bytes, or with a unit (kB, MB, GB).\n");
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        put_sample_section(out, (enum conf_section)i);
    }
}

/* ---- the manual ---- */

/* Text as lines of mdoc: a backslash begins an escape, a dot or a quote at the start a request. */
static void
put_mdoc(struct buf *out, const char *text)
{
    while (*text != '\0') {
        const size_t len = line_len(text, MANUAL_COLUMNS);
        if (*text == '.' || *text == '\'') {
            buf_printf(out, "\\&");
        }
        for (size_t i = 0; i < len; i++) {
            buf_printf(out, text[i] == '\\' ? "\\e" : "%c", text[i]);
        }
        buf_printf(out, "\n");
        text += len;
        text += strspn(text, " ");
    }
}

static void
put_manual_limits(struct buf *out, const struct conf_key *key)
{
    if (key->limits.max == 0) {
        return;
    }
    buf_printf(out, "From ");
    value_format_number(key->kind, key->limits.min, out);
    buf_printf(out, " to ");
    value_format_number(key->kind, key->limits.max, out);
    buf_printf(out, ".\n");
}

static void
put_manual_default(struct buf *out, const struct conf_key *key)
{
    if (key->default_text == NULL) {
        buf_printf(out, "It must be set.\n");
    } else if (key->default_text[0] == '\0') {
        buf_printf(out, "Default: empty.\n");
    } else {
        buf_printf(out, "Default:\n.Li %s .\n", key->default_text);
    }
}

static void
put_manual_key(struct buf *out, const struct conf_key *key)
{
    buf_printf(out, ".It Cm %s No = Ar %s\n", key->name, value_kind_name(key->kind));
    put_mdoc(out, key->doc);
    put_manual_limits(out, key);
    put_manual_default(out, key);
    if (!key->live) {
        buf_printf(out, "A change needs a restart.\n");
    }
}

static void
put_manual_section(struct buf *out, enum conf_section section, const char *title)
{
    buf_printf(out, ".Ss %s\n", title);
    put_mdoc(out, section_docs[section]);
    buf_printf(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_keys_count(); i++) {
        if (conf_key_in(conf_key_at(i), section)) {
            put_manual_key(out, conf_key_at(i));
        }
    }
    buf_printf(out, ".El\n");
}

/* clang-format off */
static const char manual_head[] =
    ".\\\" SPDX-License-Identifier: PostgreSQL\n"
    ".\\\" Made from proxy/conf/keys.def; change it there.\n"
    ".Dd November 20, 2026\n"
    ".Dt TEAL.INI 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm teal.ini\n"
    ".Nd configuration of teal\n"
    ".Sh DESCRIPTION\n"
    "The file consists of sections, each with lines of the form\n"
    ".Dl key = value\n"
    "Empty lines, and lines that begin with\n"
    ".Sq \\&;\n"
    "or\n"
    ".Sq # ,\n"
    "are skipped; a\n"
    ".Sq \\&;\n"
    "behind a blank begins a comment at the end of a line.\n"
    "A line has at most 197 bytes; a key whose value is a list may be given\n"
    "several times, and the lists add up.\n"
    ".Pp\n"
    "An unknown section or key, a key that is set twice, a value that cannot be\n"
    "read or is outside its limits and a missing key are mistakes.\n"
    "All of them are reported with their line, and then the file is not taken:\n"
    ".Nm teal\n"
    "does not start, and a reload leaves everything as it was.\n"
    ".Ql teal --check-config FILE\n"
    "does nothing but report them.\n"
    ".Pp\n"
    "The kinds of values are:\n"
    ".Bl -tag -width duration\n"
    ".It Ar duration\n"
    "A whole number of seconds, or of the unit that follows:\n"
    ".Li us , ms , s , min , h\n"
    "or\n"
    ".Li d .\n"
    ".It Ar size\n"
    "A whole number of bytes, or of the unit that follows:\n"
    ".Li B , kB , MB\n"
    "or\n"
    ".Li GB .\n"
    ".It Ar list\n"
    "Words, separated by commas.\n"
    ".It Ar yes|no\n"
    "Also\n"
    ".Li on , true , 1\n"
    "and\n"
    ".Li off , false , 0 .\n"
    ".It Ar secret\n"
    "A text that is never shown or logged.\n"
    ".El\n"
    ".Sh SECTIONS\n";

static const char manual_tail[] =
    ".Sh THE USERS FILE\n"
    "The file named by\n"
    ".Cm auth_file\n"
    "has the format of PgBouncer's: one user a line, the name and the secret in\n"
    "double quotes, a quote inside doubled.\n"
    "Lines that begin with\n"
    ".Sq \\&;\n"
    "or\n"
    ".Sq #\n"
    "are skipped.\n"
    "The secret is one of:\n"
    ".Bl -bullet\n"
    ".It\n"
    "A password.\n"
    ".It\n"
    "A verifier as in pg_authid.rolpassword, which begins with\n"
    ".Li SCRAM-SHA-256$ .\n"
    "Logging in to a server with it works when the server holds the same verifier,\n"
    "and after a client has logged in as this user since\n"
    ".Nm teal\n"
    "was started.\n"
    ".It\n"
    ".Li md5\n"
    "and 32 digits.\n"
    "It serves servers that ask for md5, but no clients.\n"
    ".It\n"
    "Nothing, for a user that needs no secret.\n"
    ".El\n"
    ".Pp\n"
    "Passwords are taken byte by byte; one with characters outside of ASCII that\n"
    "SASLprep would change must be given as a verifier.\n"
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/teal/teal.ini\n"
    "The usual place.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "The least that is needed:\n"
    ".Bd -literal -offset indent\n"
    "[pair]\n"
    "database = shop\n"
    "\n"
    "[blue]\n"
    "host = 10.0.0.1\n"
    "password_file = /etc/teal/blue.password\n"
    "\n"
    "[green]\n"
    "host = 10.0.0.2\n"
    "password_file = /etc/teal/green.password\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr teal 8 ,\n"
    ".Xr tealctl 8\n";
/* clang-format on */

void
conf_print_manual(struct buf *out)
{
    buf_put(out, manual_head, strlen(manual_head));
    put_manual_section(out, CONF_SECTION_TEAL, "[teal]");
    put_manual_section(out, CONF_SECTION_PAIR, "[pair]");
    put_manual_section(out, CONF_SECTION_BLUE, "[blue] and [green]");
    buf_put(out, manual_tail, strlen(manual_tail));
}
