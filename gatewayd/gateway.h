/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway as one object: what main.c starts and what the files of this folder share.
 * Everything runs on the loop but for the views, which take view_lock.
 */
#ifndef GATEWAYD_GATEWAY_H
#define GATEWAYD_GATEWAY_H

#include <pthread.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "gatewayd/alarms.h"
#include "gatewayd/api/api.h"
#include "gatewayd/controlling.h"
#include "gatewayd/device/hosts.h"
#include "gatewayd/device/latest.h"
#include "gatewayd/forwarding.h"
#include "gatewayd/gateway_options.h"
#include "gatewayd/loader.h"
#include "gatewayd/loop_calls.h"
#include "gatewayd/store/store.h"
#include "gatewayd/writes.h"

struct gateway {
    const struct gateway_options *options;
    sd_event *event;
    struct loop_calls *calls;
    struct config *config;
    struct catalog *catalog;
    struct latest *latest;
    struct store *store;
    struct hosts *hosts;
    struct writes *writes;
    struct forwarding *forwarding;
    struct controlling *controlling;
    struct api *api;
    int64_t start_boot_ns, turned_boot_ns; /* when the loop last turned: atomic */
    sd_event_source *tick, *deadline;
    uint64_t n_readings; /* polled since start */
    struct {
        uint64_t commits, n_readings;
        int64_t since_boot_ns;
    } waiting; /* of watch.c: what the store did not commit yet */
    /* API threads inside a view now, and since when the first of them (atomic): one that
     * does not come back is an alarm */
    int n_views;
    int64_t viewing_boot_ns;
    struct {
        unsigned n; /* under way: atomic */
        int64_t due_boot_ns, told_boot_ns;
        uint64_t n_dropped; /* since it was told */
    } commands;             /* of requests.c */
    int exit_code;
    bool stopping, running_last_good;
    bool had_records; /* since start or since a route came back: the first go at once */
    uint32_t generation;

    /* hosts' health, alarms, catalogue, config as views see them */
    pthread_mutex_t view_lock;
    struct alarms alarms;
};

/* An event: logged, stored, and with severity "alarm" a standing alarm. Any thread. */
void gateway_event(struct gateway *gateway, const char *device, const char *code,
                   const char *severity, const char *text);
/* The same of the gateway itself, in that category. */
void gateway_tell(struct gateway *gateway, enum category category, const char *code,
                  const char *severity, const char *text);
/* Any thread. True when it was not standing yet. */
bool gateway_raise_alarm(struct gateway *gateway, const char *code, const char *text);
/* Loop. */
void gateway_clear_alarm(struct gateway *gateway, const char *code, const char *text);

/* configure.c: loads the first configuration, or the last good one; 0 or -errno,
 * logged. */
int configure_first(struct gateway *gateway);
/* Runs it; takes both, frees what ran before. */
void configure_use(struct gateway *gateway, struct config *config,
                   struct catalog *catalog);
/* Reads the configuration again; *ret_text (malloc'ed) says what happened. 0 or
 * -errno. */
int gateway_reload(struct gateway *gateway, char **ret_text);

/* watch.c: each second. */
void watch_tick(struct gateway *gateway);
/* views.c: what the API shows; fills the ports that read. */
void views_fill_ports(struct gateway *gateway, struct api_ports *ports);
/* requests.c: what the API and the routes ask for. */
int requests_post(void *ctx, struct api_post *post);
void requests_command(void *ctx, const char *route, const char *id,
                      const struct route_message *message);

#endif
