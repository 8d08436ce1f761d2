#pragma once

/* Inside of the Maildir modules; for everybody else store/maildir.h. */

#include <dirent.h>

#include "store/maildir.h"

struct MaildirRoot {
        char *path; /* owned, absolute */
        int fd;     /* of the tree's directory */
        MaildirLayout layout;
};

struct Maildir {
        char *path;    /* owned, absolute */
        int fds[2];    /* of new/ and cur/, by MaildirSub; every other path starts at cur/ */
        int tmp_fd;    /* -1 until the first delivery */
        bool dirty[2]; /* written to since maildir_sync_dirs() */

        /* One write buffer for all deliveries: they come one after the other, or nearly so. */
        unsigned n_deliveries;
        char *buffer; /* owned, NULL when there is no delivery */
        size_t n_buffered;
        MaildirDelivery
                *writer; /* whose bytes are in the buffer; borrowed, NULL when it is empty */
};

/* Levels of a mailbox below the root in the fs layout: a walk holds two descriptors for
 * each. */
#define MAILDIR_LEVELS_MAX 64u

/* A name that a folder has for itself: "cur", "new", "tmp", or of a file of keywords? */
bool maildir_is_own_name(const char *name, size_t n);

/* Is @mailbox @parent itself, or below it? */
static inline bool maildir_is_below(const char *mailbox, const char *parent) {
        const size_t n = strlen(parent);

        return strncmp(mailbox, parent, n) == 0 && (mailbox[n] == '/' || mailbox[n] == '\0');
}

/* One component, never through a symbolic link: -ELOOP; -ENOTDIR if it is something else. @name may
 * begin with "../", which leads to the real parent of what @fd is. */
int maildir_open_dir(int fd, const char *name, int *ret_fd);

/* Read a directory from its begin, whoever else reads it; @fd is borrowed. */
int maildir_open_entries(int fd, DIR **ret_dir);

static inline void maildir_close_entriesp(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

/* Append the mailbox's path below the root, nothing for the root itself. -EINVAL, -ENAMETOOLONG. */
int maildir_append_path(const MaildirRoot *root, const char *mailbox, Buffer *path);

/* Follow @path, which is changed, from the root by one component after the other; make those that
 * are missing if @create, durably. */
int maildir_open_path(const MaildirRoot *root, char *path, bool create, int *ret_fd);

/* Can @name be a message's file: one component, not hidden, at most 255 bytes? */
bool maildir_is_file_name(const char *name);

/* rename(2) that never replaces: -EEXIST. */
int maildir_rename_new(int old_fd, const char *old_name, int new_fd, const char *new_name);

/* The descriptor of tmp/, which is made if it is missing. Borrowed. */
int maildir_open_tmp(Maildir *maildir, int *ret_fd);

/* maildir_object() of a file in any directory. */
int maildir_object_at(int fd, const char *name, uint64_t *ret_object);

/* -ELOOP for a symbolic link, -EINVAL for anything but a regular file, -ENOENT. */
int maildir_check_regular(int fd, const char *name);
