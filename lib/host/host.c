/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread of a host: channel, heartbeat, dead-man; see host.h. */
#include "lib/host/host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/channel/channel.h"
#include "lib/channel/wire.h"
#include "lib/host/bus_runner.h"
#include "lib/host/host_order.h"
#include "lib/host/plugin_load.h"

#define TICK_MS 1000
#define ALIVE_NS (CLOCK_NS_PER_S * 3 / 2)
#define FAILSAFE_NS (2 * CLOCK_NS_PER_S)
#define MAX_CONFIG_BYTES (64 * 1024 * 1024)
#define MESSAGES_PER_TURN 64

struct host {
    const struct host_setup *setup;
    struct channel *channel;
    int wake_fd;
    struct host_config config;
    struct gw_plugin *plugin;
    struct gw_error error; /* why there is no plugin */
    struct resolver *resolver;
    struct host_blame *blame;
    struct outbox *outbox; /* of the host itself */
    uint32_t n_buses;
    struct bus_runner **runners;
    struct outbox **outboxes;
    bool has_config, is_ready, stuck_was_told;
    int64_t heard_boot_ns, alive_boot_ns;
    bool stop, to_failsafe;
    int rc;
};

static void stop_with(struct host *host, bool to_failsafe, int rc)
{
    if (host->stop)
        return;
    host->stop = true;
    host->to_failsafe = to_failsafe;
    host->rc = rc;
}

/* ---- telling the core -------------------------------------------------------------- */

static void send_ready(struct host *host)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, host->config.n_buses);
    for (uint32_t i = 0; i < host->config.n_buses; i++) {
        const struct bus_runner *runner = i < host->n_buses ? host->runners[i] : NULL;

        wire_put_u32(&buf, host->config.buses[i].index);
        wire_put_u8(&buf, runner && bus_runner_state(runner) == BUS_RUNNER_OPEN);
        wire_put_string(&buf, runner          ? bus_runner_text(runner)
                              : host->plugin ? "no memory"
                                             : host->error.text);
    }
    if (!buf.failed)
        outbox_send(host->outbox, HOST_MSG_READY, buf.data, buf.len);
    strbuf_done(&buf);
    host->is_ready = true;
}

static void check_ready(struct host *host)
{
    if (host->is_ready || !host->has_config)
        return;
    for (uint32_t i = 0; i < host->n_buses; i++)
        if (bus_runner_state(host->runners[i]) == BUS_RUNNER_STARTING)
            return;
    send_ready(host);
}

static void send_alive(struct host *host)
{
    struct strbuf buf;

    strbuf_init(&buf);
    wire_put_u32(&buf, host->n_buses);
    for (uint32_t i = 0; i < host->n_buses; i++) {
        const struct bus *bus = bus_runner_bus(host->runners[i]);

        wire_put_u32(&buf, bus->config->index);
        wire_put_u64(&buf, atomic_load(&bus->n_turns));
    }
    if (!buf.failed)
        outbox_try(host->outbox, HOST_MSG_ALIVE, buf.data, buf.len);
    strbuf_done(&buf);
    host->alive_boot_ns = clock_boot_ns();
}

/* ---- starting ---------------------------------------------------------------------- */

static int read_config(int fd, struct host_config *ret)
{
    struct stat st;
    void *data;
    int rc;

    if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > MAX_CONFIG_BYTES)
        return -EBADMSG;
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    rc = host_config_decode(data, (size_t)st.st_size, ret);
    munmap(data, (size_t)st.st_size);
    return rc;
}

static void kick_all(void *ctx)
{
    struct host *host = ctx;

    for (uint32_t i = 0; i < host->n_buses; i++)
        bus_runner_kick(host->runners[i]);
}

static bool add_bus(struct host *host, uint32_t number)
{
    const struct host_bus *config = &host->config.buses[number];
    struct bus_setup setup = {.config = config,
                              .plugin = host->plugin,
                              .resolver = host->resolver,
                              .blame = host->blame,
                              .slot = number};

    setup.outbox = outbox_new(host->channel, config->index, host->wake_fd);
    if (!setup.outbox)
        return false;
    host->outboxes[number] = setup.outbox;
    host->runners[number] = bus_runner_new(&setup, host->wake_fd);
    if (!host->runners[number]) {
        outbox_free(setup.outbox);
        return false;
    }
    host->n_buses = number + 1;
    return true;
}

static void start_buses(struct host *host)
{
    uint32_t n = host->config.n_buses;

    if (plugin_load(host->config.plugin_dir, host->config.plugin, &host->plugin,
                    &host->error) < 0)
        return;
    host->runners = calloc(n ? n : 1, sizeof(struct bus_runner *));
    host->outboxes = calloc(n ? n : 1, sizeof(struct outbox *));
    host->resolver = resolver_new(kick_all, host);
    if (!host->runners || !host->outboxes || !host->resolver)
        return;
    for (uint32_t i = 0; i < n; i++)
        if (!add_bus(host, i))
            break;
    /* only now: the resolver's thread walks over all of them */
    for (uint32_t i = 0; i < host->n_buses; i++)
        if (bus_runner_start(host->runners[i]) < 0)
            stop_with(host, false, 1);
}

static void take_config(struct host *host, int fd)
{
    if (host->has_config || fd < 0 || read_config(fd, &host->config) < 0) {
        stop_with(host, true, 1);
        return;
    }
    host->has_config = true;
    start_buses(host);
    check_ready(host);
}

/* ---- orders ------------------------------------------------------------------------ */

static struct bus_runner *find_bus(struct host *host, uint32_t index)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        if (host->config.buses[i].index == index)
            return host->runners[i];
    return NULL;
}

static struct bus_runner *find_device(struct host *host, uint32_t index,
                                      uint32_t *ret_device)
{
    for (uint32_t i = 0; i < host->n_buses; i++)
        for (uint32_t j = 0; j < host->config.buses[i].n_devices; j++)
            if (host->config.buses[i].devices[j].index == index) {
                *ret_device = j;
                return host->runners[i];
            }
    return NULL;
}

static void refuse(struct host *host, const struct host_order *order,
                   enum gw_result result, const char *text)
{
    struct strbuf buf;

    if (order->type != HOST_MSG_READ) {
        command_answer(host->outbox, order->id, result, 0, text, NULL);
        return;
    }
    strbuf_init(&buf);
    wire_put_u64(&buf, order->id);
    wire_put_u8(&buf, (uint8_t)result);
    wire_put_string(&buf, text);
    if (!buf.failed)
        outbox_send(host->outbox, HOST_MSG_READ_DONE, buf.data, buf.len);
    strbuf_done(&buf);
}

static void take_command(struct host *host, const struct host_order *order)
{
    struct command command = {.kind = order->type == HOST_MSG_WRITE     ? COMMAND_WRITE
                                      : order->type == HOST_MSG_RELEASE ? COMMAND_RELEASE
                                                                        : COMMAND_READ,
                              .id = order->id,
                              .point = order->point,
                              .value = order->value,
                              .lease_ms = order->lease_ms,
                              .end_boot_ns = order->valid_ms
                                                 ? clock_boot_ns() +
                                                       order->valid_ms * CLOCK_NS_PER_MS
                                                 : 0};
    struct bus_runner *runner = find_device(host, order->device, &command.device);

    if (!runner || bus_runner_state(runner) == BUS_RUNNER_FAILED)
        refuse(host, order, GW_ERR_UNSUPPORTED, "no such device here");
    else if (command.value.type == GW_TYPE_STRING)
        refuse(host, order, GW_ERR_UNSUPPORTED, "texts cannot be written");
    else if (!bus_runner_post(runner, &command))
        refuse(host, order, GW_ERR_BUSY, "too many commands wait for this bus");
}

static void take_pace(struct host *host, const struct host_order *order)
{
    uint32_t device;
    struct bus_runner *runner = find_device(host, order->device, &device);

    if (runner)
        bus_runner_set_pace(runner, device, order->factor);
}

/* Takes fd. */
static void obey(struct host *host, const struct host_order *order, int fd)
{
    struct bus_runner *runner;

    switch ((int)order->type) {
    case HOST_MSG_CONFIG:
        take_config(host, fd);
        break;
    case HOST_MSG_HEARTBEAT:
        send_alive(host);
        break;
    case HOST_MSG_WRITE:
    case HOST_MSG_RELEASE:
    case HOST_MSG_READ:
        take_command(host, order);
        break;
    case HOST_MSG_PACE:
        take_pace(host, order);
        break;
    case HOST_MSG_FD:
        runner = find_bus(host, order->bus);
        if (runner) {
            bus_runner_give_fd(runner, order->key, fd,
                               order->err ? (int)order->err : ENOENT);
            fd = -1;
        }
        break;
    case HOST_MSG_STOP:
        stop_with(host, order->to_failsafe, 0);
        break;
    default:
        break;
    }
    if (fd >= 0)
        close(fd);
}

static void receive(struct host *host)
{
    struct channel_message message;
    struct host_order order;

    for (int i = 0; i < MESSAGES_PER_TURN && !host->stop; i++) {
        int rc = channel_receive(host->channel, &message);

        if (rc == 0)
            return;
        if (rc < 0) { /* the core is gone, or not itself */
            stop_with(host, true, rc == -EPIPE ? 0 : 1);
            return;
        }
        host->heard_boot_ns = clock_boot_ns();
        if (host_order_decode(message.type, message.body, message.len, &order) < 0) {
            if (message.fd >= 0)
                close(message.fd);
            stop_with(host, true, 1);
            return;
        }
        obey(host, &order, message.fd);
    }
}

/* ---- watching ---------------------------------------------------------------------- */

/* Read late, so that time stopped for this process (SIGSTOP, a suspended machine) does
 * not count while messages wait to be read. */
static void check_heartbeat(struct host *host)
{
    if (clock_boot_ns() - host->heard_boot_ns >
        (int64_t)HOST_HEARTBEAT_LIMIT_MS * CLOCK_NS_PER_MS)
        stop_with(host, true, 0);
}

static bool is_stuck(const struct bus *bus)
{
    int64_t since_ns = atomic_load(&bus->call_since_boot_ns);
    int64_t progress_ns = atomic_load(&bus->progress_boot_ns);

    return since_ns != 0 && clock_boot_ns() - progress_ns > bus_patience_ns(bus);
}

static void check_stuck(struct host *host)
{
    for (uint32_t i = 0; i < host->n_buses && !host->stuck_was_told; i++) {
        const struct bus *bus = bus_runner_bus(host->runners[i]);

        if (!is_stuck(bus))
            continue;
        host->stuck_was_told = true;
        outbox_log(host->outboxes[i], LOG_LEVEL_ERROR, bus->subject,
                   "plugin '%s' did not return within %lld ms, its host %s",
                   host->plugin->name,
                   (long long)(bus_patience_ns(bus) / CLOCK_NS_PER_MS),
                   host->setup->is_inline ? "is the core itself: restart the core"
                                          : "ends and starts anew");
        if (!host->setup->is_inline)
            stop_with(host, true, HOST_EXIT_STUCK);
    }
}

static bool flush_outboxes(struct host *host)
{
    bool all_empty = outbox_flush(host->outbox);

    for (uint32_t i = 0; i < host->n_buses; i++)
        all_empty &= outbox_flush(host->outboxes[i]);
    return all_empty;
}

static void check_signal(struct host *host)
{
    eventfd_t count = 0;

    if (eventfd_read(host->setup->stop_fd, &count) < 0)
        return;
    if (count >= HOST_STOP_CRASH)
        stop_with(host, true, HOST_EXIT_STUCK);
    else
        stop_with(host, true, 0);
}

static void turn(struct host *host)
{
    short room = flush_outboxes(host) ? 0 : POLLOUT;
    struct pollfd fds[3] = {
        {.fd = channel_fd(host->channel), .events = (short)(POLLIN | room)},
        {.fd = host->wake_fd, .events = POLLIN},
        {.fd = host->setup->stop_fd, .events = POLLIN}};
    eventfd_t count;

    poll(fds, 3, TICK_MS + TICK_MS / 10); /* the heartbeat is the tick */
    if (fds[1].revents)
        eventfd_read(host->wake_fd, &count);
    if (fds[2].revents)
        check_signal(host);
    receive(host);
    check_heartbeat(host);
    check_ready(host);
    check_stuck(host);
    if (host->has_config && clock_boot_ns() - host->alive_boot_ns > ALIVE_NS)
        send_alive(host);
}

/* ---- the end ----------------------------------------------------------------------- */

static bool has_ended(const struct bus_runner *runner)
{
    enum bus_runner_state state = bus_runner_state(runner);

    return state == BUS_RUNNER_FAILED || state == BUS_RUNNER_FINISHED;
}

/* How many threads still run that can be hoped for: a stuck one is not. */
static uint32_t count_running(const struct host *host, bool stuck_too)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < host->n_buses; i++)
        if (!has_ended(host->runners[i]) &&
            (stuck_too || !is_stuck(bus_runner_bus(host->runners[i]))))
            n++;
    return n;
}

static int64_t longest_call_ns(const struct host *host)
{
    int64_t longest_ns = CLOCK_NS_PER_S;

    for (uint32_t i = 0; i < host->n_buses; i++) {
        int64_t call_ns =
            (int64_t)atomic_load(&bus_runner_bus(host->runners[i])->max_timeout_ms) *
            CLOCK_NS_PER_MS;

        if (call_ns > longest_ns)
            longest_ns = call_ns;
    }
    return longest_ns;
}

/* True when all threads have ended. */
static bool stop_buses(struct host *host)
{
    int64_t until_ns = clock_boot_ns() + FAILSAFE_NS + longest_call_ns(host);
    bool crashed = host->rc == HOST_EXIT_STUCK;
    eventfd_t count;

    for (uint32_t i = 0; i < host->n_buses; i++)
        bus_runner_stop(host->runners[i], host->to_failsafe);
    /* the thread that aborted is not stuck yet by its clock: one that is alone is
     * enough */
    while (count_running(host, false) > (crashed && !host->stuck_was_told ? 1 : 0)) {
        int64_t left_ms = (until_ns - clock_boot_ns()) / CLOCK_NS_PER_MS;
        struct pollfd fds[2] = {{.fd = host->wake_fd, .events = POLLIN},
                                {.fd = channel_fd(host->channel),
                                 .events = flush_outboxes(host) ? 0 : POLLOUT}};

        if (left_ms <= 0)
            break;
        if (fds[1].events == 0)
            fds[1].fd = -1; /* a peer that is gone would wake us for ever */
        poll(fds, 2, left_ms < 100 ? (int)left_ms : 100);
        if (fds[0].revents)
            eventfd_read(host->wake_fd, &count);
    }
    flush_outboxes(host);
    for (uint32_t i = 0; i < host->n_buses; i++)
        if (has_ended(host->runners[i]))
            bus_runner_join(host->runners[i]);
    return count_running(host, true) == 0;
}

static void free_all(struct host *host)
{
    resolver_free(host->resolver); /* its thread kicks the runners: first */
    for (uint32_t i = 0; i < host->n_buses; i++)
        bus_runner_free(host->runners[i]);
    for (uint32_t i = 0; i < host->n_buses; i++)
        outbox_free(host->outboxes[i]);
    outbox_free(host->outbox);
    free(host->runners);
    free(host->outboxes);
    free(host->plugin);
    host_config_done(&host->config);
    if (host->blame)
        munmap(host->blame, sizeof *host->blame);
    channel_free(host->channel);
    if (host->wake_fd >= 0)
        close(host->wake_fd);
    free(host);
}

static struct host *host_new(const struct host_setup *setup)
{
    struct host *host = calloc(1, sizeof *host);
    void *page;

    if (!host) {
        close(setup->channel_fd);
        return NULL;
    }
    host->setup = setup;
    host->heard_boot_ns = clock_boot_ns();
    host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    host->channel = channel_new(setup->channel_fd);
    host->outbox = outbox_new(host->channel, UINT32_MAX, host->wake_fd);
    if (setup->blame_fd >= 0) {
        page = mmap(NULL, sizeof *host->blame, PROT_READ | PROT_WRITE, MAP_SHARED,
                    setup->blame_fd, 0);
        host->blame = page == MAP_FAILED ? NULL : page;
    }
    return host;
}

int host_run(const struct host_setup *setup)
{
    struct host *host = host_new(setup);
    int rc;

    if (!host)
        return 1;
    if (host->wake_fd < 0 || !host->channel || !host->outbox)
        stop_with(host, false, 1);
    while (!host->stop)
        turn(host);
    rc = host->rc;
    if (host->n_buses > 0 && !stop_buses(host))
        return HOST_EXIT_STUCK; /* its threads still use all of this */
    for (uint32_t i = 0; i < host->n_buses && rc == 0; i++)
        if (bus_runner_n_unsafe(host->runners[i]) > 0)
            rc = HOST_EXIT_UNSAFE;
    free_all(host);
    return rc;
}
