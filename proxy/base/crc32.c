/* crc32.c — the checksum of small files. See crc32.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/crc32.h"

#include <stddef.h>

uint32_t
crc32_of(struct slice s)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= s.p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}
