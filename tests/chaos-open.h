#pragma once

/* What the preloaded libraries share. */

#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>

/* The variable "mode" of an open() with "flags": its third argument, if it has one. */
#define OPEN_MODE(flags)                                                                           \
        mode_t mode = 0;                                                                           \
        if (flags & O_CREAT) {                                                                     \
                va_list args;                                                                      \
                va_start(args, flags);                                                             \
                mode = va_arg(args, mode_t);                                                       \
                va_end(args);                                                                      \
        }
