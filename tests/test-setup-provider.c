/* The table of providers: who is found by what, and that each row can be used. */

#include "base/macro.h"
#include "config/config-value.h"
#include "ctl/setup-provider.h"
#include "test.h"

static const struct {
        const char *label, *text;
        const Provider *(*find)(const char *text);
        const char *host; /* NULL: nobody */
} rows[] = {
        {"a domain",             "gmail.com",                               provider_of_domain, "imap.gmail.com"},
        {"in capitals",          "GMail.Com",                               provider_of_domain, "imap.gmail.com"},
        {"the last of a row",    "google.com",                              provider_of_domain, "imap.gmail.com"},
        {"another branch",       "gmx.com",                                 provider_of_domain, "imap.gmx.com"  },
        {"this one's home",      "gmx.de",                                  provider_of_domain, "imap.gmx.net"  },
        {"below one",            "mail.gmail.com",                          provider_of_domain, NULL            },
        {"the end of one",       "mail.co",                                 provider_of_domain, NULL            },
        {"one and a blank",      "gmail.com googlemail.com",                provider_of_domain, NULL            },
        {"nothing",              "",                                        provider_of_domain, NULL            },
        {"MX",                   "alt1.aspmx.l.google.com",                 provider_of_mx,     "imap.gmail.com"},
        {"MX of a company",      "example-org.mail.protection.outlook.com", provider_of_mx,
         "outlook.office365.com"                                                                                },
        {"MX that only ends so", "notgoogle.com",                           provider_of_mx,     NULL            },
        {"MX of nobody",         "mx.example.org",                          provider_of_mx,     NULL            },
        {"a server",             "IMAP.web.de",                             provider_of_host,   "imap.web.de"   },
        {"this machine",         "127.0.0.1",                               provider_of_host,   NULL            },
        {"no server",            "imap.example.org",                        provider_of_host,   NULL            },
};

/* One of each large provider, as its users write their addresses. */
static const char *const large[] = {
        "gmail.com",  "outlook.com", "office365.com", "hotmail.com", "live.com",
        "icloud.com", "me.com",      "yahoo.com",     "aol.com",     "fastmail.com",
        "gmx.de",     "gmx.net",     "web.de",        "mailbox.org", "posteo.de",
        "proton.me",  "zoho.com",    "yandex.com",    "t-online.de", "ionos.de",
        "ovh.net",    "runbox.com",  "mailfence.com", "disroot.org",
};

static void test_rows(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Provider *found = rows[i].find(rows[i].text);

                TEST_ROW(rows[i].label, !found == !rows[i].host);
                TEST_ROW(rows[i].label, !found || strcmp(found->host, rows[i].host) == 0);
        }
}

static void test_large(void) {
        for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
                const Provider *found = provider_of_domain(large[i]);

                TEST_ROW(large[i], found && value_is_name(found->account, 64));
                TEST_ROW(large[i],
                         strcmp(found->host, "127.0.0.1") == 0 || strchr(found->host, '.'));
                TEST_ROW(large[i], found->port == 0 || value_is_loopback(found->host));
        }
}

int main(void) {
        test_rows();
        test_large();
        return 0;
}
