/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bus inside its plugin: opening, describing, and the calls, each noted on the blame
 * page while it lasts. Bus thread, except what says otherwise.
 */
#ifndef GATEWAYD_HOST_BUS_H
#define GATEWAYD_HOST_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/base/err.h"
#include "lib/host/breaker.h"
#include "lib/host/config_view.h"
#include "lib/host/host_config.h"
#include "lib/host/host_msg.h"
#include "lib/host/outbox.h"
#include "lib/host/plan.h"
#include "lib/host/services.h"
#include "lib/host/sink.h"

struct bus_device {
    const struct host_device *config;
    struct gw_device info; /* what the plugin sees */
    struct gw_point *points;
    struct gw_config view, *point_views;
    struct gw_plan plan;
    _Atomic uint32_t pace; /* set by the control thread, taken into the plan */
    uint32_t plan_serial; /* changes with each description */
    struct breaker breaker;
    bool is_refused;
    unsigned n_failsafe_failures; /* while all is brought to failsafe */
    uint64_t n_ok, n_failed;
    char last_error[120];
};

struct bus {
    const struct host_bus *config;
    const struct gw_plugin *plugin;
    void *handle; /* the plugin's; NULL until opened */
    struct gw_config view;
    struct bus_device *devices; /* config->n_devices of them */
    struct gw_sink *sink;
    struct services *services;
    struct outbox *outbox;
    char subject[80]; /* for logs */
    struct host_blame *blame; /* NULL: none */
    unsigned slot;
    uint64_t n_requests, n_errors, n_overruns, busy_us;
    /* read by the control thread: */
    _Atomic int64_t call_since_boot_ns; /* 0: not inside a call */
    _Atomic int64_t progress_boot_ns;   /* last sign of life inside it */
    _Atomic uint64_t n_turns;           /* for HOST_MSG_ALIVE */
    _Atomic uint32_t max_timeout_ms;    /* longest attempt the plan allows */
};

struct bus_setup {
    const struct host_bus *config;
    const struct gw_plugin *plugin;
    struct outbox *outbox;
    struct resolver *resolver; /* NULL: check and scan */
    struct host_blame *blame;
    unsigned slot;
};

/* 0 or -ENOMEM; everything in the setup is borrowed. Does not call the plugin. */
int bus_init(struct bus *bus, const struct bus_setup *setup);
void bus_done(struct bus *bus); /* after bus_close; any thread */

/* Calls open(); GW_OK or the class. */
enum gw_result bus_open(struct bus *bus);
/* Calls close() when it was opened. */
void bus_close(struct bus *bus);
/* Calls describe() for this device, schedules its requests, sends its plan. A device that
 * is refused has no requests. */
enum gw_result bus_describe(struct bus *bus, uint32_t device);
/* One attempt at one request; what it yields goes to the sink, points of a failed request
 * are marked, counters are kept. The breaker is the caller's, and so is marking after
 * GW_ERR_LINK, which concerns the whole bus. */
enum gw_result bus_read(struct bus *bus, uint32_t device,
                        const struct plan_request *request);
/* One attempt at writing a raw value. */
enum gw_result bus_write(struct bus *bus, uint32_t device, uint32_t point,
                         const struct gw_value *raw, struct gw_value *ret_readback);
/* The plugin's event source: its descriptor or -1, and handling it. */
int bus_event_fd(struct bus *bus);
enum gw_result bus_ready(struct bus *bus);

/* How long a call may last before its thread counts as stuck. Any thread. */
int64_t bus_patience_ns(const struct bus *bus);

#endif
