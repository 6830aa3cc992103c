/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and names of chips and lines; see chip.h. */
#include "plugins/gpio/chip.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const char *label;
    struct lines_chip *chip;
    struct lines_chip_info info;
    unsigned n_found;
    int err; /* of a chip that could not be opened */
    char refused[LINES_NAME_MAX];
};

/* Goes through all of them: a second one with the label makes the first one a guess. */
static bool look(void *ctx, const char *path)
{
    struct search *search = ctx;
    struct lines_chip_info info;
    struct lines_chip *chip;
    int rc = lines_chip_open(path, &chip, &info);

    if (rc < 0) {
        search->err = rc;
        snprintf(search->refused, sizeof search->refused, "%s", path);
        return true;
    }
    if (strcmp(info.label, search->label) != 0) {
        lines_chip_close(chip);
        return true;
    }
    if (search->n_found++ == 0) {
        search->chip = chip;
        search->info = info;
    } else {
        lines_chip_close(chip);
    }
    return true;
}

static int find_path(const char *path, struct lines_chip **ret,
                     struct lines_chip_info *ret_info, char text[CHIP_TEXT_MAX])
{
    char real[PATH_MAX];
    int rc = realpath(path, real) ? lines_chip_open(real, ret, ret_info) : -ENODEV;

    if (rc < 0)
        snprintf(text, CHIP_TEXT_MAX, "chip %.100s: %s", path, strerror(-rc));
    return rc;
}

int chip_find(const char *wanted, struct lines_chip **ret,
              struct lines_chip_info *ret_info, char text[CHIP_TEXT_MAX])
{
    struct search search = {.label = wanted};

    if (wanted[0] == '/')
        return find_path(wanted, ret, ret_info, text);
    lines_list(look, &search);
    if (search.n_found == 1) {
        *ret = search.chip;
        *ret_info = search.info;
        return 0;
    }
    lines_chip_close(search.chip);
    if (search.n_found > 1) {
        snprintf(
            text, CHIP_TEXT_MAX,
            "%u chips have the label '%.60s'; name the one by a link that udev makes to "
            "it, such as /dev/gpio/left",
            search.n_found, wanted);
        return -EEXIST;
    }
    if (search.err < 0) {
        snprintf(text, CHIP_TEXT_MAX, "no chip with the label '%.60s', and %.40s: %s",
                 wanted, search.refused, strerror(-search.err));
        return search.err;
    }
    snprintf(text, CHIP_TEXT_MAX, "no chip with the label '%.60s'", wanted);
    return -ENODEV;
}

/* ---- lines
 * ------------------------------------------------------------------------------ */

/* LABEL:OFFSET with this chip's label. */
static bool parse_offset(const struct lines_chip_info *info, const char *wanted,
                         uint32_t *ret_offset)
{
    size_t len = strlen(info->label);
    unsigned long offset;
    char *end;

    if (strncmp(wanted, info->label, len) != 0 || wanted[len] != ':' ||
        wanted[len + 1] < '0' || wanted[len + 1] > '9')
        return false;
    offset = strtoul(wanted + len + 1, &end, 10);
    *ret_offset = (uint32_t)offset;
    return !*end && offset < info->n_lines;
}

static int find_nameless(struct lines_chip *chip, uint32_t offset, uint32_t *ret_offset,
                         char text[CHIP_TEXT_MAX])
{
    struct lines_info line;
    int rc = lines_get_info(chip, offset, &line);

    if (rc == 0 && line.name[0]) {
        snprintf(text, CHIP_TEXT_MAX,
                 "the line at %u has a name, '%s': use it, its place may change", offset,
                 line.name);
        return -EINVAL;
    }
    if (rc == 0)
        *ret_offset = offset;
    return rc;
}

int chip_find_line(struct lines_chip *chip, const struct lines_chip_info *info,
                   const char *wanted, uint32_t *ret_offset, char text[CHIP_TEXT_MAX])
{
    unsigned n_found = 0;
    struct lines_info line;
    uint32_t first = 0, nameless;

    for (uint32_t i = 0; i < info->n_lines; i++) {
        int rc = lines_get_info(chip, i, &line);

        if (rc < 0)
            return rc;
        if (strcmp(line.name, wanted) == 0 && n_found++ == 0)
            first = i;
    }
    if (n_found == 0 && parse_offset(info, wanted, &nameless))
        return find_nameless(chip, nameless, ret_offset, text);
    if (n_found == 0)
        snprintf(text, CHIP_TEXT_MAX,
                 "chip '%s' has no line '%.60s'; `gatewayctl scan gpio` lists them",
                 info->label, wanted);
    else if (n_found > 1)
        snprintf(text, CHIP_TEXT_MAX, "%u lines of chip '%s' are called '%.60s'", n_found,
                 info->label, wanted);
    if (n_found != 1)
        return n_found ? -EEXIST : -ENOENT;
    *ret_offset = first;
    return 0;
}
