/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 client over a Unix socket, for the command line and tests. */
#ifndef GATEWAYD_HTTP_HTTP_CLIENT_H
#define GATEWAYD_HTTP_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_CLIENT_ANSWER_MAX (64u * 1024 * 1024)

struct http_answer {
    unsigned status;
    char content_type[64];
    char *body; /* NUL-terminated; free with http_answer_done */
    size_t body_len;
};

struct http_call {
    const char *socket_path;
    const char *method;
    const char *target; /* path and query, encoded */
    const char *body;   /* JSON, or NULL */
    size_t body_len;    /* 0: the body is a text; else these bytes, of any kind */
    int timeout_ms;     /* longest silence of the server */
    /* Optional: gets the content of an answer with status 200 in pieces, as it comes, and
     * of how many bytes in all; it is not kept then. 0 or -errno, which ends the call. */
    int (*sink)(void *ctx, const void *data, size_t size, uint64_t total);
    void *sink_ctx;
};

/* One request on a connection of its own. 0 with *ret_answer (any status); -ECONNREFUSED,
 * -ENOENT, -EACCES: nobody there or no right; -ETIMEDOUT; -EBADMSG: no HTTP. */
int http_client_call(const struct http_call *call, struct http_answer *ret_answer);
void http_answer_done(struct http_answer *answer);

#endif
