/* Values of the configuration: numbers, times, words, pins; lines, comments and quotes. */

#include <errno.h>
#include <inttypes.h>

#include "base/macro.h"
#include "config/config-line.h"
#include "config/config-value.h"
#include "test.h"

static void test_bool(void) {
        static const struct {
                const char *text;
                int result;
                bool value;
        } rows[] = {
                {"yes",   0,       true },
                {"TRUE",  0,       true },
                {"on",    0,       true },
                {"1",     0,       true },
                {"no",    0,       false},
                {"False", 0,       false},
                {"off",   0,       false},
                {"0",     0,       false},
                {"",      -EINVAL, false},
                {"y",     -EINVAL, false},
                {"yes ",  -EINVAL, false},
                {"2",     -EINVAL, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool value = !rows[i].value;

                TEST_ROW(rows[i].text, value_parse_bool(rows[i].text, &value) == rows[i].result);
                TEST_ROW(rows[i].text, rows[i].result < 0 || value == rows[i].value);
        }
}

static void test_percent(void) {
        static const struct {
                const char *text;
                int result;
                uint64_t value;
        } rows[] = {
                {"25%",  0,       25 },
                {"25",   0,       25 },
                {"25 %", 0,       25 },
                {"0%",   0,       0  },
                {"100%", 0,       100},
                {"101%", -EINVAL, 0  },
                {"-1%",  -EINVAL, 0  },
                {"%",    -EINVAL, 0  },
                {"",     -EINVAL, 0  },
                {"25%%", -EINVAL, 0  },
                {"2.5%", -EINVAL, 0  },
                {" 25%", -EINVAL, 0  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t value = 0;

                TEST_ROW(rows[i].text, value_parse_percent(rows[i].text, &value) == rows[i].result);
                TEST_ROW(rows[i].text, value == rows[i].value);
        }
}

static void test_unsigned(void) {
        static const struct {
                const char *text;
                uint64_t min, max;
                int result;
        } rows[] = {
                {"1",     1, 65535, 0      },
                {"65535", 1, 65535, 0      },
                {"65536", 1, 65535, -EINVAL},
                {"0",     1, 65535, -EINVAL},
                {"0",     0, 5,     0      },
                {"",      0, 5,     -EINVAL},
                {"imaps", 1, 65535, -EINVAL},
                {"+1",    1, 65535, -EINVAL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t value;
                int r = value_parse_unsigned(rows[i].text, rows[i].min, rows[i].max, &value);

                TEST_ROW(rows[i].text, r == rows[i].result);
        }
}

static void test_size(void) {
        static const struct {
                const char *text;
                int result;
                uint64_t bytes;
        } rows[] = {
                {"0",                    0,       0                        },
                {"1500",                 0,       1500                     },
                {"512k",                 0,       512 * 1024               },
                {"1M",                   0,       1024 * 1024              },
                {"2G",                   0,       (uint64_t) 2 << 30       },
                {"16777215T",            0,       (uint64_t) 16777215 << 40},
                {"16777216T",            -EINVAL, 0                        },
                {"18446744073709551616", -EINVAL, 0                        },
                {"",                     -EINVAL, 0                        },
                {"M",                    -EINVAL, 0                        },
                {"1m",                   -EINVAL, 0                        },
                {"1 M",                  -EINVAL, 0                        },
                {"1MB",                  -EINVAL, 0                        },
                {"1.5M",                 -EINVAL, 0                        },
                {"-1",                   -EINVAL, 0                        },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t bytes = 0;

                TEST_ROW(rows[i].text, value_parse_size(rows[i].text, &bytes) == rows[i].result);
                TEST_ROW(rows[i].text, bytes == rows[i].bytes);
        }
}

static void test_rate(void) {
        static const struct {
                const char *text;
                int result;
                uint64_t bytes;
        } rows[] = {
                {"500kB/s",               0,       500000    },
                {"500 kB/s",              0,       500000    },
                {"500k",                  0,       500000    },
                {"2M/s",                  0,       2000000   },
                {"2MB",                   0,       2000000   },
                {"1G",                    0,       1000000000},
                {"12345",                 0,       12345     },
                {"12345B/s",              0,       12345     },
                {"0",                     0,       0         },
                {"18446744073709551615",  0,       UINT64_MAX},
                {"",                      -EINVAL, 7         },
                {"kB/s",                  -EINVAL, 7         },
                {"-1",                    -EINVAL, 7         },
                {"1.5M",                  -EINVAL, 7         },
                {"5Mbit/s",               -EINVAL, 7         },
                {"5KB/s",                 -EINVAL, 7         },
                {"5kk",                   -EINVAL, 7         },
                {"5k/m",                  -EINVAL, 7         },
                {"5kB/s ",                -EINVAL, 7         },
                {"18446744073709551616",  -EINVAL, 7         },
                {"18446744073709551615k", -EINVAL, 7         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t bytes = 7;

                TEST_ROW(rows[i].text, value_parse_rate(rows[i].text, &bytes) == rows[i].result);
                TEST_ROW(rows[i].text, bytes == rows[i].bytes);
        }
}

static void test_age(void) {
        static const struct {
                const char *text;
                int result;
                uint64_t sec;
        } rows[] = {
                {"90d",     0,       90 * 86400},
                {"12w",     0,       84 * 86400},
                {"1d12h",   0,       129600    },
                {"24h",     0,       86400     },
                {"0",       0,       0         },
                {"0d",      0,       0         },
                {"23h",     -EINVAL, 0         },
                {"1ms",     -EINVAL, 0         },
                {"90",      -EINVAL, 0         },
                {"a month", -EINVAL, 0         },
                {"",        -EINVAL, 0         },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t sec = 0;

                TEST_ROW(rows[i].text, value_parse_age(rows[i].text, &sec) == rows[i].result);
                TEST_ROW(rows[i].text, sec == rows[i].sec);
        }
}

static void test_duration(void) {
        static const struct {
                const char *text;
                int result;
                uint64_t usec;
                const char *formatted;
        } rows[] = {
                {"30s",                  0,       30 * USEC_PER_SEC,   "30s"  },
                {"30",                   0,       30 * USEC_PER_SEC,   "30s"  },
                {"30 sec",               0,       30 * USEC_PER_SEC,   "30s"  },
                {"90s",                  0,       90 * USEC_PER_SEC,   "90s"  },
                {"5min",                 0,       5 * USEC_PER_MIN,    "5min" },
                {"5m",                   0,       5 * USEC_PER_MIN,    "5min" },
                {"60min",                0,       USEC_PER_HOUR,       "1h"   },
                {"1h 30min",             0,       90 * USEC_PER_MIN,   "90min"},
                {"1h30min",              0,       90 * USEC_PER_MIN,   "90min"},
                {"2hr",                  0,       2 * USEC_PER_HOUR,   "2h"   },
                {"1d",                   0,       USEC_PER_DAY,        "1d"   },
                {"2w",                   0,       14 * USEC_PER_DAY,   "14d"  },
                {"250ms",                0,       250 * USEC_PER_MSEC, "250ms"},
                {"0",                    0,       0,                   "0ms"  },
                {"",                     -EINVAL, 0,                   NULL   },
                {"s",                    -EINVAL, 0,                   NULL   },
                {"5 bananas",            -EINVAL, 0,                   NULL   },
                {"5M",                   -EINVAL, 0,                   NULL   },
                {"1.5h",                 -EINVAL, 0,                   NULL   },
                {"-5s",                  -EINVAL, 0,                   NULL   },
                {" 5s",                  -EINVAL, 0,                   NULL   },
                {"18446744073709551615", -EINVAL, 0,                   NULL   },
                {"213503982334601d 1d",  -EINVAL, 0,                   NULL   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char buffer[VALUE_DURATION_MAX];
                uint64_t usec = 0, again;

                TEST_ROW(rows[i].text, value_parse_duration(rows[i].text, &usec) == rows[i].result);
                TEST_ROW(rows[i].text, usec == rows[i].usec);
                if (rows[i].result < 0)
                        continue;
                value_format_duration(usec, buffer);
                TEST_ROW(rows[i].text, strcmp(buffer, rows[i].formatted) == 0);
                TEST_ROW(rows[i].text, value_parse_duration(buffer, &again) == 0 && again == usec);
        }
}

static void test_words(void) {
        static const char *const words[] = {
                "host",           "port", "password-command", "password-file", "maildir",
                "maildir-layout", NULL,
        };
        static const struct {
                const char *text;
                const char *nearest; /* "": none */
        } rows[] = {
                {"hots",                                              "host"            },
                {"prot",                                              "port"            },
                {"password_command",                                  "password-command"},
                {"passwordcommand",                                   "password-command"},
                {"Host",                                              "host"            },
                {"maildirlayout",                                     "maildir-layout"  },
                {"mail-dir",                                          "maildir"         },
                {"x",                                                 ""                },
                {"",                                                  ""                },
                {"colour",                                            ""                },
                {"a-word-that-is-much-longer-than-any-key-could-be-", ""                },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *nearest = value_nearest_word(rows[i].text, words);

                TEST_ROW(rows[i].text, strcmp(nearest ? nearest : "", rows[i].nearest) == 0);
        }

        assert(value_parse_word("port", words) == 1);
        assert(value_parse_word("Port", words) == -EINVAL);
}

static void test_predicates(void) {
#define HEX "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
        static const struct {
                const char *text;
                bool name, loopback, pin;
        } rows[] = {
                {"work",                                                true,  false, false},
                {"a.b-c_D9",                                            true,  false, false},
                {".hidden",                                             false, false, false},
                {"a b",                                                 false, false, false},
                {"a/b",                                                 false, false, false},
                {"",                                                    false, false, false},
                {"0123456789",                                          true,  false, false},
                {"01234567890",                                         false, false, false},
                {"localhost",                                           true,  true,  false},
                {"LocalHost",                                           true,  true,  false},
                {"127.0.0.1",                                           true,  true,  false},
                {"127.255.255.254",                                     false, true,  false},
                {"::1",                                                 false, true,  false},
                {"127.1",                                               true,  false, false},
                {"127.0.0.256",                                         false, false, false},
                {"127.0.0.1.",                                          true,  false, false},
                {"127.0.0.1.example.org",                               false, false, false},
                {"128.0.0.1",                                           true,  false, false},
                {"localhost.example.org",                               false, false, false},
                {"sha256:" HEX,                                         false, false, true },
                {"sha256:" HEX "0",                                     false, false, false},
                {"sha1:" HEX,                                           false, false, false},
                {HEX,                                                   false, false, false},
                {"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false, false, true },
                {"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", false, false, false},
                {"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU", false, false, false},
                {"sha256:47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                TEST_ROW(rows[i].text, value_is_name(rows[i].text, 10) == rows[i].name);
                TEST_ROW(rows[i].text, value_is_loopback(rows[i].text) == rows[i].loopback);
                TEST_ROW(rows[i].text, value_is_pin(rows[i].text) == rows[i].pin);
        }
}

static void test_host(void) {
        static const struct {
                const char *text, *host; /* NULL: none */
        } rows[] = {
                {"imap.example.org", "imap.example.org"},
                {"192.0.2.1",        "192.0.2.1"       },
                {"::1",              "::1"             },
                {"[::1]",            "::1"             },
                {"[2001:db8::17]",   "2001:db8::17"    },
                {"fe80::1%eth0",     "fe80::1%eth0"    },
                {"[fe80::1%eth0]",   "fe80::1%eth0"    },
                {"[192.0.2.1]",      NULL              },
                {"[example.org]",    NULL              },
                {"[::1",             NULL              },
                {"::1]",             NULL              },
                {"[]",               NULL              },
                {"[::1]:993",        NULL              },
                {"example.org:993",  NULL              },
                {"1:2:3",            NULL              },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *host = NULL;

                TEST_ROW(rows[i].text,
                         value_parse_host(rows[i].text, &host) == (rows[i].host ? 0 : -EINVAL));
                TEST_ROW(rows[i].text, !rows[i].host || strcmp(host, rows[i].host) == 0);
        }
}

static void test_strip(void) {
        static const struct {
                const char *line;
                const char *stripped;
                bool continues;
        } rows[] = {
                {"host = a # b",               "host = a",                false},
                {"host = a ; b",               "host = a",                false},
                {"host = a\t#b",               "host = a",                false},
                {"host = a#b",                 "host = a#b",              false},
                {"host = #",                   "host =",                  false},
                {"host =#a",                   "host =#a",                false},
                {"# host = a",                 "",                        false},
                {"   ; host",                  "",                        false},
                {"  a  ",                      "  a",                     false},
                {"password = \"a #b\" # c",    "password = \"a #b\"",     false},
                {"password: \"a ;b\"",         "password: \"a ;b\"",      false},
                {"password = \"a\\\" #b\" #c", "password = \"a\\\" #b\"", false},
                {"password = \"a #b",          "password = \"a #b",       false},
                {"user = a\"b #c\"",           "user = a\"b",             false},
                {"[account a] # b",            "[account a]",             false},
                {"  \"#shared/*\" # b",        "  \"#shared/*\"",         true },
                {"  a = \"b # c\"",            "  a = \"b",               true },
                {"  *",                        "  *",                     true },
                {"  # *",                      "",                        true },
                {"",                           "",                        false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const ByteView stripped =
                        config_line_strip(bytes_of(rows[i].line), rows[i].continues);

                TEST_ROW(rows[i].line, bytes_equal(stripped, bytes_of(rows[i].stripped)));
        }
}

static void test_unquote(void) {
        static const struct {
                const char *text;
                int result;
                const char *value;
        } rows[] = {
                {"plain",          0,                   "plain" },
                {"",               0,                   ""      },
                {"a\"b\"",         0,                   "a\"b\""},
                {"\"\"",           0,                   ""      },
                {"\" a #b \"",     0,                   " a #b "},
                {"\"a\\\"b\\\\\"", 0,                   "a\"b\\"},
                {"\"a\\n\"",       0,                   "a\\n"  },
                {"\"",             CONFIG_LINE_E_QUOTE, NULL    },
                {"\"a",            CONFIG_LINE_E_QUOTE, NULL    },
                {"\"a\\\"",        CONFIG_LINE_E_QUOTE, NULL    },
                {"\"a\" b",        CONFIG_LINE_E_QUOTE, NULL    },
                {"\"a\"\"",        CONFIG_LINE_E_QUOTE, NULL    },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *value = strdup(rows[i].text);

                TEST_ROW(rows[i].text, config_value_unquote(value) == rows[i].result);
                TEST_ROW(rows[i].text, !rows[i].value || strcmp(value, rows[i].value) == 0);
        }
}

static void test_head(void) {
        static const struct {
                const char *head;
                int result;
                const char *word, *name;
        } rows[] = {
                {"[daemon]",          0,                  "daemon",  ""    },
                {"[account work]",    0,                  "account", "work"},
                {"[ account  work ]", 0,                  "account", "work"},
                {"[account a b]",     0,                  "account", "a b" },
                {"[]",                0,                  "",        ""    },
                {"[account work",     CONFIG_LINE_E_HEAD, NULL,      NULL  },
                {"[account work] x",  CONFIG_LINE_E_HEAD, NULL,      NULL  },
                {"[a]]",              CONFIG_LINE_E_HEAD, NULL,      NULL  },
                {"[",                 CONFIG_LINE_E_HEAD, NULL,      NULL  },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *head = strdup(rows[i].head);
                char *word, *name;

                TEST_ROW(rows[i].head, config_head_split(head, &word, &name) == rows[i].result);
                if (rows[i].result != 0)
                        continue;
                TEST_ROW(rows[i].head, strcmp(word, rows[i].word) == 0);
                TEST_ROW(rows[i].head, strcmp(name, rows[i].name) == 0);
        }
}

static void test_lines(void) {
        ByteView text = BYTES("a\nb\r\n\r\n\nc"), line;
        static const char *const lines[] = {"a", "b", "", "", "c"};

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                TEST_ROW(lines[i], config_line_take(&text, &line));
                TEST_ROW(lines[i], bytes_equal(line, bytes_of(lines[i])));
        }
        assert(!config_line_take(&text, &line));
}

static void test_check(void) {
        static const struct {
                const char *label;
                ByteView line;
                int result;
        } rows[] = {
                {"tab",                BYTES("a\tb"),             0                    },
                {"two bytes",          BYTES("\xC3\xA9"),         0                    },
                {"four bytes",         BYTES("\xF0\x9F\x93\xAB"), 0                    },
                {"NUL",                BYTES("a\0b"),             CONFIG_LINE_E_CONTROL},
                {"escape",             BYTES("\033[1m"),          CONFIG_LINE_E_CONTROL},
                {"delete",             BYTES("\x7F"),             CONFIG_LINE_E_CONTROL},
                {"carriage return",    BYTES("a\rb"),             CONFIG_LINE_E_CONTROL},
                {"Latin-1",            BYTES("caf\xE9"),          CONFIG_LINE_E_UTF8   },
                {"cut short",          BYTES("\xF0\x9F\x93"),     CONFIG_LINE_E_UTF8   },
                {"overlong",           BYTES("\xC0\xAF"),         CONFIG_LINE_E_UTF8   },
                {"overlong, 3 bytes",  BYTES("\xE0\x80\xAF"),     CONFIG_LINE_E_UTF8   },
                {"surrogate",          BYTES("\xED\xA0\x80"),     CONFIG_LINE_E_UTF8   },
                {"past U+10FFFF",      BYTES("\xF4\x90\x80\x80"), CONFIG_LINE_E_UTF8   },
                {"third byte missing", BYTES("\xE2\x80z"),        CONFIG_LINE_E_UTF8   },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                TEST_ROW(rows[i].label, config_line_check(rows[i].line) == rows[i].result);
}

int main(void) {
        test_bool();
        test_percent();
        test_unsigned();
        test_size();
        test_rate();
        test_duration();
        test_age();
        test_words();
        test_predicates();
        test_host();
        test_strip();
        test_unquote();
        test_head();
        test_lines();
        test_check();
        return 0;
}
