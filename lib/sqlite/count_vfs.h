/* SPDX-License-Identifier: Apache-2.0 */
/* A shim over SQLite's default file layer that counts the bytes written: flash wears by
 * them, so they are a metric. Any thread. */
#ifndef GATEWAYD_SQLITE_COUNT_VFS_H
#define GATEWAYD_SQLITE_COUNT_VFS_H

#include <stdint.h>

/* Name to open databases with; registered on the first call. NULL: no default layer. */
const char *count_vfs_name(void);

/* Bytes the process wrote to database, WAL and journal files opened by that name. */
uint64_t count_vfs_bytes(void);

#endif
