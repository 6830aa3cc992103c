/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All host processes: which bus runs in which host, restarts, quarantine of a bus that
 * ends its host, writes and reads on the way to the right one. On the core's loop.
 */
#ifndef GATEWAYD_DEVICE_HOSTS_H
#define GATEWAYD_DEVICE_HOSTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config/config.h"
#include "lib/model/record.h"

struct host;
struct hosts;

struct hosts_hooks {
    void *ctx;
    /* Takes the batch. urgent: it holds a failure or a transition. */
    void (*records)(void *ctx, struct record_batch *batch, bool urgent);
    void (*gap)(void *ctx, uint32_t device, uint64_t n_records, int64_t from_boot_ns,
                int64_t to_boot_ns);
    /* Something a person should know; device "" or a name. Also logged by the caller. */
    void (*event)(void *ctx, const char *device, const char *code, const char *severity,
                  const char *text);
    /* The answer to hosts_write (or hosts_read): text and readback are borrowed. */
    void (*done)(void *ctx, uint64_t id, enum gw_result result, int32_t detail,
                 const char *text, const struct gw_value *readback);
    /* The points of this device are without source (host gone). */
    void (*device_lost)(void *ctx, uint32_t device);
    /* A lease ended in the host: its failsafe was written. */
    void (*lease_end)(void *ctx, uint32_t device, uint32_t point, enum gw_result result);
    /* After hosts_stop: all are gone; n_killed of them before their failsafes were surely
     * written (events told which). */
    void (*stopped)(void *ctx, unsigned n_killed);
};

struct hosts_options {
    const char *devhost;    /* path of gateway-devhost */
    const char *plugin_dir;
    pthread_mutex_t *view_lock; /* held while what the views read changes; recursive */
};

struct hosts *hosts_new(sd_event *event, const struct hosts_options *options,
                        const struct hosts_hooks *hooks);
void hosts_free(struct hosts *hosts);
/* The loop is broken: lets go of all hosts, so that their dead-man writes the failsafes.
 * Only hosts_free may follow. */
void hosts_abandon(struct hosts *hosts);

/* Runs this configuration: hosts whose buses did not change go on, others are stopped
 * (their outputs at failsafe) and started anew. Both are borrowed until the next call. */
int hosts_apply(struct hosts *hosts, const struct config *config,
                struct catalog *catalog);
/* Stops all, outputs at failsafe; hooks.stopped when done (3.7 s at most: 2 s for the
 * failsafes and one call that was under way). */
void hosts_stop(struct hosts *hosts);
/* Each second. */
void hosts_tick(struct hosts *hosts);

/* Value physical; lease_ms 0: the point's own; the host refuses it when it was not begun
 * within valid_ms. The answer comes through hooks.done with this id. 0, or -ENOTCONN when
 * the host is down, -ENODEV for an unknown device. */
int hosts_write(struct hosts *hosts, uint64_t id, uint32_t device, uint32_t point,
                const struct gw_value *value, uint32_t lease_ms, uint32_t valid_ms);
int hosts_release(struct hosts *hosts, uint64_t id, uint32_t device, uint32_t point);
int hosts_read(struct hosts *hosts, uint64_t id, uint32_t device);

/* The device is polled each `factor` intervals from now on, also by a host that comes
 * later; forgotten with the catalogue. */
void hosts_set_pace(struct hosts *hosts, uint32_t device, uint32_t factor);

/* Visits the hosts, for the views. */
unsigned hosts_count(const struct hosts *hosts);
const struct host *hosts_get(const struct hosts *hosts, unsigned i);

/* ---- for host.c ---- */
const struct hosts_hooks *hosts_hooks_of(const struct hosts *hosts);
const struct hosts_options *hosts_options_of(const struct hosts *hosts);
struct catalog *hosts_catalog_of(const struct hosts *hosts);
uint32_t hosts_pace_of(const struct hosts *hosts, uint32_t device);
sd_event *hosts_event_of(const struct hosts *hosts);
void hosts_on_down(struct hosts *hosts, struct host *host);    /* may regroup later */
void hosts_on_stopped(struct hosts *hosts, struct host *host);

#endif
