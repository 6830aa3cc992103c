/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database file as it stands, byte by byte, while its writer goes on: for backups that
 * need no second copy on the card. The writer's thread moves all of the WAL into the file
 * first; a reader that begins then reads from the file alone and holds WAL_READ_LOCK(0),
 * without which nobody may write into it (sqlite.org/walformat.html, 2.3.1). Commits go
 * into the WAL meanwhile.
 */
#ifndef GATEWAYD_SQLITE_IMAGE_H
#define GATEWAYD_SQLITE_IMAGE_H

#include "lib/sqlite/db.h"

/* On the writer's thread, on its connection, nothing pending. 0: the file holds all that
 * was committed; -EBUSY: a reader hinders it. */
int image_prepare(struct db *writer);
/* On the writer's thread too, before its next commit: the reader, a connection of its
 * own, holds the file from now on; then it may go to another thread. *ret_bytes: how
 * long. */
int image_begin(struct db *reader, uint64_t *ret_bytes);
/* Exactly size bytes from offset on. */
int image_read(struct db *reader, uint64_t offset, void *data, size_t size);
/* Also done by closing the reader. */
void image_end(struct db *reader);

#endif
