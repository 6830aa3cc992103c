/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup of the whole gateway: a tar file with backup.json (whose, when, which schema),
 * config/ (the configuration that runs), store.db, and SHA256SUMS over all of them. No
 * credentials. And the way of one back into the store. On the API's threads.
 */
#ifndef GATEWAYD_BACKUP_H
#define GATEWAYD_BACKUP_H

#include "gatewayd/api/api.h"

/* Fills the ports of backup and restore; their ctx is the gateway. */
void backup_fill_ports(struct api_ports *ports);

#endif
