/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one wrapper of libmicrohttpd: one listening socket, one thread, whole requests in,
 * whole answers out. Every request is handed to one handler on the server's thread; a
 * slow handler makes the other clients of this socket wait, so keep it bounded.
 */
#ifndef GATEWAYD_HTTP_HTTP_SERVER_H
#define GATEWAYD_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/strbuf.h"

#define HTTP_BODY_MAX 65536
#define HTTP_CONNECTIONS_MAX 24
#define HTTP_IDLE_TIMEOUT_S 15

/* Borrowed for the call of the handler. */
struct http_request {
    const char *method; /* "GET", "HEAD", "POST", ... */
    const char *path;   /* decoded, begins with '/' */
    const char *body;   /* NUL-terminated, never NULL */
    size_t body_len;
    bool is_local_socket; /* came over AF_UNIX */
    uint32_t uid;         /* of the peer on AF_UNIX, else UINT32_MAX */
    void *connection;     /* for http_request_* only */
};

/* NULL when absent; borrowed for the call. */
const char *http_request_query(const struct http_request *request, const char *key);
/* Every argument of the query, repeated ones too; "" for one without '='. False of fn
 * ends it. */
void http_request_each_query(const struct http_request *request,
                             bool (*fn)(void *ctx, const char *key, const char *value),
                             void *ctx);
const char *http_request_header(const struct http_request *request, const char *name);

/* A long answer in pieces, of a length known before: read on the server's thread whenever
 * the client takes more, so each call must be brief. */
struct http_stream {
    uint64_t bytes;
    /* 1..size bytes, or -errno, which ends the connection. */
    ssize_t (*read)(void *ctx, void *data, size_t size);
    void (*free)(void *ctx); /* always called in the end; perhaps nothing was read */
    void *ctx;
};

/* Starts as 200, application/json, empty. */
struct http_response {
    unsigned status;
    const char *content_type; /* a static string */
    struct strbuf body;
    struct http_stream stream; /* with `read`: instead of the body; taken */
    char etag[64];  /* quotes included; "": none */
    char allow[32]; /* with 405 */
};

/* Makes it a problem document (RFC 9457); what was in the body is dropped. `code` is the
 * stable word programs look at, detail says in a sentence what to do. */
void http_problem(struct http_response *response, unsigned status, const char *code,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

typedef void (*http_handler_fn)(void *ctx, const struct http_request *request,
                                struct http_response *response);

struct http_server_options {
    int listen_fd;          /* taken, also on failure */
    bool is_local_socket;   /* AF_UNIX: no Host check */
    const char *bound_host; /* TCP: one more name accepted in Host; NULL: none */
    http_handler_fn handler;
    void *ctx;
};

struct http_server;

/* Starts the thread. NULL: it could not (errno tells). A request with an alien Host, a
 * repeated Content-Length, a Transfer-Encoding or a body above HTTP_BODY_MAX is answered
 * here and never reaches the handler. */
struct http_server *http_server_new(const struct http_server_options *options);
/* No new connections; waits for the handler under way and up to 0.5 s until its answer is
 * sent, then closes all. NULL is fine. */
void http_server_free(struct http_server *server);

#endif
