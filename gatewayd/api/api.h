/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The REST API (CONTRACT 5) on a Unix socket and, when asked for, a loopback port. It
 * knows neither devices nor store: gateway.c joins it to them through api_ports. One
 * thread per socket (http_server.h); the socket's users are installers, TCP answers GET
 * only.
 */
#ifndef GATEWAYD_API_API_H
#define GATEWAYD_API_API_H

#include "gatewayd/api/api_history_model.h"
#include "gatewayd/api/api_model.h"
#include "gatewayd/api/api_post.h"
#include "lib/base/err.h"
#include "lib/base/strbuf.h"
#include "lib/http/http_server.h"

/*
 * What the API asks of the rest. Called on an API thread, perhaps on two at once; each
 * may take one short lock and must neither wait for I/O (`events` may read the store) nor
 * for the loop. A visitor only formats into memory: it may be called under that lock.
 * Strings given to a visitor are borrowed for the call. `ctx` is api_ports.ctx,
 * `visit_ctx` is handed through. Optional ones may be NULL.
 */
struct api_ports {
    void *ctx;
    /* Fills the zeroed struct. */
    void (*status)(void *ctx, struct api_status *ret_status);
    /* Every point of the latest-value table, in the order of the catalogue. Returns the
     * table's present change number (api_point.change), 0 when it keeps none. */
    uint64_t (*points)(void *ctx, api_point_fn visit, void *visit_ctx);
    void (*buses)(void *ctx, api_bus_fn visit, void *visit_ctx);
    void (*routes)(void *ctx, api_route_fn visit, void *visit_ctx);
    /* Past events from wall time from_ms on (0: all), newest last, at most `limit`. 0 or
     * -errno. */
    int (*events)(void *ctx, int64_t from_ms, unsigned limit, api_event_fn visit,
                  void *visit_ctx);
    /* Optional: outage control. They write a whole document; why: false for an unknown
     * circuit. */
    void (*grid)(void *ctx, struct strbuf *buf);
    void (*circuits)(void *ctx, struct strbuf *buf);
    bool (*why)(void *ctx, const char *circuit, struct strbuf *buf);
    /* Optional: lines added to /metrics, in Prometheus text format. */
    void (*metrics)(void *ctx, struct strbuf *buf);
    /* Optional: NULL when well, else a sentence (a static string) that /healthz gives
     * with 503: "the loop has not turned for 2 s". */
    const char *(*unwell)(void *ctx);
    /* Hands a request to the loop's thread and returns at once. 0: the loop will call
     * api_post_finish on it exactly once, however late; -errno (-ENOBUFS: queue full): it
     * will not. */
    int (*post)(void *ctx, struct api_post *post);
    /* Optional, both or none: the local history, read for at most 2 s. 0 or -errno,
     * -EINVAL: a point named twice, or none of that form. */
    int (*history)(void *ctx, const struct api_history_query *query, api_history_fn visit,
                   void *visit_ctx, struct api_history_answer *ret_answer);
    int (*energy)(void *ctx, const struct api_energy_query *query, api_energy_fn visit,
                  void *visit_ctx, struct api_history_answer *ret_answer);
    /* Optional, all or none (they may wait for the store's thread, and for the disk): a
     * backup as a stream; a restore in pieces, done behind restore_start. 0 or -errno
     * with *reterr. */
    int (*backup)(void *ctx, struct http_stream *ret_stream, struct gw_error *reterr);
    int (*restore_begin)(void *ctx, const struct api_restore_request *request,
                         uint32_t *ret_id, struct gw_error *reterr);
    int (*restore_data)(void *ctx, uint32_t id, uint64_t offset, const void *data,
                        size_t size, struct gw_error *reterr);
    int (*restore_start)(void *ctx, uint32_t id, struct gw_error *reterr);
    void (*restore_state)(void *ctx, struct api_restore *ret_state);
};

struct api_options {
    const char *socket;       /* path; NULL or "": none */
    const char *socket_group; /* "gatewayd"; NULL: leave it */
    const char *listen;       /* "127.0.0.1:8480", port 0 allowed; NULL or "": none */
};

struct api;

/* Opens the sockets, starts the threads. 0, or -errno with *reterr (what, which address,
 * why) and nothing left open. Ports are copied, their ctx is borrowed. */
int api_open(const struct api_options *options, const struct api_ports *ports,
             struct api **ret_api, struct gw_error *reterr);
/* Answers what waits for the loop with 503, joins the threads, removes the socket. After
 * it no port is called. Posts the loop still holds may be finished later. NULL is
 * fine. */
void api_close(struct api *api);

/* "127.0.0.1:41753", "" without TCP. Lives as long as the API. */
const char *api_bound_address(const struct api *api);

#endif
