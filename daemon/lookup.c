/* The addresses of a host: at once where they are known, by a thread where they are not. */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

#undef MAX /* of <sys/param.h>, which <resolv.h> brings */
#undef MIN
#include "daemon/lookup.h"

/* What name service modules of the C library want, and a small part of the default 8 MB. */
enum { THREAD_STACK_SIZE = 256 * 1024 };

struct Lookup {
        atomic_uint n_refs; /* the owner and the thread */
        int fd;             /* an eventfd, written by the thread; -EBADF without a thread */
        char *host;         /* owned */
        char port[6];

        /* Written before the eventfd is, read after. */
        atomic_bool done;
        int code; /* of getaddrinfo() */
        int system_errno;
        struct addrinfo *addresses; /* owned */
};

Lookup *lookup_unref(Lookup *l) {
        if (!l || atomic_fetch_sub_explicit(&l->n_refs, 1, memory_order_acq_rel) > 1)
                return NULL;

        if (l->fd >= 0)
                (void) close(l->fd);
        if (l->addresses)
                freeaddrinfo(l->addresses);
        free(l->host);
        free(l);
        return NULL;
}

static void lookup_resolve(Lookup *l, const char *host, int flags) {
        const struct addrinfo hints = {
                .ai_family = AF_UNSPEC,
                .ai_socktype = SOCK_STREAM,
                .ai_protocol = IPPROTO_TCP,
                .ai_flags = AI_NUMERICSERV | flags,
        };

        l->code = getaddrinfo(host, l->port, &hints, &l->addresses);
        l->system_errno = errno;
        atomic_store_explicit(&l->done, true, memory_order_release);
}

/*
 * A question that gets lost, as they do in a network that is just coming up, is asked again after 1 s, not
 * after 5, and then after 2 and 4 more. Whoever has set another time (resolv.conf, RES_OPTIONS) knows better.
 *
 * A thread may get the memory of one that has ended, with the state of its resolver in it, which the C
 * library then takes for changes of ours that it need not keep.
 */
static void be_impatient(void) {
        memset(&_res, 0, sizeof(_res));
        if (res_init() < 0 || _res.retrans != RES_TIMEOUT)
                return;
        _res.retrans = 1;
        _res.retry = 4;
}

static void *lookup_thread(void *userdata) {
        Lookup *l = userdata;

        be_impatient();
        lookup_resolve(l, l->host, AI_ADDRCONFIG);
        (void) eventfd_write(l->fd, 1);
        lookup_unref(l);
        return NULL;
}

/* RFC 6761 section 6.3: loopback, whatever a resolver says. A NULL host is just that. */
static bool is_localhost(const char *host) {
        return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0;
}

/* Signals belong to the loop, so the thread is born with all of them blocked. */
static int lookup_start_thread(Lookup *l) {
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_t thread;
        int error;

        error = pthread_attr_init(&attributes);
        if (error != 0)
                return -error;
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_BLOCK, &all, &before);
        atomic_fetch_add_explicit(&l->n_refs, 1, memory_order_relaxed);
        error = pthread_create(&thread, &attributes, lookup_thread, l);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);

        if (error != 0)
                lookup_unref(l);
        return -error;
}

int lookup_new(const char *host, uint16_t port, Lookup **ret_lookup) {
        _cleanup_(lookup_unrefp) Lookup *l = NULL;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (Lookup){.n_refs = 1, .fd = -EBADF};
        snprintf(l->port, sizeof(l->port), "%u", (unsigned) port);

        if (is_localhost(host))
                lookup_resolve(l, NULL, 0);
        else
                lookup_resolve(l, host, AI_NUMERICHOST);

        if (l->code == EAI_NONAME) {
                l->done = false;
                l->host = strdup(host);
                if (!l->host)
                        return -ENOMEM;
                l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (l->fd < 0)
                        return -errno;
                r = lookup_start_thread(l);
                if (r < 0)
                        return r;
        }

        *ret_lookup = TAKE_PTR(l);
        return 0;
}

int lookup_fd(const Lookup *l) {
        return l->fd;
}

int lookup_result(const Lookup *l, const struct addrinfo **ret_addresses,
                  const char **reterr_reason) {
        assert(atomic_load_explicit(&l->done, memory_order_acquire));

        if (l->code == 0) {
                *ret_addresses = l->addresses;
                return 0;
        }

        if (l->code == EAI_SYSTEM) {
                *reterr_reason = strerror(l->system_errno);
                return -l->system_errno;
        }
        *reterr_reason = gai_strerror(l->code);
        return l->code == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
}
