/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the core and its children; see channel.h. */
#include "lib/channel/channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define MAGIC UINT32_C(0x47575931) /* "GWY1" */
#define SEND_BUFFER_BYTES (512 * 1024)

struct header {
    uint32_t magic;
    uint16_t version, type;
    uint32_t len, sequence;
};
_Static_assert(sizeof(struct header) == CHANNEL_HEADER_SIZE, "header layout");

struct channel {
    int fd;
    uint32_t next_out, next_in; /* next_out under lock */
    pthread_mutex_t lock;
    uint8_t *buffer;
};

int channel_pair(int ret_fds[2])
{
    int size = SEND_BUFFER_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) <
        0)
        return -errno;
    for (int i = 0; i < 2; i++)
        setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

struct channel *channel_new(int fd)
{
    struct channel *channel = calloc(1, sizeof *channel);

    if (!channel) {
        close(fd);
        return NULL;
    }
    /* one byte more than allowed, so that a longer message shows */
    channel->buffer = malloc(CHANNEL_MESSAGE_MAX + 1);
    channel->fd = fd;
    pthread_mutex_init(&channel->lock, NULL);
    if (!channel->buffer) {
        channel_free(channel);
        return NULL;
    }
    return channel;
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    close(channel->fd);
    pthread_mutex_destroy(&channel->lock);
    free(channel->buffer);
    free(channel);
}

int channel_fd(const struct channel *channel)
{
    return channel->fd;
}

static void attach_fd(struct msghdr *message, void *control, size_t size, int fd)
{
    struct cmsghdr *cmsg;

    memset(control, 0, size);
    message->msg_control = control;
    message->msg_controllen = size;
    cmsg = CMSG_FIRSTHDR(message);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
}

int channel_send(struct channel *channel, uint16_t type, const void *body, size_t len,
                 int fd)
{
    struct header header = {
        .magic = MAGIC, .version = 1, .type = type, .len = (uint32_t)len};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)body, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    int rc = 0;

    if (len > CHANNEL_BODY_MAX)
        return -EMSGSIZE;
    if (fd >= 0)
        attach_fd(&message, control.bytes, sizeof control.bytes, fd);
    pthread_mutex_lock(&channel->lock);
    header.sequence = channel->next_out;
    while (sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EINTR)
            continue;
        rc = errno == ENOBUFS ? -EAGAIN : -errno;
        break;
    }
    if (rc == 0)
        channel->next_out++;
    pthread_mutex_unlock(&channel->lock);
    return rc;
}

int channel_send_wait(struct channel *channel, uint16_t type, const void *body,
                      size_t len, int fd, int timeout_ms)
{
    int64_t deadline_ns = clock_boot_ns() + timeout_ms * CLOCK_NS_PER_MS;

    for (;;) {
        struct pollfd pfd = {.fd = channel->fd, .events = POLLOUT};
        int64_t left_ms = (deadline_ns - clock_boot_ns()) / CLOCK_NS_PER_MS;
        int rc = channel_send(channel, type, body, len, fd);

        if (rc != -EAGAIN || left_ms <= 0)
            return rc;
        poll(&pfd, 1, (int)left_ms);
    }
}

static int received_fd(struct msghdr *message)
{
    int fd = -1;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg;
         cmsg = CMSG_NXTHDR(message, cmsg))
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
            cmsg->cmsg_len == CMSG_LEN(sizeof fd))
            memcpy(&fd, CMSG_DATA(cmsg), sizeof fd);
    return fd;
}

static bool header_is_good(const struct channel *channel, const struct header *header,
                           size_t size)
{
    return header->magic == MAGIC && header->version == 1 &&
           header->len == size - sizeof *header && header->sequence == channel->next_in;
}

int channel_receive(struct channel *channel, struct channel_message *ret_message)
{
    struct iovec part = {channel->buffer, CHANNEL_MESSAGE_MAX + 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct header header;
    ssize_t size;

    do
        size = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
    if (size == 0)
        return -EPIPE;
    ret_message->fd = received_fd(&message);
    if ((size_t)size >= sizeof header && size <= CHANNEL_MESSAGE_MAX) {
        memcpy(&header, channel->buffer, sizeof header);
        if (header_is_good(channel, &header, (size_t)size)) {
            channel->next_in++;
            ret_message->type = header.type;
            ret_message->body = channel->buffer + sizeof header;
            ret_message->len = header.len;
            return 1;
        }
    }
    if (ret_message->fd >= 0)
        close(ret_message->fd);
    ret_message->fd = -1;
    return -EBADMSG;
}
