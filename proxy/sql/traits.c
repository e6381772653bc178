/* traits.c — the names of what can be known of a statement. See traits.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/traits.h"

static const char *const class_names[SQL_CLASS_COUNT] = {SQL_CLASS_VALUES(WORDS_NAME)};

static const struct {
    enum sql_pin pin;
    const char *name;
} pins_known[] = {
    {SQL_PIN_SET, "SET"},
    {SQL_PIN_PREPARE, "PREPARE"},
    {SQL_PIN_LISTEN, "LISTEN"},
    {SQL_PIN_TEMP, "temporary objects"},
    {SQL_PIN_HOLD_CURSOR, "WITH HOLD cursor"},
    {SQL_PIN_ADVISORY_LOCK, "advisory lock"},
    {SQL_PIN_SEQUENCE, "sequence"},
    {SQL_PIN_LOAD, "LOAD"},
    {SQL_PIN_UNKNOWN, "unreadable text"},
    {SQL_PIN_REPLICATION, "a walsender"},
};
_Static_assert(COUNT_OF(pins_known) == SQL_PIN_BITS, "a name for each bit");

const char *sql_class_name(enum sql_class class)
{
    CHECK(class < SQL_CLASS_COUNT);
    return class_names[class];
}

const char *
sql_pin_name(uint32_t pins)
{
    CHECK(pins >> SQL_PIN_BITS == 0);
    for (size_t i = 0; i < COUNT_OF(pins_known); i++) {
        if ((pins & (uint32_t)pins_known[i].pin) != 0) {
            return pins_known[i].name;
        }
    }
    return "";
}
