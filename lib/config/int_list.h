/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of whole numbers and ranges: [1, 0x10, 20..29] -> "1,16,20-29". */
#ifndef GATEWAYD_CONFIG_INT_LIST_H
#define GATEWAYD_CONFIG_INT_LIST_H

#include "lib/base/strbuf.h"
#include "lib/config/schema.h"

/* A single scalar counts as a list of one. At most 256 items; numbers from -2^63 to
 * 2^64-1, within the row's range. False: reported. */
bool int_list_read(struct config_report *report, const struct schema_key *key,
                   const struct tree_node *node, struct strbuf *ret_text);

#endif
