/* From an address to its IMAP server. */

#include <errno.h>
#include <stdio.h>

#include "ctl/setup-dns.h"
#include "ctl/setup-find.h"

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

int server_find(const char *domain, FoundServer *ret_found) {
        _cleanup_(found_server_done) FoundServer found = FOUND_SERVER_NULL;
        const Provider *provider = provider_of_domain(domain);
        int r, said;

        if (provider)
                r = take_provider(provider, "the table of providers", &found);
        else {
                said = ask_domain(domain, &found);
                r = said == 0 || said == -EHOSTUNREACH ? ask_mx(domain, &found) : said;
                if (r == 0)
                        r = said < 0 ? said : -ENOENT;
        }
        if (r < 0)
                return r;
        *ret_found = found;
        found = FOUND_SERVER_NULL;
        return 0;
}
