/*
 * Is this the server that was meant?
 *
 * By its pin, if there is one; else by a chain to a trusted CA and the name in the certificate.
 * A refusal must tell a person what to do, so each way to fail has its own sentence, with the pin
 * that would be needed: who has got that by another way can compare.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "daemon/log.h"
#include "daemon/tls-check.h"

enum {
        MAX_NAMES = 5, /* of a certificate in a sentence */
        NAME_SIZE = 128,
        SHA256_SIZE = 32,
};

typedef struct Pin {
        char hex[2 * SHA256_SIZE + 1];
        char base64[4 * ((SHA256_SIZE + 2) / 3) + 1];
} Pin;

static void names_freep(GENERAL_NAMES **names) {
        GENERAL_NAMES_free(*names);
}

static void store_freep(X509_STORE **store) {
        X509_STORE_free(*store);
}

__attribute__((format(printf, 2, 3))) static bool refuse(TlsReason *reason, const char *format,
                                                         ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(reason->text, sizeof(reason->text), format, args);
        va_end(args);
        return false;
}

/* SHA-256 of the SubjectPublicKeyInfo (RFC 7469 section 2.4), as people write it. */
static int pin_of(X509 *certificate, Pin *ret_pin) {
        unsigned char digest[EVP_MAX_MD_SIZE], *key = NULL;
        unsigned n_digest = 0;
        Pin pin;
        int n, ok;

        n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
        if (n < 0)
                return -EINVAL;
        ok = EVP_Digest(key, (size_t) n, digest, &n_digest, EVP_sha256(), NULL);
        OPENSSL_free(key);
        if (!ok || n_digest != SHA256_SIZE)
                return -EINVAL;

        for (size_t i = 0; i < SHA256_SIZE; i++)
                snprintf(pin.hex + 2 * i, 3, "%02x", digest[i]);
        (void) EVP_EncodeBlock((unsigned char *) pin.base64, digest, SHA256_SIZE);
        *ret_pin = pin;
        return 0;
}

/* Either spelling; base64 with or without its padding. */
static bool pin_matches(const Pin *pin, const char *text) {
        static const char prefix[] = "sha256:";
        size_t n_base64 = strcspn(pin->base64, "=");

        if (strncmp(text, prefix, strlen(prefix)) != 0)
                return false;
        text += strlen(prefix);

        if (strcasecmp(text, pin->hex) == 0 || strcmp(text, pin->base64) == 0)
                return true;
        return strlen(text) == n_base64 && strncmp(text, pin->base64, n_base64) == 0;
}

static bool check_pins(X509_STORE_CTX *chain, const Endpoint *endpoint, TlsReason *reason) {
        X509 *leaf = X509_STORE_CTX_get0_cert(chain);
        Pin pin;

        if (!leaf || pin_of(leaf, &pin) < 0)
                return refuse(reason, "the certificate of %s has no usable public key",
                              endpoint->host);

        for (char **one = endpoint->tls_pins; *one; one++)
                if (pin_matches(&pin, *one)) {
                        X509_STORE_CTX_set_error(chain, X509_V_OK);
                        return true;
                }

        X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
        return refuse(reason, "the public key of %s is sha256:%s, which is none of its tls-pin",
                      endpoint->host, pin.base64);
}

static void date_of(const ASN1_TIME *time, char *date, size_t size) {
        struct tm tm = {};

        if (!ASN1_TIME_to_tm(time, &tm) || strftime(date, size, "%Y-%m-%d", &tm) == 0)
                snprintf(date, size, "an unknown date");
}

/* A name to call somebody by: the common name, else the organisation. */
static char *call_name(const X509_NAME *name, char *buffer, size_t size) {
        static const int nids[] = {NID_commonName, NID_organizationName};
        char text[NAME_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(nids); i++) {
                int n = X509_NAME_get_text_by_NID((X509_NAME *) name, nids[i], text, sizeof(text));

                if (n > 0)
                        return log_escape(text, (size_t) n, buffer, size);
        }

        snprintf(buffer, size, "nobody");
        return buffer;
}

/* One subjectAltName that a host can be compared with; false for mail addresses and the like. */
static bool alt_name(const GENERAL_NAME *name, char *buffer, size_t size) {
        const ASN1_STRING *string = GENERAL_NAME_get0_value(name, NULL);
        const unsigned char *data;
        int n;

        if (name->type != GEN_DNS && name->type != GEN_IPADD)
                return false;

        data = ASN1_STRING_get0_data(string);
        n = ASN1_STRING_length(string);
        if (name->type == GEN_IPADD)
                return (n == 4 || n == 16) &&
                       inet_ntop(n == 4 ? AF_INET : AF_INET6, data, buffer, (socklen_t) size);

        log_escape((const char *) data, (size_t) n, buffer, size);
        return true;
}

/* Whom a certificate is for: "mail.example.org, *.example.net". */
static void names_of(X509 *certificate, char *buffer, size_t size) {
        _cleanup_(names_freep) GENERAL_NAMES *names =
                X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        int n_names = names ? sk_GENERAL_NAME_num(names) : 0;
        size_t written = 0, n_shown = 0;
        char one[NAME_SIZE];

        for (int i = 0; i < n_names && written < size; i++) {
                if (!alt_name(sk_GENERAL_NAME_value(names, i), one, sizeof(one)))
                        continue;
                if (n_shown == MAX_NAMES) {
                        snprintf(buffer + written, size - written, ", ...");
                        return;
                }
                written += (size_t) snprintf(buffer + written, size - written, "%s%s",
                                             n_shown > 0 ? ", " : "", one);
                n_shown++;
        }

        if (n_shown == 0)
                call_name(X509_get_subject_name(certificate), buffer, size);
}

/* "the certificate of imap.example.org", or of one of its issuers. */
static void whose(X509_STORE_CTX *chain, const Endpoint *endpoint, char *buffer, size_t size) {
        X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
        char name[NAME_SIZE];

        if (!certificate || X509_STORE_CTX_get_error_depth(chain) == 0)
                snprintf(buffer, size, "the certificate of %s", endpoint->host);
        else
                snprintf(buffer, size, "the certificate of %s, an issuer of that of %s,",
                         call_name(X509_get_subject_name(certificate), name, sizeof(name)),
                         endpoint->host);
}

static bool refuse_issuer(const char *subject, X509 *leaf, X509_STORE_CTX *chain, int error,
                          const Endpoint *endpoint, TlsReason *reason) {
        X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
        char issuer[NAME_SIZE] = "nobody";
        Pin pin;

        if (pin_of(leaf, &pin) < 0)
                return refuse(reason, "%s has no usable public key", subject);

        if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
                return refuse(reason,
                              "%s is self-signed: if you trust it, set ca-file to that "
                              "certificate, or tls-pin = sha256:%s",
                              subject, pin.base64);

        if (certificate)
                call_name(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
        return refuse(reason,
                      "the certificate of %s comes from “%s”, whom %s does not trust: if you do, "
                      "set ca-file to the certificate of that issuer, or tls-pin = sha256:%s",
                      endpoint->host, issuer, endpoint->ca_file ? "its ca-file" : "this system",
                      pin.base64);
}

static bool refuse_chain(X509_STORE_CTX *chain, const Endpoint *endpoint, TlsReason *reason) {
        X509 *leaf = X509_STORE_CTX_get0_cert(chain);
        X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
        int error = X509_STORE_CTX_get_error(chain);
        char subject[2 * NAME_SIZE + 64], date[32], names[MAX_NAMES * NAME_SIZE];

        whose(chain, endpoint, subject, sizeof(subject));
        if (!certificate)
                certificate = leaf;

        switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
                date_of(X509_get0_notAfter(certificate), date, sizeof(date));
                return refuse(reason, "%s expired on %s", subject, date);
        case X509_V_ERR_CERT_NOT_YET_VALID:
                date_of(X509_get0_notBefore(certificate), date, sizeof(date));
                return refuse(reason, "%s is not valid before %s: is the clock here right?",
                              subject, date);
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
                names_of(leaf, names, sizeof(names));
                return refuse(reason, "the certificate of %s is for %s", endpoint->host, names);
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
                return refuse_issuer(subject, leaf, chain, error, endpoint, reason);
        default: /* OpenSSL has some eighty of them, and words for each */
                return refuse(reason, "%s is not valid: %s", subject,
                              X509_verify_cert_error_string(error));
        }
}

bool tls_check_chain(X509_STORE_CTX *chain, const Endpoint *endpoint, TlsReason *reason) {
        if (endpoint->tls_pins && endpoint->tls_pins[0])
                return check_pins(chain, endpoint, reason);

        if (X509_verify_cert(chain) > 0)
                return true;

        return refuse_chain(chain, endpoint, reason);
}

/* The ca-file is read for each connection, so that a new one counts without a reload. */
static int trust_ca_file(SSL *ssl, const char *path, TlsReason *reason) {
        _cleanup_(store_freep) X509_STORE *store = NULL;

        if (access(path, R_OK) < 0) {
                refuse(reason, "ca-file %s cannot be read: %s", path, strerror(errno));
                return -EINVAL;
        }

        store = X509_STORE_new();
        if (!store)
                return -ENOMEM;
        if (X509_STORE_load_file(store, path) != 1) {
                refuse(reason, "ca-file %s holds no certificate in PEM form", path);
                return -EINVAL;
        }
        /* Also a certificate that is no CA may be trusted for itself. */
        (void) X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);

        return SSL_set1_verify_cert_store(ssl, store) == 1 ? 0 : -ENOMEM;
}

static bool is_address(const char *host) {
        struct in6_addr address;

        return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

int tls_check_prepare(SSL *ssl, const Endpoint *endpoint, TlsReason *reason) {
        X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
        size_t n_host = strlen(endpoint->host);
        char host[256];
        int ok;

        /* The dot of an absolute name is not part of it in TLS (RFC 6066 section 3). */
        if (n_host > 0 && endpoint->host[n_host - 1] == '.')
                n_host--;
        if (n_host == 0 || n_host >= sizeof(host)) {
                refuse(reason, "the host's name is empty or too long");
                return -EINVAL;
        }
        memcpy(host, endpoint->host, n_host);
        host[n_host] = '\0';

        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (is_address(host))
                ok = X509_VERIFY_PARAM_set1_ip_asc(param, host);
        else
                ok = X509_VERIFY_PARAM_set1_host(param, host, n_host) == 1 &&
                     SSL_set_tlsext_host_name(ssl, host) == 1;
        if (!ok)
                return -ENOMEM;

        return endpoint->ca_file ? trust_ca_file(ssl, endpoint->ca_file, reason) : 0;
}

/* A key with a passphrase: nobody is there to be asked for it. */
static int no_passphrase(char *buffer, int size, int is_writing, void *userdata) {
        (void) buffer, (void) size, (void) is_writing, (void) userdata;

        return -1;
}

int tls_present(SSL *ssl, const Endpoint *endpoint, TlsReason *reason) {
        const char *key = endpoint->tls_key ? endpoint->tls_key : endpoint->tls_certificate;

        if (!endpoint->tls_certificate)
                return 0;

        SSL_set_default_passwd_cb(ssl, no_passphrase);
        if (SSL_use_certificate_chain_file(ssl, endpoint->tls_certificate) != 1) {
                refuse(reason, "tls-certificate %s cannot be read, or holds none in PEM form",
                       endpoint->tls_certificate);
                return -EINVAL;
        }
        if (SSL_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
                refuse(reason,
                       "%s holds no key in PEM form without a passphrase that belongs to "
                       "tls-certificate %s",
                       key, endpoint->tls_certificate);
                return -EINVAL;
        }
        return 0;
}
