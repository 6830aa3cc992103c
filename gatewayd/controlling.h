/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins outage control to the latest values, writes, the store and the routes, and turns
 * it when it asks to be turned. Made by gateway.c. On the loop, but for the views.
 */
#ifndef GATEWAYD_CONTROLLING_H
#define GATEWAYD_CONTROLLING_H

#include <systemd/sd-event.h>

#include "gatewayd/api/api.h"
#include "gatewayd/forward/route_process.h"
#include "lib/config/config.h"
#include "lib/model/record.h"

struct gateway;
struct controlling;

/* NULL: no memory. Needs store, writes and forwarding. */
struct controlling *controlling_new(struct gateway *gateway);
/* Stops deciding; answers of writes may still come. NULL is fine. */
void controlling_stop(struct controlling *controlling);
/* Nothing reads the store for it any more. NULL is fine. */
void controlling_join(struct controlling *controlling);
/* After writes_stop and controlling_join. NULL is fine. */
void controlling_free(struct controlling *controlling);

void controlling_configure(struct controlling *controlling, const struct config *config,
                           const struct catalog *catalog);
/* Reads what the journal kept, then begins; begins without it when the store is slow. */
void controlling_start(struct controlling *controlling);
void controlling_readings(struct controlling *controlling,
                          const struct record_batch *batch);
void controlling_device_lost(struct controlling *controlling, uint32_t device);
/* A message on .../plan of a route. */
void controlling_plan(void *gateway, const char *route,
                      const struct route_message *message);
/* A post of the API that is for control: finished here. */
void controlling_post(struct controlling *controlling, struct api_post *post);
/* Is this point control's alone? *ret_text (size bytes): why. */
bool controlling_owns(struct controlling *controlling, uint32_t device, uint32_t point,
                      char *ret_text, size_t size);
/* Fills the ports that show control. Any thread calls them. */
void controlling_fill_ports(struct api_ports *ports);
void controlling_put_metrics(struct controlling *controlling, struct strbuf *buf);

#endif
