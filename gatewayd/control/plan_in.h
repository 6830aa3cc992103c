/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan messages of the coordinator (CONTRACT 4, .../plan): checked in full, obeyed within
 * the owner's limits, dropped when valid_s ends. All times count from reception on boot
 * time. What a plan commands goes to its failsafe when no message came for 2 min. Pure
 * but for JSON; on the loop.
 */
#ifndef GATEWAYD_CONTROL_PLAN_IN_H
#define GATEWAYD_CONTROL_PLAN_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/microgrid/circuit.h"
#include "lib/microgrid/grid_state.h"

#define PLAN_IN_BYTES_MAX 4096
#define PLAN_IN_HEARTBEAT_MS 120000
/* of the plans seen last: an older one that comes again is a replay */
#define PLAN_IN_IDS 32

enum plan_mode { PLAN_NORMAL, PLAN_STORM, PLAN_ISLAND };
const char *plan_mode_name(enum plan_mode mode);

struct plan_content {
    char id[65];
    enum plan_mode mode;
    bool has_state;
    enum grid_state_id state;
    int32_t soc_permille; /* of the community; -1: not said */
    double power_w, energy_wh; /* most the home may draw; < 0: not said */
    uint32_t valid_s, until_s;
    enum circuit_class p_max;
    char reason[200];
};

struct plan_in {
    bool is_there;
    struct plan_content content;
    int64_t t_first_ms; /* reception of this plan's first message */
    int64_t t_last_ms;  /* of any good one: the heartbeat */
    char seen[PLAN_IN_IDS][65];
    unsigned n_seen;
    uint64_t n_accepted, n_refused;
};

struct plan_message {
    const char *payload;
    size_t len;
    bool retained;
};

/* NULL when taken, else why not (a static or thread-local sentence). A plan repeated with
 * its own id renews the heartbeat and its validity, never the span of its energy. */
const char *plan_in_take(struct plan_in *plan, const struct plan_message *message,
                         int64_t t_boot_ms);
/* The plan in force, or NULL. */
const struct plan_content *plan_in_now(const struct plan_in *plan, int64_t t_boot_ms);
/* Power and energy hold only while the heartbeat lives. */
bool plan_in_is_alive(const struct plan_in *plan, int64_t t_boot_ms);
/* Boot time of the next change by itself; INT64_MAX: none. */
int64_t plan_in_next_ms(const struct plan_in *plan, int64_t t_boot_ms);

#endif
