/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting back what a damaged database, set aside, still gives: its rows go into `moved`
 * under their own epochs and numbers, a few at a time between commits; what is missing is
 * told as a gap. The store's thread. Begins again after a stop.
 */
#ifndef GATEWAYD_STORE_SALVAGE_H
#define GATEWAYD_STORE_SALVAGE_H

#include "gatewayd/store/writer.h"

/* The store stands on its new database. */
void salvage_begin(struct writer *writer, const char *path);
/* After opening: goes on with one that was not finished. */
void salvage_resume(struct writer *writer);
/* Some rows; false: nothing (more) to do. Nothing is pending. */
bool salvage_step(struct writer *writer);
void salvage_free(struct salvage *salvage);

#endif
