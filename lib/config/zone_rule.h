/* SPDX-License-Identifier: Apache-2.0 */
/* The rule for all times to come at the end of a zoneinfo file: "JST-9",
 * "CET-1CEST,M3.5.0,M10.5.0/3". Pure. */
#ifndef GATEWAYD_CONFIG_ZONE_RULE_H
#define GATEWAYD_CONFIG_ZONE_RULE_H

#include <stdint.h>

/* Seconds east of UTC under the rule; 0 when it is malformed. */
int64_t zone_rule_offset(const char *rule, int64_t utc_s);

/* Days from 1970-01-01. */
int64_t zone_rule_days(int year, int month, int day);

#endif
