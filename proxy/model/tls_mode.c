/* tls_mode.c — how much TLS a connection must have. See tls_mode.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/tls_mode.h"

static const char *const names[TLS_MODES_COUNT] = {TLS_MODE_VALUES(WORDS_NAME)};

const char *
tls_mode_name(enum tls_mode mode)
{
    CHECK((unsigned)mode < TLS_MODES_COUNT);
    return names[mode];
}
