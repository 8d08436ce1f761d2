#pragma once

/*
 * Foreign text in sentences for people: what a server or a file name says, made harmless to show
 */

#include "base/bytes.h"

/**
 * foreign_append() - append @text so that it can be shown
 * @max: at most this many bytes of @text; what is left out becomes "…"
 *
 * Control characters, what changes the direction of writing, and bytes that are not UTF-8 become
 * \xNN, one for each byte; white space at both ends is dropped. Never a line end.
 *
 * Return: 0, -ENOMEM, or -E2BIG from the buffer's limit.
 */
int foreign_append(Buffer *out, ByteView text, size_t max);
