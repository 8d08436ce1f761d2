#pragma once

/*
 * Maildir: folders and files, with the durability that is promised here and nothing decided
 *
 * A MaildirRoot is the tree of an account, a Maildir one folder of it. All file access is by *at()
 * calls below descriptors that were opened without following symbolic links out of the tree.
 * The bytes of a message are kept but for line ends: CRLF becomes LF on the way in, LF becomes CRLF
 * on the way out. A lone CR or LF is kept on the way in, and so is a CRLF behind a CR; on the way
 * out a CRLF stays. So what came in goes out the same, a lone LF excepted.
 *
 * Functions return 0 or a negative errno as the system said it; -ENOENT for a file that another
 * program renamed or removed meanwhile, which is ordinary; -ELOOP for a symbolic link in the way;
 * -EINVAL for a file name that no message can have (empty, hidden, with a "/").
 */

#include <stdio.h>
#include <sys/types.h>

#include "base/macro.h"
#include "config/config.h" /* MaildirLayout only */
#include "store/maildir-name.h"

typedef struct MaildirRoot MaildirRoot;
typedef struct Maildir Maildir;

/**
 * maildir_root_open() - the tree of an account
 * @path:   absolute; the one path in which symbolic links are followed
 * @create: make the directory and its parents if they are missing (0700)
 *
 * Return: -ENOENT if it is missing and @create is false, -EINVAL if @path is not absolute.
 */
int maildir_root_open(const char *path, MaildirLayout layout, bool create, MaildirRoot **ret_root);
MaildirRoot *maildir_root_free(MaildirRoot *root);

/* As it was opened; borrowed. */
const char *maildir_root_path(const MaildirRoot *root);

/* st_dev and st_ino of the root's directory: whether it is the tree that was there last time. */
int maildir_root_identity(const MaildirRoot *root, uint64_t *ret_dev, uint64_t *ret_ino);

/**
 * maildir_root_list() - every folder that has cur/ or new/
 * @found: called with the mailbox name (UTF-8 with "/"), borrowed; a negative return ends the list.
 *         A directory whose name cannot be a mailbox (mailbox_name_check) is given with @bad true.
 *
 * Directories that are hidden and lost+found are nobody's mailbox (fs). A directory that cannot be
 * read ends the list with its error: a list with a gap would look like a deletion.
 */
int maildir_root_list(MaildirRoot *root,
                      int (*found)(const char *mailbox, bool bad, void *userdata), void *userdata);

/**
 * maildir_root_walk() - every directory that is a folder or in which one may be made
 * @visit: called for a directory before its entries are read, so that who watches it misses nothing.
 *         @fd is borrowed; @mailbox is NULL for the root of the fs layout, which is no mailbox. A
 *         negative return ends the walk.
 */
int maildir_root_walk(MaildirRoot *root,
                      int (*visit)(int fd, const char *mailbox, bool bad, void *userdata),
                      void *userdata);

/**
 * maildir_create() - cur/, new/, tmp/ and the parents; durable on return
 *
 * Return: 0 also if it exists; -EINVAL for a mailbox that the layout cannot hold: in maildir++ a
 *         level with a ".", in fs a level that begins with "." or is the 65th, and "cur", "new",
 *         "tmp" or "dovecot-keywords" below another mailbox; -ENAMETOOLONG when the directory's name
 *         would be (maildir++).
 */
int maildir_create(MaildirRoot *root, const char *mailbox);

/**
 * maildir_rename_folder() - give a folder and all below it another name; durable on return
 *
 * Parents that are missing are made. In maildir++ each folder below is renamed by itself, so that a
 * crash may leave some behind: calling it again goes on.
 *
 * Return: -ENOENT if there is nothing of that name, -EEXIST or -ENOTEMPTY if there is one already,
 *         -EINVAL for INBOX in maildir++, a name as in maildir_create(), or a new name below the old.
 */
int maildir_rename_folder(MaildirRoot *root, const char *old_mailbox, const char *new_mailbox);

/**
 * maildir_remove_folder() - delete a folder with its messages; durable on return
 * @may: may this message's file go? What is in tmp/ goes unasked. Return: 1, 0, or negative
 *
 * Nothing at all is removed if there is a message that may not go. Folders below it stay (in the fs layout in a directory that is no mailbox then), and so do files
 * beside cur/ that are not of mail programs. A crash leaves a part: calling it again goes on.
 *
 * Return: -ENOENT if there is nothing of that name, -EINVAL for INBOX in maildir++, -ENOTEMPTY if
 *         there is a message that may not go, or came meanwhile, or if somebody made directories in
 *         cur/, new/ or tmp/.
 */
int maildir_remove_folder(MaildirRoot *root, const char *mailbox,
                          int (*may)(const char *name, void *userdata), void *userdata);

/* -ENOENT if the folder (its cur/ or new/) does not exist; a tmp/ that is missing is made for the
 * first delivery. */
int maildir_open(MaildirRoot *root, const char *mailbox, Maildir **ret_maildir);
Maildir *maildir_free(Maildir *maildir);

/* What stays the same when the folder is renamed, and what no folder after it will have: the inode of
 * cur/ and when it was made, as text. */
#define MAILDIR_IDENTITY_SIZE 64u
int maildir_identity(const Maildir *maildir, char ret_identity[MAILDIR_IDENTITY_SIZE]);

/* The absolute path of the folder, for messages and inotify; borrowed. */
const char *maildir_path(const Maildir *maildir);

/*
 * Which mailboxes are subscribed: the file "subscriptions" beside the folders, as Dovecot has it, a
 * name a line. Without that file there is no opinion, nor where something else has its name: a mailbox,
 * which the server may call so.
 */
#define MAILDIR_SUBSCRIPTIONS_FILE "subscriptions"
typedef struct MaildirSubscriptions {
        bool exists;
        bool has_tabs; /* the file's second form: a header, and tabs between the levels */
        char **names;  /* owned, UTF-8 with "/"; in the order of the file */
        size_t n_names;
} MaildirSubscriptions;

#define MAILDIR_SUBSCRIPTIONS_NULL ((MaildirSubscriptions){0})

int maildir_subscriptions_load(const MaildirRoot *root, MaildirSubscriptions *ret_subscriptions);
void maildir_subscriptions_done(MaildirSubscriptions *subscriptions);
bool maildir_subscriptions_have(const MaildirSubscriptions *subscriptions, const char *mailbox);

/* Change one, and the name of one with all below it. Durable on return; nothing happens without the
 * file. Return: -EBUSY while another program changes it ("subscriptions.lock", as Dovecot has it). */
int maildir_subscribe(const MaildirRoot *root, const char *mailbox, bool subscribe);
int maildir_subscriptions_rename(const MaildirRoot *root, const char *old_mailbox,
                                 const char *new_mailbox);

/* Descriptors of new/ and cur/; borrowed. */
typedef enum MaildirSub {
        MAILDIR_NEW,
        MAILDIR_CUR,
} MaildirSub;
int maildir_fd(const Maildir *maildir, MaildirSub sub);

/* What tells without a scan that nothing has changed: the directories' identity and times. */
typedef struct MaildirToken {
        uint64_t ino[2];     /* of new/, cur/ */
        int64_t mtime_ns[2]; /* since 1970 */
} MaildirToken;

int maildir_token(const Maildir *maildir, MaildirToken *ret_token);

/* A young mtime proves nothing: another change may come in the same tick of the file system's clock.
 * Young is two seconds, or 25 ms where the file system shows that it counts finer than that. */
bool maildir_token_is_settled(const MaildirToken *token, int64_t now_ns);
bool maildir_token_equal(const MaildirToken *a, const MaildirToken *b);

/* Scan new/ then cur/ by one pass of getdents. Names that begin with "." and directories are left
 * out. A message that is renamed meanwhile may come twice or, within cur/, not at all: a name that
 * is missing proves something only if the token is the same before and after. */
typedef struct MaildirScan MaildirScan;
int maildir_scan_new(Maildir *maildir, MaildirScan **ret_scan);
/* Return: 1 and a name (borrowed until the next call), 0 at the end, or negative. */
int maildir_scan_next(MaildirScan *scan, MaildirSub *ret_sub, const char **ret_name);
MaildirScan *maildir_scan_free(MaildirScan *scan);

/* Find the present name of a base: tries @hint in cur/ and new/ first (a name as last seen, may be
 * NULL) and the base alone, then looks through both. -ENOENT when it is in neither; -EAGAIN when it was not found and
 * the folder changed during each of several looks. @ret_name is owned by the caller. */
int maildir_find(Maildir *maildir, const char *base, const char *hint, MaildirSub *ret_sub,
                 char **ret_name);

/* The folder's letters. Missing file: all free. Saving writes beside, fsyncs and renames. Lines
 * "0 work": number of the letter and name, as Dovecot writes them. */
int maildir_letters_load(Maildir *maildir, MaildirLetters *ret_letters);
int maildir_letters_save(Maildir *maildir, const MaildirLetters *letters);

/*
 * Delivery, in the order that loses nothing: begin, write..., finish; then for many at once
 * sync (durable in tmp/), and after the state was committed publish (rename into new/ or cur/), and
 * maildir_sync_dirs(). A delivery freed before it was published removes its file from tmp/, unless
 * maildir_delivery_abandon() was called. Free all deliveries before their Maildir.
 *
 * A delivery holds one descriptor until sync. The write buffer is one for all deliveries of a
 * Maildir: writing to them by turns works, but flushes each time.
 */
typedef struct MaildirDelivery MaildirDelivery;
/* @base: from maildir_name_new(); the file is created in tmp/ with O_EXCL, mode 0600. */
int maildir_delivery_new(Maildir *maildir, const char *base, MaildirDelivery **ret_delivery);
/* The message that is @name in another folder, by a link or, where that is not possible, a copy:
 * finished. Nobody changes a message's file, only its name, so that both are as good as two files. */
int maildir_delivery_copy(Maildir *maildir, const char *base, Maildir *from, MaildirSub sub,
                          const char *name, MaildirDelivery **ret_delivery);
/* CRLF to LF across the borders of pieces. Buffered; -ENOSPC and such may come later. */
int maildir_delivery_write(MaildirDelivery *delivery, ByteView piece);
/* Flush, set the mtime (seconds since 1970; 0: leave it), begin write-back. Any error of a write that
 * was not told before is told here. */
int maildir_delivery_finish(MaildirDelivery *delivery, int64_t mtime);
/* fsync. When it fails the data is lost: free the delivery and fetch again. Closes the file. */
int maildir_delivery_sync(MaildirDelivery *delivery);
/* Rename into place as @name; -EEXIST if something is there already (renameat2 RENAME_NOREPLACE). */
int maildir_delivery_publish(MaildirDelivery *delivery, MaildirSub sub, const char *name);
void maildir_delivery_abandon(MaildirDelivery *delivery);
const char *maildir_delivery_base(const MaildirDelivery *delivery);
MaildirDelivery *maildir_delivery_free(MaildirDelivery *delivery);

/* After a crash: is @base still in tmp/ ? Move it to its place. -ENOENT if it is not there. */
int maildir_publish_leftover(Maildir *maildir, const char *base, MaildirSub sub, const char *name);
/* Remove files from tmp/ that a process of ours on this @host has left there: one that has ended, or that has
 * not touched them for 36 hours before @now (seconds since 1970). Not one that @is_known returns true for. */
int maildir_clean_tmp(Maildir *maildir, const char *host, int64_t now,
                      bool (*is_known)(const char *base, void *userdata), void *userdata);

/* fsync of tmp/: after this, a delivery that was synced is found there after a power cut, or where it
 * was published to. */
int maildir_sync_tmp(Maildir *maildir);

/* fsync of new/ and cur/ (those that were written to since the last call). */
int maildir_sync_dirs(Maildir *maildir);

/* Rename @old_name in @sub to cur/@new_name. No-op when equal. -EEXIST is never overwritten. */
int maildir_rename(Maildir *maildir, MaildirSub sub, const char *old_name, const char *new_name);
int maildir_unlink(Maildir *maildir, MaildirSub sub, const char *name);
/* The same into another folder of the tree; -EXDEV when that is on another file system. Both folders
 * need maildir_sync_dirs(), @to first. */
int maildir_move(Maildir *from, MaildirSub from_sub, const char *old_name, Maildir *to,
                 MaildirSub to_sub, const char *new_name);

/* What stays the same when a file is renamed, also to another folder, and what another file does not
 * have that comes to its inode later: a digest of inode, size and mtime; never 0. */
int maildir_object(Maildir *maildir, MaildirSub sub, const char *name, uint64_t *ret_object);
int maildir_delivery_object(const MaildirDelivery *delivery, uint64_t *ret_object);

/* Reading a message with CRLF line ends. */
typedef struct MaildirReader MaildirReader;
/* @ret_size: bytes that the reader will give (counted by a pass over the file), @ret_mtime: seconds.
 * A symbolic link or anything but a regular file is -ELOOP / -EINVAL. */
int maildir_reader_new(Maildir *maildir, MaildirSub sub, const char *name,
                       MaildirReader **ret_reader, uint64_t *ret_size, int64_t *ret_mtime);
/* Return: bytes put into @buffer, 0 at the end, or negative; -EIO when the file changed underneath
 * and would give another size than stated. */
ssize_t maildir_reader_read(MaildirReader *reader, char *buffer, size_t size);
MaildirReader *maildir_reader_free(MaildirReader *reader);

DEFINE_CLEANUP(MaildirRoot *, maildir_root_free)
DEFINE_CLEANUP(Maildir *, maildir_free)
DEFINE_CLEANUP(MaildirScan *, maildir_scan_free)
DEFINE_CLEANUP(MaildirDelivery *, maildir_delivery_free)
DEFINE_CLEANUP(MaildirReader *, maildir_reader_free)
