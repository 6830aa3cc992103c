/* SPDX-License-Identifier: Apache-2.0 */
/* The local history for the API; on the API's threads, a connection per question. */
#ifndef GATEWAYD_VIEWS_HISTORY_H
#define GATEWAYD_VIEWS_HISTORY_H

#include "gatewayd/api/api.h"

/* Their ctx is the gateway. */
void views_history_fill_ports(struct api_ports *ports);

#endif
