#pragma once

#include <errno.h>

/* What a person can do about an error: to be put behind strerror(). @error: a negative errno. */
static inline const char *error_advice(int error) {
        return error == -ENOSPC || error == -EDQUOT ? "; make room there, then it goes on" : "";
}
