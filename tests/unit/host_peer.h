/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's side of a host for tests: builds a configuration for the faulty plugin,
 * spawns gateway-devhost, and reads what it says until a condition holds or its time is
 * over.
 */
#ifndef GATEWAYD_TESTS_UNIT_HOST_PEER_H
#define GATEWAYD_TESTS_UNIT_HOST_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/channel/channel.h"
#include "lib/host/host_config.h"
#include "lib/host/host_msg.h"
#include "lib/host/host_order.h"

/* One reading as it came. */
struct seen {
    uint32_t bus, device, point, record; /* record: a number for each record */
    int64_t t_boot_ns;
    uint8_t quality;
    int32_t detail;
    uint32_t type;
    double number;
};

struct host_peer {
    struct channel *channel;
    struct host_blame *blame;
    int blame_fd;
    pid_t pid; /* 0: inline */
    pthread_t thread;
    int inline_fd;
    _Atomic int inline_rc; /* -1: runs */
    bool beats; /* sends a heartbeat each second */
    int64_t beat_boot_ns;
    bool is_gone;
    int status; /* of waitpid, once is_gone */
    struct seen *seen;
    uint32_t n_seen, seen_capacity, n_records;
    unsigned n_of[64]; /* messages by type */
    /* the last of its kind */
    uint8_t ready_ok[8];
    uint64_t done_id, gap_records, plan_requests;
    uint8_t done_result, lease_result;
    double done_readback;
    char done_text[256], log_text[512], key[64];
    uint64_t n_overruns;
    uint8_t breaker[8];
    uint32_t load_permille;
};

/* One bus, one device, `n_points` counters of that interval named p0.. ; the last
 * n_outputs of them writable 0..100 with failsafe 7 and a lease of 60 s. */
struct host_bus *peer_add_bus(struct host_config *config, const char *name);
struct host_device *peer_add_device(struct host_bus *bus, uint32_t index,
                                    uint32_t n_points, uint32_t interval_ms);
struct host_point *peer_make_output(struct host_device *device, uint32_t point);
void peer_option(struct option_set *set, const char *key, const char *text);
void peer_option_int(struct option_set *set, const char *key, int64_t value);
void peer_config_init(struct host_config *config);

/* Bytes the host may have on the way to a peer that does not read; 0: as in the
 * product. */
extern int peer_buffer_bytes;
/* FATAL when it cannot. The configuration stays the caller's. */
void peer_start(struct host_peer *peer, const struct host_config *config);
/* The same in a thread of this process. */
void peer_start_inline(struct host_peer *peer, const struct host_config *config);
/* Frees all; kills and reaps a process that is still there. */
void peer_done(struct host_peer *peer);
void peer_send(struct host_peer *peer, const struct host_order *order, int fd);
/* Reads until condition(peer, arg) or the end of the process or the time; its last
 * value. */
bool peer_until(struct host_peer *peer, bool (*condition)(struct host_peer *, int),
                int arg, int timeout_ms);
/* Waits for its end: exit code, -signal, or -1000 when it still runs. */
int peer_wait_end(struct host_peer *peer, int timeout_ms);

/* Conditions. */
bool peer_is_ready(struct host_peer *peer, int unused);
bool peer_has_seen(struct host_peer *peer, int n_readings);
bool peer_has_done(struct host_peer *peer, int id);

#endif
