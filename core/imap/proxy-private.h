#pragma once

/*
 * The insides of what is said to a proxy, shared by its files:
 *
 *      proxy.c           life, and how it ends
 *      proxy-socks5.c    SOCKS5
 *      proxy-http.c      HTTP CONNECT
 */

#include "imap/proxy.h"

enum {
        PROXY_WORDS_MAX = 100,        /* so much of what the proxy says is shown */
        PROXY_LINE_MAX = 2048,        /* of a line of HTTP; what is behind it is dropped */
        PROXY_HEADER_MAX = 16 * 1024, /* of all that is said in HTTP */
};

typedef enum ProxyStep {
        PROXY_STEP_METHOD, /* which way to log in does the proxy choose? */
        PROXY_STEP_LOGIN,  /* does it take the password? */
        PROXY_STEP_REPLY,  /* can it reach the server? */
        PROXY_STEP_BOUND,  /* by which address; of no interest, but it must be read */
        PROXY_STEP_STATUS, /* the first line of HTTP */
        PROXY_STEP_HEADER, /* the others */
        PROXY_STEP_OVER,
} ProxyStep;

struct ProxyDialogue {
        ProxyKind kind;
        char *target; /* owned: the server, for people */
        bool has_user;

        ProxyStep step;
        ProxyOutcome outcome;
        char *sentence; /* owned; NULL: none */

        /* Secrets: made large enough at first, wiped. Of SOCKS5 what is to be said later. */
        Buffer output;
        Buffer login, request;

        uint8_t heard[PROXY_SOCKS5_MAX + 8]; /* of SOCKS5, this step */
        size_t n_heard, n_wanted;

        Buffer line;   /* of HTTP: what has come of it */
        size_t n_read; /* of HTTP, in all */
        unsigned status;
        bool names_basic, names_others; /* ways to log in that it offers */
};

/* proxy.c */
/* Return: @outcome, or -ENOMEM. */
int proxy_give_up(ProxyDialogue *dialogue, ProxyOutcome outcome, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
int proxy_give_up_login(ProxyDialogue *dialogue);

/* proxy-socks5.c, proxy-http.c: to begin, and one byte. Return: 0 or -ENOMEM; a ProxyOutcome or -ENOMEM. */
int proxy_begin_socks5(ProxyDialogue *dialogue, const ProxyOptions *options);
int proxy_take_socks5(ProxyDialogue *dialogue, uint8_t byte);
int proxy_begin_http(ProxyDialogue *dialogue, const ProxyOptions *options);
int proxy_take_http(ProxyDialogue *dialogue, char byte);
bool proxy_wants_login(const ProxyDialogue *dialogue);
