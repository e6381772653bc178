/* tls.h — TLS: what a listener or a pool encrypts with, and what can be asked of a connection.
 *
 * A tls_context is one end's settings, read from its files once: certificate, key, authorities,
 * versions, ciphers. It is immutable and counted, so any thread may use it while it holds a
 * reference, and a reload takes a new one while the connections of the old go on. The bytes are
 * stream.h's affair: a stream that has begun TLS is read and written as any other.
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
#include "base/err.h"

/* As libpq's sslmode. At the accepting end allow and prefer mean the same: who asks gets it. */
enum tls_mode {
    TLS_DISABLE,
    TLS_ALLOW,
    TLS_PREFER,
    TLS_REQUIRE,
    TLS_VERIFY_CA,
    TLS_VERIFY_FULL,
};

/* Texts are borrowed for the call; "" for what is not set. */
struct tls_config {
    enum tls_mode mode;
    const char *cert_file; /* the chain, PEM */
    const char *key_file;  /* PEM, without a passphrase; nobody but its owner may read it */
    const char *ca_file;   /* whom to believe; "" is the system's list */
    const char *protocols; /* "secure", "all", or versions such as "tlsv1.2,tlsv1.3" */
    const char *ciphers;   /* of TLS 1.2, in OpenSSL's words; "" is our own list */
    const char *ciphers13; /* of TLS 1.3; "" is OpenSSL's list */
};

struct tls_context;

/* For those who accept: needs a certificate and its key. A ca_file makes it ask clients for a
 * certificate; with verify-ca and verify-full they must have one that it signed. NULL with err. */
MUST_CHECK struct tls_context *tls_context_accepting(const struct tls_config *config,
                                                     struct err *err);
/* For those who connect. */
MUST_CHECK struct tls_context *tls_context_connecting(const struct tls_config *config,
                                                      struct err *err);
void tls_context_unref(struct tls_context *c); /* NULL is fine */
enum tls_mode tls_context_mode(const struct tls_context *c);
/* The mode with that name; false when there is none. */
MUST_CHECK bool tls_mode_parse(const char *word, enum tls_mode *out);

/* ---- one connection; made by stream_begin_tls, used through its stream ---- */

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
