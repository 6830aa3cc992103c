/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting without blocking beyond the timeout, socket options that notice a dead peer,
 * and the exchange of Modbus TCP frames. The transaction number ties a reply to its
 * request: a reply of another number ends the connection, and with it all that is late.
 */
#include "plugins/modbus/link_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)
#define HEADER_SIZE 7u
/* Silent replies in a row after which the connection itself is suspect. */
#define TIMEOUTS_MAX 2u

/* Literals only: names were resolved by the host. */
static socklen_t make_address(const char *literal, uint16_t port,
                              struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, literal, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, literal, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof(*v6);
    }
    return 0;
}

/* Best effort: a kernel without one of these options still works. */
static void set_options(int fd, const struct settings_bus *settings, uint32_t timeout_ms)
{
    unsigned user_timeout_ms = 3 * timeout_ms;
    int on = 1, idle_s = (int)settings->keepalive_s, interval_s = 5, count = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
               sizeof(user_timeout_ms));
    if (!idle_s)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static int wait_connected(int fd, uint32_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0, n = poll(&p, 1, (int)timeout_ms);
    socklen_t size = sizeof(error);

    if (n == 0)
        return -ETIMEDOUT;
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
        return -errno;
    return -error;
}

static int connect_to(const struct sockaddr_storage *address, socklen_t size,
                      uint32_t timeout_ms)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (fd >= FD_SETSIZE) { /* libmodbus would write beyond its fd_set, or abort */
        close(fd);
        return -EMFILE;
    }
    if (connect(fd, (const struct sockaddr *)address, size))
        rc = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : -errno;
    if (rc) {
        close(fd);
        return rc;
    }
    return fd;
}

int link_tcp_open(struct link *line)
{
    const struct settings_bus *settings = line->settings;
    const char *literal;
    struct sockaddr_storage address;
    socklen_t size;
    int fd;

    if (line->fd >= 0)
        return GW_OK;
    literal = line->services->resolve(line->services->ctx, settings->host);
    if (!literal)
        return link_fail(line, GW_ERR_LINK, "%s: no address known yet", settings->host);
    size = make_address(literal, settings->port, &address);
    if (!size)
        return link_fail(line, GW_ERR_LINK, "%s: no usable address", settings->host);
    fd = connect_to(&address, size, line->timeout_ms);
    if (fd < 0)
        return link_fail(line, GW_ERR_LINK, "%s port %u: %s", settings->host,
                         settings->port, strerrordesc_np(-fd));
    set_options(fd, settings, line->timeout_ms);
    modbus_set_socket(line->modbus, fd);
    line->fd = fd;
    line->n_replies = line->n_timeouts = 0;
    return GW_OK;
}

void link_tcp_close(struct link *line)
{
    if (line->fd < 0)
        return;
    close(line->fd);
    line->fd = -1;
    modbus_set_socket(line->modbus, -1);
}

static int send_frame(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len)
{
    uint8_t *frame = line->request;
    ssize_t n;

    line->transaction++;
    frame[0] = (uint8_t)(line->transaction >> 8);
    frame[1] = (uint8_t)line->transaction;
    frame[2] = frame[3] = frame[4] = 0;
    frame[5] = (uint8_t)(len + 1);
    frame[6] = unit;
    memcpy(frame + HEADER_SIZE, pdu, len);
    n = send(line->fd, frame, HEADER_SIZE + len, MSG_NOSIGNAL);
    if (n == (ssize_t)(HEADER_SIZE + len))
        return 0;
    return n < 0 ? -errno : -EAGAIN;
}

/* 1: something is there. 0: nothing until then. Or negative errno. */
static int wait_readable(const struct link *line, int64_t until_boot_ns)
{
    int64_t left_ns = until_boot_ns - line->services->get_boot_ns(line->services->ctx);
    struct pollfd p = {.fd = line->fd, .events = POLLIN};
    int n = left_ns > 0 ? poll(&p, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS)) : 0;

    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    return n;
}

/* One frame into line->reply, by what its header says: its length, or negative errno.
 * What is there is taken at once, so a reply costs one poll and one recv (libmodbus: six
 * calls, a tenth of what a poll of a device costs in all). */
static int receive_frame(struct link *line)
{
    int64_t until_ns = line->services->get_boot_ns(line->services->ctx) +
                       line->timeout_ms * NS_PER_MS;
    size_t used = 0, size = HEADER_SIZE + 2;

    while (used < size) {
        int rc = wait_readable(line, until_ns);
        ssize_t n;

        if (rc == 0)
            return used ? -EMBBADDATA : -ETIMEDOUT;
        if (rc < 0)
            return rc;
        n = recv(line->fd, line->reply + used, sizeof(line->reply) - used, MSG_DONTWAIT);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        used += n > 0 ? (size_t)n : 0;
        if (used >= 6)
            size = 6u + (size_t)(line->reply[4] << 8 | line->reply[5]);
        if (size < HEADER_SIZE + 2 || size > sizeof(line->reply))
            return -EMBBADDATA;
    }
    line->has_excess = used > size;
    return (int)size;
}

static int judge_frame(struct link *line, int n, uint8_t unit, const uint8_t *pdu,
                       size_t len, struct link_reply *ret)
{
    const uint8_t *frame = line->reply;

    if (memcmp(frame, line->request, 4) || frame[6] != unit) {
        link_tcp_close(line);
        return link_fail(line, GW_ERR_PROTOCOL,
                         "unit %u: a reply to something else came; connection closed",
                         unit);
    }
    ret->pdu = frame + HEADER_SIZE;
    ret->len = (size_t)n - HEADER_SIZE;
    n = link_judge(line, unit, pdu, len, ret);
    /* What follows the reply answers nothing: it goes with its connection. */
    if (n == GW_ERR_PROTOCOL || line->has_excess)
        link_tcp_close(line);
    return n;
}

static int one_attempt(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                       struct link_reply *ret)
{
    int n, rc = link_tcp_open(line);

    if (rc)
        return rc;
    n = send_frame(line, unit, pdu, len);
    line->was_sent = n == 0;
    if (!n)
        n = receive_frame(line);
    if (n > 0)
        return judge_frame(line, n, unit, pdu, len, ret);
    if (n == -ETIMEDOUT && line->was_sent) {
        if (++line->n_timeouts >= TIMEOUTS_MAX)
            link_tcp_close(line);
        return link_fail(line, GW_ERR_TIMEOUT, "unit %u: no reply in %u ms", unit,
                         line->timeout_ms);
    }
    link_tcp_close(line);
    if (n <= -MODBUS_ENOBASE)
        return link_fail(line, GW_ERR_PROTOCOL, "unit %u: %s", unit, modbus_strerror(-n));
    return link_fail(line, GW_ERR_LINK, "%s port %u: %s", line->settings->host,
                     line->settings->port, strerrordesc_np(-n));
}

int link_tcp_exchange(struct link *line, uint8_t unit, const uint8_t *pdu, size_t len,
                      struct link_reply *ret)
{
    bool was_in_use = line->fd >= 0 && line->n_replies > 0;
    int rc = one_attempt(line, unit, pdu, len, ret);

    /* Many devices drop a connection that was idle for a while: only a read is repeated,
     * because a write may have been done before the connection broke. */
    if (rc == GW_ERR_LINK && was_in_use && line->fd < 0 && pdu[0] <= FRAME_READ_INPUT)
        rc = one_attempt(line, unit, pdu, len, ret);
    return rc;
}
