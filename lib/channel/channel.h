/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a SOCK_SEQPACKET pair between the core and a child: messages of up to 64 KiB
 * with a fixed header whose magic, version, length and sequence are checked exactly. A
 * malformed message is -EBADMSG: the core ends such a child. Sending is safe from several
 * threads; receiving belongs to one.
 */
#ifndef GATEWAYD_CHANNEL_CHANNEL_H
#define GATEWAYD_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_MESSAGE_MAX 65536 /* header included */
#define CHANNEL_HEADER_SIZE 16
#define CHANNEL_BODY_MAX (CHANNEL_MESSAGE_MAX - CHANNEL_HEADER_SIZE)
#define CHANNEL_CHILD_FD 3        /* where a child finds its end */

struct channel;

/* A connected pair, both CLOEXEC and non-blocking; 0 or -errno. */
int channel_pair(int ret_fds[2]);
/* Takes the descriptor. NULL: no memory (the descriptor is closed). */
struct channel *channel_new(int fd);
void channel_free(struct channel *channel);
int channel_fd(const struct channel *channel);

/* Sends one message; fd >= 0 goes along (SCM_RIGHTS), the caller keeps its own. Returns
 * 0, -EAGAIN when the peer's buffer is full (nothing was sent), -EMSGSIZE, or -errno.
 * Never blocks. */
int channel_send(struct channel *channel, uint16_t type, const void *body, size_t len,
                 int fd);
/* As channel_send, but waits up to timeout_ms for room. For a child's start-up only. */
int channel_send_wait(struct channel *channel, uint16_t type, const void *body,
                      size_t len, int fd, int timeout_ms);

struct channel_message {
    uint16_t type;
    const uint8_t *body; /* borrowed until the next receive */
    size_t len;
    int fd; /* received descriptor or -1; the caller closes it */
};

/* 1: a message; 0: none waiting; -EPIPE: the peer is gone; -EBADMSG: malformed. */
int channel_receive(struct channel *channel, struct channel_message *ret_message);

#endif
