#pragma once

/*
 * Small macros: ownership at the end of a scope, giving it away, array sizes.
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Run fn(&variable) when the variable goes out of scope. */
#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/* Give ownership away: yields the pointer and leaves NULL behind, so that cleanup is a no-op. */
#define TAKE_PTR(ptr)                                                                              \
        __extension__({                                                                            \
                __typeof__(ptr) *_from = &(ptr);                                                   \
                __typeof__(ptr) _taken = *_from;                                                   \
                *_from = NULL;                                                                     \
                _taken;                                                                            \
        })

/* The same for a file descriptor, which leaves -1 (none) behind. */
#define TAKE_FD(fd)                                                                                \
        __extension__({                                                                            \
                int *_from = &(fd);                                                                \
                int _taken = *_from;                                                               \
                *_from = -1;                                                                       \
                _taken;                                                                            \
        })

/* From "Foo *foo_free(Foo *)", which accepts NULL and returns NULL, make the scope-exit helper. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type *object) {                                                   \
                *object = fn(*object);                                                             \
        }

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static inline void free_charp(char **p) {
        free(*p);
}

static inline void close_fdp(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

#define _cleanup_free_  _cleanup_(free_charp)
#define _cleanup_close_ _cleanup_(close_fdp)
