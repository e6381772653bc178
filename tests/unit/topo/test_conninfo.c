/* test_conninfo.c — libpq's strings. */
/* SPDX-License-Identifier: PostgreSQL */
#include "topo/conninfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "conf/conf.h"

static const struct node_id green = {.side = SIDE_GREEN};

/* The texts of a configuration are not const; these are never written to. */
static struct conf_pair
a_pair(char *host, char *user, char *password, enum tls_mode sslmode)
{
    return (struct conf_pair){.side[SIDE_GREEN] = {.hosts = {{.name = host, .port = 5432}},
                                                   .hosts_count = 1,
                                                   .user = user,
                                                   .password = password,
                                                   .sslmode = sslmode,
                                                   .replication_host = host,
                                                   .replication_port = 5433,
                                                   .replication_user = user,
                                                   .replication_password = password}};
}

static struct conf
a_conf(struct conf_pair *pair)
{
    return (struct conf){.pairs = pair, .pairs_count = 1};
}

static void
every_value_is_quoted(void **state)
{
    (void)state;
    char host[] = "10.0.0.1";
    char user[] = "o'brien";
    char password[] = "a b\\c'd host=evil";
    char ca[] = "/etc/teal/ca.pem";
    struct conf_pair pair = a_pair(host, user, password, TLS_DISABLE);
    struct conf conf = a_conf(&pair);
    conf.server_tls_ca_file = ca;
    char *s = conninfo_of(&conf, &green, "my db", "teal monitor", 3000000);
    assert_non_null(strstr(s, "sslrootcert='/etc/teal/ca.pem'"));
    assert_non_null(strstr(s, "host='10.0.0.1' port=5432 user='o\\'brien'"));
    assert_non_null(strstr(s, "password='a b\\\\c\\'d host=evil'"));
    assert_non_null(strstr(s, "dbname='my db'"));
    assert_non_null(strstr(s, "application_name='teal monitor'"));
    assert_non_null(strstr(s, "connect_timeout=3"));
    conninfo_free(s);
}

static void
what_is_not_set_is_left_to_libpq(void **state)
{
    (void)state;
    char host[] = "h";
    char empty[] = "";
    char *none = NULL;
    struct conf_pair pair = a_pair(host, empty, none, TLS_DISABLE);
    const struct conf conf = a_conf(&pair);
    char *s = conninfo_of(&conf, &green, "app", "a", 1);
    assert_null(strstr(s, "sslrootcert="));
    assert_null(strstr(s, "user="));
    assert_null(strstr(s, "password="));
    assert_non_null(strstr(s, "sslmode='disable'"));
    assert_non_null(strstr(s, "connect_timeout=2")); /* libpq's least */
    conninfo_free(s);
}

static void
replication_has_a_way_of_its_own(void **state)
{
    (void)state;
    char host[] = "inner";
    char user[] = "repl";
    char password[] = "p";
    char ca[] = "/pki/ca.pem";
    struct conf_pair pair = a_pair(host, user, password, TLS_REQUIRE);
    const struct conf conf = a_conf(&pair);
    pair.side[SIDE_GREEN].replication_sslrootcert = ca;
    char *s = conninfo_for_replication(&conf, 0, SIDE_GREEN, "app");
    assert_string_equal(s, "host='inner' port=5433 user='repl' password='p' dbname='app'"
                           " sslmode='require' sslrootcert='/pki/ca.pem' connect_timeout=10");
    conninfo_free(s);
    conninfo_free(NULL);
}

static void
a_subscription_takes_the_primary_of_several_servers(void **state)
{
    (void)state;
    char a[] = "a";
    char b[] = "::1";
    char none[] = "";
    char names[] = "x,y";
    struct conf_pair pair = a_pair(none, a, none, TLS_DISABLE);
    struct conf_side *side = &pair.side[SIDE_GREEN];
    const struct conf conf = a_conf(&pair);
    side->hosts[0] = (struct conf_host){.name = a, .port = 5432};
    side->hosts[1] = (struct conf_host){.name = b, .port = 6000};
    side->replication_port = 0;
    side->port = 7000;
    side->hosts_count = 1;
    char *s = conninfo_for_replication(&conf, 0, SIDE_GREEN, "app");
    assert_string_equal(s, "host='a' port='5432' user='a' dbname='app' sslmode='disable' "
                           "connect_timeout=10");
    conninfo_free(s);
    side->hosts_count = 2;
    s = conninfo_for_replication(&conf, 0, SIDE_GREEN, "app");
    assert_non_null(strstr(s, "host='a,::1' port='5432,6000' target_session_attrs='primary' "));
    conninfo_free(s);
    side->replication_port = 9;
    s = conninfo_for_replication(&conf, 0, SIDE_GREEN, "app");
    assert_non_null(strstr(s, "host='a,::1' port='9,9' "));
    conninfo_free(s);
    side->replication_port = 0;
    side->replication_host = names;
    s = conninfo_for_replication(&conf, 0, SIDE_GREEN, "app");
    assert_non_null(strstr(s, "host='x,y' port=7000 target_session_attrs='primary' "));
    conninfo_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_quoted),
        cmocka_unit_test(what_is_not_set_is_left_to_libpq),
        cmocka_unit_test(replication_has_a_way_of_its_own),
        cmocka_unit_test(a_subscription_takes_the_primary_of_several_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
