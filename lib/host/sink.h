/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects what a plugin emits into records: one per device and wake-up, one message per
 * wake-up. Nothing a plugin emits is trusted. A reading without a value is told at the
 * transition and then once a minute. Bus thread only.
 */
#ifndef GATEWAYD_HOST_SINK_H
#define GATEWAYD_HOST_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/host/host_config.h"
#include "lib/host/outbox.h"

/* What a plugin sees as struct gw_sink. */
struct gw_sink;

/* Both borrowed; outbox NULL: records are dropped (check, scan). NULL: no memory. */
struct gw_sink *sink_new(const struct host_bus *bus, struct outbox *outbox);
void sink_free(struct gw_sink *sink);

/* The services of that name. */
void sink_emit(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
               uint32_t quality, int32_t detail);
void sink_fail(struct gw_sink *sink, int32_t detail, const char *text);
void sink_plan_changed(struct gw_sink *sink);
void sink_set_device(struct gw_sink *sink, uint32_t device, int64_t t_boot_ns);

/* Around each call of read: which device, and its time. */
void sink_begin(struct gw_sink *sink, uint32_t device, int64_t now_boot_ns);
/* Marks the points that the call did not emit when it failed. */
void sink_end(struct gw_sink *sink, const uint32_t *points, uint32_t n_points,
              enum gw_result result, int64_t now_boot_ns);
/* Around write, check and ready: no device until set_device. */
void sink_begin_bare(struct gw_sink *sink, int64_t now_boot_ns);

/* A point stands in a request, so that sink_mark_device may speak for it. */
void sink_plan_point(struct gw_sink *sink, uint32_t device, uint32_t point);
/* All planned points of the device have this quality and no value. */
void sink_mark_device(struct gw_sink *sink, uint32_t device, enum gw_quality quality,
                      int64_t now_boot_ns);

/* Of the last call. */
const char *sink_text(const struct gw_sink *sink); /* "" when the plugin gave none */
int32_t sink_detail(const struct gw_sink *sink);
bool sink_wants_plan(const struct gw_sink *sink);
/* A quality changed since the last flush: send at once. */
bool sink_is_urgent(const struct gw_sink *sink);
/* Readings with a wrong point number so far. */
uint64_t sink_rejected(const struct gw_sink *sink);

void sink_flush(struct gw_sink *sink);

#endif
