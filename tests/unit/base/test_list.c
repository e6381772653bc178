/* test_list.c — nodes come out in the order in which they were linked. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct item {
    char name;
    struct list node;
};

static struct item
an_item(char name)
{
    return (struct item){.name = name};
}

static void
assert_reads(const struct list *head, const char *names)
{
    const struct list *node = head->next;
    for (const char *name = names; *name != '\0'; name++) {
        assert_ptr_not_equal(node, head);
        assert_int_equal(LIST_OBJECT_CONST(node, struct item, node)->name, *name);
        assert_ptr_equal(node->prev->next, node);
        assert_ptr_equal(node->next->prev, node);
        node = node->next;
    }
    assert_ptr_equal(node, head);
}

static void
an_empty_list_has_no_ends(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_first(&head));
    assert_null(list_last(&head));
    LIST_EACH(node, &head)
    {
        fail();
    }
}

static void
both_ends_take_nodes(void **state)
{
    (void)state;
    struct list head;
    struct item a = an_item('a'), b = an_item('b'), c = an_item('c');
    list_init(&head);
    list_init(&a.node);
    list_init(&b.node);
    list_init(&c.node);
    list_push_back(&head, &b.node);
    list_push_back(&head, &c.node);
    list_push_front(&head, &a.node);
    assert_reads(&head, "abc");
    assert_false(list_empty(&head));
    assert_ptr_equal(list_first(&head), &a.node);
    assert_ptr_equal(list_last(&head), &c.node);
    assert_ptr_equal(LIST_OBJECT(list_first(&head), struct item, node), &a);
}

static void
any_node_can_be_removed_and_linked_again(void **state)
{
    (void)state;
    struct list head;
    struct item items[] = {an_item('a'), an_item('b'), an_item('c')};
    list_init(&head);
    for (size_t i = 0; i < 3; i++) {
        list_init(&items[i].node);
        list_push_back(&head, &items[i].node);
    }
    list_remove(&items[1].node);
    assert_reads(&head, "ac");
    assert_true(list_empty(&items[1].node));
    list_remove(&items[1].node); /* harmless */
    assert_reads(&head, "ac");
    list_push_back(&head, &items[1].node);
    assert_reads(&head, "acb");
    list_remove(&items[0].node);
    list_remove(&items[1].node);
    list_remove(&items[2].node);
    assert_reads(&head, "");
    assert_true(list_empty(&head));
}

static void
a_walk_may_unlink_the_node_it_is_at(void **state)
{
    (void)state;
    struct list head;
    struct item items[8];
    list_init(&head);
    for (size_t i = 0; i < 8; i++) {
        items[i] = an_item((char)('a' + i));
        list_init(&items[i].node);
        list_push_back(&head, &items[i].node);
    }
    size_t seen = 0;
    LIST_EACH(node, &head)
    {
        seen++;
        if (LIST_OBJECT(node, struct item, node)->name % 2 == 1) {
            list_remove(node);
        }
    }
    assert_int_equal(seen, 8);
    assert_reads(&head, "bdfh");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_no_ends),
        cmocka_unit_test(both_ends_take_nodes),
        cmocka_unit_test(any_node_can_be_removed_and_linked_again),
        cmocka_unit_test(a_walk_may_unlink_the_node_it_is_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
