/* The value of “proxy”: what it means, what is wrong with it, and that it is shown to nobody. */

#include <errno.h>
#include <sys/stat.h>

#include "config/config-proxy.h"
#include "test.h"

static char *dump(const Proxy *proxy) {
        Buffer out = BUFFER_NULL;

        assert(buffer_append_format(&out, "%s %s %u", proxy->kind == PROXY_HTTP ? "http" : "socks5",
                                    proxy->host, (unsigned) proxy->port) == 0);
        if (proxy->user)
                assert(buffer_append_format(&out, " <%s> <%s>", proxy->user, proxy->password) == 0);
        return buffer_steal_string(&out);
}

static void test_good(void) {
        static const struct {
                const char *url;
                const char *meaning;
        } rows[] = {
                {"socks5://p.example.org:1080",   "socks5 p.example.org 1080"},
                {"socks5://p.example.org:1081",   "socks5 p.example.org 1081"},
                {"SOCKS5h://p.example.com:1080/", "socks5 p.example.com 1080"},
                {"socks5://p.example.org/",       "socks5 p.example.org 1080"},
                {"socks5://[::1]",                "socks5 ::1 1080"          },
                {"http://p.example.com:1080",     "http p.example.com 1080"  },
                {"http://[::1]:3128",             "http ::1 3128"            },
                {"http://192.0.2.1:65535",        "http 192.0.2.1 65535"     },
                {"socks5://me:hush@h:1",          "socks5 h 1 <me> <hush>"   },
                {"socks5://me:hush2@h:1",         "socks5 h 1 <me> <hush2>"  },
                {"socks5://me:@h:1",              "socks5 h 1 <me> <>"       },
                {"http://m%65:h%C3%BC%40:@h:1",   "http h 1 <me> <hü@:>"    },
                {"socks5://m%3a:a@b:c/d@h:1",     "socks5 h 1 <m:> <a@b:c/d>"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(proxy_destroyp) Proxy *proxy = NULL;
                _cleanup_free_ char *meaning = NULL;

                TEST_ROW(rows[i].url, proxy_parse(rows[i].url, &proxy) == 0);
                meaning = dump(proxy);
                TEST_ROW(rows[i].url, strcmp(meaning, rows[i].meaning) == 0);
                TEST_ROW(rows[i].url, !proxy_equal(proxy, NULL) && !proxy_equal(NULL, proxy));
                for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
                        _cleanup_(proxy_destroyp) Proxy *other = NULL;

                        TEST_ROW(rows[k].url, proxy_parse(rows[k].url, &other) == 0);
                        TEST_ROW(rows[k].url,
                                 proxy_equal(proxy, other) == !strcmp(meaning, rows[k].meaning));
                }
        }
}

static void test_show(void) {
        static const struct {
                const char *url;
                const char *shown;
        } rows[] = {
                {"socks5h://p.example.org",         "socks5://p.example.org:1080"},
                {"socks5://me:hush@[2001:db8::1]/", "socks5://[2001:db8::1]:1080"},
                {"http://me:hush@192.0.2.1:3128",   "http://192.0.2.1:3128"      },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(proxy_destroyp) Proxy *proxy = NULL;
                _cleanup_(buffer_done) Buffer out = BUFFER_NULL;

                TEST_ROW(rows[i].url, proxy_parse(rows[i].url, &proxy) == 0);
                TEST_ROW(rows[i].url, proxy_show(proxy, &out) == 0);
                TEST_ROW(rows[i].url, bytes_equal(buffer_view(&out), bytes_of(rows[i].shown)));
        }
}

static void test_bad(void) {
        static const struct {
                const char *url;
                int error;
        } rows[] = {
                {"",                                  PROXY_PARSE_E_SCHEME},
                {"p.example.org:1080",                PROXY_PARSE_E_SCHEME},
                {"socks4://h:1",                      PROXY_PARSE_E_SCHEME},
                {"https://h:1",                       PROXY_PARSE_E_SCHEME},
                {"socks5://",                         PROXY_PARSE_E_HOST  },
                {"http://",                           PROXY_PARSE_E_PORT  },
                {"http://h",                          PROXY_PARSE_E_PORT  },
                {"http://[::1]",                      PROXY_PARSE_E_PORT  },
                {"socks5://h:",                       PROXY_PARSE_E_PORT  },
                {"socks5://h:0",                      PROXY_PARSE_E_PORT  },
                {"socks5://h:65536",                  PROXY_PARSE_E_PORT  },
                {"socks5://h:1/path",                 PROXY_PARSE_E_PORT  },
                {"socks5://::1:1",                    PROXY_PARSE_E_HOST  },
                {"socks5://[h]:1",                    PROXY_PARSE_E_HOST  },
                {"socks5://:1",                       PROXY_PARSE_E_HOST  },
                {"socks5://a/b:1",                    PROXY_PARSE_E_HOST  },
                {"socks5://a b:1",                    PROXY_PARSE_E_HOST  },
                {"socks5://me@h:1",                   PROXY_PARSE_E_LOGIN },
                {"socks5://:hush@h:1",                PROXY_PARSE_E_LOGIN },
                {"socks5://@h:1",                     PROXY_PARSE_E_LOGIN },
                {"socks5://me:%@h:1",                 PROXY_PARSE_E_LOGIN },
                {"socks5://me:%4@h:1",                PROXY_PARSE_E_LOGIN },
                {"socks5://me:%4g@h:1",               PROXY_PARSE_E_LOGIN },
                {"socks5://me:hush%00@h:1",           PROXY_PARSE_E_LOGIN },
                {"http://me:hush%0d%0aX-Evil: 1@h:1", PROXY_PARSE_E_LOGIN },
                {"http://m%3ae:hush@h:1",             PROXY_PARSE_E_COLON },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Proxy *proxy;

                TEST_ROW(rows[i].url, proxy_parse(rows[i].url, &proxy) == rows[i].error);
                TEST_ROW(rows[i].url, proxy_parse_error(rows[i].error));
        }
}

/* SOCKS5 counts in a byte. */
static void test_long(void) {
        static const char *const formats[] = {"%s://%.*s:p@h:1", "%s://u:%.*s@h:1"};
        char letters[256];

        memset(letters, 'x', sizeof(letters));
        for (size_t i = 0; i < ARRAY_SIZE(formats) * 2; i++)
                for (int n = 255; n <= 256; n++) {
                        _cleanup_(buffer_done) Buffer url = BUFFER_NULL;
                        _cleanup_(proxy_destroyp) Proxy *proxy = NULL;
                        const bool is_http = i % 2;

                        assert(buffer_append_format(&url, formats[i / 2],
                                                    is_http ? "http" : "socks5", n, letters) == 0);
                        assert(buffer_append(&url, "", 1) == 0);
                        TEST_ROW(url.data, proxy_parse(url.data, &proxy) ==
                                                   (n > 255 && !is_http ? PROXY_PARSE_E_LONG : 0));
                }
}

#define HEAD "[account a]\nhost = h\nuser = u\npassword-command = p\nmaildir = /m\n"

/* In the file: with what else is there. */
static void test_file(void) {
        static const struct {
                const char *label;
                const char *text;
                mode_t mode;
                const char *error; /* NULL: none */
        } rows[] = {
                {"good",                                  HEAD "proxy = socks5://p:1\n",                                   0644, NULL                                                },
                {"with a password",                       HEAD "proxy = socks5://u:hush@p:1\n",                            0600, NULL                                                },
                {"which others can read",                 HEAD "proxy = socks5://u:hush@p:1\n",                            0640,
                 "/c:6: proxy: others can read this file, and a password is in it; run “chmod 600 "
                 "/c”\n"                                                                                                                                                           },
                {"no proxy, and shown to nobody",         HEAD "proxy = socks://u:hush@p:1\n",                             0600,
                 "/c:6: proxy: expected socks5://HOST:PORT or http://HOST:PORT, with "
                 "USER:PASSWORD@ "
                 "in front of HOST where it is wanted\n"                                                                                                                             },
                {"with a tunnel",                         "[account a]\ntunnel = x\nproxy = socks5://p:1\nmaildir = /m\n",
                 0600,                                                                                                           "/c:3: proxy: means nothing with a “tunnel”\n"  },
                {"in clear, to the machine of the proxy",
                 "[account a]\nhost = localhost\nuser = u\npassword = p\nmaildir = /m\ntls = none\n"
                 "proxy = socks5://p:1\n",                                                                                 0600,
                 "/c:6: tls: “none” would send the password and all mail to the proxy, and to "
                 "“localhost”, for anyone to read; use implicit or starttls, or say "
                 "“allow-cleartext "
                 "= yes”\n"                                                                                                                                                        },
                {"in clear on purpose",
                 HEAD "tls = none\nallow-cleartext = yes\nproxy = socks5://p:1\n",                                         0600, NULL                                                },
                {"a host of two words",
                 "[account a]\nhost = a b\nuser = u\npassword = p\nmaildir = /m\n"
                 "proxy = socks5://p:1\n",                                                                                 0600, "/c:2: host: no “proxy” can be asked for this\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_free_ char *errors = NULL;
                const int r = config_parse(bytes_of(rows[i].text), "/c", S_IFREG | rows[i].mode,
                                           "/home/me", &config, &errors);

                TEST_ROW(rows[i].label, r == (rows[i].error ? -EINVAL : 0));
                if (r < 0 && strcmp(errors, rows[i].error) != 0) {
                        fprintf(stderr, "%s", errors);
                        TEST_ROW(rows[i].label, false);
                }
                TEST_ROW(rows[i].label, r < 0 || config->accounts[0].remote.proxy);
        }
}

int main(void) {
        test_good();
        test_show();
        test_bad();
        test_long();
        test_file();
        return 0;
}
