/* Looking through new/ and cur/: all names, or the one of a message. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/maildir-private.h"

struct MaildirScan {
        const Maildir *maildir; /* borrowed */
        MaildirSub sub;
        DIR *dir; /* owned; NULL after the end */
};

/* The directory is opened anew: a position shared with another scan would skip names. */
static int scan_open(MaildirScan *scan, MaildirSub sub) {
        int r;

        r = maildir_open_entries(scan->maildir->fds[sub], &scan->dir);
        if (r < 0)
                return r;

        scan->sub = sub;
        return 0;
}

static void scan_close(MaildirScan *scan) {
        if (scan->dir)
                (void) closedir(scan->dir);
        scan->dir = NULL;
}

int maildir_scan_new(Maildir *maildir, MaildirScan **ret_scan) {
        _cleanup_(maildir_scan_freep) MaildirScan *scan = NULL;
        int r;

        scan = malloc(sizeof(*scan));
        if (!scan)
                return -ENOMEM;
        *scan = (MaildirScan){.maildir = maildir};

        /* new/ first: what is moved to cur/ meanwhile is met twice and not missed */
        r = scan_open(scan, MAILDIR_NEW);
        if (r < 0)
                return r;

        *ret_scan = TAKE_PTR(scan);
        return 0;
}

int maildir_scan_next(MaildirScan *scan, MaildirSub *ret_sub, const char **ret_name) {
        while (scan->dir) {
                struct dirent *entry;
                int r;

                errno = 0;
                entry = readdir(scan->dir);
                if (!entry && errno != 0)
                        return -errno;

                if (entry && entry->d_type != DT_DIR && maildir_is_file_name(entry->d_name)) {
                        *ret_sub = scan->sub;
                        *ret_name = entry->d_name;
                        return 1;
                }

                if (!entry) {
                        scan_close(scan);
                        if (scan->sub == MAILDIR_CUR)
                                break;
                        r = scan_open(scan, MAILDIR_CUR);
                        if (r < 0)
                                return r;
                }
        }

        return 0;
}

MaildirScan *maildir_scan_free(MaildirScan *scan) {
        if (!scan)
                return NULL;

        scan_close(scan);
        free(scan);
        return NULL;
}

static bool has_base(const char *name, const char *base) {
        return bytes_equal(maildir_name_base(bytes_of(name)), bytes_of(base));
}

/* Return: 1 if @hint is where it was or only went from new/ to cur/ or back, 0 if not. */
static int find_hint(Maildir *maildir, const char *hint, MaildirSub *ret_sub, char **ret_name) {
        static const MaildirSub subs[] = {MAILDIR_CUR, MAILDIR_NEW};

        for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
                struct stat st;

                if (fstatat(maildir->fds[subs[i]], hint, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                        if (errno != ENOENT)
                                return -errno;
                        continue;
                }

                *ret_name = bytes_dup(bytes_of(hint));
                if (!*ret_name)
                        return -ENOMEM;
                *ret_sub = subs[i];
                return 1;
        }

        return 0;
}

/* Return: 1 if found, 0 if not. */
static int find_scan(Maildir *maildir, const char *base, MaildirSub *ret_sub, char **ret_name) {
        _cleanup_(maildir_scan_freep) MaildirScan *scan = NULL;
        const char *name;
        MaildirSub sub;
        int r;

        r = maildir_scan_new(maildir, &scan);
        if (r < 0)
                return r;

        while ((r = maildir_scan_next(scan, &sub, &name)) > 0) {
                if (!has_base(name, base))
                        continue;

                *ret_name = bytes_dup(bytes_of(name));
                if (!*ret_name)
                        return -ENOMEM;
                *ret_sub = sub;
                return 1;
        }

        return r;
}

int maildir_find(Maildir *maildir, const char *base, const char *hint, MaildirSub *ret_sub,
                 char **ret_name) {
        MaildirToken before, after;
        int r;

        if (!maildir_is_file_name(base))
                return -EINVAL;

        if (hint && maildir_is_file_name(hint) && has_base(hint, base)) {
                r = find_hint(maildir, hint, ret_sub, ret_name);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        r = find_hint(maildir, base, ret_sub, ret_name); /* new mail has no flags in its name */
        if (r != 0)
                return r < 0 ? r : 0;

        /* A file that is renamed during a scan may be missed: it is gone only if nothing moved. */
        for (unsigned tries = 0; tries < 4; tries++) {
                r = maildir_token(maildir, &before);
                if (r < 0)
                        return r;
                r = find_scan(maildir, base, ret_sub, ret_name);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = maildir_token(maildir, &after);
                if (r < 0)
                        return r;
                if (maildir_token_equal(&before, &after))
                        return -ENOENT;
        }

        return -EAGAIN;
}
