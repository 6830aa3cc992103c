/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned tables on standard output: headers, columns as wide as their widest cell. */
#ifndef GATEWAYCTL_TABLE_H
#define GATEWAYCTL_TABLE_H

#include <stdbool.h>

#define TABLE_COLUMNS_MAX 10

enum tint { TINT_NONE, TINT_GOOD, TINT_WARN, TINT_BAD, TINT_DIM };

struct table;

/* Headers separated by '|'; one that begins with '>' is right-aligned ("device|>value").
 * With colour, tints show. Out of memory ends the program. */
struct table *table_new(const char *headers, bool with_colour);
/* Copies; cells go row by row, from left to right. NULL is "". */
void table_add(struct table *table, const char *text, enum tint tint);
void table_addf(struct table *table, enum tint tint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_print(const struct table *table);
void table_free(struct table *table);

#endif
