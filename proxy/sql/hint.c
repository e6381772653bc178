/* hint.c — what a comment at the head of a text asks for. See hint.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/hint.h"

static struct slice
trim(struct slice s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = slice_of(s.p + 1, s.len - 1);
    }
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static enum sql_hint
hint_parse(struct slice comment)
{
    static const char prefix[] = "teal:";
    const size_t len = sizeof(prefix) - 1;
    const struct slice text = trim(comment);
    if (text.len < len || !slice_equal_nocase(slice_of(text.p, len), prefix)) {
        return SQL_HINT_NONE;
    }
    const struct slice word = trim(slice_of(text.p + len, text.len - len));
    if (slice_equal_nocase(word, "write")) {
        return SQL_HINT_WRITE;
    }
    return slice_equal_nocase(word, "read") ? SQL_HINT_READ : SQL_HINT_NONE;
}

enum sql_hint
sql_hint_find(struct lexer *lexer)
{
    if (lexer->at < lexer->end && (*lexer->at | 0x20) >= 'a') {
        return SQL_HINT_NONE; /* most texts begin with a word: nothing to skip */
    }
    struct slice comment;
    while (lexer_take_comment(lexer, &comment)) {
        const enum sql_hint hint = hint_parse(comment);
        if (hint != SQL_HINT_NONE) {
            return hint;
        }
    }
    return SQL_HINT_NONE;
}
