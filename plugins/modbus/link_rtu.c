/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serial line: its settings, the silence before each request, draining after errors,
 * and frames with a CRC. The port belongs to the core; it is never closed here, and
 * libmodbus never connects or closes it (that would restore settings it never saved).
 */
#include "plugins/modbus/link_rtu.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "plugins/modbus/link_tcp.h"
#include "plugins/modbus/serial.h"

#define NS_PER_MS INT64_C(1000000)
/* A line that never falls quiet is given up for this attempt. */
#define SETTLE_MAX_MS 1000

static int64_t now_ns(const struct link *line)
{
    return line->services->get_boot_ns(line->services->ctx);
}

static bool is_socket(const struct link *line)
{
    return line->settings->transport == SETTINGS_RTU_OVER_TCP;
}

/* The port is gone, or the connection: both come back at a later attempt. */
static int lose_port(struct link *line, int error)
{
    if (is_socket(line)) {
        link_tcp_close(line);
        return link_fail(line, GW_ERR_LINK, "%s port %u: %s", line->settings->host,
                         line->settings->port, strerrordesc_np(error));
    }
    line->fd = -1;
    line->is_configured = false;
    modbus_set_socket(line->modbus, -1);
    line->services->drop_fd(line->services->ctx, "device");
    return link_fail(line, GW_ERR_LINK, "%s: %s", line->settings->device,
                     strerrordesc_np(error));
}

static int open_port(struct link *line)
{
    int fd = line->services->get_fd(line->services->ctx, "device"), rc;

    if (fd < 0) {
        int error = errno;

        line->fd = -1;
        line->is_configured = false;
        return link_fail(line, GW_ERR_LINK, "%s: %s", line->settings->device,
                         error ? strerrordesc_np(error) : "not there");
    }
    if (fd >= FD_SETSIZE)
        return link_fail(line, GW_ERR_LINK,
                         "%s: descriptor %d is beyond what libmodbus takes",
                         line->settings->device, fd);
    if (line->is_configured && fd == line->fd)
        return GW_OK;
    rc = serial_configure(fd, line->settings);
    if (rc)
        return lose_port(line, -rc);
    /* The silence before a request is timed: the usual slack of 50 us is line time
     * lost. */
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    line->fd = fd;
    line->is_configured = true;
    line->is_dirty = true; /* whoever used the port before may have left a reply behind */
    line->t_line_boot_ns = now_ns(line);
    modbus_set_socket(line->modbus, fd);
    return GW_OK;
}

static int open_line(struct link *line)
{
    bool was_open = line->fd >= 0;
    int rc;

    if (!is_socket(line))
        return open_port(line);
    rc = link_tcp_open(line);
    if (!rc && !was_open) {
        line->is_dirty = true;
        line->t_line_boot_ns = now_ns(line);
    }
    return rc;
}

/* Reads what is there, without waiting. Number of bytes (0: none) or negative errno. */
static ssize_t drain(struct link *line)
{
    struct pollfd p = {.fd = line->fd, .events = POLLIN};
    uint8_t waste[512];
    ssize_t n;

    if (poll(&p, 1, 0) <= 0)
        return 0;
    n = read(line->fd, waste, sizeof(waste));
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n < 0 ? -errno : -EIO; /* readable, but nothing there: the other end is gone */
}

/* Waits until the line has been quiet long enough for a new request; drops what comes. */
static int settle(struct link *line)
{
    const struct settings_bus *s = line->settings;
    int64_t quiet_ns = (int64_t)s->silence_ns, late_ns = s->late_reply_ms * NS_PER_MS;
    int64_t now = now_ns(line),
            give_up_ns = now + SETTLE_MAX_MS * NS_PER_MS + 2 * late_ns;
    ssize_t n;

    for (;;) {
        int64_t wait_ns;
        struct timespec ts;
        struct pollfd p = {.fd = line->fd, .events = POLLIN};

        if (line->is_dirty && late_ns > quiet_ns)
            quiet_ns = late_ns;
        wait_ns = line->t_line_boot_ns + quiet_ns - now;
        ts = (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
        if (wait_ns > 0 && ppoll(&p, 1, &ts, NULL) == 0) {
            now = line->t_line_boot_ns + quiet_ns;
            continue;
        }
        n = drain(line);
        if (n == 0 && wait_ns <= 0)
            break;
        if (n < 0)
            return lose_port(line, (int)-n);
        now = now_ns(line);
        if (n > 0) { /* nobody was asked: something is late */
            line->is_dirty = true;
            line->t_line_boot_ns = now;
        }
        if (now > give_up_ns)
            return link_fail(line, GW_ERR_PROTOCOL, "the line never falls quiet");
    }
    line->is_dirty = false;
    return GW_OK;
}

static ssize_t put_frame(struct link *line, const uint8_t *frame, size_t size)
{
    if (is_socket(line))
        return send(line->fd, frame, size, MSG_NOSIGNAL);
    return write(line->fd, frame, size);
}

int link_rtu_send(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len)
{
    uint8_t *frame = line->request;
    size_t size = len + 3;
    uint16_t crc;
    ssize_t n;
    int rc = open_line(line);

    if (!rc)
        rc = settle(line);
    if (rc)
        return rc;
    frame[0] = unit;
    memcpy(frame + 1, pdu, len);
    crc = frame_crc(frame, len + 1);
    frame[len + 1] = (uint8_t)crc;
    frame[len + 2] = (uint8_t)(crc >> 8);
    n = put_frame(line, frame, size);
    if (n < 0 && errno == EAGAIN)
        n = 0;
    if (n < 0)
        return lose_port(line, errno);
    line->was_sent = true;
    line->t_line_boot_ns = now_ns(line) + (int64_t)(size * line->settings->character_ns);
    if ((size_t)n < size) {
        line->is_dirty = true;
        return link_fail(line, GW_ERR_BUSY, "the port takes no more bytes");
    }
    return GW_OK;
}

/* Waits for the first byte: only this wait is the device's own time. */
static int wait_reply(struct link *line)
{
    int64_t end_ns = line->t_line_boot_ns + line->timeout_ms * NS_PER_MS, left_ns;
    struct pollfd p = {.fd = line->fd, .events = POLLIN};

    while ((left_ns = end_ns - now_ns(line)) > 0) {
        struct timespec ts = {left_ns / 1000000000, left_ns % 1000000000};
        int n = ppoll(&p, 1, &ts, NULL);

        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
    return -ETIMEDOUT;
}

/* Length of the frame in line->reply; 0: of another unit; or negative errno. */
static int receive_frame(struct link *line, uint8_t unit, const uint8_t *pdu)
{
    const struct settings_bus *s = line->settings;
    uint64_t frame_us = (frame_reply_size(pdu) + 3) * s->character_ns / 1000;
    int n = wait_reply(line);

    if (n < 0)
        return n;
    frame_us += s->byte_timeout_ms * UINT64_C(1000);
    modbus_set_slave(line->modbus, unit);
    modbus_set_response_timeout(line->modbus, (uint32_t)(frame_us / 1000000),
                                (uint32_t)(frame_us % 1000000));
    errno = 0;
    n = modbus_receive_confirmation(line->modbus, line->reply);
    if (n >= 0)
        return n;
    return errno == ETIMEDOUT ? -EMBBADDATA : errno ? -errno : -EIO;
}

static int judge_error(struct link *line, uint8_t unit, int error)
{
    line->is_dirty = true;
    if (error == ETIMEDOUT) {
        if (++line->n_timeouts >= 2 && is_socket(line))
            link_tcp_close(line);
        return link_fail(line, GW_ERR_TIMEOUT, "unit %u: no reply in %u ms", unit,
                         line->timeout_ms);
    }
    if (error == EMBBADCRC)
        return link_fail(line, GW_ERR_PROTOCOL, "unit %u: reply with a wrong CRC", unit);
    if (error >= MODBUS_ENOBASE)
        return link_fail(line, GW_ERR_PROTOCOL, "unit %u: damaged or cut off reply",
                         unit);
    return lose_port(line, error);
}

int link_rtu_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                      struct link_reply *ret)
{
    int rc = link_rtu_send(line, unit, pdu, len), n;

    if (rc)
        return rc;
    n = receive_frame(line, unit, pdu);
    line->t_line_boot_ns = now_ns(line);
    if (n < 0)
        return judge_error(line, unit, -n);
    if (n < 4 || line->reply[0] != unit) {
        line->is_dirty = true;
        return link_fail(line, GW_ERR_PROTOCOL, "unit %u: a reply of unit %u came", unit,
                         line->reply[0]);
    }
    ret->pdu = line->reply + 1;
    ret->len = (size_t)n - 3;
    rc = link_judge(line, unit, pdu, len, ret);
    if (rc == GW_ERR_PROTOCOL)
        line->is_dirty = true;
    return rc;
}
