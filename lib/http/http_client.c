/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 over a Unix socket, one request per connection: gatewayctl asks, gatewayd's
 * API answers with Content-Length. Blocking, on the caller's thread.
 */
#include "lib/http/http_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

static int connect_to(const char *path, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};
    int fd, rc;

    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
    close(fd);
    return rc;
}

static int send_request(int fd, const struct http_call *call)
{
    size_t len = call->body_len || !call->body ? call->body_len : strlen(call->body);
    struct strbuf buf;
    size_t at = 0;
    ssize_t n = 0;

    strbuf_init(&buf);
    strbuf_printf(&buf, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                  call->method, call->target);
    if (call->body)
        strbuf_printf(&buf, "Content-Type: application/%s\r\nContent-Length: %zu\r\n",
                      call->body_len ? "octet-stream" : "json", len);
    strbuf_puts(&buf, "\r\n");
    if (call->body)
        strbuf_add(&buf, call->body, len);
    for (; !buf.failed && at < buf.len; at += (size_t)n) {
        n = send(fd, buf.data + at, buf.len - at, MSG_NOSIGNAL);
        if (n < 0)
            break;
    }
    strbuf_done(&buf);
    if (n < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return buf.failed ? -ENOMEM : 0;
}

/* 0: the end. */
static ssize_t receive(int fd, char *data, size_t size)
{
    ssize_t n;

    do
        n = recv(fd, data, size, 0);
    while (n < 0 && errno == EINTR);
    return n >= 0 ? n : errno == EAGAIN ? -ETIMEDOUT : -errno;
}

static int receive_all(int fd, struct strbuf *buf)
{
    char chunk[16384];
    ssize_t n;

    while ((n = receive(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0)
            return (int)n;
        if (buf->len + (size_t)n > HTTP_CLIENT_ANSWER_MAX)
            return -EMSGSIZE;
        strbuf_add(buf, chunk, (size_t)n);
    }
    return buf->failed ? -ENOMEM : 0;
}

/* Value of a header line in the head, or NULL; *ret_len without the line's end. */
static const char *find_header(const char *head, const char *name, size_t *ret_len)
{
    size_t len = strlen(name);
    const char *line;

    for (line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1;
            line += strspn(line, " \t");
            *ret_len = strcspn(line, "\r");
            return line;
        }
    }
    return NULL;
}

/* The head is in buf, perhaps with the first of the content behind it. */
static int drain_to_sink(int fd, const struct http_call *call, struct strbuf *buf)
{
    size_t head = (size_t)(strstr(buf->data, "\r\n\r\n") + 4 - buf->data), len;
    const char *value = find_header(buf->data, "Content-Length", &len);
    uint64_t total = value ? strtoull(value, NULL, 10) : 0, at = buf->len - head;
    char chunk[65536];
    int rc = value ? 0 : -EBADMSG;

    if (rc == 0 && at > 0)
        rc = call->sink(call->sink_ctx, buf->data + head, (size_t)at, total);
    while (rc == 0 && at < total) {
        ssize_t n = receive(fd, chunk, sizeof chunk);

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        at += (uint64_t)n;
        rc = at > total ? -EBADMSG
                        : call->sink(call->sink_ctx, chunk, (size_t)n, total);
    }
    return rc;
}

/* 1: the content went to the sink; 0: there is none of that kind, read on. */
static int try_sink(int fd, const struct http_call *call, struct strbuf *buf)
{
    char chunk[4096];
    int rc;

    while (!buf->data || !strstr(buf->data, "\r\n\r\n")) {
        ssize_t n = receive(fd, chunk, sizeof chunk);

        if (n <= 0)
            return (int)n;
        strbuf_add(buf, chunk, (size_t)n);
        if (buf->failed || buf->len > 65536)
            return -EBADMSG;
    }
    if (strncmp(buf->data, "HTTP/1.1 200", 12) != 0)
        return 0;
    rc = drain_to_sink(fd, call, buf);
    return rc < 0 ? rc : 1;
}

static int parse_answer(struct strbuf *buf, struct http_answer *ret)
{
    char *end = buf->data ? strstr(buf->data, "\r\n\r\n") : NULL;
    const char *value;
    size_t len, body_len;

    if (!end || sscanf(buf->data, "HTTP/1.%*1[01] %3u", &ret->status) != 1)
        return -EBADMSG;
    *end = '\0';
    body_len = buf->len - (size_t)(end + 4 - buf->data);
    value = find_header(buf->data, "Content-Length", &len);
    if (find_header(buf->data, "Transfer-Encoding", &len) ||
        (value && strtoull(value, NULL, 10) != body_len))
        return -EBADMSG;
    value = find_header(buf->data, "Content-Type", &len);
    if (value)
        snprintf(ret->content_type, sizeof ret->content_type, "%.*s", (int)len, value);
    ret->body = malloc(body_len + 1);
    if (!ret->body)
        return -ENOMEM;
    memcpy(ret->body, end + 4, body_len);
    ret->body[body_len] = '\0';
    ret->body_len = body_len;
    return 0;
}

int http_client_call(const struct http_call *call, struct http_answer *ret_answer)
{
    _cleanup_close_ int fd = connect_to(call->socket_path, call->timeout_ms);
    struct http_answer answer = {0};
    struct strbuf buf;
    int rc;

    if (fd < 0)
        return fd;
    strbuf_init(&buf);
    rc = send_request(fd, call);
    /* A server that refuses a large body answers and closes before it has read it all. */
    if (rc == 0 && call->sink) {
        rc = try_sink(fd, call, &buf);
        if (rc != 0) {
            strbuf_done(&buf);
            if (rc > 0)
                *ret_answer = (struct http_answer){.status = 200};
            return rc > 0 ? 0 : rc;
        }
    }
    if (rc == 0 || rc == -EPIPE || rc == -ECONNRESET)
        rc = receive_all(fd, &buf);
    if (rc == 0 || (rc == -ECONNRESET && buf.len))
        rc = parse_answer(&buf, &answer);
    strbuf_done(&buf);
    if (rc == 0)
        *ret_answer = answer;
    return rc;
}

void http_answer_done(struct http_answer *answer)
{
    free(answer->body);
    *answer = (struct http_answer){0};
}
