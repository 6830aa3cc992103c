/* SPDX-License-Identifier: Apache-2.0 */
/* Outage control in the API: what it decides and why, and what people ask of it. */
#ifndef GATEWAYD_API_API_CONTROL_H
#define GATEWAYD_API_API_CONTROL_H

#include "gatewayd/api/api_get.h"

void api_control_get_grid(struct api_call *call);
void api_control_get_circuits(struct api_call *call);
void api_control_get_why(struct api_call *call);
void api_control_override(struct api_call *call); /* {"to":"off","for_s":1800} */
void api_control_hold(struct api_call *call);     /* {"on":true} */
void api_control_confirm(struct api_call *call);  /* {"present":true} */
void api_control_storm(struct api_call *call);    /* {"for_s":7200}; 0 ends it */
void api_control_island(struct api_call *call);   /* as storm */
void api_control_drill(struct api_call *call);    /* {"for_s":60}; 0 ends it */

#endif
