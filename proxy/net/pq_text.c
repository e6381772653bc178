/* pq_text.c — errors of libpq as struct err. See pq_text.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/pq_text.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

/* One line: libpq's texts have line breaks inside and at the end. */
static void
text_flatten(char *text)
{
    size_t kept = 0;
    for (const char *p = text; *p != '\0'; p++) {
        const bool blank = isspace((unsigned char)*p) != 0;
        if (blank && (kept == 0 || text[kept - 1] == ' ')) {
            continue;
        }
        text[kept++] = blank ? ' ' : *p;
    }
    while (kept > 0 && text[kept - 1] == ' ') {
        kept--;
    }
    text[kept] = '\0';
}

static bool
is_sqlstate(const char *p)
{
    for (int i = 0; i < 5; i++) {
        if (isdigit((unsigned char)p[i]) == 0 && isupper((unsigned char)p[i]) == 0) {
            return false;
        }
    }
    return p[5] == ':';
}

/* Takes "28P01: " out of "FATAL:  28P01: password authentication ..." (the verbose form), and the
 * LOCATION line behind it. Leaves the sqlstate alone when the text has none: then no server was
 * reached. */
static void
text_take_sqlstate(char *text, char sqlstate[6])
{
    char *location = strstr(text, "\nLOCATION:");
    if (location != NULL) {
        *location = '\0';
    }
    for (char *p = strstr(text, ":  "); p != NULL; p = strstr(p + 1, ":  ")) {
        char *code = p + 3;
        if (is_sqlstate(code)) {
            memcpy(sqlstate, code, 5);
            sqlstate[5] = '\0';
            memmove(p + 2, code + 7, strlen(code + 7) + 1);
            return;
        }
    }
}

void
pq_text_connection_error(const PGconn *conn, const char *what, struct err *err)
{
    char sqlstate[6] = SQLSTATE_CONNECTION_FAILURE;
    char *text = xstrdup(conn == NULL ? "" : PQerrorMessage(conn));
    text_take_sqlstate(text, sqlstate);
    text_flatten(text);
    (void)err_set(err, sqlstate, "%s%s%s", what, text[0] == '\0' ? "" : ": ", text);
    mem_free(text);
}

void
pq_text_result_error(const PGresult *result, struct err *err)
{
    CHECK(pq_text_is_error(result));
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    char *text = xstrdup(primary != NULL ? primary : PQresultErrorMessage(result));
    text_flatten(text);
    (void)err_set(
        err, sqlstate != NULL && strlen(sqlstate) == 5 ? sqlstate : SQLSTATE_CONNECTION_FAILURE,
        "%s", text[0] == '\0' ? "the server gave no result" : text);
    if (hint != NULL) {
        (void)err_hint(err, "%s", hint);
    }
    mem_free(text);
}

bool
pq_text_is_error(const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

bool
pq_text_is_loss(const char *sqlstate)
{
    return strncmp(sqlstate, "57P0", 4) == 0 || strncmp(sqlstate, "08", 2) == 0 ||
           strcmp(sqlstate, "40003") == 0;
}
