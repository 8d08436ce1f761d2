/*
 * The large providers, as their help pages have it
 *
 * SRV records would tell of most of these servers too, but not where an application's password is made.
 */

#include "ctl/setup-provider.h"
#include "config/config-value.h"

static const Provider providers[] = {
        {.name = "Gmail",
         .account = "gmail",
         .domains = " gmail.com googlemail.com google.com ",
         .mx = "google.com",
         .host = "imap.gmail.com",
         .hint = "Gmail takes an app password, not that of your account. Make one at "
                 "https://myaccount.google.com/apppasswords (2-step verification must be on)."},
        {.name = "Outlook",
         .account = "outlook",
         .domains = " outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com "
                    "hotmail.de hotmail.fr hotmail.co.uk hotmail.it live.com live.de live.fr "
                    "live.co.uk live.nl msn.com passport.com ",                                                                                                 .mx = "olc.protection.outlook.com",
         .host = "outlook.office365.com",
         .hint = "Microsoft takes OAuth2 tokens only, no passwords: setup cannot log in there."},
        {.name = "Microsoft 365",
         .account = "office365",
         .domains = " office365.com onmicrosoft.com ",
         .mx = "mail.protection.outlook.com",
         .host = "outlook.office365.com",
         .hint = "Microsoft 365 takes OAuth2 tokens, and passwords hardly anywhere any more: if "
                 "the "
                 "login is refused, that is why."},
        {.name = "iCloud",
         .account = "icloud",
         .domains = " icloud.com me.com mac.com ",
         .mx = "mail.icloud.com",
         .host = "imap.mail.me.com",
         .user_is_local_part = true,
         .hint = "iCloud takes an app-specific password: make one at https://account.apple.com, "
                 "under Sign-In and Security."},
        {.name = "Yahoo",
         .account = "yahoo",
         .domains = " yahoo.com yahoo.de yahoo.fr yahoo.co.uk yahoo.it yahoo.es yahoo.ca "
                    "yahoo.com.br yahoo.in yahoo.co.in ymail.com rocketmail.com ",                                                                                           .mx = "yahoodns.net",
         .host = "imap.mail.yahoo.com",
         .hint = "Yahoo takes an app password: make one at "
                 "https://login.yahoo.com/account/security."},
        {.name = "AOL",
         .account = "aol",
         .domains = " aol.com aol.de aol.fr aol.co.uk aim.com ",
         .host = "imap.aol.com",
         .hint = "AOL takes an app password: make one at https://login.aol.com/account/security."                                                                                                                                      },
        {.name = "Fastmail",
         .account = "fastmail",
         .domains =
                 " fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.de fastmail.co.uk "
                 "messagingengine.com sent.com ",                                                               .mx = "messagingengine.com",
         .host = "imap.fastmail.com",
         .hint = "Fastmail takes an app password: Settings, Privacy & Security, Manage app "
                 "passwords."},
        {.name = "GMX",
         .account = "gmx",
         .domains = " gmx.de gmx.net gmx.at gmx.ch ",
         .mx = "gmx.net",
         .host = "imap.gmx.net",
         .hint = "GMX must allow it first: in the web mail, Settings, POP3/IMAP."},
        {.name = "GMX",
         .account = "gmx",
         .domains = " gmx.com gmx.us gmx.co.uk gmx.fr gmx.es ",
         .host = "imap.gmx.com",
         .hint = "GMX must allow it first: in the web mail, Settings, POP3 & IMAP."                                                                                                                                                                          },
        {.name = "mail.com",
         .account = "mailcom",
         .domains = " mail.com email.com ",
         .mx = "mail.com",
         .host = "imap.mail.com",
         .hint = "mail.com must allow it first: in the web mail, Settings, POP3 & IMAP."},
        {.name = "WEB.DE",
         .account = "webde",
         .domains = " web.de email.de ",
         .mx = "web.de",
         .host = "imap.web.de",
         .hint = "WEB.DE must allow it first: in the web mail, Settings, POP3/IMAP."},
        {.name = "mailbox.org",
         .account = "mailboxorg",
         .domains = " mailbox.org ",
         .mx = "mailbox.org",
         .host = "imap.mailbox.org",
         .hint = "With two-factor login, mailbox.org takes an application password."},
        {.name = "Posteo",
         .account = "posteo",
         .domains = " posteo.de posteo.net posteo.eu posteo.at posteo.ch posteo.org ",
         .mx = "posteo.de",
         .host = "posteo.de"                                                                                      },
        {.name = "Proton Mail",
         .account = "proton",
         .domains = " proton.me protonmail.com protonmail.ch pm.me ",
         .mx = "protonmail.ch",
         .host = "127.0.0.1",
         .port = 1143,
         .tls = TLS_STARTTLS,
         .hint = "Proton needs its Bridge running on this machine; the password is the one that "
                 "the "
                 "Bridge shows. Its certificate is its own: export it there and give it by "
                 "--ca-file, "
                 "or give the --tls-pin that the refusal names."},
        {.name = "Zoho",
         .account = "zoho",
         .domains = " zoho.com zohomail.com ",
         .mx = "zoho.com",
         .host = "imap.zoho.com",
         .hint = "Zoho must allow IMAP first (Settings, Mail Accounts, IMAP), and with two-factor "
                 "login "
                 "takes an app password: https://accounts.zoho.com."},
        {.name = "Zoho (Europe)",
         .account = "zoho",
         .domains = " zoho.eu zohomail.eu ",
         .mx = "zoho.eu",
         .host = "imap.zoho.eu",
         .hint = "Zoho must allow IMAP first (Settings, Mail Accounts, IMAP), and with two-factor "
                 "login "
                 "takes an app password: https://accounts.zoho.eu."},
        {.name = "Yandex",
         .account = "yandex",
         .domains = " yandex.com yandex.ru yandex.by yandex.kz ya.ru ",
         .mx = "yandex.ru",
         .host = "imap.yandex.com",
         .hint = "Yandex must allow IMAP first, and takes an app password: "
                 "https://id.yandex.com/security."},
        {.name = "T-Online",
         .account = "tonline",
         .domains = " t-online.de magenta.de ",
         .host = "secureimap.t-online.de",
         .hint = "T-Online takes its e-mail password, not that of the Telekom login: it is made in "
                 "the "
                 "customer centre, under E-Mail."                                                                                                                                                                        },
        {.name = "freenet",
         .account = "freenet",
         .domains = " freenet.de ",
         .mx = "freenet.de",
         .host = "mx.freenet.de"                                                                                                            },
        {.name = "IONOS",
         .account = "ionos",
         .domains = " ionos.de online.de onlinehome.de ",
         .mx = "kundenserver.de",
         .host = "imap.ionos.de"                                                                                                                                              },
        {.name = "IONOS",
         .account = "ionos",
         .domains = " ionos.com ",
         .mx = "ionos.com",
         .host = "imap.ionos.com"},
        {.name = "OVHcloud",
         .account = "ovh",
         .domains = " ovh.net ",
         .mx = "mail.ovh.net",
         .host = "ssl0.ovh.net"                                                    },
        {.name = "Gandi",
         .account = "gandi",
         .domains = " gandi.net ",
         .mx = "mail.gandi.net",
         .host = "mail.gandi.net"                  },
        {.name = "Infomaniak",
         .account = "infomaniak",
         .domains = " ik.me ikmail.com etik.com ",
         .mx = "infomaniak.ch",
         .host = "mail.infomaniak.com",
         .hint = "Infomaniak takes a device password, made in the web mail."},
        {.name = "Migadu",
         .account = "migadu",
         .domains = " migadu.com ",
         .mx = "migadu.com",
         .host = "imap.migadu.com"                                                                                                             },
        {.name = "Runbox",
         .account = "runbox",
         .domains = " runbox.com ",
         .mx = "runbox.com",
         .host = "mail.runbox.com",
         .hint = "With two-factor login, Runbox takes an app password."},
        {.name = "Mailfence",
         .account = "mailfence",
         .domains = " mailfence.com ",
         .mx = "mailfence.com",
         .host = "imap.mailfence.com",
         .hint = "Mailfence has IMAP for paid accounts only."},
        {.name = "Disroot",
         .account = "disroot",
         .domains = " disroot.org ",
         .mx = "disroot.org",
         .host = "disroot.org",
         .user_is_local_part = true},
        {.name = "Riseup",
         .account = "riseup",
         .domains = " riseup.net ",
         .mx = "riseup.net",
         .host = "mail.riseup.net",
         .user_is_local_part = true},
        {.name = "Free",                                                                                      .account = "free",                                                                    .domains = " free.fr ",                                                                                               .host = "imap.free.fr"                                                                                                                                                                                                       },
        {.name = "Orange",
         .account = "orange",
         .domains = " orange.fr wanadoo.fr ",
         .host = "imap.orange.fr"                                                                                                                                                                                                               },
        {.name = "Libero",
         .account = "libero",
         .domains = " libero.it ",
         .host = "imapmail.libero.it"                                                                                                                                                                                      },
        {.name = "QQ Mail",
         .account = "qq",
         .domains = " qq.com foxmail.com ",
         .host = "imap.qq.com",
         .hint = "QQ Mail takes an authorisation code, made in its settings where IMAP is "
                 "allowed."                                                                                                                                                                    },
        {.name = "NetEase 163",
         .account = "163",
         .domains = " 163.com ",
         .host = "imap.163.com",
         .hint = "NetEase takes an authorisation code, made in its settings where IMAP is "
                 "allowed."                                                                                                                                                               },
};

static bool has_word(const char *words, const char *word) {
        const size_t n = strlen(word);

        for (const char *at = words; *at; at++)
                if (*at == ' ' && strncasecmp(at + 1, word, n) == 0 && at[n + 1] == ' ' &&
                    !memchr(word, ' ', n))
                        return n > 0;
        return false;
}

static bool is_below(const char *host, const char *domain) {
        const size_t n = strlen(host), m = strlen(domain);

        if (n < m || strcasecmp(host + n - m, domain) != 0)
                return false;
        return n == m || host[n - m - 1] == '.';
}

const Provider *provider_of_domain(const char *domain) {
        for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
                if (has_word(providers[i].domains, domain))
                        return &providers[i];
        return NULL;
}

const Provider *provider_of_mx(const char *host) {
        for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
                if (providers[i].mx && is_below(host, providers[i].mx))
                        return &providers[i];
        return NULL;
}

const Provider *provider_of_host(const char *host) {
        for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
                if (strcasecmp(host, providers[i].host) == 0 && !value_is_loopback(host))
                        return &providers[i];
        return NULL;
}
