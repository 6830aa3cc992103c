/* SPDX-License-Identifier: Apache-2.0 */
/* The misbehaving device: frames by hand, so that nothing is shared with the plugin. */
#include "tests/unit/modbus_fake.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define HELD_MAX 64
#define SCRIPT_MAX 1024

struct frame {
    unsigned len;
    uint8_t bytes[270];
};

struct modbus_fake {
    enum modbus_fake_kind kind;
    pthread_t thread;
    pthread_mutex_t mutex;
    int stop_fd, listen_fd, fd; /* fd: the device's end */
    int plugin_fd;              /* PTY: kept open here */
    unsigned n_held, n_script, n_requests, n_connections, generation;
    unsigned hole_first, hole_last;
    bool has_hole;
    enum modbus_fake_act script[SCRIPT_MAX];
    unsigned next_act;
    struct frame held[HELD_MAX];
    uint16_t written[16]; /* registers 1000.. */
};

uint16_t modbus_fake_value(unsigned address, unsigned generation)
{
    return (uint16_t)(address * 7 + generation * 1009 + 1);
}

static uint16_t crc16(const uint8_t *data, unsigned len)
{
    uint16_t crc = 0xffff;

    for (unsigned i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)(p[0] << 8 | p[1]);
}

/* Answer of an honest device: unit and PDU, in `ret`; returns its length. */
static unsigned answer(struct modbus_fake *fake, const uint8_t *request, uint8_t *ret)
{
    unsigned address = get16(request + 2), count = get16(request + 4);

    memcpy(ret, request, 6);
    if (request[1] > 4) {
        if (request[1] == 6 && address >= 1000 && address < 1016)
            fake->written[address - 1000] = (uint16_t)count;
        return 6;
    }
    if (!count || count > 125 ||
        (fake->has_hole && address <= fake->hole_last &&
         address + count > fake->hole_first)) {
        ret[1] |= 0x80;
        ret[2] = 2;
        return 3;
    }
    ret[2] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++) {
        uint16_t value = address + i >= 1000 && address + i < 1016
                             ? fake->written[address + i - 1000]
                             : modbus_fake_value(address + i, fake->generation);

        ret[3 + 2 * i] = (uint8_t)(value >> 8);
        ret[4 + 2 * i] = (uint8_t)value;
    }
    return 3 + 2 * count;
}

static void spoil(enum modbus_fake_act act, uint8_t *adu, unsigned *len)
{
    switch (act) {
    case FAKE_WRONG_UNIT:
        adu[0] ^= 1;
        break;
    case FAKE_WRONG_FUNCTION:
        adu[1] ^= 7;
        break;
    case FAKE_WRONG_COUNT:
        if (adu[2] > 2) {
            adu[2] = (uint8_t)(adu[2] - 2);
            *len -= 2;
        } else {
            adu[2] = 4;
            adu[5] = adu[6] = 0x55;
            *len += 2;
        }
        break;
    case FAKE_WRONG_BYTE_COUNT:
        adu[2] = (uint8_t)(adu[2] + 1);
        break;
    case FAKE_EXCEPTION:
        adu[1] |= 0x80;
        adu[2] = 4;
        *len = 3;
        break;
    case FAKE_GARBAGE:
        for (unsigned i = 0; i < *len; i++)
            adu[i] = (uint8_t)(adu[i] * 31 + i * 17 + 5);
        break;
    case FAKE_ANSWER:
    case FAKE_SILENT:
    case FAKE_HOLD:
    case FAKE_RELEASE_ONE:
    case FAKE_TRUNCATE:
    case FAKE_BAD_CRC:
    case FAKE_RESET:
    case FAKE_N_ACTS:
        break;
    }
}

static struct frame wrap(const struct modbus_fake *fake, enum modbus_fake_act act,
                         const uint8_t *head, const uint8_t *adu, unsigned len)
{
    struct frame frame = {.len = len + (fake->kind == FAKE_TCP ? 6 : 2)};
    uint16_t crc = crc16(adu, len);

    if (fake->kind == FAKE_TCP) {
        memcpy(frame.bytes, head, 4);
        frame.bytes[1] ^= act == FAKE_BAD_CRC;
        frame.bytes[4] = (uint8_t)(len >> 8);
        frame.bytes[5] = (uint8_t)len;
        memcpy(frame.bytes + 6, adu, len);
    } else {
        memcpy(frame.bytes, adu, len);
        frame.bytes[len] = (uint8_t)(crc ^ (act == FAKE_BAD_CRC || act == FAKE_GARBAGE));
        frame.bytes[len + 1] = (uint8_t)(crc >> 8);
    }
    if (act == FAKE_TRUNCATE)
        frame.len -= frame.len / 2;
    return frame;
}

static void put(const struct modbus_fake *fake, const struct frame *frame)
{
    ssize_t n = fake->kind == FAKE_PTY
                    ? write(fake->fd, frame->bytes, frame->len)
                    : send(fake->fd, frame->bytes, frame->len, MSG_NOSIGNAL);

    (void)n; /* a plugin that went away is part of the game */
}

static bool put_oldest(struct modbus_fake *fake)
{
    if (!fake->n_held)
        return false;
    put(fake, &fake->held[0]);
    memmove(fake->held, fake->held + 1, --fake->n_held * sizeof(fake->held[0]));
    return true;
}

static void hang_up(struct modbus_fake *fake)
{
    struct linger linger = {1, 0};

    setsockopt(fake->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fake->fd);
    fake->fd = -1;
    fake->n_held = 0;
}

/* One request: `head` is the TCP header (or unused), `request` unit and PDU. */
static void serve(struct modbus_fake *fake, const uint8_t *head, const uint8_t *request)
{
    enum modbus_fake_act act =
        fake->next_act < fake->n_script ? fake->script[fake->next_act++] : FAKE_ANSWER;
    uint8_t adu[260] = {0};
    unsigned len = answer(fake, request, adu);
    struct frame frame;

    fake->n_requests++;
    spoil(act, adu, &len);
    frame = wrap(fake, act, head, adu, len);
    if (act == FAKE_RESET) {
        hang_up(fake);
    } else if (act == FAKE_HOLD || act == FAKE_RELEASE_ONE) {
        if (fake->n_held < HELD_MAX)
            fake->held[fake->n_held++] = frame;
        if (act == FAKE_RELEASE_ONE)
            put_oldest(fake);
    } else if (act != FAKE_SILENT) {
        while (put_oldest(fake))
            continue;
        put(fake, &frame);
    }
}

/* Takes whole requests off `buffer`; returns the bytes left. Only reads and function 6.
 */
static unsigned consume(struct modbus_fake *fake, uint8_t *buffer, unsigned len)
{
    unsigned size = fake->kind == FAKE_TCP ? 12 : 8;

    while (len >= size && fake->fd >= 0) {
        serve(fake, buffer, fake->kind == FAKE_TCP ? buffer + 6 : buffer);
        memmove(buffer, buffer + size, len - size);
        len -= size;
    }
    return len;
}

static void *run(void *arg)
{
    struct modbus_fake *fake = arg;
    uint8_t buffer[1024];
    unsigned len = 0;

    for (;;) {
        struct pollfd p[] = {
            {.fd = fake->stop_fd,   .events = POLLIN},
            {.fd = fake->fd,        .events = POLLIN},
            {.fd = fake->listen_fd, .events = POLLIN},
        };
        ssize_t n;

        poll(p, 3, -1);
        if (p[0].revents)
            return NULL;
        pthread_mutex_lock(&fake->mutex);
        if (p[1].revents) {
            n = read(fake->fd, buffer + len, sizeof(buffer) - len);
            if (n > 0)
                len = consume(fake, buffer, len + (unsigned)n);
            else if (fake->kind != FAKE_PTY)
                hang_up(fake);
        }
        if (p[2].revents) {
            if (fake->fd >= 0)
                hang_up(fake);
            fake->fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
            fake->n_connections++;
            len = 0;
        }
        pthread_mutex_unlock(&fake->mutex);
    }
}

static void open_pty(struct modbus_fake *fake)
{
    struct termios tio;

    fake->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fake->fd < 0 || grantpt(fake->fd) || unlockpt(fake->fd))
        abort();
    fake->plugin_fd = open(ptsname(fake->fd), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fake->plugin_fd < 0 || tcgetattr(fake->plugin_fd, &tio))
        abort();
    cfmakeraw(&tio);
    tcsetattr(fake->plugin_fd, TCSANOW, &tio);
}

static void open_listener(struct modbus_fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->listen_fd < 0 ||
        bind(fake->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
        listen(fake->listen_fd, 4))
        abort();
}

struct modbus_fake *modbus_fake_new(enum modbus_fake_kind kind)
{
    struct modbus_fake *fake = calloc(1, sizeof(*fake));

    if (!fake)
        abort();
    fake->kind = kind;
    fake->fd = fake->listen_fd = fake->plugin_fd = -1;
    fake->stop_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&fake->mutex, NULL);
    if (kind == FAKE_PTY)
        open_pty(fake);
    else
        open_listener(fake);
    if (pthread_create(&fake->thread, NULL, run, fake))
        abort();
    return fake;
}

void modbus_fake_free(struct modbus_fake *fake)
{
    eventfd_write(fake->stop_fd, 1);
    pthread_join(fake->thread, NULL);
    for (int *fd = (int[]){fake->stop_fd, fake->fd, fake->listen_fd, fake->plugin_fd, -2};
         *fd != -2; fd++)
        if (*fd >= 0)
            close(*fd);
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

int modbus_fake_fd(const struct modbus_fake *fake)
{
    return fake->plugin_fd;
}

unsigned modbus_fake_port(const struct modbus_fake *fake)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(fake->listen_fd, (struct sockaddr *)&address, &size))
        abort();
    return ntohs(address.sin_port);
}

void modbus_fake_script(struct modbus_fake *fake, const enum modbus_fake_act *acts,
                        unsigned n)
{
    pthread_mutex_lock(&fake->mutex);
    fake->n_script = n < SCRIPT_MAX ? n : SCRIPT_MAX;
    if (n)
        memcpy(fake->script, acts, fake->n_script * sizeof(*acts));
    fake->next_act = 0;
    pthread_mutex_unlock(&fake->mutex);
}

void modbus_fake_set_hole(struct modbus_fake *fake, unsigned first, unsigned last)
{
    pthread_mutex_lock(&fake->mutex);
    fake->has_hole = first <= last;
    fake->hole_first = first;
    fake->hole_last = last;
    pthread_mutex_unlock(&fake->mutex);
}

void modbus_fake_set_generation(struct modbus_fake *fake, unsigned generation)
{
    pthread_mutex_lock(&fake->mutex);
    fake->generation = generation;
    pthread_mutex_unlock(&fake->mutex);
}

bool modbus_fake_release(struct modbus_fake *fake)
{
    bool was_there;

    pthread_mutex_lock(&fake->mutex);
    was_there = fake->fd >= 0 && put_oldest(fake);
    pthread_mutex_unlock(&fake->mutex);
    return was_there;
}

unsigned modbus_fake_n_requests(struct modbus_fake *fake)
{
    unsigned n;

    pthread_mutex_lock(&fake->mutex);
    n = fake->n_requests;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

unsigned modbus_fake_n_connections(struct modbus_fake *fake)
{
    unsigned n;

    pthread_mutex_lock(&fake->mutex);
    n = fake->n_connections;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}
