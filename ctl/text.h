#pragma once

/*
 * Text for people: foreign text made harmless, its width on a screen, times and sizes in words
 *
 * Widths come from wcwidth(3), so the program must have set LC_CTYPE to a UTF-8 locale.
 * Functions that append return 0 or -ENOMEM. What fills @buffer returns it.
 */

#include "base/bytes.h"

/* What the text is printed on. */
typedef struct Screen {
        size_t width; /* columns; 0: not a terminal, any width will do */
        bool colour;
        uint64_t now_usec; /* since 1970 */
} Screen;

typedef enum Style {
        STYLE_PLAIN,
        STYLE_TITLE,
        STYLE_GOOD,
        STYLE_WARN,
        STYLE_BAD,
        STYLE_FAINT,
} Style;

/* The escape sequence that begins a style; "" where there is no colour. style_end() ends any. */
const char *style_begin(const Screen *screen, Style style);
const char *style_end(const Screen *screen, Style style);

/* Foreign text on one line: unsafe characters (utf8_is_unsafe()) as \xNN or \uNNNN, bytes that are not UTF-8 as \xNN. */
int text_escape(Buffer *buffer, const char *text);

/* Columns that @text takes. It must have been escaped. */
size_t text_width(ByteView text);

/* Append @text in exactly @width columns if it is longer, "…" last, else as it is. */
int text_append_cut(Buffer *buffer, ByteView text, size_t width);

/* Append @text as lines of at most @width columns (0: one line), each behind @indent spaces. */
int text_append_wrapped(Buffer *buffer, ByteView text, size_t indent, size_t width);

/* "3 min ago"; "never" for 0; "now" for what is less than a second old, or yet to come. */
char *text_ago(uint64_t then_usec, uint64_t now_usec, char *buffer, size_t size);

/* "3 min" */
char *text_span(uint64_t usec, char *buffer, size_t size);

/* "in 3 min", "now" when it is past. */
char *text_until(uint64_t then_usec, uint64_t now_usec, char *buffer, size_t size);

/* "999 B", "1.2 kB", "45 MB": powers of 1000, two digits that count at least. */
char *text_size(uint64_t bytes, char *buffer, size_t size);
