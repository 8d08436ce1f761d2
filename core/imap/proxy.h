#pragma once

/*
 * What is said to a proxy before anything is said to the server (pure)
 *
 *      SOCKS5          RFC 1928; by user name and password RFC 1929
 *      HTTP CONNECT    RFC 9110 section 9.3.6; by Basic RFC 7617
 *
 * The proxy is told the server's name and looks it up itself. Not one byte behind its answer is taken: that is the
 * server's already. What it can make grow is less than 20 kB.
 */

#include "base/bytes.h"
#include "base/macro.h"

typedef enum ProxyKind {
        PROXY_SOCKS5,
        PROXY_HTTP,
} ProxyKind;

typedef struct ProxyOptions {
        ProxyKind kind;
        const char *host;     /* of the server */
        unsigned port;        /* of the server */
        ByteView address;     /* if that is an address: its 4 or 16 bytes; else empty */
        const char *user;     /* NULL: none */
        const char *password; /* with a user */
} ProxyOptions;

typedef enum ProxyOutcome {
        PROXY_MORE,    /* more must come, or leave */
        PROXY_OPEN,    /* from now on it is the server */
        PROXY_REFUSED, /* a person must act: proxy_sentence() */
        PROXY_FAILED,  /* try again later: proxy_sentence() */
} ProxyOutcome;

/* A name and a password of SOCKS5 and what it is asked for have so many bytes at most. */
#define PROXY_SOCKS5_MAX 255u

typedef struct ProxyDialogue ProxyDialogue;

/* Nothing of @options is needed any more after it. Return: 0, -EINVAL for what cannot be asked for, -ENOMEM. */
int proxy_new(const ProxyOptions *options, ProxyDialogue **ret_dialogue);
ProxyDialogue *proxy_free(ProxyDialogue *dialogue);

/* What is to be said now; borrowed until the next call. Then how much of it has left. */
ByteView proxy_output(const ProxyDialogue *dialogue);
void proxy_sent(ProxyDialogue *dialogue, size_t n);

/**
 * proxy_push() - what the proxy says
 * @ret_taken: so many bytes of it belong to the dialogue; all of them with PROXY_MORE
 *
 * Return: a ProxyOutcome, the same for ever once it is not PROXY_MORE, or -ENOMEM.
 */
int proxy_push(ProxyDialogue *dialogue, ByteView bytes, size_t *ret_taken);

/* The proxy has closed the connection. Return: PROXY_REFUSED, PROXY_FAILED, or -ENOMEM. */
int proxy_closed(ProxyDialogue *dialogue);

/* Once REFUSED or FAILED, what the proxy does, as the rest of a sentence: "speaks no SOCKS5". Borrowed. */
const char *proxy_sentence(const ProxyDialogue *dialogue);

DEFINE_CLEANUP(ProxyDialogue *, proxy_free)
