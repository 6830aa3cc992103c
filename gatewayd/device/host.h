/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host process as the core sees it: which buses it runs, its plans, its health. On
 * the core's loop. Made and owned by hosts.c.
 */
#ifndef GATEWAYD_DEVICE_HOST_H
#define GATEWAYD_DEVICE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/device/hosts.h"
#include "lib/channel/child.h"
#include "lib/config/config.h"

struct host_plan_line {
    uint32_t interval_ms, n_points;
    uint64_t cost_us;
    char *text;
};

/* A device of a host. */
struct host_unit {
    uint32_t index; /* in the current catalogue; UINT32_MAX: gone from it */
    uint32_t wire;  /* on the channel: in the catalogue the host was made from */
    uint32_t bus;   /* position in host->buses */
    char *name;
    uint32_t n_points;
    uint32_t n_plan;
    struct host_plan_line *plan;
    uint8_t breaker; /* 0 closed, 1 open, 2 probing */
    uint64_t n_ok, n_failed;
    uint32_t next_try_ms;
    char *last_error;
};

struct host_bus_state {
    char *name;
    uint32_t index; /* in the configuration the host was made from */
    bool ok;
    char *error;    /* why it could not be opened, or NULL */
    uint64_t n_requests, n_errors, n_overruns, busy_us;
    uint32_t load_permille;
    uint32_t n_units;
    struct host_unit *units;
    struct option_set options; /* for the resources it asks for */
    bool link_down;            /* told as an event */
    int64_t blamed_boot_ns;    /* when this bus last ended its host; 0: never */
};

struct host {
    struct hosts *set;
    char *key;      /* "modbus", "bus:meters", "inline:..." */
    char *plugin;
    struct child *child;
    uint32_t n_buses;
    struct host_bus_state *buses;
    uint32_t n_wire;
    struct host_unit **by_wire; /* n_wire entries, NULL: not of this host */
    int config_fd;  /* memfd with the encoded configuration */
    int blame_fd;
    void *blame;    /* struct host_blame, shared */
    bool is_inline, stopping;
    _Atomic bool ready; /* views look at it from other threads */
    bool waits; /* to be started when the host it replaces is gone */
    /* What a host may bring in: a plugin that floods must not push the others' records
     * out of the store's queue. More than `rate` readings/s (burst: 2 s of it) are
     * dropped, counted and told as a gap. */
    double rate_per_s, tokens;
    int64_t filled_boot_ns;
    struct host_flood {
        uint32_t device;
        uint64_t n_records;
        int64_t from_boot_ns, to_boot_ns, told_boot_ns;
    } flood;
};

/* From the buses numbered bus_indexes of the configuration. NULL: no memory. */
struct host *host_new(struct hosts *set, const char *key, const struct config *config,
                      const uint32_t *bus_indexes, uint32_t n_buses);
void host_free(struct host *host);
void host_start(struct host *host);

/* One message of the host; < 0: malformed. */
int host_on_message(void *ctx, const struct channel_message *message);

/* Not when it is down: it is told when it is up. */
void host_send_pace(struct host *host, const struct host_unit *unit, uint32_t factor);

/* Each second: tells what was dropped of a flood. */
void host_tell_flood(struct host *host);

/* The unit with this number in the current catalogue, or NULL. */
struct host_unit *host_find_unit(struct host *host, uint32_t device);

#endif
