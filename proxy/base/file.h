/* file.h — whole files: read within a limit, replace so that a crash leaves the old or the new one.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_FILE_H
#define TEAL_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the file's bytes to out; fails with 58030 when it cannot be read or is longer than
 * len_max. */
MUST_CHECK bool file_read(const char *path, size_t len_max, struct buf *out, struct err *err);
/* Whether something stands at the path. */
bool file_exists(const char *path);
/* Replaces the file durably: temporary file beside it, fsync, rename, fsync of the directory. After
 * success the new bytes survive a power loss; after failure either the old or the new bytes stand
 * there, whole. */
MUST_CHECK bool file_replace(const char *path, struct slice bytes, struct err *err);

#endif
