/* record_ttl.c — for how long the records of a host name hold. See record_ttl.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/record_ttl.h"

#include <arpa/nameser.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

#include "base/check.h"

enum { MESSAGE_SIZE = 8192, SECOND_US = 1000000 };

bool
record_ttl_read(struct slice message, uint64_t *ttl_us)
{
    ns_msg parsed;
    uint64_t smallest = UINT64_MAX;
    CHECK(message.len <= INT_MAX);
    if (ns_initparse(message.p, (int)message.len, &parsed) != 0) {
        return false;
    }
    for (int i = 0; i < ns_msg_count(parsed, ns_s_an); i++) {
        ns_rr record;
        if (ns_parserr(&parsed, ns_s_an, i, &record) != 0) {
            return false;
        }
        /* RFC 2181, 8: one with the highest bit set counts as 0. */
        const uint64_t ttl = ns_rr_ttl(record) > INT32_MAX ? 0 : ns_rr_ttl(record);
        smallest = ttl < smallest ? ttl : smallest;
    }
    if (smallest == UINT64_MAX) {
        return false;
    }
    *ttl_us = smallest * SECOND_US;
    return true;
}

/* UINT64_MAX when not told. */
static uint64_t
ask_for_type(struct __res_state *state, const char *host, ns_type type)
{
    uint8_t message[MESSAGE_SIZE];
    uint64_t ttl_us = UINT64_MAX;
    const int len = res_nsearch(state, host, ns_c_in, (int)type, message, sizeof(message));
    if (len <= 0) {
        return UINT64_MAX;
    }
    const size_t size = (size_t)len < sizeof(message) ? (size_t)len : sizeof(message);
    return record_ttl_read((struct slice){message, size}, &ttl_us) ? ttl_us : UINT64_MAX;
}

static bool
has_family(const struct address_list *addresses, sa_family_t family)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (addresses->items[i].addr.ss_family == family) {
            return true;
        }
    }
    return false;
}

uint64_t
record_ttl_ask(const char *host, const struct address_list *addresses)
{
    static const struct {
        sa_family_t family;
        ns_type type;
    } kinds[] = {{AF_INET, ns_t_a}, {AF_INET6, ns_t_aaaa}};
    struct __res_state state;
    uint64_t smallest_us = UINT64_MAX;
    memset(&state, 0, sizeof(state));
    if (res_ninit(&state) != 0) {
        return 0;
    }
    state.retrans = 1;
    state.retry = 1;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        /* A name server that has not answered about one kind will not about the other. */
        const bool silent = state.res_h_errno == TRY_AGAIN;
        if (!silent && has_family(addresses, kinds[i].family)) {
            const uint64_t ttl_us = ask_for_type(&state, host, kinds[i].type);
            smallest_us = ttl_us < smallest_us ? ttl_us : smallest_us;
        }
    }
    res_nclose(&state);
    if (smallest_us == UINT64_MAX) {
        return 0;
    }
    return smallest_us < SECOND_US ? SECOND_US : smallest_us;
}
