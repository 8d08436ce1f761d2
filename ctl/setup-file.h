#pragma once

/*
 * Files that setup writes: whole or not at all, durable, for this user's eyes, over nothing
 */

#include <sys/stat.h>

#include "base/bytes.h"

/* Make the folder of @path, and those above it, with mode 0700. Return: 0, or a negative errno. */
int file_make_folder(const char *path);

/* Can a file be made beside @path? Return: 0, or a negative errno. */
int file_try_folder(const char *path);

/* A new file, mode 0600. Return: 0, -EEXIST if there is one, or another negative errno. */
int file_create(const char *path, ByteView text);

typedef struct FileBefore {
        char *path;  /* owned: behind symbolic links */
        Buffer text; /* owned */
        struct stat stat;
        bool exists;
} FileBefore;

#define FILE_BEFORE_NULL ((FileBefore){0})

void file_before_done(FileBefore *before);

/* What is there now; that nothing is there is no error. */
int file_read(const char *path, FileBefore *ret_before);

/* The new text in place of what was read, with the owner and mode of that. Return: 0, -EBUSY if somebody has
 * changed it meanwhile, or another negative errno. */
int file_replace(const FileBefore *before, ByteView text);
