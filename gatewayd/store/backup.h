/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database as it stood at a moment, to be read while the store goes on: no copy of it
 * is made on the card, commits are not held up. One at a time per store.
 */
#ifndef GATEWAYD_STORE_BACKUP_H
#define GATEWAYD_STORE_BACKUP_H

#include <sys/types.h>

#include "gatewayd/store/store.h"

struct store_backup;

struct store_backup_info {
    uint64_t bytes;
    int64_t schema_version;
    char epoch[33];
    uint64_t next_seq;
};

/* Any thread but the store's; waits for the store's thread, which commits and moves its
 * WAL into the file. -EBUSY: another backup is being read, or the store is busy for 10 s;
 * -EROFS: the store is in RAM. */
int store_backup_open(struct store *store, struct store_backup **ret_backup,
                      struct store_backup_info *ret_info, struct gw_error *reterr);
/* The next bytes, at most size; 0: the end; -errno. One thread. */
ssize_t store_backup_read(struct store_backup *backup, void *data, size_t size);
/* NULL is fine; before store_close. */
void store_backup_close(struct store_backup *backup);

#endif
