/* test_catalog.c — which databases a side has, from the answer of a server. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/catalog.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

static struct pq_result
an_answer(const char *const *names, int count)
{
    static char column[] = "datname";
    PGresAttDesc description = {.name = column};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_int_equal(PQsetResultAttrs(result, 1, &description), 1);
    for (int i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s", names[i]);
        assert_int_equal(PQsetvalue(result, i, 0, text, (int)strlen(text)), 1);
    }
    return (struct pq_result){.ok = true, .pg_result = result};
}

static void
forget(struct pq_result *r)
{
    union {
        const void *in;
        void *out;
    } result = {r->pg_result};
    PQclear(result.out);
}

static bool
take(struct side_databases *d, const char *const *names, int count)
{
    struct pq_result r = an_answer(names, count);
    const bool changed = catalog_take(d, &r);
    forget(&r);
    return changed;
}

static void
the_generation_grows_with_each_change_alone(void **state)
{
    (void)state;
    static const char *const two[] = {"app", "postgres"};
    static const char *const three[] = {"app", "new", "postgres"};
    static const char *const other[] = {"app", "old", "postgres"};
    struct side_databases d = {0};
    assert_true(take(&d, two, 2));
    assert_int_equal(d.generation, 1);
    assert_false(take(&d, two, 2));
    assert_true(take(&d, three, 3));
    assert_true(take(&d, other, 3));
    assert_int_equal(d.generation, 3);
    assert_string_equal(d.names[1], "old");
    assert_true(take(&d, NULL, 0));
    assert_int_equal(d.count, 0);
    catalog_fini(&d);
}

static void
names_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"Zoo", "app", "app1", "b"};
    struct side_databases d = {0};
    assert_false(catalog_has(&d, "app"));
    assert_true(take(&d, names, 4));
    for (size_t i = 0; i < 4; i++) {
        assert_true(catalog_has(&d, names[i]));
    }
    assert_false(catalog_has(&d, "ap"));
    assert_false(catalog_has(&d, "c"));
    assert_false(catalog_has(&d, "A"));
    catalog_fini(&d);
}

static void
an_answer_of_another_form_is_none(void **state)
{
    (void)state;
    static const char *const good[] = {"app"};
    static const char *const unsorted[] = {"b", "a"};
    static const char *const twice[] = {"a", "a"};
    struct side_databases d = {0};
    assert_true(take(&d, good, 1));
    assert_false(take(&d, unsorted, 2));
    assert_false(take(&d, twice, 2));
    const struct pq_result failed = {.ok = false};
    assert_false(catalog_take(&d, &failed));
    assert_int_equal(d.generation, 1);
    assert_true(catalog_has(&d, "app"));
    catalog_fini(&d);
}

static void
too_many_are_cut_and_it_is_told(void **state)
{
    (void)state;
    enum { ROWS = DATABASES_MAX + 1 };
    static char texts[ROWS][16];
    const char *names[ROWS];
    struct side_databases d = {0};
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "db%05d", i);
        names[i] = texts[i];
    }
    assert_true(take(&d, names, DATABASES_MAX));
    assert_false(d.is_cut);
    assert_true(take(&d, names, ROWS));
    assert_true(d.is_cut);
    assert_int_equal(d.count, DATABASES_MAX);
    assert_false(catalog_has(&d, names[DATABASES_MAX]));
    catalog_fini(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generation_grows_with_each_change_alone),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(an_answer_of_another_form_is_none),
        cmocka_unit_test(too_many_are_cut_and_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
