/* tls.h — a connection that speaks TLS: what can be asked of it.
 *
 * It is made by stream_begin_tls from one end's settings (tls_context.h) and used through its
 * stream, which is read and written as any other.
 *
 * Ours: TLS 1.2 and 1.3, no renegotiation, no compression, no early data; sessions are resumed by
 * ticket at the accepting end (PostgreSQL gives none, so there is nothing to resume towards
 * servers); kernel TLS where OpenSSL and the kernel have it. ALPN "postgresql" as PostgreSQL 17 has
 * it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_TLS_H
#define TEAL_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "net/tls_context.h"

struct tls;
struct stream;

/* The longest digest for tls-server-end-point. */
enum { TLS_BINDING_MAX = 64 };

/* "TLSv1.3/TLS_AES_256_GCM_SHA384"; appended. Nothing for a plain stream. */
void tls_describe(const struct stream *s, struct buf *out);
/* Channel binding data of RFC 5929, tls-server-end-point: the digest of the accepting end's
 * certificate, by the digest of its signature (SHA-256 for MD5 and SHA-1). 0 when there is none. */
size_t tls_binding(const struct stream *s, uint8_t out[TLS_BINDING_MAX]);
/* Whether the peer agreed on ALPN "postgresql". */
bool tls_has_alpn(const struct stream *s);
/* The common name of the peer's certificate, which was verified; false when there is no such
 * certificate, or no such name, or it holds a NUL. Appended without a NUL. */
MUST_CHECK bool tls_peer_name(const struct stream *s, struct buf *out);
/* Why the last operation failed, in OpenSSL's words; "" when it did not. */
const char *tls_failure(const struct stream *s);

#endif
