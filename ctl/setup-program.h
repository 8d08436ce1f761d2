#pragma once

/*
 * Other programs that setup runs: what they are told, what they say, how they end
 *
 * They stay in the group of the terminal, so that Ctrl-C ends them too, and may use it (a passphrase).
 */

#include "base/bytes.h"

/* Is there a program of that name in $PATH? */
bool program_exists(const char *name);

/* imapsyncd beside this program, else by $PATH. Owned by the caller; NULL when out of memory. */
char *program_daemon(void);

typedef struct Program {
        const char *const *words; /* NULL-terminated */
        ByteView input;           /* standard input: all of it, in memory that is gone afterwards */
        Buffer *output;           /* standard output; NULL: to nowhere */
        int keep_fd;              /* it finds this descriptor open under the same number; 0: none */
        bool be_quiet;            /* standard error to nowhere */
} Program;

/* Return: its exit status; 128 and the signal; or a negative errno: -ENOENT if there is no such program,
 * -EINTR if the user interrupted it. */
int program_run(const Program *program);

/* A descriptor that holds @text and nobody else can read, closed on exec; or a negative errno. */
int program_text_fd(ByteView text);
