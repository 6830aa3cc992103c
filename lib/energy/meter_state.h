/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter knows, as bytes, so that accounting goes on where it stopped. Pure. */
#ifndef GATEWAYD_ENERGY_METER_STATE_H
#define GATEWAYD_ENERGY_METER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/strbuf.h"
#include "lib/energy/meter.h"

/* Of a meter whose closed slots were taken. About 70 bytes. */
void meter_save(const struct meter *meter, struct strbuf *buf);
/* Into one from meter_init, which gives what is not saved (slot and limit). False: not
 * such bytes. */
bool meter_load(struct meter *meter, const void *data, size_t len, size_t *pos);

/* The open slot, as far as it is known; false: none is open. */
bool meter_peek(const struct meter *meter, struct meter_slot *ret);

#endif
