/* hook_answer.c — reads a hook's answer. See hook_answer.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hook_answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 300, LAG_MS_MAX = 1000 * 1000 * 1000 };

/* What is known of the answer so far. */
struct reading {
    const char *name;
    const struct process_result *result;
    struct hook_answer *out;
};

/* ---- failures ---- */

/* A text of somebody else, for one line: without control characters, cut where it is too long, but
 * not within a character of UTF-8. */
static void
text_clean(const char *text, char *out, size_t size)
{
    size_t len = strnlen(text, size - 1);
    while (len > 0 && text[len] != '\0' && ((unsigned char)text[len] & 0xC0u) == 0x80u) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        out[i] = c < ' ' || c == 0x7f ? ' ' : text[i];
    }
    out[len] = '\0';
}

static void
fails(const struct reading *r, bool unknown, const char *sqlstate, const char *what)
{
    const char *words = r->result->last_words;
    struct err *err = &r->out->err;
    *r->out = (struct hook_answer){.unknown = unknown};
    (void)err_set(err, sqlstate, "hook_%s %s%s%s%s", r->name, what, words[0] != '\0' ? " (" : "",
                  words, words[0] != '\0' ? ")" : "");
    (void)err_hint(err, "the log has all that it has said");
}

/* ---- the members ---- */

/* False when the member is there and is none of what it must be. */
static bool
take_bool(const json_t *object, const char *name, bool *out)
{
    const json_t *value = json_object_get(object, name);
    *out = json_is_true(value);
    return value == NULL || json_is_boolean(value) || json_is_null(value);
}

static bool
take_lag_bytes(const json_t *object, struct hook_answer *out)
{
    const json_t *value = json_object_get(object, "lag_bytes");
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    out->lag_known = true;
    out->lag_bytes = (uint64_t)json_integer_value(value);
    return true;
}

static bool
take_lag_ms(const json_t *object, struct hook_answer *out)
{
    const json_t *value = json_object_get(object, "lag_ms");
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    const double ms = json_is_number(value) ? json_number_value(value) : -1.0;
    if (!(ms >= 0.0 && ms <= (double)LAG_MS_MAX)) {
        return false;
    }
    out->lag_us = (uint64_t)(ms * 1000.0);
    return true;
}

static bool
take_members(const json_t *object, struct hook_answer *out, const char **bad)
{
    const struct {
        const char *name;
        bool ok;
    } members[] = {
        {"lag_bytes", take_lag_bytes(object, out)},
        {"lag_ms", take_lag_ms(object, out)},
        {"way_back", take_bool(object, "way_back", &out->way_back)},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (!members[i].ok) {
            *bad = members[i].name;
            return false;
        }
    }
    const char *message = json_string_value(json_object_get(object, "message"));
    text_clean(message != NULL ? message : "", out->message, sizeof(out->message));
    return true;
}

/* ---- the object ---- */

/* Its own word that it has not done it. */
static void
take_refusal(const struct reading *r, const json_t *object)
{
    char text[TEXT_SIZE];
    char what[TEXT_SIZE + 32];
    const char *error = json_string_value(json_object_get(object, "error"));
    text_clean(error != NULL ? error : "without saying why", text, sizeof(text));
    (void)snprintf(what, sizeof(what), "refuses: %s", text);
    fails(r, false, SQLSTATE_EXTERNAL_ROUTINE, what);
}

static void
take_object(const struct reading *r, const json_t *object)
{
    char what[TEXT_SIZE];
    const char *bad = NULL;
    const json_t *ok = json_object_get(object, "ok");
    if (!json_is_boolean(ok)) {
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, "answers without \"ok\": true or false");
    } else if (json_is_false(ok)) {
        take_refusal(r, object);
    } else if (r->result->status != 0) {
        (void)snprintf(what, sizeof(what), "says that it is ok, and ends with exit status %d",
                       r->result->status);
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, what);
    } else if (!take_members(object, r->out, &bad)) {
        (void)snprintf(what, sizeof(what), "answers with a \"%s\" that is none", bad);
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, what);
    } else {
        r->out->ok = true;
    }
}

static void
take_exited(const struct reading *r)
{
    char what[TEXT_SIZE];
    json_error_t error;
    const struct slice text = r->result->out;
    json_t *value =
        text.len == 0 ? NULL
                      : json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value)) {
        take_object(r, value);
    } else if (r->result->status != 0) {
        (void)snprintf(what, sizeof(what), "ends with exit status %d", r->result->status);
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, what);
    } else if (text.len == 0) {
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, "answers nothing");
    } else if (value != NULL) {
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, "answers JSON that is no object");
    } else {
        (void)snprintf(what, sizeof(what), "answers no JSON: line %d: %.100s", error.line,
                       error.text);
        text_clean(what, what, sizeof(what));
        fails(r, true, SQLSTATE_EXTERNAL_ROUTINE, what);
    }
    json_decref(value);
}

void
hook_answer_read(enum hook hook, uint64_t timeout_us, const struct process_result *result,
                 struct hook_answer *out)
{
    const struct reading r = {hook_name(hook), result, out};
    char what[TEXT_SIZE];
    *out = (struct hook_answer){0};
    switch (result->end) {
    case PROCESS_EXITED:
        take_exited(&r);
        return;
    case PROCESS_SIGNALED:
        (void)snprintf(what, sizeof(what), "was ended by signal %d", result->status);
        fails(&r, true, SQLSTATE_EXTERNAL_ROUTINE,
              result->status != 0 ? what : "has ended, and how is not known");
        return;
    case PROCESS_TIMED_OUT:
        (void)snprintf(what, sizeof(what), "did not end within %" PRIu64 " ms", timeout_us / 1000);
        fails(&r, true, SQLSTATE_QUERY_CANCELED, what);
        return;
    case PROCESS_TOO_LOUD:
        (void)snprintf(what, sizeof(what), "answers with more than %d bytes", PROCESS_OUT_MAX);
        fails(&r, true, SQLSTATE_EXTERNAL_ROUTINE, what);
        return;
    case PROCESS_STOPPED:
        fails(&r, true, SQLSTATE_QUERY_CANCELED, "was given up");
        return;
    }
    UNREACHABLE();
}
