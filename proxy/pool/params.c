/* params.c — an immutable set of ParameterStatus values. See params.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/params.h"

#include <string.h>

#include "base/mem.h"

struct params *
params_new(void)
{
    struct params *p = xcalloc(1, sizeof(*p));
    p->refs = 1;
    return p;
}

struct params *
params_ref(struct params *p)
{
    CHECK(p->refs > 0);
    p->refs++;
    return p;
}

void
params_unref(struct params *p)
{
    if (p == NULL) {
        return;
    }
    CHECK(p->refs > 0);
    if (--p->refs > 0) {
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        mem_free(p->items[i].name);
        mem_free(p->items[i].value);
    }
    mem_free(p->items);
    mem_free(p);
}

/* The place of the name, or where it would stand. */
static uint32_t
params_find(const struct params *p, struct slice name, bool *found)
{
    uint32_t i = 0;
    *found = false;
    for (; i < p->count; i++) {
        const size_t len = strlen(p->items[i].name);
        const size_t shorter = len < name.len ? len : name.len;
        const int order = shorter == 0 ? 0 : memcmp(p->items[i].name, name.p, shorter);
        if (order > 0 || (order == 0 && len >= name.len)) {
            *found = order == 0 && len == name.len;
            break;
        }
    }
    return i;
}

static void
params_rehash(struct params *p)
{
    p->hash = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const uint64_t h = slice_hash(slice_of_str(p->items[i].name), 0);
        p->hash += slice_hash(slice_of_str(p->items[i].value), h);
    }
}

struct params *
params_copy(const struct params *p)
{
    struct params *copy = params_new();
    copy->count = p->count;
    copy->hash = p->hash;
    copy->items = xcalloc(p->count, sizeof(*copy->items));
    for (uint32_t i = 0; i < p->count; i++) {
        copy->items[i].name = xstrdup(p->items[i].name);
        copy->items[i].value = xstrdup(p->items[i].value);
    }
    return copy;
}

struct params *
params_with(struct params *p, struct slice name, struct slice value)
{
    bool found;
    const uint32_t at = params_find(p, name, &found);
    if (found && slice_equal_str(value, p->items[at].value)) {
        return params_ref(p);
    }
    struct params *copy = params_copy(p);
    if (found) {
        mem_free(copy->items[at].value);
    } else {
        copy->items = xrealloc(copy->items, ((size_t)copy->count + 1) * sizeof(*copy->items));
        memmove(&copy->items[at + 1], &copy->items[at],
                (size_t)(copy->count - at) * sizeof(*copy->items));
        copy->items[at].name = xstrndup((const char *)name.p, name.len);
        copy->count++;
    }
    copy->items[at].value = xstrndup((const char *)value.p, value.len);
    params_rehash(copy);
    return copy;
}

const char *
params_get(const struct params *p, const char *name)
{
    bool found;
    const uint32_t at = params_find(p, slice_of_str(name), &found);
    return found ? p->items[at].value : NULL;
}

bool
param_is_node_role(struct slice name)
{
    return slice_equal_str(name, "in_hot_standby") ||
           slice_equal_str(name, "default_transaction_read_only");
}
