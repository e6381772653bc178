/* rights.c — who may do what on the console. See rights.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/rights.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static bool
list_has(const struct conf_list *list, uid_t uid, const char *name)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        if (strcmp(item, number) == 0 || (name[0] != '\0' && strcmp(item, name) == 0)) {
            return true;
        }
    }
    return false;
}

enum right
right_of(const struct conf *conf, uid_t uid, uid_t own, const char *name)
{
    CHECK(name != NULL);
    if (uid == (uid_t)-1) {
        return RIGHT_NONE; /* the kernel does not know it */
    }
    if (uid == own || uid == 0 || list_has(&conf->admin_users, uid, name)) {
        return RIGHT_OPERATE;
    }
    return list_has(&conf->stats_users, uid, name) ? RIGHT_VIEW : RIGHT_NONE;
}

bool
right_suffices(enum right right, enum command_needs needs)
{
    static const enum right least[] = {[NEEDS_VIEW] = RIGHT_VIEW, [NEEDS_OPERATE] = RIGHT_OPERATE};
    CHECK((size_t)needs < COUNT_OF(least));
    return right >= least[needs];
}
