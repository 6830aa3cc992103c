/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of gatewayctl; each returns the exit code. See main.c's table. */
#ifndef GATEWAYCTL_COMMANDS_H
#define GATEWAYCTL_COMMANDS_H

#include "gatewayctl/ctl.h"

int cmd_check(const struct ctl *ctl);
int cmd_scan(const struct ctl *ctl);
int cmd_status(const struct ctl *ctl);
int cmd_metrics(const struct ctl *ctl);
int cmd_reload(const struct ctl *ctl);
int cmd_version(const struct ctl *ctl);
int cmd_points(const struct ctl *ctl);
int cmd_read(const struct ctl *ctl);
int cmd_write(const struct ctl *ctl);
int cmd_watch(const struct ctl *ctl);
int cmd_buses(const struct ctl *ctl);
int cmd_plan(const struct ctl *ctl);
int cmd_routes(const struct ctl *ctl);
int cmd_history(const struct ctl *ctl);
int cmd_energy(const struct ctl *ctl);
int cmd_export(const struct ctl *ctl);
int cmd_backup(const struct ctl *ctl);
int cmd_restore(const struct ctl *ctl);
int cmd_events(const struct ctl *ctl);
int cmd_grid(const struct ctl *ctl);
int cmd_circuits(const struct ctl *ctl);
int cmd_why(const struct ctl *ctl);
int cmd_override(const struct ctl *ctl);
int cmd_hold(const struct ctl *ctl);
int cmd_storm(const struct ctl *ctl);
int cmd_island(const struct ctl *ctl);
int cmd_drill(const struct ctl *ctl);
int cmd_simulate(const struct ctl *ctl); /* simulate/simulate.c */

#endif
