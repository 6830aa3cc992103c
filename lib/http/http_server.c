/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP server: libmicrohttpd collects a request on its thread, this file refuses what is
 * malformed or comes under a foreign name, the handler (gatewayd/api) makes the answer.
 */
#include "lib/http/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"

/* Memory of one connection (head of a request and of its answer); a request line or a
 * head that does not fit is refused by the library. */
#define CONNECTION_MEMORY 8192
/* Only touched pages count; reading events runs SQLite on this stack. */
#define THREAD_STACK 524288
#define FLUSH_LIMIT_MS 500
#define STREAM_PIECE 65536
/* A client that reads slowly must not hold what is behind the stream for ever. */
#define STREAM_LIMIT_NS (900 * CLOCK_NS_PER_S)

struct http_server {
    struct MHD_Daemon *daemon;
    bool is_local_socket;
    char bound_host[64];
    http_handler_fn handler;
    void *ctx;
    atomic_uint n_exchanges;
};

/* One request under way. */
struct exchange {
    struct http_server *server;
    struct strbuf body;
    bool is_refused;
};

const char *http_request_query(const struct http_request *request, const char *key)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

struct each_query {
    bool (*fn)(void *ctx, const char *key, const char *value);
    void *ctx;
};

static enum MHD_Result visit_query(void *ctx, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    const struct each_query *each = ctx;

    (void)kind;
    return each->fn(each->ctx, key ? key : "", value ? value : "") ? MHD_YES : MHD_NO;
}

void http_request_each_query(const struct http_request *request,
                             bool (*fn)(void *ctx, const char *key, const char *value),
                             void *ctx)
{
    struct each_query each = {fn, ctx};

    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, visit_query,
                              &each);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void http_problem(struct http_response *response, unsigned status, const char *code,
                  const char *format, ...)
{
    char detail[512];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    response->status = status;
    response->content_type = "application/problem+json";
    response->etag[0] = '\0';
    strbuf_clear(&response->body);
    strbuf_puts(&response->body, "{\"type\":\"about:blank\",\"title\":");
    strbuf_put_json_string(&response->body, MHD_get_reason_phrase_for(status));
    strbuf_printf(&response->body, ",\"status\":%u,\"code\":", status);
    strbuf_put_json_string(&response->body, code);
    strbuf_puts(&response->body, ",\"detail\":");
    strbuf_put_json_string(&response->body, detail);
    strbuf_puts(&response->body, "}\n");
}

static void response_init(struct http_response *response)
{
    *response = (struct http_response){.status = 200, .content_type = "application/json"};
    strbuf_init(&response->body);
}

static void add_headers(struct MHD_Response *reply, const struct http_response *response)
{
    MHD_add_response_header(reply, "Content-Type", response->content_type);
    MHD_add_response_header(reply, "Cache-Control", "no-cache");
    MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
    if (response->etag[0])
        MHD_add_response_header(reply, "ETag", response->etag);
    if (response->allow[0])
        MHD_add_response_header(reply, "Allow", response->allow);
}

struct streaming {
    struct http_stream stream;
    int64_t end_boot_ns;
};

static ssize_t read_stream(void *ctx, uint64_t offset, char *data, size_t size)
{
    struct streaming *streaming = ctx;
    ssize_t n;

    (void)offset; /* it only goes up */
    if (clock_boot_ns() > streaming->end_boot_ns)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = streaming->stream.read(streaming->stream.ctx, data, size);
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_stream(void *ctx)
{
    struct streaming *streaming = ctx;

    streaming->stream.free(streaming->stream.ctx);
    free(streaming);
}

static struct MHD_Response *reply_with_stream(struct http_response *response)
{
    struct streaming *streaming = malloc(sizeof *streaming);
    struct MHD_Response *reply = NULL;

    if (streaming) {
        streaming->stream = response->stream;
        streaming->end_boot_ns = clock_boot_ns() + STREAM_LIMIT_NS;
        reply = MHD_create_response_from_callback(response->stream.bytes, STREAM_PIECE,
                                                  read_stream, streaming, free_stream);
    }
    if (!reply) {
        response->stream.free(response->stream.ctx);
        free(streaming);
    }
    response->stream = (struct http_stream){0};
    return reply;
}

static struct MHD_Response *reply_with_body(struct http_response *response)
{
    size_t len = response->body.len;
    struct MHD_Response *reply;
    char *body;

    if (response->body.failed)
        return NULL;
    body = strbuf_take(&response->body);
    reply = MHD_create_response_from_buffer(body ? len : 0, body, MHD_RESPMEM_MUST_FREE);
    if (!reply)
        free(body);
    return reply;
}

/* Hands the answer to the library, which frees the body when it is sent. */
static enum MHD_Result respond(struct MHD_Connection *connection,
                               struct http_response *response)
{
    struct MHD_Response *reply = response->stream.read ? reply_with_stream(response)
                                                       : reply_with_body(response);
    enum MHD_Result rc;

    if (!reply)
        return MHD_NO;
    add_headers(reply, response);
    rc = MHD_queue_response(connection, response->status, reply);
    MHD_destroy_response(reply);
    return rc;
}

struct header_count {
    const char *name;
    unsigned n;
};

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct header_count *count = ctx;

    (void)kind;
    (void)value;
    if (key && strcasecmp(key, count->name) == 0)
        count->n++;
    return MHD_YES;
}

static unsigned header_count(struct MHD_Connection *connection, const char *name)
{
    struct header_count count = {.name = name};

    MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &count);
    return count.n;
}

/* A page of another site whose name was made to resolve to us sends its own name here
 * (DNS rebinding); so only our own names pass. */
static bool host_is_ours(const struct http_server *server, const char *host)
{
    const char *names[] = {"localhost", "127.0.0.1", "[::1]", server->bound_host};
    size_t len;

    if (!host || !*host)
        return false;
    len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (len > strlen(host) || (host[len] && host[len] != ':'))
        return false;
    if (host[len] && strspn(host + len + 1, "0123456789") != strlen(host + len + 1))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0)
            return true;
    return false;
}

/* Two servers that disagree about where a body ends can be made to see different
 * requests; one plain Content-Length leaves no room for that. */
static bool body_is_plain(struct MHD_Connection *connection,
                          struct http_response *response)
{
    const char *text =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    size_t len = text ? strlen(text) : 0;

    if (header_count(connection, "Content-Length") > 1)
        http_problem(response, 400, "repeated-content-length", "one Content-Length only");
    else if (header_count(connection, "Transfer-Encoding"))
        http_problem(response, 411, "length-required",
                     "send the body with Content-Length, not in chunks");
    else if (text && (!len || len > 9 || strspn(text, "0123456789") != len))
        http_problem(response, len > 9 ? 413 : 400, "bad-content-length",
                     "Content-Length is no plain number up to %d", HTTP_BODY_MAX);
    else if (text && strtoul(text, NULL, 10) > HTTP_BODY_MAX)
        http_problem(response, 413, "body-too-large", "at most %d bytes", HTTP_BODY_MAX);
    else
        return true;
    return false;
}

static bool head_is_fine(const struct http_server *server,
                         struct MHD_Connection *connection,
                         struct http_response *response)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");

    if (!body_is_plain(connection, response))
        return false;
    if (server->is_local_socket)
        return true;
    if (header_count(connection, "Host") == 1 && host_is_ours(server, host))
        return true;
    http_problem(response, 403, "foreign-host",
                 "the Host header names another machine; use localhost or the address");
    return false;
}

static uint32_t peer_uid(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred cred;
    socklen_t len = sizeof cred;

    if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return UINT32_MAX;
    return cred.uid;
}

static enum MHD_Result begin(struct http_server *server,
                             struct MHD_Connection *connection, void **state)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    struct http_response response;
    enum MHD_Result rc = MHD_YES;

    if (!exchange)
        return MHD_NO;
    strbuf_init(&exchange->body);
    exchange->server = server;
    atomic_fetch_add(&server->n_exchanges, 1);
    *state = exchange;
    response_init(&response);
    if (!head_is_fine(server, connection, &response)) {
        exchange->is_refused = true;
        rc = respond(connection, &response);
    }
    strbuf_done(&response.body);
    return rc;
}

static enum MHD_Result collect(struct exchange *exchange, const char *data, size_t *size)
{
    if (exchange->is_refused || exchange->body.len + *size > HTTP_BODY_MAX)
        return MHD_NO;
    strbuf_add(&exchange->body, data, *size);
    *size = 0;
    return exchange->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result finish(struct http_server *server, struct http_request *request,
                              const struct exchange *exchange)
{
    struct http_response response;
    enum MHD_Result rc;

    response_init(&response);
    request->body = exchange->body.data ? exchange->body.data : "";
    request->body_len = exchange->body.len;
    request->is_local_socket = server->is_local_socket;
    request->uid = server->is_local_socket ? peer_uid(request->connection) : UINT32_MAX;
    server->handler(server->ctx, request, &response);
    rc = respond(request->connection, &response);
    strbuf_done(&response.body);
    return rc;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data, size_t *size,
                                  void **state)
{
    struct http_request request = {
        .method = method, .path = url, .connection = connection};

    (void)version;
    if (!*state)
        return begin(ctx, connection, state);
    if (*size)
        return collect(*state, data, size);
    return finish(ctx, &request, *state);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *state;

    (void)ctx;
    (void)connection;
    (void)code;
    if (!exchange)
        return;
    strbuf_done(&exchange->body);
    atomic_fetch_sub(&exchange->server->n_exchanges, 1);
    free(exchange);
    *state = NULL;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd)
{
    /* clang-format off */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, server,
                            MHD_OPTION_LISTEN_SOCKET, listen_fd,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK,
                            MHD_OPTION_END);
    /* clang-format on */
}

/* The thread inherits the mask: signals are the main thread's. */
static struct MHD_Daemon *start(struct http_server *server, int listen_fd)
{
    struct MHD_Daemon *daemon;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    daemon = start_daemon(server, listen_fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

struct http_server *http_server_new(const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (!server) {
        close(options->listen_fd);
        return NULL;
    }
    server->is_local_socket = options->is_local_socket;
    if (options->bound_host)
        snprintf(server->bound_host, sizeof server->bound_host, "%s",
                 options->bound_host);
    server->handler = options->handler;
    server->ctx = options->ctx;
    errno = 0;
    server->daemon = start(server, options->listen_fd);
    if (server->daemon)
        return server;
    close(options->listen_fd);
    free(server);
    errno = errno ? errno : ENOMEM;
    return NULL;
}

void http_server_free(struct http_server *server)
{
    int listen_fd;

    if (!server)
        return;
    /* Stopping drops answers that are not sent yet, so requests under way may end
     * first. */
    listen_fd = MHD_quiesce_daemon(server->daemon);
    for (int i = 0; i < FLUSH_LIMIT_MS && atomic_load(&server->n_exchanges); i++)
        poll(NULL, 0, 1);
    MHD_stop_daemon(server->daemon);
    if (listen_fd >= 0)
        close(listen_fd);
    free(server);
}
