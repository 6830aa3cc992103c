/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the log; the store's thread, or the opener's before it runs. */
#ifndef GATEWAYD_STORE_LOGBOOK_OPEN_H
#define GATEWAYD_STORE_LOGBOOK_OPEN_H

#include "gatewayd/store/logbook.h"

struct logbook_identity {
    const char *gateway_id, *machine_id;
    const char *reason; /* for a new epoch, when the database has none yet */
};

/* Reads a migrated database; adds epoch and boot where they are new. *ret_new_epoch:
 * NULL, or why a new one began in a database that had one ("machine-id", "gateway-id").
 */
int logbook_open(struct logbook *book, struct db *db, struct layouts *layouts,
                 const struct logbook_identity *identity, const char **ret_new_epoch);
/* The dictionary of a database into an empty one; any connection. */
int logbook_load_layouts(struct db *db, struct layouts *layouts);
/* Boots and corrections as the database has them, after a rollback. */
int logbook_reload_times(struct logbook *book);
/* In a transaction: a boot of a salvaged database, before this one. */
int logbook_add_old_boot(struct logbook *book, const char *hex, int64_t *ret_id);
/* A transaction of its own. */
int logbook_new_epoch(struct logbook *book, const char *reason);
void logbook_close(struct logbook *book);

#endif
