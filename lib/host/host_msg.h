/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the core and a host (channel.h carries them, wire.h encodes them).
 * Bodies in order of their fields; "str" is wire_put_string, "value" wire_put_value.
 */
#ifndef GATEWAYD_HOST_HOST_MSG_H
#define GATEWAYD_HOST_HOST_MSG_H

enum host_msg {
    /* core -> host */
    HOST_MSG_CONFIG = 1,    /* empty; descriptor: memfd of host_config_encode */
    HOST_MSG_HEARTBEAT = 2, /* empty; each 1 s. Missing for 5 s: outputs to failsafe, exit */
    HOST_MSG_WRITE = 3,     /* u64 id, u32 device, u32 point, value (physical), u32 lease_ms
                             * (0: the point's own), u32 valid_ms: not begun within this time
                             * from its reception it is refused (0: always good) */
    HOST_MSG_RELEASE = 4,   /* u64 id, u32 device, u32 point: write its failsafe now, forget
                             * the lease */
    HOST_MSG_FD = 5,        /* u32 bus, str key; descriptor: the opened resource. Without a
                             * descriptor: i64 errno of the failed opening */
    HOST_MSG_STOP = 6,      /* u8 to_failsafe: write failsafes (if 1), close, exit 0 */
    HOST_MSG_READ = 7,      /* u64 id, u32 device: poll it now, once, breaker or not */
    HOST_MSG_PACE = 8,      /* u32 device, u32 factor >= 1: from now on each of its
                             * intervals is so many times as long, until the host ends */

    /* host -> core */
    HOST_MSG_READY = 32,      /* u32 n_buses {u32 bus, u8 ok, str text} */
    HOST_MSG_RECORDS = 33,    /* u32 bus, u32 n {u32 device, i64 t_boot_ns, u32 n_readings
                               * {u32 point, u8 quality, u32 detail, value}} */
    HOST_MSG_PLAN = 34,       /* u32 device, u32 n {u32 id, u32 interval_ms, u64 cost_us,
                               * u32 n_points, str text} */
    HOST_MSG_BUS_STATS = 35,  /* u32 bus, u64 requests, u64 errors, u64 overruns, u64 busy_us
                               * (since start), u32 load_permille (last 10 s), u32 n_units
                               * {u32 device, u8 breaker (0 closed 1 open 2 probing), u64 ok,
                               * u64 failed, u32 next_try_ms, str last_error} */
    HOST_MSG_LOG = 36,        /* u8 level, str subject, str text */
    HOST_MSG_WRITE_DONE = 37, /* u64 id, u8 result, u32 detail, str text, value readback */
    HOST_MSG_GAP = 38,        /* u32 bus, u32 device, u64 n_records, i64 from_boot_ns,
                               * i64 to_boot_ns: dropped, the channel was full */
    HOST_MSG_ALIVE = 39,      /* u32 n_buses {u32 bus, u64 progress}; each 1 s */
    HOST_MSG_WANT_FD = 40,    /* u32 bus, str key */
    HOST_MSG_DROP_FD = 41,    /* u32 bus, str key: the port is gone */
    HOST_MSG_LEASE_END = 42,  /* u32 device, u32 point, u8 result: lease over, failsafe
                               * written */
    HOST_MSG_READ_DONE = 43,  /* u64 id, u8 result, str text (records come before it) */
};

/* Shared page (memfd, first descriptor after the channel): which bus thread is inside a
 * call of the plugin. Written by the host, read by the core after the host died; nothing in
 * it is trusted beyond that. */
#define HOST_BLAME_FD 4
#define HOST_BLAME_SLOTS 256
struct host_blame {
    struct {
        unsigned bus;     /* index + 1, 0: unused */
        unsigned in_call; /* 1 while inside */
        long long since_boot_ns;
    } slots[HOST_BLAME_SLOTS];
};

#endif
