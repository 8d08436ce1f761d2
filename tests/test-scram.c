/* SCRAM by the examples of its RFCs, and everything that a server may get wrong, or do on purpose. */

#include <errno.h>

#include "base/macro.h"
#include "daemon/sasl-crypto.h"
#include "imap/scram.h"
#include "test.h"

typedef struct ScramRow {
        const char *label;
        SaslHash hash;
        ScramBinding binding;
        const char *user, *password, *nonce;
        const char *first, *server_first, *answer, *server_last;
        int answered, verified;
} ScramRow;

#define RFC_5802 "fyko+d2lbbFgONRv9qkxdawL"
#define RFC_7677 "rOprNGfwEbeRWgbNEkqO"

static const char exporter[] = "0123456789abcdefghijklmnopqrstuv";

static void run(const ScramRow *row) {
        const ScramOptions options = {
                .hash = row->hash,
                .binding = row->binding,
                .exporter = {exporter, 32},
                .user = row->user,
                .password = row->password,
                .nonce = row->nonce,
                .crypto = &sasl_crypto_openssl,
        };
        _cleanup_(scram_freep) Scram *scram = NULL;
        _cleanup_(buffer_done) Buffer first = BUFFER_NULL, answer = BUFFER_NULL;
        int r;

        assert(scram_new(&options, &scram) == 0);
        assert(scram_first(scram, &first) == 0);
        TEST_ROW(row->label, bytes_equal(buffer_view(&first), bytes_of(row->first)));

        r = scram_answer(scram, bytes_of(row->server_first), &answer);
        TEST_ROW(row->label, r == row->answered);
        TEST_ROW(row->label, bytes_equal(buffer_view(&answer), bytes_of(row->answer)));
        if (r != 0)
                TEST_ROW(row->label, scram_complaint(r));
        if (!row->server_last)
                return;

        r = scram_verify(scram, bytes_of(row->server_last));
        TEST_ROW(row->label, r == row->verified);
        TEST_ROW(row->label, scram_is_verified(scram) == (r == 0));
}

#define FIRST_5802  "n,,n=user,r=" RFC_5802
#define SERVER_5802 "r=" RFC_5802 "3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define ANSWER_5802 "c=biws,r=" RFC_5802 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="

#define SHA_1(label, server_first, answer, server_last, answered, verified)                        \
        {                                                                                          \
                label, SASL_HASH_SHA_1, SCRAM_BINDING_NONE, "user", "pencil", RFC_5802,            \
                        FIRST_5802, server_first, answer, server_last, answered, verified          \
        }

static const ScramRow rows[] = {
        SHA_1("RFC 5802 section 5", SERVER_5802, ANSWER_5802, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", 0,
              0),
        {"RFC 7677 section 3",              SASL_HASH_SHA_256, SCRAM_BINDING_NONE,      "user",          "pencil",       RFC_7677,
           "n,,n=user,r=" RFC_7677,
           "r=" RFC_7677 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
           "c=biws,r=" RFC_7677
         "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",                                                                                                                   "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", 0,             0},
        SHA_1("an extension behind the signature", SERVER_5802, ANSWER_5802,
              "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=y", 0, 0),
        SHA_1("another signature", SERVER_5802, ANSWER_5802, "v=smF9pqV8S7suAoZWja4dJRkFsKQ=", 0,
              SCRAM_E_SIGNATURE),
        SHA_1("half a signature", SERVER_5802, ANSWER_5802, "v=rmF9pqV8", 0, SCRAM_E_SIGNATURE),
        SHA_1("no signature", SERVER_5802, ANSWER_5802, "v=", 0, SCRAM_E_SIGNATURE),
        SHA_1("no message", SERVER_5802, ANSWER_5802, "", 0, SCRAM_E_SYNTAX),
        SHA_1("not in base64", SERVER_5802, ANSWER_5802, "v=rmF9*qV8", 0, SCRAM_E_SYNTAX),
        SHA_1("a wrong password", SERVER_5802, ANSWER_5802, "e=invalid-proof", 0, SCRAM_E_SERVER),
        SHA_1("a signature before the proof", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "",
              "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", SCRAM_E_SYNTAX, SCRAM_E_SYNTAX),
        SHA_1("zeros for a signature that was never made", "r=", "",
              "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", SCRAM_E_SYNTAX, SCRAM_E_SYNTAX),
        SHA_1("our nonce alone", "r=" RFC_5802 ",s=QSXCR+Q6sek8bf92,i=4096", "", NULL,
              SCRAM_E_NONCE, 0),
        SHA_1("another nonce", "r=Fyko+d2lbbFgONRv9qkxdawLxx,s=QSXCR+Q6sek8bf92,i=4096", "", NULL,
              SCRAM_E_NONCE, 0),
        SHA_1("a shorter nonce", "r=fyko,s=QSXCR+Q6sek8bf92,i=4096", "", NULL, SCRAM_E_NONCE, 0),
        SHA_1("a blank in the nonce", "r=" RFC_5802 " x,s=QSXCR+Q6sek8bf92,i=4096", "", NULL,
              SCRAM_E_SYNTAX, 0),
        SHA_1("too few iterations", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=4095", "", NULL,
              SCRAM_E_ITERATIONS, 0),
        SHA_1("one iteration", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=1", "", NULL,
              SCRAM_E_ITERATIONS, 0),
        SHA_1("too many iterations", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=2000001", "", NULL,
              SCRAM_E_ITERATIONS, 0),
        SHA_1("more than any number", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
              "", NULL, SCRAM_E_ITERATIONS, 0),
        SHA_1("no number", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=", "", NULL, SCRAM_E_SYNTAX, 0),
        SHA_1("a number with a sign", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=+4096", "", NULL,
              SCRAM_E_SYNTAX, 0),
        SHA_1("a number with zeros", "r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=04096", "", NULL,
              SCRAM_E_SYNTAX, 0),
        SHA_1("no salt", "r=" RFC_5802 "x,s=,i=4096", "", NULL, SCRAM_E_SYNTAX, 0),
        SHA_1("salt that is none", "r=" RFC_5802 "x,s=QSX,i=4096", "", NULL, SCRAM_E_SYNTAX, 0),
        SHA_1("in another order", "r=" RFC_5802 "x,i=4096,s=QSXCR+Q6sek8bf92", "", NULL,
              SCRAM_E_SYNTAX, 0),
        SHA_1("an extension that must be known", "m=x,r=" RFC_5802 "x,s=QSXCR+Q6sek8bf92,i=4096",
              "", NULL, SCRAM_E_EXTENSION, 0),
        SHA_1("nothing", "", "", NULL, SCRAM_E_SYNTAX, 0),
        SHA_1("a letter", "r", "", NULL, SCRAM_E_SYNTAX, 0),
        {"a name with what must be quoted", SASL_HASH_SHA_1,   SCRAM_BINDING_SUPPORTED, "a=b,c",         "p",
           "n",                                                                                                                      "y,,n=a=3Db=2Cc,r=n",             "r=n,s=QSXCR+Q6sek8bf92,i=4096", "", NULL,                                             SCRAM_E_NONCE, 0},
 /* by a program of its own: Python's hashlib and hmac */
        {"y comes again",                   SASL_HASH_SHA_1,   SCRAM_BINDING_SUPPORTED, "user",          "pencil",       RFC_5802,
           "y,,n=user,r=" RFC_5802,                                                                                                                                    SERVER_5802,
           "c=eSws,r=" RFC_5802 "3rfcNHYJY1ZVvWVs7j,p=BjZF5dV+EkD3YCb3pH3IP8riMGw=",
           "v=dsprQ5R2AGYt1kn4bQRwTAE0PTU=",                                                                                                                                                                                                                  0,             0},
        {"channel binding",                 SASL_HASH_SHA_256, SCRAM_BINDING_USED,      "user",          "pencil",       RFC_5802,
           "p=tls-exporter,,n=user,r=" RFC_5802,                                                                                                                       SERVER_5802,
           "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2,r=" RFC_5802
         "3rfcNHYJY1ZVvWVs7j,p=RQCms5rxdDoKAtqWl6Kx44QduAmOyfvRgA+aMhGbeZ4=",                                                                                                                               "v=r5gOof0FiuPtoCpDovaFBwyqT6b3laJgj5VSjUiAnUQ=", 0,             0},
        {"UTF-8 as it is",                  SASL_HASH_SHA_256, SCRAM_BINDING_NONE,      "j\xc3\xbcrgen", "\xe2\x82\xac",
           RFC_5802,                                                                                                                 "n,,n=j\xc3\xbcrgen,r=" RFC_5802, SERVER_5802,
           "c=biws,r=" RFC_5802 "3rfcNHYJY1ZVvWVs7j,p=R4YiB6k1Xw0/5pllGfRu0D6U8SA5fH9Y3VMvKXGVRsI=",
           "v=ulJ6WPHMtlSgxAIRx6wlw5mcZiauuiQ0qqtmQqELq9M=",                                                                                                                                                                                                  0,             0},
};

/* Nothing that is cut off is taken for whole, but for the number, which may be cut to a smaller one. */
static void test_prefixes(void) {
        const ScramOptions options = {
                .hash = SASL_HASH_SHA_1,
                .user = "user",
                .password = "pencil",
                .nonce = RFC_5802,
                .crypto = &sasl_crypto_openssl,
        };
        static const ByteView whole = BYTES(SERVER_5802);

        for (size_t n = 0; n < whole.size; n++) {
                _cleanup_(scram_freep) Scram *scram = NULL;
                _cleanup_(buffer_done) Buffer answer = BUFFER_NULL;

                assert(scram_new(&options, &scram) == 0);
                assert(scram_answer(scram, (ByteView){whole.data, n}, &answer) > 0);
                assert(answer.size == 0 && !scram_is_verified(scram));
        }
}

static void test_nonce(void) {
        char a[SASL_NONCE_SIZE], b[SASL_NONCE_SIZE];

        assert(sasl_nonce(a) == 0 && sasl_nonce(b) == 0);
        assert(strlen(a) == SASL_NONCE_SIZE - 1 && !strpbrk(a, ",= "));
        assert(strcmp(a, b) != 0);
}

int main(void) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                run(&rows[i]);
        test_prefixes();
        test_nonce();
        return 0;
}
