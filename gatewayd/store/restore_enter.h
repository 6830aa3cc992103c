/* SPDX-License-Identifier: Apache-2.0 */
/* The moment of a restore: the store goes over to the other database. The store's
 * thread. */
#ifndef GATEWAYD_STORE_RESTORE_ENTER_H
#define GATEWAYD_STORE_RESTORE_ENTER_H

#include "gatewayd/store/restore_merge.h"
#include "gatewayd/store/writer.h"

/* Where a database waits until it is whole; in the store's directory. */
void restore_staged_path(const struct disk *disk, char *path, size_t size);
/* Takes away what an interrupted restore left there. */
void restore_forget_staged(const struct disk *disk);

/* May a restore begin? 0, -EROFS: in RAM; -EBUSY: a salvage is under way. */
int restore_is_possible(const struct writer *writer);

/* Commits, takes over what is new since the last pass, sets the present database aside
 * (its path into ret_aside) and goes on with the restored one. Takes the merge. On
 * failure the present one goes on; a stop at any point leaves one of both whole in its
 * place. */
int restore_enter(struct writer *writer, struct restore_merge *merge, char *ret_aside,
                  size_t size);

/* Each restore leaves a database as large as the store: beside `aside`, the last one's,
 * the newest is kept and the others are deleted. What somebody waited for in them was
 * taken over by the restore that set them aside. How many went. */
unsigned restore_forget_older(const struct disk *disk, const char *aside);

#endif
