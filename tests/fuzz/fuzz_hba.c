/* fuzz_hba.c — any bytes as a file of rows and as a file of user name maps.
 *
 * What is taken decides without a fault for clients of every kind; what is not says why. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>

#include "auth/hba.h"
#include "auth/ident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct hba *h)
{
    static const char *const addresses[] = {NULL,  "127.0.0.1",   "10.1.2.3",
                                            "::1", "2001:db8::1", ""};
    for (size_t i = 0; i < COUNT_OF(addresses) * 4; i++) {
        const char *address = addresses[i / 4];
        const struct hba_question q = {.local = address == NULL,
                                       .tls = i % 2 == 0,
                                       .physical = i % 4 < 2,
                                       .address = address,
                                       .user = "app",
                                       .database = "app"};
        const struct hba_row *row = hba_find(h, &q);
        CHECK(row == NULL || (row->method <= AUTH_TYPE_REJECT && row->line > 0));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf mistakes;
    buf_init(&mistakes);
    struct hba *h = hba_load_slice(slice_of(data, size), "hba", &mistakes);
    CHECK((h == NULL) == (buf_len(&mistakes) > 0));
    if (h != NULL) {
        ask(h);
    }
    hba_free(h);
    buf_clear(&mistakes);
    struct ident *i = ident_load_slice(slice_of(data, size), "ident", &mistakes);
    CHECK((i == NULL) == (buf_len(&mistakes) > 0));
    (void)ident_allows(i, "m", "root", "app");
    ident_free(i);
    buf_fini(&mistakes);
    return 0;
}
