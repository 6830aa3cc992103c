/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drill: an outage is played on the real readings, from loss of the grid to its return,
 * with the actuators disconnected; what would have been done is counted for the report.
 */
#ifndef GATEWAYD_CONTROL_DRILL_H
#define GATEWAYD_CONTROL_DRILL_H

#include "gatewayd/control/site_map.h"
#include "lib/base/strbuf.h"
#include "lib/microgrid/grid_state.h"

struct drill {
    bool is_running, has_report;
    int64_t begun_ms, until_ms, ended_ms; /* boot time */
    enum grid_state_id state;   /* played */
    uint64_t shed;              /* circuits that would have been off at any time */
    double runtime_s;           /* < 0: not known */
    uint64_t stuck;             /* circuits whose switch does not answer now */
};

void drill_begin(struct drill *drill, int64_t t_boot_ms, int64_t for_ms);
/* One step: the demand that an island would make. True when it ended with this step. */
bool drill_step(struct drill *drill, int64_t t_boot_ms, double usable_permille,
                const struct grid_config *config, struct grid_demand *ret_demand);
void drill_note(struct drill *drill, uint64_t shed, uint64_t stuck, double runtime_s);
/* One sentence for the owner. */
const char *drill_text(const struct drill *drill, const struct site_map *map, char *text,
                       size_t size);

#endif
