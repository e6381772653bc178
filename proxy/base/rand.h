/* rand.h — randomness from the kernel, good enough for keys, nonces and salts. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_RAND_H
#define TEAL_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills len bytes; cannot fail (the kernel's generator is seeded before user space starts). */
void rand_bytes(void *out, size_t len);
uint64_t rand_u64(void);

#endif
