/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the object behind control.h. */
#ifndef GATEWAYD_CONTROL_CONTROL_STATE_H
#define GATEWAYD_CONTROL_CONTROL_STATE_H

#include <pthread.h>

#include "gatewayd/control/absence.h"
#include "gatewayd/control/actuate.h"
#include "gatewayd/control/charge.h"
#include "gatewayd/control/control.h"
#include "gatewayd/control/control_outputs.h"
#include "gatewayd/control/decide.h"
#include "gatewayd/control/drill.h"
#include "gatewayd/control/ending.h"
#include "gatewayd/control/journal.h"
#include "gatewayd/control/notices.h"
#include "gatewayd/control/outlook.h"
#include "gatewayd/control/past.h"
#include "gatewayd/control/plan_in.h"
#include "gatewayd/control/planned.h"
#include "gatewayd/control/policy.h"
#include "gatewayd/control/saving.h"
#include "gatewayd/control/sense.h"
#include "gatewayd/control/shed_table.h"
#include "gatewayd/control/site_map.h"
#include "gatewayd/control/tie.h"
#include "gatewayd/control/wishes.h"

struct control {
    struct control_ports ports;
    pthread_mutex_t lock; /* of all below; taken before view_lock */
    bool is_configured, is_started, is_stopping;
    bool is_past_asked;
    uint64_t past_serial; /* configurations so far: an older one's past is not taken */
    char timezone[64];
    int64_t zone_ms, zone_asked_ms; /* local time - UTC, and when it was looked up */
    struct site_map map;
    struct sense sense;
    struct evidence_reading readings[EVIDENCE_MAX];
    struct evidence evidence;
    struct evidence_verdict verdict;
    struct charge charge;
    struct charge_sum stored;
    struct sense_power power;
    struct outlook outlook;
    struct absence absence;
    int64_t over_since_ms; /* the batteries give more than they may; 0: they do not */
    bool is_overloaded;
    double mean_load_w; /* over 15 min; NaN: not known yet */
    int64_t mean_ms;
    struct grid_state grid;
    struct grid_out out;
    bool is_resumed; /* the journal's state was taken over */
    struct wishes wishes;
    struct plan_in plan;
    struct policy policy;
    struct policy_out policy_out;
    struct decide decide;
    struct shed_table shed_table;
    struct programme programme;
    struct outputs outputs;
    struct circuit_now now[CIRCUIT_MAX];
    struct circuit_plan orders;
    struct actuate *actuate;
    struct journal journal;
    struct drill drill;
    struct tie tie;
    struct planned planned;
    struct notices notices;
    struct ending ending;
    struct saving saving;
    enum grid_person person; /* said since the last step */
    int64_t step_ms, next_ms, published_ms;
    uint64_t n_steps, n_published;
    uint64_t published_shed;
    enum grid_state_id published_state;
    struct {
        uint64_t n_transitions, n_plans;
    } count;
    /* copied after each step: answers come without the lock */
    struct actuate_stats stats;
};

/* Seconds the stored energy lasts at the mean load, down to the critical floor; < 0: not
 * known. Under the lock. */
double control_runtime_s(const struct control *control);
/* Bits of the backed circuits that are off by us. Under the lock. */
uint64_t control_shed(const struct control *control);
/* Reads everything and steps the state machine: out, now and power are of this moment
 * then. Returns the boot time in ms of the next look. Under the lock. */
int64_t control_see(struct control *control, int64_t t_ms);
struct tie_in control_tie_input(struct control *control, int64_t t_ms);
#endif
