/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Energy of one flow of one device (an import, a production) in slots of integer Wh. The
 * device's own counter decides; power is integrated only where there is none. A counter
 * that goes down, or jumps beyond what the connection can carry, is held: a reset is
 * taken only after METER_RESET_SAMPLES samples that agree, or on the operator's word.
 * Pure.
 */
#ifndef GATEWAYD_ENERGY_METER_H
#define GATEWAYD_ENERGY_METER_H

#include <stdbool.h>
#include <stdint.h>

#define METER_RESET_SAMPLES 10
#define METER_READY_MAX 8

/* What an amount rests on; a slot has the flags of all its parts. */
enum meter_flag {
    METER_MEASURED = 1,   /* the device's counter */
    METER_INTEGRATED = 2, /* power times time */
    METER_RECOVERED = 4,  /* a total over a down time, all of it in the slot of its end */
    METER_MISSING = 8,    /* part of the slot is not known */
};

struct meter_slot {
    int64_t start_ms; /* UTC, a whole multiple of the slot's length */
    int64_t wh;
    uint32_t known_s; /* of the slot's seconds */
    uint8_t flags;
};

/* When: dt is boot time within a boot, wall time from one to the next. */
struct meter_time {
    int64_t boot; /* any number that differs from boot to boot */
    int64_t t_boot_ms, t_wall_ms;
};

struct meter {
    int64_t slot_ms, poll_ms;
    int64_t max_w; /* more than that is a glitch */
    bool has_counter, has_power, is_open;
    struct meter_time last, last_power;
    int64_t counter_mwh;
    double power_w;
    /* samples that contradict the counter, held */
    uint32_t n_held;
    int64_t held_mwh, held_first_mwh;
    uint64_t n_glitches;
    struct meter_slot open;
    int64_t open_mwh, open_known_ms;
    struct meter_slot ready[METER_READY_MAX];
    uint32_t n_ready;
};

void meter_init(struct meter *meter, uint32_t slot_s, uint32_t poll_ms, int64_t max_w);
/* After a start: the counter as it was last known, so that a down time is recovered. */
void meter_restore(struct meter *meter, const struct meter_time *time, double wh);

void meter_add_counter(struct meter *meter, const struct meter_time *time, double wh);
/* In the direction of the flow; what is below 0 is none of it. */
void meter_add_power(struct meter *meter, const struct meter_time *time, double w);
/* The operator says that the counter was reset. */
void meter_accept_reset(struct meter *meter);

/* Slots that are over; true while there is one. Oldest first; beyond METER_READY_MAX the
 * oldest are dropped. */
bool meter_take(struct meter *meter, struct meter_slot *ret);
/* Closes the slot when it is over at this time, also without samples. */
void meter_close_due(struct meter *meter, int64_t now_wall_ms);

/* 1 - import/consumption and 1 - export/production; false: not defined. Flags of all that
 * went into the sums. */
bool meter_self_sufficiency(int64_t import_wh, int64_t consumption_wh, unsigned flags,
                            double *ret);
bool meter_self_consumption(int64_t export_wh, int64_t production_wh, unsigned flags,
                            double *ret);

#endif
