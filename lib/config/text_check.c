/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a file's bytes before libyaml does, because libyaml's words for the two most
 * common accidents (a binary file, tabs) do not help an installer.
 */
#include "lib/config/text_check.h"

#include <string.h>

struct scan {
    const unsigned char *p, *end;
    uint32_t line, col;
    bool in_indent;
    struct place tab; /* first tab of this line's indentation */
};

/* Length of the UTF-8 character at p, 0 when it is none. */
static size_t character_length(const unsigned char *p, const unsigned char *end)
{
    size_t n = *p < 0x80                 ? 1
               : *p >= 0xc2 && *p < 0xe0 ? 2
               : (*p & 0xf0) == 0xe0     ? 3
               : *p >= 0xf0 && *p < 0xf5 ? 4
                                         : 0;

    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
        (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* What libyaml's reader accepts: tab, line ends, NEL, printable characters. */
static bool is_text(const unsigned char *p, size_t n)
{
    if (n == 1)
        return (*p >= 0x20 && *p != 0x7f) || *p == '\t' || *p == '\n' || *p == '\r';
    if (n == 2 && *p == 0xc2 && p[1] < 0xa0)
        return p[1] == 0x85;
    return !(n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe);
}

static void step(struct scan *scan, const struct source_file *file, size_t n)
{
    unsigned char c = *scan->p;

    scan->p += n;
    scan->col++;
    if (c == '\n' || (c == '\r' && (scan->p == scan->end || *scan->p != '\n'))) {
        scan->line++;
        scan->col = 1;
        scan->in_indent = true;
        scan->tab.line = 0;
    } else if (c == '\t' && scan->in_indent && scan->tab.line == 0) {
        scan->tab = (struct place){file, scan->line, scan->col - 1};
    } else if (c != ' ' && c != '\t' && c != '\r') {
        scan->in_indent = false;
    }
}

bool text_check(const struct source_file *file, struct config_report *report)
{
    const unsigned char *text = (const unsigned char *)file->text;
    struct scan scan = {
        text, text + file->len, 1, 1, true, {file, 0, 0}
    };

    if (file->len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        scan.p += 3;
    while (scan.p < scan.end) {
        size_t n = character_length(scan.p, scan.end);

        if (n == 0 || !is_text(scan.p, n)) {
            /* Without the text: a terminal must not get these bytes. */
            struct source_file *nameless = &(struct source_file){file->path, NULL, 0};

            report_error(
                report, (struct place){nameless, scan.line, scan.col}, "config-binary",
                "byte 0x%02x is not text, expected a YAML file in UTF-8", *scan.p);
            return false;
        }
        step(&scan, file, n);
        if (scan.tab.line && !scan.in_indent && scan.p[-1] != '#') {
            report_error(
                report, scan.tab, "config-tab",
                "a tab is used to indent, expected spaces: YAML allows no tabs there");
            return false;
        }
        if (!scan.in_indent)
            scan.tab.line = 0;
    }
    return true;
}
