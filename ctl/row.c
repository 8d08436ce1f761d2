/* Rows of the control interface. */

#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "ctl/row.h"

/* What is neither text nor a number is skipped: no field of ours is, but one of tomorrow's may be. */
static int read_value(sd_bus_message *message, RowField *field) {
        const char *contents;
        uint32_t u;
        int b, r;

        r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r < 0)
                return r;
        if (strcmp(contents, "s") == 0)
                return sd_bus_message_read(message, "v", "s", &field->string);
        if (strcmp(contents, "t") == 0)
                return sd_bus_message_read(message, "v", "t", &field->number);
        if (strcmp(contents, "u") == 0) {
                r = sd_bus_message_read(message, "v", "u", &u);
                field->number = r < 0 ? 0 : u;
                return r;
        }
        if (strcmp(contents, "b") == 0) {
                r = sd_bus_message_read(message, "v", "b", &b);
                field->number = r < 0 ? 0 : b != 0;
                return r;
        }
        return sd_bus_message_skip(message, "v");
}

int row_read(sd_bus_message *message, Row *ret_row) {
        Row row = {.n_fields = 0};
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r <= 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                RowField field = {};

                r = sd_bus_message_read(message, "s", &field.key);
                if (r >= 0)
                        r = read_value(message, &field);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
                if (row.n_fields < ARRAY_SIZE(row.fields))
                        row.fields[row.n_fields++] = field;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret_row = row;
        return 1;
}

static const RowField *find(const Row *row, const char *key) {
        for (size_t i = 0; i < row->n_fields; i++)
                if (strcmp(row->fields[i].key, key) == 0)
                        return &row->fields[i];
        return NULL;
}

const char *row_string(const Row *row, const char *key) {
        const RowField *field = find(row, key);

        return field && field->string ? field->string : "";
}

uint64_t row_number(const Row *row, const char *key) {
        const RowField *field = find(row, key);

        return field ? field->number : 0;
}

int rows_read(sd_bus_message *reply, Rows *ret_rows) {
        _cleanup_(rows_done) Rows rows = ROWS_NULL;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        for (;;) {
                Row row, *more;

                r = row_read(reply, &row);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                more = reallocarray(rows.rows, rows.n_rows + 1, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                rows.rows = more;
                rows.rows[rows.n_rows++] = row;
        }

        *ret_rows = rows;
        rows = ROWS_NULL;
        return 0;
}

void rows_done(Rows *rows) {
        free(rows->rows);
        *rows = ROWS_NULL;
}
