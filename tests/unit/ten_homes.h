/* SPDX-License-Identifier: Apache-2.0 */
/* Ten homes with roofs, a battery that forms their island and a car, for tests of
 * dispatch. Tests change what they need after ten_homes_make. */
#ifndef GATEWAYD_TESTS_UNIT_TEN_HOMES_H
#define GATEWAYD_TESTS_UNIT_TEN_HOMES_H

#include "lib/microgrid/dispatch/dispatch.h"

#define TEN_HOMES_N 10

extern struct dispatch_home ten_homes[TEN_HOMES_N];
extern const struct dispatch_storage ten_homes_storages[2]; /* the battery, the car */
extern struct dispatch_setup ten_homes_setup;               /* of both */

void ten_homes_make(void);

#endif
