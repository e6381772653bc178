/* list.h — an intrusive, doubly linked, circular list.
 *
 * The node stands inside the object, so that linking allocates nothing and unlinking needs no
 * search. A head is a node of its own. An object that is in no list has a node that points at
 * itself. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_LIST_H
#define TEAL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev; /* borrowed */
    struct list *next; /* borrowed */
};

/* The object of the type whose member is this node. */
#define LIST_OBJECT(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define LIST_OBJECT_CONST(node, type, member) \
    ((const type *)(const void *)((const char *)(node)-offsetof(type, member)))
/* Visits each node; the body may unlink the node it is given, no other. */
#define LIST_EACH(node, head)                                                         \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
         node = node##_next, node##_next = node->next)

void list_init(struct list *node);
bool list_empty(const struct list *head);
void list_push_back(struct list *head, struct list *node);
void list_push_front(struct list *head, struct list *node);
/* Takes the node out of whatever list it is in; harmless when it is in none. */
void list_remove(struct list *node);
/* The first node, or NULL when the list is empty. */
struct list *list_first(const struct list *head);
struct list *list_last(const struct list *head);

#endif
