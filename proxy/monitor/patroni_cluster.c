/* patroni_cluster.c — what a Patroni says of its cluster. See patroni_cluster.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/patroni_cluster.h"

#include <jansson.h>
#include <string.h>

/* "master" is what it was called before Patroni 4. */
static bool
is_leader(const json_t *member)
{
    const char *role = json_string_value(json_object_get(member, "role"));
    const char *state = json_string_value(json_object_get(member, "state"));
    const bool leads =
        role != NULL && (strcmp(role, "leader") == 0 || strcmp(role, "master") == 0 ||
                         strcmp(role, "primary") == 0);
    return leads && state != NULL && strcmp(state, "running") == 0;
}

static bool
take_leader(const json_t *member, struct patroni_cluster *out)
{
    const char *host = json_string_value(json_object_get(member, "host"));
    const json_int_t port = json_integer_value(json_object_get(member, "port"));
    if (host == NULL || host[0] == '\0' || strlen(host) >= sizeof(out->leader_host) || port < 1 ||
        port > UINT16_MAX) {
        return false;
    }
    memcpy(out->leader_host, host, strlen(host) + 1);
    out->leader_port = (uint16_t)port;
    return true;
}

/* Two leaders are none. */
static bool
take_members(const json_t *members, struct patroni_cluster *out)
{
    size_t leaders = 0;
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);
        if (is_leader(member)) {
            leaders++;
            if (leaders > 1 || !take_leader(member, out)) {
                return false;
            }
        }
    }
    return true;
}

bool
patroni_cluster_read(struct slice document, struct patroni_cluster *out)
{
    json_error_t error;
    *out = (struct patroni_cluster){0};
    json_t *root = json_loadb((const char *)document.p, document.len, 0, &error);
    const json_t *members = json_object_get(root, "members");
    const bool ok = json_is_array(members) && take_members(members, out);
    out->is_paused = json_is_true(json_object_get(root, "pause"));
    json_decref(root);
    if (!ok) {
        *out = (struct patroni_cluster){0};
    }
    return ok;
}
