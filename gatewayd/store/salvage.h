/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting back what a damaged database, set aside, or one whose file was deleted, still
 * gives: its rows go into `moved` under their own epochs and numbers, a few at a time
 * between commits; what is missing is told as a gap. The store's thread. That of a file
 * begins again after a stop.
 */
#ifndef GATEWAYD_STORE_SALVAGE_H
#define GATEWAYD_STORE_SALVAGE_H

#include "gatewayd/store/writer.h"

/* The store stands on its new database. */
void salvage_begin(struct writer *writer, const char *path);
/* The same of a database that is open and has no file any more. Takes it. */
void salvage_begin_orphan(struct writer *writer, struct db *old);
bool salvage_is_of_orphan(const struct salvage *salvage);
/* The orphan, and no longer this salvage's; else NULL. */
struct db *salvage_take_orphan(struct salvage *salvage);
/* After opening: goes on with one that was not finished. */
void salvage_resume(struct writer *writer);
/* Some rows; false: nothing (more) to do. Nothing is pending. */
bool salvage_step(struct writer *writer);
void salvage_free(struct salvage *salvage);

#endif
