/* SPDX-License-Identifier: Apache-2.0 */
/* See scan.h: what `gatewayctl scan gpio` shows. */
#include "plugins/gpio/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/gpio/lines.h"

struct scan {
    const char *label;
    gw_found_fn found;
    void *ctx;
    unsigned n_chips;
    char *text;
};

/* A name as a point or device may have it: [a-z][a-z0-9_]*. */
static void put_name(FILE *out, const char *text, char between)
{
    if (!isalpha((unsigned char)*text))
        fputc('x', out);
    for (; *text; text++)
        fputc(isalnum((unsigned char)*text) ? tolower((unsigned char)*text) : between,
              out);
}

/* The kernel calls a line without a name nothing at all; some chips fill in "-" or
 * blanks. */
static bool is_name(const char *name)
{
    return name[strcspn(name, "\"\\\n")] == '\0' &&
           strpbrk(name, "0123456789"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "abcdefghijklmnopqrstuvwxyz");
}

static void put_points(FILE *out, struct lines_chip *chip,
                       const struct lines_chip_info *info)
{
    struct lines_info line;

    for (uint32_t i = 0; i < info->n_lines; i++) {
        if (lines_get_info(chip, i, &line) < 0 || line.is_used || !is_name(line.name))
            continue;
        fputs("    - {name: ", out);
        put_name(out, line.name, '_');
        fprintf(out, ", line: \"%s\", direction: in}\n", line.name);
    }
}

static void tell_chip(const struct scan *scan, struct lines_chip *chip,
                      const struct lines_chip_info *info)
{
    char text[200], *yaml = NULL;
    size_t size;
    FILE *out = open_memstream(&yaml, &size);

    if (!out)
        return;
    fputs("# bus: {name: ", out);
    put_name(out, info->label, '-');
    fprintf(out, ", plugin: gpio, chip: \"%s\"}\n- name: ", info->label);
    put_name(out, info->label, '-');
    fputs("-lines\n  bus: ", out);
    put_name(out, info->label, '-');
    fputs("\n  points:\n", out);
    put_points(out, chip, info);
    fclose(out);
    snprintf(text, sizeof text, "chip %s (now %s), %u lines", info->label, info->name,
             info->n_lines);
    scan->found(scan->ctx, text, yaml);
    free(yaml);
}

static void tell_line(const struct scan *scan, struct lines_chip *chip,
                      const struct lines_chip_info *info, uint32_t offset)
{
    char text[240], name[LINES_NAME_MAX + 12];
    struct lines_info line;

    if (lines_get_info(chip, offset, &line) < 0)
        return;
    if (is_name(line.name))
        snprintf(name, sizeof name, "%s", line.name);
    else
        snprintf(name, sizeof name, "%.60s:%u", info->label, offset);
    snprintf(text, sizeof text, "  %-24s %-3s  %s%s%s%s", name,
             line.is_output ? "out" : "in", line.is_used ? "in use by '" : "free",
             line.is_used ? line.consumer : "", line.is_used ? "'" : "",
             line.is_active_low ? ", active low" : "");
    scan->found(scan->ctx, text, "");
}

static bool scan_chip(void *ctx, const char *path)
{
    struct scan *scan = ctx;
    struct lines_chip_info info;
    struct lines_chip *chip;
    int rc = lines_chip_open(path, &chip, &info);

    if (rc < 0) {
        snprintf(scan->text, CHIP_TEXT_MAX, "%s: %s", path, strerror(-rc));
        return true;
    }
    if (!scan->label[0] || strcmp(scan->label, info.label) == 0) {
        scan->n_chips++;
        tell_chip(scan, chip, &info);
        for (uint32_t i = 0; i < info.n_lines; i++)
            tell_line(scan, chip, &info, i);
    }
    lines_chip_close(chip);
    return true;
}

int scan_chips(const char *label, gw_found_fn found, void *ctx, char text[CHIP_TEXT_MAX])
{
    struct scan scan = {.label = label, .found = found, .ctx = ctx, .text = text};

    snprintf(text, CHIP_TEXT_MAX, "this machine has no GPIO chip%s%.60s%s",
             *label ? " with the label '" : "", label, *label ? "'" : "");
    lines_list(scan_chip, &scan);
    return scan.n_chips ? GW_OK : GW_ERR_LINK;
}
