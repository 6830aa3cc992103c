/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker that misbehaves, for test_route.c (route_rig.h): a thread that accepts,
 * answers CONNECT, SUBSCRIBE and PINGREQ, and never acknowledges a message.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/route_rig.h"

struct fake_broker {
    int listen_fd, stop_fd;
    uint16_t port;
    bool close_at_once;
    atomic_uint n_publish, n_connect, drop_at_publish; /* 0: never */
    pthread_t thread;
};

static bool read_all(const struct fake_broker *fake, int fd, uint8_t *buf, size_t len)
{
    while (len > 0) {
        struct pollfd fds[2] = {{fd, POLLIN, 0}, {fake->stop_fd, POLLIN, 0}};
        ssize_t n;

        poll(fds, 2, -1);
        if (fds[1].revents)
            return false;
        n = read(fd, buf, len);
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t)n;
    }
    return true;
}

/* One packet; its type, or 0 at the end. */
static unsigned read_packet(const struct fake_broker *fake, int fd, uint8_t *body)
{
    uint8_t header, byte;
    size_t len = 0;
    unsigned shift = 0;

    if (!read_all(fake, fd, &header, 1))
        return 0;
    do {
        if (!read_all(fake, fd, &byte, 1))
            return 0;
        len |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (len > 65536 || !read_all(fake, fd, body, len))
        return 0;
    return header >> 4;
}

static void serve(struct fake_broker *fake, int fd)
{
    static const uint8_t connack[] = {0x20, 3, 0, 0, 0}, pingresp[] = {0xd0, 0};
    uint8_t *body = malloc(65536);
    unsigned type, n = 0, drop_at = atomic_load(&fake->drop_at_publish);

    while ((type = read_packet(fake, fd, body)) != 0) {
        uint8_t suback[] = {0x90, 6, body[0], body[1], 0, 1, 1, 1};

        if (type == 1)
            atomic_fetch_add(&fake->n_connect, 1);
        if (type == 3)
            atomic_fetch_add(&fake->n_publish, 1);
        if (type == 3 && ++n == drop_at)
            break;
        if (type == 1 && fake->close_at_once)
            break;
        if (type == 1)
            (void)!write(fd, connack, sizeof connack);
        else if (type == 8)
            (void)!write(fd, suback, sizeof suback);
        else if (type == 12)
            (void)!write(fd, pingresp, sizeof pingresp);
    }
    free(body);
    close(fd);
}

static void *run(void *arg)
{
    struct fake_broker *fake = arg;

    for (;;) {
        struct pollfd fds[2] = {{fake->listen_fd, POLLIN, 0}, {fake->stop_fd, POLLIN, 0}};
        int fd;

        poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        fd = accept(fake->listen_fd, NULL, NULL);
        if (fd >= 0)
            serve(fake, fd);
    }
}

struct fake_broker *fake_broker_new(bool close_at_once)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct fake_broker *fake = calloc(1, sizeof *fake);

    if (!fake)
        rig_fail(__func__);
    fake->close_at_once = close_at_once;
    fake->stop_fd = eventfd(0, EFD_CLOEXEC);
    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listen_fd, (struct sockaddr *)&address, size) < 0 ||
        listen(fake->listen_fd, 16) < 0 ||
        getsockname(fake->listen_fd, (struct sockaddr *)&address, &size) < 0)
        rig_fail(__func__);
    fake->port = ntohs(address.sin_port);
    if (pthread_create(&fake->thread, NULL, run, fake) != 0)
        rig_fail(__func__);
    return fake;
}

void fake_broker_drop_at_publish(struct fake_broker *fake, unsigned n)
{
    atomic_store(&fake->drop_at_publish, n);
}

void fake_broker_free(struct fake_broker *fake)
{
    uint64_t one = 1;

    (void)!write(fake->stop_fd, &one, sizeof one);
    pthread_join(fake->thread, NULL);
    close(fake->listen_fd);
    close(fake->stop_fd);
    free(fake);
}

uint16_t fake_broker_port(const struct fake_broker *fake)
{
    return fake->port;
}

unsigned fake_broker_n_publish(struct fake_broker *fake)
{
    return atomic_load(&fake->n_publish);
}

unsigned fake_broker_n_connect(struct fake_broker *fake)
{
    return atomic_load(&fake->n_connect);
}
