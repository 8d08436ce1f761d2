/* From an address to its IMAP server. */

#include <errno.h>
#include <stdio.h>

#include "ctl/setup-dns.h"
#include "ctl/setup-find.h"
#include "ctl/setup-program.h"

void found_server_done(FoundServer *found) {
        free(found->host);
        *found = FOUND_SERVER_NULL;
}

static int take_provider(const Provider *provider, const char *source, FoundServer *found) {
        found->host = strdup(provider->host);
        if (!found->host)
                return -ENOMEM;
        found->tls = provider->tls;
        found->port = provider->port > 0 ? provider->port : 993;
        found->provider = provider;
        found->user_is_local_part = provider->user_is_local_part;
        found->source = source;
        return 0;
}

static bool is_below(const char *host, const char *domain) {
        const size_t n = strlen(host), m = strlen(domain);

        return n >= m && strcasecmp(host + n - m, domain) == 0 &&
               (n == m || host[n - m - 1] == '.');
}

/* Return: 1 found, 0 the domain does not say, -EOPNOTSUPP it says no, or another negative errno. */
static int ask_service(const char *domain, const char *service, TlsMode tls, FoundServer *found) {
        char name[600];
        DnsAnswer answer;
        int r;

        (void) snprintf(name, sizeof(name), "%s._tcp.%s", service, domain);
        r = dns_ask(name, DNS_SRV, &answer);
        if (r < 0 || answer.n_records == 0)
                return r;
        if (!answer.records[0].host[0])
                return -EOPNOTSUPP;

        found->host = strdup(answer.records[0].host);
        if (!found->host)
                return -ENOMEM;
        found->port = answer.records[0].port;
        found->tls = tls;
        found->provider = provider_of_host(found->host);
        found->source = "a SRV record of the domain";
        found->is_foreign = !found->provider && !is_below(found->host, domain);
        return 1;
}

/* TLS from the first byte where both are offered (RFC 8314 section 3). */
static int ask_domain(const char *domain, FoundServer *found) {
        const int first = ask_service(domain, "_imaps", TLS_IMPLICIT, found);
        int second;

        if (first > 0 || first == -ENOMEM || first == -EHOSTUNREACH)
                return first;
        second = ask_service(domain, "_imap", TLS_STARTTLS, found);
        if (second != 0)
                return second;
        return first;
}

static TlsMode tls_of(ByteView word) {
        return bytes_equal(word, BYTES("implicit")) ? TLS_IMPLICIT : TLS_STARTTLS;
}

/* The file of the domain, which imapsyncd fetches: the domain itself has proved to say that. Return: 1 found,
 * 0 nothing, or -ENOMEM or -EINTR. */
static int ask_autoconfig(const char *domain, FoundServer *found) {
        _cleanup_(buffer_done) Buffer output = BUFFER_NULL;
        _cleanup_free_ char *path = program_daemon();
        const char *const words[] = {path, "--find-server", domain, NULL};
        const Program program = {.words = words, .output = &output, .be_quiet = true};
        ByteView rest, host;
        uint64_t port;
        int r = path ? program_run(&program) : -ENOMEM;

        if (r != 0)
                return r == -ENOMEM || r == -EINTR ? r : 0;
        rest = buffer_view(&output);
        rest = bytes_take_until(&rest, '\n');
        if (!bytes_equal(bytes_take_until(&rest, '\t'), BYTES("found")))
                return 0;
        host = bytes_take_until(&rest, '\t');
        if (bytes_to_u64(bytes_take_until(&rest, '\t'), UINT16_MAX, &port) < 0 || host.size == 0)
                return 0;
        free(found->host);
        *found = (FoundServer){
                .host = bytes_dup(host),
                .port = (uint16_t) port,
                .tls = tls_of(bytes_take_until(&rest, '\t')),
                .source = "the autoconfig file of the domain",
        };
        if (!found->host)
                return -ENOMEM;
        found->provider = provider_of_host(found->host);
        found->user_is_local_part = bytes_equal(rest, BYTES("local-part"));
        return 1;
}

/* A forged answer leads to one of the providers of the table at worst. */
static int ask_mx(const char *domain, FoundServer *found) {
        DnsAnswer answer;
        int r = dns_ask(domain, DNS_MX, &answer);

        for (size_t i = 0; r == 0 && i < answer.n_records; i++) {
                const Provider *provider = provider_of_mx(answer.records[i].host);

                if (!provider)
                        continue;
                r = take_provider(provider, "who receives the mail of the domain (MX)", found);
                return r < 0 ? r : 1;
        }
        return r;
}

/* What the domain says of itself: SRV records; and its file, if these lead elsewhere or there are none. */
static int ask_all(const char *domain, FoundServer *found) {
        const int srv = ask_domain(domain, found);
        int r;

        if (srv == -ENOMEM || srv == -EOPNOTSUPP || (srv > 0 && !found->is_foreign))
                return srv;
        r = ask_autoconfig(domain, found);
        if (r != 0)
                return r;
        if (srv > 0)
                return srv;
        r = ask_mx(domain, found);
        return r != 0 ? r : srv;
}

int server_find(const char *domain, bool asks, FoundServer *ret_found) {
        _cleanup_(found_server_done) FoundServer found = FOUND_SERVER_NULL;
        const Provider *provider = provider_of_domain(domain);
        int r = 0;

        if (provider)
                r = take_provider(provider, "the table of providers", &found);
        else if (asks)
                r = ask_all(domain, &found);
        if (r < 0)
                return r;
        if (!found.host)
                return -ENOENT;
        *ret_found = found;
        found = FOUND_SERVER_NULL;
        return 0;
}
