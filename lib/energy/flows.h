/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The energy flows of many devices: which of their points tell of which flow
 * (docs/names.md), and a meter (meter.h) for each in slots of FLOWS_SLOT_MS. What the
 * meters know can be saved and loaded, so that a sum can be interrupted anywhere. Pure;
 * one thread at a time.
 */
#ifndef GATEWAYD_ENERGY_FLOWS_H
#define GATEWAYD_ENERGY_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/energy/meter.h"
#include "lib/model/catalog.h"

#define FLOWS_SLOT_MS INT64_C(900000) /* 15 minutes, at :00 of UTC */
/* No home or shared receiving point carries more: beyond it a counter is held. */
#define FLOWS_MAX_W 2000000

/* What of a device an amount is. Names: "import", "export", "charge", "discharge",
 * "production", "consumption". */
enum energy_flow {
    ENERGY_IMPORT, ENERGY_EXPORT, ENERGY_CHARGE, ENERGY_DISCHARGE, ENERGY_PRODUCTION,
    ENERGY_CONSUMPTION, ENERGY_FLOWS
};
const char *energy_flow_name(enum energy_flow flow);

/* What a point tells: the flow it counts, or those that its power is when above and below
 * 0; -1: none. */
struct flow_source {
    int8_t counter, above, below;
};
/* By its role and name; false: it tells nothing. */
bool flow_source_of(enum role role, const char *point, struct flow_source *ret);

struct flows;

struct flows *flows_new(void); /* NULL: no memory */
void flows_free(struct flows *flows);

/* One reading. Devices are small numbers of the caller's. poll_ms: how often it comes,
 * for a flow seen for the first time. 0 or -ENOMEM. */
int flows_add(struct flows *flows, uint32_t device, uint32_t poll_ms,
              const struct flow_source *source, const struct meter_time *time,
              double value);
/* Closes slots that are over at this time. */
void flows_close_due(struct flows *flows, int64_t now_wall_ms);

struct flow_slot {
    uint32_t device;
    enum energy_flow flow;
    struct meter_slot slot;
};
/* Slots that are over, one by one; false: no more now. */
bool flows_take(struct flows *flows, struct flow_slot *ret);
/* Slots that are open, as far as they are known; from *pos = 0 on. */
bool flows_open(const struct flows *flows, uint32_t *pos, struct flow_slot *ret);

/* Slots that are over must have been taken. buf->failed: no memory. */
void flows_save(const struct flows *flows, struct strbuf *buf);
/* Into an empty one. *pos moves behind what was read. 0, -EBADMSG, -ENOMEM. */
int flows_load(struct flows *flows, const void *data, size_t len, size_t *pos);

#endif
