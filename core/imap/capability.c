/* Capabilities: names to a set of bits and back. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/macro.h"
#include "imap/capability.h"

static_assert(_IMAP_CAPABILITY_MAX <= 64, "a capability is one bit of 64");

static const char *const names[_IMAP_CAPABILITY_MAX] = {
        [IMAP_CAPABILITY_IMAP4REV1] = "IMAP4rev1",
        [IMAP_CAPABILITY_STARTTLS] = "STARTTLS",
        [IMAP_CAPABILITY_LOGINDISABLED] = "LOGINDISABLED",
        [IMAP_CAPABILITY_AUTH_PLAIN] = "AUTH=PLAIN",
        [IMAP_CAPABILITY_AUTH_LOGIN] = "AUTH=LOGIN",
        [IMAP_CAPABILITY_AUTH_CRAM_MD5] = "AUTH=CRAM-MD5",
        [IMAP_CAPABILITY_AUTH_SCRAM_SHA_1] = "AUTH=SCRAM-SHA-1",
        [IMAP_CAPABILITY_AUTH_SCRAM_SHA_1_PLUS] = "AUTH=SCRAM-SHA-1-PLUS",
        [IMAP_CAPABILITY_AUTH_SCRAM_SHA_256] = "AUTH=SCRAM-SHA-256",
        [IMAP_CAPABILITY_AUTH_SCRAM_SHA_256_PLUS] = "AUTH=SCRAM-SHA-256-PLUS",
        [IMAP_CAPABILITY_AUTH_XOAUTH2] = "AUTH=XOAUTH2",
        [IMAP_CAPABILITY_AUTH_OAUTHBEARER] = "AUTH=OAUTHBEARER",
        [IMAP_CAPABILITY_AUTH_EXTERNAL] = "AUTH=EXTERNAL",
        [IMAP_CAPABILITY_SASL_IR] = "SASL-IR",
        [IMAP_CAPABILITY_ENABLE] = "ENABLE",
        [IMAP_CAPABILITY_CONDSTORE] = "CONDSTORE",
        [IMAP_CAPABILITY_QRESYNC] = "QRESYNC",
        [IMAP_CAPABILITY_COMPRESS_DEFLATE] = "COMPRESS=DEFLATE",
        [IMAP_CAPABILITY_NOTIFY] = "NOTIFY",
        [IMAP_CAPABILITY_IDLE] = "IDLE",
        [IMAP_CAPABILITY_LIST_EXTENDED] = "LIST-EXTENDED",
        [IMAP_CAPABILITY_LIST_STATUS] = "LIST-STATUS",
        [IMAP_CAPABILITY_SPECIAL_USE] = "SPECIAL-USE",
        [IMAP_CAPABILITY_UIDPLUS] = "UIDPLUS",
        [IMAP_CAPABILITY_LITERAL_PLUS] = "LITERAL+",
        [IMAP_CAPABILITY_LITERAL_MINUS] = "LITERAL-",
        [IMAP_CAPABILITY_ESEARCH] = "ESEARCH",
        [IMAP_CAPABILITY_UNSELECT] = "UNSELECT",
        [IMAP_CAPABILITY_MOVE] = "MOVE",
        [IMAP_CAPABILITY_MULTIAPPEND] = "MULTIAPPEND",
        [IMAP_CAPABILITY_OBJECTID] = "OBJECTID",
        [IMAP_CAPABILITY_ID] = "ID",
        [IMAP_CAPABILITY_NAMESPACE] = "NAMESPACE",
        [IMAP_CAPABILITY_APPENDLIMIT] = "APPENDLIMIT",
        [IMAP_CAPABILITY_UIDONLY] = "UIDONLY",
        [IMAP_CAPABILITY_STATUS_SIZE] = "STATUS=SIZE",
        [IMAP_CAPABILITY_GMAIL] = "X-GM-EXT-1",
};

static void add_bit(ImapCapabilities *capabilities, ImapCapability one) {
        capabilities->bits |= (uint64_t) 1 << one;
}

void imap_capabilities_remove(ImapCapabilities *capabilities, uint64_t bits) {
        capabilities->bits &= ~bits;
        if (!imap_has(capabilities, IMAP_CAPABILITY_APPENDLIMIT))
                capabilities->append_limit = 0;
}

uint64_t imap_capabilities_of_login(void) {
        uint64_t bits = (uint64_t) 1 << IMAP_CAPABILITY_LOGINDISABLED;

        for (unsigned i = IMAP_CAPABILITY_AUTH_PLAIN; i <= IMAP_CAPABILITY_AUTH_EXTERNAL; i++)
                bits |= (uint64_t) 1 << i;
        return bits;
}

ImapCapability imap_capability_find(ByteView name) {
        unsigned i = 0;

        while (i < _IMAP_CAPABILITY_MAX && !bytes_equal_fold(name, bytes_of(names[i])))
                i++;
        return (ImapCapability) i;
}

static void add_word(ImapCapabilities *capabilities, ByteView word) {
        static const ByteView limit = BYTES("APPENDLIMIT=");
        const ImapCapability one = imap_capability_find(word);

        if (one < _IMAP_CAPABILITY_MAX) {
                add_bit(capabilities, one);
                return;
        }

        if (bytes_starts_fold(word, limit)) {
                ByteView digits = {word.data + limit.size, word.size - limit.size};

                if (bytes_to_u64(digits, INT64_MAX, &capabilities->append_limit) == 0)
                        add_bit(capabilities, IMAP_CAPABILITY_APPENDLIMIT);
        }
}

ImapCapabilities imap_capabilities_parse(ByteView words) {
        ImapCapabilities capabilities = {0};

        while (words.size > 0)
                add_word(&capabilities, bytes_take_until(&words, ' '));

        return capabilities;
}

const char *imap_enable_command(const ImapCapabilities *has) {
        static const char *const commands[2][2] = {
                {NULL,             "ENABLE UIDONLY"        },
                {"ENABLE QRESYNC", "ENABLE QRESYNC UIDONLY"},
        };

        if (!imap_has(has, IMAP_CAPABILITY_ENABLE))
                return NULL;
        return commands[imap_has(has, IMAP_CAPABILITY_QRESYNC)]
                       [imap_has(has, IMAP_CAPABILITY_UIDONLY)];
}

static int format_one(const ImapCapabilities *capabilities, ImapCapability one, Buffer *out) {
        if (one == IMAP_CAPABILITY_APPENDLIMIT && capabilities->append_limit > 0)
                return buffer_append_format(out, "%s=%" PRIu64, names[one],
                                            capabilities->append_limit);

        return buffer_append_string(out, names[one]);
}

int imap_capabilities_format(const ImapCapabilities *capabilities, Buffer *out) {
        const size_t start = out->size;

        for (unsigned i = 0; i < _IMAP_CAPABILITY_MAX; i++) {
                int r = 0;

                if (!imap_has(capabilities, (ImapCapability) i))
                        continue;

                if (out->size > start)
                        r = buffer_append_string(out, " ");
                if (r == 0)
                        r = format_one(capabilities, (ImapCapability) i, out);
                if (r < 0) {
                        out->size = start;
                        return r;
                }
        }

        return 0;
}
