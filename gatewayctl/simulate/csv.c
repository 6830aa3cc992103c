/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads whole files and takes them apart by hand: whole numbers, which most are, without
 * strtod, so that three days of 51 homes take some milliseconds.
 */
#include "gatewayctl/simulate/csv.h"

#include <errno.h>
#include <math.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static int io_error(struct gw_error *reterr, const char *path, int rc)
{
    error_set(reterr, rc, "scenario-file", "%s, expected a readable file",
              error_errno_text(rc));
    if (reterr)
        snprintf(reterr->file, sizeof reterr->file, "%s", path);
    return rc;
}

int csv_slurp(const char *path, char **ret_text, size_t *ret_size,
              struct gw_error *reterr)
{
    /* a pipe is refused below, not waited for */
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    size_t size, have = 0;
    char *text;

    if (fd < 0 || fstat(fd, &info) < 0)
        return io_error(reterr, path, -errno);
    if (!S_ISREG(info.st_mode) || (size_t)info.st_size > CSV_FILE_MAX)
        return io_error(reterr, path, S_ISREG(info.st_mode) ? -EFBIG : -EINVAL);
    size = (size_t)info.st_size;
    text = malloc(size + 1);
    if (!text)
        return io_error(reterr, path, -ENOMEM);
    while (have < size) {
        ssize_t n = read(fd, text + have, size - have);

        if (n < 0 && errno != EINTR) {
            int rc = -errno;

            free(text);
            return io_error(reterr, path, rc);
        }
        if (n == 0)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    text[have] = 0;
    *ret_text = text;
    *ret_size = have;
    return 0;
}

int csv_error(const struct csv *csv, struct gw_error *reterr, const char *format, ...)
{
    char text[sizeof reterr->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(reterr, -EINVAL, "scenario-csv", "%s", text);
    if (reterr) {
        snprintf(reterr->file, sizeof reterr->file, "%s", csv->path);
        reterr->line = csv->line;
    }
    return -EINVAL;
}

int csv_open(struct csv *csv, const char *path, const char *header,
             struct gw_error *reterr)
{
    size_t n = strlen(header);
    int rc;

    *csv = (struct csv){.path = path, .line = 1, .n_columns = 1};
    rc = csv_slurp(path, &csv->text, &csv->size, reterr);
    if (rc < 0)
        return rc;
    for (const char *p = header; *p; p++)
        csv->n_columns += *p == ',';
    csv->at = csv->text;
    if (strncmp(csv->at, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        csv->at += strlen(BYTE_ORDER_MARK); /* spreadsheets write one */
    if (strncmp(csv->at, header, n) != 0 ||
        (csv->at[n] && csv->at[n] != '\n' && csv->at[n] != '\r'))
        return csv_error(csv, reterr, "another header, expected '%s'", header);
    csv->at += n;
    csv->at += strspn(csv->at, "\r");
    csv->at += *csv->at == '\n';
    return 0;
}

/* The next number; NULL: there is none here. */
static const char *take_number(const char *p, double *ret)
{
    bool is_negative = *p == '-';
    const char *start = p + is_negative;
    long long whole = 0;
    char *end;

    for (p = start; *p >= '0' && *p <= '9' && p - start < 15; p++)
        whole = whole * 10 + (*p - '0');
    if (p > start && (*p == ',' || *p == '\n' || *p == '\r' || !*p)) {
        *ret = is_negative ? -(double)whole : (double)whole;
        return p;
    }
    start -= is_negative;
    *ret = strtod(start, &end);
    if (end == start || !isfinite(*ret) ||
        strspn(start, "+-.0123456789eE") < (size_t)(end - start))
        return NULL;
    return end;
}

int csv_read(struct csv *csv, double *values, struct gw_error *reterr)
{
    const char *p = csv->at;

    csv->line++;
    if (!*p)
        return p == csv->text + csv->size
                   ? 0
                   : csv_error(csv, reterr, "a NUL byte, expected text");
    for (unsigned i = 0; i < csv->n_columns; i++) {
        p = take_number(p, &values[i]);
        if (!p)
            return csv_error(csv, reterr, "column %u is no number", i + 1);
        if (i + 1 < csv->n_columns && *p++ != ',')
            return csv_error(csv, reterr, "fewer columns, expected %u", csv->n_columns);
    }
    if (*p == '\r')
        p++;
    if (*p && *p != '\n')
        return csv_error(csv, reterr, "more than %u columns, or text behind a number",
                         csv->n_columns);
    csv->at = p + (*p == '\n');
    return 1;
}

void csv_close(struct csv *csv)
{
    free(csv->text);
    csv->text = NULL;
}
