/* SPDX-License-Identifier: Apache-2.0 */
/* Energy accounting of one flow; see meter.h. Sums are kept in mWh: the rest below a Wh
 * is carried into the next slot, so that slots add up to the counter. */
#include "lib/energy/meter.h"

#include <math.h>
#include <string.h>

#define GAP_POLLS 3 /* a longer distance between two samples is a down time */
#define MS_PER_H 3600000
#define KNOWN_PERCENT 98 /* below that a slot is said to miss some */

void meter_init(struct meter *meter, uint32_t slot_s, uint32_t poll_ms, int64_t max_w)
{
    *meter = (struct meter){
        .slot_ms = (int64_t)slot_s * 1000, .poll_ms = poll_ms, .max_w = max_w};
}

void meter_restore(struct meter *meter, const struct meter_time *time, double wh)
{
    meter->has_counter = true;
    meter->last = *time;
    meter->counter_mwh = llrint(wh * 1000);
}

static int64_t passed_ms(const struct meter_time *from, const struct meter_time *to)
{
    return from->boot == to->boot ? to->t_boot_ms - from->t_boot_ms
                                  : to->t_wall_ms - from->t_wall_ms;
}

/* Half a poll late is not missed: a device that is polled three times slower while energy
 * is saved (gatewayd/controlling.c) leaves no gap. */
static bool is_gap(const struct meter *meter, int64_t span_ms)
{
    return span_ms > GAP_POLLS * meter->poll_ms + meter->poll_ms / 2;
}

/* ---- slots ---- */

static void close_slot(struct meter *meter)
{
    struct meter_slot *slot = &meter->open;

    slot->wh = meter->open_mwh / 1000;
    slot->known_s = (uint32_t)(meter->open_known_ms / 1000);
    if (meter->open_known_ms < meter->slot_ms / 100 * KNOWN_PERCENT)
        slot->flags |= METER_MISSING;
    if (meter->n_ready == METER_READY_MAX) {
        memmove(meter->ready, meter->ready + 1, (METER_READY_MAX - 1) * sizeof *slot);
        meter->n_ready--;
    }
    meter->ready[meter->n_ready++] = *slot;
    meter->open_mwh %= 1000;
    meter->open_known_ms = 0;
    meter->is_open = false;
}

static int64_t slot_start(const struct meter *meter, int64_t t_ms)
{
    int64_t into = t_ms % meter->slot_ms;

    return t_ms - (into < 0 ? into + meter->slot_ms : into);
}

/* A clock that was set back must not open a slot again that was told. */
static void open_slot(struct meter *meter, int64_t t_ms)
{
    int64_t start = slot_start(meter, t_ms);

    if (meter->is_open && start > meter->open.start_ms)
        close_slot(meter);
    if (meter->is_open)
        return;
    meter->open = (struct meter_slot){.start_ms = start};
    meter->is_open = true;
}

static void put(struct meter *meter, int64_t t_ms, int64_t mwh, int64_t known_ms,
                uint8_t flags)
{
    open_slot(meter, t_ms);
    meter->open_mwh += mwh;
    meter->open_known_ms += known_ms;
    if (meter->open_known_ms > meter->slot_ms)
        meter->open_known_ms = meter->slot_ms;
    meter->open.flags |= flags;
}

/* An amount over a span that ends at t_ms, in proportion to the time in each slot. */
static void spread(struct meter *meter, int64_t t_ms, int64_t span_ms, int64_t mwh,
                   uint8_t flags)
{
    int64_t from_ms = t_ms - span_ms;

    while (span_ms > 0) {
        int64_t end_ms = slot_start(meter, from_ms) + meter->slot_ms;
        int64_t part_ms = end_ms < t_ms ? end_ms - from_ms : t_ms - from_ms;
        int64_t part_mwh = (int64_t)((double)mwh * (double)part_ms / (double)span_ms);

        if (part_ms == span_ms)
            part_mwh = mwh;
        put(meter, from_ms, part_mwh, part_ms, flags);
        mwh -= part_mwh;
        span_ms -= part_ms;
        from_ms += part_ms;
    }
}

bool meter_take(struct meter *meter, struct meter_slot *ret)
{
    if (meter->n_ready == 0)
        return false;
    *ret = meter->ready[0];
    memmove(meter->ready, meter->ready + 1, --meter->n_ready * sizeof *ret);
    return true;
}

void meter_close_due(struct meter *meter, int64_t now_wall_ms)
{
    if (meter->is_open && now_wall_ms >= meter->open.start_ms + meter->slot_ms)
        close_slot(meter);
}

/* ---- the counter ---- */

static void count(struct meter *meter, const struct meter_time *time, int64_t mwh)
{
    int64_t delta_mwh = mwh - meter->counter_mwh;
    int64_t span_ms = passed_ms(&meter->last, time);
    bool same_slot = slot_start(meter, meter->last.t_wall_ms) ==
                     slot_start(meter, time->t_wall_ms);

    if (!is_gap(meter, span_ms) || same_slot)
        spread(meter, time->t_wall_ms, span_ms, delta_mwh, METER_MEASURED);
    else
        put(meter, time->t_wall_ms, delta_mwh, 0, METER_RECOVERED);
    meter->counter_mwh = mwh;
    meter->last = *time;
    meter->n_held = 0;
}

/* From where a sample could have come within the time, at the most the line carries. */
static bool is_possible(const struct meter *meter, int64_t from_mwh, int64_t to_mwh,
                        int64_t span_ms)
{
    double most_mwh =
        (double)meter->max_w * (double)(span_ms + meter->poll_ms) / MS_PER_H * 1000;

    return to_mwh >= from_mwh && (double)(to_mwh - from_mwh) <= most_mwh + 1000;
}

/* What was counted while the two counters could not be told apart is known as a total;
 * what the old one had not told is lost. */
static void rebase(struct meter *meter, const struct meter_time *time)
{
    put(meter, time->t_wall_ms, meter->held_mwh - meter->held_first_mwh, 0,
        METER_RECOVERED | METER_MISSING);
    meter->counter_mwh = meter->held_mwh;
    meter->last = *time;
    meter->n_held = 0;
}

static void hold(struct meter *meter, const struct meter_time *time, int64_t mwh)
{
    meter->n_glitches++;
    if (meter->n_held > 0 &&
        !is_possible(meter, meter->held_mwh, mwh, GAP_POLLS * meter->poll_ms))
        meter->n_held = 0;
    if (meter->n_held++ == 0)
        meter->held_first_mwh = mwh;
    meter->held_mwh = mwh;
    if (meter->n_held >= METER_RESET_SAMPLES)
        rebase(meter, time);
}

void meter_add_counter(struct meter *meter, const struct meter_time *time, double wh)
{
    int64_t mwh;

    if (!isfinite(wh) || wh < 0 || wh > 9e12)
        return;
    mwh = llrint(wh * 1000);
    if (!meter->has_counter) {
        open_slot(meter, time->t_wall_ms);
        meter->has_counter = true;
        meter->counter_mwh = mwh;
        meter->last = *time;
        return;
    }
    if (is_possible(meter, meter->counter_mwh, mwh, passed_ms(&meter->last, time)))
        count(meter, time, mwh);
    else
        hold(meter, time, mwh);
}

void meter_accept_reset(struct meter *meter)
{
    if (meter->n_held > 0) {
        meter->counter_mwh = meter->held_mwh;
        meter->n_held = 0;
    } else {
        meter->has_counter = false;
    }
}

/* ---- power ---- */

void meter_add_power(struct meter *meter, const struct meter_time *time, double w)
{
    int64_t span_ms = passed_ms(&meter->last_power, time);
    bool had_power = meter->has_power;
    double before_w = meter->power_w;

    if (!isfinite(w) || fabs(w) > (double)meter->max_w)
        return;
    meter->has_power = true;
    meter->last_power = *time;
    meter->power_w = w > 0 ? w : 0;
    if (meter->has_counter || !had_power || span_ms <= 0)
        return;
    if (is_gap(meter, span_ms))
        span_ms = GAP_POLLS * meter->poll_ms; /* the rest is not known */
    spread(meter, time->t_wall_ms, span_ms,
           llrint((before_w + meter->power_w) / 2 * (double)span_ms / 3600),
           METER_INTEGRATED);
}

/* ---- shares ---- */

static bool share(int64_t part_wh, int64_t whole_wh, unsigned flags, double *ret)
{
    if ((flags & METER_MISSING) || whole_wh <= 0 || part_wh < 0)
        return false;
    *ret = 1 - (double)part_wh / (double)whole_wh;
    if (*ret < 0)
        *ret = 0;
    return true;
}

bool meter_self_sufficiency(int64_t import_wh, int64_t consumption_wh, unsigned flags,
                            double *ret)
{
    return share(import_wh, consumption_wh, flags, ret);
}

bool meter_self_consumption(int64_t export_wh, int64_t production_wh, unsigned flags,
                            double *ret)
{
    return share(export_wh, production_wh, flags, ret);
}
