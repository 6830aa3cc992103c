/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See interpose.h. recv and SSL_read feed a parser that only looks for PUBACK packets; it
 * runs on Paho's receive thread, as do the callbacks that ask for a reason. getaddrinfo
 * is called by Paho under the lock that every other of its functions takes, so a dead
 * resolver would stop them all: it gets the answer of our own resolver thread instead.
 * usleep and poll are Paho's receive thread that found nothing to read: see there.
 */
/* the fortified recv is an inline function of the same name */
#undef _FORTIFY_SOURCE
#include "lib/mqtt/interpose.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define EXPORTED __attribute__((visibility("default")))
#define PUBACK 4
#define N_REASONS 128 /* twice the largest window */
#define EAGER_NS (CLOCK_NS_PER_S / 2)
#define EAGER_SLEEP_US 2000
#define PAHO_POLL_MS 1000
#define EAGER_POLL_MS 10

/* No OpenSSL header: its only function here takes its object as an opaque pointer. */
int SSL_read(void *ssl, void *buf, int num);

static struct {
    ssize_t (*recv)(int, void *, size_t, int);
    int (*ssl_read)(void *, void *, int);
    int (*getaddrinfo)(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);
} real;
static pthread_once_t real_once = PTHREAD_ONCE_INIT;

/* One connection's bytes. Written by interpose_begin while there is no connection, else
 * by the receive thread alone; Paho's lock orders the two. */
static struct {
    bool tls;
    enum { AT_HEADER, AT_LENGTH, IN_BODY } at;
    unsigned type, shift, n_head;
    uint32_t left;
    uint8_t head[3]; /* packet id and reason */
    unsigned n_reasons;
    struct {
        uint16_t packet_id;
        uint8_t reason;
    } reasons[N_REASONS]; /* not asked for yet, other than 0; the oldest goes first */
} stream;

static pthread_mutex_t pin_lock = PTHREAD_MUTEX_INITIALIZER;
static char pin_host[256], pin_address[64];

static atomic_bool is_connected, is_connecting;
static atomic_llong t_begin_ns, t_slept_ns;

static void find_real(void)
{
    *(void **)&real.recv = dlsym(RTLD_NEXT, "recv");
    *(void **)&real.ssl_read = dlsym(RTLD_NEXT, "SSL_read");
    *(void **)&real.getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
}

static void reason_put(uint16_t packet_id, uint8_t reason)
{
    if (stream.n_reasons == N_REASONS) {
        memmove(stream.reasons, stream.reasons + 1,
                (N_REASONS - 1) * sizeof stream.reasons[0]);
        stream.n_reasons--;
    }
    stream.reasons[stream.n_reasons].packet_id = packet_id;
    stream.reasons[stream.n_reasons++].reason = reason;
}

unsigned interpose_puback_reason(int packet_id)
{
    for (unsigned i = 0; i < stream.n_reasons; i++) {
        unsigned reason = stream.reasons[i].reason;

        if (stream.reasons[i].packet_id != packet_id)
            continue;
        memmove(stream.reasons + i, stream.reasons + i + 1,
                (stream.n_reasons - i - 1) * sizeof stream.reasons[0]);
        stream.n_reasons--;
        return reason;
    }
    return 0;
}

static void packet_end(void)
{
    stream.at = AT_HEADER;
    /* without a third byte the reason is 0, success (MQTT 5, 3.4.2.1) */
    if (stream.type == PUBACK && stream.n_head == 3 && stream.head[2] != 0)
        reason_put((uint16_t)(stream.head[0] << 8 | stream.head[1]), stream.head[2]);
}

static void feed_length(uint8_t byte)
{
    stream.left |= (uint32_t)(byte & 0x7f) << stream.shift;
    stream.shift += 7;
    if ((byte & 0x80) && stream.shift < 28)
        return;
    stream.at = IN_BODY;
    if (stream.left == 0)
        packet_end();
}

static void feed(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (stream.at == AT_HEADER) {
            stream.type = data[i] >> 4;
            stream.left = stream.shift = stream.n_head = 0;
            stream.at = AT_LENGTH;
        } else if (stream.at == AT_LENGTH) {
            feed_length(data[i]);
        } else {
            size_t n = len - i < stream.left ? len - i : stream.left;

            for (size_t k = 0; k < n && stream.n_head < sizeof stream.head; k++)
                stream.head[stream.n_head++] = data[i + k];
            stream.left -= (uint32_t)n;
            i += n - 1;
            if (stream.left == 0)
                packet_end();
        }
    }
}

void interpose_begin(bool tls, const char *host, const char *address)
{
    memset(&stream, 0, sizeof stream);
    stream.tls = tls;
    interpose_set_connected(false);
    atomic_store(&t_begin_ns, clock_boot_ns());
    pthread_mutex_lock(&pin_lock);
    snprintf(pin_host, sizeof pin_host, "%s", host);
    snprintf(pin_address, sizeof pin_address, "%s", address);
    pthread_mutex_unlock(&pin_lock);
    atomic_store(&is_connecting, true);
}

void interpose_set_connected(bool connected)
{
    atomic_store(&is_connecting, false);
    atomic_store(&is_connected, connected);
}

void interpose_end(void)
{
    interpose_set_connected(false);
    atomic_store(&t_begin_ns, clock_boot_ns() - EAGER_NS);
}

/* Paho's receive thread waits a second for bytes of a socket that is still connecting: a
 * reconnect took that second. In the meantime it looks more often. */
EXPORTED int poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms)
{
    struct timespec span;

    if (timeout_ms == PAHO_POLL_MS && atomic_load(&is_connecting))
        timeout_ms = EAGER_POLL_MS;
    span.tv_sec = timeout_ms / 1000;
    span.tv_nsec = timeout_ms % 1000 * CLOCK_NS_PER_MS;
    return ppoll(fds, n_fds, timeout_ms < 0 ? NULL : &span, NULL);
}

/* After each second without a packet Paho's receive thread sleeps 100 ms more, deaf to
 * its socket; at a start that is most of the time to the first message. Right after a
 * connect it looks again soon. With a connection it need not sleep at all: that takes one
 * of its two wake-ups a second away. Calls that follow each other fast sleep in any
 * case. */
EXPORTED int usleep(useconds_t usec)
{
    long long now_ns = clock_boot_ns(), before_ns = atomic_exchange(&t_slept_ns, now_ns);
    struct timespec span;

    if (atomic_load(&is_connected) && now_ns - before_ns > EAGER_NS)
        return 0;
    if (now_ns - atomic_load(&t_begin_ns) < EAGER_NS && usec > EAGER_SLEEP_US)
        usec = EAGER_SLEEP_US;
    span.tv_sec = usec / 1000000;
    span.tv_nsec = (long)(usec % 1000000) * 1000;
    return nanosleep(&span, NULL);
}

EXPORTED ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    ssize_t n;

    pthread_once(&real_once, find_real);
    n = real.recv(fd, buf, len, flags);
    if (n > 0 && !stream.tls)
        feed(buf, (size_t)n);
    return n;
}

EXPORTED int SSL_read(void *ssl, void *buf, int num)
{
    int n;

    pthread_once(&real_once, find_real);
    n = real.ssl_read(ssl, buf, num);
    if (n > 0 && stream.tls)
        feed(buf, (size_t)n);
    return n;
}

int interpose_real_getaddrinfo(const char *host, const char *service,
                               const struct addrinfo *hints, struct addrinfo **ret)
{
    pthread_once(&real_once, find_real);
    return real.getaddrinfo(host, service, hints, ret);
}

EXPORTED int getaddrinfo(const char *restrict host, const char *restrict service,
                         const struct addrinfo *restrict hints,
                         struct addrinfo **restrict ret)
{
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    char address[sizeof pin_address] = "";

    pthread_mutex_lock(&pin_lock);
    if (host && strcmp(host, pin_host) == 0)
        memcpy(address, pin_address, sizeof address);
    pthread_mutex_unlock(&pin_lock);
    if (!address[0])
        return interpose_real_getaddrinfo(host, service, hints, ret);
    numeric.ai_flags |= AI_NUMERICHOST;
    return interpose_real_getaddrinfo(address, service, &numeric, ret);
}
