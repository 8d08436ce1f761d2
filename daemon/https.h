#pragma once

/*
 * One small file by HTTPS: for the autoconfig file of a domain, and nothing else
 *
 * HTTP/1.0, so that the answer is as it stands and ends with the connection. The server must prove that it is
 * the host that was asked for. Redirections are not followed here: the owner decides.
 */

#include <systemd/sd-event.h>

#include "base/bytes.h"
#include "base/macro.h"

#define HTTPS_BODY_MAX (64u * 1024)

typedef struct Https Https;

/* The header and body of an answer, taken apart. */
typedef struct HttpAnswer {
        unsigned status;
        ByteView location; /* of a redirection; size 0: none */
        ByteView body;
} HttpAnswer;

/* Return: 0; -EBADMSG for what is no answer, or not all of one. */
int http_parse(ByteView text, HttpAnswer *ret_answer);

/* "https://HOST/PATH" without port and user; parts borrowed. Return: 0, or -EINVAL for another kind. */
int https_split(ByteView url, ByteView *ret_host, ByteView *ret_path);

/* Called once, from the loop; it may free the Https. @error: negative errno; else @answer. */
typedef void (*HttpsFn)(Https *https, int error, const HttpAnswer *answer, void *userdata);

/* @path: begins with "/". Return: 0, or a negative errno of this machine. */
int https_get(sd_event *event, const char *host, const char *path, uint64_t timeout_usec,
              HttpsFn on_done, void *userdata, Https **ret_https);
Https *https_free(Https *https);

DEFINE_CLEANUP(Https *, https_free)
