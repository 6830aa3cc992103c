/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics in Prometheus text format 0.0.4, gathered from the ports. */
#ifndef GATEWAYD_API_API_METRICS_H
#define GATEWAYD_API_API_METRICS_H

#include "gatewayd/api/api.h"

void api_metrics(const struct api_ports *ports, struct strbuf *buf);

/* A label value, quoted, with '\\', '"' and newline escaped; for the ports' own lines. */
void api_metrics_put_label(struct strbuf *buf, const char *text);

#endif
