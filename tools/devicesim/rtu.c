/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus RTU side of the device simulator: a pty that keeps a real line's time. */
#include "tools/devicesim/rtu.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tools/devicesim/outbox.h"

#define BITS_PER_CHARACTER 11
#define MIN_QUIET_NS (5 * CLOCK_NS_PER_MS) /* scheduling jitter of a pty's writer */

struct rtu_line {
    struct loop *loop;
    struct rtu_settings settings;
    int64_t character_ns, turnaround_ns;
    struct loop_source source; /* master side; fd -1: unplugged */
    int slave_fd; /* held open, or a client's close would hang up the master */
    char path[128];
    struct device *devices;
    unsigned n_devices;
    struct outbox outbox;
    struct loop_timer quiet;
    int64_t first_byte_ns; /* when the frame in `bytes` began */
    size_t used;
    uint8_t bytes[2 * FRAME_MAX];
};

static void serve_one(struct rtu_line *line, struct device *device,
                      const struct frame *request, size_t size)
{
    struct device_reply reply;
    int64_t due_ns;

    if (!device_answer(device, request, &reply) || request->unit == 0)
        return;
    due_ns = line->first_byte_ns + line->turnaround_ns + reply.delay_ns +
             (int64_t)(size + reply.len) * line->character_ns;
    outbox_put(&line->outbox, &reply, due_ns);
}

static void serve(struct rtu_line *line, const struct frame *request, size_t size)
{
    for (unsigned i = 0; i < line->n_devices; i++)
        if (request->unit == 0 || line->devices[i].unit == request->unit)
            serve_one(line, &line->devices[i], request, size);
}

static void on_quiet(void *ctx)
{
    struct rtu_line *line = ctx;

    line->used = 0;
}

static int64_t quiet_ns(const struct rtu_line *line)
{
    int64_t ns = line->character_ns * 7 / 2;

    return ns > MIN_QUIET_NS ? ns : MIN_QUIET_NS;
}

static void parse_all(struct rtu_line *line)
{
    struct frame frame;
    int size;

    while ((size = frame_parse(FRAME_RTU, line->bytes, line->used, &frame)) > 0) {
        serve(line, &frame, (size_t)size);
        line->used -= (size_t)size;
        memmove(line->bytes, line->bytes + size, line->used);
        line->first_byte_ns = clock_boot_ns();
    }
    /* Broken or unfinished: all of it goes when the line falls quiet, as t3.5 asks. */
    if (line->used)
        loop_timer_set(line->loop, &line->quiet, clock_boot_ns() + quiet_ns(line));
    else
        loop_timer_cancel(line->loop, &line->quiet);
}

static void on_bytes(void *ctx, uint32_t events)
{
    struct rtu_line *line = ctx;
    ssize_t n;

    (void)events;
    if (line->used == sizeof line->bytes)
        line->used = 0;
    if (line->used == 0)
        line->first_byte_ns = clock_boot_ns();
    n = read(line->source.fd, line->bytes + line->used, sizeof line->bytes - line->used);
    if (n <= 0)
        return;
    line->used += (size_t)n;
    parse_all(line);
}

static void remove_link(const char *path)
{
    struct stat st;

    if (path && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        unlink(path);
}

static void unplug(struct rtu_line *line)
{
    if (line->source.fd < 0)
        return;
    outbox_done(&line->outbox);
    loop_timer_cancel(line->loop, &line->quiet);
    loop_remove(line->loop, &line->source);
    remove_link(line->settings.link);
    close(line->source.fd);
    close(line->slave_fd);
    line->source.fd = line->slave_fd = -1;
    line->used = 0;
}

static int open_terminal(struct rtu_line *line)
{
    struct termios raw;
    int master, slave, flags;

    if (openpty(&master, &slave, line->path, NULL, NULL) < 0)
        return -errno;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    flags = fcntl(master, F_GETFL);
    fcntl(master, F_SETFL, flags | O_NONBLOCK);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(slave, F_SETFD, FD_CLOEXEC);
    line->source = (struct loop_source){master, on_bytes, line};
    line->slave_fd = slave;
    return 0;
}

static int plug(struct rtu_line *line)
{
    int rc = open_terminal(line);

    if (rc < 0)
        return rc;
    outbox_init(&line->outbox, line->loop, line->source.fd);
    rc = loop_add(line->loop, &line->source);
    remove_link(line->settings.link);
    if (rc == 0 && line->settings.link && symlink(line->path, line->settings.link) < 0)
        rc = -errno;
    if (rc < 0)
        unplug(line);
    return rc;
}

static int act(void *endpoint, enum device_action action)
{
    struct rtu_line *line = endpoint;

    switch (action) {
    case DEVICE_REFUSE:
        unplug(line);
        return 0;
    case DEVICE_ACCEPT:
        return line->source.fd < 0 ? plug(line) : 0;
    case DEVICE_RESET:
        unplug(line);
        return plug(line);
    }
    return -ENOTSUP;
}

int rtu_line_new(struct loop *loop, const struct rtu_settings *settings,
                 struct device *devices, unsigned n_devices, struct rtu_line **ret_line)
{
    struct rtu_line *line = calloc(1, sizeof *line);
    int rc;

    if (!line)
        return -ENOMEM;
    line->loop = loop;
    line->settings = *settings;
    line->source.fd = line->slave_fd = -1;
    if (settings->baud)
        line->character_ns = BITS_PER_CHARACTER * CLOCK_NS_PER_S / settings->baud;
    line->turnaround_ns = settings->turnaround_ns < 0 ? line->character_ns * 7 / 2
                                                      : settings->turnaround_ns;
    line->devices = devices;
    line->n_devices = n_devices;
    line->quiet.fn = on_quiet;
    line->quiet.ctx = line;
    rc = plug(line);
    if (rc < 0) {
        free(line);
        return rc;
    }
    for (unsigned i = 0; i < n_devices; i++) {
        devices[i].act = act;
        devices[i].endpoint = line;
    }
    *ret_line = line;
    return 0;
}

const char *rtu_line_path(const struct rtu_line *line)
{
    return line->path;
}

void rtu_line_free(struct rtu_line *line)
{
    if (!line)
        return;
    unplug(line);
    free(line);
}
