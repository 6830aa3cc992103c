/* SPDX-License-Identifier: Apache-2.0 */
/* The GET half of the API: one function per document, called by api.c's table. */
#ifndef GATEWAYD_API_API_GET_H
#define GATEWAYD_API_API_GET_H

#include "gatewayd/api/api.h"
#include "lib/http/http_server.h"

/* One request with what its handler needs; the names in the path are args. */
struct api_call {
    const struct api_ports *ports;
    const char *listen; /* bound address */
    uint32_t instance;  /* random per api_open: begins the cursors of /points */
    int stop_fd;        /* readable once the API closes */
    const struct http_request *request;
    struct http_response *response;
    const char *args[2]; /* <device>, <point> */
};

void api_get_status(struct api_call *call);
void api_get_points(struct api_call *call);
void api_get_point(struct api_call *call);
void api_get_buses(struct api_call *call);
void api_get_routes(struct api_call *call);
void api_get_events(struct api_call *call);
void api_get_metrics(struct api_call *call);
void api_get_health(struct api_call *call);

#endif
