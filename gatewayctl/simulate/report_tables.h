/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a report: figures, classes, homes. */
#ifndef GATEWAYCTL_SIMULATE_REPORT_TABLES_H
#define GATEWAYCTL_SIMULATE_REPORT_TABLES_H

#include "gatewayctl/simulate/report.h"
#include "gatewayctl/simulate/report_words.h"

void report_tables_tiles(const struct report *report, const struct report_words *words);
void report_tables_classes(const struct report *report, const struct report_words *words);
void report_tables_metrics(const struct report *report, const struct report_words *words);
void report_tables_homes(const struct report *report, const struct report_words *words);

#endif
