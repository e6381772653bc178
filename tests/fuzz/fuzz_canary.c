/* fuzz_canary.c — a mistake that must be found.
 *
 * A frame decoder with the oldest mistake of all: it believes a length. scripts/fuzz runs it first
 * and goes on only when the fuzzer has found it, so that "nothing found" elsewhere means something.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t type;
    uint64_t total;
    if (wire_peek(slice_of(data, size), 1024, &type, &total) != WIRE_OK || type != 'Q') {
        return 0;
    }
    uint8_t *body = malloc(size);
    if (body == NULL) {
        return 0;
    }
    memcpy(body, data, size);
    /* The mistake: total was not compared with size. */
    volatile uint8_t last = body[total - 1];
    (void)last;
    free(body);
    return 0;
}
