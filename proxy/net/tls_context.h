/* tls_context.h — the settings of one end of TLS: certificate, key, authorities, versions, ciphers.
 *
 * Read from their files once. A context is immutable and counted, so any thread may use it while it
 * holds a reference, and a reload takes a new one while the connections of the old go on. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_TLS_CONTEXT_H
#define TEAL_NET_TLS_CONTEXT_H

#include <stdbool.h>

#include "base/check.h"
#include "base/err.h"
#include "model/tls_mode.h"

/* Texts are borrowed for the call; "" for what is not set. */
struct tls_config {
    enum tls_mode mode;
    const char *cert_file; /* the chain, PEM */
    const char *key_file;  /* PEM, without a passphrase; nobody but its owner may read it */
    const char *ca_file;   /* the authorities that are trusted; "" is the system's list */
    const char *protocols; /* "secure", "all", or versions such as "tlsv1.2,tlsv1.3" */
    const char *ciphers;   /* of TLS 1.2, in OpenSSL's words; "" is our own list */
    const char *ciphers13; /* of TLS 1.3; "" is OpenSSL's list */
};

struct tls_context;

/* For the accepting end: needs a certificate and its key. A ca_file makes it ask clients for a
 * certificate; with verify-ca and verify-full they must have one that it signed. NULL with err. */
MUST_CHECK struct tls_context *tls_context_accepting(const struct tls_config *config,
                                                     struct err *err);
/* For the connecting end. */
MUST_CHECK struct tls_context *tls_context_connecting(const struct tls_config *config,
                                                      struct err *err);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c); /* NULL is fine */
enum tls_mode tls_context_mode(const struct tls_context *c);

/* ---- for tls.c ---- */

#define TLS_ALPN_PROTOCOL "postgresql"

bool tls_context_is_accepting(const struct tls_context *c);
/* OpenSSL's SSL_CTX; borrowed. */
struct ssl_ctx_st *tls_context_library(const struct tls_context *c);
/* Why the library's last call failed. */
const char *tls_library_reason(void);

#endif
