#pragma once

/*
 * A row of the control interface: a dictionary whose fields are asked for by name
 *
 * Fields of a newer daemon that nobody asks for do no harm; those that an older one does not send
 * are "" and 0.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct RowField {
        const char *key;    /* borrowed from the message, as is the text */
        const char *string; /* NULL: a number */
        uint64_t number;
} RowField;

typedef struct Row {
        RowField fields[48]; /* more are skipped */
        size_t n_fields;
} Row;

/* Read an a{sv} at which the message stands. Return: 1, 0 at the end of the array, or a negative
 * errno from sd-bus. */
int row_read(sd_bus_message *message, Row *ret_row);

const char *row_string(const Row *row, const char *key);
uint64_t row_number(const Row *row, const char *key);

typedef struct Rows {
        Row *rows; /* owned */
        size_t n_rows;
} Rows;

#define ROWS_NULL ((Rows){})

/* Read the aa{sv} that a reply carries; the rows borrow from @reply. */
int rows_read(sd_bus_message *reply, Rows *ret_rows);
void rows_done(Rows *rows);
