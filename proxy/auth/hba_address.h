/* hba_address.h — the networks of an hba file: an address and how many of its bits count. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_HBA_ADDRESS_H
#define TEAL_AUTH_HBA_ADDRESS_H

#include <stdint.h>

#include "auth/hba_file.h"

struct hba_address {
    bool any;
    int family;
    uint8_t bytes[16];
    unsigned bits; /* that count, from the front */
};

/* A numeric address, IPv4 or IPv6, without a mask. */
MUST_CHECK bool hba_address_parse(const char *text, struct hba_address *out);
/* The columns of a line from *at on: one, or two with a mask; *at is left behind them. False with a
 * mistake. */
MUST_CHECK bool hba_address_take(struct hba_reading *l, const struct hba_line *line, size_t *at,
                                 struct hba_address *out);
bool hba_address_fits(const struct hba_address *a, const struct hba_address *client);

#endif
