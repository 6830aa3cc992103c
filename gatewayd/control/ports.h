/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control needs of the rest of the daemon: gatewayd/controlling.c joins it to the
 * latest-value table, writes, store and routes; tests put a fake table here. All of it
 * runs on the loop and none of it waits.
 */
#ifndef GATEWAYD_CONTROL_PORTS_H
#define GATEWAYD_CONTROL_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_NAME_MAX 130 /* "device.point" */

struct past;

/* A point by its number in the catalogue of the day. */
struct control_ref {
    bool is_there;
    uint32_t device, point;
};

struct control_reading {
    bool is_good; /* quality good and not stale */
    bool has_value;
    double value;
    int64_t t_boot_ns;
};

/* Named: between order and journal a reload may give the point another number. */
struct control_write {
    const char *name; /* borrowed */
    /* release: to the failsafe, and let go; the value is ignored */
    bool is_bool, is_release;
    double value;
    uint32_t lease_ms;
    bool at_once; /* does not wait for the journal */
};

enum control_outcome {
    CONTROL_CONFIRMED,
    CONTROL_ACCEPTED,
    CONTROL_REFUSED,
    CONTROL_FAILED
};

struct control_answer {
    enum control_outcome outcome;
    const char *text; /* borrowed */
    bool has_readback;
    double readback;
};
typedef void (*control_done_fn)(void *done_ctx, const struct control_answer *answer);

struct control_ports {
    void *ctx;
    /* False: no such point. */
    bool (*read)(void *ctx, const struct control_ref *ref, struct control_reading *ret);
    /* Answered exactly once, perhaps before it returns. */
    void (*write)(void *ctx, const struct control_write *write, control_done_fn done,
                  void *done_ctx);
    /* Logged, stored with full sync, forwarded under consent for `grid`; severity "alarm"
     * raises the alarm of that code. */
    void (*event)(void *ctx, const char *code, const char *severity, const char *text);
    /* The alarm is over; does nothing when it was not standing. */
    void (*clear)(void *ctx, const char *code, const char *text);
    /* A durable fact, synced; NULL: delete. */
    void (*keep)(void *ctx, const char *key, const char *value);
    /* The grid message, to be retained on every route that may have it. */
    void (*publish)(void *ctx, const char *payload);
    /* Fills the past from the store, not on the loop, then gives it to
     * control_take_past. */
    void (*ask_past)(void *ctx, struct past *past);
    /* Seconds without the grid in the energy slot that begins then; the slot is over. */
    void (*off_grid)(void *ctx, int64_t slot_wall_ms, int32_t off_s);
    /* What was stored so far is committed. */
    void (*flush)(void *ctx);
    /* The machine is asked to switch off once all is committed; false: no longer. */
    void (*halt)(void *ctx, bool is_asked);
    /* Energy is scarce: devices that are not needed are polled slower, readings gathered
     * before they are sent. needed: by the number of the device, borrowed for the call;
     * NULL: no longer. Called on a change only, and when the catalogue changed. */
    void (*save)(void *ctx, const bool *needed);
    /* Calls control_step soon. */
    void (*wake)(void *ctx);
    /* False: the journal is in RAM. */
    bool (*is_on_disk)(void *ctx);
};

#endif
