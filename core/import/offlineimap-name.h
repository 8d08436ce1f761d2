#pragma once

/*
 * What other programs have written into the name of a Maildir's file, and OfflineIMAP's old list (pure)
 *
 * ",U=17" is the UID that the file has for its program: mbsync's own number, OfflineIMAP's is the server's.
 * ",FMD5=..." is the MD5 of the folder's name: in another folder the number is void.
 */

#include "imap/flags.h"

/* The number behind the last ",U=" of a base name. @ret_fmd5: 32 digits behind ",FMD5=", or empty. Return: 0,
 * or -ENOENT if it has no such number. */
int import_name_uid(ByteView base, uint32_t *ret_uid, ByteView *ret_fmd5);

/* OfflineIMAP's list before it used SQLite: a first line that says so, and a message a line. @each as in
 * mbsync_state_parse(). Return: 0, or -EBADMSG if it is not such a list or is cut short. */
int offlineimap_list_parse(ByteView text,
                           int (*each)(uint32_t uid, MessageFlags flags, void *userdata),
                           void *userdata);
