/* crc32.h — the checksum of small files: CRC-32 of IEEE 802.3. It tells a torn or edited file from
 * a whole one, and proves nothing against somebody who computes it as well. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_CRC32_H
#define TEAL_BASE_CRC32_H

#include <stdint.h>

#include "base/slice.h"

/* Bit by bit: for what has some kilobytes and is written when somebody has said something. */
uint32_t crc32_of(struct slice s);

#endif
