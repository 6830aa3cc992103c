/* SPDX-License-Identifier: Apache-2.0 */
/* Backup and restore; on the Unix socket only, called by api.c's table. */
#ifndef GATEWAYD_API_API_BACKUP_H
#define GATEWAYD_API_API_BACKUP_H

#include "gatewayd/api/api_get.h"

void api_backup_get(struct api_call *call);
void api_backup_restore_state(struct api_call *call);
void api_backup_restore_begin(struct api_call *call);
void api_backup_restore_data(struct api_call *call);
void api_backup_restore_start(struct api_call *call);

#endif
