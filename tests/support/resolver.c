/* resolver.c — names under .test lead to this machine, but for nowhere.test, and are not answered
 * while a certain file exists. */
/* SPDX-License-Identifier: PostgreSQL */
/* Preloaded into the proxy by the tests that need a name server which does not answer. The file's
 * name is in TEAL_RESOLVER_FILE. */
#include <dlfcn.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolver_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void
wait_for_the_name_server(void)
{
    const char *const path = getenv("TEAL_RESOLVER_FILE");

    while (path != NULL && access(path, F_OK) == 0) {
        (void)usleep(10000);
    }
}

/* Such a name has no records: as if it stood in a file. */
int
res_nsearch(res_state state, const char *name, int class, int type, unsigned char *out, int size)
{
    (void)state;
    (void)name;
    (void)class;
    (void)type;
    (void)out;
    (void)size;
    wait_for_the_name_server();
    return -1;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
            struct addrinfo **out)
{
    resolver_fn *const real = (resolver_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *const end = name == NULL ? NULL : strrchr(name, '.');

    if (end == NULL || strcmp(end, ".test") != 0) {
        return real(name, service, hints, out);
    }
    wait_for_the_name_server();
    if (strcmp(name, "nowhere.test") == 0) {
        return EAI_NONAME;
    }
    return real("127.0.0.1", service, hints, out);
}
