/* wishes.c — what the operator has said, as a value and as text. See wishes.h.
 *
 * A quoted text has its quotes, its backslashes and whatever is no printable ASCII as \xx: so a
 * line is a line whatever a name holds, and cat shows it safely. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/wishes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/grammar.h"
#include "base/crc32.h"
#include "base/digits.h"
#include "base/mem.h"

static const char magic[] = "teal-operator 1\n";

/* ---- the value ---- */

static void
wish_reads_fini(struct wish_reads *r)
{
    for (uint32_t i = 0; i < r->rules_count; i++) {
        view_rule_fini(&r->rules[i]);
    }
    mem_free(r->rules);
    *r = (struct wish_reads){0};
}

static void
pair_fini(struct wishes_pair *pair)
{
    mem_free(pair->name);
    wish_reads_fini(&pair->reads);
}

void
wish_sets_clear(struct wishes *w)
{
    for (uint32_t i = 0; i < w->sets_count; i++) {
        mem_free(w->sets[i].key);
        mem_free(w->sets[i].value);
    }
    mem_free(w->sets);
    w->sets = NULL;
    w->sets_count = 0;
}

static void
stops_clear(struct wishes *w)
{
    for (uint32_t i = 0; i < w->stops_count; i++) {
        mem_free(w->stops[i].alias);
    }
    mem_free(w->stops);
}

void
wishes_fini(struct wishes *w)
{
    wish_sets_clear(w);
    stops_clear(w);
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        pair_fini(&w->pairs[i]);
    }
    *w = (struct wishes){0};
}

const struct wishes_pair *
wishes_find(const struct wishes *w, const char *name)
{
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        if (strcmp(w->pairs[i].name, name) == 0) {
            return &w->pairs[i];
        }
    }
    return NULL;
}

struct wishes_pair *
wishes_pair(struct wishes *w, const char *name)
{
    const struct wishes_pair *found = wishes_find(w, name);
    if (found != NULL) {
        return &w->pairs[found - w->pairs];
    }
    if (w->pairs_count == PAIRS_MAX) {
        return NULL;
    }
    struct wishes_pair *pair = &w->pairs[w->pairs_count++];
    *pair = (struct wishes_pair){.name = xstrdup(name)};
    return pair;
}

void
wishes_forget(struct wishes *w, const struct wishes_pair *pair)
{
    const size_t at = (size_t)(pair - w->pairs);
    CHECK(at < w->pairs_count);
    pair_fini(&w->pairs[at]);
    w->pairs_count--;
    memmove(&w->pairs[at], &w->pairs[at + 1], (w->pairs_count - at) * sizeof(*w->pairs));
}

static char *
text_copy(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

static void
rule_add(struct wish_reads *r, const struct view_rule *rule)
{
    CHECK(r->rules_count < WISHES_RULES_MAX);
    r->rules = xrealloc(r->rules, (r->rules_count + 1) * sizeof(*r->rules));
    r->rules[r->rules_count++] = (struct view_rule){
        .user = text_copy(rule->user),
        .database = text_copy(rule->database),
        .application = text_copy(rule->application),
        .side = rule->side,
    };
}

void
wish_reads_put(struct wish_reads *to, const struct wish_reads *from)
{
    wish_reads_fini(to);
    to->set = from->set;
    to->to = from->to;
    to->percent = from->percent;
    for (uint32_t i = 0; i < from->rules_count; i++) {
        rule_add(to, &from->rules[i]);
    }
}

void
wish_set_put(struct wishes *w, const char *key, const char *value)
{
    CHECK(w->sets_count < WISHES_SETS_MAX);
    w->sets = xrealloc(w->sets, (w->sets_count + 1) * sizeof(*w->sets));
    w->sets[w->sets_count++] = (struct wish_set){.key = xstrdup(key), .value = xstrdup(value)};
}

const struct view_stop *
wish_stop_find(const struct wishes *w, const char *alias)
{
    for (uint32_t i = 0; i < w->stops_count; i++) {
        if (strcmp(w->stops[i].alias, alias) == 0) {
            return &w->stops[i];
        }
    }
    return NULL;
}

static void
stop_remove(struct wishes *w, size_t at)
{
    CHECK(at < w->stops_count);
    mem_free(w->stops[at].alias);
    w->stops_count--;
    memmove(&w->stops[at], &w->stops[at + 1], (w->stops_count - at) * sizeof(*w->stops));
}

bool
wish_stop_put(struct wishes *w, const struct view_stop *stop)
{
    const struct view_stop *found = wish_stop_find(w, stop->alias);
    if (found == NULL && (stop->paused || stop->disabled)) {
        if (w->stops_count == WISHES_STOPS_MAX) {
            return false;
        }
        w->stops = xrealloc(w->stops, (w->stops_count + 1) * sizeof(*w->stops));
        w->stops[w->stops_count] = *stop;
        w->stops[w->stops_count++].alias = xstrdup(stop->alias);
    } else if (found != NULL && (stop->paused || stop->disabled)) {
        w->stops[found - w->stops].paused = stop->paused;
        w->stops[found - w->stops].disabled = stop->disabled;
    } else if (found != NULL) {
        stop_remove(w, (size_t)(found - w->stops));
    }
    return true;
}

uint64_t
wish_hold_left_us(const struct wish_hold *hold, uint64_t now_wall_us)
{
    if (hold->until_wall_us <= now_wall_us) {
        return 0;
    }
    const uint64_t left_us = hold->until_wall_us - now_wall_us;
    return left_us < hold->length_us ? left_us : hold->length_us;
}

/* ---- written ---- */

static void
put_quoted(struct buf *out, const char *text)
{
    buf_put_u8(out, '\'');
    for (const char *p = text == NULL ? "" : text; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c < ' ' || c > '~' || c == '\'' || c == '\\') {
            buf_printf(out, "\\%02x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '\'');
}

static void
put_rule(struct buf *out, const struct view_rule *rule)
{
    buf_printf(out, "rule %s user ", side_name(rule->side));
    put_quoted(out, rule->user);
    buf_put_text(out, " database ");
    put_quoted(out, rule->database);
    buf_put_text(out, " application ");
    put_quoted(out, rule->application);
    buf_put_u8(out, '\n');
}

static bool
pair_is_empty(const struct wishes_pair *pair)
{
    return !pair->reads.set && pair->reads.rules_count == 0 && pair->hold.until_wall_us == 0 &&
           !pair->paused;
}

bool
wishes_are_empty(const struct wishes *w)
{
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        if (!pair_is_empty(&w->pairs[i])) {
            return false;
        }
    }
    return w->sets_count == 0 && w->stops_count == 0 && !w->paused;
}

static void
put_pair(struct buf *out, const struct wishes_pair *pair)
{
    buf_put_text(out, "pair ");
    put_quoted(out, pair->name);
    buf_put_u8(out, '\n');
    if (pair->reads.set) {
        buf_printf(out, "reads %s %" PRIu32 "\n", reads_name(pair->reads.to), pair->reads.percent);
    }
    for (uint32_t i = 0; i < pair->reads.rules_count; i++) {
        put_rule(out, &pair->reads.rules[i]);
    }
    if (pair->hold.until_wall_us != 0) {
        buf_printf(out, "hold %" PRIu64 " %" PRIu64 "\n", pair->hold.until_wall_us,
                   pair->hold.length_us);
    }
    buf_put_text(out, pair->paused ? "paused\n" : "");
}

static void
put_stop(struct buf *out, const struct view_stop *stop)
{
    buf_put_text(out, "stop ");
    put_quoted(out, stop->alias);
    buf_printf(out, "%s%s\n", stop->paused ? " paused" : "", stop->disabled ? " disabled" : "");
}

void
wishes_encode(const struct wishes *w, struct buf *out)
{
    const size_t before = buf_len(out);
    buf_put_text(out, magic);
    for (uint32_t i = 0; i < w->sets_count; i++) {
        buf_printf(out, "set %s ", w->sets[i].key);
        put_quoted(out, w->sets[i].value);
        buf_put_u8(out, '\n');
    }
    buf_put_text(out, w->paused ? "paused\n" : "");
    for (uint32_t i = 0; i < w->stops_count; i++) {
        put_stop(out, &w->stops[i]);
    }
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        if (!pair_is_empty(&w->pairs[i])) {
            put_pair(out, &w->pairs[i]);
        }
    }
    const struct slice all = buf_slice(out);
    buf_printf(out, "crc %08" PRIx32 "\n", crc32_of(slice_of(all.p + before, all.len - before)));
}

/* ---- read ---- */

/* A line under way: what is left of it, and where what it says belongs. */
struct reader {
    const char *at;
    struct wishes *w;
    struct wishes_pair *pair; /* NULL in front of the first one */
};

static bool
take(struct reader *r, const char *words)
{
    const size_t len = strlen(words);
    if (strncmp(r->at, words, len) != 0) {
        return false;
    }
    r->at += len;
    return true;
}

static bool
hex_take(struct reader *r, unsigned *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;
    for (int i = 0; i < 2; i++) {
        const char *digit = *r->at == '\0' ? NULL : strchr(digits, *r->at);
        if (digit == NULL) {
            return false;
        }
        value = value * 16 + (unsigned)(digit - digits);
        r->at++;
    }
    *out = value;
    return value != 0;
}

/* A quoted text of less than size bytes. */
static bool
quoted_take(struct reader *r, char *out, size_t size)
{
    size_t len = 0;
    if (!take(r, "'")) {
        return false;
    }
    while (!take(r, "'")) {
        unsigned byte = (unsigned char)*r->at;
        if (byte == '\0' || len + 1 >= size) {
            return false;
        }
        r->at++;
        if (byte == '\\' && !hex_take(r, &byte)) {
            return false;
        }
        out[len++] = (char)(unsigned char)byte;
    }
    out[len] = '\0';
    return true;
}

/* Up to a blank or the end of the line. */
static bool
word_take(struct reader *r, char *out, size_t size)
{
    const size_t len = strcspn(r->at, " ");
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(out, r->at, len);
    out[len] = '\0';
    r->at += len;
    return true;
}

static bool
on_set(struct reader *r)
{
    char key[COMMAND_NAME_SIZE * 2]; /* a name of a pair in front of it */
    char value[WISHES_VALUE_SIZE];
    if (r->pair != NULL || r->w->sets_count == WISHES_SETS_MAX || !word_take(r, key, sizeof(key)) ||
        !take(r, " ") || !quoted_take(r, value, sizeof(value))) {
        return false;
    }
    for (uint32_t i = 0; i < r->w->sets_count; i++) {
        if (strcmp(r->w->sets[i].key, key) == 0) {
            return false;
        }
    }
    wish_set_put(r->w, key, value);
    return true;
}

static bool
on_pair(struct reader *r)
{
    char name[COMMAND_NAME_SIZE];
    if (!quoted_take(r, name, sizeof(name)) || wishes_find(r->w, name) != NULL) {
        return false;
    }
    r->pair = wishes_pair(r->w, name);
    return r->pair != NULL;
}

static bool
on_reads(struct reader *r)
{
    char word[16];
    uint64_t percent;
    struct wish_reads *reads = &r->pair->reads;
    if (reads->set || !word_take(r, word, sizeof(word)) || !reads_parse(word, &reads->to) ||
        !take(r, " ") || !digits_take(&r->at, 10, &percent) || percent > PERCENT_ALL) {
        return false;
    }
    reads->set = true;
    reads->percent = (uint32_t)percent;
    return true;
}

static bool
rule_is_new(const struct wish_reads *reads, const struct view_rule *rule)
{
    for (uint32_t i = 0; i < reads->rules_count; i++) {
        const struct view_rule *one = &reads->rules[i];
        if (strcmp(one->user == NULL ? "" : one->user, rule->user) == 0 &&
            strcmp(one->database == NULL ? "" : one->database, rule->database) == 0 &&
            strcmp(one->application == NULL ? "" : one->application, rule->application) == 0) {
            return false;
        }
    }
    return true;
}

static bool
on_rule(struct reader *r)
{
    char word[16];
    char user[COMMAND_NAME_SIZE];
    char database[COMMAND_NAME_SIZE];
    char application[COMMAND_NAME_SIZE];
    struct view_rule rule = {.user = user, .database = database, .application = application};
    struct wish_reads *reads = &r->pair->reads;
    if (!word_take(r, word, sizeof(word)) || !side_parse(word, &rule.side) || !take(r, " user ") ||
        !quoted_take(r, user, sizeof(user)) || !take(r, " database ") ||
        !quoted_take(r, database, sizeof(database)) || !take(r, " application ") ||
        !quoted_take(r, application, sizeof(application))) {
        return false;
    }
    const bool matches_all = user[0] == '\0' && database[0] == '\0' && application[0] == '\0';
    if (matches_all || reads->rules_count == WISHES_RULES_MAX || !rule_is_new(reads, &rule)) {
        return false;
    }
    rule.user = user[0] == '\0' ? NULL : user;
    rule.database = database[0] == '\0' ? NULL : database;
    rule.application = application[0] == '\0' ? NULL : application;
    rule_add(reads, &rule);
    return true;
}

static bool
on_hold(struct reader *r)
{
    struct wish_hold *hold = &r->pair->hold;
    return hold->until_wall_us == 0 && digits_take(&r->at, 10, &hold->until_wall_us) &&
           take(r, " ") && digits_take(&r->at, 10, &hold->length_us) && hold->until_wall_us != 0 &&
           hold->length_us != 0 && hold->length_us <= (uint64_t)COMMAND_HOLD_MAX_S * 1000000;
}

static bool
on_paused(struct reader *r)
{
    bool *paused = r->pair == NULL ? &r->w->paused : &r->pair->paused;
    const bool is_new = !*paused;
    *paused = true;
    return is_new;
}

static bool
on_stop(struct reader *r)
{
    char alias[COMMAND_NAME_SIZE];
    struct view_stop stop = {.alias = alias};
    if (!quoted_take(r, alias, sizeof(alias)) || wish_stop_find(r->w, alias) != NULL) {
        return false;
    }
    stop.paused = take(r, " paused");
    stop.disabled = take(r, " disabled");
    return (stop.paused || stop.disabled) && wish_stop_put(r->w, &stop);
}

static bool
line_parse(struct reader *r)
{
    enum where { ABOVE_PAIRS, ANYWHERE, OF_PAIR };
    static const struct {
        const char *words;
        bool (*parse)(struct reader *r);
        enum where where;
    } lines[] = {
        {"set ", on_set, ABOVE_PAIRS},   {"paused", on_paused, ANYWHERE},
        {"stop ", on_stop, ABOVE_PAIRS}, {"pair ", on_pair, ANYWHERE},
        {"reads ", on_reads, OF_PAIR},   {"rule ", on_rule, OF_PAIR},
        {"hold ", on_hold, OF_PAIR},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (take(r, lines[i].words)) {
            const bool in_place =
                lines[i].where == ANYWHERE || (lines[i].where == OF_PAIR) == (r->pair != NULL);
            return in_place && lines[i].parse(r) && *r->at == '\0';
        }
    }
    return false;
}

/* The lines between the magic and the checksum; text is cut up at its newlines. */
static bool
body_parse(struct wishes *w, char *text, struct err *err)
{
    struct reader r = {.w = w};
    unsigned number = 2;
    for (char *line = text; *line != '\0'; number++) {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            return err_set(err, SQLSTATE_IO_ERROR, "its last line has no end");
        }
        *end = '\0';
        r.at = line;
        if (!line_parse(&r)) {
            return err_set(err, SQLSTATE_IO_ERROR, "line %u cannot be", number);
        }
        line = end + 1;
    }
    return true;
}

enum { CRC_LINE_LEN = 13 }; /* "crc 01234567\n" */

static bool
is_whole(struct slice bytes, struct err *err)
{
    const size_t magic_len = sizeof(magic) - 1;
    if (bytes.len >= WISHES_SIZE_MAX || bytes.len < magic_len + CRC_LINE_LEN ||
        memchr(bytes.p, '\0', bytes.len) != NULL || memcmp(bytes.p, magic, magic_len) != 0) {
        return err_set(err, SQLSTATE_IO_ERROR, "it is no such file of this version of teal");
    }
    const size_t body_len = bytes.len - CRC_LINE_LEN;
    char expected[CRC_LINE_LEN + 1];
    (void)snprintf(expected, sizeof(expected), "crc %08" PRIx32 "\n",
                   crc32_of(slice_of(bytes.p, body_len)));
    return memcmp(bytes.p + body_len, expected, CRC_LINE_LEN) == 0 ||
           err_set(err, SQLSTATE_IO_ERROR, "its checksum is wrong");
}

bool
wishes_decode(struct slice bytes, struct wishes *out, struct err *err)
{
    *out = (struct wishes){0};
    if (!is_whole(bytes, err)) {
        return false;
    }
    const size_t magic_len = sizeof(magic) - 1;
    char *text = xstrndup((const char *)bytes.p + magic_len, bytes.len - magic_len - CRC_LINE_LEN);
    const bool ok = body_parse(out, text, err);
    mem_free(text);
    if (!ok) {
        wishes_fini(out);
    }
    return ok;
}
