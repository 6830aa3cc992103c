/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: commands of gatewayctl fill them, table_print writes to stdout. */
#include "gatewayctl/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    char *text;
    enum tint tint;
};

struct table {
    bool with_colour;
    unsigned n_columns;
    bool is_right[TABLE_COLUMNS_MAX];
    size_t width[TABLE_COLUMNS_MAX];
    struct cell *cells; /* the headers are the first row */
    size_t n_cells, capacity;
};

static void *must(void *memory)
{
    if (memory)
        return memory;
    fputs("gatewayctl: out of memory\n", stderr);
    abort();
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t text_width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void table_add(struct table *table, const char *text, enum tint tint)
{
    unsigned column = (unsigned)(table->n_cells % table->n_columns);
    struct cell cell = {.text = must(strdup(text ? text : "")), .tint = tint};
    size_t width = text_width(cell.text);

    if (table->n_cells == table->capacity) {
        table->capacity = table->capacity ? 2 * table->capacity : 64;
        table->cells = must(realloc(table->cells, table->capacity * sizeof cell));
    }
    table->cells[table->n_cells++] = cell;
    if (width > table->width[column])
        table->width[column] = width;
}

void table_addf(struct table *table, enum tint tint, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_add(table, text, tint);
}

struct table *table_new(const char *headers, bool with_colour)
{
    struct table *table = must(calloc(1, sizeof *table));
    char *copy = must(strdup(headers)), *rest = copy, *name;
    const char *names[TABLE_COLUMNS_MAX];

    table->with_colour = with_colour;
    while (table->n_columns < TABLE_COLUMNS_MAX && (name = strsep(&rest, "|"))) {
        table->is_right[table->n_columns] = *name == '>';
        names[table->n_columns++] = name + (*name == '>');
    }
    for (unsigned i = 0; i < table->n_columns; i++)
        table_add(table, names[i], TINT_DIM);
    free(copy);
    return table;
}

static void print_cell(const struct table *table, const struct cell *cell,
                       unsigned column)
{
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[1;31m",
                                        "\033[2m"};
    int pad = (int)(table->width[column] - text_width(cell->text));
    bool is_tinted = table->with_colour && cell->tint != TINT_NONE;
    bool is_last = column + 1 == table->n_columns;

    if (column)
        fputs("  ", stdout);
    if (table->is_right[column])
        printf("%*s", pad, "");
    printf("%s%s%s", is_tinted ? codes[cell->tint] : "", cell->text,
           is_tinted ? "\033[0m" : "");
    if (!table->is_right[column] && !is_last)
        printf("%*s", pad, "");
}

void table_print(const struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++) {
        unsigned column = (unsigned)(i % table->n_columns);

        print_cell(table, &table->cells[i], column);
        if (column + 1 == table->n_columns)
            putchar('\n');
    }
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i].text);
    free(table->cells);
    free(table);
}
