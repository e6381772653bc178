/* test_estate.c — several pairs, their servers and their databases: what a file may say of them. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/load.h"

#include "base/mem.h"
#include "conf/database_line.h"
#include "conf/databases.h"
#include "conf/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The only pair; a pair of a name, whose servers have names of their own. */
#define SIDES "[blue]\nhost = b\n[green]\nhost = g\n"
#define PAIR_KEYS(name, keys)                                                                    \
    "[pair " name "]\n" keys "[blue " name "]\nhost = " name "b\n[green " name "]\nhost = " name \
    "g\n"
#define PAIR(name) PAIR_KEYS(name, "")

static struct conf *
conf_of(const char *text)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *c = conf_load_string(text, "t.ini", &mistakes);
    if (c == NULL) {
        print_message("%s\n", mistakes.items[0].text);
    }
    assert_non_null(c);
    conf_mistakes_fini(&mistakes);
    return c;
}

static void
assert_mistakes(const char *text, const char *expected)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct buf printed;
    buf_init(&printed);
    conf_unref(conf_load_string(text, "t.ini", &mistakes));
    conf_mistakes_print(&mistakes, &printed);
    buf_put_u8(&printed, 0);
    assert_string_equal((const char *)buf_slice(&printed).p, expected);
    buf_fini(&printed);
    conf_mistakes_fini(&mistakes);
}

/* ---- pairs ---- */

static void
pairs_are_numbered_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct conf *c = conf_of("[green b]\nhost = bg\n" PAIR_KEYS(
        "a", "lag_max = 2s\n") "[blue b]\nhost = bb\nport = 7\n[pair b]\nlag_max = 3s\n"
                               "[databases]\nx = pair=a\ny = pair=b\n");
    assert_int_equal(c->pairs_count, 2);
    assert_string_equal(c->pairs[0].name, "b"); /* its [green b] came first */
    assert_string_equal(c->pairs[1].name, "a");
    assert_true(c->pairs[0].is_named);
    assert_int_equal(c->pairs[0].lag_max_us, 3000000);
    assert_int_equal(c->pairs[1].lag_max_us, 2000000);
    assert_int_equal(c->pairs[0].hold_timeout_us, 5000000);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].hosts[0].name, "bb");
    assert_int_equal(c->pairs[0].side[SIDE_BLUE].hosts[0].port, 7);
    assert_string_equal(c->pairs[1].side[SIDE_GREEN].hosts[0].name, "ag");
    conf_unref(c);
}

static void
a_pair_without_a_name_is_as_it_was(void **state)
{
    (void)state;
    struct conf *c = conf_of("[pair]\nname = The shop!\n" SIDES);
    struct conf_entry entry;
    assert_int_equal(c->pairs_count, 1);
    assert_string_equal(c->pairs[0].name, "The shop!");
    assert_false(c->pairs[0].is_named);
    assert_true(entry_name_find(c, "lag_max", &entry));
    assert_true(entry_name_find(c, "blue.host", &entry));
    conf_unref(c);
}

static const struct {
    const char *text;
    const char *mistakes;
} bad_pairs[] = {
    {PAIR("a") SIDES, "t.ini:6: [blue] says of no pair; the pairs have names: [blue a]\n"},
    {SIDES PAIR("a"),
     "t.ini:5: [pair a]: the sections before have no name; pairs have names in all of "
     "their sections, or there is one pair without a name\n"},
    {"[pair shop]\n[blue shp]\nhost = b\n[green shop]\nhost = g\n",
     "t.ini:1: [pair shop] has no [blue shop]\n"
     "t.ini:2: [blue shp]: there is no [pair shp]; did you mean [blue shop]?\n"},
    {"[blue a]\nhost = b\n[green a]\nhost = g\n", "t.ini:1: [blue a]: there is no [pair a]\n"},
    {"[pair a]\n[green a]\nhost = g\n", "t.ini:1: [pair a] has no [blue a]\n"},
    {"[pair a]\n", "t.ini:1: [pair a] has no [blue a]\nt.ini:1: [pair a] has no [green a]\n"},
    {PAIR("a") "[pair a]\nlag_max = 1s\n",
     "t.ini:6: [pair a] stands there twice; first in line 1\n"},
    {PAIR("a") "[green a]\n", "t.ini:6: [green a] stands there twice; first in line 4\n"},
    {PAIR("a") "[pair A]\n",
     "t.ini:6: \"A\" cannot name a pair: a name begins with a letter and has "
     "at most 30 small letters, digits and _\n"},
    {PAIR("a") "[pair b c]\n",
     "t.ini:6: \"b c\" cannot name a pair: a name begins with a letter and "
     "has at most 30 small letters, digits and _\n"},
    {PAIR("a") "[pair blue]\n", "t.ini:6: \"blue\" cannot name a pair: it is a side\n"},
    {PAIR("a") "[pair lock]\n",
     "t.ini:6: \"lock\" cannot name a pair: state_file.lock is another file of teal\n"},
    {PAIR("a") "[paer b]\n", "t.ini:6: unknown section [paer b]; did you mean [pair b]?\n"},
    {"[teal x]\nworkers = 1\n" PAIR("a"), "t.ini:1: [teal x]: [teal] takes no name\n"},
    {PAIR_KEYS("a", "name = b\n"),
     "t.ini:2: name: the pair has its name from its section, [pair a]\n"},
    {PAIR_KEYS("a", "lag_mx = 1s\n"),
     "t.ini:2: unknown key \"lag_mx\" in [pair a]; did you mean \"lag_max\"?\n"},
    {PAIR_KEYS("a", "host = x\n"),
     "t.ini:2: unknown key \"host\" in [pair a]; it belongs in [blue a]\n"},
    {PAIR_KEYS("a", "lag_max = 1s\nlag_max = 2s\n"),
     "t.ini:3: \"lag_max\" is set twice in [pair a]; first in line 2\n"},
    {"[pair a]\n[blue a]\nport = 1\n[green a]\nhost = g\n",
     "t.ini:2: \"host\" is missing in [blue a]\n"},
};

static void
mistakes_in_sections_of_pairs_are_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_pairs); i++) {
        assert_mistakes(bad_pairs[i].text, bad_pairs[i].mistakes);
    }
}

static void
there_are_at_most_as_many_pairs_as_the_estate_takes(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    for (unsigned i = 0; i < PAIRS_MAX; i++) {
        buf_printf(&text,
                   "[pair p%u]\ndatabases = d%u\n[blue p%u]\nhost = b%u\n[green p%u]\nhost = g%u\n",
                   i, i, i, i, i, i);
    }
    const size_t len = buf_len(&text);
    buf_put_u8(&text, 0);
    struct conf *c = conf_of((const char *)buf_slice(&text).p);
    assert_int_equal(c->pairs_count, PAIRS_MAX);
    assert_int_equal(conf_database_find(c, "d15")->pair, 15);
    conf_unref(c);
    char *more = xasprintf("%.*s[pair q]\n", (int)len, (const char *)buf_slice(&text).p);
    assert_mistakes(more, "t.ini:97: [pair q]: there are more than 16 pairs\n");
    mem_free(more);
    buf_fini(&text);
}

/* ---- servers ---- */

static void
servers_are_read_with_their_ports_and_weights(void **state)
{
    (void)state;
    struct conf *c = conf_of("[blue]\nhosts = a:5433, [::1]:5434, /run/pg/:5435, [fe80::1]\n"
                             "hosts = b   weight=7, /run/pg\nport = 6000\n"
                             "[green]\nhost = c, ::1 , /run/x//\n");
    static const struct {
        const char *name;
        unsigned port, weight;
    } blue[] = {
        {"a", 5433, 1},       {"::1", 5434, 1}, {"/run/pg", 5435, 1},
        {"fe80::1", 6000, 1}, {"b", 6000, 7},   {"/run/pg", 6000, 1},
    };
    const struct conf_side *side = c->pairs[0].side;
    assert_int_equal(side[SIDE_BLUE].hosts_count, COUNT_OF(blue));
    for (size_t i = 0; i < COUNT_OF(blue); i++) {
        assert_string_equal(side[SIDE_BLUE].hosts[i].name, blue[i].name);
        assert_int_equal(side[SIDE_BLUE].hosts[i].port, blue[i].port);
        assert_int_equal(side[SIDE_BLUE].hosts[i].weight, blue[i].weight);
    }
    assert_int_equal(side[SIDE_GREEN].hosts_count, 3);
    assert_string_equal(side[SIDE_GREEN].hosts[1].name, "::1");
    assert_string_equal(side[SIDE_GREEN].hosts[2].name, "/run/x");
    assert_int_equal(side[SIDE_GREEN].hosts[2].port, 5432);
    conf_unref(c);
}

#define BLUE(line) "[blue]\n" line "\n[green]\nhost = g\n"

static const struct {
    const char *text;
    const char *mistakes;
} bad_hosts[] = {
    {BLUE("hosts = a:0"), "t.ini:2: hosts: \"0\" is outside the limits 1 to 65535\n"},
    {BLUE("hosts = a:70000"), "t.ini:2: hosts: \"70000\" is outside the limits 1 to 65535\n"},
    {BLUE("hosts = a:"), "t.ini:2: hosts: \"\" is not a whole number\n"},
    {BLUE("hosts = a:b"), "t.ini:2: hosts: \"b\" is not a whole number\n"},
    {BLUE("hosts = :5432"), "t.ini:2: hosts: a server has no name\n"},
    {BLUE("hosts = []:5432"), "t.ini:2: hosts: a server has no name\n"},
    {BLUE("hosts = ::1:5432"),
     "t.ini:2: hosts: an IPv6 address with a port is written [ADDRESS]:PORT\n"},
    {BLUE("hosts = [::1"), "t.ini:2: hosts: \"[::1\" is not [ADDRESS]:PORT\n"},
    {BLUE("hosts = [::1]5432"), "t.ini:2: hosts: \"[::1]5432\" is not [ADDRESS]:PORT\n"},
    {BLUE("hosts = a b"), "t.ini:2: hosts: only weight=N may stand behind \"a\"\n"},
    {BLUE("hosts = a weight=0"), "t.ini:2: hosts: \"0\" is outside the limits 1 to 100\n"},
    {BLUE("hosts = a weight=2 x"), "t.ini:2: hosts: \"2 x\" is not a whole number\n"},
    {BLUE("hosts = a,,b"), "t.ini:2: hosts: nothing stands before or after a comma in \"a,,b\"\n"
                           "t.ini:2: hosts: no server is named\n"},
    {BLUE("hosts = a'b"), "t.ini:2: hosts: \"a'b\" cannot be the name of a server\n"},
    {BLUE("host = a b"), "t.ini:2: host: \"a b\" cannot be the name of a server\n"},
    {BLUE("hosts ="), "t.ini:2: hosts: no server is named\n"},
    {BLUE("hosts = a, b, c, d, e, f, g1, h, i"), "t.ini:2: hosts: a side has at most 8 servers\n"},
    {BLUE("host = a\nhosts = b"), "t.ini:3: both host and hosts are set in [blue]\n"},
    {BLUE("hosts = a, b, A:5432"), "t.ini:2: [blue] has the same server twice, A port 5432\n"},
    {BLUE("hosts = a, g"), "t.ini:4: [blue] and [green] are the same server, g port 5432\n"},
    {BLUE("hosts = /run/pg/, /run/pg:5432"),
     "t.ini:2: [blue] has the same server twice, /run/pg port 5432\n"},
    {PAIR_KEYS("a", "databases = x\n") "[pair b]\ndatabases = y\n[blue b]\nhosts = b, ag:5432\n"
                                       "[green b]\nhost = g\n",
     "t.ini:10: [green a] and [blue b] are the same server, ag port 5432\n"},
};

static void
mistakes_in_servers_are_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_hosts); i++) {
        assert_mistakes(bad_hosts[i].text, bad_hosts[i].mistakes);
    }
}

static void
a_path_that_fits_no_socket_is_refused(void **state)
{
    (void)state;
    char dir[128];
    memset(dir, 'x', sizeof(dir));
    dir[0] = '/';
    dir[sizeof(dir) - 1] = '\0';
    char *text = xasprintf("[blue]\nhosts = %s\n[green]\nhost = g\n", dir);
    assert_mistakes(text,
                    "t.ini:2: hosts: \"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is too long: "
                    "141 bytes of 107\n");
    mem_free(text);
}

/* ---- databases ---- */

static void
every_name_means_the_only_pair(void **state)
{
    (void)state;
    struct conf *c = conf_of(SIDES);
    const struct conf_database *d = conf_database_find(c, "any");
    assert_non_null(d);
    assert_int_equal(d->pair, 0);
    assert_string_equal(conf_database_dbname(d, "any"), "any");
    assert_int_equal(d->pool_size, 0);
    assert_null(conf_database_find(c, "teal"));
    assert_null(conf_database_find(c, "pgbouncer"));
    conf_unref(c);
}

static void
options_of_a_database_go_to_their_fields(void **state)
{
    (void)state;
    struct conf *c =
        conf_of(SIDES "[databases]\n"
                      "r = dbname=app pool_size=5 reserve_pool=2 pool_mode=session"
                      " max_db_connections = 9 max_db_client_connections=8   ; why\n"
                      "\"a \"\"b\"\" = [c]:d\" = auth_query='select ''x'', 1 ; 2' user=u"
                      " password='p;q' timezone='Europe/Berlin' auth_user=a\n"
                      "plain =\n"
                      "* = pool_size=3 query_wait_timeout=7s\n");
    const struct conf_database *d = conf_database_find(c, "r");
    assert_string_equal(d->name, "r");
    assert_string_equal(conf_database_dbname(d, "r"), "app");
    assert_true(d->is_listed);
    assert_int_equal(d->line, 6);
    assert_int_equal(d->pool_size, 5);
    assert_int_equal(d->reserve_pool_size, 2);
    assert_int_equal(d->pool_mode, POOL_MODE_SESSION);
    assert_int_equal(d->max_db_connections, 9);
    assert_int_equal(d->max_db_client_connections, 8);
    d = conf_database_find(c, "a \"b\" = [c]:d");
    assert_string_equal(d->dbname, "a \"b\" = [c]:d");
    assert_string_equal(d->auth_query, "select 'x', 1 ; 2");
    assert_string_equal(d->user, "u");
    assert_string_equal(d->password, "p;q");
    assert_string_equal(d->timezone, "Europe/Berlin");
    assert_int_equal(conf_database_find(c, "plain")->pool_size, 0); /* not that of * */
    assert_int_equal(conf_database_find(c, "other")->pool_size, 3);
    assert_int_equal(conf_database_find(c, "other")->query_wait_timeout_us, 7000000);
    conf_unref(c);
}

static void
a_list_of_a_pair_makes_names(void **state)
{
    (void)state;
    struct conf *c = conf_of("[pair]\ndatabases = a, b, c\n" SIDES "[databases]\nx = dbname=b\n"
                             "* = pool_size=4\n");
    assert_string_equal(c->pairs[0].database, "a"); /* the first is the home */
    assert_string_equal(conf_database_find(c, "a")->dbname, "a");
    assert_false(conf_database_find(c, "a")->is_listed);
    assert_int_equal(conf_database_find(c, "a")->pool_size, 4);
    assert_null(conf_database_find(c, "b")); /* it has another name */
    assert_string_equal(conf_database_find(c, "x")->dbname, "b");
    assert_int_equal(conf_database_find(c, "x")->pool_size, 0);
    assert_null(conf_database_find(c, "other"));
    assert_true(conf_pair_has_database(&c->pairs[0], "c"));
    assert_false(conf_pair_has_database(&c->pairs[0], "d"));
    assert_int_equal(c->databases_count, 3);
    conf_unref(c);
}

#define TWO_OF_APP PAIR_KEYS("a", "databases = app\n") PAIR_KEYS("b", "databases = app\n")

static void
names_tell_pairs_apart(void **state)
{
    (void)state;
    struct conf *c =
        conf_of(PAIR_KEYS("a", "databases = x\n") PAIR("b") "[databases]\nz = dbname=x\n");
    assert_int_equal(conf_database_find(c, "z")->pair, 0); /* the only list that has it */
    assert_int_equal(conf_database_find(c, "x")->pair, 1); /* any other name */
    assert_int_equal(conf_database_find(c, "y")->pair, 1);
    conf_unref(c);
    c = conf_of(PAIR("a") PAIR("b") "[databases]\n* = pair=b\nz = pair=a\n");
    assert_int_equal(conf_database_find(c, "z")->pair, 0);
    assert_int_equal(conf_database_find(c, "y")->pair, 1);
    conf_unref(c);
    c = conf_of(PAIR("a") PAIR("b") "[databases]\ny = pair=b\nz = pair=a\n");
    assert_int_equal(conf_database_find(c, "y")->pair, 1);
    assert_null(conf_database_find(c, "x")); /* nobody says whose */
    conf_unref(c);
    c = conf_of(TWO_OF_APP "[databases]\nshop = dbname=app pair=a\nbills = dbname=app pair=b\n");
    assert_int_equal(conf_database_find(c, "shop")->pair, 0);
    assert_int_equal(conf_database_find(c, "bills")->pair, 1);
    assert_null(conf_database_find(c, "app"));
    conf_unref(c);
}

static void
names_that_no_server_could_have_are_mistakes(void **state)
{
    (void)state;
    static const char name[] = "a23456789012345678901234567890123456789012345678901234567890_64b";
    char *text = xasprintf(SIDES "[databases]\nx = dbname=%s\n", name);
    assert_int_equal(strlen(name), 64);
    assert_mistakes(text, "t.ini:6: database \"x\": dbname: a name has at most 63 bytes\n");
    mem_free(text);
    text = xasprintf("[pair]\ndatabase = %s\n" SIDES, name);
    assert_mistakes(text, "t.ini:2: database: a name has at most 63 bytes\n");
    mem_free(text);
}

static void
there_are_at_most_so_many_databases(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    buf_printf(&text, SIDES "[databases]\n");
    for (unsigned i = 0; i < ALIASES_MAX; i++) {
        buf_printf(&text, "d%u =\n", i);
    }
    buf_put_u8(&text, 0);
    struct conf *c = conf_of((const char *)buf_slice(&text).p);
    assert_int_equal(c->databases_count, ALIASES_MAX);
    assert_string_equal(conf_database_find(c, "d4095")->dbname, "d4095");
    conf_unref(c);
    char *more = xasprintf("%s* =\nmore =\n", (const char *)buf_slice(&text).p);
    assert_mistakes(more, "t.ini:4103: there are more than 4096 databases\n");
    mem_free(more);
    buf_fini(&text);
}

#define DB(line) SIDES "[databases]\n" line "\n"

static const struct {
    const char *text;
    const char *mistakes;
} bad_databases[] = {
    {DB("x"), "t.ini:6: expected name = options\n"},
    {DB("= a"), "t.ini:6: \"\" is not a plain name of a database; put it into double quotes\n"},
    {DB("\"\" = "), "t.ini:6: the name of a database has 1 to 63 bytes\n"},
    {DB("\"x = "), "t.ini:6: the quote has no end\n"},
    {DB("a:b = "),
     "t.ini:6: \"a:b\" is not a plain name of a database; put it into double quotes\n"},
    {DB("teal ="),
     "t.ini:6: the name \"teal\" is the console's; give the database another one, with "
     "dbname=teal\n"},
    {DB("x =\nx ="), "t.ini:7: the database \"x\" is listed twice; first in line 6\n"},
    {DB("* =\n* ="), "t.ini:7: * stands there twice; first in line 6\n"},
    {DB("* = dbname=x"),
     "t.ini:6: database \"*\": dbname= would send every name to one database; list "
     "the names that mean it\n"},
    {DB("x = host=h"),
     "t.ini:6: database \"x\": host= is not for this file: the servers are those of "
     "the pair: see hosts in [blue] and [green]\n"},
    {DB("x = pool_mode=statement"), "t.ini:6: database \"x\": pool_mode=statement is not for this "
                                    "file: it forbids transactions; use "
                                    "transaction or session\n"},
    {DB("x = pool_mode=none"),
     "t.ini:6: database \"x\": pool_mode: \"none\" is none of transaction|session\n"},
    {DB("x = pool_sise=1"),
     "t.ini:6: database \"x\": unknown option \"pool_sise\"; did you mean \"pool_size\"?\n"},
    {DB("x = zzz=1"), "t.ini:6: database \"x\": unknown option \"zzz\"\n"},
    {DB("x = pool_size"), "t.ini:6: database \"x\": expected option=value at \"pool_size\"\n"},
    {DB("x = pool_size=1 pool_size=2"), "t.ini:6: database \"x\": pool_size is given twice\n"},
    {DB("x = pool_size=many"),
     "t.ini:6: database \"x\": pool_size: \"many\" is not a whole number\n"},
    {DB("x = user='a"), "t.ini:6: database \"x\": user: the quote has no end\n"},
    {DB("x = user='a'b"), "t.ini:6: database \"x\": user: unexpected text behind the quote\n"},
    {DB("x = pair=apq"),
     "t.ini:6: database \"x\": there is no pair \"apq\"; did you mean \"app\"?\n"},
    {DB("x = pair=shop"), "t.ini:6: database \"x\": there is no pair \"shop\"\n"},
    {"[pair]\ndatabases = a, *\n" SIDES,
     "t.ini:2: databases: * stands alone, without names beside it\n"},
    {"[pair]\ndatabases = a, b, a\n" SIDES, "t.ini:2: databases: \"a\" is there twice\n"},
    {"[pair]\ndatabases =\n" SIDES,
     "t.ini:2: databases: a list has 1 to 1000 names; * is all of them\n"},
    {"[pair]\ndatabases = a, b\ndatabase = c\n" SIDES,
     "t.ini:3: the home database, database = c, is not among databases\n"},
    {"[pair]\ndatabases = a, teal\n" SIDES,
     "t.ini:2: databases: \"teal\" needs another name in [databases]: this is the console's\n"},
    {"[pair]\ndatabases = a\n" DB("x = dbname=b"),
     "t.ini:8: database \"x\": \"b\" is not among the databases of [pair]\n"},
    {"[pair]\ndatabases = a, b\n" DB("a = dbname=b"),
     "t.ini:2: databases: \"a\" of [pair] needs another name in [databases]: line 8 gives its own "
     "to "
     "another database\n"},
    {TWO_OF_APP, "t.ini:8: \"app\" is a database of [pair a] and of [pair b]; give them names in "
                 "[databases]\n"},
    {TWO_OF_APP "[databases]\nx = dbname=app\n",
     "t.ini:8: \"app\" is a database of [pair a] and of [pair b]; give them names in [databases]\n"
     "t.ini:14: database \"x\": several pairs have \"app\"; say which, with pair=NAME\n"},
    {PAIR("a") PAIR("b") "[databases]\nx = pair=a\n",
     "t.ini:6: no client could reach [pair b]: several pairs have databases = *; name its "
     "databases in "
     "[databases] with pair=b, or give all other names to it with * = pair=b\n"},
    {PAIR("a") PAIR("b") "[databases]\nx = pair=a\ny = pair=b\nz =\n",
     "t.ini:14: database \"z\": say which pair has it, with pair=NAME\n"},
    {PAIR_KEYS("a", "databases = x\n") PAIR("b") "[databases]\n* = pair=a\n",
     "t.ini:13: database \"*\": [pair a] has a list of databases, and no others\n"},
};

static void
mistakes_in_databases_are_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_databases); i++) {
        assert_mistakes(bad_databases[i].text, bad_databases[i].mistakes);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_numbered_in_the_order_of_the_file),
        cmocka_unit_test(a_pair_without_a_name_is_as_it_was),
        cmocka_unit_test(mistakes_in_sections_of_pairs_are_reported),
        cmocka_unit_test(there_are_at_most_as_many_pairs_as_the_estate_takes),
        cmocka_unit_test(servers_are_read_with_their_ports_and_weights),
        cmocka_unit_test(mistakes_in_servers_are_reported),
        cmocka_unit_test(a_path_that_fits_no_socket_is_refused),
        cmocka_unit_test(every_name_means_the_only_pair),
        cmocka_unit_test(options_of_a_database_go_to_their_fields),
        cmocka_unit_test(a_list_of_a_pair_makes_names),
        cmocka_unit_test(names_tell_pairs_apart),
        cmocka_unit_test(names_that_no_server_could_have_are_mistakes),
        cmocka_unit_test(there_are_at_most_so_many_databases),
        cmocka_unit_test(mistakes_in_databases_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
