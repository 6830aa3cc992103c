/* SPDX-License-Identifier: Apache-2.0 */
/* The core's side of a host, for tests; see host_peer.h. */
#include "tests/unit/host_peer.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/channel/wire.h"
#include "lib/host/host.h"

extern char **environ;
int peer_buffer_bytes;

static const char *build_dir(void)
{
    const char *dir = getenv("GATEWAYD_BUILD");

    return dir ? dir : ".";
}

/* ---- configuration ----------------------------------------------------------------- */

static char *text_of(const char *format, unsigned number)
{
    char text[4096];

    snprintf(text, sizeof text, "%s%u", format, number);
    return strdup(text);
}

void peer_config_init(struct host_config *config)
{
    char dir[4096];

    memset(config, 0, sizeof *config);
    snprintf(dir, sizeof dir, "/nowhere:%s/plugins/faulty/.libs", build_dir());
    config->plugin = strdup("faulty");
    config->plugin_dir = strdup(dir);
    config->buses = calloc(8, sizeof *config->buses);
}

struct host_bus *peer_add_bus(struct host_config *config, const char *name)
{
    struct host_bus *bus = &config->buses[config->n_buses];

    /* numbers of the core differ from places in this block */
    bus->index = 10 + config->n_buses++;
    bus->name = strdup(name);
    bus->devices = calloc(16, sizeof *bus->devices);
    return bus;
}

struct host_device *peer_add_device(struct host_bus *bus, uint32_t index,
                                    uint32_t n_points, uint32_t interval_ms)
{
    struct host_device *device = &bus->devices[bus->n_devices++];

    device->index = index;
    device->name = text_of("dev", index);
    device->n_points = n_points;
    device->points = calloc(n_points, sizeof *device->points);
    for (uint32_t i = 0; i < n_points; i++) {
        device->points[i].name = text_of("p", i);
        device->points[i].scale = 1;
        device->points[i].interval_ms = interval_ms;
    }
    return device;
}

struct host_point *peer_make_output(struct host_device *device, uint32_t index)
{
    struct host_point *point = &device->points[index];

    point->writable = point->is_float = true;
    point->write_max = 100;
    point->failsafe = 7;
    point->lease_ms = 60000;
    peer_option(&point->options, "kind", "output");
    return point;
}

void peer_option(struct option_set *set, const char *key, const char *text)
{
    option_set_put(set, key, text, atoll(text), atof(text), strcmp(text, "true") == 0);
}

void peer_option_int(struct option_set *set, const char *key, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)value);
    peer_option(set, key, text);
}

/* ---- the process ------------------------------------------------------------------- */

static int memfd_of(const void *data, size_t len, const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, data, len), (ssize_t)len);
    return fd;
}

static void send_config(struct host_peer *peer, const struct host_config *config)
{
    struct host_order order = {.type = HOST_MSG_CONFIG};
    struct strbuf buf;
    int fd;

    strbuf_init(&buf);
    host_config_encode(config, &buf);
    fd = memfd_of(buf.data, buf.len, "config");
    peer_send(peer, &order, fd);
    close(fd);
    strbuf_done(&buf);
}

void peer_start(struct host_peer *peer, const struct host_config *config)
{
    static const struct host_blame empty;
    posix_spawn_file_actions_t actions;
    char path[4096], program[] = "gateway-devhost";
    char *argv[] = {program, NULL};
    int fds[2], high, rc;

    memset(peer, 0, sizeof *peer);
    snprintf(path, sizeof path, "%s/devhost/gateway-devhost", build_dir());
    CU_ASSERT_EQUAL_FATAL(channel_pair(fds), 0);
    if (peer_buffer_bytes)
        setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &peer_buffer_bytes,
                   sizeof peer_buffer_bytes);
    peer->channel = channel_new(fds[0]);
    peer->blame_fd = memfd_of(&empty, sizeof empty, "blame");
    peer->blame = mmap(NULL, sizeof empty, PROT_READ, MAP_SHARED, peer->blame_fd, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(peer->blame, MAP_FAILED);
    high = dup2(fds[1], 60);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, peer->blame_fd, 61);
    posix_spawn_file_actions_adddup2(&actions, high, CHANNEL_CHILD_FD);
    posix_spawn_file_actions_adddup2(&actions, 61, HOST_BLAME_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, HOST_BLAME_FD + 1);
    rc = posix_spawn(&peer->pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    close(high);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    peer->beats = true;
    send_config(peer, config);
}

static void *run_inline(void *arg)
{
    struct host_peer *peer = arg;
    struct host_setup setup = {.channel_fd = peer->inline_fd,
                               .blame_fd = peer->blame_fd,
                               .stop_fd = -1,
                               .is_inline = true};

    peer->inline_rc = host_run(&setup);
    return NULL;
}

void peer_start_inline(struct host_peer *peer, const struct host_config *config)
{
    static const struct host_blame empty;
    int fds[2];

    memset(peer, 0, sizeof *peer);
    CU_ASSERT_EQUAL_FATAL(channel_pair(fds), 0);
    peer->channel = channel_new(fds[0]);
    peer->inline_fd = fds[1];
    peer->inline_rc = -1;
    peer->blame_fd = memfd_of(&empty, sizeof empty, "blame");
    peer->blame = mmap(NULL, sizeof empty, PROT_READ, MAP_SHARED, peer->blame_fd, 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&peer->thread, NULL, run_inline, peer), 0);
    peer->beats = true;
    send_config(peer, config);
}

void peer_done(struct host_peer *peer)
{
    if (!peer->is_gone && peer->pid == 0) {
        CU_ASSERT_EQUAL(peer_wait_end(peer, 10000), 0);
    } else if (!peer->is_gone) {
        kill(peer->pid, SIGKILL);
        kill(peer->pid, SIGCONT);
        waitpid(peer->pid, NULL, 0);
    }
    channel_free(peer->channel);
    munmap(peer->blame, sizeof *peer->blame);
    close(peer->blame_fd);
    free(peer->seen);
    memset(peer, 0, sizeof *peer);
}

void peer_send(struct host_peer *peer, const struct host_order *order, int fd)
{
    struct strbuf buf;

    strbuf_init(&buf);
    host_order_encode(order, &buf);
    CU_ASSERT_EQUAL(channel_send_wait(peer->channel, (uint16_t)order->type, buf.data,
                                      buf.len, fd, 1000),
                    0);
    strbuf_done(&buf);
}

/* ---- what it says ------------------------------------------------------------------ */

static void add_seen(struct host_peer *peer, const struct seen *seen)
{
    if (peer->n_seen == peer->seen_capacity) {
        peer->seen_capacity = peer->seen_capacity ? peer->seen_capacity * 2 : 1024;
        peer->seen = realloc(peer->seen, peer->seen_capacity * sizeof *seen);
        CU_ASSERT_PTR_NOT_NULL_FATAL(peer->seen);
    }
    peer->seen[peer->n_seen++] = *seen;
}

static void take_records(struct host_peer *peer, struct wire *wire)
{
    struct seen seen = {.bus = wire_get_u32(wire)};
    uint32_t n = wire_get_count(wire, 16);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t n_readings;

        seen.device = wire_get_u32(wire);
        seen.t_boot_ns = wire_get_i64(wire);
        seen.record = peer->n_records++;
        n_readings = wire_get_count(wire, 10);
        for (uint32_t j = 0; j < n_readings; j++) {
            struct gw_value value;

            seen.point = wire_get_u32(wire);
            seen.quality = wire_get_u8(wire);
            seen.detail = (int32_t)wire_get_u32(wire);
            value = wire_get_value(wire);
            seen.type = value.type;
            seen.number = 0;
            value_to_double(&value, &seen.number);
            add_seen(peer, &seen);
        }
    }
}

static void take_ready(struct host_peer *peer, struct wire *wire)
{
    uint32_t n = wire_get_count(wire, 10);

    for (uint32_t i = 0; i < n; i++) {
        wire_get_u32(wire);
        peer->ready_ok[i % 8] = wire_get_u8(wire);
        snprintf(peer->log_text, sizeof peer->log_text, "%s", wire_get_string(wire));
    }
}

static void take_stats(struct host_peer *peer, struct wire *wire)
{
    uint32_t n;

    wire_get_u32(wire);
    wire_get_u64(wire);
    wire_get_u64(wire);
    peer->n_overruns = wire_get_u64(wire);
    wire_get_u64(wire);
    peer->load_permille = wire_get_u32(wire);
    n = wire_get_count(wire, 30);
    for (uint32_t i = 0; i < n; i++) {
        wire_get_u32(wire);
        peer->breaker[i % 8] = wire_get_u8(wire);
        wire_get_u64(wire);
        wire_get_u64(wire);
        wire_get_u32(wire);
        wire_get_string(wire);
    }
}

static void take_plan(struct host_peer *peer, struct wire *wire)
{
    uint32_t n;

    wire_get_u32(wire);
    n = wire_get_count(wire, 25);
    peer->plan_requests += n;
    for (uint32_t i = 0; i < n; i++) {
        wire_get_u32(wire);
        wire_get_u32(wire);
        wire_get_u64(wire);
        wire_get_u32(wire);
        wire_get_string(wire);
    }
}

static void take_done(struct host_peer *peer, struct wire *wire)
{
    struct gw_value value;

    peer->done_id = wire_get_u64(wire);
    peer->done_result = wire_get_u8(wire);
    wire_get_u32(wire);
    snprintf(peer->done_text, sizeof peer->done_text, "%s", wire_get_string(wire));
    value = wire_get_value(wire);
    peer->done_readback = -1;
    value_to_double(&value, &peer->done_readback);
}

static void take_message(struct host_peer *peer, const struct channel_message *message)
{
    struct wire wire = wire_of(message->body, message->len);

    peer->n_of[message->type % 64]++;
    switch (message->type) {
    case HOST_MSG_RECORDS:
        take_records(peer, &wire);
        break;
    case HOST_MSG_READY:
        take_ready(peer, &wire);
        break;
    case HOST_MSG_PLAN:
        take_plan(peer, &wire);
        break;
    case HOST_MSG_BUS_STATS:
        take_stats(peer, &wire);
        break;
    case HOST_MSG_WRITE_DONE:
        take_done(peer, &wire);
        break;
    case HOST_MSG_READ_DONE:
        peer->done_id = wire_get_u64(&wire);
        peer->done_result = wire_get_u8(&wire);
        wire_get_string(&wire);
        break;
    case HOST_MSG_LOG:
        wire_get_u8(&wire);
        wire_get_string(&wire);
        snprintf(peer->log_text, sizeof peer->log_text, "%s", wire_get_string(&wire));
        break;
    case HOST_MSG_GAP:
        wire_get_u64(&wire); /* bus, device */
        peer->gap_records += wire_get_u64(&wire);
        CU_ASSERT_TRUE(wire_get_i64(&wire) <= wire_get_i64(&wire));
        break;
    case HOST_MSG_LEASE_END:
        wire_get_u64(&wire); /* device, point */
        peer->lease_result = wire_get_u8(&wire);
        break;
    case HOST_MSG_WANT_FD:
    case HOST_MSG_DROP_FD:
        wire_get_u32(&wire);
        snprintf(peer->key, sizeof peer->key, "%s", wire_get_string(&wire));
        break;
    case HOST_MSG_ALIVE:
        wire.at = wire.len;
        break;
    default:
        CU_FAIL("a message that no host sends");
        break;
    }
    CU_ASSERT_TRUE(wire_done(&wire));
}

static void beat(struct host_peer *peer)
{
    int64_t now_ns = clock_boot_ns();

    if (!peer->beats || now_ns - peer->beat_boot_ns < CLOCK_NS_PER_S / 2)
        return;
    peer->beat_boot_ns = now_ns;
    channel_send(peer->channel, HOST_MSG_HEARTBEAT, NULL, 0, -1);
}

static void note_end(struct host_peer *peer)
{
    if (peer->pid == 0 && !peer->is_gone && peer->inline_rc >= 0) {
        pthread_join(peer->thread, NULL);
        peer->status = peer->inline_rc << 8;
        peer->is_gone = true;
    }
    if (peer->pid > 0 && !peer->is_gone &&
        waitpid(peer->pid, &peer->status, WNOHANG) == peer->pid)
        peer->is_gone = true;
}

bool peer_until(struct host_peer *peer, bool (*condition)(struct host_peer *, int),
                int arg, int timeout_ms)
{
    int64_t end_ns = clock_boot_ns() + timeout_ms * CLOCK_NS_PER_MS;
    struct pollfd pfd = {.fd = channel_fd(peer->channel), .events = POLLIN};
    struct channel_message message;
    int rc = 0;

    while (!condition(peer, arg) && clock_boot_ns() < end_ns && rc >= 0) {
        beat(peer);
        poll(&pfd, 1, 20);
        rc = channel_receive(peer->channel, &message);
        if (rc == 1) {
            CU_ASSERT_EQUAL(message.fd, -1);
            take_message(peer, &message);
        }
    }
    return condition(peer, arg);
}

static bool has_ended(struct host_peer *peer, int unused)
{
    (void)unused;
    note_end(peer);
    return peer->is_gone;
}

/* What a process said last is still in the channel when its end is known. */
static void take_rest(struct host_peer *peer)
{
    struct channel_message message;

    while (channel_receive(peer->channel, &message) == 1)
        take_message(peer, &message);
}

int peer_wait_end(struct host_peer *peer, int timeout_ms)
{
    int64_t end_ns = clock_boot_ns() + timeout_ms * CLOCK_NS_PER_MS;

    peer_until(peer, has_ended, 0, timeout_ms);
    while (!has_ended(peer, 0) && clock_boot_ns() < end_ns)
        poll(NULL, 0, 5); /* the channel closed a moment before the process ends */
    if (!peer->is_gone)
        return -1000;
    take_rest(peer);
    return WIFEXITED(peer->status) ? WEXITSTATUS(peer->status) : -WTERMSIG(peer->status);
}

bool peer_is_ready(struct host_peer *peer, int unused)
{
    (void)unused;
    return peer->n_of[HOST_MSG_READY] > 0;
}

bool peer_has_seen(struct host_peer *peer, int n_readings)
{
    return peer->n_seen >= (uint32_t)n_readings;
}

bool peer_has_done(struct host_peer *peer, int id)
{
    return peer->done_id == (uint64_t)id;
}
