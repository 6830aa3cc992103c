/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of the process, real or faked for tests; see clock.h. */
#include "lib/base/clock.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#define SYNC_FILE "/run/systemd/timesync/synchronized"
#define KERNEL_FILE "/run/gatewayd-clock/synchronized" /* made by gateway-clock */

static struct {
    _Atomic bool on;
    _Atomic int64_t boot_ns, wall_ms;
    _Atomic enum clock_trust trust;
    const char *boot_id;
} fake;

static struct {
    char path[PATH_MAX];
    bool is_given;
    int faked_kernel; /* -1: the real one */
    _Atomic bool was_in_step;
} sync_state = {.path = SYNC_FILE, .faked_kernel = -1};

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_boot_ns(void)
{
    return fake.on ? fake.boot_ns : read_clock_ns(CLOCK_BOOTTIME);
}

struct timespec clock_monotonic_after(int64_t ns)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    ns += at.tv_nsec;
    at.tv_sec += (time_t)(ns / CLOCK_NS_PER_S);
    at.tv_nsec = (long)(ns % CLOCK_NS_PER_S);
    return at;
}

int64_t clock_wall_ms(void)
{
    return fake.on ? fake.wall_ms : read_clock_ns(CLOCK_REALTIME) / CLOCK_NS_PER_MS;
}

int64_t clock_process_cpu_ns(void)
{
    return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void read_boot_id(char *ret_id, size_t size)
{
    char text[64] = "";
    size_t n = 0;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (file) {
        if (!fgets(text, sizeof text, file))
            text[0] = '\0';
        fclose(file);
    }
    for (const char *p = text; *p && n + 1 < size; p++)
        if (isxdigit((unsigned char)*p))
            ret_id[n++] = *p;
    ret_id[n] = '\0';
}

const char *clock_boot_id(void)
{
    static char id[33];

    if (fake.boot_id)
        return fake.boot_id;
    if (!id[0])
        read_boot_id(id, sizeof id);
    return id[0] ? id : "00000000000000000000000000000000";
}

void clock_set_sync_file(const char *path)
{
    snprintf(sync_state.path, sizeof sync_state.path, "%s", path);
    sync_state.is_given = true;
}

void clock_fake_sync(const char *default_file, int kernel)
{
    snprintf(sync_state.path, sizeof sync_state.path, "%s",
             default_file ? default_file : SYNC_FILE);
    sync_state.is_given = false;
    sync_state.faked_kernel = kernel;
    if (kernel < 0)
        sync_state.was_in_step = false;
}

bool clock_kernel_in_step(void)
{
    struct timex state = {.modes = 0};

    if (sync_state.faked_kernel >= 0)
        return sync_state.faked_kernel == 1;
    return adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
}

/* The kernel takes its word back after some nine hours without a server, the file stays.
 * A clock that was set once in this boot has drifted by a second or two then: both count
 * alike, and a step is noticed as such. */
static bool kernel_was_in_step(void)
{
    if (!sync_state.was_in_step && clock_kernel_in_step())
        sync_state.was_in_step = true;
    return sync_state.was_in_step;
}

/* The file's mtime is wall time; the boot's wall time is now - uptime by today's clock. A
 * file left over from before the boot (on a disk, not tmpfs) must not count. */
enum clock_trust clock_trust_now(void)
{
    struct stat st;
    int64_t boot_wall_ms;

    if (fake.on)
        return fake.trust;
    if (stat(sync_state.path, &st) < 0 &&
        (sync_state.is_given || sync_state.faked_kernel >= 0 ||
         stat(KERNEL_FILE, &st) < 0))
        return !sync_state.is_given && kernel_was_in_step() ? CLOCK_SYNCED : CLOCK_UNSET;
    boot_wall_ms = clock_wall_ms() - clock_boot_ns() / CLOCK_NS_PER_MS;
    return (int64_t)st.st_mtim.tv_sec * 1000 >= boot_wall_ms - 1000 ? CLOCK_SYNCED
                                                                     : CLOCK_UNSET;
}

const char *clock_trust_name(enum clock_trust trust)
{
    static const char *const names[] = {"unset", "synced", "holdover", "estimated"};

    return (unsigned)trust < 4 ? names[trust] : "unset";
}

void clock_fake_boot_id(const char *hex)
{
    fake.boot_id = hex;
}

void clock_fake(int64_t boot_ns, int64_t wall_ms, enum clock_trust trust)
{
    fake.on = wall_ms >= 0;
    fake.boot_ns = boot_ns;
    fake.wall_ms = wall_ms;
    fake.trust = trust;
}
