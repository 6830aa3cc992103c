/* SPDX-License-Identifier: Apache-2.0 */
/* What the API tells, as plain data; api_json.c and api_metrics.c give it its form. */
#ifndef GATEWAYD_API_API_MODEL_H
#define GATEWAYD_API_API_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/model/value.h"

#define API_ALARMS_MAX 16

struct api_alarm {
    char code[40]; /* "config-invalid" */
    char text[400];
    int64_t since_wall_ms; /* 0: not known */
};

struct api_status {
    char gateway_id[64], site[64];
    char state[24]; /* "" = "running"; "starting", "stopping" */
    char boot[33], epoch[33];
    enum clock_trust clock;
    int64_t start_boot_ns; /* CLOCK_BOOTTIME of the daemon's start; 0: not known */
    uint32_t generation;   /* of the configuration, 1 at start */
    uint32_t n_devices, n_points;
    struct {
        bool on_disk;                                        /* false: in RAM */
        uint64_t n_records, n_readings, n_events, n_dropped; /* since start */
        uint64_t size_bytes, max_bytes, bytes_written, commits;
        uint64_t first_seq, last_seq;
        uint32_t commit_last_us, commit_max_us;
    } store;
    uint32_t n_alarms;
    struct api_alarm alarms[API_ALARMS_MAX];
};

struct api_point {
    const char *device, *point, *unit; /* unit "" for none */
    struct gw_value value;             /* type NONE: no value yet or not any more */
    enum gw_quality quality;
    int32_t detail;    /* device's code with GW_DEVICE_ERROR */
    int64_t t_wall_ms; /* of the reading; 0: never read */
    int64_t age_ms;    /* by CLOCK_BOOTTIME; -1: never read */
    /* Number that the table gave to the last change of this row (value, quality or time);
     * counts up over the whole table. 0: the table keeps none. */
    uint64_t change;
};
typedef void (*api_point_fn)(void *visit_ctx, const struct api_point *point);

struct api_plan_request { /* one request of a device's read plan */
    uint32_t interval_ms;
    uint64_t cost_us;
    uint32_t n_points;
    const char *text;
};

enum api_breaker {
    API_BREAKER_CLOSED = 0,
    API_BREAKER_OPEN = 1,
    API_BREAKER_PROBING = 2
};

struct api_unit { /* one device on its bus */
    const char *device;
    enum api_breaker breaker;
    uint64_t n_ok, n_failed;
    uint32_t next_try_ms;   /* with the breaker open; else 0 */
    const char *last_error; /* "" for none */
    uint32_t pace;          /* its intervals are as many times as long: energy is saved */
    uint32_t n_requests;
    const struct api_plan_request *requests;
};

struct api_bus {
    const char *name, *plugin;
    const char *host;  /* name of the host process, "inline" */
    int host_pid;      /* 0: none now */
    /* "online", "degraded", "link-down", "starting", "failed"; the API lowers "online"
     * when devices have no good point (api_health.h) */
    const char *state;
    const char *text;  /* why, "" when online */
    uint64_t n_requests, n_errors, n_overruns, busy_us;
    uint64_t n_restarts;    /* of its host */
    uint32_t load_permille; /* measured, last 10 s */
    uint32_t n_units;
    const struct api_unit *units;
};
typedef void (*api_bus_fn)(void *visit_ctx, const struct api_bus *bus);

struct api_route {
    const char *name;
    const char *state;      /* "online", "offline", "starting", "refused" */
    const char *text;       /* why, "" when online */
    uint64_t backlog;       /* records not confirmed yet */
    int64_t oldest_wall_ms; /* of the first of them; 0: none */
    double full_in_h;       /* until the store's bound drops them; < 0: not known */
    uint64_t n_sent, n_confirmed, n_resent, n_refused; /* readings; refused by consent */
};
typedef void (*api_route_fn)(void *visit_ctx, const struct api_route *route);

struct api_event {
    uint64_t seq;
    int64_t t_wall_ms;
    const char *device; /* "" for the gateway itself */
    const char *code, *severity, *text;
};
typedef void (*api_event_fn)(void *visit_ctx, const struct api_event *event);

#endif
