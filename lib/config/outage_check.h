/* SPDX-License-Identifier: Apache-2.0 */
/* Doubts about an outage's evidence, sources and departures that single keys do not show:
 * what fits each by itself and not together. Part of a load. */
#ifndef GATEWAYD_CONFIG_OUTAGE_CHECK_H
#define GATEWAYD_CONFIG_OUTAGE_CHECK_H

#include "lib/config/load.h"
#include "lib/config/outage_data.h"

/* node: the item of the list; point NULL: its device knows its points by itself. */
void outage_check_evidence(struct load *load, const struct tree_node *node,
                           const struct config_evidence *evidence,
                           const struct config_point *point);
/* Its point is no switch of ours: circuits are built before. */
void outage_check_witness(struct load *load, const struct tree_node *node,
                          const struct config_evidence *evidence,
                          const struct config_outage *outage);
void outage_check_floor(struct load *load, const struct tree_node *node,
                        const struct config_source *source);
/* Sources are built before. */
void outage_check_departure(struct load *load, const struct tree_node *node,
                            const struct config_departure *departure,
                            const struct config_outage *outage);

#endif
