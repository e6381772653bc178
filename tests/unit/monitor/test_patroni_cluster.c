/* test_patroni_cluster.c — what a Patroni says of its cluster. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/patroni_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "guard.h"

#define MEMBER(role, state, host, port)                                                     \
    "{\"name\": \"n\", \"role\": \"" role "\", \"state\": \"" state "\", \"host\": \"" host \
    "\", \"port\": " port ", \"timeline\": 5, \"lag\": 0}"

struct row {
    const char *document;
    bool ok;
    const char *leader_host;
    uint16_t leader_port;
    bool is_paused;
};

static const struct row rows[] = {
    {"{\"members\": [" MEMBER("leader", "running", "10.0.0.1", "5432") ", " //
     MEMBER("replica", "streaming", "10.0.0.2", "5432") "], \"scope\": \"demo\"}",
     true, "10.0.0.1", 5432, false},
    {"{\"members\": [" MEMBER("replica", "streaming", "a", "1") "], \"pause\": true}", true, "", 0,
     true},
    {"{\"members\": [" MEMBER("master", "running", "b", "65535") "], \"pause\": false}", true, "b",
     65535, false},
    {"{\"members\": [" MEMBER("leader", "starting", "a", "1") "]}", true, "", 0, false},
    {"{\"members\": [" MEMBER("standby_leader", "running", "a", "1") "]}", true, "", 0, false},
    {"{\"members\": []}", true, "", 0, false},
    {"{\"members\": [1, null, \"x\", {}, []]}", true, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "a", "1") ", " //
     MEMBER("leader", "running", "b", "1") "]}",
     false, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "a", "0") "]}", false, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "a", "65536") "]}", false, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "a", "-1") "]}", false, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "a", "\"5432\"") "]}", false, "", 0, false},
    {"{\"members\": [" MEMBER("leader", "running", "", "5432") "]}", false, "", 0, false},
    {"{\"members\": {}}", false, "", 0, false},
    {"{\"pause\": true}", false, "", 0, false},
    {"[]", false, "", 0, false},
    {"null", false, "", 0, false},
    {"", false, "", 0, false},
    {"<html>no such page</html>", false, "", 0, false},
};

static void
documents_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct patroni_cluster cluster;
        assert_int_equal(patroni_cluster_read(slice_of_str(rows[i].document), &cluster),
                         rows[i].ok);
        assert_string_equal(cluster.leader_host, rows[i].leader_host);
        assert_int_equal(cluster.leader_port, rows[i].leader_port);
        assert_int_equal(cluster.is_paused, rows[i].is_paused);
    }
}

static void
what_is_cut_off_anywhere_is_nothing(void **state)
{
    (void)state;
    const char *whole = rows[0].document;
    struct guard guard = guard_new(strlen(whole));
    struct patroni_cluster cluster;
    for (size_t len = 0; len < strlen(whole); len++) {
        assert_false(patroni_cluster_read(guard_put(&guard, whole, len), &cluster));
        assert_int_equal(cluster.leader_port, 0);
    }
    assert_true(patroni_cluster_read(guard_put(&guard, whole, strlen(whole)), &cluster));
    guard_free(&guard);
}

static void
a_host_that_does_not_fit_is_nothing(void **state)
{
    (void)state;
    char document[1024] = "{\"members\": [{\"role\": \"leader\", \"state\": \"running\", \"port\": "
                          "1, \"host\": \"";
    const size_t at = strlen(document);
    struct patroni_cluster cluster;
    for (size_t len = PATRONI_HOST_SIZE - 2; len < PATRONI_HOST_SIZE + 2; len++) {
        memset(document + at, 'h', len);
        memcpy(document + at + len, "\"}]}", 5);
        assert_int_equal(patroni_cluster_read(slice_of_str(document), &cluster),
                         len < PATRONI_HOST_SIZE);
    }
}

static void
depth_without_end_is_nothing(void **state)
{
    (void)state;
    static char document[60000];
    struct patroni_cluster cluster;
    memset(document, '[', sizeof(document));
    assert_false(patroni_cluster_read(slice_of(document, sizeof(document)), &cluster));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(what_is_cut_off_anywhere_is_nothing),
        cmocka_unit_test(a_host_that_does_not_fit_is_nothing),
        cmocka_unit_test(depth_without_end_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
