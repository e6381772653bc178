/* tls.c — one connection of TLS by OpenSSL. See tls.h, and stream.c, which calls it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/tls_stream.h"

enum { FAILURE_MAX = 160 };

struct tls {
    struct tls_context *context; /* shared (ref) */
    SSL *ssl;                    /* owned */
    bool read_waits_to_write;
    bool write_waits_to_read;
    bool full;   /* the last read filled the buffer given: more may be there */
    bool broken; /* the library must not be called again */
    char failure[FAILURE_MAX];
};

static bool
is_address(const char *host)
{
    uint8_t bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* SNI always, so that a router in front of the server can tell where to; but it knows no addresses
 * (RFC 6066, section 3). */
static bool
expect_host(struct tls *tls, const char *host)
{
    const bool address = is_address(host);
    if (!address) {
        char *name = xstrdup(host); /* the library's macro takes no const */
        const bool set = SSL_set_tlsext_host_name(tls->ssl, name) == 1;
        mem_free(name);
        if (!set) {
            return false;
        }
    }
    if (tls_context_mode(tls->context) < TLS_VERIFY_FULL) {
        return true;
    }
    SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1
                   : SSL_set1_host(tls->ssl, host) == 1;
}

struct tls *
tls_new(struct tls_context *context, int fd, const char *host, struct err *err)
{
    CHECK(tls_context_is_accepting(context) == (host == NULL));
    struct tls *tls = xcalloc(1, sizeof(*tls));
    tls->context = tls_context_ref(context);
    ERR_clear_error();
    tls->ssl = SSL_new(tls_context_library(context));
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1 ||
        (host != NULL && !expect_host(tls, host))) {
        (void)err_set(err, SQLSTATE_OUT_OF_MEMORY, "could not begin TLS: %s", tls_library_reason());
        tls_free(tls);
        return NULL;
    }
    if (tls_context_is_accepting(context)) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
    }
    return tls;
}

void
tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        tls_context_unref(tls->context);
        mem_free(tls);
    }
}

void
tls_goodbye(struct tls *tls)
{
    if (!tls->broken && SSL_is_init_finished(tls->ssl) == 1) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl); /* the peer may be gone already */
        ERR_clear_error();
    }
}

/* The reason of a certificate that was not believed says more than the library's own. */
static void
note_failure(struct tls *tls)
{
    const long verdict = SSL_get_verify_result(tls->ssl);
    (void)snprintf(tls->failure, sizeof(tls->failure), "%s",
                   verdict == X509_V_OK ? tls_library_reason()
                                        : X509_verify_cert_error_string(verdict));
    tls->broken = true;
}

/* What an operation that brought nothing means. */
static enum stream_status
status_of(struct tls *tls, int rc, bool *waits_for_other, bool reads)
{
    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        *waits_for_other = !reads;
        return STREAM_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *waits_for_other = reads;
        return STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_CLOSED;
    default:
        note_failure(tls);
        ERR_clear_error();
        return STREAM_CLOSED;
    }
}

/* As much as is there: a record holds 16 kB at most. */
enum stream_status
tls_recv(struct tls *tls, void *out, size_t len, size_t *n)
{
    *n = 0;
    tls->read_waits_to_write = tls->full = false;
    if (tls->broken) {
        return STREAM_CLOSED;
    }
    while (*n < len) {
        size_t got = 0;
        ERR_clear_error();
        const int rc = SSL_read_ex(tls->ssl, (uint8_t *)out + *n, len - *n, &got);
        if (rc != 1) {
            const enum stream_status status = status_of(tls, rc, &tls->read_waits_to_write, true);
            return *n > 0 ? STREAM_OK : status; /* an end is met again by the next read */
        }
        *n += got;
        if (SSL_has_pending(tls->ssl) == 0) {
            return STREAM_OK;
        }
    }
    tls->full = true;
    return STREAM_OK;
}

enum stream_status
tls_send(struct tls *tls, const void *bytes, size_t len, size_t *n)
{
    *n = 0;
    tls->write_waits_to_read = false;
    if (tls->broken) {
        return STREAM_CLOSED;
    }
    while (*n < len) {
        size_t sent = 0;
        ERR_clear_error();
        const int rc = SSL_write_ex(tls->ssl, (const uint8_t *)bytes + *n, len - *n, &sent);
        if (rc != 1) {
            const enum stream_status status = status_of(tls, rc, &tls->write_waits_to_read, false);
            return *n > 0 && status == STREAM_AGAIN ? STREAM_OK : status;
        }
        *n += sent;
    }
    return STREAM_OK;
}

unsigned
tls_interest(const struct tls *tls, unsigned interest)
{
    unsigned watched = 0;
    if ((interest & WATCH_READ) != 0) {
        watched |= tls->read_waits_to_write ? WATCH_WRITE | WATCH_READ : WATCH_READ;
    }
    if ((interest & WATCH_WRITE) != 0) {
        watched |= tls->write_waits_to_read ? WATCH_READ : WATCH_WRITE;
    }
    return watched;
}

unsigned
tls_ready(const struct tls *tls, unsigned interest, unsigned ready)
{
    unsigned told = ready;
    if (tls->read_waits_to_write && (ready & WATCH_WRITE) != 0) {
        told |= WATCH_READ;
    }
    if (tls->write_waits_to_read && (ready & WATCH_READ) != 0) {
        told |= WATCH_WRITE;
    }
    return told & interest;
}

bool
tls_pending(const struct tls *tls)
{
    return !tls->broken && tls->full && SSL_has_pending(tls->ssl) == 1;
}

/* ---- what can be asked ---- */

void
tls_describe(const struct stream *s, struct buf *out)
{
    if (s->tls != NULL && SSL_is_init_finished(s->tls->ssl) == 1) {
        buf_printf(out, "%s/%s", SSL_get_version(s->tls->ssl), SSL_get_cipher_name(s->tls->ssl));
    }
}

bool
tls_has_alpn(const struct stream *s)
{
    const unsigned char *chosen = NULL;
    unsigned len = 0;
    if (s->tls != NULL) {
        SSL_get0_alpn_selected(s->tls->ssl, &chosen, &len);
    }
    return slice_equal_str(slice_of(chosen, len), TLS_ALPN_PROTOCOL);
}

const char *
tls_failure(const struct stream *s)
{
    return s->tls == NULL ? "" : s->tls->failure;
}

size_t
tls_binding(const struct stream *s, uint8_t out[TLS_BINDING_MAX])
{
    if (s->tls == NULL) {
        return 0;
    }
    X509 *cert = tls_context_is_accepting(s->tls->context) ? SSL_get_certificate(s->tls->ssl)
                                                           : SSL_get0_peer_certificate(s->tls->ssl);
    int digest_nid = NID_undef;
    unsigned len = 0;
    if (cert == NULL || X509_get_signature_info(cert, &digest_nid, NULL, NULL, NULL) != 1) {
        return 0; /* as for Ed25519, whose signature has no digest of its own: RFC 5929 is silent */
    }
    if (digest_nid == NID_md5 || digest_nid == NID_sha1) {
        digest_nid = NID_sha256;
    }
    const EVP_MD *digest = EVP_get_digestbynid(digest_nid);
    if (digest == NULL || EVP_MD_get_size(digest) > TLS_BINDING_MAX ||
        X509_digest(cert, digest, out, &len) != 1) {
        ERR_clear_error();
        return 0;
    }
    return len;
}

bool
tls_peer_name(const struct stream *s, struct buf *out)
{
    X509 *cert = s->tls == NULL ? NULL : SSL_get0_peer_certificate(s->tls->ssl);
    if (cert == NULL || SSL_get_verify_result(s->tls->ssl) != X509_V_OK) {
        return false;
    }
    const X509_NAME *subject = X509_get_subject_name(cert);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) {
        return false;
    }
    unsigned char *text = NULL;
    const int len =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    /* A NUL within would make two names of one. */
    const bool ok = len > 0 && memchr(text, 0, (size_t)len) == NULL;
    if (ok) {
        buf_put(out, text, (size_t)len);
    }
    OPENSSL_free(text);
    return ok;
}
