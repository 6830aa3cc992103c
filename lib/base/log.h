/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs: one line per transition, to the journal with structured fields when stderr is the
 * journal, else to stderr with a "<N>" prefix-free line. Rate-limited per site. Any
 * thread.
 */
#ifndef GATEWAYD_BASE_LOG_H
#define GATEWAYD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* Of a child's message: any number is one of them. */
enum log_level log_level_of(unsigned number);

/* Lines above this level are dropped; default INFO. */
void log_set_level(enum log_level level);
/* Sends lines elsewhere (a child hands them to the core, tests catch them); NULL:
 * back. */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *subject,
                            const char *text);
void log_set_sink(log_sink_fn sink, void *ctx);

/* subject: what it is about ("bus meters", "route community"), a field of its own in the
 * journal (GATEWAYD_SUBJECT) and the line's beginning; NULL for the program itself. */
void log_line(enum log_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(subject, ...) log_line(LOG_LEVEL_ERROR, subject, __VA_ARGS__)
#define log_warning(subject, ...) log_line(LOG_LEVEL_WARNING, subject, __VA_ARGS__)
#define log_info(subject, ...) log_line(LOG_LEVEL_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...) log_line(LOG_LEVEL_DEBUG, subject, __VA_ARGS__)

/* One per site or (device, site): says whether to log now (the first, then at most one
 * each `interval_s`), and how many were suppressed since the last one that passed. The
 * caller guards it if several threads share it. */
struct log_limit {
    int64_t next_boot_ns;
    uint64_t suppressed;
};
bool log_limit_pass(struct log_limit *limit, unsigned interval_s,
                    uint64_t *ret_suppressed);

#endif
