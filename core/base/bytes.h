#pragma once

/*
 * Bytes: a ByteView borrows them, a Buffer owns them and may grow up to a limit.
 *
 * Functions that can fail return 0, -ENOMEM, or -E2BIG when the buffer's limit would be passed; the
 * buffer is then unchanged.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct ByteView {
        const char *data; /* borrowed */
        size_t size;
} ByteView;

#define BYTES(literal) ((ByteView){(literal), sizeof(literal) - 1})
#define BYTES_NULL     ((ByteView){NULL, 0})

static inline ByteView bytes_of(const char *string) {
        return (ByteView){string, string ? strlen(string) : 0};
}

bool bytes_equal(ByteView a, ByteView b);
bool bytes_equal_fold(ByteView a, ByteView b); /* ASCII case folded */
bool bytes_starts_fold(ByteView bytes, ByteView prefix);

/* Take what stands before the first @separator off @rest, and the separator; all if there is none. */
ByteView bytes_take_until(ByteView *rest, char separator);

/* A NUL-terminated copy, owned by the caller; NULL when out of memory. */
char *bytes_dup(ByteView bytes);

/* Decimal digits only, no sign, no space. Return: 0, or -EBADMSG if not a number or above @max. */
int bytes_to_u64(ByteView digits, uint64_t max, uint64_t *ret_value);

typedef struct Buffer {
        char *data; /* owned */
        size_t size;
        size_t capacity;
        size_t limit; /* 0: none */
} Buffer;

#define BUFFER_NULL ((Buffer){0})

void buffer_done(Buffer *buffer);

/* Make room for @n more bytes behind buffer->data + buffer->size, without changing the size. */
int buffer_reserve(Buffer *buffer, size_t n);
int buffer_append(Buffer *buffer, const void *data, size_t n);
int buffer_append_view(Buffer *buffer, ByteView bytes);
int buffer_append_string(Buffer *buffer, const char *string);
int buffer_append_format(Buffer *buffer, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Drop the first @n bytes. */
void buffer_consume(Buffer *buffer, size_t n);

/* Give back memory that a burst needed: when nothing is in the buffer, or little of much. */
void buffer_trim(Buffer *buffer, size_t keep);

static inline ByteView buffer_view(const Buffer *buffer) {
        return (ByteView){buffer->data, buffer->size};
}

/* The content as a NUL-terminated string, owned by the caller; the buffer is empty after. NULL when
 * out of memory. */
char *buffer_steal_string(Buffer *buffer);
