/* manual.c — the manual page teal.ini(5), in mdoc. See manual.h.
 *
 * What stands before and after the keys is written here; the keys come from keys.def. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/manual.h"

#include <string.h>

#include "conf/keys.h"
#include "conf/wrap.h"

enum { MANUAL_COLUMNS = 78 };

/* clang-format off */
static const char head[] =
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
    "A line has at most 197 bytes, but for those of\n"
    ".Li [databases] ;\n"
    "a key whose value is a list may be given\n"
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

static const char of_pairs[] =
    ".Pp\n"
    "A file with one pair needs no names:\n"
    ".Li [pair] , [blue]\n"
    "and\n"
    ".Li [green] .\n"
    "Several pairs have names, small letters, digits and _, in all of their sections:\n"
    ".Li [pair shop] , [blue shop] , [green shop] ;\n"
    "then their keys are called\n"
    ".Li shop.lag_max\n"
    "and\n"
    ".Li shop.blue.host\n"
    "by SHOW CONFIG and SET.\n"
    "There may be 16 pairs, with 8 servers on each side.\n"
    "A pair that comes or goes needs a restart.\n";

static const char of_databases[] =
    ".Pp\n"
    "Each line is a name, an equals sign and options, as PgBouncer has them:\n"
    ".Dl reports = dbname=app pool_size=5 timezone='Europe/Berlin'\n"
    "A name with other characters than letters, digits, _, . and - stands in double\n"
    "quotes, a quote inside doubled; a value with blanks in single quotes, likewise.\n"
    "The name\n"
    ".Li *\n"
    "stands for every name that has no line; what is given there does not hold for the\n"
    "names that have one.\n"
    ".Pp\n"
    "What a client means by a name is looked for in this order:\n"
    ".Bl -bullet\n"
    ".It\n"
    "The line of that name.\n"
    ".It\n"
    "The list\n"
    ".Cm databases\n"
    "of a pair: the database of that name.\n"
    "A database that a line mentions is known by the names of such lines alone.\n"
    ".It\n"
    "The pair that serves all other names: that of\n"
    ".Li \"* = pair=NAME\" ,\n"
    "or else the only pair with\n"
    ".Li \"databases = *\" .\n"
    "Where there is none the name is refused.\n"
    ".El\n"
    ".Pp\n"
    "The names\n"
    ".Li pgbouncer\n"
    "and\n"
    ".Li teal\n"
    "are those of the console.\n"
    "Lines come, go and change with a reload.\n"
    "Of PgBouncer's options those that are not in the following list are refused, with\n"
    "the reason.\n";

static const char tail[] =
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
    ".Pp\n"
    "Two pairs, one of them with replicas:\n"
    ".Bd -literal -offset indent\n"
    "[pair shop]\n"
    "database = shop\n"
    "\n"
    "[blue shop]\n"
    "hosts = 10.0.0.1, 10.0.0.2, [2001:db8::3]:5433 weight=2\n"
    "\n"
    "[green shop]\n"
    "hosts = 10.0.1.1, 10.0.1.2\n"
    "\n"
    "[pair bills]\n"
    "databases = bills, taxes\n"
    "\n"
    "[blue bills]\n"
    "host = 10.0.0.7\n"
    "\n"
    "[green bills]\n"
    "host = 10.0.0.8\n"
    "\n"
    "[databases]\n"
    "reports = dbname=shop pair=shop pool_size=5\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr teal 8 ,\n"
    ".Xr tealctl 8\n";
/* clang-format on */

/* Text as lines of mdoc: a backslash begins an escape, a dot or a quote at the start a request. */
static void
put_mdoc(struct buf *out, const char *text)
{
    while (*text != '\0') {
        const size_t len = wrap_len(text, MANUAL_COLUMNS);
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
put_limits(struct buf *out, const struct conf_key *key)
{
    if (key->max == 0) {
        return;
    }
    buf_printf(out, "From ");
    value_format_number(key->type, key->min, out);
    buf_printf(out, " to ");
    value_format_number(key->type, key->max, out);
    buf_printf(out, ".\n");
}

static void
put_default(struct buf *out, const struct conf_key *key)
{
    if (key->default_text == NULL) {
        buf_printf(out, "There is no default.\n");
    } else if (key->default_text[0] == '\0') {
        buf_printf(out, "Default: empty.\n");
    } else {
        buf_printf(out, "Default:\n.Li %s .\n", key->default_text);
    }
}

static void
put_key(struct buf *out, const struct conf_key *key)
{
    buf_printf(out, ".It Cm %s No = Ar %s\n", key->name, value_type_name(key->type));
    put_mdoc(out, key->text);
    put_limits(out, key);
    put_default(out, key);
    if (!key->live) {
        buf_printf(out, "A change needs a restart.\n");
    }
}

static void
put_section(struct buf *out, enum conf_section section, const char *title, const char *more)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(section, &count);
    buf_printf(out, ".Ss %s\n", title);
    put_mdoc(out, conf_section_text(section));
    buf_put(out, more, strlen(more));
    buf_printf(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < count; i++) {
        put_key(out, &keys[i]);
    }
    buf_printf(out, ".El\n");
}

void
manual_print(struct buf *out)
{
    buf_put(out, head, strlen(head));
    put_section(out, CONF_SECTION_TEAL, "[teal]", "");
    put_section(out, CONF_SECTION_PAIR, "[pair], [pair NAME]", of_pairs);
    put_section(out, CONF_SECTION_BLUE, "[blue] and [green], [blue NAME] and [green NAME]", "");
    put_section(out, CONF_SECTION_DATABASES, "[databases]", of_databases);
    buf_put(out, tail, strlen(tail));
}
