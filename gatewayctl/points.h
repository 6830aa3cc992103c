/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of points as the API gives them: shown by points, read and watch. */
#ifndef GATEWAYCTL_POINTS_H
#define GATEWAYCTL_POINTS_H

#include "gatewayctl/ctl.h"

bool points_is_good(const json_t *point);
/* A table of the array. */
void points_print(const struct ctl *ctl, const json_t *points);
/* Removes the others; how many are left. */
size_t points_keep(json_t *points, bool (*is_kept)(const json_t *point, const void *arg),
                   const void *arg);

#endif
