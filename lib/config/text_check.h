/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file text at all: UTF-8, no control characters, no tab indentation. Pure. */
#ifndef GATEWAYD_CONFIG_TEXT_CHECK_H
#define GATEWAYD_CONFIG_TEXT_CHECK_H

#include <stdbool.h>

#include "lib/config/report.h"

/* False: the first offence is reported. */
bool text_check(const struct source_file *file, struct config_report *report);

#endif
