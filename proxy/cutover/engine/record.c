/* record.c — the durable record as text with a checksum.
 *
 * Text, because an operator who must repair something at night reads it with cat. The reader is
 * strict: every key once, in any order, no other (but what is
 * not so by default may be missing), and the CRC of what stands before the last line.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/engine/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32.h"
#include "cutover/types/ops.h"

static const char *const phase_names[RECORD_PHASES_COUNT] = {
    [RECORD_IDLE] = "idle",   [RECORD_FLIP] = "flip",     [RECORD_COMMIT] = "commit",
    [RECORD_AFTER] = "after", [RECORD_UNDONE] = "undone",
};

static const char magic[] = "teal-state 1\n";

static const char *
record_phase_name(enum record_phase phase)
{
    CHECK((unsigned)phase < RECORD_PHASES_COUNT);
    return phase_names[phase];
}

void
record_encode(const struct record *r, struct buf *out)
{
    const size_t before = buf_len(out);
    buf_printf(out, "%s", magic);
    buf_printf(out, "epoch %" PRIu64 "\n", r->epoch);
    buf_printf(out, "writer %s\n", side_name(r->writer));
    buf_printf(out, "phase %s\n", record_phase_name(r->phase));
    buf_printf(out, "flip %" PRIu64 "\n", r->flip_id);
    buf_printf(out, "from %s\n", side_name(r->from));
    buf_printf(out, "to %s\n", side_name(r->to));
    buf_printf(out, "kind %s\n", cutover_kind_name(r->kind));
    buf_printf(out, "strict %d\n", r->fence_strict ? 1 : 0);
    if (r->ha_paused) {
        buf_printf(out, "ha-paused 1\n");
    }
    const struct slice all = buf_slice(out);
    const struct slice body = slice_of(all.p + before, all.len - before);
    buf_printf(out, "crc %08" PRIx32 "\n", crc32_of(body));
    CHECK(buf_len(out) - before < CUTOVER_RECORD_SIZE_MAX);
}

static bool
number_parse(const char *text, uint64_t *out)
{
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 19) {
        return false;
    }
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool
kind_parse(const char *text, enum cutover_kind *out)
{
    for (int k = 0; k < CUTOVER_KINDS_COUNT; k++) {
        if (strcmp(text, cutover_kind_name((enum cutover_kind)k)) == 0) {
            *out = (enum cutover_kind)k;
            return true;
        }
    }
    return false;
}

static bool
phase_parse(const char *text, enum record_phase *out)
{
    for (int p = 0; p < RECORD_PHASES_COUNT; p++) {
        if (strcmp(text, phase_names[p]) == 0) {
            *out = (enum record_phase)p;
            return true;
        }
    }
    return false;
}

static bool
flag_parse(const char *text, bool *out)
{
    *out = strcmp(text, "1") == 0;
    return *out || strcmp(text, "0") == 0;
}

enum {
    KEY_EPOCH,
    KEY_WRITER,
    KEY_PHASE,
    KEY_FLIP,
    KEY_FROM,
    KEY_TO,
    KEY_KIND,
    KEY_STRICT,
    KEY_HA_PAUSED, /* may be missing: then it is not */
    KEYS_COUNT,
};

static const char *const keys[KEYS_COUNT] = {
    [KEY_EPOCH] = "epoch", [KEY_WRITER] = "writer", [KEY_PHASE] = "phase",
    [KEY_FLIP] = "flip",   [KEY_FROM] = "from",     [KEY_TO] = "to",
    [KEY_KIND] = "kind",   [KEY_STRICT] = "strict", [KEY_HA_PAUSED] = "ha-paused",
};

static bool
value_parse(struct record *r, int key, const char *value)
{
    switch (key) {
    case KEY_EPOCH:
        return number_parse(value, &r->epoch) && r->epoch > 0;
    case KEY_WRITER:
        return side_parse(value, &r->writer);
    case KEY_PHASE:
        return phase_parse(value, &r->phase);
    case KEY_FLIP:
        return number_parse(value, &r->flip_id);
    case KEY_FROM:
        return side_parse(value, &r->from);
    case KEY_TO:
        return side_parse(value, &r->to);
    case KEY_KIND:
        return kind_parse(value, &r->kind);
    case KEY_HA_PAUSED:
        return flag_parse(value, &r->ha_paused);
    default:
        return flag_parse(value, &r->fence_strict);
    }
}

static bool
line_parse(struct record *r, const char *line, unsigned *seen)
{
    for (int key = 0; key < KEYS_COUNT; key++) {
        const size_t len = strlen(keys[key]);
        if (strncmp(line, keys[key], len) != 0 || line[len] != ' ') {
            continue;
        }
        if ((*seen & (1u << key)) != 0) {
            return false;
        }
        *seen |= 1u << key;
        return value_parse(r, key, line + len + 1);
    }
    return false;
}

/* The lines between the magic and the checksum; text is cut up at its newlines. */
static bool
body_parse(struct record *r, char *text)
{
    unsigned seen = 0;
    char *line = text;
    while (*line != '\0') {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            return false;
        }
        *end = '\0';
        if (!line_parse(r, line, &seen)) {
            return false;
        }
        line = end + 1;
    }
    return (seen | (1u << KEY_HA_PAUSED)) == (1u << KEYS_COUNT) - 1;
}

/* A flip must lead from the one side to the other, and behind the release there is an epoch before
 * it; without a flip the fields say nothing. */
static bool
record_is_sound(const struct record *r)
{
    return (r->phase == RECORD_IDLE || r->from != r->to) &&
           (r->phase != RECORD_AFTER || r->epoch > 1);
}

enum record_result
record_decode(struct slice bytes, struct record *out)
{
    memset(out, 0, sizeof(*out));
    if (bytes.len == 0) {
        return RECORD_MISSING;
    }
    enum { CRC_LINE_LEN = 13 }; /* "crc 01234567\n" */
    const size_t magic_len = sizeof(magic) - 1;
    if (bytes.len >= CUTOVER_RECORD_SIZE_MAX || bytes.len < magic_len + CRC_LINE_LEN ||
        memchr(bytes.p, '\0', bytes.len) != NULL || memcmp(bytes.p, magic, magic_len) != 0) {
        return RECORD_CORRUPT;
    }
    const size_t body_len = bytes.len - CRC_LINE_LEN;
    char expected[CRC_LINE_LEN + 1];
    (void)snprintf(expected, sizeof(expected), "crc %08" PRIx32 "\n",
                   crc32_of(slice_of(bytes.p, body_len)));
    if (memcmp(bytes.p + body_len, expected, CRC_LINE_LEN) != 0) {
        return RECORD_CORRUPT;
    }
    char text[CUTOVER_RECORD_SIZE_MAX];
    memcpy(text, bytes.p + magic_len, body_len - magic_len);
    text[body_len - magic_len] = '\0';
    struct record r = {0};
    if (!body_parse(&r, text) || !record_is_sound(&r)) {
        return RECORD_CORRUPT;
    }
    *out = r;
    return RECORD_OK;
}
