/* Answers of the DNS: what a resolver, or whoever forges one, may send. */

#include <errno.h>

#include "base/macro.h"
#include "ctl/setup-dns.h"
#include "test.h"

/* A message with one question, "_imaps._tcp.example.org" at offset 12, and these answers. */
#define HEADER(n_answers) "\x12\x34\x81\x80\0\1\0" n_answers "\0\0\0\0"
#define QUESTION                                                                                   \
        "\6_imaps\4_tcp\7example\3org\0"                                                           \
        "\0\x21\0\1"
/* The name of the question, SRV, IN, an hour, and so many bytes. */
#define SRV(size) "\xc0\x0c\0\x21\0\1\0\0\x0e\x10\0" size
#define MX(size)  "\xc0\x0c\0\x0f\0\1\0\0\x0e\x10\0" size
#define DOMAIN    "\xc0\x18" /* example.org, in the question */

#define GOOD                                                                                       \
        HEADER("\2")                                                                               \
        QUESTION SRV("\x10") "\0\x0a\0\0\3\xe1\7"                                                  \
                             "backup1" DOMAIN SRV("\x0d") "\0\5\0\1\3\xe1\4"                       \
                                                          "imap" DOMAIN

static const struct {
        const char *label;
        ByteView message;
        DnsType type;
        int result;
        const char *hosts; /* "HOST:PORT " each */
} rows[] = {
        {"the best first",                    BYTES(GOOD),                                                         DNS_SRV, 0,
         "imap.example.org:993 backup1.example.org:993 "                                                                                                                    },
        {"the heavier of two",
         BYTES(HEADER("\2") QUESTION SRV("\x0a") "\0\5\0\1\3\xe1\1a" DOMAIN SRV(
                 "\x0a") "\0\5\0\2\3\xe1\1b" DOMAIN),
         DNS_SRV,                                                                                                           0,        "b.example.org:993 a.example.org:993 "},
        {"not offered",                       BYTES(HEADER("\1") QUESTION SRV("\7") "\0\0\0\0\0\0\0"),             DNS_SRV, 0,        ":0 "                                 },
        {"no answers",                        BYTES(HEADER("\0") QUESTION),                                        DNS_SRV, 0,        ""                                    },
        {"another type",                      BYTES(GOOD),                                                         DNS_MX,  0,        ""                                    },
        {"an alias on the way",
         BYTES(HEADER("\2") QUESTION
               "\xc0\x0c\0\5\0\1\0\0\x0e\x10\0\2\xc0\x0c" SRV("\x0a") "\0\5\0\1\3\xe1\1a" DOMAIN),
         DNS_SRV,                                                                                                           0,        "a.example.org:993 "                  },
        {"MX",                                BYTES(HEADER("\1") QUESTION MX("\x0a") "\0\5\5aspmx" DOMAIN),        DNS_MX,  0,
         "aspmx.example.org:0 "                                                                                                                                             },
        {"port 0",                            BYTES(HEADER("\1") QUESTION SRV("\x0a") "\0\5\0\1\0\0\1a" DOMAIN),   DNS_SRV, 0,
         ""                                                                                                                                                                 },
        {"a name with a control character",
         BYTES(HEADER("\1") QUESTION SRV("\x0a") "\0\5\0\1\3\xe1\1\n" DOMAIN),                                     DNS_SRV, 0,        ""                                    },
        {"a name with a blank",               BYTES(HEADER("\1") QUESTION SRV("\x0a") "\0\5\0\1\3\xe1\1 " DOMAIN),
         DNS_SRV,                                                                                                           0,        ""                                    },
        {"a name that begins like an option",
         BYTES(HEADER("\1") QUESTION SRV("\x0a") "\0\5\0\1\3\xe1\1-" DOMAIN),                                      DNS_SRV, 0,        ""                                    },
        {"a name that points at itself",
         BYTES(HEADER("\1") QUESTION SRV("\x08") "\0\5\0\1\3\xe1\xc0\x3f"),                                        DNS_SRV, 0,        ""                                    },
        {"a record that is too short",        BYTES(HEADER("\1") QUESTION SRV("\4") "\0\5\0\1"),                   DNS_SRV,
         0,                                                                                                                           ""                                    },
        {"a record beyond the end",           BYTES(HEADER("\1") QUESTION SRV("\x40") "\0\5\0\1"),                 DNS_SRV,
         -EBADMSG,                                                                                                                    NULL                                  },
        {"more answers than there are",       BYTES(HEADER("\7") QUESTION),                                        DNS_SRV, -EBADMSG, NULL                                  },
        {"nothing",                           BYTES(""),                                                           DNS_SRV, -EBADMSG, NULL                                  },
};

static void show(const DnsAnswer *answer, char *buffer, size_t size) {
        size_t n = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < answer->n_records; i++)
                n += (size_t) snprintf(buffer + n, size - n, "%s:%u ", answer->records[i].host,
                                       answer->records[i].port);
}

static void test_parse(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                DnsAnswer answer = {.n_records = 99};
                char text[1000];

                TEST_ROW(rows[i].label,
                         dns_parse(rows[i].message, rows[i].type, &answer) == rows[i].result);
                if (rows[i].result < 0) {
                        TEST_ROW(rows[i].label, answer.n_records == 99);
                        continue;
                }
                show(&answer, text, sizeof(text));
                TEST_ROW(rows[i].label, strcmp(text, rows[i].hosts) == 0);
        }
}

/* Whatever is cut off, no more is understood than the whole says, and never beyond the end. */
static void test_prefixes(void) {
        static const ByteView whole = BYTES(GOOD);

        for (size_t n = 0; n < whole.size; n++) {
                char *copy = malloc(n > 0 ? n : 1); /* so that a sanitizer sees the end */
                DnsAnswer answer;

                assert(copy);
                memcpy(copy, whole.data, n);
                assert(dns_parse((ByteView){copy, n}, DNS_SRV, &answer) == -EBADMSG);
                free(copy);
        }
}

int main(void) {
        test_parse();
        test_prefixes();
        return 0;
}
