/* SPDX-License-Identifier: Apache-2.0 */
/* The API's documents as JSON: pure formatting of api_model values. */
#ifndef GATEWAYD_API_API_JSON_H
#define GATEWAYD_API_API_JSON_H

#include "gatewayd/api/api_health.h"
#include "gatewayd/api/api_model.h"
#include "gatewayd/api/api_post.h"
#include "lib/base/strbuf.h"

/* One object each, without a line's end. */
#define API_JSON_QUALITIES 8
/* n_points: by quality. */
void api_json_status(const struct api_status *status, const char *listen,
                     const uint64_t n_points[API_JSON_QUALITIES], struct strbuf *buf);
void api_json_point(const struct api_point *point, struct strbuf *buf);
void api_json_bus(const struct api_bus *bus, const struct api_health *health,
                  struct strbuf *buf);
void api_json_route(const struct api_route *route, struct strbuf *buf);
void api_json_event(const struct api_event *event, struct strbuf *buf);
void api_json_result(const struct api_post_result *result, struct strbuf *buf);

#endif
