/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes on their way to a device: bounded, journalled before they are sent, answered,
 * and what we own is reverted after a crash. On the loop.
 */
#ifndef GATEWAYD_WRITES_H
#define GATEWAYD_WRITES_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/device/hosts.h"
#include "gatewayd/loop_calls.h"
#include "gatewayd/store/store.h"

struct writes;

enum write_outcome {
    WRITE_CONFIRMED = 0, /* read back */
    WRITE_ACCEPTED = 1,  /* sent, the device cannot confirm */
    WRITE_REFUSED = 2,   /* by limits or because the point is not writable */
    WRITE_FAILED = 3,
};

/* The answer, once, on the loop; text and readback are borrowed. */
typedef void (*write_answer_fn)(void *ctx, enum write_outcome outcome, const char *text,
                                const struct gw_value *readback);

struct writes *writes_new(struct hosts *hosts, struct store *store,
                          struct loop_calls *calls);
/* Before the store is closed: unanswered ones are answered WRITE_FAILED, new ones
 * refused. */
void writes_stop(struct writes *writes);
void writes_free(struct writes *writes);

/* at_once does not wait for the journal: a load switched off must not hang on a slow
 * disk. */
struct write_order {
    uint32_t device, point;
    struct gw_value value; /* physical: a number or a truth */
    uint32_t lease_ms;     /* 0: the point's own */
    const char *by;        /* who asked, for the journal ("api", "coordinator") */
    bool at_once;
};
/* Everything is answered through `answer`, perhaps before this returns. A point that the
 * journal has already is not noted again. */
void writes_order(struct writes *writes, struct catalog *catalog,
                  const struct write_order *order, write_answer_fn answer, void *ctx);
/* Sets the point to its failsafe and lets go of it. */
void writes_release(struct writes *writes, struct catalog *catalog, uint32_t device,
                    uint32_t point, write_answer_fn answer, void *ctx);
/* One poll of a device now. */
void writes_read(struct writes *writes, uint32_t device, write_answer_fn answer,
                 void *ctx);

/* From the hosts' hooks. */
void writes_done(struct writes *writes, uint64_t id, enum gw_result result,
                 const char *text, const struct gw_value *readback);
void writes_lease_end(struct writes *writes, const char *device, const char *point,
                      enum gw_result result);
/* The host of this device died: what we own there goes back to failsafe when it
 * returns. */
void writes_device_lost(struct writes *writes, const char *device);

/* At start: takes over what the journal says we own, to be released. */
void writes_recover(struct writes *writes);
/* Each second: time-outs, releases that are due. */
void writes_tick(struct writes *writes, struct catalog *catalog);

#endif
