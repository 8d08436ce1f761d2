/* A table that fits its screen. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "ctl/table.h"

#define COLUMNS_MAX 16
#define GAP         2 /* columns of the screen between two cells */
#define CUT_MIN     8 /* a cell is never cut shorter */
#define NOTE_INDENT 4

typedef struct Layout {
        size_t width[COLUMNS_MAX];
        bool shown[COLUMNS_MAX];
        size_t last; /* the last column shown */
} Layout;

void table_done(Table *table) {
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].text);
        free(table->cells);
        *table = (Table){.columns = table->columns, .n_columns = table->n_columns};
}

static int add_cell(Table *table, Style style, const char *text, bool note) {
        _cleanup_(buffer_done) Buffer escaped = BUFFER_NULL;
        Cell *cells;

        if (text_escape(&escaped, text) < 0)
                return -ENOMEM;
        cells = reallocarray(table->cells, table->n_cells + 1, sizeof(*cells));
        if (!cells)
                return -ENOMEM;
        table->cells = cells;

        cells[table->n_cells] = (Cell){buffer_steal_string(&escaped), style, note};
        if (!cells[table->n_cells].text)
                return -ENOMEM;
        table->n_cells++;
        return 0;
}

int table_add(Table *table, Style style, const char *text) {
        return add_cell(table, style, text, false);
}

int table_add_number(Table *table, Style style, uint64_t number) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, number);
        return add_cell(table, style, text, false);
}

int table_add_note(Table *table, Style style, const char *text) {
        return add_cell(table, style, text, true);
}

static size_t layout_total(const Table *table, const Layout *layout) {
        size_t total = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                if (layout->shown[i])
                        total += layout->width[i] + (total > 0 ? GAP : 0);
        return total;
}

static void layout_measure(const Table *table, Layout *layout) {
        size_t column = 0;

        for (size_t i = 0; i < table->n_columns; i++) {
                layout->shown[i] = true;
                layout->width[i] = text_width(bytes_of(table->columns[i].title));
        }
        for (size_t i = 0; i < table->n_cells; i++) {
                if (table->cells[i].note)
                        continue;
                layout->width[column] =
                        MAX(layout->width[column], text_width(bytes_of(table->cells[i].text)));
                column = (column + 1) % table->n_columns;
        }
}

/* Cut the widest of those that may be cut, until it fits or nothing is left to cut. */
static void layout_cut(const Table *table, const Screen *screen, Layout *layout) {
        while (layout_total(table, layout) > screen->width) {
                size_t widest = SIZE_MAX;

                for (size_t i = 0; i < table->n_columns; i++)
                        if (layout->shown[i] && table->columns[i].cut &&
                            layout->width[i] > CUT_MIN &&
                            (widest == SIZE_MAX || layout->width[i] > layout->width[widest]))
                                widest = i;
                if (widest == SIZE_MAX)
                        return;
                layout->width[widest]--;
        }
}

static void layout_fit(const Table *table, const Screen *screen, Layout *layout) {
        layout_measure(table, layout);
        if (screen->width > 0) {
                for (size_t i = 0; i < table->n_columns; i++)
                        if (table->columns[i].optional &&
                            layout_total(table, layout) > screen->width)
                                layout->shown[i] = false;
                layout_cut(table, screen, layout);
        }
        for (size_t i = 0; i < table->n_columns; i++)
                if (layout->shown[i])
                        layout->last = i;
}

static int print_spaces(Buffer *buffer, size_t n) {
        return buffer_append_format(buffer, "%*s", (int) n, "");
}

static int print_cell(const Table *table, const Screen *screen, const Layout *layout, size_t column,
                      Style style, const char *cell, Buffer *buffer) {
        const ByteView text = bytes_of(cell);
        const size_t width = layout->width[column], taken = MIN(text_width(text), width);
        int r = 0;

        if (!layout->shown[column])
                return 0;
        if (table->columns[column].right)
                r = print_spaces(buffer, width - taken);
        if (r == 0)
                r = buffer_append_string(buffer, style_begin(screen, style));
        if (r == 0)
                r = text_append_cut(buffer, text, width);
        if (r == 0)
                r = buffer_append_string(buffer, style_end(screen, style));
        if (r == 0 && column == layout->last) {
                /* no blanks at the end of a line */
                while (buffer->size > 0 && buffer->data[buffer->size - 1] == ' ')
                        buffer->size--;
                return buffer_append_string(buffer, "\n");
        }
        if (r == 0 && !table->columns[column].right)
                r = print_spaces(buffer, width - taken);
        return r < 0 ? r : print_spaces(buffer, GAP);
}

static int print_note(const Screen *screen, const Cell *cell, Buffer *buffer) {
        int r = buffer_append_string(buffer, style_begin(screen, cell->style));

        if (r == 0)
                r = text_append_wrapped(buffer, bytes_of(cell->text), NOTE_INDENT, screen->width);
        if (r < 0)
                return r;
        if (buffer->size > 0 && buffer->data[buffer->size - 1] == '\n')
                buffer->size--; /* the style ends with the line, not on the next */
        return buffer_append_format(buffer, "%s\n", style_end(screen, cell->style));
}

int table_print(const Table *table, const Screen *screen, Buffer *buffer) {
        Layout layout = {};
        size_t column = 0;
        int r = 0;

        if (table->n_columns > COLUMNS_MAX)
                return -E2BIG;
        layout_fit(table, screen, &layout);

        for (size_t i = 0; i < table->n_columns && r == 0; i++)
                r = print_cell(table, screen, &layout, i, STYLE_TITLE, table->columns[i].title,
                               buffer);
        for (size_t i = 0; i < table->n_cells && r == 0; i++) {
                const Cell *cell = &table->cells[i];

                if (cell->note) {
                        r = print_note(screen, cell, buffer);
                        continue;
                }
                r = print_cell(table, screen, &layout, column, cell->style, cell->text, buffer);
                column = (column + 1) % table->n_columns;
        }

        return r;
}
