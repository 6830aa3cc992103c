/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an edge of one line to another line set: by the bare library in one loop, and the
 * way through a host process (plugin, host, channel, a core that answers at once, and
 * back). gpio_loop bare|host CHIP IN OUT PULL VALUE N [DEVHOST PLUGINS] CHIP: label; PULL
 * and VALUE: gpio-sim's files in sysfs of the lines IN and OUT. Prints JSON,
 * microseconds from just before PULL is written to the moment at which the kernel sets
 * the line (its trace tells; without one: to the answer). Exit 1: an edge was lost, or
 * its time is not between its making and its arrival.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/channel/channel.h"
#include "lib/channel/child.h"
#include "lib/channel/spawn.h"
#include "lib/channel/wire.h"
#include "lib/host/host_config.h"
#include "lib/host/host_msg.h"
#include "lib/host/host_order.h"
#include "plugins/gpio/chip.h"
#include "plugins/gpio/lines.h"

#define WAIT_MS 5000
#define PAUSE_MS 2

/* One round: when its edge was made, seen by the core, and its output set. */
struct round {
    int64_t made_ns, stamp_ns, seen_ns, set_ns;
};

struct bench {
    const char *label, *in, *out, *value_path, *devhost, *plugins;
    int pull_fd;
    unsigned n;
    struct round *rounds;
};

static void die(const char *what)
{
    fprintf(stderr, "gpio_loop: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void make_edge(struct bench *bench, unsigned i)
{
    const char *word = i % 2 ? "pull-down" : "pull-up";

    poll(NULL, 0, PAUSE_MS);
    bench->rounds[i].made_ns = clock_boot_ns();
    if (pwrite(bench->pull_fd, word, strlen(word), 0) < 0)
        die("pull");
}

/* What the library says was set must be so in the simulated chip. */
static bool is_set(const struct bench *bench, unsigned i)
{
    char text[8] = "";
    int fd = open(bench->value_path, O_RDONLY);

    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        die("value");
    close(fd);
    return text[0] == (i % 2 ? '0' : '1');
}

/* ---- the bare library
 * ------------------------------------------------------------------------- */

static struct lines_line *take(struct lines_chip *chip,
                               const struct lines_chip_info *info, const char *name,
                               bool is_output)
{
    struct lines_config config = {
        .is_output = is_output, .consumer = "gpio_loop", .n_events = is_output ? 0 : 64};
    struct lines_line *line = NULL;
    char text[CHIP_TEXT_MAX] = "";
    uint32_t offset = 0;

    errno = -chip_find_line(chip, info, name, &offset, text);
    if (errno)
        die(text);
    errno = -lines_request(chip, offset, &config, &line);
    if (errno)
        die(name);
    return line;
}

static bool run_bare(struct bench *bench)
{
    struct lines_chip_info info;
    struct lines_chip *chip;
    char text[CHIP_TEXT_MAX] = "";
    struct lines_line *in, *out;
    bool all = true;

    if (chip_find(bench->label, &chip, &info, text) < 0)
        die(text);
    in = take(chip, &info, bench->in, false);
    out = take(chip, &info, bench->out, true);
    for (unsigned i = 0; i < bench->n; i++) {
        struct pollfd wait = {.fd = lines_fd(in), .events = POLLIN};
        struct lines_event event;

        make_edge(bench, i);
        if (poll(&wait, 1, WAIT_MS) <= 0 || lines_read_events(in, &event, 1) != 1)
            die("no edge");
        bench->rounds[i].seen_ns = clock_boot_ns();
        if (lines_set(out, event.is_active) < 0)
            die("set");
        bench->rounds[i].set_ns = clock_boot_ns();
        bench->rounds[i].stamp_ns = bench->rounds[i].made_ns;
        all &= is_set(bench, i);
    }
    lines_release(in);
    lines_release(out);
    lines_chip_close(chip);
    return all;
}

/* ---- through a host
 * ------------------------------------------------------------------------------ */

static void option(struct option_set *set, const char *key, const char *text)
{
    if (option_set_put(set, key, text, 0, 0, false) < 0)
        die("option");
}

static void encode_config(const struct bench *bench, struct strbuf *buf)
{
    char *names[] = {strdup("in"),     strdup("out"),  strdup("panel"),
                     strdup("header"), strdup("gpio"), strdup(bench->plugins)};
    struct host_point points[2] = {
        {.name = names[0], .scale = 1, .interval_ms = 3600000, .is_bool = true},
        { .name = names[1],
         .scale = 1,
         .interval_ms = 3600000,
         .is_bool = true,
         .writable = true,
         .write_max = 1,
         .lease_ms = 3600000}
    };
    struct host_device device = {.name = names[2], .n_points = 2, .points = points};
    struct host_bus bus = {.name = names[3], .n_devices = 1, .devices = &device};
    struct host_config config = {
        .plugin = names[4], .plugin_dir = names[5], .n_buses = 1, .buses = &bus};

    option(&bus.options, "chip", bench->label);
    option(&points[0].options, "line", bench->in);
    option(&points[0].options, "direction", "in");
    option(&points[1].options, "line", bench->out);
    option(&points[1].options, "direction", "out");
    host_config_encode(&config, buf);
    option_set_done(&bus.options);
    option_set_done(&points[0].options);
    option_set_done(&points[1].options);
    for (unsigned i = 0; i < 6; i++)
        free(names[i]);
}

struct peer {
    struct channel *channel;
    pid_t pid;
    int64_t beat_ns;
    bool is_first_seen, has_reading, has_done;
    bool is_on;
    int64_t stamp_ns;
    uint8_t result;
};

static void send_order(struct peer *peer, const struct host_order *order, int fd)
{
    struct strbuf buf;

    strbuf_init(&buf);
    host_order_encode(order, &buf);
    if (channel_send_wait(peer->channel, (uint16_t)order->type, buf.data, buf.len, fd,
                          WAIT_MS) < 0)
        die("send");
    strbuf_done(&buf);
}

static void start_host(const struct bench *bench, struct peer *peer)
{
    const char *const argv[] = {bench->devhost, NULL};
    struct host_order order = {.type = HOST_MSG_CONFIG};
    int fds[2], config_fd = memfd_create("config", MFD_CLOEXEC);
    int child_fds[] = {-1, 1, 2, -1, -1};
    struct strbuf buf;

    strbuf_init(&buf);
    encode_config(bench, &buf);
    if (config_fd < 0 || write(config_fd, buf.data, buf.len) < 0 || channel_pair(fds) < 0)
        die("channel");
    strbuf_done(&buf);
    child_fds[CHANNEL_CHILD_FD] = fds[1];
    if (spawn_process(argv, child_fds, CHANNEL_CHILD_FD + 1, NULL, &peer->pid) < 0)
        die(bench->devhost);
    close(fds[1]);
    peer->channel = channel_new(fds[0]);
    send_order(peer, &order, config_fd);
    close(config_fd);
}

/* Readings of the input: device 0, point 0. */
static void take_records(struct peer *peer, struct wire *wire)
{
    uint32_t n_records, n_readings;

    wire_get_u32(wire);
    n_records = wire_get_count(wire, 16);
    for (uint32_t i = 0; i < n_records; i++) {
        int64_t t_ns;

        wire_get_u32(wire);
        t_ns = wire_get_i64(wire);
        n_readings = wire_get_count(wire, 10);
        for (uint32_t j = 0; j < n_readings; j++) {
            uint32_t point = wire_get_u32(wire);
            struct gw_value value;

            wire_get_u8(wire);
            wire_get_u32(wire);
            value = wire_get_value(wire);
            if (point != 0)
                continue;
            peer->has_reading = true;
            peer->is_on = value.v.b;
            peer->stamp_ns = t_ns;
        }
    }
}

static void take_message(struct peer *peer, const struct channel_message *message)
{
    struct wire wire = wire_of(message->body, message->len);

    if (message->type == HOST_MSG_RECORDS)
        take_records(peer, &wire);
    if (message->type == HOST_MSG_LOG)
        fprintf(stderr, "gpio_loop: the host says: %.*s\n", (int)message->len,
                (const char *)message->body);
    if (message->type == HOST_MSG_WRITE_DONE) {
        wire_get_u64(&wire);
        peer->result = wire_get_u8(&wire);
        peer->has_done = true;
    }
}

static void wait_for(struct peer *peer, const bool *what, const char *text)
{
    int64_t until_ns = clock_boot_ns() + WAIT_MS * CLOCK_NS_PER_MS;
    struct channel_message message;

    while (!*what) {
        struct pollfd wait = {.fd = channel_fd(peer->channel), .events = POLLIN};
        int rc = channel_receive(peer->channel, &message);

        if (rc < 0 || clock_boot_ns() > until_ns) {
            errno = rc < 0 ? -rc : ETIMEDOUT;
            die(text);
        }
        if (rc > 0)
            take_message(peer, &message);
        else
            poll(&wait, 1, WAIT_MS);
    }
}

static bool run_host(struct bench *bench)
{
    struct host_order beat = {.type = HOST_MSG_HEARTBEAT};
    struct host_order order = {
        .type = HOST_MSG_WRITE, .point = 1, .value.type = GW_TYPE_BOOL};
    struct host_order stop = {.type = HOST_MSG_STOP};
    struct peer peer = {0};
    bool all = true;

    start_host(bench, &peer);
    wait_for(&peer, &peer.has_reading, "the first reading");
    for (unsigned i = 0; i < bench->n; i++) {
        struct round *round = &bench->rounds[i];

        if (clock_boot_ns() - peer.beat_ns > CLOCK_NS_PER_S / 2) {
            send_order(&peer, &beat, -1);
            peer.beat_ns = clock_boot_ns();
        }
        peer.has_reading = peer.has_done = false;
        make_edge(bench, i);
        wait_for(&peer, &peer.has_reading, "an edge");
        round->seen_ns = clock_boot_ns();
        round->stamp_ns = peer.stamp_ns;
        order.id = i + 1;
        order.value.v.b = peer.is_on;
        send_order(&peer, &order, -1);
        wait_for(&peer, &peer.has_done, "an answer");
        round->set_ns = clock_boot_ns();
        all &= peer.result == GW_OK && is_set(bench, i) &&
               round->stamp_ns >= round->made_ns && round->stamp_ns <= round->seen_ns;
    }
    send_order(&peer, &stop, -1);
    waitpid(peer.pid, NULL, 0);
    channel_free(peer.channel);
    return all;
}

/* ---- the kernel's trace ----------------------------------------------------------- */

#define TRACING "/sys/kernel/tracing/"

static bool tell(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool trace_begin(void)
{
    return tell(TRACING "trace_clock", "boot") && tell(TRACING "trace", "\n") &&
           tell(TRACING "events/gpio/gpio_value/enable", "1");
}

/* "... 12.345678: gpio_value: 517 set 1": the last n of them are the rounds'. */
static bool trace_end(struct bench *bench)
{
    FILE *trace = fopen(TRACING "trace", "re");
    int64_t *sets = calloc(bench->n, sizeof *sets);
    unsigned n = 0;
    char line[300];

    tell(TRACING "events/gpio/gpio_value/enable", "0");
    while (trace && sets && fgets(line, sizeof line, trace)) {
        char *event = strstr(line, ": gpio_value: ");

        if (!event || !strstr(event, " set "))
            continue;
        *event = '\0';
        sets[n++ % bench->n] = (int64_t)(strtod(strrchr(line, ' ') + 1, NULL) * 1e9);
    }
    for (unsigned i = 0; n >= bench->n && i < bench->n; i++)
        bench->rounds[i].set_ns = sets[(n + i) % bench->n];
    if (trace)
        fclose(trace);
    free(sets);
    return n >= bench->n;
}

/* ---- figures
 * ----------------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print(const struct bench *bench, const char *name, size_t from, size_t to,
                  const char *end)
{
    double *us = calloc(bench->n, sizeof *us);

    for (unsigned i = 0; us && i < bench->n; i++) {
        const char *round = (const char *)&bench->rounds[i];

        us[i] = (double)(*(const int64_t *)(const void *)(round + to) -
                         *(const int64_t *)(const void *)(round + from)) /
                1e3;
    }
    if (!us)
        die("memory");
    qsort(us, bench->n, sizeof *us, compare);
    printf("\"%s\": {\"p50\": %.0f, \"p99\": %.0f, \"max\": %.0f}%s", name,
           us[bench->n / 2], us[bench->n * 99 / 100], us[bench->n - 1], end);
    free(us);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    bool all, is_host, is_traced;

    if (argc < 8 || (strcmp(argv[1], "host") == 0 && argc < 10)) {
        fputs("usage: gpio_loop bare|host CHIP IN OUT PULL VALUE N [DEVHOST PLUGINS]\n",
              stderr);
        return 2;
    }
    is_host = strcmp(argv[1], "host") == 0;
    bench.label = argv[2];
    bench.in = argv[3];
    bench.out = argv[4];
    bench.pull_fd = open(argv[5], O_WRONLY | O_CLOEXEC);
    bench.value_path = argv[6];
    bench.n = (unsigned)strtoul(argv[7], NULL, 10);
    bench.rounds = calloc(bench.n + 1, sizeof *bench.rounds);
    if (bench.pull_fd < 0 || !bench.rounds || bench.n == 0)
        die(argv[5]);
    if (is_host) {
        bench.devhost = argv[8];
        bench.plugins = argv[9];
    }
    is_traced = trace_begin();
    all = is_host ? run_host(&bench) : run_bare(&bench);
    is_traced = is_traced && trace_end(&bench);
    printf("{\"way\": \"%s\", \"library\": \"%s\", \"set_by\": \"%s\", \"n\": %u, "
           "\"all\": %s, ",
           argv[1], lines_version(), is_traced ? "trace" : "answer", bench.n,
           all ? "true" : "false");
    print(&bench, "edge_to_seen_us", offsetof(struct round, made_ns),
          offsetof(struct round, seen_ns), ", ");
    print(&bench, "seen_to_set_us", offsetof(struct round, seen_ns),
          offsetof(struct round, set_ns), ", ");
    print(&bench, "edge_to_set_us", offsetof(struct round, made_ns),
          offsetof(struct round, set_ns), "}\n");
    free(bench.rounds);
    close(bench.pull_fd);
    return all ? 0 : 1;
}
