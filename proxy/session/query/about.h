/* about.h — what a request in a backend's flow is about: the `about` of its tag. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_ABOUT_H
#define TEAL_SESSION_QUERY_ABOUT_H

#include "wire/flow.h"

enum about {
    ABOUT_NOTHING,
    ABOUT_STATEMENT, /* id: the statement that it prepares or uses, by the name made of its id */
    ABOUT_UNNAMED,   /* id: the statement that it prepares unnamed */
    ABOUT_OPAQUE,    /* id: a statement that only this backend has */
    ABOUT_NAME,      /* sent to fail, with the server's words about prepared.refused_name */
    ABOUT_REFUSAL, /* sent to fail, in its place in order; id: enum refusal, which has the words */
};

#define TAG(about, changes, id) ((struct flow_tag){(about), (changes), (id)})

#endif
