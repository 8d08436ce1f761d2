/*
 * TLS on a socket: one SSL_CTX for the process, made when the first connection needs it
 *
 * The system's CAs are looked up by hash in the certificate directory when a chain needs them; to
 * load the bundle file instead would cost 1.5 MB and more time than everything else at start-up.
 */

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/tls-check.h"
#include "daemon/tls.h"

enum { MAX_TICKETS = 16 };

struct Tls {
        const Endpoint *endpoint; /* borrowed */
        Wire *wire;               /* borrowed */
        SSL *ssl;
        char *ticket_key; /* owned */
        int prepare_error;
        int wire_error; /* what the socket said last; 0: nothing bad */
        bool at_eof;
        bool wants_output;
        bool has_read;       /* anything at all; then */
        unsigned char first; /* is how it began */
        TlsReason reason;
};

/* What a server gave us to come back with. Only good for the same endpoint under the same trust,
 * since a resumed session is not checked again. */
typedef struct Ticket {
        char *key;
        SSL_SESSION *session;
} Ticket;

static SSL_CTX *context;
static BIO_METHOD *wire_method;
static Ticket tickets[MAX_TICKETS];
static size_t next_ticket;

static char *ticket_key(const Endpoint *endpoint) {
        _cleanup_(buffer_done) Buffer key = BUFFER_NULL;
        int r;

        r = buffer_append_format(&key, "%s\n%u\n%s", endpoint->host, (unsigned) endpoint->port,
                                 endpoint->ca_file ? endpoint->ca_file : "");
        for (char **pin = endpoint->tls_pins; r >= 0 && pin && *pin; pin++)
                r = buffer_append_format(&key, "\n%s", *pin);

        return r < 0 ? NULL : buffer_steal_string(&key);
}

static Ticket *ticket_find(const char *key) {
        for (size_t i = 0; i < MAX_TICKETS; i++)
                if (tickets[i].key && strcmp(tickets[i].key, key) == 0)
                        return &tickets[i];

        return NULL;
}

/* OpenSSL has a new session for us. Return: 1 if its reference is ours now. */
static int tls_on_session(SSL *ssl, SSL_SESSION *session) {
        const Tls *tls = SSL_get_app_data(ssl);
        Ticket *ticket = ticket_find(tls->ticket_key);

        if (tls->endpoint->tls_certificate)
                return 0; /* it would come back as who it was, though the certificate is another one */
        if (!ticket) {
                char *key = strdup(tls->ticket_key);

                if (!key)
                        return 0;
                ticket = &tickets[next_ticket++ % MAX_TICKETS];
                free(ticket->key);
                ticket->key = key;
        }

        SSL_SESSION_free(ticket->session);
        ticket->session = session;
        return 1;
}

static int tls_on_chain(X509_STORE_CTX *chain, void *userdata) {
        SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
        Tls *tls = SSL_get_app_data(ssl);

        (void) userdata;

        return tls_check_chain(chain, tls->endpoint, &tls->reason);
}

static int bio_read(BIO *bio, char *data, size_t size, size_t *ret_n) {
        Tls *tls = BIO_get_data(bio);
        ssize_t n = wire_read(tls->wire, data, size);

        BIO_clear_retry_flags(bio);
        *ret_n = 0;
        if (n > 0) {
                if (!tls->has_read)
                        tls->first = (unsigned char) data[0];
                tls->has_read = true;
                *ret_n = (size_t) n;
                return 1;
        }

        if (n == 0)
                tls->at_eof = true;
        else if (n == -EAGAIN)
                BIO_set_retry_read(bio);
        else
                tls->wire_error = (int) n;
        return 0;
}

static int bio_write(BIO *bio, const char *data, size_t size, size_t *ret_n) {
        Tls *tls = BIO_get_data(bio);
        ssize_t n = wire_write(tls->wire, data, size);

        BIO_clear_retry_flags(bio);
        *ret_n = 0;
        if (n >= 0) {
                *ret_n = (size_t) n;
                return 1;
        }

        if (n == -EAGAIN)
                BIO_set_retry_write(bio);
        else
                tls->wire_error = (int) n;
        return 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
        const Tls *tls = BIO_get_data(bio);

        (void) number, (void) pointer;

        if (command == BIO_CTRL_EOF)
                return tls->at_eof;
        return command == BIO_CTRL_FLUSH;
}

/* OpenSSL's own socket BIO would raise SIGPIPE, and would not count. */
static BIO_METHOD *wire_method_new(void) {
        BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");

        if (!method)
                return NULL;
        (void) BIO_meth_set_read_ex(method, bio_read);
        (void) BIO_meth_set_write_ex(method, bio_write);
        (void) BIO_meth_set_ctrl(method, bio_ctrl);
        return method;
}

/*
 * Buffers are given back while a connection waits: 34 kB each. Reading ahead takes a record in one
 * recv() instead of two. That a server hangs up without close_notify is ordinary, and harmless:
 * IMAP says itself where a message ends.
 */
static int context_init(void) {
        SSL_CTX *ctx;

        if (context)
                return 0;
        if (!wire_method)
                wire_method = wire_method_new();
        ctx = SSL_CTX_new(TLS_client_method());
        if (!ctx || !wire_method) {
                SSL_CTX_free(ctx);
                return -ENOMEM;
        }

        (void) SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        (void) SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                                SSL_OP_IGNORE_UNEXPECTED_EOF);
        (void) SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, tls_on_chain, NULL);
        (void) SSL_CTX_set_default_verify_dir(ctx);
        (void) SSL_CTX_set_session_cache_mode(ctx,
                                              SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, tls_on_session);
        context = ctx;
        return 0;
}

static int tls_prepare(Tls *tls) {
        Ticket *ticket;
        BIO *bio;
        int r;

        tls->ssl = SSL_new(context);
        bio = BIO_new(wire_method);
        if (!tls->ssl || !bio) {
                BIO_free(bio);
                return -ENOMEM;
        }
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
        SSL_set_bio(tls->ssl, bio, bio);
        if (SSL_set_app_data(tls->ssl, tls) != 1) /* the callbacks would find nobody */
                return -ENOMEM;

        ticket = ticket_find(tls->ticket_key);
        if (ticket && SSL_SESSION_is_resumable(ticket->session))
                (void) SSL_set_session(tls->ssl, ticket->session);

        r = tls_check_prepare(tls->ssl, tls->endpoint, &tls->reason);
        return r < 0 ? r : tls_present(tls->ssl, tls->endpoint, &tls->reason);
}

int tls_new(const Endpoint *endpoint, Wire *wire, Tls **ret_tls) {
        _cleanup_(tls_freep) Tls *tls = NULL;
        int r;

        assert(endpoint->host);

        r = context_init();
        if (r < 0)
                return r;

        tls = malloc(sizeof(*tls));
        if (!tls)
                return -ENOMEM;
        *tls = (Tls){.endpoint = endpoint, .wire = wire};

        tls->ticket_key = ticket_key(endpoint);
        if (!tls->ticket_key)
                return -ENOMEM;

        tls->prepare_error = tls_prepare(tls);
        if (tls->prepare_error == -ENOMEM)
                return -ENOMEM;

        *ret_tls = TAKE_PTR(tls);
        return 0;
}

/* Without the mark of an orderly end, OpenSSL would spoil the ticket of a connection that broke. */
Tls *tls_free(Tls *tls) {
        if (!tls)
                return NULL;

        if (tls->ssl)
                SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(tls->ssl);
        free(tls->ticket_key);
        free(tls);
        return NULL;
}

__attribute__((format(printf, 3, 4))) static int fail(Tls *tls, int error, const char *format,
                                                      ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(tls->reason.text, sizeof(tls->reason.text), format, args);
        va_end(args);
        return error;
}

static const char *openssl_reason(unsigned long code) {
        const char *reason = ERR_reason_error_string(code);

        return reason ? reason : "unknown error";
}

/* What SSL_get_error() means to us. */
static int tls_result(Tls *tls, int code) {
        const char *host = tls->endpoint->host;
        unsigned long openssl_error;

        switch (code) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                tls->wants_output = code == SSL_ERROR_WANT_WRITE;
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        }

        if (tls->wire_error < 0)
                return fail(tls, tls->wire_error, "the connection to %s broke: %s", host,
                            strerror(-tls->wire_error));
        if (tls->at_eof)
                return 0;

        openssl_error = ERR_peek_error();
        return fail(tls, -EPROTO, "TLS with %s failed: %s", host, openssl_reason(openssl_error));
}

static bool error_is_old_version(unsigned long code) {
        switch (ERR_GET_REASON(code)) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
                return true;
        }

        return false;
}

static int handshake_failed(Tls *tls) {
        enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22 }; /* RFC 8446 section 5.1 */
        const char *host = tls->endpoint->host;

        if (tls->reason.text[0] != '\0') /* tls_on_chain() has said why */
                return -EKEYREJECTED;
        if (tls->has_read && tls->first != RECORD_HANDSHAKE && tls->first != RECORD_ALERT)
                return fail(tls, -EPROTO, "port %u of %s does not speak TLS%s",
                            (unsigned) tls->endpoint->port, host,
                            tls->endpoint->tls == TLS_IMPLICIT
                                    ? ": perhaps it wants tls = starttls, or tls = none"
                                    : " after STARTTLS");
        if (error_is_old_version(ERR_peek_error()))
                return fail(tls, -EPROTO, "%s offers only old versions of TLS, and 1.2 is needed",
                            host);
        return 1;
}

int tls_handshake(Tls *tls) {
        int n, code, r;

        if (tls->prepare_error < 0)
                return tls->prepare_error;

        ERR_clear_error();
        tls->wants_output = false;
        n = SSL_connect(tls->ssl);
        if (n == 1)
                return 0;
        code = SSL_get_error(tls->ssl, n);

        if (code == SSL_ERROR_SSL) {
                r = handshake_failed(tls);
                if (r < 0)
                        return r;
        }

        r = tls_result(tls, code);
        if (r == 0)
                return fail(tls, -ECONNRESET, "%s closed the connection during the TLS handshake",
                            tls->endpoint->host);
        return r;
}

ssize_t tls_read(Tls *tls, void *buffer, size_t size) {
        size_t n = 0;
        int ok;

        ERR_clear_error();
        tls->wants_output = false;
        ok = SSL_read_ex(tls->ssl, buffer, size, &n);
        if (ok > 0)
                return (ssize_t) n;

        return tls_result(tls, SSL_get_error(tls->ssl, ok));
}

ssize_t tls_write(Tls *tls, const void *data, size_t size) {
        size_t n = 0;
        int ok, r;

        ERR_clear_error();
        ok = SSL_write_ex(tls->ssl, data, size, &n);
        if (ok > 0)
                return (ssize_t) n;

        r = tls_result(tls, SSL_get_error(tls->ssl, ok));
        tls->wants_output = false; /* who writes waits for that anyway */
        if (r == 0)
                return fail(tls, -EPIPE, "%s closed the connection", tls->endpoint->host);
        return r;
}

bool tls_has_pending(const Tls *tls) {
        return SSL_has_pending(tls->ssl) == 1;
}

bool tls_wants_output(const Tls *tls) {
        return tls->wants_output;
}

int tls_exporter(const Tls *tls, uint8_t out[TLS_EXPORTER_SIZE]) {
        static const char label[] = "EXPORTER-Channel-Binding";

        if (SSL_version(tls->ssl) < TLS1_3_VERSION)
                return -EOPNOTSUPP;
        return SSL_export_keying_material(tls->ssl, out, TLS_EXPORTER_SIZE, label,
                                          sizeof(label) - 1, NULL, 0, 0) == 1
                       ? 0
                       : -EOPNOTSUPP;
}

void tls_close(Tls *tls) {
        if (!SSL_is_init_finished(tls->ssl))
                return;

        ERR_clear_error();
        (void) SSL_shutdown(tls->ssl);
}

const char *tls_error(const Tls *tls) {
        return tls->reason.text;
}
