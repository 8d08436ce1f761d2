#pragma once

/*
 * Tests are tables: each row has a label, and a row that fails says which one it was.
 */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Like assert(), with the row's label. */
#define TEST_ROW(label, condition)                                                                 \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: row “%s”: %s\n", __FILE__, __LINE__, (label),      \
                                #condition);                                                       \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
