/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a check with their place in the files: for whoever asked for the check (the
 * first half), and what the loader's parts use to add to them.
 */
#ifndef GATEWAYD_CONFIG_REPORT_H
#define GATEWAYD_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

#define REPORT_ERRORS_MAX 100u
#define REPORT_WARNINGS_MAX 100u

/* One message of a check; text without position. A warning does not fail the check. */
struct config_message {
    bool is_warning;
    char code[40];
    char *file;
    uint32_t line, col;
    char *text;   /* "unknown key 'intervall', expected one of ...; did you mean ...?" */
    char *source; /* the source line, or NULL */
};

/* All messages of one run, at most 100 errors (then one "too many" line). */
struct config_report {
    uint32_t n, capacity, n_errors;
    struct config_message *messages;
};

void config_report_init(struct config_report *report);
void config_report_done(struct config_report *report);
/* "FILE:LINE:COL: error: TEXT [CODE]\n  source line\n  ^\n" for each. */
void config_report_print(const struct config_report *report, struct strbuf *buf);

/* A file that was read; text is UTF-8 and NUL-terminated. */
struct source_file {
    const char *path;
    const char *text;
    size_t len;
};

/* 1-based; columns count characters. line 0: the file as a whole. */
struct place {
    const struct source_file *file;
    uint32_t line, col;
};

void report_error(struct config_report *report, struct place place, const char *code,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void report_warning(struct config_report *report, struct place place, const char *code,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* In the order of `files` (NULL-terminated), then of lines and columns; the "too many"
 * line stays last. */
void report_sort(struct config_report *report, char *const *files);

/* The text as it may stand in a message: at most 60 bytes, no control characters. Valid
 * until the fourth next call on this thread. */
const char *report_quote(const char *text);

#endif
