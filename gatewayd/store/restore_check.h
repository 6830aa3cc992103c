/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file that came a sound database of a gateway's store, and whose? Any thread. */
#ifndef GATEWAYD_STORE_RESTORE_CHECK_H
#define GATEWAYD_STORE_RESTORE_CHECK_H

#include "lib/base/err.h"
#include "lib/sqlite/db.h"

struct restore_owner {
    char gateway_id[64], machine_id[40];
};

/* Read-only: of our kind, not newer than this program, nothing in it that acts by itself.
 * -ENOTSUP, -EUCLEAN, -EIO; reterr says it to a person. */
int restore_check_kind(const char *path, struct restore_owner *ret_owner,
                       struct gw_error *reterr);
/* Checks all of it and brings it to this program's schema; db is its writer. */
int restore_check_whole(struct db *db, struct gw_error *reterr);

#endif
