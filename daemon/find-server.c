/* imapsyncd --find-server: the two places of an autoconfig file, one after the other. */

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "daemon/autoconfig.h"
#include "daemon/find-server.h"
#include "daemon/https.h"
#include "daemon/log.h"

#define TIMEOUT_USEC     ((uint64_t) 6 * 1000000)
#define REDIRECTIONS_MAX 3u

static const char *const hosts[] = {"autoconfig.%s", "%s"};
static const char *const paths[] = {
        "/mail/config-v1.1.xml",
        "/.well-known/autoconfig/mail/config-v1.1.xml",
};

typedef struct Find {
        sd_event *event;    /* owned */
        const char *domain; /* borrowed */
        Https *https;       /* owned; the one under way */
        Https *over;        /* owned; the one whose callback this may be */
        size_t place;       /* of the two */
        unsigned n_redirections;
        AutoconfigServer server;
        bool is_found;
} Find;

static void find_done(Find *find) {
        https_free(find->https);
        https_free(find->over);
        sd_event_unref(find->event);
}

static void on_done(Https *https, int error, const HttpAnswer *answer, void *userdata);

static int ask(Find *find, const char *host, const char *path) {
        log_debug("asking https://%s%s", host, path);
        return https_get(find->event, host, path, TIMEOUT_USEC, on_done, find, &find->https);
}

static void ask_place(Find *find) {
        char host[300];

        while (find->place < ARRAY_SIZE(hosts)) {
                (void) snprintf(host, sizeof(host), hosts[find->place], find->domain);
                find->n_redirections = 0;
                if (ask(find, host, paths[find->place]) >= 0)
                        return;
                find->place++;
        }
        (void) sd_event_exit(find->event, 0);
}

/* The server has proved who it is, and says where else to look. Return: whether that is being done. */
static bool follow(Find *find, const HttpAnswer *answer) {
        _cleanup_free_ char *host = NULL, *path = NULL;
        ByteView host_view, path_view;

        if (answer->status < 300 || answer->status > 308 ||
            find->n_redirections++ >= REDIRECTIONS_MAX ||
            https_split(answer->location, &host_view, &path_view) < 0)
                return false;
        host = bytes_dup(host_view);
        path = bytes_dup(path_view);
        return host && path && ask(find, host, path) >= 0;
}

static void on_done(Https *https, int error, const HttpAnswer *answer, void *userdata) {
        Find *find = userdata;

        https_free(find->over);
        find->over = https;
        find->https = NULL;
        if (error < 0)
                log_debug("no answer: %s", strerror(-error));
        if (error == 0 && answer->status == 200 &&
            autoconfig_parse(answer->body, find->domain, &find->server) == 0) {
                find->is_found = true;
                (void) sd_event_exit(find->event, 0);
                return;
        }
        if (error == 0 && follow(find, answer))
                return;
        find->place++;
        ask_place(find);
}

static bool is_domain(const char *domain) {
        const size_t n = strlen(domain);

        return n > 0 && n < 240 && domain[0] != '-' && domain[0] != '.' &&
               strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
                       n;
}

int find_server_run(const char *domain) {
        _cleanup_(find_done) Find find = {.domain = domain};
        int r;

        if (!is_domain(domain)) {
                log_error("“%s” is no domain", domain);
                return 2;
        }
        r = sd_event_default(&find.event);
        if (r >= 0) {
                ask_place(&find);
                r = sd_event_loop(find.event);
        }
        if (r < 0)
                log_debug("cannot look for a server: %s", strerror(-r));
        if (find.is_found)
                printf("found\t%s\t%u\t%s\t%s\n", find.server.host, find.server.port,
                       find.server.tls == TLS_IMPLICIT ? "implicit" : "starttls",
                       find.server.user == AUTOCONFIG_USER_ADDRESS ? "address" : "local-part");
        else
                puts("none");
        return fflush(stdout) == 0 ? 0 : 1;
}
