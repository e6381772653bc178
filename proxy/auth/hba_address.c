/* hba_address.c — the networks of an hba file. See hba_address.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/hba_address.h"

#include <arpa/inet.h>
#include <string.h>

bool
hba_address_parse(const char *text, struct hba_address *out)
{
    out->family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
    return inet_pton(out->family, text, out->bytes) == 1;
}

static unsigned
bits_max(const struct hba_address *a)
{
    return a->family == AF_INET ? 32 : 128;
}

/* 255.255.0.0 is 16; -1 for a mask with a hole. */
static int
bits_of_mask(const struct hba_address *mask)
{
    unsigned bits = 0;
    bool ended = false;
    for (unsigned i = 0; i < bits_max(mask); i++) {
        const bool set = (mask->bytes[i / 8] >> (7 - i % 8) & 1) != 0;
        if (set && ended) {
            return -1;
        }
        ended = ended || !set;
        bits += set ? 1 : 0;
    }
    return (int)bits;
}

static bool
parse_bits(const char *text, unsigned max, unsigned *out)
{
    const size_t len = strspn(text, "0123456789");
    *out = 0;
    if (len == 0 || len > 3 || text[len] != '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        *out = *out * 10 + (unsigned)(*text - '0');
    }
    return *out <= max;
}

static bool
parse_cidr(struct hba_reading *l, const char *text, struct hba_address *out)
{
    char host[64];
    const char *slash = strchr(text, '/');
    const size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (len >= sizeof(host)) {
        return hba_mistake(l, "\"%.60s\" is no address", text);
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (!hba_address_parse(host, out)) {
        return hba_mistake(l, "\"%.60s\" is no numeric address; host names are not looked up",
                           text);
    }
    out->bits = bits_max(out);
    return slash == NULL || parse_bits(slash + 1, bits_max(out), &out->bits) ||
           hba_mistake(l, "\"%.60s\" has no valid number of bits", text);
}

bool
hba_address_take(struct hba_reading *l, const struct hba_line *line, size_t *at,
                 struct hba_address *out)
{
    if (*at >= line->count) {
        return hba_mistake(l, "the address is missing");
    }
    const char *text = hba_single(l, &line->fields[*at], "an address");
    if (text == NULL) {
        return false;
    }
    (*at)++;
    if (strcmp(text, "all") == 0) {
        out->any = true;
        return true;
    }
    if (strcmp(text, "samehost") == 0 || strcmp(text, "samenet") == 0) {
        return hba_mistake(l, "%s is not supported: write the network", text);
    }
    if (!parse_cidr(l, text, out)) {
        return false;
    }
    if (strchr(text, '/') != NULL) {
        return true;
    }
    struct hba_address mask;
    const char *second = *at < line->count ? hba_single(l, &line->fields[*at], "a mask") : NULL;
    const int bits =
        second != NULL && hba_address_parse(second, &mask) && mask.family == out->family
            ? bits_of_mask(&mask)
            : -1;
    if (bits < 0) {
        return hba_mistake(l, "address \"%.60s\" needs a mask, as /24 or in a column of its own",
                           text);
    }
    out->bits = (unsigned)bits;
    (*at)++;
    return true;
}

bool
hba_address_fits(const struct hba_address *a, const struct hba_address *client)
{
    if (a->any) {
        return true;
    }
    if (a->family != client->family) {
        return false;
    }
    CHECK(a->bits <= bits_max(a));
    for (unsigned i = 0; i < a->bits; i++) {
        if (((a->bytes[i / 8] ^ client->bytes[i / 8]) >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}
