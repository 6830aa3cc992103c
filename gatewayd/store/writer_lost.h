/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were deleted, or replaced, while they were in use. Writing to them goes on
 * without an error, and all of it would end with the process. The store's thread.
 */
#ifndef GATEWAYD_STORE_WRITER_LOST_H
#define GATEWAYD_STORE_WRITER_LOST_H

#include "gatewayd/store/writer.h"

/* Before a commit: when the files are gone the store goes on in RAM; what it had open is
 * kept open as an orphan. */
void writer_look(struct writer *writer);
/* Before the disk is opened again: an orphan whose file is back is let go; another file
 * in its place is set aside. 0 or -errno. */
int writer_make_way(struct writer *writer);
/* On disk with nothing pending: begins the salvage of the next orphan; false: there is
 * none. */
bool writer_adopt(struct writer *writer);
/* Ends a salvage before its time; an orphan goes back to the others. */
void writer_stop_salvage(struct writer *writer);
bool writer_is_orphan(const struct writer *writer, const struct db *db);
/* At the end: salvages what it still can in a short time, and closes them. */
void writer_close_orphans(struct writer *writer);

#endif
