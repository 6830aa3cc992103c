/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a chip by its label and a line by its name. Numbers of chips change with the
 * kernel and with the order of plugging in; labels and names do not. Bus thread.
 */
#ifndef GATEWAYD_GPIO_CHIP_H
#define GATEWAYD_GPIO_CHIP_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/gpio/lines.h"

#define CHIP_TEXT_MAX 240

/* Opens the only chip with this label, or the one behind a path (a link that udev made).
 * -ENODEV: there is none, or -EACCES, ...; -EEXIST: there are several. Text says it. */
int chip_find(const char *wanted, struct lines_chip **ret,
              struct lines_chip_info *ret_info, char text[CHIP_TEXT_MAX]);

/* The offset of the only line of this name, or of the nameless line LABEL:OFFSET.
 * -ENOENT: there is none; -EEXIST: several; -EINVAL: that line has a name. */
int chip_find_line(struct lines_chip *chip, const struct lines_chip_info *info,
                   const char *wanted, uint32_t *ret_offset, char text[CHIP_TEXT_MAX]);

#endif
