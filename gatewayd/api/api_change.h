/* SPDX-License-Identifier: Apache-2.0 */
/* The POST half of the API: checks the body, hands a post to the loop, tells its answer.
 */
#ifndef GATEWAYD_API_API_CHANGE_H
#define GATEWAYD_API_API_CHANGE_H

#include "gatewayd/api/api_get.h"

void api_change_point(struct api_call *call);  /* {"value":..,"lease_s":..} */
void api_change_read(struct api_call *call);   /* no body */
/* Waits for the loop's answer and tells it. */
void api_change_hand_over(struct api_call *call, const struct api_post_request *request);
void api_change_reload(struct api_call *call); /* no body */

#endif
