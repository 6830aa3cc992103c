/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 client over a Unix socket, for the command line and tests. */
#ifndef GATEWAYD_HTTP_HTTP_CLIENT_H
#define GATEWAYD_HTTP_HTTP_CLIENT_H

#include <stddef.h>

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
    int timeout_ms;     /* longest silence of the server */
};

/* One request on a connection of its own. 0 with *ret_answer (any status); -ECONNREFUSED,
 * -ENOENT, -EACCES: nobody there or no right; -ETIMEDOUT; -EBADMSG: no HTTP. */
int http_client_call(const struct http_call *call, struct http_answer *ret_answer);
void http_answer_done(struct http_answer *answer);

#endif
