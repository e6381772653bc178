/* names.c — how the parts of an estate are called. See names.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/names.h"

#include <stdio.h>
#include <string.h>

/* ---- pairs ---- */

/* The name goes into names of slots and publications, which have no other characters, and into
 * those of entries, where blue and green mean the sides. */
bool
pair_name_check(const char *name, struct err *err)
{
    const size_t len = strlen(name);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len || name[0] < 'a' ||
        name[0] > 'z' || len > PAIR_NAME_MAX) {
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "\"%.40s\" cannot name a pair: a name begins with a letter and has at most "
                       "%d small letters, digits and _",
                       name, PAIR_NAME_MAX);
    }
    if (strcmp(name, "blue") == 0 || strcmp(name, "green") == 0) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" cannot name a pair: it is a side", name);
    }
    static const char *const files[] = {"operator", "lock", "new"}; /* beside state_file */
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (strcmp(name, files[i]) == 0) {
            return err_set(err, SQLSTATE_CONFIG_FILE,
                           "\"%s\" cannot name a pair: state_file.%s is another file of teal", name,
                           name);
        }
    }
    return true;
}

bool
pair_find(const struct conf *c, const char *name, uint32_t *out)
{
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        if (strcmp(c->pairs[i].name, name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* ---- sections ---- */

const char *
section_label(const struct conf *c, enum conf_section section, uint32_t pair,
              char label[SECTION_LABEL_SIZE])
{
    const bool named =
        conf_section_is_of_pair(section) && pair < c->pairs_count && c->pairs[pair].is_named;
    const int len = snprintf(label, SECTION_LABEL_SIZE, "[%s%s%s]", conf_section_name(section),
                             named ? " " : "", named ? c->pairs[pair].name : "");
    CHECK(len > 0 && len < SECTION_LABEL_SIZE);
    return label;
}

/* ---- entries ---- */

static bool
is_of_side(enum conf_section section)
{
    return section == CONF_SECTION_BLUE || section == CONF_SECTION_GREEN;
}

void
entry_name_put(const struct conf *c, const struct conf_entry *entry, struct buf *out)
{
    if (conf_section_is_of_pair(entry->section) && c->pairs[entry->pair].is_named) {
        buf_printf(out, "%s.", c->pairs[entry->pair].name);
    }
    if (is_of_side(entry->section)) {
        buf_printf(out, "%s.", conf_section_name(entry->section));
    }
    buf_printf(out, "%s", entry->key->name);
}

/* Takes "WORD." off the front. */
static bool
prefix_take(const char **name, const char *word)
{
    const size_t len = strlen(word);
    if (strncmp(*name, word, len) != 0 || (*name)[len] != '.') {
        return false;
    }
    *name += len + 1;
    return true;
}

/* Of a pair, by what stands behind the pair's name. */
static bool
find_in_pair(uint32_t pair, const char *name, struct conf_entry *out)
{
    enum conf_section section = CONF_SECTION_PAIR;
    for (size_t side = 0; side < SIDES_COUNT && section == CONF_SECTION_PAIR; side++) {
        const enum conf_section other = conf_section_of((enum side)side);
        section = prefix_take(&name, conf_section_name(other)) ? other : section;
    }
    return conf_entry_find(section, pair, name, out);
}

bool
entry_name_find(const struct conf *c, const char *name, struct conf_entry *out)
{
    if (conf_entry_find(CONF_SECTION_TEAL, 0, name, out)) {
        return true;
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        const char *rest = name;
        if (c->pairs[i].is_named && !prefix_take(&rest, c->pairs[i].name)) {
            continue;
        }
        return find_in_pair(i, rest, out);
    }
    return false;
}
