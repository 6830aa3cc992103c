/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: past values, or energy, of any span as CSV (RFC 4180) or JSON: asked page by
 * page and written as it comes, so that years need no memory. A row is one value of one
 * point; times in UTC and as they were here.
 */
#include "gatewayctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gatewayctl/progress.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/strbuf.h"

#define POINTS_PER_ASK 64
#define QUESTION_MAX 4000 /* of bytes; a request line has 8 KiB */

struct export {
    const struct ctl *ctl;
    FILE *out;
    struct strbuf line;
    bool has_rows;
    int64_t from_ms, to_ms;
    uint64_t n_parts, part; /* of the points, for the progress */
    struct progress progress;
};

/* ---- cells ---- */

enum kind { TEXT, NUMBER };

/* One cell of a row; the first begins it. */
static void put_cell(struct export *export, const char *name, enum kind kind,
                     const char *text, bool is_first)
{
    struct strbuf *line = &export->line;

    if (export->ctl->is_json) {
        strbuf_printf(line, "%s\"%s\":", is_first ? "{" : ",", name);
        if (!*text)
            strbuf_puts(line, "null");
        else if (kind == NUMBER)
            strbuf_puts(line, text);
        else
            strbuf_put_json_string(line, text);
        return;
    }
    if (!is_first)
        strbuf_putc(line, ',');
    if (!strpbrk(text, ",\"\r\n")) {
        strbuf_puts(line, text);
        return;
    }
    strbuf_putc(line, '"');
    for (; *text; text++) {
        if (*text == '"')
            strbuf_putc(line, '"');
        strbuf_putc(line, *text);
    }
    strbuf_putc(line, '"');
}

static void put_time(struct export *export, const char *utc_name, const char *local_name,
                     int64_t t_ms, bool is_first)
{
    time_t t_s = (time_t)(t_ms / 1000);
    char text[48], out[64];
    struct tm tm;

    gmtime_r(&t_s, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, sizeof out, "%s.%03dZ", text, (int)(t_ms % 1000));
    put_cell(export, utc_name, TEXT, out, is_first);
    localtime_r(&t_s, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S%z", &tm);
    put_cell(export, local_name, TEXT, text, false);
}

static void put_json_cell(struct export *export, const char *name, const json_t *value)
{
    struct strbuf text;

    strbuf_init(&text);
    strbuf_puts(&text, "");
    if (json_is_string(value))
        strbuf_puts(&text, json_string_value(value));
    else if (value && !json_is_null(value))
        ctl_put_json(value, &text);
    put_cell(export, name, json_is_string(value) ? TEXT : NUMBER,
             text.data ? text.data : "", false);
    strbuf_done(&text);
}

static int end_row(struct export *export)
{
    struct strbuf *line = &export->line;
    const char *before = !export->ctl->is_json ? "" : export->has_rows ? ",\n" : "\n";

    strbuf_puts(line, export->ctl->is_json ? "}" : "\r\n");
    export->has_rows = true;
    if (line->failed)
        return -ENOMEM;
    if (fputs(before, export->out) < 0 || fputs(line->data, export->out) < 0)
        return -errno;
    strbuf_clear(line);
    return 0;
}

static void put_begin(struct export *export)
{
    if (export->ctl->is_json)
        fputs("[", export->out);
    else if (export->ctl->is_energy)
        fputs("start_utc,start_local,end_utc,end_local,open,device,role,flow,wh,known_s,"
              "off_grid_s,flags\r\n",
              export->out);
    else
        fputs("time_utc,time_local,device,point,value,min,max,n,quality,clock\r\n",
              export->out);
}

/* ---- values ---- */

static int put_value(struct export *export, const json_t *root, const json_t *point,
                     size_t i)
{
    static const char *const columns[] = {"value", "min", "max", "n", "quality"};
    const json_t *cells[5];
    const char *name = ctl_text(point, "point"), *dot = strrchr(name, '.');
    char device[128];

    for (size_t c = 0; c < 5; c++)
        cells[c] = json_array_get(json_object_get(point, columns[c]), i);
    if (!dot || (json_is_null(cells[0]) && json_is_null(cells[4])))
        return 0; /* nothing there */
    snprintf(device, sizeof device, "%.*s", (int)(dot - name), name);
    put_time(export, "time_utc", "time_local",
             json_integer_value(json_array_get(json_object_get(root, "t"), i)), true);
    put_cell(export, "device", TEXT, device, false);
    put_cell(export, "point", TEXT, dot + 1, false);
    for (size_t c = 0; c < 4; c++)
        put_json_cell(export, columns[c], cells[c]);
    put_cell(export, "quality", TEXT,
             json_is_string(cells[4]) ? json_string_value(cells[4]) : "good", false);
    put_json_cell(export, "clock", json_array_get(json_object_get(root, "clock"), i));
    return end_row(export);
}

static int put_values(struct export *export, const json_t *root)
{
    const json_t *points = json_object_get(root, "points");
    size_t n = json_array_size(json_object_get(root, "t"));
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        for (size_t p = 0; p < json_array_size(points) && rc == 0; p++)
            rc = put_value(export, root, json_array_get(points, p), i);
    return rc;
}

/* ---- energy ---- */

static int put_flow(struct export *export, const json_t *slot, const json_t *flow)
{
    static const char *const texts[] = {"device", "role", "flow"};
    static const char *const numbers[] = {"wh", "known_s", "off_grid_s"};
    const json_t *flags = json_object_get(flow, "flags");
    struct strbuf words;

    put_time(export, "start_utc", "start_local", ctl_number(slot, "start"), true);
    put_time(export, "end_utc", "end_local", ctl_number(slot, "end"), false);
    put_cell(export, "open", NUMBER,
             json_is_true(json_object_get(slot, "open")) ? "true" : "false", false);
    for (size_t i = 0; i < 3; i++)
        put_cell(export, texts[i], TEXT, ctl_text(flow, texts[i]), false);
    for (size_t i = 0; i < 3; i++)
        put_json_cell(export, numbers[i], json_object_get(flow, numbers[i]));
    strbuf_init(&words);
    strbuf_puts(&words, "");
    for (size_t i = 0; i < json_array_size(flags); i++)
        strbuf_printf(&words, "%s%s", i ? " " : "",
                      json_string_value(json_array_get(flags, i)));
    put_cell(export, "flags", TEXT, words.data ? words.data : "", false);
    strbuf_done(&words);
    return end_row(export);
}

static int put_slots(struct export *export, const json_t *root)
{
    const json_t *slots = json_object_get(root, "slots");
    int rc = 0;

    for (size_t i = 0; i < json_array_size(slots) && rc == 0; i++) {
        const json_t *slot = json_array_get(slots, i);
        const json_t *flows = json_object_get(slot, "flows");

        for (size_t f = 0; f < json_array_size(flows) && rc == 0; f++)
            rc = put_flow(export, slot, json_array_get(flows, f));
    }
    return rc;
}

/* ---- pages ---- */

static void show(struct export *export, int64_t at_ms)
{
    uint64_t span = (uint64_t)(export->to_ms - export->from_ms);

    export->progress.total = span * export->n_parts;
    progress_show(&export->progress,
                  span * export->part + (uint64_t)(at_ms - export->from_ms));
}

static int put_pages(struct export *export, const char *question)
{
    int64_t next_ms = export->from_ms;
    int rc = EXIT_OK;

    while (rc == EXIT_OK && next_ms > 0) {
        struct strbuf target;
        json_t *root = NULL;

        show(export, next_ms);
        strbuf_init(&target);
        strbuf_printf(&target, "%s&from=%" PRId64 "&to=%" PRId64, question, next_ms,
                      export->to_ms);
        rc = target.failed ? EXIT_BAD_NEWS
                           : ctl_get(export->ctl, target.data, &root, NULL);
        strbuf_done(&target);
        if (rc != EXIT_OK)
            return rc;
        rc = export->ctl->is_energy ? put_slots(export, root) : put_values(export, root);
        if (rc < 0) {
            fprintf(stderr, "gatewayctl: the export cannot be written: %s\n",
                    error_errno_text(rc));
            rc = EXIT_BAD_NEWS;
        }
        next_ms = ctl_number(root, "next");
        json_decref(root);
    }
    return rc;
}

static int export_energy(struct export *export)
{
    const char *slot = export->ctl->slot ? export->ctl->slot : "30m";
    char question[80];

    snprintf(question, sizeof question, "/api/v1/energy?slot=%.8s", slot);
    return put_pages(export, question);
}

static bool add_name(json_t *names, const char *name, size_t len)
{
    if (!len || len > 127 || strcspn(name, "&=+#% /?\"") < len)
        return false;
    return json_array_append_new(names, json_stringn(name, len)) == 0;
}

/* Those that were asked for, or all there are. */
static int list_points(const struct ctl *ctl, json_t *names)
{
    json_t *root;
    const json_t *points;
    int rc;

    for (const char *at = ctl->points; at; at = strchr(at, ',')) {
        at += at != ctl->points; /* behind the comma */
        if (!add_name(names, at, strcspn(at, ","))) {
            fputs("gatewayctl: --points wants DEVICE.POINT,DEVICE.POINT,...\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (ctl->points)
        return EXIT_OK;
    rc = ctl_get(ctl, "/api/v1/points", &root, NULL);
    if (rc != EXIT_OK)
        return rc;
    points = json_object_get(root, "points");
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        char name[160];

        snprintf(name, sizeof name, "%s.%s", ctl_text(point, "device"),
                 ctl_text(point, "point"));
        (void)add_name(names, name, strlen(name));
    }
    json_decref(root);
    return EXIT_OK;
}

static int export_values(struct export *export)
{
    json_t *names = json_array();
    size_t n;
    int rc = list_points(export->ctl, names);

    n = json_array_size(names);
    export->n_parts = n / POINTS_PER_ASK + 1;
    for (size_t i = 0; rc == EXIT_OK && i < n; export->part++) {
        struct strbuf question;

        strbuf_init(&question);
        strbuf_printf(&question, "/api/v1/history?step=%.16s",
                      export->ctl->step ? export->ctl->step : "1m");
        for (size_t end = i + POINTS_PER_ASK;
             i < n && i < end && question.len < QUESTION_MAX; i++)
            strbuf_printf(&question, "&point=%s",
                          json_string_value(json_array_get(names, i)));
        rc = question.failed ? EXIT_BAD_NEWS : put_pages(export, question.data);
        strbuf_done(&question);
    }
    json_decref(names);
    return rc;
}

static int run_export(const struct ctl *ctl, FILE *out)
{
    struct export export = {.ctl = ctl,
                            .out = out,
                            .from_ms = ctl->from_ms,
                            .to_ms = ctl->to_ms ? ctl->to_ms : clock_wall_ms(),
                            .n_parts = 1,
                            .progress = {.what = "exporting",
                                         .is_shown = isatty(STDERR_FILENO) &&
                                                     !isatty(fileno(out)),
                                         .permille = -1}};
    int rc;

    strbuf_init(&export.line);
    put_begin(&export);
    rc = ctl->is_energy ? export_energy(&export) : export_values(&export);
    progress_end(&export.progress);
    strbuf_done(&export.line);
    if (rc == EXIT_OK && ctl->is_json)
        fputs(export.has_rows ? "\n]\n" : "]\n", out);
    return rc;
}

/* Beside its name until it is whole. */
static int export_file(const struct ctl *ctl, const char *name)
{
    char part[PATH_MAX];
    FILE *out;
    int fd, rc;

    if (!ctl_may_replace(ctl, name))
        return EXIT_USAGE;
    if (snprintf(part, sizeof part, "%s.part-%d", name, (int)getpid()) >=
        (int)sizeof part)
        return EXIT_USAGE;
    fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        fprintf(stderr, "gatewayctl: %s: %s\n", part, error_errno_text(errno));
        return EXIT_BAD_NEWS;
    }
    rc = run_export(ctl, out);
    errno = 0;
    if (fflush(out) != 0 || ferror(out) || fsync(fd) < 0)
        rc = rc == EXIT_OK ? EXIT_BAD_NEWS : rc;
    if (fclose(out) != 0 || (rc == EXIT_OK && rename(part, name) < 0))
        rc = EXIT_BAD_NEWS;
    if (rc == EXIT_OK)
        return rc;
    if (errno)
        fprintf(stderr, "gatewayctl: %s: %s\n", name, error_errno_text(errno));
    (void)unlink(part);
    return rc;
}

int cmd_export(const struct ctl *ctl)
{
    bool to_stdout = ctl->n_args == 0 || strcmp(ctl->args[0], "-") == 0;

    if (!ctl->from_ms || (ctl->to_ms && ctl->to_ms <= ctl->from_ms) ||
        (ctl->step && strpbrk(ctl->step, "&=+#% /?")) ||
        (ctl->slot && strpbrk(ctl->slot, "&=+#% /?"))) {
        fputs("gatewayctl: export wants --from TIME (such as 7d or 2026-11-01), earlier "
              "than "
              "--to\n",
              stderr);
        return EXIT_USAGE;
    }
    return to_stdout ? run_export(ctl, stdout) : export_file(ctl, ctl->args[0]);
}
