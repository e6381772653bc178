/* list.c — an intrusive list. See list.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/list.h"

#include "base/check.h"

void
list_init(struct list *node)
{
    node->prev = node;
    node->next = node;
}

bool
list_empty(const struct list *head)
{
    return head->next == head;
}

static void
list_link(struct list *prev, struct list *node, struct list *next)
{
    CHECK(node->next == node);
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

void
list_push_back(struct list *head, struct list *node)
{
    list_link(head->prev, node, head);
}

void
list_push_front(struct list *head, struct list *node)
{
    list_link(head, node, head->next);
}

void
list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

struct list *
list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

struct list *
list_last(const struct list *head)
{
    return list_empty(head) ? NULL : head->prev;
}
