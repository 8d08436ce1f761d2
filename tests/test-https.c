/* Answers of HTTP/1.0, and addresses: what a server may send. */

#include <errno.h>

#include "base/macro.h"
#include "daemon/https.h"
#include "test.h"

static void test_answers(void) {
        static const struct {
                const char *label, *text;
                int result;
                unsigned status;
                const char *location, *body;
        } rows[] = {
                {"to the end",            "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n<a/>",                   0,        200, "", "<a/>"},
                {"with a length",         "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",            0,        200, "",
                 "ab"                                                                                                            },
                {"no body",               "HTTP/1.1 404 Not Found\r\n\r\n",                             0,        404, "", ""    },
                {"no reason",             "HTTP/1.1 204\r\n\r\n",                                       0,        204, "", ""    },
                {"elsewhere",             "HTTP/1.1 301 x\r\nLocation:  https://a.b/c \r\n\r\n",        0,        301,
                 "https://a.b/c",                                                                                          ""    },
                {"line feeds only",       "HTTP/1.0 200 OK\n\nx",                                       0,        200, "", "x"   },
                {"cut in the body",       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",             -EBADMSG, 0,
                 "",                                                                                                       ""    },
                {"cut in the header",     "HTTP/1.1 200 OK\r\nServer: x\r\n",                           -EBADMSG, 0,   "", ""    },
                {"in chunks",             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                 -EBADMSG,                                                                                        0,   "", ""    },
                {"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",              -EBADMSG,
                 0,                                                                                                    "", ""    },
                {"no status",             "HTTP/1.1 OK\r\n\r\n",                                        -EBADMSG, 0,   "", ""    },
                {"another protocol",      "* OK IMAP4rev1\r\n\r\n",                                     -EBADMSG, 0,   "", ""    },
                {"nothing",               "",                                                           -EBADMSG, 0,   "", ""    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                HttpAnswer answer = {.status = 0};

                TEST_ROW(rows[i].label,
                         http_parse(bytes_of(rows[i].text), &answer) == rows[i].result);
                TEST_ROW(rows[i].label, answer.status == rows[i].status);
                if (rows[i].result < 0)
                        continue;
                TEST_ROW(rows[i].label, bytes_equal(answer.location, bytes_of(rows[i].location)));
                TEST_ROW(rows[i].label, bytes_equal(answer.body, bytes_of(rows[i].body)));
        }
}

static void test_split(void) {
        static const struct {
                const char *label, *url;
                const char *host, *path; /* NULL: none */
        } rows[] = {
                {"usual",          "https://a.example.org/b/c.xml?d", "a.example.org", "/b/c.xml?d"},
                {"capitals",       "HTTPS://A/",                      "A",             "/"         },
                {"in clear",       "http://a.example.org/",           NULL,            NULL        },
                {"below the same", "/b/c.xml",                        NULL,            NULL        },
                {"another port",   "https://a.example.org:8443/",     NULL,            NULL        },
                {"a user",         "https://a@b/",                    NULL,            NULL        },
                {"no path",        "https://a.example.org",           NULL,            NULL        },
                {"no host",        "https:///x",                      NULL,            NULL        },
                {"another header", "https://a/\r\nHost: b",           NULL,            NULL        },
                {"a blank",        "https://a/ b",                    NULL,            NULL        },
                {"nothing",        "",                                NULL,            NULL        },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ByteView host, path;
                int r = https_split(bytes_of(rows[i].url), &host, &path);

                TEST_ROW(rows[i].label, r == (rows[i].host ? 0 : -EINVAL));
                if (r < 0)
                        continue;
                TEST_ROW(rows[i].label, bytes_equal(host, bytes_of(rows[i].host)));
                TEST_ROW(rows[i].label, bytes_equal(path, bytes_of(rows[i].path)));
        }
}

int main(void) {
        test_answers();
        test_split();
        return 0;
}
