#pragma once

/*
 * Capabilities: names to a set of bits and back
 *
 * Only what this program makes use of has a bit; other names are ignored. The set is remembered as
 * text (capability_format) for the next login.
 */

#include "base/bytes.h"

typedef enum ImapCapability {
        IMAP_CAPABILITY_IMAP4REV1,
        IMAP_CAPABILITY_STARTTLS,
        IMAP_CAPABILITY_LOGINDISABLED,
        IMAP_CAPABILITY_AUTH_PLAIN,
        IMAP_CAPABILITY_AUTH_LOGIN,              /* draft-murchison-sasl-login */
        IMAP_CAPABILITY_AUTH_CRAM_MD5,           /* RFC 2195 */
        IMAP_CAPABILITY_AUTH_SCRAM_SHA_1,        /* RFC 5802 */
        IMAP_CAPABILITY_AUTH_SCRAM_SHA_1_PLUS,   /* RFC 5802 */
        IMAP_CAPABILITY_AUTH_SCRAM_SHA_256,      /* RFC 7677 */
        IMAP_CAPABILITY_AUTH_SCRAM_SHA_256_PLUS, /* RFC 7677 */
        IMAP_CAPABILITY_AUTH_XOAUTH2,            /* Google's */
        IMAP_CAPABILITY_AUTH_OAUTHBEARER,        /* RFC 7628 */
        IMAP_CAPABILITY_AUTH_EXTERNAL,           /* RFC 4422 */
        IMAP_CAPABILITY_SASL_IR,                 /* RFC 4959 */
        IMAP_CAPABILITY_ENABLE,                  /* RFC 5161 */
        IMAP_CAPABILITY_CONDSTORE,               /* RFC 7162 */
        IMAP_CAPABILITY_QRESYNC,                 /* RFC 7162 */
        IMAP_CAPABILITY_COMPRESS_DEFLATE,        /* RFC 4978 */
        IMAP_CAPABILITY_NOTIFY,                  /* RFC 5465 */
        IMAP_CAPABILITY_IDLE,                    /* RFC 2177 */
        IMAP_CAPABILITY_LIST_EXTENDED,           /* RFC 5258 */
        IMAP_CAPABILITY_LIST_STATUS,             /* RFC 5819 */
        IMAP_CAPABILITY_SPECIAL_USE,             /* RFC 6154 */
        IMAP_CAPABILITY_UIDPLUS,                 /* RFC 4315 */
        IMAP_CAPABILITY_LITERAL_PLUS,            /* RFC 7888 */
        IMAP_CAPABILITY_LITERAL_MINUS,           /* RFC 7888 */
        IMAP_CAPABILITY_ESEARCH,                 /* RFC 4731 */
        IMAP_CAPABILITY_UNSELECT,                /* RFC 3691 */
        IMAP_CAPABILITY_MOVE,                    /* RFC 6851 */
        IMAP_CAPABILITY_MULTIAPPEND,             /* RFC 3502 */
        IMAP_CAPABILITY_OBJECTID,                /* RFC 8474 */
        IMAP_CAPABILITY_ID,                      /* RFC 2971 */
        IMAP_CAPABILITY_NAMESPACE,               /* RFC 2342 */
        IMAP_CAPABILITY_APPENDLIMIT,             /* RFC 7889 */
        IMAP_CAPABILITY_UIDONLY,                 /* RFC 9586 */
        IMAP_CAPABILITY_STATUS_SIZE,             /* RFC 8438 */
        IMAP_CAPABILITY_GMAIL,                   /* X-GM-EXT-1 */
        _IMAP_CAPABILITY_MAX,
} ImapCapability;

typedef struct ImapCapabilities {
        uint64_t bits;
        uint64_t append_limit; /* APPENDLIMIT=n (RFC 7889); 0: none stated */
} ImapCapabilities;

static inline bool imap_has(const ImapCapabilities *capabilities, ImapCapability one) {
        return (capabilities->bits >> one) & 1;
}

/* What is said before the login, of the ways to log in, as bits. */
uint64_t imap_capabilities_of_login(void);

/* The words after "CAPABILITY", separated by spaces. A word without a bit is ignored. */
ImapCapabilities imap_capabilities_parse(ByteView words);

/* Take these away, as if they had not been said. */
void imap_capabilities_remove(ImapCapabilities *capabilities, uint64_t bits);

/* The capability of that name, as it is spelled in the list; _IMAP_CAPABILITY_MAX if it has no bit. */
ImapCapability imap_capability_find(ByteView name);

/* What must be enabled before it is used: "ENABLE QRESYNC UIDONLY", or less. NULL: nothing. */
const char *imap_enable_command(const ImapCapabilities *has);

/* Append the words, in the order of the enum, separated by spaces: parse() gives the same set back.
 * Return: 0, -ENOMEM, or -E2BIG from the buffer's limit. */
int imap_capabilities_format(const ImapCapabilities *capabilities, Buffer *out);
