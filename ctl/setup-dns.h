#pragma once

/*
 * Answers of the DNS: SRV records (RFC 2782, as RFC 6186 uses them) and MX records
 *
 * The answers are anybody's bytes: the parsers read them with the bounds of the message, keep a few records,
 * and give only names that a host may have.
 */

#include <stdint.h>

#include "base/bytes.h"

#define DNS_RECORDS_MAX 16u

typedef struct DnsRecord {
        char host[256]; /* without a dot at the end; "": the service is not offered (SRV) */
        uint16_t port;  /* SRV */
        uint16_t priority, weight;
} DnsRecord;

/* The best first. */
typedef struct DnsAnswer {
        DnsRecord records[DNS_RECORDS_MAX];
        size_t n_records;
} DnsAnswer;

typedef enum DnsType {
        DNS_SRV,
        DNS_MX,
} DnsType;

/* Return: 0, with no records if there are none; -EBADMSG for what is no answer. */
int dns_parse(ByteView message, DnsType type, DnsAnswer *ret_answer);

/* Ask for them, and wait some seconds at most. Return: 0, with no records if there are none; -EHOSTUNREACH if
 * nobody answers. */
int dns_ask(const char *name, DnsType type, DnsAnswer *ret_answer);
