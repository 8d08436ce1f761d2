#pragma once

/*
 * A table: a title, and rows of cells with notes below a row
 *
 * On a screen it fits the width: columns that are optional go first, then the long cells of those
 * that may be cut are. Elsewhere nothing is left out. All text is foreign and is escaped.
 *
 * Functions return 0 or -ENOMEM.
 */

#include "ctl/text.h"

typedef struct Column {
        const char *title;
        bool right;    /* numbers */
        bool optional; /* left out when the screen is narrow */
        bool cut;      /* may be cut to fit */
} Column;

typedef struct Cell {
        char *text; /* owned, escaped */
        Style style;
        bool note; /* a line of its own below its row */
} Cell;

typedef struct Table {
        const Column *columns; /* borrowed */
        size_t n_columns;
        Cell *cells; /* owned */
        size_t n_cells;
} Table;

#define TABLE(columns) ((Table){(columns), ARRAY_SIZE(columns), NULL, 0})

void table_done(Table *table);

/* The next cell. The cells of a row come one after the other, then its notes. */
int table_add(Table *table, Style style, const char *text);
int table_add_number(Table *table, Style style, uint64_t number);
int table_add_note(Table *table, Style style, const char *text);

int table_print(const Table *table, const Screen *screen, Buffer *buffer);
