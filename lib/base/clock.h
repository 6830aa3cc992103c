/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: CLOCK_BOOTTIME for scheduling and leases, wall time for stamps only, and whether
 * the wall clock may be trusted. The only file that calls clock_gettime. Any thread.
 */
#ifndef GATEWAYD_BASE_CLOCK_H
#define GATEWAYD_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_S INT64_C(1000000000)

/* How far the wall time of a stamp may be believed (MQTT "clock"). */
enum clock_trust {
    CLOCK_UNSET = 0,     /* never synchronised since this boot */
    CLOCK_SYNCED = 1,
    CLOCK_HOLDOVER = 2,  /* was synchronised, running free */
    CLOCK_ESTIMATED = 3, /* placed later between neighbours */
};

int64_t clock_boot_ns(void);
int64_t clock_wall_ms(void); /* ms since 1970 UTC */
/* The moment in ns from now, for waits that take CLOCK_MONOTONIC; never faked. */
struct timespec clock_monotonic_after(int64_t ns);

/* Processor time of the calling process, all threads, in ns. */
int64_t clock_process_cpu_ns(void);

/* Boot id of the running kernel, 32 hex digits without dashes; a static string. */
const char *clock_boot_id(void);

/* Which file alone tells of synchronisation (its mtime newer than the boot). Without a
 * call it is /run/systemd/timesync/synchronized, else /run/gatewayd-clock/synchronized;
 * where neither exists the kernel tells. Call before threads start; the text is
 * copied. */
void clock_set_sync_file(const char *path);
/* The kernel's word, which chrony (rtcsync), ntpd and timesyncd keep up to date. */
bool clock_kernel_in_step(void);
enum clock_trust clock_trust_now(void);

/* "synced", "holdover", "estimated", "unset". */
const char *clock_trust_name(enum clock_trust trust);

/* Tests: another file by default, and what the kernel says of its clock (0: not in step,
 * 1); NULL and -1: the real ones, and what was seen is forgotten. Not thread-safe. */
void clock_fake_sync(const char *default_file, int kernel);
/* Tests: the boot id from now on; NULL: the real one. Not thread-safe. */
void clock_fake_boot_id(const char *hex);
/* Tests: from now on the clocks stand at these values until set again; wall_ms < 0 gives
 * the real ones back. Not thread-safe. */
void clock_fake(int64_t boot_ns, int64_t wall_ms, enum clock_trust trust);

#endif
