/* md5.c — PostgreSQL's md5 password answer. See md5.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/md5.h"

#include <string.h>

#include "auth/digest.h"
#include "base/mem.h"

static const char prefix[] = "md5";
enum { PREFIX_LEN = sizeof(prefix) - 1 };
_Static_assert(PREFIX_LEN + MD5_HEX_LEN == MD5_SECRET_LEN, "the prefix and the digest");

bool
md5_secret_is(const char *text)
{
    if (strlen(text) != MD5_SECRET_LEN || strncmp(text, prefix, PREFIX_LEN) != 0) {
        return false;
    }
    return strspn(text + PREFIX_LEN, "0123456789abcdef") == MD5_HEX_LEN;
}

/* "md5" + hex(md5(a + b)) */
static bool
secret_of(struct slice a, struct slice b, char out[MD5_SECRET_SIZE], struct err *err)
{
    const size_t len = a.len + b.len;
    uint8_t *joined = xcalloc(1, len + 1);
    memcpy(joined, a.p, a.len);
    memcpy(joined + a.len, b.p, b.len);
    memcpy(out, prefix, PREFIX_LEN);
    const bool ok = digest_md5_hex(slice_of(joined, len), out + PREFIX_LEN);
    out[MD5_SECRET_LEN] = '\0';
    mem_wipe_free(joined, len);
    if (ok) {
        return true;
    }
    out[0] = '\0';
    (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "the server asks for an md5 password, but md5 is switched off on this machine");
    return err_hint(err, "Set the role's password anew with password_encryption = "
                         "'scram-sha-256'.");
}

bool
md5_secret_make(const char *user, const char *password, char out[MD5_SECRET_SIZE], struct err *err)
{
    return secret_of(slice_of_str(password), slice_of_str(user), out, err);
}

bool
md5_answer(const char *user, const char *secret, const uint8_t salt[MD5_SALT_LEN],
           char out[MD5_SECRET_SIZE], struct err *err)
{
    char stored[MD5_SECRET_SIZE];
    if (md5_secret_is(secret)) {
        memcpy(stored, secret, MD5_SECRET_SIZE);
    } else if (!md5_secret_make(user, secret, stored, err)) {
        return false;
    }
    const bool ok = secret_of(slice_of(stored + PREFIX_LEN, MD5_HEX_LEN),
                              slice_of(salt, MD5_SALT_LEN), out, err);
    explicit_bzero(stored, sizeof(stored));
    return ok;
}
