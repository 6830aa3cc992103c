/* SPDX-License-Identifier: Apache-2.0 */
/* The local history and energy; called by api.c's table. */
#ifndef GATEWAYD_API_API_HISTORY_H
#define GATEWAYD_API_API_HISTORY_H

#include "gatewayd/api/api_get.h"

void api_history_get(struct api_call *call);
void api_history_get_energy(struct api_call *call);

#endif
