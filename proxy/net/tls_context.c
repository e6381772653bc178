/* tls_context.c — the settings of one end of TLS, as OpenSSL takes them. See tls_context.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Forward secrecy and authenticated encryption only; what PostgreSQL's clients of the last ten
 * years have. */
static const char default_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL:!MD5:!kRSA:!PSK:!SRP";

/* A list of one, in the form of RFC 7301: the length ahead of the name. */
static const uint8_t alpn_protocols[] = "\xa" TLS_ALPN_PROTOCOL;
enum { ALPN_PROTOCOLS_LEN = sizeof(TLS_ALPN_PROTOCOL) };
_Static_assert((int)ALPN_PROTOCOLS_LEN == 1 + 10, "the length stands in the list");

struct tls_context {
    atomic_uint refs;
    enum tls_mode mode;
    bool accepting;
    SSL_CTX *ssl; /* owned */
};

const char *
tls_library_reason(void)
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
                   tls_library_reason());
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
                       tls_library_reason());
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
    if (SSL_select_next_proto(&chosen, out_len, alpn_protocols, ALPN_PROTOCOLS_LEN, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
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
                        ? err_set(err, SQLSTATE_CONFIG_FILE, "no TLS: %s", tls_library_reason())
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
    (void)SSL_CTX_set_alpn_protos(c->ssl, alpn_protocols, ALPN_PROTOCOLS_LEN);
    SSL_CTX_set_verify(c->ssl, config->mode >= TLS_VERIFY_CA ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       NULL);
    return c;
}

struct tls_context *
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

bool
tls_context_is_accepting(const struct tls_context *c)
{
    return c->accepting;
}

struct ssl_ctx_st *
tls_context_library(const struct tls_context *c)
{
    return c->ssl;
}
