/* number.c — whole numbers with units. See number.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/number.h"

#include <inttypes.h>
#include <string.h>

#include "base/digits.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first row is the unit of a number without one; the others from large to small. */
static const struct unit time_units[] = {
    {"", 1000000},  {"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
    {"s", 1000000}, {"ms", 1000},       {"us", 1},
};
static const struct unit size_units[] = {
    {"", 1}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1},
};

static const struct {
    unsigned base;
    const struct unit *units; /* NULL: none */
    size_t units_count;
    size_t largest;       /* index of the largest unit that is used for output */
    const char *zero;     /* NULL: as other numbers */
    const char *expected; /* of a text: "... is not EXPECTED" */
} forms[] = {
    [NUMBER_PLAIN] = {.base = 10, .expected = "a whole number"},
    [NUMBER_OCTAL] = {.base = 8, .expected = "an octal number"},
    [NUMBER_DURATION] = {.base = 10,
                         .units = time_units,
                         .units_count = COUNT_OF(time_units),
                         .largest = 4, /* seconds where it can be: 90s says more than 1.5min */
                         .zero = "0s",
                         .expected = "a duration: a whole number and us, ms, s, min, h or d"},
    [NUMBER_SIZE] = {.base = 10,
                     .units = size_units,
                     .units_count = COUNT_OF(size_units),
                     .largest = 1,
                     .expected = "a size: a whole number and B, kB, MB or GB"},
};

/* The text behind the number must be one of the units; blanks before it are allowed. */
static bool
unit_apply(enum number_unit unit, const char *rest, uint64_t *number)
{
    if (forms[unit].units == NULL) {
        return *rest == '\0';
    }
    rest += strspn(rest, " \t");
    for (size_t i = 0; i < forms[unit].units_count; i++) {
        const struct unit *u = &forms[unit].units[i];
        if (strcmp(rest, u->name) == 0 && *number <= UINT64_MAX / u->factor) {
            *number *= u->factor;
            return true;
        }
    }
    return false;
}

static bool
limits_failed(enum number_unit unit, uint64_t min, uint64_t max, const char *text, struct err *err)
{
    struct buf range;
    buf_init(&range);
    number_format(unit, min, &range);
    buf_printf(&range, " to ");
    number_format(unit, max, &range);
    (void)err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is outside the limits %.*s", text,
                  (int)buf_len(&range), (const char *)buf_slice(&range).p);
    buf_fini(&range);
    return false;
}

bool
number_parse(enum number_unit unit, uint64_t min, uint64_t max, const char *text, uint64_t *out,
             struct err *err)
{
    CHECK((size_t)unit < COUNT_OF(forms));
    const char *rest = text;
    uint64_t number = 0;
    if (!digits_take(&rest, forms[unit].base, &number) || !unit_apply(unit, rest, &number)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is not %s", text,
                       forms[unit].expected);
    }
    if (number < min || (max != 0 && number > max)) {
        return limits_failed(unit, min, max, text, err);
    }
    *out = number;
    return true;
}

static void
quantity_format(uint64_t number, const struct unit *units, size_t units_count, struct buf *out)
{
    size_t i = 0;
    while (i + 1 < units_count && (number == 0 || number % units[i].factor != 0)) {
        i++;
    }
    buf_printf(out, "%" PRIu64 "%s", number / units[i].factor, units[i].name);
}

void
number_format(enum number_unit unit, uint64_t number, struct buf *out)
{
    CHECK((size_t)unit < COUNT_OF(forms));
    if (number == 0 && forms[unit].zero != NULL) {
        buf_printf(out, "%s", forms[unit].zero);
    } else if (forms[unit].units != NULL) {
        const size_t first = forms[unit].largest;
        quantity_format(number, forms[unit].units + first, forms[unit].units_count - first, out);
    } else {
        buf_printf(out, unit == NUMBER_OCTAL ? "%04" PRIo64 : "%" PRIu64, number);
    }
}
