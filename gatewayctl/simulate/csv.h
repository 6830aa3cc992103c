/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of comma-separated numbers, as fast as they can be read: a fixed header, then
 * rows of exactly so many numbers. One thread.
 */
#ifndef GATEWAYCTL_SIMULATE_CSV_H
#define GATEWAYCTL_SIMULATE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define CSV_COLUMNS_MAX 16
#define CSV_FILE_MAX ((size_t)1 << 30)

struct csv {
    const char *path; /* borrowed */
    char *text;
    size_t size;
    const char *at;
    unsigned line; /* of the row last read; 1 is the header */
    unsigned n_columns;
};

/* Reads the file; its first line must be `header`. 0, or a negative errno with *reterr;
 * csv_close in any case. */
int csv_open(struct csv *csv, const char *path, const char *header,
             struct gw_error *reterr);
/* 1: a row in `values` (n_columns of them); 0: the end; -EINVAL: *reterr says where. */
int csv_read(struct csv *csv, double *values, struct gw_error *reterr);
void csv_close(struct csv *csv);
/* Fills *reterr for the row last read; returns -EINVAL. */
int csv_error(const struct csv *csv, struct gw_error *reterr, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A whole file, NUL-terminated, malloc'ed. */
int csv_slurp(const char *path, char **ret_text, size_t *ret_size,
              struct gw_error *reterr);

#endif
