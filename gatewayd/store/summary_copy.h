/* SPDX-License-Identifier: Apache-2.0 */
/* The local history out of a damaged database. The store's thread, or the opener's. */
#ifndef GATEWAYD_STORE_SUMMARY_COPY_H
#define GATEWAYD_STORE_SUMMARY_COPY_H

#include "lib/sqlite/db.h"

/* What can be read of it, with what the meters knew, into a database that has none yet. A
 * transaction of its own: all of that or, when the new one fails, nothing. */
int summary_copy(struct db *from, struct db *to);

#endif
