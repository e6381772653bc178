/* tls.c — TLS by OpenSSL. See tls.h, and stream.c for who calls. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/tls_internal.h"

enum { FAILURE_MAX = 160 };

/* Forward secrecy and authenticated encryption only; what PostgreSQL's clients of the last ten
 * years have. */
static const char default_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL:!MD5:!kRSA:!PSK:!SRP";

static const uint8_t alpn_protocols[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

struct tls_context {
    atomic_uint refs;
    enum tls_mode mode;
    bool accepting;
    SSL_CTX *ssl; /* owned */
};

struct tls {
    struct tls_context *context; /* shared (ref) */
    SSL *ssl;                    /* owned */
    bool read_waits_to_write;
    bool write_waits_to_read;
    bool full;   /* the last read filled the buffer given: more may be there */
    bool broken; /* the library must not be called again */
    char failure[FAILURE_MAX];
};

/* ---- errors ---- */

static const char *
library_reason(void)
{
    const unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    if (reason != NULL) {
        return reason;
    }
    return ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : "unknown error";
}

static bool
file_failed(struct err *err, const char *what, const char *path)
{
    return err_set(err, SQLSTATE_CONFIG_FILE, "could not load %s \"%s\": %s", what, path,
                   library_reason());
}

/* ---- contexts ---- */

static const char *const mode_names[] = {
    [TLS_DISABLE] = "disable", [TLS_ALLOW] = "allow",         [TLS_PREFER] = "prefer",
    [TLS_REQUIRE] = "require", [TLS_VERIFY_CA] = "verify-ca", [TLS_VERIFY_FULL] = "verify-full",
};

bool
tls_mode_parse(const char *word, enum tls_mode *out)
{
    for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
        if (strcmp(word, mode_names[i]) == 0) {
            *out = (enum tls_mode)i;
            return true;
        }
    }
    return false;
}

/* PostgreSQL's rule: the owner's alone, or root's with nothing more than reading for its group. */
static bool
key_is_private(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) == -1) {
        return err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not read private key \"%s\"", path);
    }
    const mode_t others =
        st.st_uid == 0 && geteuid() != 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if (!S_ISREG(st.st_mode) || (st.st_mode & others) != 0) {
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "private key \"%s\" must be a file that nobody but its owner may read", path);
        return err_hint(err, "chmod 600 FILE");
    }
    return true;
}

static bool
load_certificate(struct tls_context *c, const struct tls_config *config, struct err *err)
{
    if (config->cert_file[0] == '\0' && config->key_file[0] == '\0') {
        return true;
    }
    if (config->cert_file[0] == '\0' || config->key_file[0] == '\0') {
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "a certificate needs its key and the reverse: only one of both is set");
    }
    if (SSL_CTX_use_certificate_chain_file(c->ssl, config->cert_file) != 1) {
        return file_failed(err, "certificate", config->cert_file);
    }
    if (!key_is_private(config->key_file, err)) {
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(c->ssl, config->key_file, SSL_FILETYPE_PEM) != 1) {
        return file_failed(err, "private key", config->key_file);
    }
    return SSL_CTX_check_private_key(c->ssl) == 1 ||
           err_set(err, SQLSTATE_CONFIG_FILE,
                   "private key \"%s\" is not that of certificate \"%s\"", config->key_file,
                   config->cert_file);
}

static bool
load_authorities(struct tls_context *c, const struct tls_config *config, struct err *err)
{
    if (config->ca_file[0] == '\0') {
        return config->mode < TLS_VERIFY_CA || SSL_CTX_set_default_verify_paths(c->ssl) == 1 ||
               file_failed(err, "the certificates of", "the system");
    }
    if (SSL_CTX_load_verify_locations(c->ssl, config->ca_file, NULL) != 1) {
        return file_failed(err, "certificate authorities", config->ca_file);
    }
    if (c->accepting) {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(config->ca_file);
        if (names == NULL) {
            return file_failed(err, "certificate authorities", config->ca_file);
        }
        SSL_CTX_set_client_CA_list(c->ssl, names); /* it owns them */
    }
    return true;
}

static bool
protocols_parse(const char *text, bool *tls12, bool *tls13)
{
    static const struct {
        const char *word;
        bool tls12, tls13;
    } words[] = {{"secure", true, true},
                 {"all", true, true},
                 {"default", true, true},
                 {"tlsv1.2", true, false},
                 {"tlsv1.3", false, true}};
    *tls12 = *tls13 = text[0] == '\0';
    while (*text != '\0') {
        const size_t len = strcspn(text, ",: ");
        bool known = len == 0;
        for (size_t i = 0; i < COUNT_OF(words) && len > 0; i++) {
            if (strlen(words[i].word) == len && strncasecmp(words[i].word, text, len) == 0) {
                *tls12 = *tls12 || words[i].tls12;
                *tls13 = *tls13 || words[i].tls13;
                known = true;
            }
        }
        if (!known) {
            return false;
        }
        text += len + (text[len] != '\0' ? 1 : 0);
    }
    return *tls12 || *tls13;
}

static bool
set_protocols(struct tls_context *c, const struct tls_config *config, struct err *err)
{
    bool tls12;
    bool tls13;
    if (!protocols_parse(config->protocols, &tls12, &tls13)) {
        (void)err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" is no list of TLS versions",
                      config->protocols);
        return err_hint(err, "secure, or tlsv1.2 and tlsv1.3 with a comma between.");
    }
    const char *ciphers = config->ciphers[0] == '\0' ? default_ciphers : config->ciphers;
    if (SSL_CTX_set_min_proto_version(c->ssl, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(c->ssl, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "the TLS library does not have the versions: %s",
                       library_reason());
    }
    if (SSL_CTX_set_cipher_list(c->ssl, ciphers) != 1) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" is no list of TLS ciphers", ciphers);
    }
    return config->ciphers13[0] == '\0' ||
           SSL_CTX_set_ciphersuites(c->ssl, config->ciphers13) == 1 ||
           err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" is no list of TLS 1.3 ciphers",
                   config->ciphers13);
}

/* A client that speaks ALPN must mean us; one that does not is as good as any before 17. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
        unsigned in_len, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, alpn_protocols, sizeof(alpn_protocols), in,
                              in_len) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void
set_options(struct tls_context *c)
{
    (void)SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                          SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_KTLS |
                                          SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    /* Otherwise each record costs one system call for its header and one for its body. */
    SSL_CTX_set_read_ahead(c->ssl, 1);
}

static bool
context_fill(struct tls_context *c, const struct tls_config *config, struct err *err)
{
    set_options(c);
    return set_protocols(c, config, err) && load_certificate(c, config, err) &&
           load_authorities(c, config, err);
}

static struct tls_context *
context_new(const struct tls_config *config, bool accepting, struct err *err)
{
    CHECK(config->mode != TLS_DISABLE);
    struct tls_context *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    c->mode = config->mode;
    c->accepting = accepting;
    ERR_clear_error();
    c->ssl = SSL_CTX_new(accepting ? TLS_server_method() : TLS_client_method());
    const bool ok = c->ssl == NULL
                        ? err_set(err, SQLSTATE_CONFIG_FILE, "no TLS: %s", library_reason())
                        : context_fill(c, config, err);
    ERR_clear_error();
    if (!ok) {
        tls_context_unref(c);
        return NULL;
    }
    return c;
}

struct tls_context *
tls_context_accepting(const struct tls_config *config, struct err *err)
{
    static const unsigned char id[] = "teal";
    if (config->cert_file[0] == '\0') {
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "client_tls_sslmode needs client_tls_cert_file and client_tls_key_file");
        return NULL;
    }
    if (config->mode >= TLS_VERIFY_CA && config->ca_file[0] == '\0') {
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "clients cannot be verified without client_tls_ca_file");
        return NULL;
    }
    struct tls_context *c = context_new(config, true, err);
    if (c == NULL) {
        return NULL;
    }
    SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, NULL);
    (void)SSL_CTX_set_session_id_context(c->ssl, id, sizeof(id) - 1); /* fails only when too long */
    (void)SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF); /* tickets hold it all */
    if (config->ca_file[0] != '\0') {
        SSL_CTX_set_verify(
            c->ssl,
            SSL_VERIFY_PEER | (config->mode >= TLS_VERIFY_CA ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            NULL);
    }
    return c;
}

struct tls_context *
tls_context_connecting(const struct tls_config *config, struct err *err)
{
    struct tls_context *c = context_new(config, false, err);
    if (c == NULL) {
        return NULL;
    }
    /* As in the list of protocols of a client; 0 is success here. */
    (void)SSL_CTX_set_alpn_protos(c->ssl, alpn_protocols, sizeof(alpn_protocols));
    SSL_CTX_set_verify(c->ssl, config->mode >= TLS_VERIFY_CA ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       NULL);
    return c;
}

static struct tls_context *
tls_context_ref(struct tls_context *c)
{
    CHECK(atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed) > 0);
    return c;
}

void
tls_context_unref(struct tls_context *c)
{
    if (c == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1) {
        SSL_CTX_free(c->ssl);
        mem_free(c);
    }
}

enum tls_mode
tls_context_mode(const struct tls_context *c)
{
    return c->mode;
}

/* ---- one connection ---- */

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
    if (tls->context->mode < TLS_VERIFY_FULL) {
        return true;
    }
    SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1
                   : SSL_set1_host(tls->ssl, host) == 1;
}

struct tls *
tls_new(struct tls_context *context, int fd, const char *host, struct err *err)
{
    CHECK(context->accepting == (host == NULL));
    struct tls *tls = xcalloc(1, sizeof(*tls));
    tls->context = tls_context_ref(context);
    ERR_clear_error();
    tls->ssl = SSL_new(context->ssl);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1 ||
        (host != NULL && !expect_host(tls, host))) {
        (void)err_set(err, SQLSTATE_OUT_OF_MEMORY, "could not begin TLS: %s", library_reason());
        tls_free(tls);
        return NULL;
    }
    if (context->accepting) {
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
        (void)SSL_shutdown(tls->ssl); /* whether the peer hears it is its own affair */
        ERR_clear_error();
    }
}

/* The reason of a certificate that was not believed says more than the library's own. */
static void
note_failure(struct tls *tls)
{
    const long verdict = SSL_get_verify_result(tls->ssl);
    (void)snprintf(tls->failure, sizeof(tls->failure), "%s",
                   verdict == X509_V_OK ? library_reason()
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
    return len == alpn_protocols[0] && memcmp(chosen, alpn_protocols + 1, len) == 0;
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
    X509 *cert = s->tls->context->accepting ? SSL_get_certificate(s->tls->ssl)
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
