/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus TCP side of the device simulator. At most TCP_CONNECTIONS at a time per port. */
#include "tools/devicesim/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tools/devicesim/outbox.h"

#define TCP_CONNECTIONS 64
#define TARGET_SILENT 11 /* gateway target device failed to respond */

struct tcp_connection {
    struct tcp_connection *next;
    struct tcp_port *port;
    struct loop_source source;
    struct outbox outbox;
    int64_t busy_until_ns; /* replies of one connection stay in order */
    size_t used;
    uint8_t bytes[2 * FRAME_MAX];
};

struct tcp_port {
    struct loop *loop;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct loop_source source; /* fd -1: refusing */
    struct device *devices;
    unsigned n_devices, n_connections;
    int64_t delay_ns;
    struct tcp_connection *connections;
};

static void close_connection(struct tcp_connection *connection, bool with_reset)
{
    struct tcp_port *port = connection->port;
    struct tcp_connection **at = &port->connections;
    struct linger linger = {.l_onoff = 1};

    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    port->n_connections--;
    outbox_done(&connection->outbox);
    loop_remove(port->loop, &connection->source);
    if (with_reset)
        setsockopt(connection->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(connection->source.fd);
    free(connection);
}

static struct device *find_device(struct tcp_port *port, uint8_t unit)
{
    for (unsigned i = 0; i < port->n_devices; i++)
        if (port->devices[i].unit == DEVICE_ANY_UNIT || port->devices[i].unit == unit)
            return &port->devices[i];
    return NULL;
}

static void refuse_unit(struct tcp_connection *connection, const struct frame *request)
{
    uint8_t pdu[2], bytes[FRAME_MAX];
    size_t len = pdu_exception(request->pdu[0], TARGET_SILENT, pdu);

    len = frame_wrap(request, pdu, len, bytes);
    (void)!write(connection->source.fd, bytes, len);
}

static void serve(struct tcp_connection *connection, const struct frame *request)
{
    struct device *device = find_device(connection->port, request->unit);
    struct device_reply reply;
    int64_t due_ns = clock_boot_ns();

    if (!device) {
        refuse_unit(connection, request);
        return;
    }
    if (!device_answer(device, request, &reply))
        return;
    due_ns += reply.delay_ns + connection->port->delay_ns;
    if (due_ns < connection->busy_until_ns)
        due_ns = connection->busy_until_ns;
    connection->busy_until_ns = due_ns + reply.gap_ns * (int64_t)reply.len;
    outbox_put(&connection->outbox, &reply, due_ns);
}

static void on_bytes(void *ctx, uint32_t events)
{
    struct tcp_connection *connection = ctx;
    ssize_t n = read(connection->source.fd, connection->bytes + connection->used,
                     sizeof connection->bytes - connection->used);
    size_t at = 0;
    int size = 0;

    (void)events;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close_connection(connection, false);
        return;
    }
    connection->used += (size_t)n;
    do {
        struct frame frame;

        size =
            frame_parse(FRAME_TCP, connection->bytes + at, connection->used - at, &frame);
        if (size > 0) {
            serve(connection, &frame);
            at += (size_t)size;
        }
    } while (size > 0);
    connection->used -= at;
    memmove(connection->bytes, connection->bytes + at, connection->used);
    if (size < 0)
        close_connection(connection, false);
}

static void on_connect(void *ctx, uint32_t events)
{
    struct tcp_port *port = ctx;
    struct tcp_connection *connection;
    int fd = accept4(port->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;

    (void)events;
    if (fd < 0)
        return;
    if (port->n_connections >= TCP_CONNECTIONS ||
        !(connection = calloc(1, sizeof *connection))) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->port = port;
    connection->source = (struct loop_source){fd, on_bytes, connection};
    connection->next = port->connections;
    port->connections = connection;
    port->n_connections++;
    outbox_init(&connection->outbox, port->loop, fd);
    if (loop_add(port->loop, &connection->source) < 0)
        close_connection(connection, false);
}

static int listen_here(struct tcp_port *port)
{
    const struct sockaddr *address = (const struct sockaddr *)&port->address;
    int one = 1, rc;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    port->source = (struct loop_source){fd, on_connect, port};
    if (bind(fd, address, port->address_len) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&port->address, &port->address_len) < 0)
        rc = -errno;
    else
        rc = loop_add(port->loop, &port->source);
    if (rc < 0) {
        close(fd);
        port->source.fd = -1;
    }
    return rc;
}

static void stop_listening(struct tcp_port *port)
{
    if (port->source.fd < 0)
        return;
    loop_remove(port->loop, &port->source);
    close(port->source.fd);
    port->source.fd = -1;
}

static void drop_all(struct tcp_port *port)
{
    while (port->connections)
        close_connection(port->connections, true);
}

static int act(void *endpoint, enum device_action action)
{
    struct tcp_port *port = endpoint;

    switch (action) {
    case DEVICE_REFUSE:
        stop_listening(port);
        drop_all(port);
        return 0;
    case DEVICE_ACCEPT:
        return port->source.fd < 0 ? listen_here(port) : 0;
    case DEVICE_RESET:
        drop_all(port);
        return 0;
    }
    return -ENOTSUP;
}

static int parse_address(struct tcp_port *port, const char *host, uint16_t number)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&port->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&port->address;

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(number);
        port->address_len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return -EINVAL;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(number);
    port->address_len = sizeof *v6;
    return 0;
}

int tcp_port_new(struct loop *loop, const char *host, uint16_t number,
                 struct device *devices, unsigned n_devices, struct tcp_port **ret_port)
{
    struct tcp_port *port = calloc(1, sizeof *port);
    int rc;

    if (!port)
        return -ENOMEM;
    port->loop = loop;
    port->devices = devices;
    port->n_devices = n_devices;
    port->source.fd = -1;
    rc = parse_address(port, host, number);
    if (rc == 0)
        rc = listen_here(port);
    if (rc < 0) {
        free(port);
        return rc;
    }
    for (unsigned i = 0; i < n_devices; i++) {
        devices[i].act = act;
        devices[i].endpoint = port;
    }
    *ret_port = port;
    return 0;
}

void tcp_port_set_delay(struct tcp_port *port, int64_t delay_ns)
{
    port->delay_ns = delay_ns;
}

uint16_t tcp_port_number(const struct tcp_port *port)
{
    /* sin_port and sin6_port stand at the same place. */
    return ntohs(((const struct sockaddr_in *)&port->address)->sin_port);
}

void tcp_port_free(struct tcp_port *port)
{
    if (!port)
        return;
    stop_listening(port);
    while (port->connections)
        close_connection(port->connections, false);
    free(port);
}
