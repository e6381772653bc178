/* channel_binding.h — whether a login by SCRAM is tied to the certificate of its connection, as
 * libpq's channel_binding. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_CHANNEL_BINDING_H
#define TEAL_MODEL_CHANNEL_BINDING_H

#include "base/words.h"

#define CHANNEL_BINDING_VALUES(X)                                          \
    X(CHANNEL_BINDING_DISABLE, "disable")                                  \
    X(CHANNEL_BINDING_PREFER, "prefer")   /* where the server offers it */ \
    X(CHANNEL_BINDING_REQUIRE, "require") /* no other login is accepted */

enum channel_binding { CHANNEL_BINDING_VALUES(WORDS_VALUE) };

#endif
