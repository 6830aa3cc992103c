/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects what the loader has to say and prints it: FILE:LINE:COL, the source line, a
 * caret. Bounded: 100 errors and 100 warnings; what comes after is counted and dropped.
 */
#include "lib/config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_MAX 200 /* bytes of a source line shown */

void config_report_init(struct config_report *report)
{
    memset(report, 0, sizeof *report);
}

static void message_done(struct config_message *message)
{
    free(message->file);
    free(message->text);
    free(message->source);
}

void config_report_done(struct config_report *report)
{
    for (uint32_t i = 0; i < report->n; i++)
        message_done(&report->messages[i]);
    free(report->messages);
    memset(report, 0, sizeof *report);
}

/* Length of the line break at p (CR, LF, CRLF, NEL, LS, PS: what libyaml counts), or 0.
 */
static size_t break_at(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;

    if (*p == '\n')
        return 1;
    if (*p == '\r')
        return p + 1 < end && p[1] == '\n' ? 2 : 1;
    if (end - p >= 2 && u[0] == 0xc2 && u[1] == 0x85)
        return 2;
    if (end - p >= 3 && u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9))
        return 3;
    return 0;
}

static char *source_line(const struct source_file *file, uint32_t line)
{
    const char *p = file->text, *end, *start;

    if (!p || line == 0)
        return NULL;
    end = p + file->len;
    for (uint32_t at = 1; at < line && p < end;) {
        size_t n = break_at(p, end);

        at += n > 0;
        p += n ? n : 1;
    }
    start = p;
    while (p < end && break_at(p, end) == 0)
        p++;
    return start < end ? strndup(start, (size_t)(p - start)) : NULL;
}

static struct config_message *add(struct config_report *report)
{
    struct config_message *message;

    if (report->n == report->capacity) {
        uint32_t capacity = report->capacity ? report->capacity * 2 : 8;
        struct config_message *bigger =
            realloc(report->messages, capacity * sizeof *report->messages);

        if (!bigger)
            return NULL;
        report->messages = bigger;
        report->capacity = capacity;
    }
    message = &report->messages[report->n++];
    memset(message, 0, sizeof *message);
    return message;
}

static void put(struct config_report *report, bool is_warning, struct place place,
                const char *code, char *text)
{
    struct config_message *message = text ? add(report) : NULL;

    if (!message) {
        free(text);
        return;
    }
    message->is_warning = is_warning;
    snprintf(message->code, sizeof message->code, "%s", code);
    message->file = strdup(place.file ? place.file->path : "");
    message->line = place.line;
    message->col = place.line ? place.col : 0;
    message->text = text;
    message->source = place.file ? source_line(place.file, place.line) : NULL;
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format,
                                                               va_list args)
{
    char *text = NULL;

    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

void report_error(struct config_report *report, struct place place, const char *code,
                  const char *format, ...)
{
    struct place nowhere = {place.file, 0, 0};
    va_list args;

    report->n_errors++;
    if (report->n_errors == REPORT_ERRORS_MAX + 1)
        put(report, false, nowhere, "config-too-many-errors",
            strdup("more than 100 errors, the rest is not shown"));
    if (report->n_errors > REPORT_ERRORS_MAX)
        return;
    va_start(args, format);
    put(report, false, place, code, format_text(format, args));
    va_end(args);
}

void report_warning(struct config_report *report, struct place place, const char *code,
                    const char *format, ...)
{
    va_list args;

    if (report->n > report->n_errors + REPORT_WARNINGS_MAX)
        return;
    va_start(args, format);
    put(report, true, place, code, format_text(format, args));
    va_end(args);
}

static uint32_t file_rank(const char *file, char *const *files)
{
    uint32_t i = 0;

    while (files[i] && (!file || strcmp(files[i], file) != 0))
        i++;
    return i;
}

static bool is_before(const struct config_message *a, const struct config_message *b,
                      char *const *files)
{
    bool a_last = strcmp(a->code, "config-too-many-errors") == 0;
    bool b_last = strcmp(b->code, "config-too-many-errors") == 0;
    uint32_t rank_a = file_rank(a->file, files), rank_b = file_rank(b->file, files);

    if (a_last != b_last)
        return b_last;
    if (rank_a != rank_b)
        return rank_a < rank_b;
    return a->line != b->line ? a->line < b->line : a->col < b->col;
}

void report_sort(struct config_report *report, char *const *files)
{
    for (uint32_t i = 1; i < report->n; i++) {
        struct config_message moved = report->messages[i];
        uint32_t j = i;

        for (; j > 0 && is_before(&moved, &report->messages[j - 1], files); j--)
            report->messages[j] = report->messages[j - 1];
        report->messages[j] = moved;
    }
}

/* Characters from U+2E80 on (kana, kanji, full width) take two columns on a terminal. */
static void put_caret(struct strbuf *buf, const char *source, uint32_t col)
{
    const unsigned char *p = (const unsigned char *)source;

    strbuf_puts(buf, "  ");
    for (uint32_t at = 1; at < col && *p; at++) {
        bool wide = *p > 0xe2 || (*p == 0xe2 && p[1] >= 0xba);

        strbuf_puts(buf, *p == '\t' ? "\t" : wide ? "  " : " ");
        for (p++; (*p & 0xc0) == 0x80; p++)
            ;
    }
    strbuf_puts(buf, "^\n");
}

static void put_message(struct strbuf *buf, const struct config_message *message)
{
    strbuf_puts(buf, message->file ? message->file : "");
    if (message->line)
        strbuf_printf(buf, ":%u:%u", message->line, message->col);
    strbuf_printf(buf, ": %s: ", message->is_warning ? "warning" : "error");
    strbuf_puts(buf, message->text);
    strbuf_printf(buf, " [%s]\n", message->code);
    if (!message->source || strlen(message->source) > SOURCE_MAX)
        return;
    strbuf_printf(buf, "  %s\n", message->source);
    put_caret(buf, message->source, message->col);
}

void config_report_print(const struct config_report *report, struct strbuf *buf)
{
    for (uint32_t i = 0; i < report->n; i++)
        put_message(buf, &report->messages[i]);
}

const char *report_quote(const char *text)
{
    static _Thread_local char buffers[4][68];
    static _Thread_local unsigned next;
    char *buffer = buffers[next++ % 4];
    size_t n = 0;

    for (; text[n] && n < 60; n++) {
        unsigned char c = (unsigned char)text[n];

        buffer[n] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
    }
    if (text[n]) { /* cut: not within a character */
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
        memcpy(buffer + n, "...", 4);
        return buffer;
    }
    buffer[n] = '\0';
    return buffer;
}
