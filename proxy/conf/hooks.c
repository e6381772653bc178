/* hooks.c — the keys of the hooks together. See hooks.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/hooks.h"

#include <stdio.h>

#include "conf/argv.h"
#include "conf/names.h"
#include "conf/resolve.h"

enum { KEY_SIZE = 32 };

/* Which hooks which kind of pair has. */
enum need { NEVER, MAY, MUST };

static const struct {
    enum need by_auto;
    enum need by_external;
} needs[HOOKS_COUNT] = {
    [HOOK_PREPARE] = {NEVER, MAY},  [HOOK_FINISH] = {NEVER, MAY},  [HOOK_PAUSE_HA] = {MAY, MAY},
    [HOOK_LAG] = {NEVER, MUST},     [HOOK_FENCE] = {NEVER, MUST},  [HOOK_UNFENCE] = {NEVER, MUST},
    [HOOK_PROMOTE] = {NEVER, MUST}, [HOOK_RESUME_HA] = {MAY, MAY},
};

/* The check of one pair; all borrowed. */
struct check {
    const struct conf *conf;
    uint32_t pair;
    const struct conf_origin *origin;
    struct conf_mistakes *mistakes;
};

static unsigned
line_of(const struct check *k, const char *key)
{
    return origin_line(k->origin, CONF_SECTION_PAIR, k->pair, key);
}

static bool
is_set(const struct check *k, enum hook hook)
{
    return k->conf->pairs[k->pair].hook[hook][0] != '\0';
}

static void
mistake(const struct check *k, enum hook hook, const char *text)
{
    char key[KEY_SIZE];
    (void)snprintf(key, sizeof(key), "hook_%s", hook_name(hook));
    conf_mistake_add(k->mistakes, k->origin->path, line_of(k, key), "%s: %s", key, text);
}

static void
missing(const struct check *k, enum hook hook, const char *why)
{
    char label[SECTION_LABEL_SIZE];
    conf_mistake_add(k->mistakes, k->origin->path, k->origin->heads[k->pair][CONF_SECTION_PAIR],
                     "\"hook_%s\" is missing in %s, %s", hook_name(hook),
                     section_label(k->conf, CONF_SECTION_PAIR, k->pair, label), why);
}

static void
program_check(const struct check *k, enum hook hook)
{
    struct argv argv = {0};
    struct err err;
    err_clear(&err);
    if (!argv_split(&argv, k->conf->pairs[k->pair].hook[hook], &err) || !argv_check(&argv, &err)) {
        mistake(k, hook, err.text);
    }
    argv_fini(&argv);
}

static void
hook_check(const struct check *k, enum hook hook)
{
    const bool external = k->conf->pairs[k->pair].kind == PAIR_KIND_EXTERNAL;
    const enum need need = external ? needs[hook].by_external : needs[hook].by_auto;
    if (!is_set(k, hook)) {
        if (need == MUST) {
            missing(k, hook, "and kind = external needs it");
        }
        return;
    }
    if (need == NEVER) {
        mistake(k, hook, "it is for kind = external only");
        return;
    }
    program_check(k, hook);
}

static void
pair_check(const struct check *k)
{
    for (int hook = 0; hook < HOOKS_COUNT; hook++) {
        hook_check(k, (enum hook)hook);
    }
    if (is_set(k, HOOK_PAUSE_HA) != is_set(k, HOOK_RESUME_HA)) {
        missing(k, is_set(k, HOOK_PAUSE_HA) ? HOOK_RESUME_HA : HOOK_PAUSE_HA,
                "and the other of the two is set");
    }
}

void
conf_hooks_check(const struct conf *c, const struct conf_origin *origin,
                 struct conf_mistakes *mistakes)
{
    for (uint32_t pair = 0; pair < c->pairs_count; pair++) {
        const struct check k = {c, pair, origin, mistakes};
        pair_check(&k);
    }
}
