#pragma once

/*
 * JSON (RFC 8259): one generic walk over a D-Bus message
 *
 * Numbers become numbers, booleans true and false, dictionaries objects, arrays and structs arrays;
 * a variant is what it holds. The output is one line of printable UTF-8: what a terminal would obey
 * (utf8_is_unsafe()) is written as \uNNNN.
 */

#include <systemd/sd-bus.h>

#include "base/bytes.h"

/* A string with its quotes. Return: 0 or -ENOMEM. */
int json_append_string(Buffer *buffer, ByteView text);

/**
 * json_append_message() - all that a message carries, without a newline
 * @names: NULL: the message's one value itself, or {} if it carries none. Else the values are the
 *         members of an object under these names, in order; the members of a dictionary without a
 *         name (NULL) stand beside the others.
 *
 * The message is read from its beginning.
 *
 * Return: 0, -ENOMEM, -EBADMSG if the message carries more or less than there are names, or another
 *         negative errno from sd-bus.
 */
int json_append_message(Buffer *buffer, sd_bus_message *message, const char *const *names,
                        size_t n_names);
