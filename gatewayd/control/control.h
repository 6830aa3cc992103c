/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outage control of one site: readings -> evidence -> state -> plan -> interlocks ->
 * writes. One object, driven by readings and by the time it asks for; lib/microgrid
 * decides. On the loop, but for the control_put functions, which any thread may call:
 * they format under control's own lock, memory only.
 */
#ifndef GATEWAYD_CONTROL_CONTROL_H
#define GATEWAYD_CONTROL_CONTROL_H

#include "gatewayd/control/ports.h"
#include "lib/base/strbuf.h"
#include "lib/config/config.h"
#include "lib/model/record.h"

struct control;

/* Ports are copied. NULL: no memory. */
struct control *control_new(const struct control_ports *ports);
/* After every write was answered (writes_stop). NULL is fine. */
void control_free(struct control *control);

/* This configuration from now on; both are borrowed until the next call. The state, what
 * is held and the overrides of circuits that stay are kept. */
void control_configure(struct control *control, const struct config *config,
                       const struct catalog *catalog);
/* A fact of the store whose key begins with "control.", read at start, before
 * control_start. */
void control_restore(struct control *control, const char *key, const char *value);
/* From now on it acts: the facts are there, or the store did not give them in time. */
void control_start(struct control *control);
bool control_is_started(const struct control *control);

/* The home's past as it was asked for; takes it. NULL: it could not be read. */
struct past;
void control_take_past(struct control *control, struct past *past);

/* New readings are in the latest-value table: decides at once when evidence is among
 * them, then returns as control_step; else 0. */
int64_t control_readings(struct control *control, const struct record_batch *batch);
/* The host of this device went or came: what we ordered there is sent again. */
void control_device_lost(struct control *control, uint32_t device);
/* Decides; returns the boot time in ns of the next call at the latest. */
int64_t control_step(struct control *control);
/* A message on .../plan. */
void control_plan(struct control *control, const char *payload, size_t len,
                  bool retained);
/* Before stopping: nothing is ordered any more; the hosts write the failsafes. */
void control_stop(struct control *control);

/* What a person asks for; 0, -ENOENT (no such circuit), -EPERM, -ENOSPC; *ret_text (size
 * bytes) a sentence for the person. for_ms 0: without end. */
int control_override(struct control *control, const char *circuit, const char *to,
                     int64_t for_ms, char *ret_text, size_t size);
int control_hold(struct control *control, bool is_held, char *ret_text, size_t size);
/* The grid is there, or lost, whatever the evidence says; -EPERM: no decision waits for
 * it. */
int control_confirm(struct control *control, bool is_present, char *ret_text,
                    size_t size);
int control_storm(struct control *control, int64_t for_ms, char *ret_text, size_t size);
/* The home leaves the grid for so long, by its own tie; 0 ends it. -EPERM: it has
 * none. */
int control_island(struct control *control, int64_t for_ms, char *ret_text, size_t size);
/* An outage is played for so long with the actuators disconnected; 0 ends it. */
int control_drill(struct control *control, int64_t for_ms, char *ret_text, size_t size);
/* May a person or a command not write this point, because it is ours (a circuit's switch,
 * a request to a device)? *ret_text (size bytes): a sentence why. */
bool control_owns(struct control *control, uint32_t device, uint32_t point,
                  char *ret_text, size_t size);

/* Any thread: documents of the API, as docs/openapi.yaml says. */
void control_put_grid(struct control *control, struct strbuf *buf);
void control_put_circuits(struct control *control, struct strbuf *buf);
/* False: no such circuit. */
bool control_put_why(struct control *control, const char *circuit, struct strbuf *buf);
void control_put_metrics(struct control *control, struct strbuf *buf);

#endif
