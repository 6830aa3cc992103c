/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a backup: is it whole, whose is it, where in it is the store. */
#ifndef GATEWAYCTL_BACKUP_FILE_H
#define GATEWAYCTL_BACKUP_FILE_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/sha256.h"

struct backup_file {
    char gateway[64], site[64], version[32], epoch[33];
    int64_t created_ms, schema;
    uint64_t bytes; /* of the file */
    uint64_t store_at, store_bytes;
    char store_sha256[SHA256_HEX];
    unsigned n_configs;
};

/* Reads all of it and compares every sum. -EBADMSG with reterr: damaged, cut off, or no
 * backup; -errno. progress may be NULL. */
int backup_file_check(int fd, struct backup_file *ret_file,
                      void (*progress)(void *ctx, uint64_t at), void *ctx,
                      struct gw_error *reterr);

#endif
