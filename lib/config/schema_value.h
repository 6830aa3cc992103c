/* SPDX-License-Identifier: Apache-2.0 */
/* One value against one row of a schema table: parse, range, words, messages. */
#ifndef GATEWAYD_CONFIG_SCHEMA_VALUE_H
#define GATEWAYD_CONFIG_SCHEMA_VALUE_H

#include "lib/config/schema.h"

/* Writes the row's default, which must be well-formed (asserted). */
void schema_value_default(const struct schema_key *key, void *out);

/* What the row wants: "a whole number from 1 to 65535". Valid until the next call on this
 * thread. */
const char *schema_value_expected(const struct schema_key *key);

#endif
