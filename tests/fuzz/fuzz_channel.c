/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel messages of both directions. The first byte chooses: 0 a host's configuration,
 * 1 an order to a host, 2 a message of a host to the core, 3 bytes on the socket itself,
 * 4 a plugin's table of options. The second byte is the message type.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gatewayd/device/host.h"
#include "lib/base/log.h"
#include "lib/channel/channel.h"
#include "lib/host/host_config.h"
#include "lib/host/host_order.h"
#include "lib/host/plugin_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_config(const uint8_t *data, size_t size)
{
    struct host_config config, again;
    struct strbuf first, second;

    if (host_config_decode(data, size, &config) < 0)
        return;
    /* what was accepted is a configuration: written and read it stays the same */
    strbuf_init(&first);
    strbuf_init(&second);
    host_config_encode(&config, &first);
    if (host_config_decode(first.data, first.len, &again) < 0)
        abort();
    host_config_encode(&again, &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    host_config_done(&config);
    host_config_done(&again);
    strbuf_done(&first);
    strbuf_done(&second);
}

static void fuzz_order(uint8_t type, const uint8_t *data, size_t size)
{
    struct host_order order;
    struct strbuf buf;

    if (host_order_decode(type, data, size, &order) < 0)
        return;
    strbuf_init(&buf);
    host_order_encode(&order, &buf);
    if (host_order_decode(type, buf.data, buf.len, &order) < 0)
        abort();
    strbuf_done(&buf);
}

/* ---- the core's side --------------------------------------------------------------- */

static void on_records(void *ctx, struct record_batch *batch, bool urgent)
{
    (void)ctx;
    (void)urgent;
    for (uint32_t i = 0; i < batch->n_records; i++)
        if (batch->records[i].device >= batch->catalog->n_devices)
            abort();
    record_batch_free(batch);
}

static void on_gap(void *ctx, uint32_t device, uint64_t n_records, int64_t from_boot_ns,
                   int64_t to_boot_ns)
{
    (void)ctx;
    (void)device;
    (void)n_records;
    (void)from_boot_ns;
    (void)to_boot_ns;
}

static void on_event(void *ctx, const char *device, const char *code,
                     const char *severity, const char *text)
{
    (void)ctx;
    if (!device || !*code || !*severity || !*text)
        abort();
}

static void on_done(void *ctx, uint64_t id, enum gw_result result, int32_t detail,
                    const char *text, const struct gw_value *readback)
{
    (void)ctx;
    (void)id;
    (void)result;
    (void)detail;
    if (!text || !readback)
        abort();
}

static void on_lost(void *ctx, uint32_t device)
{
    (void)ctx;
    (void)device;
}

static void on_lease_end(void *ctx, uint32_t device, uint32_t point,
                         enum gw_result result)
{
    (void)ctx;
    (void)device;
    (void)point;
    (void)result;
}

static void on_stopped(void *ctx, unsigned n_killed)
{
    (void)ctx;
    (void)n_killed;
}

static void no_log(void *ctx, enum log_level level, const char *subject, const char *text)
{
    (void)ctx;
    (void)level;
    (void)subject;
    (void)text;
}

/* A host of one bus with two devices of four points, numbers 0 and 1 on the wire. */
static struct host *make_host(void)
{
    static const struct hosts_hooks hooks = {.records = on_records,
                                             .gap = on_gap,
                                             .event = on_event,
                                             .done = on_done,
                                             .device_lost = on_lost,
                                             .lease_end = on_lease_end,
                                             .stopped = on_stopped};
    static pthread_mutex_t view_lock = PTHREAD_MUTEX_INITIALIZER;
    static const struct hosts_options options = {"/nonexistent", "/nonexistent",
                                                 &view_lock};
    static struct host_unit units[2];
    static struct host_unit *by_wire[2] = {&units[0], &units[1]};
    static struct host_bus_state bus = {.n_units = 2, .units = units};
    static struct host host = {
        .n_buses = 1, .buses = &bus, .n_wire = 2, .by_wire = by_wire};
    static struct config empty;
    static char names[2][8] = {"one", "two"}, bus_name[] = "bus";
    struct catalog *catalog = catalog_new(1, 2);
    sd_event *event = NULL;

    sd_event_default(&event);
    host.set = hosts_new(event, &options, &hooks);
    bus.name = bus_name;
    for (uint32_t i = 0; catalog && i < 2; i++) {
        units[i] =
            (struct host_unit){.index = i, .wire = i, .name = names[i], .n_points = 4};
        catalog->devices[i].name = strdup(names[i]);
        catalog->devices[i].bus = strdup(bus_name);
    }
    if (!catalog || !host.set || hosts_apply(host.set, &empty, catalog) < 0)
        abort();
    log_set_sink(no_log, NULL);
    return &host;
}

static void fuzz_host(uint8_t type, const uint8_t *data, size_t size)
{
    static struct host *host;
    struct channel_message message = {.type = type, .body = data, .len = size, .fd = -1};

    if (!host)
        host = make_host();
    host_on_message(host, &message);
}

static void fuzz_socket(const uint8_t *data, size_t size)
{
    struct channel_message message;
    struct channel *channel;
    int fds[2];

    if (size == 0 || channel_pair(fds) < 0)
        return;
    channel = channel_new(fds[1]);
    if (channel && send(fds[0], data, size, MSG_NOSIGNAL) == (ssize_t)size &&
        channel_receive(channel, &message) == 1 &&
        message.len + CHANNEL_HEADER_SIZE != size)
        abort();
    channel_free(channel);
    close(fds[0]);
}

static void fuzz_options(const uint8_t *data, size_t size)
{
    struct gw_option *table = NULL;

    if (plugin_options_parse((const char *)data, size, &table) == 0)
        plugin_options_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *body = data + 2;

    if (size < 2)
        return 0;
    size -= 2;
    switch (data[0] % 5) {
    case 0:
        fuzz_config(body, size);
        break;
    case 1:
        fuzz_order(data[1], body, size);
        break;
    case 2:
        fuzz_host(data[1], body, size);
        break;
    case 3:
        fuzz_socket(body, size);
        break;
    default:
        fuzz_options(body, size);
        break;
    }
    return 0;
}
