/* Bytes: views and growable buffers. */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/macro.h"

static char fold(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool bytes_equal(ByteView a, ByteView b) {
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool bytes_equal_fold(ByteView a, ByteView b) {
        return a.size == b.size && bytes_starts_fold(a, b);
}

bool bytes_starts_fold(ByteView bytes, ByteView prefix) {
        if (bytes.size < prefix.size)
                return false;

        for (size_t i = 0; i < prefix.size; i++)
                if (fold(bytes.data[i]) != fold(prefix.data[i]))
                        return false;

        return true;
}

ByteView bytes_take_until(ByteView *rest, char separator) {
        const char *end = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
        ByteView taken = *rest;

        if (!end) {
                *rest = BYTES_NULL;
                return taken;
        }

        taken.size = (size_t) (end - rest->data);
        *rest = (ByteView){end + 1, rest->size - taken.size - 1};
        return taken;
}

char *bytes_dup(ByteView bytes) {
        char *copy = malloc(bytes.size + 1);

        if (!copy)
                return NULL;
        if (bytes.size > 0)
                memcpy(copy, bytes.data, bytes.size);
        copy[bytes.size] = '\0';
        return copy;
}

int bytes_to_u64(ByteView digits, uint64_t max, uint64_t *ret_value) {
        const uint64_t max_tens = max / 10, max_last = max % 10;
        uint64_t value = 0;

        if (digits.size == 0)
                return -EBADMSG;

        for (size_t i = 0; i < digits.size; i++) {
                unsigned digit = (unsigned char) digits.data[i] - (unsigned) '0';

                if (digit > 9 || value > max_tens || (value == max_tens && digit > max_last))
                        return -EBADMSG;
                value = value * 10 + digit;
        }

        *ret_value = value;
        return 0;
}

void buffer_done(Buffer *buffer) {
        free(buffer->data);
        *buffer = (Buffer){.limit = buffer->limit};
}

int buffer_reserve(Buffer *buffer, size_t n) {
        size_t needed, capacity;
        char *data;

        if (__builtin_add_overflow(buffer->size, n, &needed))
                return -E2BIG;
        if (buffer->limit > 0 && needed > buffer->limit)
                return -E2BIG;
        if (needed <= buffer->capacity)
                return 0;

        capacity = MAX(needed, buffer->capacity * 2);
        capacity = MAX(capacity, (size_t) 64);
        if (buffer->limit > 0)
                capacity = MIN(capacity, buffer->limit);

        data = realloc(buffer->data, capacity);
        if (!data)
                return -ENOMEM;
        buffer->data = data;
        buffer->capacity = capacity;
        return 0;
}

int buffer_append(Buffer *buffer, const void *data, size_t n) {
        int r;

        if (n == 0)
                return 0;
        r = buffer_reserve(buffer, n);
        if (r < 0)
                return r;

        memcpy(buffer->data + buffer->size, data, n);
        buffer->size += n;
        return 0;
}

int buffer_append_view(Buffer *buffer, ByteView bytes) {
        return buffer_append(buffer, bytes.data, bytes.size);
}

int buffer_append_string(Buffer *buffer, const char *string) {
        return buffer_append(buffer, string, strlen(string));
}

int buffer_append_format(Buffer *buffer, const char *format, ...) {
        char small[256];
        va_list args;
        int n, r;

        va_start(args, format);
        n = vsnprintf(small, sizeof(small), format, args);
        va_end(args);
        if (n < 0)
                return -EINVAL;
        if ((size_t) n < sizeof(small))
                return buffer_append(buffer, small, (size_t) n);

        r = buffer_reserve(buffer, (size_t) n + 1);
        if (r < 0)
                return r;
        va_start(args, format);
        (void) vsnprintf(buffer->data + buffer->size, (size_t) n + 1, format, args);
        va_end(args);
        buffer->size += (size_t) n;
        return 0;
}

void buffer_consume(Buffer *buffer, size_t n) {
        assert(n <= buffer->size);

        buffer->size -= n;
        if (buffer->size > 0 && n > 0)
                memmove(buffer->data, buffer->data + n, buffer->size);
}

void buffer_trim(Buffer *buffer, size_t keep) {
        char *data;

        if (buffer->size > keep || buffer->capacity <= keep)
                return;
        if (keep == 0) {
                buffer_done(buffer);
                return;
        }
        data = realloc(buffer->data, keep);
        if (!data)
                return;
        buffer->data = data;
        buffer->capacity = keep;
}

char *buffer_steal_string(Buffer *buffer) {
        char *string;

        string = realloc(buffer->data, buffer->size + 1);
        if (!string)
                return NULL;
        string[buffer->size] = '\0';
        *buffer = (Buffer){.limit = buffer->limit};
        return string;
}
