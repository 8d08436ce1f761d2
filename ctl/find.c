/* Which daemon is meant. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/control.h"
#include "ctl/find.h"

void sockets_done(Sockets *sockets) {
        for (size_t i = 0; i < sockets->n_paths; i++)
                free(sockets->paths[i]);
        free(sockets->paths);
        *sockets = SOCKETS_NULL;
}

/* Takes @path. */
static int add(Sockets *sockets, char *path) {
        char **grown =
                path ? reallocarray(sockets->paths, sockets->n_paths + 1, sizeof(*grown)) : NULL;

        if (!grown) {
                free(path);
                return -ENOMEM;
        }
        sockets->paths = grown;
        grown[sockets->n_paths++] = path;
        return 0;
}

static int add_format(Sockets *sockets, const char *folder, const char *name) {
        char *path;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                path = NULL;
        return add(sockets, path);
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int add_instances(Sockets *sockets, const char *folder) {
        static const char prefix[] = CONTROL_SOCKET_NAME "@";
        const size_t first = sockets->n_paths;
        DIR *entries = opendir(folder);
        const struct dirent *entry;
        int r = 0;

        while (entries && r == 0 && (entry = readdir(entries)))
                if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
                        r = add_format(sockets, folder, entry->d_name);
        if (entries)
                (void) closedir(entries);
        if (r == 0)
                qsort(sockets->paths + first, sockets->n_paths - first, sizeof(*sockets->paths),
                      compare);
        return r;
}

/* An account's own socket, if it is there. */
static int add_own(Sockets *sockets, const char *folder, const char *account) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (strchr(account, '/'))
                return 0;
        if (asprintf(&path, "%s/" CONTROL_SOCKET_NAME "@%s", folder, account) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return lstat(path, &st) < 0 ? 0 : add(sockets, TAKE_PTR(path));
}

int sockets_find(const char *account, Sockets *ret_sockets) {
        _cleanup_(sockets_done) Sockets sockets = SOCKETS_NULL;
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_free_ char *folder = NULL;
        int r;

        if (!runtime || runtime[0] != '/')
                return -ENOENT;
        if (asprintf(&folder, "%s/" CONTROL_SOCKET_FOLDER, runtime) < 0) {
                folder = NULL;
                return -ENOMEM;
        }

        r = account ? add_own(&sockets, folder, account) : 0;
        if (r == 0)
                r = add_format(&sockets, folder, CONTROL_SOCKET_NAME);
        if (r == 0 && !account)
                r = add_instances(&sockets, folder);
        if (r < 0)
                return r;

        *ret_sockets = sockets;
        sockets = SOCKETS_NULL;
        return 0;
}
