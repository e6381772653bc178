/* params.h — what ParameterStatus has told: an immutable set of names and values.
 *
 * A backend's set is replaced, never changed, when the server reports something new, so sessions
 * share it by reference and compare two sets by pointer or hash. One worker's objects: no atomics.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_PARAMS_H
#define TEAL_POOL_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct param {
    char *name;  /* owned */
    char *value; /* owned */
};

struct params {
    uint32_t refs;
    uint32_t count;
    uint64_t hash;       /* of all names and values; equal sets have equal hashes */
    struct param *items; /* owned; sorted by name */
};

/* The empty set, with one reference. */
struct params *params_new(void);
struct params *params_ref(struct params *p);
/* NULL is fine. */
void params_unref(struct params *p);
/* A new set with the name set to the value (one reference); p itself when that is what it says
 * already. */
struct params *params_with(struct params *p, struct slice name, struct slice value);
/* NULL when the name is not in the set. */
const char *params_get(const struct params *p, const char *name);
/* A copy that shares nothing, for another thread. */
struct params *params_copy(const struct params *p);

/* Parameters that tell the role of the node, not the state of the session. Teal shows one server to
 * its clients, so these always read "off" and changes of them are not passed on. */
bool param_is_node_role(struct slice name);

#endif
